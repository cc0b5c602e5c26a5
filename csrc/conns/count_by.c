/* SPDX-License-Identifier: MIT */
/* Connections counted by key: exact, one entry for each key that occurs. */
#include "conns/reading.h"
#include "core/hashset.h"

#include <stdlib.h>
#include <sys/socket.h>

#define KEY_MAX 160 /* more than all parts together */
#define AT_ONCE 32  /* keys whose memory is fetched together: one after the other they would wait */

struct slot {
	uint32_t hash;
	uint32_t entry; /* its number + 1, so that no slot looks like an empty one */
};

struct pending {
	uint32_t hash;
	char key[KEY_MAX];
};

struct ipvsf_groups {
	struct ipvsf_key_part *parts;
	size_t num_parts;
	size_t key_len;
	size_t entry_size;
	char *entries; /* count, key; in the order of their first appearance */
	size_t count;
	size_t capacity;
	struct ipvsf_hashset slots;
	struct ipvsf_sip_key hash_key;
};

static const uint8_t key_lengths[IPVSF_NUM_KEYS] = {
	[IPVSF_KEY_CLIENT] = 17,      [IPVSF_KEY_CLIENT_PORT] = 2,
	[IPVSF_KEY_SERVICE] = 20,     [IPVSF_KEY_SERVICE_ADDRESS] = 17,
	[IPVSF_KEY_DESTINATION] = 19, [IPVSF_KEY_DESTINATION_ADDRESS] = 17,
	[IPVSF_KEY_STATE] = 16,	      [IPVSF_KEY_PROTOCOL] = 1,
	[IPVSF_KEY_FAMILY] = 1,	      [IPVSF_KEY_PE] = 16,
	[IPVSF_KEY_TEMPLATE] = 1,
};

static char *entry_at(const struct ipvsf_groups *g, size_t i)
{
	return g->entries + i * g->entry_size;
}

static uint64_t hash_of(const void *slot)
{
	return ((const struct slot *)slot)->hash;
}

static bool same_key(const void *at, const void *wanted, const void *ctx)
{
	const struct ipvsf_groups *g = ctx;
	const struct pending *p = wanted;
	const struct slot *slot = at;

	return slot->hash == p->hash && !memcmp(entry_at(g, slot->entry - 1) + 8, p->key, g->key_len);
}

static const struct ipvsf_hashset_type slot_set = {
	.slot_size = sizeof(struct slot),
	.first_size = 1024,
	.hash = hash_of,
	.same = same_key,
};

int ipvsf_groups_create(const struct ipvsf_key_part *parts, size_t count, struct ipvsf_groups **ret)
{
	struct ipvsf_groups *g;
	size_t len = 0;
	int r;

	*ret = NULL;
	for (size_t i = 0; i < count; i++) {
		if (parts[i].key >= IPVSF_NUM_KEYS || parts[i].prefix4 > 32 || parts[i].prefix6 > 128)
			return -EINVAL;
		len += key_lengths[parts[i].key];
	}
	if (!count || len > KEY_MAX)
		return -EINVAL;
	g = calloc(1, sizeof(*g));
	if (!g)
		return -ENOMEM;
	g->key_len = len;
	g->num_parts = count;
	g->entry_size = (8 + len + 7) / 8 * 8;
	g->parts = malloc(count * sizeof(*parts));
	if (!g->parts || ipvsf_hashset_reserve(&slot_set, &g->slots))
		r = -ENOMEM;
	else /* clients choose their addresses and ports: without a secret they could choose one slot for all */
		r = ipvsf_sip_key_init(&g->hash_key);
	if (r) {
		ipvsf_groups_destroy(g);
		return r;
	}
	memcpy(g->parts, parts, count * sizeof(*parts));
	*ret = g;
	return 0;
}

void ipvsf_groups_destroy(struct ipvsf_groups *groups)
{
	if (!groups)
		return;
	free(groups->parts);
	ipvsf_hashset_deinit(&slot_set, &groups->slots);
	free(groups->entries);
	free(groups);
}

size_t ipvsf_groups_count(const struct ipvsf_groups *groups)
{
	return groups->count;
}

size_t ipvsf_groups_memory(const struct ipvsf_groups *groups)
{
	return groups->capacity * groups->entry_size + groups->slots.size * sizeof(struct slot);
}

