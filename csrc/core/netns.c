/* SPDX-License-Identifier: MIT */
/*
 * Work in another network namespace. A namespace belongs to a thread, and a socket or a file of procfs
 * keeps the one in which it was opened. So the only thread that ever moves is one that ends here, and
 * no failure can leave the caller elsewhere.
 */
#include "core/internal.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#define OWN "/proc/thread-self/ns/net"

#ifndef SIOCGSKNS
#define SIOCGSKNS 0x894C /* Linux 4.9 */
#endif

struct job {
	int netns_fd;
	int (*work)(void *arg);
	void *arg;
	int result;
};

static void *run(void *arg)
{
	struct job *job = arg;

	job->result = setns(job->netns_fd, CLONE_NEWNET) ? -errno : job->work(job->arg);
	return NULL;
}

/* Only who is elsewhere needs CAP_SYS_ADMIN to go there. */
static bool is_own(int netns_fd)
{
	struct stat there, here;

	return netns_fd < 0 || (!fstat(netns_fd, &there) && !stat(OWN, &here) &&
				there.st_ino == here.st_ino && there.st_dev == here.st_dev);
}

int ipvsf_netns_of(int socket_fd)
{
	int netns = ioctl(socket_fd, SIOCGSKNS);

	if (netns < 0)
		return -errno;
	fcntl(netns, F_SETFD, FD_CLOEXEC);
	return netns;
}

int ipvsf_netns_do(int netns_fd, int (*work)(void *arg), void *arg)
{
	struct job job = { netns_fd, work, arg, -EIO };
	sigset_t all, old;
	pthread_t thread;
	int r;

	if (is_own(netns_fd))
		return work(arg);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old); /* handlers run in the caller's threads */
	r = pthread_create(&thread, NULL, run, &job);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r)
		return -r;
	pthread_join(thread, NULL);
	return job.result;
}

static int open_file(void *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int ipvsf_netns_open(int netns_fd, const char *path)
{
	return ipvsf_netns_do(netns_fd, open_file, (void *)(uintptr_t)path);
}
