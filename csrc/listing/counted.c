/* SPDX-License-Identifier: MIT */
/*
 * Counters and differences as JSON and CSV. listing/counted_records.py defines the text and a property test holds this
 * to the same bytes; a table with anything unusual is left to it. A reading is not sorted itself, as others compare it
 * with the next one.
 */
#include "core/text.h"
#include "listing/plain.h"

#include <stdio.h>

#define ROW_MAX_LEN 2048 /* longer than any row, apart from what the caller puts into it */
#define COUNTS (sizeof(struct ipvsf_stats) / sizeof(uint64_t))
#define CSV_DIFFERENCES ",,,,,,,,,,,," /* two cells before them, five of each kind */

static const char *const events[] = { NULL, "zeroed", "appeared" };

static const char *const names[COUNTS] = { "connections", "in_packets", "out_packets", "in_bytes",
					   "out_bytes",	  "cps",	"in_pps",      "out_pps",
					   "in_bps",	  "out_bps" };

struct row {
	const struct ipvsf_service *service;
	const struct ipvsf_dest_row *dest; /* NULL: it is about the service */
	const uint64_t *counts;
	const struct ipvsf_changes *changes;
	size_t at, rows; /* which of how many */
	uint8_t event;
};

static void put_ip(struct text_writer *t, uint16_t af, const uint8_t *addr)
{
	if (af == AF_INET)
		return put_dotted(t, addr);
	inet_ntop(af, addr, t->at, INET6_ADDRSTRLEN);
	t->at += strlen(t->at);
}

static const char *protocol_of(const struct ipvsf_service *c)
{
	return c->protocol == IPPROTO_TCP ? "tcp" : c->protocol == IPPROTO_UDP ? "udp" : "sctp";
}

static const char *family_of(const struct ipvsf_service *c)
{
	return c->af == AF_INET ? "ipv4" : "ipv6";
}

static void put_field(struct text_writer *t, const char *before, uint64_t v)
{
	put_str(t, before);
	put_num(t, v);
}

static void put_rate(struct text_writer *t, double rate)
{
	/* No rate is longer: 2^64 in a millionth of a second. */
	t->at += snprintf(t->at, 48, "%.3f", rate);
}

static void json_key(struct text_writer *t, const struct row *r)
{
	const struct ipvsf_service *c = r->service;

	put_str(t, r->dest ? "\"kind\":\"destination\"" : "\"kind\":\"service\"");
	if (c->fwmark) {
		put_str(t, ",\"protocol\":null,\"service\":null,\"service_port\":null");
	} else {
		put_str(t, ",\"protocol\":\"");
		put_str(t, protocol_of(c));
		put_str(t, "\",\"service\":\"");
		put_ip(t, c->af, c->addr);
		put_field(t, "\",\"service_port\":", c->port);
	}
	put_field(t, ",\"fwmark\":", c->fwmark);
	put_str(t, ",\"family\":\"");
	put_str(t, family_of(c));
	if (r->dest) {
		put_str(t, "\",\"destination\":\"");
		put_ip(t, r->dest->conf.af, r->dest->conf.addr);
		put_field(t, "\",\"destination_port\":", r->dest->conf.port);
	} else {
		put_str(t, "\",\"destination\":null,\"destination_port\":null");
	}
}

static void json_row(struct text_writer *t, const struct ipvsf_counted *how, const struct row *r)
{
	put_str(t, how->start);
	json_key(t, r);
	if (r->dest) {
		put_field(t, ",\"" DEST_SHARE_NAME "\":", (uint32_t)r->dest->conf.DEST_SHARE);
		put_field(t, ",\"active\":", r->dest->active);
		put_field(t, ",\"inactive\":", r->dest->inactive);
		put_field(t, ",\"persistent\":", r->dest->persistent);
	} else {
		put_str(t, ",\"" DEST_SHARE_NAME
			   "\":null,\"active\":null,\"inactive\":null,\"persistent\":null");
	}
	put_str(t, ",\"event\":");
	if (events[r->event]) {
		put_char(t, '"');
		put_str(t, events[r->event]);
		put_char(t, '"');
	} else {
		put_str(t, "null");
	}
	for (size_t i = 0; i < COUNTS; i++) {
		put_str(t, i ? ",\"" : ",\"stats\":{\"");
		put_str(t, names[i]);
		put_field(t, "\":", r->counts[i]);
	}
	put_str(t, "},\"delta\":");
	if (!how->delta)
		return put_str(t, "null}");
	put_str(t, how->delta);
	for (size_t i = 0; i < IPVSF_COUNTERS; i++) {
		put_str(t, ",\"");
		put_str(t, names[i]);
		put_field(t, "\":", r->changes->differences[i * r->rows + r->at]);
	}
	for (size_t i = 0; i < IPVSF_COUNTERS; i++) {
		put_str(t, ",\"");
		put_str(t, names[i]);
		put_str(t, "_rate\":");
		put_rate(t, r->changes->rates[i * r->rows + r->at]);
	}
	put_str(t, "}}");
}

