/* SPDX-License-Identifier: MIT */
/*
 * Lines of /proc/net/ip_vs_conn to rows. The kernel writes fixed columns: protocol, three addresses
 * with their ports in hexadecimal, state, seconds, and perhaps the name of a persistence engine and
 * what that keeps. Pure: no I/O, no netlink.
 */
#include "conns/reading.h"

#include <netinet/in.h>
#include <sys/socket.h>

#define HEX4_LEN 8
#define HEX6_LEN 39 /* eight groups of four digits, a colon between */
#define PE_NAME_MAX 16
#define NOT_HEX 0x80

struct line {
	const char *at;
	const char *end; /* the LF */
};

static const uint8_t hex_value[256] = {
	/* A designated table: everything not named is 0, so values are stored plus one. */
	['0'] = 1,  ['1'] = 2,	['2'] = 3,  ['3'] = 4,	['4'] = 5,  ['5'] = 6,	['6'] = 7,  ['7'] = 8,
	['8'] = 9,  ['9'] = 10, ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
	['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
};

/* The value of two digits; at least NOT_HEX if one of them is not a digit. */
static inline unsigned int hex_byte(const char *s)
{
	unsigned int high = hex_value[(uint8_t)s[0]], low = hex_value[(uint8_t)s[1]];

	if (!high || !low)
		return NOT_HEX << 8;
	return (high - 1) << 4 | (low - 1);
}

/* `count` bytes of two digits each; false if there is anything else. */
static inline bool take_bytes(const char *s, uint8_t *ret, int count)
{
	unsigned int all = 0;

	for (int i = 0; i < count; i++) {
		unsigned int byte = hex_byte(s + 2 * i);

		all |= byte;
		ret[i] = (uint8_t)byte;
	}
	return all < NOT_HEX << 8;
}

/* An address of either family and its port, each with the blank before it. */
static bool take_endpoint(struct line *l, uint8_t *af, uint8_t *addr, uint16_t *port)
{
	const char *s = l->at + 1;
	ptrdiff_t left = l->end - l->at;
	uint8_t bytes[2];

	if (left < 1 + HEX4_LEN + 5 || l->at[0] != ' ')
		return false;
	if (s[HEX4_LEN] == ' ') {
		*af = AF_INET;
		if (!take_bytes(s, addr, 4))
			return false;
		s += HEX4_LEN;
	} else {
		if (left < 1 + HEX6_LEN + 5)
			return false;
		*af = AF_INET6;
		for (int i = 0; i < 8; i++) {
			if (!take_bytes(s + 5 * i, addr + 2 * i, 2) || (i < 7 && s[5 * i + 4] != ':'))
				return false;
		}
		s += HEX6_LEN;
	}
	if (s[0] != ' ' || !take_bytes(s + 1, bytes, 2))
		return false;
	*port = (uint16_t)(bytes[0] << 8 | bytes[1]);
	l->at = s + 5;
	return true;
}

/* A number of up to `max`, ended by a blank or the line's end. */
static bool take_number(struct line *l, uint64_t max, uint64_t *ret)
{
	const char *start = l->at;
	uint64_t value = 0;

	for (; l->at < l->end && *l->at >= '0' && *l->at <= '9'; l->at++) {
		value = value * 10 + (uint64_t)(*l->at - '0');
		if (value > max)
			return false;
	}
	*ret = value;
	return l->at > start && (l->at == l->end || *l->at == ' ');
}

static void skip_blanks(struct line *l)
{
	while (l->at < l->end && *l->at == ' ')
		l->at++;
}

static const struct {
	char name[8];
	uint8_t len;
	uint8_t protocol;
} protocols[] = {
	{ "TCP", 3, IPPROTO_TCP }, { "UDP", 3, IPPROTO_UDP },	{ "SCTP", 4, IPPROTO_SCTP },
	{ "IP", 2, IPPROTO_IP },   { "ICMP", 4, IPPROTO_ICMP }, { "ICMPv6", 6, IPPROTO_ICMPV6 },
};

/* The protocol's name, padded to three places: what follows is the blank before the first address. */
static bool take_protocol(struct line *l, uint8_t *ret)
{
	const char *start = l->at;
	size_t len;
	uint64_t number;

	while (l->at < l->end && *l->at != ' ')
		l->at++;
	len = (size_t)(l->at - start);
	while (l->at + 1 < l->end && l->at[1] == ' ')
		l->at++;
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		if (protocols[i].len == len && !memcmp(protocols[i].name, start, len)) {
			*ret = protocols[i].protocol;
			return true;
		}
	}
	if (len > 3 && !memcmp(start, "IP_", 3)) {
		struct line digits = { start + 3, start + len };

		if (take_number(&digits, 255, &number) && digits.at == digits.end) {
			*ret = (uint8_t)number;
			return true;
		}
	}
	return false;
}

