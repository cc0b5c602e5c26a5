/* SPDX-License-Identifier: MIT */
/* Generic netlink message -> packed row. No I/O; the input is not trusted. */
#include "core/dest_numbers.h"

#include <arpa/inet.h>

/* The payload bytes behind nlmsghdr and genlmsghdr; NULL if the message is cut. */
static const uint8_t *body(const void *msg, size_t len, size_t *body_len)
{
	const struct nlmsghdr *nlh = msg;
	size_t head = NLMSG_HDRLEN + GENL_HDRLEN;

	if (len < head || nlh->nlmsg_len < head || nlh->nlmsg_len > len)
		return NULL;
	*body_len = nlh->nlmsg_len - head;
	return (const uint8_t *)msg + head;
}

/* Sorts the attributes of a level by type; unknown ones are passed over, the last of a type wins. */
static int parse(const uint8_t *at, size_t len, const struct nlattr **tb, size_t max)
{
	memset(tb, 0, (max + 1) * sizeof(*tb));
	while (len >= NLA_HDRLEN) {
		const struct nlattr *nla = (const struct nlattr *)at;
		size_t step, type = nla->nla_type & NLA_TYPE_MASK;

		if (nla->nla_len < NLA_HDRLEN || nla->nla_len > len)
			return -EBADMSG;
		if (type <= max)
			tb[type] = nla;
		step = NLA_ALIGN(nla->nla_len);
		if (step >= len)
			return 0;
		at += step;
		len -= step;
	}
	return len ? -EBADMSG : 0;
}

static size_t attr_len(const struct nlattr *nla)
{
	return nla->nla_len - NLA_HDRLEN;
}

static const uint8_t *attr_data(const struct nlattr *nla)
{
	return (const uint8_t *)nla + NLA_HDRLEN;
}

static int parse_nest(const struct nlattr *nla, const struct nlattr **tb, size_t max)
{
	return parse(attr_data(nla), attr_len(nla), tb, max);
}

static uint8_t get_u8(const struct nlattr *nla)
{
	return nla && attr_len(nla) >= 1 ? *attr_data(nla) : 0;
}

static uint16_t get_u16(const struct nlattr *nla)
{
	uint16_t v = 0;

	if (nla && attr_len(nla) >= sizeof(v))
		memcpy(&v, attr_data(nla), sizeof(v));
	return v;
}

static uint32_t get_u32(const struct nlattr *nla)
{
	uint32_t v = 0;

	if (nla && attr_len(nla) >= sizeof(v))
		memcpy(&v, attr_data(nla), sizeof(v));
	return v;
}

static uint64_t get_u64(const struct nlattr *nla)
{
	uint64_t v = 0;

	if (nla && attr_len(nla) >= sizeof(v))
		memcpy(&v, attr_data(nla), sizeof(v));
	return v;
}

static void get_bytes(const struct nlattr *nla, void *to, size_t size)
{
	size_t len = nla ? attr_len(nla) : 0;

	memset(to, 0, size);
	if (nla)
		memcpy(to, attr_data(nla), len < size ? len : size);
}

static void get_name(const struct nlattr *nla, char *to, size_t size)
{
	get_bytes(nla, to, size);
	to[size - 1] = 0;
}

/* Kernels before 4.1 send only the 32-bit set (bytes have 64 bits in both). */
static int get_stats(const struct nlattr *s64, const struct nlattr *s32, struct ipvsf_stats *ret)
{
	const struct nlattr *tb[IPVS_STATS_ATTR_MAX + 1];
	uint64_t *to = &ret->conns;
	int r;

	memset(ret, 0, sizeof(*ret));
	if (!s64 && !s32)
		return 0;
	r = parse_nest(s64 ? s64 : s32, tb, IPVS_STATS_ATTR_MAX);
	if (r)
		return r;
	for (int i = 0; i < 10; i++) {
		const struct nlattr *nla = tb[IPVS_STATS_ATTR_CONNS + i];

		to[i] = nla && attr_len(nla) >= 8 ? get_u64(nla) : get_u32(nla);
	}
	return 0;
}

