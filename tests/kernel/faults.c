/* Faults between the program and a real kernel: preloaded, it spoils what send() and recvmmsg() do. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* FAULT=KIND:EVERY, counted over the sends that are large enough to be batches */
static int due(const char *kind, size_t len)
{
	static int count;
	const char *fault = getenv("FAULT");
	size_t n = strlen(kind);

	if (!fault || strncmp(fault, kind, n) || fault[n] != ':' || len < 200)
		return 0;
	return ++count % atoi(fault + n + 1) == 0;
}

ssize_t send(int fd, const void *buf, size_t len, int flags)
{
	static ssize_t (*real)(int, const void *, size_t, int);

	if (!real)
		real = dlsym(RTLD_NEXT, "send");
	if (due("nomem", len)) {
		errno = ENOMEM;
		return -1;
	}
	if (due("nobufs", len)) {
		errno = ENOBUFS;
		return -1;
	}
	if (due("toolong", len) && len > 4000) {
		errno = EMSGSIZE;
		return -1;
	}
	if (due("eintr", len)) {
		errno = EINTR;
		return -1;
	}
	if (due("short", len))
		return real(fd, buf, len / 2, flags);
	if (due("refuse", len)) {
		errno = ECONNREFUSED;
		return -1;
	}
	return real(fd, buf, len, flags);
}

int recvmmsg(int fd, struct mmsghdr *msgs, unsigned int n, int flags, struct timespec *timeout)
{
	static int (*real)(int, struct mmsghdr *, unsigned int, int, struct timespec *);
	static int count;
	const char *fault = getenv("FAULT");

	if (!real)
		real = dlsym(RTLD_NEXT, "recvmmsg");
	if (fault && !strncmp(fault, "recv-eintr:", 11) && ++count % atoi(fault + 11)) {
		errno = EINTR;
		return -1;
	}
	return real(fd, msgs, n, flags, timeout);
}