static bool take_state(struct line *l, char *ret)
{
	size_t len = 0;

	if (l->at == l->end || *l->at != ' ')
		return false;
	l->at++;
	for (; l->at < l->end && *l->at != ' '; l->at++) {
		/* Room for a NUL stays: no state of any kernel is that long. */
		if (len == 15 || *l->at < '!' || *l->at > '~')
			return false;
		ret[len++] = *l->at;
	}
	skip_blanks(l);
	return len > 0;
}

/* ` NAME DATA`: the engine's name, then all the rest of the line as it came from the network. */
static bool take_engine(struct line *l, const char *text, struct ipvsf_conn *row)
{
	const char *name;

	if (l->at == l->end)
		return true;
	name = ++l->at;
	while (l->at < l->end && *l->at != ' ') {
		if (*l->at < '!' || *l->at > '~')
			return false;
		l->at++;
	}
	if (l->at == name)
		return l->at == l->end; /* data without an engine is not accepted */
	if (l->at - name > PE_NAME_MAX)
		return false;
	row->pe_len = (uint8_t)(l->at - name);
	row->pe_at = (uint32_t)(name - text);
	if (l->at < l->end)
		l->at++;
	row->data_at = (uint32_t)(l->at - text);
	row->data_len = (uint32_t)(l->end - l->at);
	return true;
}

/* The file does not say whether an entry is a template. An entry without a client port is one, unless it is
 * a connection whose client port is not known yet (passive FTP); the state tells these apart. */
static bool is_template(const struct ipvsf_conn *row)
{
	return !row->cport && (!memcmp(row->state, "NONE", 5) || !memcmp(row->state, "ASSURED", 8));
}

static bool scan_line(struct line *l, const char *text, struct ipvsf_conn *row)
{
	uint8_t vaf;
	uint64_t expires;

	memset(row, 0, sizeof(*row));
	if (!take_protocol(l, &row->protocol) || !take_endpoint(l, &row->af, row->caddr, &row->cport) ||
	    !take_endpoint(l, &vaf, row->vaddr, &row->vport) || vaf != row->af ||
	    !take_endpoint(l, &row->daf, row->daddr, &row->dport) || !take_state(l, row->state) ||
	    !take_number(l, UINT32_MAX, &expires) || !take_engine(l, text, row))
		return false;
	row->expires = (uint32_t)expires;
	row->template = is_template(row);
	return true;
}

static bool is_blank(const char *s, const char *end)
{
	for (; s < end; s++) {
		if (*s != ' ' && (*s < '\t' || *s > '\r'))
			return false;
	}
	return true;
}

void ipvsf_scan_note(struct ipvsf_conn_scan *scan, const char *s, const char *end)
{
	size_t len = 0;

	if (!scan->unreadable++) {
		for (; s < end && len < sizeof(scan->first_unreadable) - 1; s++)
			scan->first_unreadable[len++] = *s >= ' ' && *s <= '~' ? *s : '?';
		scan->first_unreadable[len] = '\0';
	}
}

int ipvsf_conns_scan(const char *text, size_t len, struct ipvsf_conn *rows, size_t size,
		     struct ipvsf_conn_scan *scan)
{
	const char *at = text + scan->used, *end = text + len;

	if (len > UINT32_MAX)
		return -EFBIG; /* positions have 32 bits */
	scan->count = 0;
	while (scan->count < size && at < end) {
		const char *lf = memchr(at, '\n', (size_t)(end - at));
		struct line l = { at, lf };

		if (!lf)
			break;
		if (lf - at <= IPVSF_LINE_MAX && scan_line(&l, text, &rows[scan->count]))
			scan->count++;
		else if (!is_blank(at, lf))
			ipvsf_scan_note(scan, at, lf);
		at = lf + 1;
	}
	scan->used = (size_t)(at - text);
	return 0;
}