size_t ipvsf_groups_entry_size(const struct ipvsf_groups *groups)
{
	return groups->entry_size;
}

static void put_net(char *key, uint8_t af, const uint8_t *addr, const struct ipvsf_key_part *part)
{
	unsigned int bits = af == AF_INET ? part->prefix4 : part->prefix6;

	key[0] = (char)af;
	memcpy(key + 1, addr, bits / 8);
	if (bits % 8)
		key[1 + bits / 8] = (char)(addr[bits / 8] & 0xff00 >> bits % 8);
}

static void put_place(char *key, uint8_t af, const uint8_t *addr, uint16_t port)
{
	key[0] = (char)af;
	memcpy(key + 1, addr, 16);
	memcpy(key + 17, &port, 2);
}

static void put_part(char *key, const struct ipvsf_key_part *part, const struct ipvsf_conn *row,
		     const char *text)
{
	switch (part->key) {
	case IPVSF_KEY_CLIENT:
		put_net(key, row->af, row->caddr, part);
		break;
	case IPVSF_KEY_CLIENT_PORT:
		memcpy(key, &row->cport, 2);
		break;
	case IPVSF_KEY_SERVICE:
		key[0] = (char)row->protocol;
		put_place(key + 1, row->af, row->vaddr, row->vport);
		break;
	case IPVSF_KEY_SERVICE_ADDRESS:
		key[0] = (char)row->af;
		memcpy(key + 1, row->vaddr, 16);
		break;
	case IPVSF_KEY_DESTINATION:
		put_place(key, row->daf, row->daddr, row->dport);
		break;
	case IPVSF_KEY_DESTINATION_ADDRESS:
		key[0] = (char)row->daf;
		memcpy(key + 1, row->daddr, 16);
		break;
	case IPVSF_KEY_STATE:
		memcpy(key, row->state, sizeof(row->state));
		break;
	case IPVSF_KEY_PROTOCOL:
		key[0] = (char)row->protocol;
		break;
	case IPVSF_KEY_FAMILY:
		key[0] = (char)ipvsf_conn_family(row);
		break;
	case IPVSF_KEY_PE:
		memcpy(key, text + row->pe_at, row->pe_len);
		break;
	case IPVSF_KEY_TEMPLATE:
		key[0] = (char)row->template;
		break;
	}
}

static uint32_t hash(const struct ipvsf_groups *g, const char *key)
{
	return (uint32_t)ipvsf_siphash(&g->hash_key, key, g->key_len);
}

static int grow_entries(struct ipvsf_groups *g)
{
	size_t capacity = g->capacity ? g->capacity * 2 : 256;
	char *entries;

	if (capacity >= UINT32_MAX)
		return -ENOMEM;
	entries = realloc(g->entries, capacity * g->entry_size);
	if (!entries)
		return -ENOMEM;
	g->entries = entries;
	g->capacity = capacity;
	return 0;
}

static struct slot *find(const struct ipvsf_groups *g, const struct pending *p)
{
	return ipvsf_hashset_find(&slot_set, &g->slots, p->hash, p, g);
}

static int add_entry(struct ipvsf_groups *g, const struct pending *p)
{
	static const uint64_t one = 1;
	struct slot *slot;
	char *entry;

	if (g->count == g->capacity && grow_entries(g))
		return -ENOMEM;
	if (ipvsf_hashset_reserve(&slot_set, &g->slots))
		return -ENOMEM;
	slot = find(g, p); /* the table may have grown */
	entry = entry_at(g, g->count);
	memset(entry, 0, g->entry_size);
	memcpy(entry, &one, 8);
	memcpy(entry + 8, p->key, g->key_len);
	slot->hash = p->hash;
	slot->entry = (uint32_t)++g->count;
	g->slots.count++;
	return 0;
}

static int count_one(struct ipvsf_groups *g, const struct pending *p)
{
	struct slot *slot = find(g, p);
	uint64_t n;
	char *entry;

	if (!slot->entry)
		return add_entry(g, p);
	entry = entry_at(g, slot->entry - 1);
	memcpy(&n, entry, 8);
	n++;
	memcpy(entry, &n, 8);
	return 0;
}