/* The nest of one command attribute. */
static int open_nest(const void *msg, size_t len, int attr, const struct nlattr **tb, size_t max)
{
	const struct nlattr *top[IPVS_CMD_ATTR_MAX + 1];
	size_t body_len;
	const uint8_t *at = body(msg, len, &body_len);
	int r;

	if (!at)
		return -EBADMSG;
	r = parse(at, body_len, top, IPVS_CMD_ATTR_MAX);
	if (r)
		return r;
	if (!top[attr])
		return -EBADMSG;
	return parse_nest(top[attr], tb, max);
}

int ipvsf_service_decode(const void *msg, size_t len, struct ipvsf_service_row *ret)
{
	const struct nlattr *tb[IPVS_SVC_ATTR_MAX + 1];
	struct ipvsf_service *c = &ret->conf;
	struct ip_vs_flags flags;
	int r = open_nest(msg, len, IPVS_CMD_ATTR_SERVICE, tb, IPVS_SVC_ATTR_MAX);

	if (r)
		return r;
	memset(ret, 0, sizeof(*ret));
	c->af = get_u16(tb[IPVS_SVC_ATTR_AF]);
	if (!c->af || (!tb[IPVS_SVC_ATTR_FWMARK] && !tb[IPVS_SVC_ATTR_ADDR]))
		return -EBADMSG;
	c->fwmark = get_u32(tb[IPVS_SVC_ATTR_FWMARK]);
	if (!c->fwmark) {
		c->protocol = get_u16(tb[IPVS_SVC_ATTR_PROTOCOL]);
		c->port = ntohs(get_u16(tb[IPVS_SVC_ATTR_PORT]));
		get_bytes(tb[IPVS_SVC_ATTR_ADDR], c->addr, c->af == AF_INET ? 4 : 16);
	}
	get_name(tb[IPVS_SVC_ATTR_SCHED_NAME], c->sched, sizeof(c->sched));
	get_name(tb[IPVS_SVC_ATTR_PE_NAME], c->pe, sizeof(c->pe));
	get_bytes(tb[IPVS_SVC_ATTR_FLAGS], &flags, sizeof(flags));
	c->flags = flags.flags & ~(uint32_t)IP_VS_SVC_F_HASHED;
	c->flags_mask = flags.mask;
	c->timeout = get_u32(tb[IPVS_SVC_ATTR_TIMEOUT]);
	c->netmask = get_u32(tb[IPVS_SVC_ATTR_NETMASK]);
	if (c->af == AF_INET)
		c->netmask = ntohl(c->netmask);
	return get_stats(tb[IPVS_SVC_ATTR_STATS64], tb[IPVS_SVC_ATTR_STATS], &ret->stats);
}

int ipvsf_dest_decode(const void *msg, size_t len, uint16_t service_af, struct ipvsf_dest_row *ret)
{
	const struct nlattr *tb[IPVS_DEST_ATTR_MAX + 1];
	struct ipvsf_dest *c = &ret->conf;
	int r = open_nest(msg, len, IPVS_CMD_ATTR_DEST, tb, IPVS_DEST_ATTR_MAX);

	if (r)
		return r;
	if (!tb[IPVS_DEST_ATTR_ADDR])
		return -EBADMSG;
	memset(ret, 0, sizeof(*ret));
	/* Before 3.18 a destination had the family of its service and said nothing. */
	c->af = tb[IPVS_DEST_ATTR_ADDR_FAMILY] ? get_u16(tb[IPVS_DEST_ATTR_ADDR_FAMILY]) : service_af;
	c->port = ntohs(get_u16(tb[IPVS_DEST_ATTR_PORT]));
	get_bytes(tb[IPVS_DEST_ATTR_ADDR], c->addr, c->af == AF_INET ? 4 : 16);
	c->fwd = get_u32(tb[IPVS_DEST_ATTR_FWD_METHOD]) & IP_VS_CONN_F_FWD_MASK;
#define GET(member, name, option, always, attribute, ...) c->member = get_u32(tb[IPVS_DEST_ATTR_##attribute]);
	DEST_NUMBERS(GET)
#undef GET
	c->tun_type = get_u8(tb[IPVS_DEST_ATTR_TUN_TYPE]);
	c->tun_port = ntohs(get_u16(tb[IPVS_DEST_ATTR_TUN_PORT]));
	c->tun_flags = get_u16(tb[IPVS_DEST_ATTR_TUN_FLAGS]);
	ret->active = get_u32(tb[IPVS_DEST_ATTR_ACTIVE_CONNS]);
	ret->inactive = get_u32(tb[IPVS_DEST_ATTR_INACT_CONNS]);
	ret->persistent = get_u32(tb[IPVS_DEST_ATTR_PERSIST_CONNS]);
	return get_stats(tb[IPVS_DEST_ATTR_STATS64], tb[IPVS_DEST_ATTR_STATS], &ret->stats);
}

