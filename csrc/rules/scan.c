/* SPDX-License-Identifier: MIT */
/*
 * The canonical numeric rule line, as `ipvsadm -S -n` and `ipvsfast save` print it, -> packed operation.
 * The grammar in Python defines the language; a line that is read here must mean the same there (a
 * property test checks that), and every line that is not exactly canonical is left to Python.
 */
#include "core/dest_numbers.h"
#include "core/values.h"

#include <arpa/inet.h>

struct scanner {
	const char *at;
	const char *end;		 /* of the line, without LF and CR */
	const char *server, *server_end; /* the address of a dest */
};

/* A rule of a dest that was read, and its line around that address. */
struct pattern {
	const char *head, *tail;
	size_t head_len, tail_len;
	const struct ipvsf_op *op; /* NULL: none was read */
};

/* One word, blank-separated; false at the end of the line. */
static bool word(struct scanner *s, const char **w, size_t *len)
{
	while (s->at < s->end && (*s->at == ' ' || *s->at == '\t'))
		s->at++;
	*w = s->at;
	while (s->at < s->end && *s->at != ' ' && *s->at != '\t')
		s->at++;
	*len = (size_t)(s->at - *w);
	return *len > 0;
}

/* A two-letter option; 0 if the next word is something else, which is then not consumed. */
static char peek_option(struct scanner *s)
{
	struct scanner ahead = *s;
	const char *w;
	size_t len;

	if (!word(&ahead, &w, &len) || len != 2 || w[0] != '-')
		return 0;
	return w[1];
}

static bool take_option(struct scanner *s, char letter)
{
	const char *w;
	size_t len;

	if (peek_option(s) != letter)
		return false;
	return word(s, &w, &len);
}

static bool take_word(struct scanner *s, const char *text)
{
	struct scanner ahead = *s;
	const char *w;
	size_t len;

	if (!word(&ahead, &w, &len) || len != strlen(text) || memcmp(w, text, len))
		return false;
	*s = ahead;
	return true;
}