static void make_key(const struct ipvsf_groups *g, const struct ipvsf_conn *row, const char *text,
		     struct pending *ret)
{
	char *at = ret->key;

	memset(ret->key, 0, g->key_len);
	for (size_t i = 0; i < g->num_parts; i++) {
		put_part(at, &g->parts[i], row, text);
		at += key_lengths[g->parts[i].key];
	}
	ret->hash = hash(g, ret->key);
	__builtin_prefetch(ipvsf_hashset_at(&slot_set, &g->slots, ret->hash));
}

static int count_all(struct ipvsf_groups *g, const struct pending *pending, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct slot *slot = ipvsf_hashset_at(&slot_set, &g->slots, pending[i].hash);

		if (slot->entry)
			__builtin_prefetch(entry_at(g, slot->entry - 1));
	}
	for (size_t i = 0; i < count; i++) {
		if (count_one(g, &pending[i]))
			return -ENOMEM;
	}
	return 0;
}

int ipvsf_conns_group(struct ipvsf_conns *conns, struct ipvsf_groups *groups, uint32_t budget_ms)
{
	struct pending pending[AT_ONCE];
	const struct ipvsf_conn *row;
	struct ipvsf_pull pull;
	size_t count = 0;
	int r;

	ipvsf_pull_begin(&pull, conns, budget_ms);
	while (!(r = ipvsf_pull_next(&pull, &row))) {
		make_key(groups, row, pull.text, &pending[count++]);
		if (count < AT_ONCE)
			continue;
		if (count_all(groups, pending, count))
			return -ENOMEM;
		count = 0;
	}
	if (count_all(groups, pending, count))
		return -ENOMEM;
	return r == -EAGAIN || r == -ENODATA ? 0 : r;
}

/* Whether a comes before b: more, or the smaller key. */
static bool before(const struct ipvsf_groups *g, uint32_t a, uint32_t b)
{
	uint64_t x, y;

	memcpy(&x, entry_at(g, a), 8);
	memcpy(&y, entry_at(g, b), 8);
	if (x != y)
		return x > y;
	return memcmp(entry_at(g, a) + 8, entry_at(g, b) + 8, g->key_len) < 0;
}

/* Lets the element at `at` sink until the one that comes last of all is on top again. */
static void sink(const struct ipvsf_groups *g, uint32_t *heap, size_t size, size_t at)
{
	for (;;) {
		size_t child = 2 * at + 1;
		uint32_t held = heap[at];

		if (child >= size)
			return;
		if (child + 1 < size && before(g, heap[child], heap[child + 1]))
			child++;
		if (before(g, heap[child], held))
			return;
		heap[at] = heap[child];
		heap[child] = held;
		at = child;
	}
}

int ipvsf_groups_top(const struct ipvsf_groups *groups, char *out, size_t size, size_t *count)
{
	size_t n = size < groups->count ? size : groups->count;
	uint32_t *heap = malloc((n ? n : 1) * sizeof(*heap));

	if (!heap)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		heap[i] = (uint32_t)i;
	for (size_t i = n / 2; i-- > 0;)
		sink(groups, heap, n, i);
	for (size_t i = n; n && i < groups->count; i++) {
		if (before(groups, (uint32_t)i, heap[0])) {
			heap[0] = (uint32_t)i;
			sink(groups, heap, n, 0);
		}
	}
	*count = n;
	/* The top is the last of those that are left. */
	for (; n; n--) {
		memcpy(out + (n - 1) * groups->entry_size, entry_at(groups, heap[0]), groups->entry_size);
		heap[0] = heap[n - 1];
		sink(groups, heap, n - 1, 0);
	}
	free(heap);
	return 0;
}

void ipvsf_groups_find(const struct ipvsf_groups *groups, const char *entries, size_t count, uint64_t *ret)
{
	for (size_t i = 0; i < count; i++) {
		const char *key = entries + i * groups->entry_size + 8;
		const struct slot *slot;
		struct pending wanted;

		memcpy(wanted.key, key, groups->key_len);
		wanted.hash = hash(groups, key);
		slot = find(groups, &wanted);
		ret[i] = 0;
		if (slot->entry)
			memcpy(&ret[i], entry_at(groups, slot->entry - 1), 8);
	}
}
