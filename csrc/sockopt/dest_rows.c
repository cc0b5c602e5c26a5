/* SPDX-License-Identifier: MIT */
/*
 * Dests read by the socket option, where that tells all that is wanted of them. It does for a service of IPv4 if
 * it told as many dests as the kernel counts just then (those of another family are left out, but counted), and if
 * every one of them can be taken:
 *
 * Counters. Connections and packets are cut to 32 bits, bytes are not. A packet has at least the 20 bytes of its IPv4
 * header, and is counted together with them, so fewer than 20 * 2^31 bytes are fewer than 2^31 packets. -Z moves the
 * zero point of all counters at once, so that holds for the differences that are shown then too. A connection is
 * counted when the packet that made it was scheduled, also where each packet makes one (-o); those that came by sync
 * or were announced by a helper are not. Only a packet that is dropped just then, or a broken ICMP message, makes a
 * connection without being counted: for such ones 2^31 are left.
 *
 * Rates are averages, by weight, of what came in 2 seconds, since the zero point: below half of the bytes.
 *
 * Where there were more bytes an earlier reading helps, whose values are whole: what was added to them since is taken
 * modulo 2^32, and the same proof is asked of the difference. The average is not above the larger one of what it was
 * and what came since. Counters that went back were zeroed; then netlink tells. Zeroed ones that are ahead again
 * nevertheless would be noticed by packets that are too many for the bytes; only for a dest that had lost more than
 * 2^31 packets by that while it counted more bytes than before, they would not.
 */
#include "core/internal.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define TRIES 3
#define MARGIN 8 /* dests that may have been added since they were counted */
#define SERVICES_AHEAD 64
#define SEARCHED_MOST 1000000 /* comparisons of dests that stand in another order */
#define COUNTED_BEFORE 2      /* of is_counted: so many were told */
#define PACKET_MIN 20	      /* bytes */
#define COUNTERS_UNTIL ((uint64_t)PACKET_MIN << 31)
#define RATES_UNTIL ((uint64_t)1 << 32)

static void take_conf(const struct ip_vs_dest_entry *e, struct ipvsf_dest_row *ret)
{
	struct ipvsf_dest *c = &ret->conf;

	memset(ret, 0, sizeof(*ret));
	c->af = AF_INET;
	c->port = ntohs(e->port);
	memcpy(c->addr, &e->addr, 4);
	c->fwd = e->conn_flags & IP_VS_CONN_F_FWD_MASK;
	c->weight = e->weight;
	c->u_thresh = e->u_threshold;
	c->l_thresh = e->l_threshold;
	ret->active = e->activeconns;
	ret->inactive = e->inactconns;
	ret->persistent = e->persistconns;
}

static void take_stats(const struct ip_vs_stats_user *from, struct ipvsf_stats *ret)
{
	*ret = (struct ipvsf_stats){ .conns = from->conns,
				     .inpkts = from->inpkts,
				     .outpkts = from->outpkts,
				     .inbytes = from->inbytes,
				     .outbytes = from->outbytes,
				     .cps = from->cps,
				     .inpps = from->inpps,
				     .outpps = from->outpps,
				     .inbps = from->inbps,
				     .outbps = from->outbps };
}

/* Whether no counter and no rate that is wanted can have been cut to 32 bits. */
static bool is_whole(const struct ipvsf_stats *s, uint32_t scope)
{
	uint64_t most = s->inbytes > s->outbytes ? s->inbytes : s->outbytes;

	return ((scope & IPVSF_NO_COUNTERS) || most < COUNTERS_UNTIL) &&
	       ((scope & IPVSF_NO_RATES) || most < RATES_UNTIL);
}

/* Adds to a counter what came since. */
static uint64_t carry(uint64_t now, uint64_t before)
{
	return before + (uint32_t)(now - before);
}

