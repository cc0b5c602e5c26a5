/* SPDX-License-Identifier: MIT */
/* Packed operation -> generic netlink message. No I/O. */
#include "core/dest_numbers.h"

#include <arpa/inet.h>

_Static_assert(sizeof(struct ipvsf_service) == 80, "kernel/layout.py packs this");
_Static_assert(sizeof(struct ipvsf_dest) == 44, "kernel/layout.py packs this");
_Static_assert(sizeof(struct ipvsf_daemon) == 48, "kernel/layout.py packs this");
_Static_assert(sizeof(struct ipvsf_op) == 128, "kernel/layout.py packs this");
_Static_assert(sizeof(struct ipvsf_service_row) == 176, "kernel/layout.py unpacks this");
_Static_assert(sizeof(struct ipvsf_dest_row) == 136, "kernel/layout.py unpacks this");

_Static_assert((int)IPVSF_NEW_SERVICE == (int)IPVS_CMD_NEW_SERVICE, "kernel ABI");
_Static_assert((int)IPVSF_SET_SERVICE == (int)IPVS_CMD_SET_SERVICE, "kernel ABI");
_Static_assert((int)IPVSF_DEL_SERVICE == (int)IPVS_CMD_DEL_SERVICE, "kernel ABI");
_Static_assert((int)IPVSF_NEW_DEST == (int)IPVS_CMD_NEW_DEST, "kernel ABI");
_Static_assert((int)IPVSF_SET_DEST == (int)IPVS_CMD_SET_DEST, "kernel ABI");
_Static_assert((int)IPVSF_DEL_DEST == (int)IPVS_CMD_DEL_DEST, "kernel ABI");
_Static_assert((int)IPVSF_NEW_DAEMON == (int)IPVS_CMD_NEW_DAEMON, "kernel ABI");
_Static_assert((int)IPVSF_DEL_DAEMON == (int)IPVS_CMD_DEL_DAEMON, "kernel ABI");
_Static_assert((int)IPVSF_SET_CONFIG == (int)IPVS_CMD_SET_CONFIG, "kernel ABI");
_Static_assert((int)IPVSF_ZERO == (int)IPVS_CMD_ZERO, "kernel ABI");
_Static_assert((int)IPVSF_FLUSH == (int)IPVS_CMD_FLUSH, "kernel ABI");

static void *reserve(struct ipvsf_writer *w, size_t len)
{
	size_t aligned = NLMSG_ALIGN(len);
	uint8_t *at = w->buf + w->len;

	if (aligned > w->size - w->len) {
		w->overflow = true;
		return NULL;
	}
	memset(at + len, 0, aligned - len);
	w->len += aligned;
	return at;
}

static void put(struct ipvsf_writer *w, uint16_t type, const void *data, size_t len)
{
	struct nlattr *nla = reserve(w, NLA_HDRLEN + len);

	if (!nla)
		return;
	nla->nla_len = (uint16_t)(NLA_HDRLEN + len);
	nla->nla_type = type;
	memcpy((uint8_t *)nla + NLA_HDRLEN, data, len);
}

static void put_u8(struct ipvsf_writer *w, uint16_t type, uint8_t v)
{
	put(w, type, &v, sizeof(v));
}

static void put_u16(struct ipvsf_writer *w, uint16_t type, uint16_t v)
{
	put(w, type, &v, sizeof(v));
}

static void put_u32(struct ipvsf_writer *w, uint16_t type, uint32_t v)
{
	put(w, type, &v, sizeof(v));
}

static void put_name(struct ipvsf_writer *w, uint16_t type, const char *name, size_t size)
{
	char text[IPVSF_PE_LEN + 1];
	size_t len = strnlen(name, size);

	memcpy(text, name, len);
	text[len] = 0;
	put(w, type, text, len + 1);
}

static size_t nest_begin(struct ipvsf_writer *w, uint16_t type)
{
	size_t at = w->len;

	put(w, type | NLA_F_NESTED, "", 0);
	return at;
}

