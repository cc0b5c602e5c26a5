/* SPDX-License-Identifier: MIT */
/*
 * Rows of the connection table as text. What a persistence engine keeps was sent by a client: its
 * control characters never reach a terminal raw. The rows in Python (listing/connections.py) define the
 * table's form, and a property test holds this to the same bytes.
 */
#include "conns/reading.h"
#include "core/text.h"

#define LONGEST_FIXED 512 /* of a row without what its engine keeps */
#define LONGEST_BYTE 6	  /* of one byte of that: \\xNN, and quotes around the whole */

static void put_protocol(struct text_writer *t, uint8_t protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return put_mem(t, "TCP", 3);
	case IPPROTO_UDP:
		return put_mem(t, "UDP", 3);
	case IPPROTO_SCTP:
		return put_mem(t, "SCTP", 4);
	case IPPROTO_IP:
		return put_mem(t, "IP", 2);
	case IPPROTO_ICMP:
		return put_mem(t, "ICMP", 4);
	case IPPROTO_ICMPV6:
		return put_mem(t, "ICMPv6", 6);
	default:
		put_mem(t, "IP_", 3);
		put_num(t, protocol);
	}
}

static void put_hex(struct text_writer *t, uint8_t byte)
{
	static const char digits[] = "0123456789abcdef";

	put_mem(t, "\\x", 2);
	put_char(t, digits[byte >> 4]);
	put_char(t, digits[byte & 15]);
}

/* Length of the UTF-8 character that begins here; 1 if the byte begins no valid one. */
static size_t utf8_length(const uint8_t *s, size_t left)
{
	size_t len = s[0] < 0xc2 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 1;
	uint8_t low = 0x80, high = 0xbf;

	if (len == 1 || len > left)
		return 1;
	/* Overlong forms, surrogates and what lies beyond U+10FFFF show in the second byte. */
	if (s[0] == 0xe0)
		low = 0xa0;
	if (s[0] == 0xf0)
		low = 0x90;
	if (s[0] == 0xed)
		high = 0x9f;
	if (s[0] == 0xf4)
		high = 0x8f;
	if (s[1] < low || s[1] > high)
		return 1;
	for (size_t i = 2; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 1;
	}
	return len;
}

/* For terminals: C0, DEL and C1 as \xNN, C1 also where it is one byte or the two of UTF-8. */
static void put_visible(struct text_writer *t, const char *data, size_t len)
{
	const uint8_t *s = (const uint8_t *)data;

	for (size_t i = 0, n; i < len; i += n) {
		n = utf8_length(s + i, len - i);
		if (n == 2 && s[i] == 0xc2 && s[i + 1] < 0xa0) {
			put_hex(t, s[i]);
			put_hex(t, s[i + 1]);
		} else if (n == 1 && (s[i] < 0x20 || (s[i] >= 0x7f && s[i] < 0xa0))) {
			put_hex(t, s[i]);
		} else {
			put_mem(t, data + i, n);
		}
	}
}

/* ASCII that can be turned back into the same bytes: \xNN for other bytes, \\ for a backslash. */
static void put_ascii(struct text_writer *t, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint8_t byte = (uint8_t)data[i];

		if (byte == '\\')
			put_mem(t, "\\\\", 2);
		else if (byte < 0x20 || byte > 0x7e)
			put_hex(t, byte);
		else
			put_char(t, data[i]);
	}
}

/* The same within quotes, which then are escaped once more: by a backslash or by being doubled. */
static void put_json_string(struct text_writer *t, const char *data, size_t len)
{
	put_char(t, '"');
	for (size_t i = 0; i < len; i++) {
		char *start = t->at;

		put_ascii(t, data + i, 1);
		if (*start == '\\' || *start == '"') {
			size_t n = (size_t)(t->at - start);

			/* `\\` becomes four, `\xNN` begins with two, a quote gets one. */
			memmove(start + 1, start, n);
			*start = '\\';
			t->at++;
			if (n == 2)
				put_char(t, '\\');
		}
	}
	put_char(t, '"');
}

static void put_csv_string(struct text_writer *t, const char *data, size_t len)
{
	bool quoted = memchr(data, ',', len) || memchr(data, '"', len);

	if (!quoted)
		return put_ascii(t, data, len);
	put_char(t, '"');
	for (size_t i = 0; i < len; i++) {
		put_ascii(t, data + i, 1);
		if (data[i] == '"')
			put_char(t, '"');
	}
	put_char(t, '"');
}

static void put_two_digits(struct text_writer *t, uint32_t v)
{
	if (v < 10)
		put_char(t, '0');
	put_num(t, v);
}

