/* SPDX-License-Identifier: MIT */
/*
 * Numeric listings as text, at memory speed. The listings in Python (listing/) define the format and
 * a property test holds this to the same bytes; a table with anything unusual is left to them.
 */
#include "core/dest_numbers.h"
#include "core/text.h"
#include "core/values.h"
#include "listing/plain.h"

#define LABEL_WIDTH 33
#define ENDPOINT_WIDTH 28

static const char *label_of(uint16_t protocol)
{
	return protocol == IPPROTO_TCP ? "TCP  " : protocol == IPPROTO_UDP ? "UDP  " : "SCTP ";
}

static const char *selector_of(uint16_t protocol)
{
	return protocol == IPPROTO_TCP ? "-t " : protocol == IPPROTO_UDP ? "-u " : "--sctp-service ";
}

static void put_mask(struct text_writer *t, const struct ipvsf_service *c, const char *word)
{
	uint8_t mask[4] = { (uint8_t)(c->netmask >> 24), (uint8_t)(c->netmask >> 16),
			    (uint8_t)(c->netmask >> 8), (uint8_t)c->netmask };

	if (c->netmask == (c->af == AF_INET ? UINT32_MAX : 128))
		return;
	put_str(t, word);
	if (c->af == AF_INET)
		put_dotted(t, mask);
	else
		put_num(t, c->netmask);
}

static void put_label(struct text_writer *t, const struct ipvsf_service *c)
{
	if (c->fwmark) {
		put_str(t, "FWM  ");
		put_num(t, c->fwmark);
		if (c->af == AF_INET6)
			put_str(t, " IPv6");
		return;
	}
	put_str(t, label_of(c->protocol));
	put_endpoint(t, c->af, c->addr, c->port);
}

static void put_scheduling(struct text_writer *t, const struct ipvsf_service *c)
{
	put_char(t, ' ');
	put_str(t, c->sched);
	if (c->flags & SCHED_FLAGS) {
		put_str(t, " (");
		put_sched_flags(t, c, ',', "");
		put_char(t, ')');
	}
	if (c->flags & IP_VS_SVC_F_PERSISTENT) {
		put_str(t, " persistent ");
		put_num(t, c->timeout);
		put_mask(t, c, " mask ");
		if (c->pe[0]) {
			put_str(t, " pe ");
			put_str(t, c->pe);
		}
	}
	if (c->flags & IP_VS_SVC_F_ONEPACKET)
		put_str(t, " ops");
}

static void put_scaled(struct text_writer *t, uint64_t v, bool exact)
{
	if (v < 100000000ULL || exact) {
		put_char(t, ' ');
		put_right(t, v, 8);
	} else if (v < 1000000000ULL) {
		put_right(t, v / 1000, 8);
		put_char(t, 'K');
	} else if (v < 100000000000ULL) {
		put_right(t, v / 1000000, 8);
		put_char(t, 'M');
	} else if (v < 100000000000000ULL) {
		put_right(t, v / 1000000000, 8);
		put_char(t, 'G');
	} else {
		put_right(t, v / 1000000000000ULL, 8);
		put_char(t, 'T');
	}
}

/* The first five or the last five counters; the first `whole` of them are never scaled. */
static void put_counters(struct text_writer *t, const struct ipvsf_stats *stats, uint32_t view, bool exact,
			 int whole)
{
	const uint64_t *v = view == IPVSF_VIEW_STATS ? &stats->conns : &stats->cps;

	for (int i = 0; i < 5; i++)
		put_scaled(t, v[i], exact || i < whole);
}

static void put_selector(struct text_writer *t, const struct ipvsf_service *c)
{
	if (c->fwmark) {
		put_str(t, "-f ");
		put_num(t, c->fwmark);
		if (c->af == AF_INET6)
			put_str(t, " -6");
		return;
	}
	put_str(t, selector_of(c->protocol));
	put_endpoint(t, c->af, c->addr, c->port);
}

void ipvsf_service_rule_put(struct text_writer *t, const struct ipvsf_service *c)
{
	put_str(t, "-A ");
	put_selector(t, c);
	put_str(t, " -s ");
	put_str(t, c->sched);
	if (c->flags & IP_VS_SVC_F_PERSISTENT) {
		put_str(t, " -p ");
		put_num(t, c->timeout);
		put_mask(t, c, " -M ");
	}
	if (c->pe[0]) {
		put_str(t, " --pe ");
		put_str(t, c->pe);
	}
	if (c->flags & IP_VS_SVC_F_ONEPACKET)
		put_str(t, " -o");
	if (c->flags & SCHED_FLAGS) {
		put_str(t, " -b ");
		put_sched_flags(t, c, ',', "");
	}
}