int ipvsf_daemon_decode(const void *msg, size_t len, struct ipvsf_daemon *ret)
{
	const struct nlattr *tb[IPVS_DAEMON_ATTR_MAX + 1];
	int r = open_nest(msg, len, IPVS_CMD_ATTR_DAEMON, tb, IPVS_DAEMON_ATTR_MAX);

	if (r)
		return r;
	memset(ret, 0, sizeof(*ret));
	ret->state = get_u32(tb[IPVS_DAEMON_ATTR_STATE]);
	ret->sync_id = get_u32(tb[IPVS_DAEMON_ATTR_SYNC_ID]);
	ret->maxlen = get_u16(tb[IPVS_DAEMON_ATTR_SYNC_MAXLEN]);
	ret->port = get_u16(tb[IPVS_DAEMON_ATTR_MCAST_PORT]);
	ret->ttl = get_u8(tb[IPVS_DAEMON_ATTR_MCAST_TTL]);
	get_name(tb[IPVS_DAEMON_ATTR_MCAST_IFN], ret->ifn, sizeof(ret->ifn));
	if (tb[IPVS_DAEMON_ATTR_MCAST_GROUP6]) {
		ret->group_af = AF_INET6;
		get_bytes(tb[IPVS_DAEMON_ATTR_MCAST_GROUP6], ret->group, 16);
	} else if (get_u32(tb[IPVS_DAEMON_ATTR_MCAST_GROUP])) {
		ret->group_af = AF_INET;
		get_bytes(tb[IPVS_DAEMON_ATTR_MCAST_GROUP], ret->group, 4);
	}
	return 0;
}

/* GET_INFO and GET_CONFIG answer with plain top-level attributes. */
static int parse_top(const void *msg, size_t len, const struct nlattr **tb, size_t max)
{
	size_t body_len;
	const uint8_t *at = body(msg, len, &body_len);

	return at ? parse(at, body_len, tb, max) : -EBADMSG;
}

int ipvsf_info_decode(const void *msg, size_t len, struct ipvsf_info *ret)
{
	const struct nlattr *tb[IPVS_INFO_ATTR_MAX + 1];
	int r = parse_top(msg, len, tb, IPVS_INFO_ATTR_MAX);

	if (r)
		return r;
	ret->version = get_u32(tb[IPVS_INFO_ATTR_VERSION]);
	ret->size = get_u32(tb[IPVS_INFO_ATTR_CONN_TAB_SIZE]);
	return 0;
}

int ipvsf_timeouts_decode(const void *msg, size_t len, struct ipvsf_timeouts *ret)
{
	const struct nlattr *tb[IPVS_CMD_ATTR_MAX + 1];
	int r = parse_top(msg, len, tb, IPVS_CMD_ATTR_MAX);

	if (r)
		return r;
	ret->tcp = get_u32(tb[IPVS_CMD_ATTR_TIMEOUT_TCP]);
	ret->tcp_fin = get_u32(tb[IPVS_CMD_ATTR_TIMEOUT_TCP_FIN]);
	ret->udp = get_u32(tb[IPVS_CMD_ATTR_TIMEOUT_UDP]);
	return 0;
}
