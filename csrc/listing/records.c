/* SPDX-License-Identifier: MIT */
/*
 * The table as JSON and CSV. listing/records.py defines the text and a property test holds this to the same
 * bytes; a table with anything unusual is left to it.
 */
#include "core/text.h"
#include "listing/plain.h"

#define PIECE_MAX 1536 /* longer than a service and a dest together in any form */
#define KNOWN_FLAGS (IP_VS_SVC_F_PERSISTENT | IP_VS_SVC_F_HASHED | IP_VS_SVC_F_ONEPACKET | SCHED_FLAGS)

static const char *const methods[] = { "masq", "local", "tunnel", "route" };
static const char *const tunnels[] = { "ipip", "gue", "gre" };
static const char *const checksums[] = { "nocsum", "csum", "remcsum" };

static const char *protocol_of(const struct ipvsf_service *c)
{
	return c->protocol == IPPROTO_TCP ? "tcp" : c->protocol == IPPROTO_UDP ? "udp" : "sctp";
}

static uint32_t timeout_of(const struct ipvsf_service *c)
{
	return c->flags & IP_VS_SVC_F_PERSISTENT ? c->timeout : 0;
}

static void put_address(struct text_writer *t, uint16_t af, const uint8_t *addr)
{
	if (af == AF_INET) {
		put_dotted(t, addr);
	} else {
		inet_ntop(AF_INET6, addr, t->at, INET6_ADDRSTRLEN);
		t->at += strlen(t->at);
	}
}

static void put_field(struct text_writer *t, const char *name, uint64_t v)
{
	put_str(t, name);
	put_num(t, v);
}

static void put_netmask(struct text_writer *t, const struct ipvsf_service *c, const char *quote)
{
	uint8_t mask[4] = { (uint8_t)(c->netmask >> 24), (uint8_t)(c->netmask >> 16),
			    (uint8_t)(c->netmask >> 8), (uint8_t)c->netmask };

	if (c->af != AF_INET)
		return put_num(t, c->netmask);
	put_str(t, quote);
	put_dotted(t, mask);
	put_str(t, quote);
}

static void put_stats(struct text_writer *t, const struct ipvsf_stats *stats)
{
	put_field(t, ",\"stats\":{\"connections\":", stats->conns);
	put_field(t, ",\"in_packets\":", stats->inpkts);
	put_field(t, ",\"out_packets\":", stats->outpkts);
	put_field(t, ",\"in_bytes\":", stats->inbytes);
	put_field(t, ",\"out_bytes\":", stats->outbytes);
	put_field(t, ",\"cps\":", stats->cps);
	put_field(t, ",\"in_pps\":", stats->inpps);
	put_field(t, ",\"out_pps\":", stats->outpps);
	put_field(t, ",\"in_bps\":", stats->inbps);
	put_field(t, ",\"out_bps\":", stats->outbps);
	put_char(t, '}');
}

static void json_service(struct text_writer *t, const struct ipvsf_service_row *row)
{
	const struct ipvsf_service *c = &row->conf;

	if (c->fwmark) {
		put_field(t, "{\"fwmark\":", c->fwmark);
		put_str(t, c->af == AF_INET ? ",\"family\":\"ipv4\"" : ",\"family\":\"ipv6\"");
	} else {
		put_str(t, "{\"protocol\":\"");
		put_str(t, protocol_of(c));
		put_str(t, "\",\"address\":\"");
		put_address(t, c->af, c->addr);
		put_field(t, "\",\"port\":", c->port);
	}
	put_str(t, ",\"scheduler\":\"");
	put_str(t, c->sched);
	put_field(t, "\",\"persistent\":", timeout_of(c));
	put_str(t, ",\"netmask\":");
	put_netmask(t, c, "\"");
	put_str(t, ",\"engine\":\"");
	put_str(t, c->pe);
	put_str(t, c->flags & IP_VS_SVC_F_ONEPACKET ? "\",\"one_packet\":true" : "\",\"one_packet\":false");
	put_str(t, ",\"scheduler_flags\":[");
	put_sched_flags(t, c, ',', "\"");
	put_char(t, ']');
	put_stats(t, &row->stats);
	put_str(t, ",\"destinations\":[");
}

static void json_tunnel(struct text_writer *t, const struct ipvsf_dest *c)
{
	if (c->fwd != IP_VS_CONN_F_TUNNEL && !c->tun_type && !c->tun_port && !c->tun_flags)
		return put_str(t, "null");
	put_str(t, "{\"type\":\"");
	put_str(t, tunnels[c->tun_type]);
	put_field(t, "\",\"port\":", c->tun_port);
	put_str(t, ",\"checksum\":\"");
	put_str(t, checksums[c->tun_flags]);
	put_str(t, "\"}");
}

