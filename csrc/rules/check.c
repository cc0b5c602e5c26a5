/* SPDX-License-Identifier: MIT */
/*
 * What can be found out about a rule file without a kernel: rules that stand twice, dests before their
 * service, values that the kernel is sure to refuse. Keys are remembered as 128-bit hashes, so that a
 * million rules take 32 MiB.
 */
#include "core/hashset.h"
#include "core/siphash.h"
#include "core/values.h"

#include <arpa/inet.h>

struct key {
	uint64_t a, b; /* a is odd, so that no key looks like an empty slot */
};

struct ipvsf_rule_set {
	struct ipvsf_hashset keys;
	struct ipvsf_sip_key hash_key;
};

static uint64_t hash_of(const void *slot)
{
	return ((const struct key *)slot)->b;
}

static bool same_key(const void *slot, const void *wanted, const void *ctx)
{
	(void)ctx;
	return !memcmp(slot, wanted, sizeof(struct key));
}

static const struct ipvsf_hashset_type key_set = {
	.slot_size = sizeof(struct key),
	.first_size = 1 << 12,
	.hash = hash_of,
	.same = same_key,
};

int ipvsf_rule_set_create(struct ipvsf_rule_set **ret)
{
	struct ipvsf_rule_set *set = calloc(1, sizeof(*set));
	int r;

	*ret = NULL;
	if (!set)
		return -ENOMEM;
	r = ipvsf_sip_key_init(&set->hash_key);
	if (r) {
		free(set);
		return r;
	}
	*ret = set;
	return 0;
}

void ipvsf_rule_set_destroy(struct ipvsf_rule_set *set)
{
	if (!set)
		return;
	ipvsf_hashset_deinit(&key_set, &set->keys);
	free(set);
}

static struct key key_of(const struct ipvsf_rule_set *set, const struct ipvsf_op *op, bool dest)
{
	const struct ipvsf_service *s = &op->u.service;
	uint64_t words[7] = { (uint64_t)s->af << 48 | (uint64_t)s->protocol << 32 | s->fwmark,
			      (uint64_t)s->port << 1 | dest };
	uint64_t hash[2];

	memcpy(&words[2], s->addr, 16);
	if (dest) {
		words[4] = (uint64_t)op->dest.af << 16 | op->dest.port;
		memcpy(&words[5], op->dest.addr, 16);
	}
	ipvsf_siphash128(&set->hash_key, words, dest ? sizeof(words) : sizeof(*words) * 4, hash);
	return (struct key){ hash[0] | 1, hash[1] };
}

/* 0: it is new; -EEXIST: it was there before; -ENOMEM */
static int add(struct ipvsf_rule_set *set, const struct ipvsf_op *op, bool dest)
{
	struct key k = key_of(set, op, dest);

	return ipvsf_hashset_add(&key_set, &set->keys, &k, NULL);
}

static bool has_service(const struct ipvsf_rule_set *set, const struct ipvsf_op *op)
{
	struct key k = key_of(set, op, false);

	return set->keys.size &&
	       !ipvsf_hashset_is_empty(ipvsf_hashset_find(&key_set, &set->keys, k.b, &k, NULL));
}

/* known: its service is there, as the rule before says. */
static int check_dest(struct ipvsf_rule_set *set, const struct ipvsf_op *op, bool known)
{
	if (!known && !has_service(set, op))
		return -ESRCH;
	if (op->dest.l_thresh > op->dest.u_thresh)
		return -ERANGE;
	if (!is_unicast(op->dest.af, op->dest.addr))
		return -EINVAL;
	return add(set, op, true);
}

int ipvsf_rules_check(struct ipvsf_rule_set *set, const struct ipvsf_op *ops, size_t count, int32_t *results)
{
	for (size_t i = 0; i < count; i++) {
		/* Mostly the service is that of the rule before, which stands for it if it is no mistake. */
		bool known = i && ipvsf_same_service(&ops[i].u.service, &ops[i - 1].u.service) &&
			     ((ops[i - 1].cmd == IPVSF_NEW_SERVICE && results[i - 1] != -ENOMEM) ||
			      (ops[i - 1].cmd == IPVSF_NEW_DEST && results[i - 1] != -ESRCH));

		switch (ops[i].cmd) {
		case IPVSF_NEW_SERVICE:
			results[i] = add(set, &ops[i], false);
			break;
		case IPVSF_NEW_DEST:
			results[i] = check_dest(set, &ops[i], known);
			break;
		default:
			results[i] = 0;
		}
		if (results[i] == -ENOMEM)
			return -ENOMEM;
	}
	return 0;
}
