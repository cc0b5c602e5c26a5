/* SPDX-License-Identifier: MIT */
#include "front/reorder.h"

#define NO_TURN UINT32_MAX

/* Rules of one service that stand together; mostly all that it has. */
struct run {
	uint32_t start, end;
	uint32_t leader; /* the first run of this service */
	uint32_t turn;	 /* of a leader */
};

struct orderer {
	const struct ipvsf_op *rules;
	size_t count;
	struct run *runs;
	size_t num_runs;
	const struct run **sorted; /* those that have a service, by it */
	size_t num_sorted;
	const struct ipvsf_op **dests; /* all rules that have a service, by it and by dest */
	size_t num_dests;
	uint32_t next_turn;
};

static const struct ipvsf_op *rules_of_sort; /* qsort() hands no context on */

static int compare_services(const struct ipvsf_service *a, const struct ipvsf_service *b)
{
	int c = memcmp(a, b, offsetof(struct ipvsf_service, flags));

	return c ? c : memcmp(a->addr, b->addr, sizeof(a->addr));
}

static int compare_dests(const void *a, const void *b)
{
	const struct ipvsf_op *x = *(const struct ipvsf_op *const *)a,
			      *y = *(const struct ipvsf_op *const *)b;
	int c = compare_services(&x->u.service, &y->u.service);

	return c ? c : memcmp(&x->dest, &y->dest, offsetof(struct ipvsf_dest, fwd));
}

static int compare_runs(const void *a, const void *b)
{
	const struct run *x = *(const struct run *const *)a, *y = *(const struct run *const *)b;
	int c = compare_services(&rules_of_sort[x->start].u.service, &rules_of_sort[y->start].u.service);

	return c ? c : x->start < y->start ? -1 : x->start > y->start;
}

/* --set has no service, and its turn is before all that have. */
static bool has_service(const struct ipvsf_op *rule)
{
	return rule->cmd != IPVSF_SET_CONFIG;
}

static bool same_service(const struct ipvsf_op *a, const struct ipvsf_op *b)
{
	return has_service(a) && has_service(b) && !compare_services(&a->u.service, &b->u.service);
}

static int find_runs(struct orderer *o)
{
	size_t n = 0;

	for (size_t i = 0; i < o->count; i++)
		n += !i || !same_service(&o->rules[i - 1], &o->rules[i]);
	o->runs = calloc(n + 1, sizeof(*o->runs));
	o->sorted = calloc(n + 1, sizeof(*o->sorted));
	if (!o->runs || !o->sorted)
		return -ENOMEM;
	for (uint32_t i = 0; i < o->count; i++) {
		struct run *run = &o->runs[o->num_runs];

		if (i && same_service(&o->rules[i - 1], &o->rules[i])) {
			run[-1].end = i + 1;
			continue;
		}
		*run = (struct run){ .start = i, .end = i + 1, .turn = NO_TURN };
		run->leader = (uint32_t)o->num_runs++;
		if (has_service(&o->rules[i]))
			o->sorted[o->num_sorted++] = run;
		else
			run->turn = o->next_turn++;
	}
	return 0;
}

static void find_leaders(struct orderer *o)
{
	rules_of_sort = o->rules;
	qsort(o->sorted, o->num_sorted, sizeof(*o->sorted), compare_runs);
	for (size_t i = 1; i < o->num_sorted; i++) {
		struct run *run = &o->runs[o->sorted[i] - o->runs];

		if (same_service(&o->rules[run->start], &o->rules[o->sorted[i - 1]->start]))
			run->leader = o->sorted[i - 1]->leader;
	}
}

/* The first run of the file with rules of this service. */
static struct run *find_run(const struct orderer *o, const struct ipvsf_service *service)
{
	size_t low = 0, high = o->num_sorted;

	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct run *run = o->sorted[middle];
		int c = compare_services(&o->rules[run->start].u.service, service);