static bool carry_stats(struct ipvsf_stats *now, const struct ipvsf_stats *before)
{
	struct ipvsf_stats whole = *now, since;

	whole.conns = carry(now->conns, before->conns);
	whole.inpkts = carry(now->inpkts, before->inpkts);
	whole.outpkts = carry(now->outpkts, before->outpkts);
	if (now->inbytes < before->inbytes || now->outbytes < before->outbytes)
		return false;
	since.inbytes = now->inbytes - before->inbytes;
	since.outbytes = now->outbytes - before->outbytes;
	if (since.inbytes >= RATES_UNTIL || since.outbytes >= RATES_UNTIL ||
	    whole.inpkts - before->inpkts > since.inbytes / PACKET_MIN ||
	    whole.outpkts - before->outpkts > since.outbytes / PACKET_MIN ||
	    whole.conns - before->conns >= UINT32_MAX / 2)
		return false;
	*now = whole;
	return true;
}

int ipvsf_dest_entry_take(const void *entry, uint32_t scope, const struct ipvsf_dest_row *before,
			  struct ipvsf_dest_row *ret)
{
	const uint32_t no_stats = IPVSF_NO_COUNTERS | IPVSF_NO_RATES;
	const struct ip_vs_dest_entry *e = entry;

	take_conf(e, ret);
	if (!(scope & IPVSF_NO_TUNNELS) && ret->conf.fwd == IP_VS_CONN_F_TUNNEL)
		return 0;
	if ((scope & no_stats) == no_stats)
		return 1;
	take_stats(&e->stats, &ret->stats);
	return is_whole(&ret->stats, scope) || (before && carry_stats(&ret->stats, &before->stats));
}

static bool same_key(const struct ip_vs_dest_entry *e, const struct ipvsf_dest *c)
{
	return c->af == AF_INET && !memcmp(&e->addr, c->addr, 4) && ntohs(e->port) == c->port;
}

/* The dests of the same service in the earlier reading, if they are `count`; NULL: there are none such. */
static const struct ipvsf_dest_row *find_before(struct ipvsf_table *t, const struct ipvsf_service_row *row,
						size_t count)
{
	const struct ipvsf_table *b = t->before;

	for (size_t i = 0; b && i < SERVICES_AHEAD && t->before_at + i < b->num_services; i++) {
		const struct ipvsf_service_row *known = &b->services[t->before_at + i];

		if (ipvsf_service_key_order(&known, &row))
			continue;
		t->before_at += i + 1;
		return known->num_dests == count ? b->dests + known->first_dest : NULL;
	}
	return NULL;
}

/* 1: all entries became rows; 0: not one, as netlink has to tell. */
static int take_all(struct ipvsf_table *t, const struct ipvsf_service_row *row,
		    const struct ip_vs_dest_entry *entries, size_t count)
{
	const struct ipvsf_dest_row *before = find_before(t, row, count);
	struct ipvsf_dest_row *to;

	if (t->num_dests + count > t->dests_size &&
	    ipvsf_grow((void **)&t->dests, &t->dests_size, t->num_dests + count, sizeof(*t->dests)))
		return -ENOMEM;
	to = t->dests + t->num_dests;
	for (size_t i = 0; i < count; i++) {
		const struct ipvsf_dest_row *same =
			before && same_key(&entries[i], &before[i].conf) ? before + i : NULL;

		if (!ipvsf_dest_entry_take(&entries[i], t->scope, same, to + i))
			return 0;
	}
	t->num_dests += count;
	t->by_option += (uint32_t)count;
	return 1;
}

/* Dests are counted with all services before, and again behind (ipvsf_option_doubt()), or beside each answer. */
int ipvsf_option_dests(struct ipvsf_session *s, struct ipvsf_table *t, struct ipvsf_service_row *row)
{
	bool careful = t->complete || t->single || t->doubted || !row->is_counted;
	const struct ip_vs_dest_entry *entries;
	int64_t expected, counted;
	ssize_t filled;

	if (s->control_fd < 0 || row->conf.af != AF_INET || (t->scope & IPVSF_NETLINK_ONLY))
		return 0;
	expected = row->is_counted ? row->counted : ipvsf_count_dests(s, &row->conf);
	for (int i = 0; expected >= 0 && i < TRIES; i++, expected = counted) {
		filled = ipvsf_dests4(s, &row->conf, (size_t)expected + MARGIN, &entries);
		if (filled < 0)
			return filled == -ESRCH ? -ESRCH : 0;
		if (!careful && filled == expected) {
			row->is_counted = COUNTED_BEFORE;
			return take_all(t, row, entries, (size_t)filled);
		}
		counted = ipvsf_count_dests(s, &row->conf);
		if (counted == expected)
			return filled == counted ? take_all(t, row, entries, (size_t)filled) : 0;
	}
	return expected == -ESRCH ? -ESRCH : 0;
}

