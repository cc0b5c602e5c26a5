/* SPDX-License-Identifier: MIT */
/*
 * Files of the namespace of a session. It was perhaps opened in another namespace than the caller's, or the
 * caller has moved since: the socket knows. Only who is elsewhere needs CAP_SYS_ADMIN to go there.
 */
#include "core/internal.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#define OWN "/proc/thread-self/ns/net"

#ifndef SIOCGSKNS
#define SIOCGSKNS 0x894C
#endif

static bool is_own(int fd)
{
	struct stat there, here;

	return !fstat(fd, &there) && !stat(OWN, &here) && there.st_ino == here.st_ino &&
	       there.st_dev == here.st_dev;
}

int ipvsf_session_open_file(struct ipvsf_session *s, const char *path)
{
	int r = ipvsf_session_check(s), netns;

	if (r)
		return r;
	netns = ioctl(s->fd, SIOCGSKNS);
	if (netns < 0)
		return -errno;
	fcntl(netns, F_SETFD, FD_CLOEXEC);
	r = ipvsf_netns_open(is_own(netns) ? -1 : netns, path);
	close(netns);
	return r;
}
