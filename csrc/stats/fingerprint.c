/* SPDX-License-Identifier: MIT */
/*
 * Whether two tables have the same rules. Each row has a hash of what a rule sets, and these are summed, so that their
 * order does not count. The key is known and the hash is SipHash-2-4 as it was published: others may compute it.
 */
#define IPVSF_SIP_WORD_ROUNDS 2
#define IPVSF_SIP_END_ROUNDS 4
#include "core/dest_numbers.h"
#include "core/siphash.h"

#include <sys/socket.h>

#define SET_FLAGS (~(uint32_t)IP_VS_SVC_F_HASHED) /* that one the kernel sets */

struct row_bytes {
	uint8_t at[160];
	size_t len;
};

static void add(struct row_bytes *b, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		b->at[b->len++] = (uint8_t)(v >> 8 * i);
}

static void add_address(struct row_bytes *b, uint16_t af, const uint8_t *addr)
{
	add(b, af);
	memset(b->at + b->len, 0, 16);
	memcpy(b->at + b->len, addr, af == AF_INET ? 4 : 16);
	b->len += 16;
}

/* Up to its end: what stands behind that in a row means nothing. */
static void add_name(struct row_bytes *b, const char *name, size_t size)
{
	size_t len = strnlen(name, size);

	add(b, (uint32_t)len);
	memcpy(b->at + b->len, name, len);
	b->len += len;
}

static void add_key(struct row_bytes *b, const struct ipvsf_service *c)
{
	static const uint8_t none[16];

	add(b, c->fwmark);
	add(b, c->fwmark ? 0 : c->protocol);
	add_address(b, c->af, c->fwmark ? none : c->addr);
	add(b, c->fwmark ? 0 : c->port);
}

static void add_service(struct row_bytes *b, const struct ipvsf_service *c)
{
	add(b, c->flags & SET_FLAGS);
	add(b, c->flags & IP_VS_SVC_F_PERSISTENT ? c->timeout : 0);
	add(b, c->netmask);
	add_name(b, c->sched, sizeof(c->sched));
	add_name(b, c->pe, sizeof(c->pe));
}

static void add_dest(struct row_bytes *b, struct ipvsf_dest c, bool shares)
{
	bool tunnel = c.fwd == IP_VS_CONN_F_TUNNEL;

	if (!shares)
		c.DEST_SHARE = 0;
	add_address(b, c.af, c.addr);
	add(b, c.port);
	add(b, c.fwd);
	add(b, tunnel ? c.tun_type : 0);
	add(b, tunnel ? c.tun_port : 0);
	add(b, tunnel ? c.tun_flags : 0);
#define ADD(member, ...) add(b, (uint32_t)c.member);
	DEST_NUMBERS(ADD)
#undef ADD
}

static uint64_t hash_of(const struct row_bytes *b)
{
	static const struct ipvsf_sip_key key = { { 0x7669707672756c65ULL, 0x66696e6765727072ULL } };

	return ipvsf_siphash(&key, b->at, b->len);
}

int ipvsf_table_fingerprint(const struct ipvsf_table *t, uint32_t shares, uint64_t *ret)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < t->num_services; i++) {
		const struct ipvsf_service_row *s = &t->services[i];
		struct row_bytes key = { .len = 0 }, b;

		add_key(&key, &s->conf);
		b = key;
		add_service(&b, &s->conf);
		sum += hash_of(&b);
		for (size_t n = 0; n < s->num_dests; n++) {
			b = key;
			add_dest(&b, t->dests[s->first_dest + n].conf, shares);
			sum += hash_of(&b);
		}
	}
	*ret = sum;
	return 0;
}