static void put_padded_endpoint(struct text_writer *t, uint8_t af, const uint8_t *addr, uint16_t port,
				size_t width)
{
	const char *start = t->at;

	put_endpoint(t, af, addr, port);
	pad_to(t, start, width);
}

static void put_table_row(struct text_writer *t, const struct ipvsf_conn *row, const char *text,
			  bool with_engine)
{
	const char *start = t->at;

	put_protocol(t, row->protocol);
	pad_to(t, start, 3);
	put_char(t, ' ');
	put_two_digits(t, row->expires / 60);
	put_char(t, ':');
	put_two_digits(t, row->expires % 60);
	put_mem(t, "  ", row->expires >= 6000 ? 1 : 2);
	start = t->at;
	put_str(t, row->state);
	pad_to(t, start, 11);
	put_char(t, ' ');
	put_padded_endpoint(t, row->af, row->caddr, row->cport, 18);
	put_char(t, ' ');
	put_padded_endpoint(t, row->af, row->vaddr, row->vport, 18);
	put_char(t, ' ');
	with_engine = with_engine && row->pe_len && row->data_len;
	put_padded_endpoint(t, row->daf, row->daddr, row->dport, with_engine ? 16 : 0);
	if (with_engine) {
		put_char(t, ' ');
		start = t->at;
		put_mem(t, text + row->pe_at, row->pe_len);
		pad_to(t, start, 18);
		put_char(t, ' ');
		put_visible(t, text + row->data_at, row->data_len);
	}
	put_char(t, '\n');
}

static void put_address(struct text_writer *t, uint8_t af, const uint8_t *addr)
{
	if (af == AF_INET)
		return put_dotted(t, addr);
	inet_ntop(AF_INET6, addr, t->at, INET6_ADDRSTRLEN);
	t->at += strlen(t->at);
}

static const char *forwarding_of(const struct ipvsf_conn *row)
{
	switch (row->flags & IP_VS_CONN_F_FWD_MASK) {
	case IP_VS_CONN_F_MASQ:
		return "masq";
	case IP_VS_CONN_F_LOCALNODE:
		return "local";
	case IP_VS_CONN_F_TUNNEL:
		return "tunnel";
	case IP_VS_CONN_F_DROUTE:
		return "route";
	case IP_VS_CONN_F_BYPASS:
		return "bypass";
	default:
		return "";
	}
}

static const char *origin_of(const struct ipvsf_conn *row)
{
	return row->flags & IP_VS_CONN_F_SYNC ? "sync" : "local";
}

static void put_csv_details(struct text_writer *t, const struct ipvsf_conn *row)
{
	if (!(row->known & IPVSF_CONN_DETAILS))
		return put_str(t, ",,,,,");
	put_char(t, ',');
	put_str(t, forwarding_of(row));
	put_char(t, ',');
	put_str(t, origin_of(row));
	put_char(t, ',');
	put_num(t, row->fwmark);
	put_char(t, ',');
	put_num(t, row->timeout);
	put_char(t, ',');
	put_num(t, row->packets);
}

static void put_json_details(struct text_writer *t, const struct ipvsf_conn *row)
{
	if (!(row->known & IPVSF_CONN_DETAILS))
		return;
	put_str(t, ",\"forwarding\":\"");
	put_str(t, forwarding_of(row));
	put_str(t, "\",\"origin\":\"");
	put_str(t, origin_of(row));
	put_str(t, "\",\"fwmark\":");
	put_num(t, row->fwmark);
	put_str(t, ",\"timeout\":");
	put_num(t, row->timeout);
	put_str(t, ",\"packets\":");
	put_num(t, row->packets);
}

static void put_csv_row(struct text_writer *t, const struct ipvsf_conn *row, const char *text, bool details)
{
	const struct {
		uint8_t af;
		const uint8_t *addr;
		uint16_t port;
	} places[] = { { row->af, row->caddr, row->cport },
		       { row->af, row->vaddr, row->vport },
		       { row->daf, row->daddr, row->dport } };

	put_protocol(t, row->protocol);
	put_char(t, ',');
	put_csv_string(t, row->state, strlen(row->state));
	for (int i = 0; i < 3; i++) {
		put_char(t, ',');
		put_address(t, places[i].af, places[i].addr);
		put_char(t, ',');
		put_num(t, places[i].port);
	}
	put_char(t, ',');
	put_num(t, row->expires);
	put_str(t, row->template ? ",true," : ",false,");
	put_csv_string(t, text + row->pe_at, row->pe_len);
	put_char(t, ',');
	put_csv_string(t, text + row->data_at, row->data_len);
	if (details)
		put_csv_details(t, row);
	put_char(t, '\n');
}