static void nest_end(struct ipvsf_writer *w, size_t at)
{
	if (!w->overflow)
		((struct nlattr *)(w->buf + at))->nla_len = (uint16_t)(w->len - at);
}

struct nlmsghdr *ipvsf_write_header(struct ipvsf_writer *w, uint16_t family, uint8_t cmd, uint16_t flags,
				    uint32_t seq)
{
	struct genlmsghdr *genl;
	struct nlmsghdr *nlh = reserve(w, NLMSG_HDRLEN);

	if (!nlh)
		return NULL;
	*nlh = (struct nlmsghdr){
		.nlmsg_type = family,
		.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags),
		.nlmsg_seq = seq,
	};
	genl = reserve(w, GENL_HDRLEN);
	if (!genl)
		return NULL;
	*genl = (struct genlmsghdr){ .cmd = cmd, .version = IPVS_GENL_VERSION };
	return nlh;
}

int ipvsf_write_end(struct ipvsf_writer *w)
{
	if (w->overflow)
		return -EMSGSIZE;
	((struct nlmsghdr *)w->buf)->nlmsg_len = (uint32_t)w->len;
	return (int)w->len;
}

static size_t address_len(uint16_t af)
{
	/* The kernel zero-pads a short address: 12 bytes saved per IPv4 address. */
	return af == AF_INET ? 4 : 16;
}

static void put_key(struct ipvsf_writer *w, const struct ipvsf_service *svc)
{
	put_u16(w, IPVS_SVC_ATTR_AF, svc->af);
	if (svc->fwmark) {
		put_u32(w, IPVS_SVC_ATTR_FWMARK, svc->fwmark);
		return;
	}
	put_u16(w, IPVS_SVC_ATTR_PROTOCOL, svc->protocol);
	put(w, IPVS_SVC_ATTR_ADDR, svc->addr, address_len(svc->af));
	put_u16(w, IPVS_SVC_ATTR_PORT, htons(svc->port));
}

void ipvsf_write_ident(struct ipvsf_writer *w, const struct ipvsf_service *svc)
{
	size_t nest = nest_begin(w, IPVS_CMD_ATTR_SERVICE);

	put_key(w, svc);
	nest_end(w, nest);
}

static void write_service(struct ipvsf_writer *w, const struct ipvsf_service *svc)
{
	struct ip_vs_flags flags = { .flags = svc->flags, .mask = svc->flags_mask };
	size_t nest = nest_begin(w, IPVS_CMD_ATTR_SERVICE);

	put_key(w, svc);
	put_name(w, IPVS_SVC_ATTR_SCHED_NAME, svc->sched, sizeof(svc->sched));
	if (svc->pe[0])
		put_name(w, IPVS_SVC_ATTR_PE_NAME, svc->pe, sizeof(svc->pe));
	put(w, IPVS_SVC_ATTR_FLAGS, &flags, sizeof(flags));
	put_u32(w, IPVS_SVC_ATTR_TIMEOUT, svc->timeout);
	put_u32(w, IPVS_SVC_ATTR_NETMASK, svc->af == AF_INET ? htonl(svc->netmask) : svc->netmask);
	nest_end(w, nest);
}

