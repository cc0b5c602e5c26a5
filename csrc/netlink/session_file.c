/* SPDX-License-Identifier: MIT */
/*
 * Files of the namespace of a session. It was perhaps opened in another namespace than the caller's, or the
 * caller has moved since: the socket knows.
 */
#include "core/internal.h"

int ipvsf_session_open_file(struct ipvsf_session *s, const char *path)
{
	int r = ipvsf_session_check(s), netns;

	if (r)
		return r;
	netns = ipvsf_netns_of(s->fd);
	if (netns < 0)
		return netns;
	r = ipvsf_netns_open(netns, path);
	close(netns);
	return r;
}
