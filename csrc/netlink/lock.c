/* SPDX-License-Identifier: MIT */
/*
 * One at a time replaces the table of a network namespace: an advisory lock on a file that is named after the
 * namespace. The file is never removed, or two could hold locks on two files of one name.
 */
#include "core/internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define LOCK_FOLDER "/run/ipvsfast"

/* The namespace is that of the socket: the calling thread may be elsewhere by now. */
static int netns_inode(int socket, unsigned long long *ret)
{
	struct stat st;
	int r = 0, fd = ipvsf_netns_of(socket);

	if (fd < 0)
		return fd;
	if (fstat(fd, &st))
		r = -errno;
	close(fd);
	*ret = st.st_ino;
	return r;
}

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

int ipvsf_netns_identity(struct ipvsf_session *s, uint64_t *inode, uint64_t *cookie)
{
	socklen_t size = sizeof(*cookie);
	unsigned long long number = 0;
	int r = ipvsf_session_check(s);

	if (!r)
		r = netns_inode(s->fd, &number);
	*inode = number;
	*cookie = 0;
	if (!r && getsockopt(s->fd, SOL_SOCKET, SO_NETNS_COOKIE, cookie, &size))
		*cookie = 0; /* Linux before 5.14 */
	return r;
}

/* A folder in which nobody but root, or we, can put anything. */
static int open_folder(void)
{
	struct stat st;
	int fd;

	if (mkdir(LOCK_FOLDER, 0755) && errno != EEXIST)
		return -errno;
	fd = open(LOCK_FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) || (st.st_uid && st.st_uid != geteuid()) || st.st_mode & (S_IWGRP | S_IWOTH)) {
		close(fd);
		return -EPERM;
	}
	return fd;
}

static int open_file(int socket)
{
	unsigned long long inode = 0;
	char name[32];
	int folder, fd, r = netns_inode(socket, &inode);

	if (r)
		return r;
	folder = open_folder();
	if (folder < 0)
		return folder;
	snprintf(name, sizeof(name), "%llu.lock", inode);
	fd = openat(folder, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	r = -errno;
	close(folder);
	return fd < 0 ? r : fd;
}

/* `PID NAME`, for who finds the file locked. Without it the lock is as good. */
static void write_holder(int fd)
{
	char text[64] = "", name[32] = "";
	int comm = open("/proc/self/comm", O_RDONLY | O_CLOEXEC);

	if (comm >= 0) {
		ssize_t len = read(comm, name, sizeof(name) - 1);

		name[len > 0 ? len : 0] = 0;
		name[strcspn(name, "\n")] = 0;
		close(comm);
	}
	snprintf(text, sizeof(text), "%ld %s\n", (long)getpid(), name);
	if (ftruncate(fd, 0) || pwrite(fd, text, strlen(text), 0) < 0)
		return;
}

static void read_holder(int fd, char *ret, size_t size)
{
	ssize_t len = pread(fd, ret, size - 1, 0);

	ret[len > 0 ? len : 0] = 0;
	ret[strcspn(ret, "\n")] = 0;
}

int ipvsf_lock_take(struct ipvsf_session *s, int *ret, char *holder, size_t size)
{
	int fd, r = ipvsf_session_check(s);

	*ret = -1;
	if (size)
		holder[0] = 0;
	if (r)
		return r;
	fd = open_file(s->fd);
	if (fd < 0)
		return fd;
	while (flock(fd, LOCK_EX | LOCK_NB)) {
		r = -errno;
		if (r == -EINTR)
			continue;
		if (r == -EWOULDBLOCK && size)
			read_holder(fd, holder, size);
		close(fd);
		return r;
	}
	write_holder(fd);
	*ret = fd;
	return 0;
}

void ipvsf_lock_release(int *fd)
{
	int held = *fd;

	*fd = -1;
	if (held < 0)
		return;
	if (ftruncate(held, 0)) {
		/* the next holder writes its own name */
	}
	flock(held, LOCK_UN); /* a child that was forked meanwhile has the file open, too */
	close(held);
}