static void json_dest(struct text_writer *t, const struct ipvsf_dest_row *row)
{
	const struct ipvsf_dest *c = &row->conf;

	put_str(t, "{\"address\":\"");
	put_address(t, c->af, c->addr);
	put_field(t, "\",\"port\":", c->port);
	put_str(t, ",\"forwarding\":\"");
	put_str(t, methods[c->fwd]);
	put_char(t, '"');
#define PUT(member, name, ...) put_field(t, ",\"" name "\":", (uint32_t)c->member);
	DEST_NUMBERS(PUT)
#undef PUT
	put_str(t, ",\"tunnel\":");
	json_tunnel(t, c);
	put_field(t, ",\"active\":", row->active);
	put_field(t, ",\"inactive\":", row->inactive);
	put_field(t, ",\"persistent\":", row->persistent);
	put_stats(t, &row->stats);
	put_char(t, '}');
}

/* The service itself, or one of its dests, with what stands before and behind it. */
static void json_piece(struct text_writer *t, const struct ipvsf_table *table,
		       const struct ipvsf_cursor *cursor, bool lines)
{
	const struct ipvsf_service_row *s = &table->services[cursor->service];
	size_t at = cursor->dest;

	if (!at) {
		if (!lines)
			put_str(t, cursor->service ? ",\n" : "\n");
		json_service(t, s);
	} else {
		if (at > 1)
			put_char(t, ',');
		json_dest(t, &table->dests[s->first_dest + at - 1]);
	}
	if (at == s->num_dests)
		put_str(t, lines ? "]}\n" : "]}");
}

static void csv_service(struct text_writer *t, const struct ipvsf_service *c)
{
	if (c->fwmark) {
		put_str(t, ",,");
	} else {
		put_str(t, protocol_of(c));
		put_char(t, ',');
		put_address(t, c->af, c->addr);
		put_field(t, ",", c->port);
	}
	put_field(t, ",", c->fwmark);
	put_str(t, c->af == AF_INET ? ",ipv4," : ",ipv6,");
	put_str(t, c->sched);
	put_char(t, ',');
	put_sched_flags(t, c, ' ', "");
	put_field(t, ",", timeout_of(c));
	put_char(t, ',');
	put_netmask(t, c, "");
	put_char(t, ',');
	put_str(t, c->pe);
	put_str(t, c->flags & IP_VS_SVC_F_ONEPACKET ? ",true" : ",false");
}

static void csv_dest(struct text_writer *t, const struct ipvsf_dest_row *row)
{
	const struct ipvsf_dest *c = &row->conf;
	const uint64_t *counters = &row->stats.conns;

	put_char(t, ',');
	put_address(t, c->af, c->addr);
	put_field(t, ",", c->port);
	put_char(t, ',');
	put_str(t, methods[c->fwd]);
#define PUT(member, ...) put_field(t, ",", (uint32_t)c->member);
	DEST_NUMBERS(PUT)
#undef PUT
	put_char(t, ',');
	if (c->fwd == IP_VS_CONN_F_TUNNEL) {
		put_str(t, tunnels[c->tun_type]);
		put_field(t, ",", c->tun_port);
		put_char(t, ',');
		put_str(t, checksums[c->tun_flags]);
	} else {
		put_str(t, ",,");
	}
	put_field(t, ",", row->active);
	put_field(t, ",", row->inactive);
	put_field(t, ",", row->persistent);
	for (size_t i = 0; i < sizeof(row->stats) / sizeof(*counters); i++)
		put_field(t, ",", counters[i]);
	put_char(t, '\n');
}

static void csv_piece(struct text_writer *t, const struct ipvsf_table *table,
		      const struct ipvsf_cursor *cursor)
{
	const struct ipvsf_service_row *s = &table->services[cursor->service];

	if (cursor->dest) {
		csv_service(t, &s->conf);
		csv_dest(t, &table->dests[s->first_dest + cursor->dest - 1]);
	} else if (!s->num_dests) {
		csv_service(t, &s->conf);
		put_str(t, ",,,,,,,,,,,,,,,,,,,,,,\n"); /* 12 columns of a dest, 10 counters */
	}
}

/* Names that no form has to quote. */
static bool bare_name(const char *name)
{
	return !strpbrk(name, "\",\\");
}

static bool plain_records(const struct ipvsf_table *table)
{
	if (!plain_table(table))
		return false;
	for (size_t i = 0; i < table->num_services; i++) {
		const struct ipvsf_service *c = &table->services[i].conf;

		if ((c->flags & ~(uint32_t)KNOWN_FLAGS) || !bare_name(c->sched) || !bare_name(c->pe))
			return false;
	}
	return true;
}

int ipvsf_table_records(const struct ipvsf_table *table, uint32_t form, struct ipvsf_cursor *cursor,
			char *buf, size_t size, size_t *len)
{
	struct text_writer t = { .at = buf };

	*len = 0;
	if (!cursor->service && !cursor->dest && !plain_records(table))
		return -EOPNOTSUPP;
	for (; cursor->service < table->num_services; cursor->service++, cursor->dest = 0) {
		for (; cursor->dest <= table->services[cursor->service].num_dests; cursor->dest++) {
			if (size - (size_t)(t.at - buf) < PIECE_MAX)
				goto full;
			if (form == IPVSF_RECORDS_CSV)
				csv_piece(&t, table, cursor);
			else
				json_piece(&t, table, cursor, form == IPVSF_RECORDS_NDJSON);
		}
	}
full:
	*len = (size_t)(t.at - buf);
	return 0;
}