static void csv_row(struct text_writer *t, const struct ipvsf_counted *how, const struct row *r)
{
	const struct ipvsf_service *c = r->service;

	put_str(t, how->start);
	put_str(t, r->dest ? "destination," : "service,");
	if (c->fwmark) {
		put_str(t, ",,");
	} else {
		put_str(t, protocol_of(c));
		put_char(t, ',');
		put_ip(t, c->af, c->addr);
		put_field(t, ",", c->port);
	}
	put_field(t, ",", c->fwmark);
	put_char(t, ',');
	put_str(t, family_of(c));
	put_char(t, ',');
	if (r->dest) {
		put_ip(t, r->dest->conf.af, r->dest->conf.addr);
		put_field(t, ",", r->dest->conf.port);
		put_field(t, ",", (uint32_t)r->dest->conf.DEST_SHARE);
		put_field(t, ",", r->dest->active);
		put_field(t, ",", r->dest->inactive);
		put_field(t, ",", r->dest->persistent);
	} else {
		put_str(t, ",,,,,");
	}
	put_char(t, ',');
	put_str(t, events[r->event] ? events[r->event] : "");
	for (size_t i = 0; i < COUNTS; i++)
		put_field(t, ",", r->counts[i]);
	if (!how->delta)
		return put_str(t, CSV_DIFFERENCES);
	put_str(t, how->delta);
	for (size_t i = 0; i < IPVSF_COUNTERS; i++)
		put_field(t, ",", r->changes->differences[i * r->rows + r->at]);
	for (size_t i = 0; i < IPVSF_COUNTERS; i++) {
		put_char(t, ',');
		put_rate(t, r->changes->rates[i * r->rows + r->at]);
	}
}

static void take_events(const struct ipvsf_changes *c, uint8_t *ret)
{
	for (size_t i = 0; c && i < c->num_zeroed; i++)
		ret[c->zeroed[i]] = 1;
	for (size_t i = 0; c && i < c->num_appeared; i++)
		ret[c->appeared[i]] = 2;
}

static int take_order(const struct ipvsf_table *t, struct ipvsf_counted *how)
{
	size_t most = t->num_services > t->num_dests ? t->num_services : t->num_dests;
	const void **sorted = calloc(most + 1, sizeof(*sorted));
	int r = sorted ? ipvsf_services_listed(t, (const struct ipvsf_service_row **)sorted) : -ENOMEM;

	for (size_t i = 0; !r && i < t->num_services; i++)
		how->service_order[i] = (uint32_t)((const struct ipvsf_service_row *)sorted[i] - t->services);
	for (size_t i = 0; !r && i < t->num_services; i++) {
		const struct ipvsf_service_row *s = &t->services[i];

		r = ipvsf_dests_listed(t->dests + s->first_dest, s->num_dests,
				       (const struct ipvsf_dest_row **)sorted);
		for (size_t n = 0; !r && n < s->num_dests; n++)
			how->dest_order[s->first_dest + n] =
				(uint32_t)((const struct ipvsf_dest_row *)sorted[n] - t->dests);
	}
	free(sorted);
	return r;
}

int ipvsf_counted_begin(const struct ipvsf_table *t, struct ipvsf_counted *how)
{
	if (!plain_table(t))
		return -EOPNOTSUPP;
	memset(how->service_events, 0, t->num_services);
	memset(how->dest_events, 0, t->num_dests);
	take_events(how->services, how->service_events);
	take_events(how->dests, how->dest_events);
	return take_order(t, how);
}

static struct row row_at(const struct ipvsf_table *t, const struct ipvsf_counted *how,
			 const struct ipvsf_cursor *cursor)
{
	size_t service = how->service_order[cursor->service], dest;
	const struct ipvsf_service_row *s = &t->services[service];
	struct row r = { .service = &s->conf,
			 .counts = &s->stats.conns,
			 .changes = how->services,
			 .at = service,
			 .rows = t->num_services,
			 .event = how->service_events[service] };

	if (!cursor->dest)
		return r;
	dest = how->dest_order[s->first_dest + cursor->dest - 1];
	r.dest = &t->dests[dest];
	r.counts = &r.dest->stats.conns;
	r.changes = how->dests;
	r.at = dest;
	r.rows = t->num_dests;
	r.event = how->dest_events[dest];
	return r;
}

int ipvsf_counted_rows(const struct ipvsf_table *t, const struct ipvsf_counted *how,
		       struct ipvsf_cursor *cursor, char *buf, size_t size, size_t *len)
{
	size_t room = ROW_MAX_LEN + strlen(how->start) + (how->delta ? strlen(how->delta) : 0);
	struct text_writer to = { .at = buf };

	for (; cursor->service < t->num_services; cursor->service++, cursor->dest = 0) {
		const struct ipvsf_service_row *s = &t->services[how->service_order[cursor->service]];

		for (; cursor->dest <= s->num_dests; cursor->dest++) {
			struct row r = row_at(t, how, cursor);

			if (size - (size_t)(to.at - buf) < room)
				goto full;
			if (how->form == IPVSF_RECORDS_JSON)
				put_str(&to, cursor->service || cursor->dest ? ",\n" : "\n");
			if (how->form == IPVSF_RECORDS_CSV)
				csv_row(&to, how, &r);
			else
				json_row(&to, how, &r);
			if (how->form != IPVSF_RECORDS_JSON)
				put_char(&to, '\n');
		}
	}
full:
	*len = (size_t)(to.at - buf);
	return 0;
}