/* Those that are in every rule, or the others where they are not 0. */
static inline void put_numbers(struct text_writer *t, const struct ipvsf_dest *c, bool of_all)
{
#define PUT(member, name, option, always, attribute, ...)               \
	if (always == of_all && (always || c->member)) {                \
		put_mem(t, (const char[]){ ' ', '-', option, ' ' }, 4); \
		put_num(t, (uint32_t)c->member);                        \
	}
	DEST_NUMBERS(PUT)
#undef PUT
}

static const char *const csum_options[] = { " --tun-nocsum", " --tun-csum", " --tun-remcsum" };

void ipvsf_dest_rule_put(struct text_writer *t, const struct ipvsf_service *s, const struct ipvsf_dest *c)
{
	static const char *const methods[] = { " -m", " -g", " -i", " -g" };

	put_str(t, "-a ");
	put_selector(t, s);
	put_str(t, " -r ");
	put_endpoint(t, c->af, c->addr, c->port);
	put_str(t, methods[c->fwd]);
	put_numbers(t, c, true);
	if (c->fwd == IP_VS_CONN_F_TUNNEL) {
		static const char *const types[] = { "ipip", "gue", "gre" };

		put_str(t, " --tun-type ");
		put_str(t, types[c->tun_type]);
		if (c->tun_type == IP_VS_CONN_F_TUNNEL_TYPE_GUE) {
			put_str(t, " --tun-port ");
			put_num(t, c->tun_port);
		}
		if (c->tun_type)
			put_str(t, csum_options[c->tun_flags]);
	}
	put_numbers(t, c, false);
}

static void put_tunnel(struct text_writer *t, const struct ipvsf_dest *c)
{
	static const char *const csums[] = { "-c", "+c", "r+c" };

	if (c->fwd != IP_VS_CONN_F_TUNNEL) {
		put_str(t, "n/a");
	} else if (c->tun_type == IP_VS_CONN_F_TUNNEL_TYPE_IPIP) {
		put_str(t, "ipip");
	} else if (c->tun_type == IP_VS_CONN_F_TUNNEL_TYPE_GUE) {
		put_str(t, "gue:");
		put_num(t, c->tun_port);
		put_char(t, ':');
		put_str(t, csums[c->tun_flags]);
	} else {
		put_str(t, "gre:");
		put_str(t, csums[c->tun_flags]);
	}
}

static void dest_columns(struct text_writer *t, const struct ipvsf_dest_row *row, uint32_t view)
{
	static const char *const methods[] = { " Masq    ", " Local   ", " Tunnel  ", " Route   " };
	const struct ipvsf_dest *c = &row->conf;
	const char *start;

	if (view == IPVSF_VIEW_THRESHOLDS) {
		put_char(t, ' ');
		put_left(t, c->u_thresh, 10);
		put_char(t, ' ');
		put_left(t, c->l_thresh, 10);
	} else if (view == IPVSF_VIEW_PERSISTENT) {
		put_char(t, ' ');
		put_left(t, (uint32_t)c->weight, 9);
		put_char(t, ' ');
		put_left(t, row->persistent, 11);
	} else {
		put_str(t, methods[c->fwd]);
		if (view == IPVSF_VIEW_TUNNEL) {
			start = t->at;
			put_tunnel(t, c);
			pad_to(t, start, 13);
			put_char(t, ' ');
		}
		put_left(t, (uint32_t)c->weight, 6);
	}
	put_char(t, ' ');
	put_left(t, row->active, 10);
	put_char(t, ' ');
	put_left(t, row->inactive, 10);
}

static void service_line(struct text_writer *t, const struct ipvsf_service_row *row, uint32_t view,
			 bool exact)
{
	const char *start = t->at;

	if (view == IPVSF_VIEW_RULES) {
		ipvsf_service_rule_put(t, &row->conf);
	} else {
		put_label(t, &row->conf);
		if (view == IPVSF_VIEW_STATS || view == IPVSF_VIEW_RATE) {
			pad_to(t, start, LABEL_WIDTH);
			put_counters(t, &row->stats, view, exact, 0);
		} else {
			put_scheduling(t, &row->conf);
		}
	}
	put_char(t, '\n');
}

