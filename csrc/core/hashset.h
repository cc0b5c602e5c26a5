/* SPDX-License-Identifier: MIT */
/*
 * The one hash set of C: linear probing in a table whose size is a power of two. A slot has a fixed
 * size and is empty when its first 8 bytes are zero. Nothing is ever removed.
 *
 * What differs from set to set stands in a constant struct ipvsf_hashset_type, so that the compiler
 * puts its functions where they are called. Tables are anonymous maps: a table that became too small goes back
 * to the system at once, which malloc() does not promise.
 */
#ifndef IPVSFAST_HASHSET_H
#define IPVSFAST_HASHSET_H

#include "core/internal.h"

#include <sys/mman.h>

struct ipvsf_hashset {
	uint8_t *slots;
	size_t size; /* 0 at first, then a power of two */
	size_t count;
};

struct ipvsf_hashset_type {
	size_t slot_size;
	size_t first_size; /* slots, a power of two */
	uint64_t (*hash)(const void *slot);
	/* Whether a used slot holds the key. */
	bool (*same)(const void *slot, const void *wanted, const void *ctx);
};

static inline bool ipvsf_hashset_is_empty(const void *slot)
{
	uint64_t word;

	memcpy(&word, slot, sizeof(word));
	return !word;
}

/* All at once: slots are filled in no order, so each page would be asked of the kernel one by one. */
static inline void *ipvsf_hashset_map(size_t bytes)
{
	int how = MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE;
	void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, how, -1, 0);

	return map == MAP_FAILED ? NULL : map;
}

static inline void ipvsf_hashset_deinit(const struct ipvsf_hashset_type *type, struct ipvsf_hashset *set)
{
	if (set->slots)
		munmap(set->slots, set->size * type->slot_size);
	memset(set, 0, sizeof(*set));
}

static inline void *ipvsf_hashset_at(const struct ipvsf_hashset_type *type, const struct ipvsf_hashset *set,
				     uint64_t hash)
{
	return set->slots + (hash & (set->size - 1)) * type->slot_size;
}

/* The slot that holds the key, or the empty one where it belongs. The set must not be of size 0. */
static inline void *ipvsf_hashset_find(const struct ipvsf_hashset_type *type, const struct ipvsf_hashset *set,
				       uint64_t hash, const void *wanted, const void *ctx)
{
	uint8_t *slot = ipvsf_hashset_at(type, set, hash);

	while (!ipvsf_hashset_is_empty(slot) && !type->same(slot, wanted, ctx))
		slot = ipvsf_hashset_at(type, set, ++hash);
	return slot;
}

static inline int ipvsf_hashset_grow(const struct ipvsf_hashset_type *type, struct ipvsf_hashset *set)
{
	struct ipvsf_hashset larger = { .size = set->size ? set->size * 2 : type->first_size,
					.count = set->count };

	larger.slots = ipvsf_hashset_map(larger.size * type->slot_size);
	if (!larger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < set->size; i++) {
		const uint8_t *slot = set->slots + i * type->slot_size;
		uint64_t hash;
		uint8_t *to;

		if (ipvsf_hashset_is_empty(slot))
			continue;
		hash = type->hash(slot);
		to = ipvsf_hashset_at(type, &larger, hash);
		while (!ipvsf_hashset_is_empty(to))
			to = ipvsf_hashset_at(type, &larger, ++hash);
		memcpy(to, slot, type->slot_size);
	}
	ipvsf_hashset_deinit(type, set);
	*set = larger;
	return 0;
}

/* Makes room for one more, so that at most three quarters of the slots are used. */
static inline int ipvsf_hashset_reserve(const struct ipvsf_hashset_type *type, struct ipvsf_hashset *set)
{
	return set->count * 4 >= set->size * 3 ? ipvsf_hashset_grow(type, set) : 0;
}

/* Adds a copy of the slot. 0: it is new; -EEXIST; -ENOMEM. */
static inline int ipvsf_hashset_add(const struct ipvsf_hashset_type *type, struct ipvsf_hashset *set,
				    const void *slot, const void *ctx)
{
	void *at;

	if (ipvsf_hashset_reserve(type, set))
		return -ENOMEM;
	at = ipvsf_hashset_find(type, set, type->hash(slot), slot, ctx);
	if (!ipvsf_hashset_is_empty(at))
		return -EEXIST;
	memcpy(at, slot, type->slot_size);
	set->count++;
	return 0;
}

#endif
