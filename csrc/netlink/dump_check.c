/* SPDX-License-Identifier: MIT */
/*
 * Dumps carry no sign of a table that changed under them. The older socket option interface gives the IPv4
 * services, and the dests of one, in one consistent reading, at a seventh of the cost; it lacks half of what a
 * dump tells, so it serves to check one.
 */
#include "core/internal.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

ssize_t ipvsf_services4(struct ipvsf_session *s, size_t expected, struct ip_vs_service_entry **ret)
{
	size_t size = expected + expected / 8 + 64, count = 0;
	socklen_t len = (socklen_t)(sizeof(struct ip_vs_get_services) + size * sizeof(**ret));
	struct ip_vs_get_services *get;

	if (s->control_fd < 0)
		return -1;
	get = malloc(len);
	if (!get)
		return -1;
	/* The kernel does not say how many it filled in: no service has this protocol. */
	memset(get, 0xff, len);
	get->num_services = (unsigned int)size;
	if (getsockopt(s->control_fd, SOL_IP, IP_VS_SO_GET_SERVICES, get, &len)) {
		free(get);
		return -1;
	}
	while (count < size && get->entrytable[count].protocol != 0xffff)
		count++;
	if (count == size) {
		free(get);
		return -EAGAIN;
	}
	memmove(get, get->entrytable, count * sizeof(**ret));
	*ret = (void *)get;
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

static bool same_dest(const struct ip_vs_dest_entry *e, const struct ipvsf_dest *c)
{
	return !memcmp(&e->addr, c->addr, 4) && ntohs(e->port) == c->port;
}

/* Whether the IPv4 dests among rows are, in this order, those that entries hold. */
static bool same_sequence(const struct ip_vs_dest_entry *entries, size_t size,
			  const struct ipvsf_dest_row *rows, size_t count)
{
	size_t at = 0;

	for (size_t i = 0; i < count; i++) {
		if (rows[i].conf.af != AF_INET)
			continue;
		if (at == size || entries[at].weight == -1 || !same_dest(&entries[at], &rows[i].conf))
			return false;
		at++;
	}
	return at < size && entries[at].weight == -1;
}

int ipvsf_dests_agree(struct ipvsf_session *s, const struct ipvsf_service *svc,
		      const struct ipvsf_dest_row *rows, size_t count)
{
	size_t size = count + 8, bytes = size * sizeof(struct ip_vs_dest_entry);
	int64_t expected = ipvsf_count_dests(s, svc);
	struct ip_vs_get_dests *get;
	socklen_t len = (socklen_t)(sizeof(*get) + bytes);
	int r;

	if (expected < 0)
		return (int)expected;
	if ((size_t)expected != count)
		return 0;
	get = malloc(len);
	if (!get)
		return -1;
	memset(get, 0, sizeof(*get));
	/* The kernel does not say how many it filled in: weight -1 marks what it did not. */
	memset(get->entrytable, 0xff, bytes);
	get->fwmark = svc->fwmark;
	get->protocol = svc->fwmark ? IPPROTO_TCP : svc->protocol;
	get->port = htons(svc->port);
	get->num_dests = (unsigned int)size;
	memcpy(&get->addr, svc->addr, 4);
	if (getsockopt(s->control_fd, SOL_IP, IP_VS_SO_GET_DESTS, get, &len))
		r = errno == ESRCH ? -ESRCH : -1;
	else
		r = same_sequence(get->entrytable, size, rows, count);
	free(get);
	return r;
}
