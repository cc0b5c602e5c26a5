/* SPDX-License-Identifier: MIT */
/*
 * Rules in place of a table, with as little change as possible. What stays is not touched. All additions come
 * before all deletions: a deleted dest stays in the kernel for minutes and every add searches all of these, and
 * until the last deletion nothing that stays is missing.
 *
 * The kernel puts a new dest in front of the others, and the order counts (mh, wrr). So dests that stand in the
 * table in the order of the rules stay, up to the first rule for which that is not so; from there on a dest that is
 * there is deleted and added again at once, which finds its old entry at the head of the deleted ones.
 */
#include "core/dest_numbers.h"
#include "rules/groups.h"

#define FWD_TUNNEL 2
/*
 * A change of scheduler waits for all readers of the kernel, 10 to 17 ms. From so many on the services are deleted
 * and created anew, each in about 0.1 ms, and lack dests so long.
 */
#define MANY_WAITS 100

static int emit(struct maker *m, struct ipvsf_step step, const struct ipvsf_op *op, uint16_t cmd)
{
	struct ipvsf_replacement *r = m->ret;

	if (r->count == m->size) {
		size_t size = m->size ? m->size * 2 : 1024;
		struct ipvsf_op *ops = reallocarray(r->ops, size, sizeof(*ops));
		struct ipvsf_step *steps;

		if (!ops)
			return -ENOMEM;
		r->ops = ops;
		steps = reallocarray(r->steps, size, sizeof(*steps));
		if (!steps)
			return -ENOMEM;
		r->steps = steps;
		m->size = size;
	}
	r->ops[r->count] = *op;
	r->ops[r->count].cmd = cmd;
	r->steps[r->count++] = step;
	if (step.rule != IPVSF_NO_RULE)
		r->results[step.rule] = IPVSF_NOT_SENT;
	return 0;
}

static int emit_rule(struct maker *m, uint32_t what, uint32_t rule, uint16_t cmd)
{
	struct ipvsf_step step = { .what = what, .rule = (int32_t)rule, .entries = 1, .row = IPVSF_NO_ROW };

	return emit(m, step, &m->rules[rule], cmd);
}

/* What is there already becomes as the rule says. */
static int emit_change(struct maker *m, uint32_t rule, size_t row, const struct ipvsf_op *op, uint16_t cmd)
{
	struct ipvsf_step step = {
		.what = IPVSF_STEP_CHANGE, .rule = (int32_t)rule, .entries = 1, .row = (int32_t)row
	};

	return emit(m, step, op, cmd);
}

static int emit_deletion(struct maker *m, uint32_t what, const struct ipvsf_service_row *row,
			 const struct ipvsf_dest_row *dest)
{
	struct ipvsf_op op = { .u.service = row->conf };
	struct ipvsf_step step = { .what = what, .rule = IPVSF_NO_RULE };

	if (!dest) {
		step.entries = 1 + row->num_dests;
		step.row = (int32_t)(row - m->table->services);
		return emit(m, step, &op, IPVSF_DEL_SERVICE);
	}
	step.entries = 1;
	step.row = (int32_t)(dest - m->table->dests);
	op.dest = dest->conf;
	return emit(m, step, &op, IPVSF_DEL_DEST);
}

static bool same_scheduler(const struct ipvsf_service *a, const struct ipvsf_service *b)
{
	return !strncmp(a->sched, b->sched, sizeof(a->sched));
}

/* Without persistence the kernel uses neither timeout nor netmask. */
bool ipvsf_same_settings(const struct ipvsf_service *a, const struct ipvsf_service *b)
{
	uint32_t differ = (a->flags ^ b->flags) & ~(uint32_t)IP_VS_SVC_F_HASHED;

	if (differ || !same_scheduler(a, b) || strncmp(a->pe, b->pe, sizeof(a->pe)))
		return false;
	return !(a->flags & IP_VS_SVC_F_PERSISTENT) || (a->timeout == b->timeout && a->netmask == b->netmask);
}

bool ipvsf_same_values(const struct ipvsf_dest *a, const struct ipvsf_dest *b)
{
	if (a->fwd != b->fwd || !same_numbers(a, b))
		return false;
	return a->fwd != FWD_TUNNEL ||
	       (a->tun_type == b->tun_type && a->tun_port == b->tun_port && a->tun_flags == b->tun_flags);
}

/* How far the dests of a service were found in the order of the rules. */
struct order {
	uint32_t next; /* the first that may come now */
	bool broken;   /* what follows has to be moved */
	bool disordered;
};

