// SPDX-License-Identifier: MIT
/* How the floor writes and reads generic netlink messages: just enough for what bench/floor.c sends. */
#ifndef FLOOR_WIRE_H
#define FLOOR_WIRE_H

#include <linux/genetlink.h>
#include <linux/ip_vs.h>
#include <linux/netlink.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "floor.h"

static inline struct nlmsghdr *begin(void *at, uint16_t family, uint8_t cmd, uint16_t flags, uint32_t seq)
{
	struct nlmsghdr *h = at;
	struct genlmsghdr *g = (void *)((uint8_t *)at + NLMSG_HDRLEN);

	*h = (struct nlmsghdr){ .nlmsg_len = NLMSG_HDRLEN + GENL_HDRLEN,
				.nlmsg_type = family,
				.nlmsg_flags = NLM_F_REQUEST | flags,
				.nlmsg_seq = seq };
	*g = (struct genlmsghdr){ .cmd = cmd, .version = IPVS_GENL_VERSION };
	return h;
}

static inline struct nlattr *put(struct nlmsghdr *h, uint16_t type, const void *data, size_t len)
{
	struct nlattr *a = (void *)((uint8_t *)h + h->nlmsg_len);

	*a = (struct nlattr){ .nla_type = type, .nla_len = (uint16_t)(NLA_HDRLEN + len) };
	memset((uint8_t *)a + NLA_HDRLEN, 0, NLA_ALIGN(len));
	if (len)
		memcpy((uint8_t *)a + NLA_HDRLEN, data, len);
	h->nlmsg_len += (uint32_t)(NLA_HDRLEN + NLA_ALIGN(len));
	return a;
}

static inline void put16(struct nlmsghdr *h, uint16_t type, uint16_t value)
{
	put(h, type, &value, sizeof(value));
}

static inline void put32(struct nlmsghdr *h, uint16_t type, uint32_t value)
{
	put(h, type, &value, sizeof(value));
}

static inline struct nlattr *nest(struct nlmsghdr *h, uint16_t type)
{
	return put(h, type, NULL, 0);
}

static inline void nest_end(struct nlmsghdr *h, struct nlattr *a)
{
	a->nla_len = (uint16_t)((uint8_t *)h + h->nlmsg_len - (uint8_t *)a);
}

static inline void put_key(struct nlmsghdr *h, const struct service_key *key)
{
	put16(h, IPVS_SVC_ATTR_AF, key->af);
	if (key->fwmark) {
		put32(h, IPVS_SVC_ATTR_FWMARK, key->fwmark);
		return;
	}
	put16(h, IPVS_SVC_ATTR_PROTOCOL, key->protocol);
	put(h, IPVS_SVC_ATTR_ADDR, key->addr, key->af == AF_INET ? 4 : 16);
	put16(h, IPVS_SVC_ATTR_PORT, key->port);
}

/* The message at *offset, which moves on behind it; NULL at the end. */
static inline struct nlmsghdr *next_message(void *data, size_t len, size_t *offset)
{
	struct nlmsghdr *h = (void *)((uint8_t *)data + *offset);

	if (*offset + NLMSG_HDRLEN > len || h->nlmsg_len < NLMSG_HDRLEN || h->nlmsg_len > len - *offset)
		return NULL;
	*offset += NLMSG_ALIGN(h->nlmsg_len);
	return h;
}

static inline const struct nlattr *find(const void *from, size_t len, uint16_t type)
{
	const uint8_t *p = from, *end = p + len;

	while (end - p >= NLA_HDRLEN) {
		const struct nlattr *a = (const void *)p;

		if (a->nla_len < NLA_HDRLEN || a->nla_len > end - p)
			break;
		if ((a->nla_type & NLA_TYPE_MASK) == type)
			return a;
		p += NLA_ALIGN(a->nla_len);
	}
	return NULL;
}

static inline void copy(const struct nlattr *in, uint16_t type, void *ret, size_t len)
{
	const struct nlattr *a = find((const uint8_t *)in + NLA_HDRLEN, in->nla_len - NLA_HDRLEN, type);

	if (a)
		memcpy(ret, (const uint8_t *)a + NLA_HDRLEN,
		       len < (size_t)a->nla_len - NLA_HDRLEN ? len : (size_t)a->nla_len - NLA_HDRLEN);
}

#endif
