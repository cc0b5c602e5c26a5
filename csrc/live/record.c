/* SPDX-License-Identifier: MIT */
/* A service or a dest as it lies in the kernel's memory to a row, as netlink would tell it. */
#include "live/walk.h"
#include "core/dest_numbers.h"

#include <arpa/inet.h>
#include <sys/socket.h>

/* The kernel keeps averages with more bits than it shows, and rounds them up from less than half to none. */
static const uint8_t rate_bits[5] = { 10, 10, 10, 5, 5 };

static const uint8_t *raw_of(const void *record)
{
	return (const uint8_t *)record + sizeof(struct ipvsf_live_record);
}

static bool is_family(uint32_t af)
{
	return af == AF_INET || af == AF_INET6;
}

static uint32_t take_stats(const struct ipvsf_live_layout *l, const struct ipvsf_live_record *record,
			   const uint8_t *stats, struct ipvsf_stats *ret)
{
	uint64_t *counters = &ret->conns, *rates = &ret->cps;
	uint32_t behind = 0;

	for (int i = 0; i < 5; i++) {
		uint64_t now = record->sums[l->of_cpu[i] / 8];
		uint64_t shown = u64_at(stats + l->shown + l->counters[i]);
		uint64_t zero = u64_at(stats + l->zero + l->counters[i]);
		uint64_t rate = u64_at(stats + l->estimator + l->rates[i]);

		behind += now < shown || now < zero;
		counters[i] = now - zero;
		rates[i] = (rate + (1u << (rate_bits[i] - 1)) - 1) >> rate_bits[i];
	}
	return behind;
}

int ipvsf_live_service_decode(const struct ipvsf_live_layout *l, const void *record, uint32_t hz,
			      struct ipvsf_service_row *ret, uint32_t *behind)
{
	const struct ipvsf_live_record *head = record;
	const uint8_t *raw = raw_of(record);
	struct ipvsf_service *c = &ret->conf;

	memset(ret, 0, sizeof(*ret));
	c->af = u16_at(raw + l->af);
	if (!is_family(c->af))
		return -EBADMSG;
	c->fwmark = u32_at(raw + l->fwmark);
	if (!c->fwmark) {
		c->protocol = u16_at(raw + l->protocol);
		c->port = ntohs(u16_at(raw + l->port));
		memcpy(c->addr, raw + l->addr, c->af == AF_INET ? 4 : 16);
	}
	memcpy(c->sched, *head->scheduler ? head->scheduler : "none", *head->scheduler ? 16 : 5);
	memcpy(c->pe, head->engine, sizeof(head->engine));
	c->sched[sizeof(c->sched) - 1] = '\0';
	c->flags = u32_at(raw + l->flags) & ~(uint32_t)IP_VS_SVC_F_HASHED;
	c->flags_mask = UINT32_MAX;
	c->timeout = u32_at(raw + l->timeout) / hz;
	c->netmask = u32_at(raw + l->netmask);
	if (c->af == AF_INET)
		c->netmask = ntohl(c->netmask);
	*behind = take_stats(l, head, raw + l->stats, &ret->stats);
	return 0;
}

int ipvsf_live_dest_decode(const struct ipvsf_live_layout *l, const void *record, struct ipvsf_dest_row *ret,
			   uint32_t *behind)
{
	const uint8_t *raw = raw_of(record);
	const uint32_t *number = l->numbers;
	struct ipvsf_dest *c = &ret->conf;
	int32_t inactive;

	memset(ret, 0, sizeof(*ret));
	c->af = u16_at(raw + l->dest_af);
	if (!is_family(c->af))
		return -EBADMSG;
	c->port = ntohs(u16_at(raw + l->dest_port));
	memcpy(c->addr, raw + l->dest_addr, c->af == AF_INET ? 4 : 16);
	c->fwd = u32_at(raw + l->dest_flags) & IP_VS_CONN_F_FWD_MASK;
#define TAKE(member, ...) c->member = u32_at(raw + *number++);
	DEST_NUMBERS(TAKE)
#undef TAKE
	/* Values of a tunnel where there is none do nothing; see netlink/dests.c. */
	if (c->fwd == IP_VS_CONN_F_TUNNEL) {
		c->tun_type = (uint8_t)u16_at(raw + l->tun_type);
		c->tun_port = ntohs(u16_at(raw + l->tun_port));
		c->tun_flags = u16_at(raw + l->tun_flags);
	}
	ret->active = u32_at(raw + l->active);
	ret->persistent = u32_at(raw + l->persistent);
	inactive = (int32_t)u32_at(raw + (l->has_total ? l->total : l->inactive));
	/* Both are counted one after the other. */
	if (l->has_total && inactive < (int32_t)ret->active)
		inactive = 0;
	else if (l->has_total)
		inactive -= (int32_t)ret->active;
	ret->inactive = (uint32_t)inactive;
	*behind = take_stats(l, record, raw + l->dest_stats, &ret->stats);
	return 0;
}