/* A rule for a dest of a service that is there. What stands twice is left to the kernel to refuse. */
static int put_dest(struct maker *m, struct group *group, struct order *o, uint32_t rule)
{
	const struct ipvsf_dest_row *there;
	struct ipvsf_op op;
	int64_t at = ipvsf_groups_find_dest(m, group, o->next, &m->rules[rule].dest);
	uint32_t row;
	int r;

	if (at < 0)
		return (int)at;
	row = group->row->first_dest + group->row->num_dests - 1 - (uint32_t)at;
	if (at == NOWHERE || m->taken[row]) {
		o->broken |= at == NOWHERE && !ipvsf_rule_was_refused(m, rule);
		return ipvsf_rule_was_refused(m, rule) ? 0
						       : emit_rule(m, IPVSF_STEP_ADD, rule, IPVSF_NEW_DEST);
	}
	m->taken[row] = true;
	if (ipvsf_rule_was_refused(m, rule))
		return 0;
	there = &m->table->dests[row];
	op = m->rules[rule];
	if (m->how & IPVSF_KEEP_WEIGHTS)
		op.dest.weight = there->conf.weight;
	o->disordered |= o->broken || at < o->next;
	if (m->how & IPVSF_ANY_ORDER || !o->disordered) {
		o->next = (uint32_t)at + 1;
		return ipvsf_same_values(&there->conf, &op.dest)
			     ? 0
			     : emit_change(m, rule, row, &op, IPVSF_SET_DEST);
	}
	o->broken = true;
	r = emit_deletion(m, IPVSF_STEP_MOVE, group->row, there);
	return r ? r : emit_change(m, rule, row, &op, IPVSF_NEW_DEST);
}

/* What is sent for the rules of a service that is there and stays. */
static int change_service(struct maker *m, struct group *group)
{
	struct order o = { 0 };
	int r = 0;

	for (uint32_t i = group->first; !r && i != NOWHERE; i = m->next[i]) {
		if (i < group->defined)
			m->ret->results[i] = -ESRCH;
		else if (m->rules[i].cmd == IPVSF_NEW_DEST)
			r = put_dest(m, group, &o, i);
		else if (!ipvsf_rule_was_refused(m, i) &&
			 !ipvsf_same_settings(&group->row->conf, &m->rules[i].u.service))
			r = emit_change(m, i, (size_t)(group->row - m->table->services), &m->rules[i],
					IPVSF_SET_SERVICE);
	}
	m->ret->disordered += o.disordered;
	return r;
}

/* The same for one that is not there, or is deleted first. Who refuses is the kernel. */
static int add_service(struct maker *m, const struct group *group)
{
	int r = group->anew ? emit_deletion(m, IPVSF_STEP_MOVE, group->row, NULL) : 0;

	for (uint32_t i = group->first; !r && i != NOWHERE; i = m->next[i]) {
		if (i < group->defined) /* all of them where none adds the service */
			m->ret->results[i] = -ESRCH;
		else if (!ipvsf_rule_was_refused(m, i))
			r = emit_rule(m, group->anew ? IPVSF_STEP_CHANGE : IPVSF_STEP_ADD, i,
				      m->rules[i].cmd);
	}
	return r;
}

/* Services that are created anew come last: what they leave among the deleted dests hinders no other. */
static int emit_groups(struct maker *m, bool anew)
{
	int r = 0;

	for (uint32_t i = 0; !r && i < m->count; i++) {
		struct group *group = m->owner[i] == NOWHERE ? NULL : &m->groups[m->owner[i]];

		if (!group || group->first != i || group->anew != anew)
			continue;
		r = group->row && !anew && group->defined != NOWHERE ? change_service(m, group)
								     : add_service(m, group);
	}
	return r;
}

static int emit_others(struct maker *m, uint16_t cmd)
{
	int r = 0;

	for (uint32_t i = 0; !m->refused && !r && i < m->count; i++)
		r = m->rules[i].cmd == cmd ? emit_rule(m, IPVSF_STEP_OTHER, i, cmd) : 0;
	return r;
}

/* Where nothing is to be deleted there is no need of an order. */
static bool deletes(const struct maker *m)
{
	for (size_t i = 0; i < m->table->num_services; i++) {
		const struct ipvsf_service_row *row = &m->table->services[i];
		const struct group *group = &m->groups[i];

		if (group->settled || group->anew)
			continue;
		if (group->defined == NOWHERE ||
		    (row->num_dests && memchr(m->taken + row->first_dest, false, row->num_dests)))
			return true;
	}
	return false;
}

/*
 * From the end of a listing to its start, in each service the newest dest first: rules that are in the order of a
 * saved table then find their old entries at once if this one is brought back.
 */
