/* SPDX-License-Identifier: MIT */
/*
 * Two readings of the table compared. Between two of them nearly all rows stand where they stood: those are
 * compared side by side. Only for the services, and the dests of a service, from the first one on that stands
 * elsewhere, rows are looked for by their keys.
 */
#include "core/hashset.h"

#define NO_ROW UINT32_MAX

/* Rows of one kind that lie one after the other. */
struct side {
	const uint8_t *rows;
	size_t count;
	size_t row; /* bytes */
	bool (*same)(const void *a, const void *b);
	uint64_t (*hash)(const void *row);
};

/* Where the key of a row stands. */
struct slot {
	uint64_t number; /* plus one: 0 is an empty slot */
	uint64_t hash;
};

static bool same_service(const void *a, const void *b)
{
	const struct ipvsf_service_row *x = a, *y = b;

	return !memcmp(&x->conf, &y->conf, offsetof(struct ipvsf_service, flags)) &&
	       !memcmp(x->conf.addr, y->conf.addr, sizeof(x->conf.addr));
}

static bool same_dest(const void *a, const void *b)
{
	const struct ipvsf_dest_row *x = a, *y = b;

	return !memcmp(&x->conf, &y->conf, offsetof(struct ipvsf_dest, fwd));
}

static uint64_t mix(uint64_t hash, const uint8_t *at, size_t len)
{
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ at[i]) * 0x100000001b3ULL;
	return hash ^ hash >> 29;
}

static uint64_t hash_service(const void *row)
{
	const struct ipvsf_service *c = &((const struct ipvsf_service_row *)row)->conf;

	return mix(mix(0xcbf29ce484222325ULL, (const uint8_t *)c, offsetof(struct ipvsf_service, flags)),
		   c->addr, sizeof(c->addr));
}

static uint64_t hash_dest(const void *row)
{
	const struct ipvsf_dest *c = &((const struct ipvsf_dest_row *)row)->conf;

	return mix(0xcbf29ce484222325ULL, (const uint8_t *)c, offsetof(struct ipvsf_dest, fwd));
}

static struct side services_of(const struct ipvsf_table *t)
{
	return (struct side){ .rows = (const uint8_t *)t->services,
			      .count = t->num_services,
			      .row = sizeof(*t->services),
			      .same = same_service,
			      .hash = hash_service };
}

static struct side dests_of(const struct ipvsf_table *t, size_t first, size_t count)
{
	return (struct side){ .rows = (const uint8_t *)t->dests + first * sizeof(*t->dests),
			      .count = count,
			      .row = sizeof(*t->dests),
			      .same = same_dest,
			      .hash = hash_dest };
}

static const uint8_t *row_at(const struct side *side, size_t i)
{
	return side->rows + i * side->row;
}

/* How many rows at the beginning have the same keys. */
static size_t same_start(const struct side *a, const struct side *b)
{
	size_t i = 0;

	while (i < a->count && i < b->count && a->same(row_at(a, i), row_at(b, i)))
		i++;
	return i;
}

static uint64_t slot_hash(const void *slot)
{
	return ((const struct slot *)slot)->hash;
}

static bool slot_same(const void *slot, const void *wanted, const void *ctx)
{
	const struct side *side = ctx;

	return side->same(row_at(side, ((const struct slot *)slot)->number - 1), wanted);
}

static const struct ipvsf_hashset_type by_key = {
	.slot_size = sizeof(struct slot),
	.first_size = 128,
	.hash = slot_hash,
	.same = slot_same,
};

/* found[i]: which row of `before` has the key of row i of `now`, both from number `from` on. */
static int look_for(const struct side *now, const struct side *before, size_t from, uint32_t *found)
{
	struct ipvsf_hashset set = { 0 };
	int r = 0;

	for (size_t i = from; i < before->count && !r; i++) {
		struct slot slot = { .number = i + 1, .hash = before->hash(row_at(before, i)) };

		r = ipvsf_hashset_reserve(&by_key, &set);
		if (!r) {
			void *at = ipvsf_hashset_find(&by_key, &set, slot.hash, row_at(before, i), before);

			set.count += ipvsf_hashset_is_empty(at);
			memcpy(at, &slot, sizeof(slot));
		}
	}
	for (size_t i = from; i < now->count && set.size && !r; i++) {
		const uint8_t *row = row_at(now, i);
		const struct slot *at = ipvsf_hashset_find(&by_key, &set, now->hash(row), row, before);

		if (at->number)
			found[i] = (uint32_t)(at->number - 1);
	}
	ipvsf_hashset_deinit(&by_key, &set);
	return r;
}

/* found[] is NO_ROW throughout at first. */
static int pair(const struct side *now, const struct side *before, uint32_t *found)
{
	size_t start = same_start(now, before);

	for (size_t i = 0; i < start; i++)
		found[i] = (uint32_t)i;
	return start < now->count && start < before->count ? look_for(now, before, start, found) : 0;
}

/* Dests are looked for among those of the same service. */
static int pair_dests(const struct ipvsf_table *now, const struct ipvsf_table *before,
		      const uint32_t *services, uint32_t *found)
{
	for (size_t i = 0; i < now->num_services; i++) {
		const struct ipvsf_service_row *x = &now->services[i], *y;
		struct side a, b;
		int r;

		if (services[i] == NO_ROW)
			continue;
		y = &before->services[services[i]];
		a = dests_of(now, x->first_dest, x->num_dests);
		b = dests_of(before, y->first_dest, y->num_dests);
		r = pair(&a, &b, found + x->first_dest);
		if (r)
			return r;
		for (size_t n = 0; n < x->num_dests; n++) {
			if (found[x->first_dest + n] != NO_ROW)
				found[x->first_dest + n] += y->first_dest;
		}
	}
	return 0;
}