static void dest_line(struct text_writer *t, const struct ipvsf_service_row *service,
		      const struct ipvsf_dest_row *row, uint32_t view, bool exact)
{
	const char *start;

	if (view == IPVSF_VIEW_RULES) {
		ipvsf_dest_rule_put(t, &service->conf, &row->conf);
		put_char(t, '\n');
		return;
	}
	put_str(t, "  -> ");
	start = t->at;
	put_endpoint(t, row->conf.af, row->conf.addr, row->conf.port);
	pad_to(t, start, ENDPOINT_WIDTH);
	if (view == IPVSF_VIEW_STATS || view == IPVSF_VIEW_RATE)
		put_counters(t, &row->stats, view, exact, view == IPVSF_VIEW_RATE ? 3 : 0);
	else
		dest_columns(t, row, view);
	put_char(t, '\n');
}

/* Whether the rule of a plain service makes just this one; listing/saved.py has words for what does not. */
static bool restorable_service(const struct ipvsf_service *c)
{
	bool persistent = c->flags & IP_VS_SVC_F_PERSISTENT;

	if (c->flags & ~(uint32_t)(IP_VS_SVC_F_PERSISTENT | IP_VS_SVC_F_ONEPACKET | SCHED_FLAGS))
		return false;
	if (persistent &&
	    (c->timeout > TIMEOUT_MAX || (c->af == AF_INET6 && (c->netmask < 1 || c->netmask > 128))))
		return false;
	if ((c->flags & IP_VS_SVC_F_ONEPACKET) && !c->fwmark && c->protocol != IPPROTO_UDP)
		return false;
	return c->fwmark || c->port || persistent;
}

static bool restorable_dest(const struct ipvsf_service *s, const struct ipvsf_dest *c)
{
	if (c->fwd == IP_VS_CONN_F_LOCALNODE || (c->fwd != IP_VS_CONN_F_TUNNEL && c->af != s->af) ||
	    (c->fwd != IP_VS_CONN_F_MASQ && c->port != s->port && !s->fwmark))
		return false;
	if (c->l_thresh > c->u_thresh || c->u_thresh > INT32_MAX || !is_unicast(c->af, c->addr))
		return false;
	if (c->fwd != IP_VS_CONN_F_TUNNEL)
		return true;
	return c->tun_type == IP_VS_CONN_F_TUNNEL_TYPE_GRE ? c->tun_flags <= IP_VS_TUNNEL_ENCAP_FLAG_CSUM
							   : !c->tun_type || c->tun_port;
}

static bool restorable_table(const struct ipvsf_table *t)
{
	for (size_t i = 0; i < t->num_services; i++) {
		const struct ipvsf_service_row *s = &t->services[i];

		if (!restorable_service(&s->conf))
			return false;
		for (size_t at = s->first_dest; at < s->first_dest + s->num_dests; at++) {
			if (!restorable_dest(&s->conf, &t->dests[at].conf))
				return false;
		}
	}
	return true;
}

uint32_t ipvsf_view_scope(uint32_t view)
{
	switch (view) {
	case IPVSF_VIEW_STATS:
		return IPVSF_NO_TUNNELS | IPVSF_NO_RATES;
	case IPVSF_VIEW_RATE:
		return IPVSF_NO_TUNNELS | IPVSF_NO_COUNTERS;
	case IPVSF_VIEW_TUNNEL:
	case IPVSF_VIEW_RULES:
	case IPVSF_VIEW_SAVED:
		return IPVSF_NO_COUNTERS | IPVSF_NO_RATES;
	default:
		return IPVSF_NO_TUNNELS | IPVSF_NO_COUNTERS | IPVSF_NO_RATES;
	}
}

int ipvsf_table_format(const struct ipvsf_table *table, uint32_t view, uint32_t exact,
		       struct ipvsf_cursor *cursor, char *buf, size_t size, size_t *len)
{
	struct text_writer t = { .at = buf };

	*len = 0;
	if (!cursor->service && !cursor->dest &&
	    (!plain_table(table) || (view == IPVSF_VIEW_SAVED && !restorable_table(table))))
		return -EOPNOTSUPP;
	if (view == IPVSF_VIEW_SAVED)
		view = IPVSF_VIEW_RULES;
	for (; cursor->service < table->num_services; cursor->service++, cursor->dest = 0) {
		const struct ipvsf_service_row *s = &table->services[cursor->service];

		for (; cursor->dest <= s->num_dests; cursor->dest++) {
			if (size - (size_t)(t.at - buf) < IPVSF_LINE_MAX)
				goto full;
			if (!cursor->dest)
				service_line(&t, s, view, exact);
			else
				dest_line(&t, s, &table->dests[s->first_dest + cursor->dest - 1], view,
					  exact);
		}
	}
full:
	*len = (size_t)(t.at - buf);
	return 0;
}
