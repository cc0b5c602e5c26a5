/* Faults between the program and a real kernel: preloaded, it spoils what send() and recvmmsg() do, or
 * stops the program in the middle of its work, where it then stays until somebody continues it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define IP_VS_SO_GET_DESTS (64 + 1024 + 64 + 4) /* linux/ip_vs.h, which not every machine has */

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

/* KIND:NUMBER, of which the number is this one. */
static int is_that_one(const char *kind, int number)
{
	const char *fault = getenv("FAULT");
	size_t n = strlen(kind);

	return fault && !strncmp(fault, kind, n) && fault[n] == ':' && atoi(fault + n + 1) == number;
}

/*
 * FAULT=KIND:NUMBER:FILE[:WHAT]: the fault that comes once, at the call of that number, and then FILE is there.
 * Gives WHAT, or -1 where this call is another one.
 */
static int comes_now(const char *kind, int number)
{
	const char *fault = getenv("FAULT");
	size_t n = strlen(kind);
	char file[256];
	int what = 0;

	if (!fault || strncmp(fault, kind, n) || fault[n] != ':' || atoi(fault + n + 1) != number)
		return -1;
	if (sscanf(strchr(fault + n + 1, ':'), ":%255[^:]:%d", file, &what) < 1)
		abort();
	close(creat(file, 0600));
	return what;
}

/* FAULT=kill-step:N:FILE: killed before the Nth call that reaches the kernel's tables or the disk. */
static void step(void)
{
	static int steps;

	if (comes_now("kill-step", ++steps) >= 0)
		raise(SIGKILL);
}

/* FAULT=log:FILE: a line for each send, with the commands of its messages. */
static void log_commands(const void *buf, size_t len)
{
	const char *fault = getenv("FAULT");
	const struct nlmsghdr *at = buf;
	int fd;

	if (!fault || strncmp(fault, "log:", 4))
		return;
	fd = open(fault + 4, O_WRONLY | O_CREAT | O_APPEND, 0600);
	for (; NLMSG_OK(at, len); at = NLMSG_NEXT(at, len)) {
		if (at->nlmsg_len > NLMSG_HDRLEN && at->nlmsg_type != GENL_ID_CTRL)
			dprintf(fd, "%d ", *(const unsigned char *)NLMSG_DATA(at));
	}
	dprintf(fd, "\n");
	close(fd);
}

/*
 * FAULT=refuse-op:N:FILE: the Nth operation on a service or a destination asks for something that the kernel does not
 * know, and it refuses it.
 */
static void refuse_operation(void *buf, size_t len)
{
	struct nlmsghdr *at = buf;
	static int count;

	for (; NLMSG_OK(at, len); at = NLMSG_NEXT(at, len)) {
		unsigned char *cmd = NLMSG_DATA(at);

		if (at->nlmsg_len <= NLMSG_HDRLEN || at->nlmsg_type <= GENL_ID_CTRL ||
		    (at->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP || *cmd < 1 || *cmd > 7 || *cmd == 4)
			continue;
		if (comes_now("refuse-op", ++count) >= 0)
			*cmd = 200;
	}
}

/* The native front, not the Python that may follow it. */
static int in_front(void)
{
	return !strncmp(program_invocation_short_name, "ipvsfast", 8);
}

/*
 * FAULT=services:N:COMMAND or dests:N:COMMAND: once the request number N for such a dump was sent (0: each of
 * them), so that its first part is made and the rest is not, COMMAND changes the table. So it does behind the dests
 * that were asked for in one piece, which count too.
 */
static void change_now(const char *kind)
{
	const char *fault = getenv("FAULT");
	size_t n = strlen(kind);
	static int count;
	char *command;
	int number;

	if (!fault || strncmp(fault, kind, n) || fault[n] != ':')
		return;
	number = atoi(fault + n + 1);
	if (number && ++count != number)
		return;
	command = strdup(fault);
	unsetenv("FAULT");
	if (system(strchr(command + n + 1, ':') + 1))
		abort();
	setenv("FAULT", command, 1);
	free(command);
}

static void change_behind(const char *kind, int cmd, const void *buf, size_t len)
{
	const struct nlmsghdr *nlh = buf;

	if (len < NLMSG_HDRLEN + 4 || nlh->nlmsg_len != len ||
	    (nlh->nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP || nlh->nlmsg_type <= NLMSG_MIN_TYPE ||
	    ((const unsigned char *)buf)[NLMSG_HDRLEN] != cmd)
		return;
	change_now(kind);
}

/* FAULT=more-bytes: each dest of the older interface, 96 bytes behind a head of 20 or 24, has counted 2^40 more. */
static void add_bytes(void *dests, size_t len)
{
	const char *fault = getenv("FAULT");
	size_t head = len % 96;

	for (char *at = (char *)dests + head;
	     fault && !strcmp(fault, "more-bytes") && at < (char *)dests + len; at += 96) {
		uint64_t bytes;

		memcpy(&bytes, at + 56, sizeof(bytes));
		bytes += (uint64_t)1 << 40;
		memcpy(at + 56, &bytes, sizeof(bytes));
	}
}

/* The older interface gives the dests of a service in one piece: the change comes behind that. */
int getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	static int (*real)(int, int, int, void *, socklen_t *);
	int result;

	if (!real)
		real = dlsym(RTLD_NEXT, "getsockopt");
	step();
	result = real(fd, level, name, value, len);
	if (level == SOL_IP && name == IP_VS_SO_GET_DESTS) {
		int error = errno;

		if (!result)
			add_bytes(value, *len);
		change_now("dests");
		errno = error;
	}
	return result;
}

ssize_t send(int fd, const void *buf, size_t len, int flags)
{
	static ssize_t (*real)(int, const void *, size_t, int);
	static int sends, all;
	int error;
	ssize_t result;

	if (!real)
		real = dlsym(RTLD_NEXT, "send");
	step();
	log_commands(buf, len);
	all++;
	refuse_operation((void *)(uintptr_t)buf, len);
	if (comes_now("kill-before", all) >= 0)
		raise(SIGKILL);
	if (comes_now("kill-after", all) >= 0) {
		real(fd, buf, len, flags);
		raise(SIGKILL);
	}
	error = comes_now("send-error", all);
	if (error > 0) {
		errno = error;
		return -1;
	}
	if (len >= 200 && is_that_one("stop", ++sends))
		raise(SIGSTOP);
	if (due("pause", len))
		usleep(700 * 1000); /* longer than anybody looks on without a sign */
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
	result = real(fd, buf, len, flags);
	change_behind("services", 4, buf, len);
	change_behind("dests", 8, buf, len);
	return result;
}

static int is_connections(int fd)
{
	char link[32], name[64];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, name, sizeof(name) - 1);
	name[len > 0 ? len : 0] = 0;
	return !!strstr(name, "/net/ip_vs_conn");
}