static void put_json_place(struct text_writer *t, const char *name, uint8_t af, const uint8_t *addr,
			   uint16_t port)
{
	put_mem(t, ",\"", 2);
	put_str(t, name);
	put_mem(t, "\":\"", 3);
	put_address(t, af, addr);
	put_mem(t, "\",\"", 3);
	put_str(t, name);
	put_str(t, "_port\":");
	put_num(t, port);
}

static void put_json_row(struct text_writer *t, const struct ipvsf_conn *row, const char *text)
{
	put_str(t, "{\"protocol\":\"");
	put_protocol(t, row->protocol);
	put_str(t, "\",\"state\":");
	put_json_string(t, row->state, strlen(row->state));
	put_json_place(t, "client", row->af, row->caddr, row->cport);
	put_json_place(t, "service", row->af, row->vaddr, row->vport);
	put_json_place(t, "destination", row->daf, row->daddr, row->dport);
	put_str(t, ",\"expires\":");
	put_num(t, row->expires);
	put_str(t, row->template ? ",\"template\":true" : ",\"template\":false");
	if (row->pe_len) {
		put_str(t, ",\"pe\":");
		put_json_string(t, text + row->pe_at, row->pe_len);
		put_str(t, ",\"pe_data\":");
		put_json_string(t, text + row->data_at, row->data_len);
	} else {
		put_str(t, ",\"pe\":null,\"pe_data\":null");
	}
	put_json_details(t, row);
	put_char(t, '}');
}

static void put_row(struct text_writer *t, uint32_t format, bool first, const struct ipvsf_conn *row,
		    const char *text)
{
	switch (format) {
	case IPVSF_CONN_CSV:
	case IPVSF_CONN_CSV_DETAILS:
		put_csv_row(t, row, text, format == IPVSF_CONN_CSV_DETAILS);
		break;
	case IPVSF_CONN_JSON:
		put_json_row(t, row, text);
		put_char(t, '\n');
		break;
	case IPVSF_CONN_JSON_LIST:
		put_mem(t, ",\n", first ? 0 : 2);
		put_json_row(t, row, text);
		break;
	default:
		put_table_row(t, row, text, format == IPVSF_CONN_TABLE_PE);
	}
}

int ipvsf_conns_text(struct ipvsf_conns *conns, uint32_t format, char *buf, size_t size, uint32_t budget_ms,
		     size_t *len)
{
	struct text_writer t = { buf };
	const struct ipvsf_conn *row;
	struct ipvsf_conn_account account;
	struct ipvsf_pull pull;
	bool first;
	int r;

	*len = 0;
	ipvsf_conns_account(conns, &account);
	first = !account.matched;
	ipvsf_pull_begin(&pull, conns, budget_ms);
	while (!(r = ipvsf_pull_next(&pull, &row))) {
		size_t left = size - (size_t)(t.at - buf);

		if (left < LONGEST_FIXED + ((size_t)row->data_len + row->pe_len) * LONGEST_BYTE) {
			if (t.at == buf)
				r = -EMSGSIZE;
			ipvsf_pull_undo(&pull);
			break;
		}
		put_row(&t, format, first, row, pull.text);
		first = false;
	}
	*len = (size_t)(t.at - buf);
	return r == -EAGAIN || r == -ENODATA ? 0 : r;
}

/* The engine's name and data move to the text that goes with the rows. */
static int keep_text(struct ipvsf_conn *row, const char *from, char *text, size_t size, size_t *used)
{
	size_t need = row->pe_len + (size_t)row->data_len;

	if (need > size - *used)
		return -ENOSPC;
	memcpy(text + *used, from + row->pe_at, row->pe_len);
	row->pe_at = (uint32_t)*used;
	*used += row->pe_len;
	memcpy(text + *used, from + row->data_at, row->data_len);
	row->data_at = (uint32_t)*used;
	*used += row->data_len;
	return 0;
}

int ipvsf_conns_rows(struct ipvsf_conns *conns, struct ipvsf_conn *rows, size_t size, char *text,
		     size_t text_size, uint32_t budget_ms, size_t *count, size_t *text_len)
{
	const struct ipvsf_conn *row;
	struct ipvsf_pull pull;
	int r = 0;

	*count = *text_len = 0;
	ipvsf_pull_begin(&pull, conns, budget_ms);
	while (*count < size && !(r = ipvsf_pull_next(&pull, &row))) {
		rows[*count] = *row;
		if (row->pe_len && keep_text(&rows[*count], pull.text, text, text_size, text_len)) {
			ipvsf_pull_undo(&pull);
			return *count ? 0 : -EMSGSIZE;
		}
		++*count;
	}
	return r == -EAGAIN || r == -ENODATA ? 0 : r;
}
