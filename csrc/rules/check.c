/* SPDX-License-Identifier: MIT */
/*
 * What can be known of a rule file without a kernel: rules that stand twice, dests before their
 * service, values that the kernel is sure to refuse. Keys are remembered as 128-bit hashes, so that a
 * million rules take 32 MiB.
 */
#include "core/internal.h"

#include <arpa/inet.h>
#include <sys/random.h>

struct key {
	uint64_t a, b;
};

struct ipvsf_seen {
	struct key *slots;
	size_t size;		/* a power of two */
	size_t count;
	uint64_t seed[2];
};

int ipvsf_seen_create(struct ipvsf_seen **ret)
{
	struct ipvsf_seen *seen = calloc(1, sizeof(*seen));

	*ret = seen;
	if (!seen)
		return -ENOMEM;
	seen->size = 1 << 12;
	seen->slots = calloc(seen->size, sizeof(*seen->slots));
	/* Without luck the seed is 0: files are no attackers. */
	if (getrandom(seen->seed, sizeof(seen->seed), GRND_NONBLOCK) < 0)
		memset(seen->seed, 0, sizeof(seen->seed));
	if (seen->slots)
		return 0;
	ipvsf_seen_destroy(seen);
	*ret = NULL;
	return -ENOMEM;
}

void ipvsf_seen_destroy(struct ipvsf_seen *seen)
{
	if (!seen)
		return;
	free(seen->slots);
	free(seen);
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15ULL;
	return h ^ (h >> 29);
}

static struct key hash(const struct ipvsf_seen *seen, const struct ipvsf_op *op, bool dest)
{
	const struct ipvsf_service *s = &op->u.service;
	uint64_t words[7] = { (uint64_t)s->af << 48 | (uint64_t)s->protocol << 32 | s->fwmark,
			      (uint64_t)s->port << 1 | dest };
	struct key k = { seen->seed[0], seen->seed[1] };

	memcpy(&words[2], s->addr, 16);
	if (dest) {
		words[4] = (uint64_t)op->dest.af << 16 | op->dest.port;
		memcpy(&words[5], op->dest.addr, 16);
	}
	for (int i = 0; i < 7; i++) {
		k.a = mix(k.a, words[i]);
		k.b = mix(k.b + 0x632be59bd9b4e019ULL, words[i] ^ k.a);
	}
	k.a |= 1;	/* never the empty slot */
	return k;
}

static struct key *find(struct key *slots, size_t size, struct key k)
{
	size_t at = k.b & (size - 1);

	while (slots[at].a && (slots[at].a != k.a || slots[at].b != k.b))
		at = (at + 1) & (size - 1);
	return &slots[at];
}

static int grow(struct ipvsf_seen *seen)
{
	size_t size = seen->size * 2;
	struct key *slots = calloc(size, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < seen->size; i++) {
		if (seen->slots[i].a)
			*find(slots, size, seen->slots[i]) = seen->slots[i];
	}
	free(seen->slots);
	seen->slots = slots;
	seen->size = size;
	return 0;
}

/* 0: new; -EEXIST: had been seen. */
static int add(struct ipvsf_seen *seen, struct key k)
{
	struct key *slot = find(seen->slots, seen->size, k);

	if (slot->a)
		return -EEXIST;
	*slot = k;
	seen->count++;
	return seen->count * 4 > seen->size * 3 ? grow(seen) : 0;
}

static bool unicast(const struct ipvsf_dest *dst)
{
	static const uint8_t none[16];

	if (dst->af == AF_INET)
		return memcmp(dst->addr, none, 4) && dst->addr[0] < 224;
	return memcmp(dst->addr, none, 16) && dst->addr[0] != 0xff;
}

static int check_dest(struct ipvsf_seen *seen, const struct ipvsf_op *op)
{
	struct key service = hash(seen, op, false);

	if (!find(seen->slots, seen->size, service)->a)
		return -ESRCH;
	if (op->dest.l_thresh > op->dest.u_thresh)
		return -ERANGE;
	if (!unicast(&op->dest))
		return -EINVAL;
	return add(seen, hash(seen, op, true));
}

int ipvsf_rules_check(struct ipvsf_seen *seen, const struct ipvsf_op *ops, size_t count,
		      int32_t *results)
{
	for (size_t i = 0; i < count; i++) {
		switch (ops[i].cmd) {
		case IPVSF_NEW_SERVICE:
			results[i] = add(seen, hash(seen, &ops[i], false));
			break;
		case IPVSF_NEW_DEST:
			results[i] = check_dest(seen, &ops[i]);
			break;
		default:
			results[i] = 0;
		}
		if (results[i] == -ENOMEM)
			return -ENOMEM;
	}
	return 0;
}