ssize_t read(int fd, void *buf, size_t len)
{
	static ssize_t (*real)(int, void *, size_t);
	static int reads;

	if (!real)
		real = dlsym(RTLD_NEXT, "read");
	if (is_connections(fd) && is_that_one("stop-read", ++reads))
		raise(SIGSTOP);
	return real(fd, buf, len);
}

int recvmmsg(int fd, struct mmsghdr *msgs, unsigned int n, int flags, struct timespec *timeout)
{
	static int (*real)(int, struct mmsghdr *, unsigned int, int, struct timespec *);
	static int count, all;
	const char *fault = getenv("FAULT");
	int error;

	if (!real)
		real = dlsym(RTLD_NEXT, "recvmmsg");
	step();
	error = comes_now("recv-error", ++all);
	if (error > 0) {
		if (error == ENOBUFS)
			real(fd, msgs, n, flags, timeout); /* what was lost */
		errno = error;
		return -1;
	}
	/* FAULT=lost:N: the replies to the front's request number N are gone. */
	if (fault && !strncmp(fault, "lost:", 5) && in_front() && ++count == atoi(fault + 5)) {
		real(fd, msgs, n, flags, timeout);
		errno = ENOBUFS;
		return -1;
	}
	if (fault && !strncmp(fault, "recv-eintr:", 11) && ++count % atoi(fault + 11)) {
		errno = EINTR;
		return -1;
	}
	return real(fd, msgs, n, flags, timeout);
}

/* FAULT=stop-sync:1: the file is written, and not yet in its place. FAULT=sync:NUMBER: it cannot be written. */
int fsync(int fd)
{
	static int (*real)(int);
	static int syncs;
	const char *fault = getenv("FAULT");

	if (!real)
		real = dlsym(RTLD_NEXT, "fsync");
	step();
	if (is_that_one("stop-sync", ++syncs))
		raise(SIGSTOP);
	if (fault && !strncmp(fault, "sync:", 5)) {
		errno = atoi(fault + 5);
		return -1;
	}
	return real(fd);
}

ssize_t write(int fd, const void *buf, size_t len)
{
	static ssize_t (*real)(int, const void *, size_t);

	if (!real)
		real = dlsym(RTLD_NEXT, "write");
	step();
	return real(fd, buf, len);
}

int rename(const char *from, const char *to)
{
	static int (*real)(const char *, const char *);

	if (!real)
		real = dlsym(RTLD_NEXT, "rename");
	step();
	return real(from, to);
}

int unlink(const char *path)
{
	static int (*real)(const char *);

	if (!real)
		real = dlsym(RTLD_NEXT, "unlink");
	step();
	return real(path);
}

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *at, size_t size);

/* Whether the code at that address is of the compiled module. */
static int in_module(const void *caller)
{
	Dl_info info;

	return dladdr(caller, &info) && strstr(info.dli_fname, "/_native.");
}

/* memory: that allocation of the front fails; module-memory: of the compiled module, in Python. */
static int no_memory(const void *caller)
{
	static int count;
	const char *fault = getenv("FAULT");

	if (!fault ||
	    !(strncmp(fault, "memory:", 7) ? !strncmp(fault, "module-memory:", 14) && in_module(caller)
					   : in_front()))
		return 0;
	count++;
	if (comes_now("memory", count) < 0 && comes_now("module-memory", count) < 0)
		return 0;
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t size)
{
	return no_memory(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return no_memory(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *at, size_t size)
{
	return no_memory(__builtin_return_address(0)) ? NULL : __libc_realloc(at, size);
}

void *reallocarray(void *at, size_t count, size_t size)
{
	return no_memory(__builtin_return_address(0)) ? NULL : __libc_realloc(at, count * size);
}
