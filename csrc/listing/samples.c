/* SPDX-License-Identifier: MIT */
/*
 * Rows as samples of metrics. exporter/lines.py and exporter/labels.py define the text and a property test holds this
 * to the same bytes; a table with anything unusual is left to them. The labels of a row are the same in every family,
 * and mostly in every reading: they are written once, and copied for each sample.
 */
#include "core/text.h"
#include "listing/plain.h"

#define VALUE_MAX_LEN \
	64 /* longer than any value of a label, and than any number with what stands around it */

static void put_address(struct text_writer *t, uint16_t af, const uint8_t *addr)
{
	if (af == AF_INET)
		return put_dotted(t, addr);
	inet_ntop(af, addr, t->at, INET6_ADDRSTRLEN);
	t->at += strlen(t->at);
}

static const char *protocol_of(const struct ipvsf_service *c, bool as_node)
{
	if (c->fwmark)
		return as_node ? "FWM" : "";
	if (c->protocol == IPPROTO_TCP)
		return as_node ? "TCP" : "tcp";
	if (c->protocol == IPPROTO_UDP)
		return as_node ? "UDP" : "udp";
	return as_node ? "SCTP" : "sctp";
}

static void put_hex(struct text_writer *t, uint32_t v)
{
	for (int shift = 28; shift >= 0; shift -= 4)
		put_char(t, "0123456789ABCDEF"[v >> shift & 15]);
}

static void put_value(struct text_writer *t, uint32_t what, const struct ipvsf_service *c,
		      const struct ipvsf_dest *d)
{
	switch (what) {
	case IPVSF_LABEL_PROTOCOL:
	case IPVSF_LABEL_NODE_PROTOCOL:
		return put_str(t, protocol_of(c, what == IPVSF_LABEL_NODE_PROTOCOL));
	case IPVSF_LABEL_FAMILY:
		return put_str(t, c->af == AF_INET ? "ipv4" : "ipv6");
	case IPVSF_LABEL_SERVICE:
		if (!c->fwmark)
			put_address(t, c->af, c->addr);
		return;
	case IPVSF_LABEL_SERVICE_PORT:
		if (!c->fwmark)
			put_num(t, c->port);
		return;
	case IPVSF_LABEL_NODE_PORT:
		return put_num(t, c->fwmark ? 0 : c->port);
	case IPVSF_LABEL_FWMARK:
		if (c->fwmark)
			put_num(t, c->fwmark);
		return;
	case IPVSF_LABEL_NODE_MARK:
		if (c->fwmark)
			put_hex(t, c->fwmark);
		return;
	case IPVSF_LABEL_DEST:
		return put_address(t, d->af, d->addr);
	case IPVSF_LABEL_DEST_PORT:
		return put_num(t, d->port);
	}
}

int ipvsf_row_labels_write(const struct ipvsf_table *table, const struct ipvsf_row_labels *how, size_t *at,
			   char *buf, size_t size, uint32_t *ends, size_t *len)
{
	struct text_writer t = { .at = buf };
	size_t room = 4, start = *at ? ends[*at - 1] : 0;

	if (!*at && !plain_table(table))
		return -EOPNOTSUPP;
	for (size_t i = 0; i < how->num_values; i++)
		room += strlen(how->before[i]) + VALUE_MAX_LEN;
	for (; *at < how->count && size - (size_t)(t.at - buf) >= room; ++*at) {
		size_t row = how->rows ? how->rows[*at] : *at;
		const struct ipvsf_dest *dest = how->homes ? &table->dests[row].conf : NULL;
		size_t home = dest ? how->homes[row] : row, end;

		for (size_t i = 0; i < how->num_values; i++) {
			put_str(&t, how->before[i]);
			put_value(&t, how->values[i], &table->services[home].conf, dest);
		}
		put_str(&t, "\"}");
		end = start + (size_t)(t.at - buf);
		if (end > UINT32_MAX)
			return -EOVERFLOW;
		ends[*at] = (uint32_t)end;
	}
	*len = (size_t)(t.at - buf);
	return 0;
}

/* The number, and whether it is below 0. */
static uint64_t value_of(const struct ipvsf_samples *s, size_t sample, bool *negative)
{
	const uint8_t *at = s->values + (s->rows ? s->rows[sample] : sample) * s->stride;
	uint64_t wide;
	uint32_t narrow;

	*negative = false;
	if (s->kind == IPVSF_SAMPLE_U64) {
		memcpy(&wide, at, sizeof(wide));
		return wide;
	}
	memcpy(&narrow, at, sizeof(narrow));
	*negative = s->kind == IPVSF_SAMPLE_I32 && (int32_t)narrow < 0;
	return *negative ? -(uint64_t)(int32_t)narrow : narrow;
}

static bool is_there(const struct ipvsf_samples *s, uint64_t v)
{
	return v || !s->sparse;
}

size_t ipvsf_samples_count(const struct ipvsf_samples *s)
{
	size_t count = 0;
	bool negative;

	for (size_t i = 0; i < s->count; i++)
		count += is_there(s, value_of(s, i, &negative));
	return count;
}

static void put_labels(struct text_writer *t, const char *labels, size_t len, const char *word)
{
	if (!word)
		return put_mem(t, labels, len);
	if (len) {
		put_mem(t, labels, len - 1);
		put_char(t, ',');
	} else {
		put_char(t, '{');
	}
	put_str(t, word);
	put_char(t, '}');
}

int ipvsf_samples_write(const struct ipvsf_samples *s, size_t *at, char *buf, size_t size, size_t *len)
{
	size_t name_len = strlen(s->name);
	struct text_writer t = { .at = buf };

	for (; *at < s->count; ++*at) {
		size_t start = *at ? s->ends[*at - 1] : 0, labels_len = s->ends[*at] - start;
		bool negative;
		uint64_t v = value_of(s, *at, &negative);
		const char *word = s->kind == IPVSF_SAMPLE_WORD ? s->words[v % s->num_words] : NULL;

		if (!is_there(s, v))
			continue;
		if (size - (size_t)(t.at - buf) <
		    name_len + labels_len + (word ? strlen(word) : 0) + VALUE_MAX_LEN)
			break;
		put_mem(&t, s->name, name_len);
		put_labels(&t, s->labels + start, labels_len, word);
		put_char(&t, ' ');
		if (negative)
			put_char(&t, '-');
		put_num(&t, word ? 1 : v);
		put_char(&t, '\n');
	}
	*len = (size_t)(t.at - buf);
	return 0;
}
