/* SPDX-License-Identifier: MIT */
/*
 * Dumps carry no sign of a table that changed under them, and netlink has no count. The older socket
 * option interface has both counts, for IPv4, at the price of one system call: used to check dumps.
 */
#include "internal.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

int64_t ipvsf_count_services4(struct ipvsf_session *s)
{
	struct ip_vs_getinfo info;
	socklen_t len = sizeof(info);

	memset(&info, 0, sizeof(info));
	if (s->control_fd < 0 || getsockopt(s->control_fd, SOL_IP, IP_VS_SO_GET_INFO, &info, &len))
		return -1;
	return info.num_services;
}

int64_t ipvsf_count_dests(struct ipvsf_session *s, const struct ipvsf_service *svc)
{
	struct ip_vs_service_entry entry;
	socklen_t len = sizeof(entry);

	if (s->control_fd < 0 || svc->af != AF_INET)
		return -1;
	memset(&entry, 0, sizeof(entry));
	entry.fwmark = svc->fwmark;
	entry.protocol = svc->fwmark ? IPPROTO_TCP : svc->protocol;	/* what a mark is stored with */
	entry.port = htons(svc->port);
	memcpy(&entry.addr, svc->addr, 4);
	if (getsockopt(s->control_fd, SOL_IP, IP_VS_SO_GET_SERVICE, &entry, &len))
		return errno == ESRCH ? -ESRCH : -1;
	return entry.num_dests;
}