int ipvsf_table_same_keys(const struct ipvsf_table *a, const struct ipvsf_table *b)
{
	struct side x = services_of(a), y = services_of(b);

	if (a->num_services != b->num_services || a->num_dests != b->num_dests ||
	    same_start(&x, &y) != a->num_services)
		return 0;
	for (size_t i = 0; i < a->num_services; i++) {
		if (a->services[i].first_dest != b->services[i].first_dest ||
		    a->services[i].num_dests != b->services[i].num_dests)
			return 0;
	}
	x = dests_of(a, 0, a->num_dests);
	y = dests_of(b, 0, b->num_dests);
	return same_start(&x, &y) == a->num_dests;
}

/* What two readings of all rows have in common. */
struct pace {
	double frequency;
	bool may_be_behind;
};

/* Row i of `rows`. before: NULL where there was none. */
static void compare(struct ipvsf_changes *changes, size_t rows, size_t i, const struct ipvsf_stats *now,
		    const struct ipvsf_stats *before, struct pace pace)
{
	static const struct ipvsf_stats nothing;
	const uint64_t *x = &now->conns, *y = before ? &before->conns : x;
	uint64_t *difference = changes->differences + i;
	double *rate = changes->rates + i;
	bool smaller = false;

	for (size_t c = 0; c < IPVSF_COUNTERS; c++)
		smaller |= x[c] < y[c];
	if (!before)
		changes->appeared[changes->num_appeared++] = (uint32_t)i;
	if (smaller && !pace.may_be_behind) {
		changes->zeroed[changes->num_zeroed++] = (uint32_t)i;
		y = &nothing.conns;
	}
	for (size_t c = 0; c < IPVSF_COUNTERS; c++) {
		uint64_t more = x[c] > y[c] ? x[c] - y[c] : 0;

		difference[c * rows] = more;
		rate[c * rows] = (double)more * pace.frequency;
	}
}

/* Where the counters of a row are looked up; NULL for NO_ROW. found: NULL where all rows stand as they stood. */
static const struct ipvsf_stats *counters(const uint8_t *rows, size_t row, size_t offset,
					  const uint32_t *found, size_t i)
{
	size_t at = found ? found[i] : i;

	return found && found[i] == NO_ROW ? NULL : (const void *)(rows + at * row + offset);
}

static int list_vanished(struct ipvsf_changes *changes, const uint32_t *found, size_t now, size_t before)
{
	uint8_t *there = calloc(before ? before : 1, 1);

	if (!there)
		return -ENOMEM;
	for (size_t i = 0; i < now; i++) {
		if (found[i] != NO_ROW)
			there[found[i]] = 1;
	}
	for (size_t i = 0; i < before; i++) {
		if (!there[i])
			changes->vanished[changes->num_vanished++] = (uint32_t)i;
	}
	free(there);
	return 0;
}

static void compare_all(const struct ipvsf_table *now, const struct ipvsf_table *before, struct pace pace,
			const uint32_t *found, struct ipvsf_changes *services, struct ipvsf_changes *dests)
{
	for (size_t i = 0; i < now->num_services; i++)
		compare(services, now->num_services, i, &now->services[i].stats,
			counters((const uint8_t *)before->services, sizeof(*before->services),
				 offsetof(struct ipvsf_service_row, stats), found, i),
			pace);
	if (found)
		found += now->num_services;
	for (size_t i = 0; i < now->num_dests; i++)
		compare(dests, now->num_dests, i, &now->dests[i].stats,
			counters((const uint8_t *)before->dests, sizeof(*before->dests),
				 offsetof(struct ipvsf_dest_row, stats), found, i),
			pace);
}

int ipvsf_table_compare(const struct ipvsf_table *now, const struct ipvsf_table *before, double seconds,
			uint32_t how, struct ipvsf_changes *services, struct ipvsf_changes *dests)
{
	size_t count = now->num_services + now->num_dests;
	struct pace pace = { .frequency = seconds > 0 ? 1 / seconds : 0,
			     .may_be_behind = how & IPVSF_MAY_BE_BEHIND };
	struct side x = services_of(now), y = services_of(before);
	uint32_t *found;
	int r;

	services->num_appeared = services->num_zeroed = services->num_vanished = 0;
	dests->num_appeared = dests->num_zeroed = dests->num_vanished = 0;
	if (how & IPVSF_SAME_KEYS) {
		compare_all(now, before, pace, NULL, services, dests);
		return 0;
	}
	found = reallocarray(NULL, count ? count : 1, sizeof(*found));
	if (!found)
		return -ENOMEM;
	memset(found, 0xff, count * sizeof(*found)); /* NO_ROW */
	r = pair(&x, &y, found);
	if (!r)
		r = pair_dests(now, before, found, found + now->num_services);
	if (!r)
		r = list_vanished(services, found, now->num_services, before->num_services);
	if (!r)
		r = list_vanished(dests, found + now->num_services, now->num_dests, before->num_dests);
	if (!r)
		compare_all(now, before, pace, found, services, dests);
	free(found);
	return r;
}
