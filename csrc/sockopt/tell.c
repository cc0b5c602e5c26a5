/* SPDX-License-Identifier: MIT */
/*
 * The older interface: socket options give the IPv4 services, and the dests of one, in one consistent reading, at a
 * third to a seventh of the cost of a dump. They lack IPv6, dests of another family than their service's, tunnels and
 * persistence engines, and but for bytes their numbers have 32 bits. So they serve where that does no harm
 * (dest_rows.c), and to check dumps, which carry no sign of a table that changed under them.
 */
#include "core/internal.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* Room for an answer; used again, as fresh memory costs more than the answer. */
static void *room(struct ipvsf_session *s, size_t len)
{
	if (s->option_len < len) {
		free(s->option_buf);
		s->option_buf = malloc(len);
		s->option_len = s->option_buf ? len : 0;
		ipvsf_populate(s->option_buf, s->option_len);
	}
	return s->option_buf;
}

ssize_t ipvsf_services4(struct ipvsf_session *s, size_t expected, const struct ip_vs_service_entry **ret)
{
	size_t size = expected + expected / 8 + 64, count = 0;
	socklen_t len = (socklen_t)(sizeof(struct ip_vs_get_services) + size * sizeof(**ret));
	struct ip_vs_get_services *get = s->control_fd < 0 ? NULL : room(s, len);

	if (!get)
		return -1;
	get->num_services = (unsigned int)size;
	/* The kernel does not say how many it filled in: no service has this protocol. */
	for (size_t i = 0; i < size; i++)
		get->entrytable[i].protocol = 0xffff;
	if (getsockopt(s->control_fd, SOL_IP, IP_VS_SO_GET_SERVICES, get, &len))
		return -1;
	while (count < size && get->entrytable[count].protocol != 0xffff)
		count++;
	if (count == size)
		return -EAGAIN;
	*ret = get->entrytable;
	return (ssize_t)count;
}

int64_t ipvsf_count_dests(struct ipvsf_session *s, const struct ipvsf_service *svc)
{
	struct ip_vs_service_entry entry;
	socklen_t len = sizeof(entry);

	if (s->control_fd < 0 || svc->af != AF_INET)
		return -1;
	memset(&entry, 0, sizeof(entry));
	entry.fwmark = svc->fwmark;
	entry.protocol = svc->fwmark ? IPPROTO_TCP : svc->protocol; /* what a mark is stored with */
	entry.port = htons(svc->port);
	memcpy(&entry.addr, svc->addr, 4);
	if (getsockopt(s->control_fd, SOL_IP, IP_VS_SO_GET_SERVICE, &entry, &len))
		return errno == ESRCH ? -ESRCH : -1;
	return entry.num_dests;
}

ssize_t ipvsf_dests4(struct ipvsf_session *s, const struct ipvsf_service *svc, size_t size,
		     const struct ip_vs_dest_entry **ret)
{
	struct ip_vs_get_dests *get;
	socklen_t len = (socklen_t)(sizeof(*get) + size * sizeof(*get->entrytable));
	size_t count = 0;

	if (s->control_fd < 0 || svc->af != AF_INET)
		return -1;
	get = room(s, len);
	if (!get)
		return -1;
	memset(get, 0, sizeof(*get));
	get->fwmark = svc->fwmark;
	get->protocol = svc->fwmark ? IPPROTO_TCP : svc->protocol;
	get->port = htons(svc->port);
	get->num_dests = (unsigned int)size;
	memcpy(&get->addr, svc->addr, 4);
	/* The kernel does not say how many it filled in: no dest has this weight. */
	for (size_t i = 0; i < size; i++)
		get->entrytable[i].weight = -1;
	if (getsockopt(s->control_fd, SOL_IP, IP_VS_SO_GET_DESTS, get, &len))
		return errno == ESRCH ? -ESRCH : -1;
	while (count < size && get->entrytable[count].weight != -1)
		count++;
	*ret = get->entrytable;
	return (ssize_t)count;
}

static bool same_dest(const struct ip_vs_dest_entry *e, const struct ipvsf_dest *c)
{
	return !memcmp(&e->addr, c->addr, 4) && ntohs(e->port) == c->port;
}

int ipvsf_dests_agree(struct ipvsf_session *s, const struct ipvsf_service *svc,
		      const struct ipvsf_dest_row *rows, size_t count)
{
	int64_t expected = ipvsf_count_dests(s, svc);
	const struct ip_vs_dest_entry *entries;
	ssize_t found;

	if (expected < 0)
		return (int)expected;
	if ((size_t)expected != count)
		return 0;
	found = ipvsf_dests4(s, svc, count + 8, &entries);
	if (found < 0)
		return (int)found;
	if ((size_t)found != count)
		return 0;
	for (size_t i = 0; i < count; i++) {
		if (!same_dest(&entries[i], &rows[i].conf))
			return 0;
	}
	return 1;
}