int ipvsf_option_holds(struct ipvsf_session *s, struct ipvsf_service_row *row,
		       const struct ipvsf_dest *wanted, size_t count)
{
	const struct ip_vs_dest_entry *entries;
	size_t next = count, searched = 0; /* where the last one was found */
	struct ipvsf_dest_row there;

	if (s->control_fd < 0 || row->conf.af != AF_INET || !row->is_counted || row->counted != count ||
	    ipvsf_dests4(s, &row->conf, count + MARGIN, &entries) != (ssize_t)count)
		return 0;
	for (size_t i = 0; i < count; i++) {
		size_t tried = 0;

		do
			next = next ? next - 1 : count - 1;
		while (!same_key(&entries[next], &wanted[i]) && ++tried < count);
		searched += tried;
		if (tried == count || searched > SEARCHED_MOST)
			return 0;
		take_conf(&entries[next], &there);
		if (there.conf.fwd == IP_VS_CONN_F_TUNNEL || !ipvsf_same_values(&there.conf, &wanted[i]))
			return 0;
	}
	row->is_counted = COUNTED_BEFORE;
	return 1;
}

/* A small dump of services was not checked: how many dests they have is not known yet. */
void ipvsf_option_count(struct ipvsf_session *s, struct ipvsf_table *t)
{
	const struct ip_vs_service_entry *entries;
	size_t unknown = 0;
	ssize_t count;

	if (t->single || (t->scope & IPVSF_NETLINK_ONLY))
		return;
	for (size_t i = 0; i < t->num_services; i++)
		unknown += t->services[i].conf.af == AF_INET && !t->services[i].is_counted;
	if (unknown < 2)
		return;
	count = ipvsf_services4(s, t->num_services, &entries);
	if (count >= 0)
		ipvsf_take_counts(t, entries, (size_t)count);
}

size_t ipvsf_option_doubt(struct ipvsf_session *s, struct ipvsf_table *t)
{
	const struct ip_vs_service_entry *entries = NULL;
	size_t in_doubt = 0, found = 0;
	ssize_t count;
	bool same;

	for (size_t i = 0; i < t->num_services; i++)
		in_doubt += t->services[i].is_counted == COUNTED_BEFORE;
	if (!in_doubt || t->doubted++)
		return 0;
	count = ipvsf_services4(s, t->num_services, &entries);
	same = count >= 0 && ipvsf_services_agree(t, entries, (size_t)count);
	for (size_t i = 0; i < t->num_services; i++) {
		struct ipvsf_service_row *row = &t->services[i];
		int64_t now = -1;

		if (row->conf.af == AF_INET && same)
			now = (entries++)->num_dests;
		if (row->is_counted != COUNTED_BEFORE)
			continue;
		if (!same)
			now = ipvsf_count_dests(s, &row->conf);
		if (now == row->counted)
			continue;
		row->conf.af = 0;
		found++;
	}
	return found;
}

int ipvsf_option_reserve(struct ipvsf_table *t)
{
	size_t count = 0;

	for (size_t i = 0; i < t->num_services; i++)
		count += t->services[i].is_counted ? t->services[i].counted : 0;
	return ipvsf_reserve_all((void **)&t->dests, &t->dests_size, count, sizeof(*t->dests));
}

int ipvsf_option_begin(struct ipvsf_session *s, struct ipvsf_table *t)
{
	ipvsf_option_count(s, t);
	return t->scope & IPVSF_NETLINK_ONLY ? 0 : ipvsf_option_reserve(t);
}