static int emit_deletions(struct maker *m)
{
	size_t count = deletes(m) ? m->table->num_services : 0;
	const struct ipvsf_service_row **listed = calloc(count + 1, sizeof(*listed));
	int r = !listed ? -ENOMEM : count ? ipvsf_services_listed(m->table, listed) : 0;

	while (!r && count-- > 0) {
		const struct ipvsf_service_row *row = listed[count];
		const struct group *group = &m->groups[row - m->table->services];

		if (group->settled)
			continue;
		if (group->defined == NOWHERE)
			r = emit_deletion(m, IPVSF_STEP_DELETE, row, NULL);
		for (uint32_t d = 0; !r && group->defined != NOWHERE && !group->anew && d < row->num_dests;
		     d++) {
			if (!m->taken[row->first_dest + d])
				r = emit_deletion(m, IPVSF_STEP_DELETE, row,
						  &m->table->dests[row->first_dest + d]);
		}
	}
	free(listed);
	return r;
}

static bool changes_scheduler(const struct maker *m, const struct group *group)
{
	return group->row && group->defined != NOWHERE && !ipvsf_rule_was_refused(m, group->defined) &&
	       !same_scheduler(&group->row->conf, &m->rules[group->defined].u.service);
}

static void choose_anew(struct maker *m)
{
	size_t waits = 0;

	for (uint32_t i = 0; i < m->num_groups; i++)
		waits += changes_scheduler(m, &m->groups[i]);
	for (uint32_t i = 0; i < m->table->num_services; i++) {
		struct group *group = &m->groups[i];

		group->anew = !(m->how & IPVSF_KEEP_SERVICES) &&
			      (group->twice || (waits >= MANY_WAITS && changes_scheduler(m, group)));
	}
}

static int make(struct maker *m)
{
	int r = ipvsf_groups_make(m);

	if (r)
		return r;
	choose_anew(m);
	r = emit_others(m, IPVSF_SET_CONFIG);
	if (!r)
		r = emit_groups(m, false);
	if (!r)
		r = emit_groups(m, true);
	if (!r)
		r = emit_deletions(m);
	/* A daemon does not start while there are dests of another family than their service's. */
	return r ? r : emit_others(m, IPVSF_NEW_DAEMON);
}

static int replacement_make(const struct ipvsf_op *rules, size_t count, uint32_t how, const int32_t *refused,
			    const struct ipvsf_settled *settled, const struct ipvsf_table *table,
			    struct ipvsf_replacement *ret)
{
	struct maker m = { .rules = rules,
			   .refused = refused,
			   .settled = settled,
			   .count = (uint32_t)count,
			   .how = how,
			   .table = table,
			   .ret = ret };
	int r = count > INT32_MAX ? -E2BIG : ipvsf_sip_key_init(&m.hash_key);

	memset(ret, 0, sizeof(*ret));
	if (r)
		return r;
	r = -ENOMEM;
	ret->num_rules = count;
	ret->results = calloc(count + 1, sizeof(*ret->results));
	m.groups = calloc(table->num_services + count + 1, sizeof(*m.groups));
	m.next = calloc(count + 1, sizeof(*m.next));
	m.owner = calloc(count + 1, sizeof(*m.owner));
	m.taken = calloc(table->num_dests + 1, sizeof(*m.taken));
	if (ret->results && m.groups && m.next && m.owner && m.taken) {
		if (settled)
			memcpy(m.taken, settled->dests, table->num_dests * sizeof(*m.taken));
		r = make(&m);
	}
	ipvsf_groups_deinit(&m);
	free(m.groups);
	free(m.next);
	free(m.owner);
	free(m.taken);
	if (r)
		ipvsf_replacement_deinit(ret);
	return r;
}

int ipvsf_replacement_make(const struct ipvsf_op *rules, size_t count, uint32_t how, const int32_t *refused,
			   const struct ipvsf_table *table, struct ipvsf_replacement *ret)
{
	return replacement_make(rules, count, how, refused, NULL, table, ret);
}

int ipvsf_replacement_of_rest(const struct ipvsf_op *rules, size_t count, uint32_t how,
			      const struct ipvsf_settled *settled, const struct ipvsf_table *table,
			      struct ipvsf_replacement *ret)
{
	return replacement_make(rules, count, how, NULL, settled, table, ret);
}

void ipvsf_replacement_deinit(struct ipvsf_replacement *r)
{
	free(r->ops);
	free(r->steps);
	free(r->results);
	memset(r, 0, sizeof(*r));
}

void ipvsf_replacement_note(struct ipvsf_replacement *r, const int32_t *results, struct ipvsf_replaced *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < r->count; i++) {
		const struct ipvsf_step *step = &r->steps[i];
		bool done = !results[i];

		ret->done += done;
		if (step->what == IPVSF_STEP_DELETE) {
			ret->deleted += done ? step->entries : 0;
			ret->left += done ? 0 : step->entries;
		}
		if (step->rule == IPVSF_NO_RULE)
			continue;
		r->results[step->rule] = results[i];
		ret->added += done && step->what != IPVSF_STEP_CHANGE;
		ret->changed += done && step->what == IPVSF_STEP_CHANGE;
	}
	for (size_t i = 0; i < r->num_rules; i++)
		ret->there += !r->results[i];
	ret->there -= ret->added + ret->changed;
}