static void write_dest(struct ipvsf_writer *w, const struct ipvsf_dest *dst, bool full)
{
	size_t nest = nest_begin(w, IPVS_CMD_ATTR_DEST);

	put_u16(w, IPVS_DEST_ATTR_ADDR_FAMILY, dst->af);
	put(w, IPVS_DEST_ATTR_ADDR, dst->addr, address_len(dst->af));
	put_u16(w, IPVS_DEST_ATTR_PORT, htons(dst->port));
	if (full) {
		put_u32(w, IPVS_DEST_ATTR_FWD_METHOD, dst->fwd);
#define PUT(member, name, option, always, attribute, ...) \
	put_u32(w, IPVS_DEST_ATTR_##attribute, (uint32_t)dst->member);
		DEST_NUMBERS(PUT)
#undef PUT
		/* An edit resets a missing attribute to ipip: so it is left out for ipip only. */
		if (dst->tun_type || dst->tun_port || dst->tun_flags) {
			put_u8(w, IPVS_DEST_ATTR_TUN_TYPE, dst->tun_type);
			put_u16(w, IPVS_DEST_ATTR_TUN_PORT, htons(dst->tun_port));
			put_u16(w, IPVS_DEST_ATTR_TUN_FLAGS, dst->tun_flags);
		}
	}
	nest_end(w, nest);
}

static void write_daemon(struct ipvsf_writer *w, const struct ipvsf_daemon *d)
{
	size_t nest = nest_begin(w, IPVS_CMD_ATTR_DAEMON);

	put_u32(w, IPVS_DAEMON_ATTR_STATE, d->state);
	put_name(w, IPVS_DAEMON_ATTR_MCAST_IFN, d->ifn, sizeof(d->ifn));
	put_u32(w, IPVS_DAEMON_ATTR_SYNC_ID, d->sync_id);
	if (d->maxlen)
		put_u16(w, IPVS_DAEMON_ATTR_SYNC_MAXLEN, d->maxlen);
	if (d->group_af == AF_INET)
		put(w, IPVS_DAEMON_ATTR_MCAST_GROUP, d->group, 4);
	else if (d->group_af == AF_INET6)
		put(w, IPVS_DAEMON_ATTR_MCAST_GROUP6, d->group, 16);
	if (d->port)
		put_u16(w, IPVS_DAEMON_ATTR_MCAST_PORT, d->port); /* host order, unlike all others */
	if (d->ttl)
		put_u8(w, IPVS_DAEMON_ATTR_MCAST_TTL, d->ttl);
	nest_end(w, nest);
}

static void write_timeouts(struct ipvsf_writer *w, const struct ipvsf_timeouts *t)
{
	put_u32(w, IPVS_CMD_ATTR_TIMEOUT_TCP, t->tcp);
	put_u32(w, IPVS_CMD_ATTR_TIMEOUT_TCP_FIN, t->tcp_fin);
	put_u32(w, IPVS_CMD_ATTR_TIMEOUT_UDP, t->udp);
}

int ipvsf_op_encode(const struct ipvsf_op *op, uint16_t family, uint32_t seq, void *buf, size_t size)
{
	struct ipvsf_writer w = { .buf = buf, .size = size };

	/* No NLM_F_ACK: errors are always answered, and an ack would cost more than the rule. */
	if (!ipvsf_write_header(&w, family, (uint8_t)op->cmd, 0, seq))
		return -EMSGSIZE;
	switch (op->cmd) {
	case IPVSF_NEW_SERVICE:
	case IPVSF_SET_SERVICE:
		write_service(&w, &op->u.service);
		break;
	case IPVSF_DEL_SERVICE:
		ipvsf_write_ident(&w, &op->u.service);
		break;
	case IPVSF_NEW_DEST:
	case IPVSF_SET_DEST:
	case IPVSF_DEL_DEST:
		ipvsf_write_ident(&w, &op->u.service);
		write_dest(&w, &op->dest, op->cmd != IPVSF_DEL_DEST);
		break;
	case IPVSF_NEW_DAEMON:
	case IPVSF_DEL_DAEMON:
		write_daemon(&w, &op->u.daemon);
		break;
	case IPVSF_SET_CONFIG:
		write_timeouts(&w, &op->u.timeouts);
		break;
	case IPVSF_ZERO:
		if (op->u.service.af)
			ipvsf_write_ident(&w, &op->u.service);
		break;
	case IPVSF_FLUSH:
		break;
	default:
		return -EINVAL;
	}
	return ipvsf_write_end(&w);
}