static bool digits(const char *w, size_t len, uint64_t low, uint64_t high, uint64_t *ret)
{
	uint64_t v = 0;

	if (!len || len > 10 || (len > 1 && w[0] == '0'))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (w[i] < '0' || w[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(w[i] - '0');
	}
	*ret = v;
	return v >= low && v <= high;
}

static bool number(struct scanner *s, uint64_t low, uint64_t high, uint64_t *ret)
{
	const char *w;
	size_t len;

	return word(s, &w, &len) && digits(w, len, low, high, ret);
}

static bool dotted(const char *w, size_t len, uint8_t addr[4])
{
	const char *end = w + len;

	for (int i = 0; i < 4; i++) {
		const char *start = w;
		uint64_t v;

		while (w < end && *w != '.')
			w++;
		if (!digits(start, (size_t)(w - start), 0, 255, &v))
			return false;
		addr[i] = (uint8_t)v;
		if (i < 3 && w++ == end)
			return false;
	}
	return w == end;
}

static bool endpoint(struct scanner *s, uint16_t *af, uint8_t addr[16], uint16_t *port)
{
	const char *w, *colon;
	char text[INET6_ADDRSTRLEN];
	size_t len;
	uint64_t v;

	if (!word(s, &w, &len) || memchr(w, 0, len)) /* inet_pton() would end at a NUL */
		return false;
	colon = memrchr(w, ':', len);
	if (!colon || !digits(colon + 1, (size_t)(w + len - colon - 1), 0, 65535, &v))
		return false;
	*port = (uint16_t)v;
	len = (size_t)(colon - w);
	if (len >= 4 && w[0] == '[' && w[len - 1] == ']' && len - 2 < sizeof(text)) {
		memcpy(text, w + 1, len - 2);
		text[len - 2] = 0;
		*af = AF_INET6;
		return inet_pton(AF_INET6, text, addr) == 1;
	}
	*af = AF_INET;
	return dotted(w, len, addr);
}

static bool name(struct scanner *s, char *to, size_t max)
{
	const char *w;
	size_t len;

	if (!word(s, &w, &len) || len > max)
		return false;
	for (size_t i = 0; i < len; i++) {
		/* A name never begins like an option, and bytes beyond ASCII are not for here. */
		if (w[i] <= ' ' || w[i] > '~' || w[0] == '-')
			return false;
	}
	memcpy(to, w, len);
	return true;
}

static bool service_key(struct scanner *s, struct ipvsf_service *svc)
{
	uint64_t mark;

	switch (peek_option(s)) {
	case 't':
		svc->protocol = IPPROTO_TCP;
		break;
	case 'u':
		svc->protocol = IPPROTO_UDP;
		break;
	case 'f':
		if (!take_option(s, 'f') || !number(s, 1, UINT32_MAX, &mark))
			return false;
		svc->fwmark = (uint32_t)mark;
		svc->af = take_option(s, '6') ? AF_INET6 : AF_INET;
		return true;
	default:
		if (!take_word(s, "--sctp-service"))
			return false;
		svc->protocol = IPPROTO_SCTP;
		return endpoint(s, &svc->af, svc->addr, &svc->port);
	}
	return take_option(s, peek_option(s)) && endpoint(s, &svc->af, svc->addr, &svc->port);
}

static bool netmask(struct scanner *s, struct ipvsf_service *svc)
{
	uint8_t mask[4];
	const char *w;
	size_t len;
	uint64_t v;

	if (!word(s, &w, &len))
		return false;
	if (svc->af == AF_INET6) {
		if (!digits(w, len, 1, 128, &v))
			return false;
		svc->netmask = (uint32_t)v;
		return true;
	}
	if (!dotted(w, len, mask))
		return false;
	svc->netmask = (uint32_t)mask[0] << 24 | (uint32_t)mask[1] << 16 | (uint32_t)mask[2] << 8 | mask[3];
	return true;
}

/* Comma-separated flag names, each of which must fit the scheduler. */
static bool sched_flags(struct scanner *s, struct ipvsf_service *svc)
{
	static const struct {
		const char *name;
		const char *sched;
		uint32_t bit;
	} known[] = {
		{ "flag-1", NULL, IP_VS_SVC_F_SCHED1 },	 { "flag-2", NULL, IP_VS_SVC_F_SCHED2 },
		{ "flag-3", NULL, IP_VS_SVC_F_SCHED3 },	 { "sh-fallback", "sh", IP_VS_SVC_F_SCHED1 },
		{ "sh-port", "sh", IP_VS_SVC_F_SCHED2 }, { "mh-fallback", "mh", IP_VS_SVC_F_SCHED1 },
		{ "mh-port", "mh", IP_VS_SVC_F_SCHED2 },
	};
	const char *w, *end, *next;
	size_t len;

	if (!word(s, &w, &len))
		return false;
	for (end = w + len; w < end; w = next + 1) {
		size_t i, n = sizeof(known) / sizeof(known[0]);

		next = memchr(w, ',', (size_t)(end - w));
		if (!next)
			next = end;
		len = (size_t)(next - w);
		for (i = 0; i < n; i++) {
			if (strlen(known[i].name) == len && !memcmp(known[i].name, w, len))
				break;
		}
		if (i == n || (known[i].sched && strcmp(known[i].sched, svc->sched)))
			return false;
		svc->flags |= known[i].bit;
	}
	return true;
}

static bool add_service(struct scanner *s, struct ipvsf_op *op)
{
	struct ipvsf_service *svc = &op->u.service;
	uint64_t v;

	op->cmd = IPVSF_NEW_SERVICE;
	svc->flags_mask = UINT32_MAX;
	if (!service_key(s, svc) || !take_option(s, 's') || !name(s, svc->sched, sizeof(svc->sched) - 1))
		return false;
	svc->netmask = svc->af == AF_INET ? UINT32_MAX : 128;
	if (take_option(s, 'p')) {
		if (!number(s, 1, TIMEOUT_MAX, &v))
			return false;
		svc->timeout = (uint32_t)v;
		svc->flags |= IP_VS_SVC_F_PERSISTENT;
		if (take_option(s, 'M') && !netmask(s, svc))
			return false;
	}
	if (take_word(s, "--pe") && !name(s, svc->pe, 16))
		return false;
	if (take_option(s, 'o')) {
		if (!svc->fwmark && svc->protocol != IPPROTO_UDP)
			return false;
		svc->flags |= IP_VS_SVC_F_ONEPACKET;
	}
	if (take_option(s, 'b') && !sched_flags(s, svc))
		return false;
	return svc->fwmark || svc->port || svc->timeout;
}

static bool tunnel(struct scanner *s, struct ipvsf_dest *dst)
{
	const char *w;
	size_t len;
	uint64_t v;

	if (!word(s, &w, &len))
		return false;
	if (len == 4 && !memcmp(w, "ipip", 4))
		return true;
	if (len != 3 || (memcmp(w, "gue", 3) && memcmp(w, "gre", 3)))
		return false;
	dst->tun_type = w[1] == 'u' ? IP_VS_CONN_F_TUNNEL_TYPE_GUE : IP_VS_CONN_F_TUNNEL_TYPE_GRE;
	if (dst->tun_type == IP_VS_CONN_F_TUNNEL_TYPE_GUE) {
		if (!take_word(s, "--tun-port") || !number(s, 1, 65535, &v))
			return false;
		dst->tun_port = (uint16_t)v;
		if (take_word(s, "--tun-remcsum")) {
			dst->tun_flags = IP_VS_TUNNEL_ENCAP_FLAG_REMCSUM;
			return true;
		}
	}
	if (take_word(s, "--tun-csum"))
		dst->tun_flags = IP_VS_TUNNEL_ENCAP_FLAG_CSUM;
	else if (!take_word(s, "--tun-nocsum"))
		return false;
	return true;
}

static bool forwarding(struct scanner *s, const struct ipvsf_service *svc, struct ipvsf_dest *dst)
{
	switch (peek_option(s)) {
	case 'm':
		dst->fwd = IP_VS_CONN_F_MASQ;
		break;
	case 'i':
		dst->fwd = IP_VS_CONN_F_TUNNEL;
		break;
	case 'g':
		dst->fwd = IP_VS_CONN_F_DROUTE;
		break;
	default:
		return false;
	}
	/* Families that differ, and ports that ipvsadm would overwrite, are for the grammar. */
	if (dst->fwd != IP_VS_CONN_F_TUNNEL && dst->af != svc->af)
		return false;
	if (dst->fwd != IP_VS_CONN_F_MASQ && !svc->fwmark && dst->port != svc->port)
		return false;
	return take_option(s, peek_option(s));
}

static bool take_number(struct scanner *s, char option, bool always, void *to)
{
	uint64_t v;

	if (!take_option(s, option))
		return !always;
	if (!number(s, 0, INT32_MAX, &v))
		return false;
	*(uint32_t *)to = (uint32_t)v;
	return true;
}

/* Those that are in every rule, or the others. */
static inline bool numbers(struct scanner *s, bool of_all, struct ipvsf_dest *dst)
{
#define TAKE(member, name, option, always, attribute, ...)                     \
	if (always == of_all && !take_number(s, option, always, &dst->member)) \
		return false;
	DEST_NUMBERS(TAKE)
#undef TAKE
	return true;
}

static bool add_server(struct scanner *s, struct ipvsf_op *op)
{
	struct ipvsf_dest *dst = &op->dest;

	op->cmd = IPVSF_NEW_DEST;
	if (!service_key(s, &op->u.service) || !take_option(s, 'r'))
		return false;
	while (s->at < s->end && (*s->at == ' ' || *s->at == '\t'))
		s->at++;
	s->server = s->at;
	if (!endpoint(s, &dst->af, dst->addr, &dst->port))
		return false;
	s->server_end = s->at;
	if (!forwarding(s, &op->u.service, dst) || !numbers(s, true, dst))
		return false;
	if (take_word(s, "--tun-type") && (dst->fwd != IP_VS_CONN_F_TUNNEL || !tunnel(s, dst)))
		return false;
	return numbers(s, false, dst);
}

static bool set_timeouts(struct scanner *s, struct ipvsf_op *op)
{
	uint32_t *each[] = { &op->u.timeouts.tcp, &op->u.timeouts.tcp_fin, &op->u.timeouts.udp };

	op->cmd = IPVSF_SET_CONFIG;
	for (int i = 0; i < 3; i++) {
		uint64_t v;

		if (!number(s, 0, TIMEOUT_MAX, &v))
			return false;
		*each[i] = (uint32_t)v;
	}
	return true;
}

/* A number of at most `most`, as digits() takes it, of which the end is not known; *at is moved behind it. */
static inline bool short_number(const char **at, const char *end, uint32_t most, uint32_t *ret)
{
	const char *c = *at;
	uint32_t v = 0;

	while (c < end && c - *at < 6 && *c >= '0' && *c <= '9')
		v = v * 10 + (uint32_t)(*c++ - '0');
	if (c == *at || v > most || (**at == '0' && c - *at > 1))
		return false;
	*at = c;
	*ret = v;
	return true;
}

/*
 * Nearly all rules of a file are like the one before them but for the IPv4 address and port of the dest. Such a line
 * means the same with these; all else is read word by word.
 */
static bool like_before(const struct pattern *p, const char *line, const char *end, struct ipvsf_op *op)
{
	const char *at = line + p->head_len;
	uint32_t number;

	if (!p->op || (size_t)(end - line) < p->head_len + p->tail_len || memcmp(line, p->head, p->head_len))
		return false;
	*op = *p->op;
	for (int i = 0; i < 4; i++) {
		if (!short_number(&at, end, 255, &number) || at == end || *at++ != (i < 3 ? '.' : ':'))
			return false;
		op->dest.addr[i] = (uint8_t)number;
	}
	if (!short_number(&at, end, 65535, &number) || (size_t)(end - at) != p->tail_len ||
	    memcmp(at, p->tail, p->tail_len))
		return false;
	op->dest.port = (uint16_t)number;
	return op->dest.fwd == IP_VS_CONN_F_MASQ || op->u.service.fwmark || number == p->op->dest.port;
}

static void keep_pattern(struct pattern *p, const struct scanner *s, const char *line, const char *end,
			 const struct ipvsf_op *op)
{
	if (op->cmd != IPVSF_NEW_DEST || op->dest.af != AF_INET)
		return;
	*p = (struct pattern){ .head = line,
			       .head_len = (size_t)(s->server - line),
			       .tail = s->server_end,
			       .tail_len = (size_t)(end - s->server_end),
			       .op = op };
}

/* 1: an operation; 0: nothing to do (blank, comment); -1: not canonical. */
static int scan_line(const char *line, const char *end, struct ipvsf_op *op, struct pattern *pattern)
{
	struct scanner s = { .at = line, .end = end };
	const char *w;
	size_t len;
	bool known;

	if (like_before(pattern, line, end, op))
		return 1;
	while (s.end > s.at && (s.end[-1] == '\r' || s.end[-1] == ' ' || s.end[-1] == '\t'))
		s.end--;
	if (!word(&s, &w, &len) || *w == '#')
		return 0;
	memset(op, 0, sizeof(*op));
	if (len == 2 && !memcmp(w, "-a", 2))
		known = add_server(&s, op);
	else if (len == 2 && !memcmp(w, "-A", 2))
		known = add_service(&s, op);
	else if (len == 5 && !memcmp(w, "--set", 5))
		known = set_timeouts(&s, op);
	else
		return -1;
	if (!known || word(&s, &w, &len))
		return -1;
	keep_pattern(pattern, &s, line, end, op);
	return 1;
}

int ipvsf_rules_scan(const char *text, size_t len, struct ipvsf_op *ops, uint32_t *offsets, uint32_t *numbers,
		     size_t size, struct ipvsf_scan *scan)
{
	const char *end = text + len;
	struct pattern pattern = { 0 };

	scan->stopped = 0;
	while (scan->used < len && scan->count < size) {
		const char *line = text + scan->used;
		const char *lf = memchr(line, '\n', (size_t)(end - line));
		int r;

		if (!lf)
			break;
		r = scan_line(line, lf, &ops[scan->count], &pattern);
		if (r < 0) {
			scan->stopped = 1;
			break;
		}
		scan->line++;
		if (r) {
			offsets[scan->count] = (uint32_t)scan->used;
			numbers[scan->count++] = (uint32_t)scan->line;
		}
		scan->used = (size_t)(lf - text) + 1;
	}
	return 0;
}