		if (!c)
			return &o->runs[run->leader];
		if (c < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* Services that were there come back against the order in which they went, then the others. */
static void take_turns(struct orderer *o, const struct ipvsf_table *t)
{
	for (size_t i = t->num_services; i-- > 0;) {
		struct run *run = find_run(o, &t->services[i].conf);

		if (run && run->turn == NO_TURN)
			run->turn = o->next_turn++;
	}
	for (size_t i = 0; i < o->num_runs; i++) {
		struct run *leader = &o->runs[o->runs[i].leader];

		if (leader->turn == NO_TURN)
			leader->turn = o->next_turn++;
	}
}

static int order_rules(const struct orderer *o, struct front_order *ret)
{
	uint32_t *next = calloc(o->next_turn + 1, sizeof(*next)); /* the place of a turn's next rule */
	bool moved = false;

	ret->order = calloc(o->count + 1, sizeof(*ret->order));
	if (!next || !ret->order)
		return -ENOMEM;
	for (size_t i = 0; i < o->num_runs; i++)
		next[o->runs[o->runs[i].leader].turn + 1] += o->runs[i].end - o->runs[i].start;
	for (uint32_t turn = 0; turn < o->next_turn; turn++)
		next[turn + 1] += next[turn];
	for (size_t i = 0; i < o->num_runs; i++) {
		uint32_t *place = &next[o->runs[o->runs[i].leader].turn];

		for (uint32_t n = o->runs[i].start; n < o->runs[i].end; n++) {
			moved |= *place != n;
			ret->order[(*place)++] = n;
		}
	}
	free(next);
	if (!moved) {
		free(ret->order);
		ret->order = NULL;
	}
	return 0;
}

static int sort_dests(struct orderer *o)
{
	o->dests = calloc(o->count + 1, sizeof(*o->dests));
	if (!o->dests)
		return -ENOMEM;
	for (size_t i = 0; i < o->count; i++) {
		if (has_service(&o->rules[i]))
			o->dests[o->num_dests++] = &o->rules[i];
	}
	qsort(o->dests, o->num_dests, sizeof(*o->dests), compare_dests);
	return 0;
}

static bool comes_back(const struct orderer *o, const struct ipvsf_op *dest)
{
	return bsearch(&dest, o->dests, o->num_dests, sizeof(*o->dests), compare_dests);
}

static int find_gone(const struct orderer *o, const struct ipvsf_table *t, struct front_order *ret)
{
	struct ipvsf_op *op = calloc(t->num_services + t->num_dests + 1, sizeof(*op));

	ret->gone = op;
	if (!op)
		return -ENOMEM;
	for (size_t i = 0; i < t->num_services; i++) {
		const struct ipvsf_service_row *row = &t->services[i];

		if (!find_run(o, &row->conf)) {
			*op++ = (struct ipvsf_op){ .cmd = IPVSF_DEL_SERVICE, .u.service = row->conf };
			continue;
		}
		for (uint32_t d = 0; d < row->num_dests; d++) {
			*op = (struct ipvsf_op){ .cmd = IPVSF_DEL_DEST,
						 .u.service = row->conf,
						 .dest = t->dests[row->first_dest + d].conf };
			op += !comes_back(o, op);
		}
	}
	*op++ = (struct ipvsf_op){ .cmd = IPVSF_FLUSH };
	ret->num_gone = (size_t)(op - ret->gone);
	return 0;
}

int front_order_make(const struct ipvsf_op *rules, size_t count, const struct ipvsf_table *t,
		     struct front_order *ret)
{
	struct orderer o = { .rules = rules, .count = count };
	int r = find_runs(&o);

	if (r)
		return r;
	find_leaders(&o);
	if (t->num_dests)
		r = sort_dests(&o);
	if (!r)
		r = find_gone(&o, t, ret);
	take_turns(&o, t);
	return r ? r : order_rules(&o, ret);
}
