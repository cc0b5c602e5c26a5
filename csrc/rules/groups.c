/* SPDX-License-Identifier: MIT */
#include "rules/groups.h"

#define FEW 64 /* dests of a service that are looked through rather than put into a hash set */

struct slot {
	uint64_t hash; /* odd, so that no slot looks empty */
	uint32_t at;   /* group, or dest of the table */
	uint32_t group;
};

struct wanted {
	uint64_t hash;
	uint32_t group;
	const struct ipvsf_service *service;
	const struct ipvsf_dest *dest;
	const struct maker *m;
};

bool ipvsf_same_service(const struct ipvsf_service *a, const struct ipvsf_service *b)
{
	return !memcmp(a, b, offsetof(struct ipvsf_service, flags)) &&
	       !memcmp(a->addr, b->addr, sizeof(a->addr));
}

static bool same_dest(const struct ipvsf_dest *a, const struct ipvsf_dest *b)
{
	return !memcmp(a, b, offsetof(struct ipvsf_dest, fwd));
}

static uint64_t hash_service(const struct maker *m, const struct ipvsf_service *s)
{
	uint64_t words[4] = { s->fwmark, (uint64_t)s->af << 32 | (uint64_t)s->protocol << 16 | s->port };

	memcpy(&words[2], s->addr, sizeof(s->addr));
	return ipvsf_siphash(&m->hash_key, words, sizeof(words)) | 1;
}

static uint64_t hash_dest(const struct maker *m, uint32_t group, const struct ipvsf_dest *d)
{
	uint64_t words[4] = { group, (uint64_t)d->af << 16 | d->port };

	memcpy(&words[2], d->addr, sizeof(d->addr));
	return ipvsf_siphash(&m->hash_key, words, sizeof(words)) | 1;
}

/* The lowest bit is always set and tells nothing. */
static uint64_t slot_hash(const void *slot)
{
	return ((const struct slot *)slot)->hash >> 1;
}

static bool is_service(const void *slot, const void *wanted, const void *ctx)
{
	const struct slot *s = slot;
	const struct wanted *w = wanted;

	(void)ctx;
	return s->hash == w->hash && ipvsf_same_service(w->m->groups[s->at].key, w->service);
}

static bool is_dest(const void *slot, const void *wanted, const void *ctx)
{
	const struct slot *s = slot;
	const struct wanted *w = wanted;

	(void)ctx;
	return s->hash == w->hash && s->group == w->group &&
	       same_dest(&w->m->table->dests[s->at].conf, w->dest);
}

static const struct ipvsf_hashset_type service_set = {
	.slot_size = sizeof(struct slot),
	.first_size = 1 << 8,
	.hash = slot_hash,
	.same = is_service,
};

static const struct ipvsf_hashset_type dest_set = {
	.slot_size = sizeof(struct slot),
	.first_size = 1 << 8,
	.hash = slot_hash,
	.same = is_dest,
};

/* The group of a service, which is made where there is none; NOWHERE: no memory. */
static uint32_t group_of(struct maker *m, const struct ipvsf_service *service)
{
	struct wanted w = { .hash = hash_service(m, service), .service = service, .m = m };
	struct slot *slot;

	if (ipvsf_hashset_reserve(&service_set, &m->services))
		return NOWHERE;
	slot = ipvsf_hashset_find(&service_set, &m->services, w.hash >> 1, &w, NULL);
	if (ipvsf_hashset_is_empty(slot)) {
		*slot = (struct slot){ .hash = w.hash, .at = m->num_groups };
		m->services.count++;
		m->groups[m->num_groups++] = (struct group){
			.key = service, .first = NOWHERE, .last = NOWHERE, .defined = NOWHERE
		};
	}
	return slot->at;
}

bool ipvsf_rule_has_service(const struct ipvsf_op *rule)
{
	return rule->cmd == IPVSF_NEW_SERVICE || rule->cmd == IPVSF_NEW_DEST;
}

bool ipvsf_rule_was_refused(const struct maker *m, uint32_t rule)
{
	return m->refused && m->refused[rule] < 0 && m->refused[rule] != -ENOBUFS;
}

int ipvsf_groups_make(struct maker *m)
{
	for (size_t i = 0; i < m->table->num_services; i++) {
		uint32_t g = group_of(m, &m->table->services[i].conf);

		if (g != i)
			return g == NOWHERE ? -ENOMEM : -EAGAIN;
		m->groups[g].row = &m->table->services[i];
		m->groups[g].settled = m->settled && m->settled->services[i];
	}
	for (uint32_t i = 0; i < m->count; i++) {
		const struct ipvsf_op *rule = &m->rules[i];
		struct group *group;

		m->next[i] = m->owner[i] = NOWHERE;
		if (m->refused && (ipvsf_rule_was_refused(m, i) || !ipvsf_rule_has_service(rule)))
			m->ret->results[i] = m->refused[i];
		if (!ipvsf_rule_has_service(rule))
			continue;
		/* Mostly the service is that of the rule before. */
		m->owner[i] = i && ipvsf_rule_has_service(rule - 1) &&
					      ipvsf_same_service(&rule->u.service, &rule[-1].u.service)
				    ? m->owner[i - 1]
				    : group_of(m, &rule->u.service);
		if (m->owner[i] == NOWHERE)
			return -ENOMEM;
		group = &m->groups[m->owner[i]];
		if (group->first == NOWHERE)
			group->first = i;
		else
			m->next[group->last] = i;
		group->last = i;
		if (rule->cmd != IPVSF_NEW_SERVICE)
			continue;
		if (group->defined == NOWHERE || ipvsf_rule_was_refused(m, group->defined))
			group->defined = i;
		else
			group->twice |= !ipvsf_rule_was_refused(m, i);
	}
	return 0;
}

int64_t ipvsf_groups_find_dest(struct maker *m, struct group *group, uint32_t likely,
			       const struct ipvsf_dest *dest)
{
	const struct ipvsf_service_row *row = group->row;
	uint32_t number = (uint32_t)(group - m->groups), end = row->first_dest + row->num_dests;
	struct wanted w = { .group = number, .dest = dest, .m = m };
	const struct slot *slot;

	if (likely < row->num_dests && same_dest(&m->table->dests[end - 1 - likely].conf, dest))
		return likely;
	if (row->num_dests <= FEW) {
		for (uint32_t at = row->first_dest; at < end; at++) {
			/* What is settled has no rule here, and to look at all of them takes longer than the rest. */
			if (!(m->settled && m->taken[at]) && same_dest(&m->table->dests[at].conf, dest))
				return end - 1 - at;
		}
		return NOWHERE;
	}
	for (uint32_t at = row->first_dest; !group->hashed && at < end; at++) {
		struct slot one = { hash_dest(m, number, &m->table->dests[at].conf), at, number };
		struct wanted there = { .hash = one.hash, .group = number, .m = m };
		struct slot *to;

		if (ipvsf_hashset_reserve(&dest_set, &m->dests))
			return -ENOMEM;
		there.dest = &m->table->dests[at].conf;
		to = ipvsf_hashset_find(&dest_set, &m->dests, one.hash >> 1, &there, NULL);
		m->dests.count += ipvsf_hashset_is_empty(to);
		*to = one;
	}
	group->hashed = true;
	if (!m->dests.size)
		return NOWHERE;
	w.hash = hash_dest(m, number, dest);
	slot = ipvsf_hashset_find(&dest_set, &m->dests, w.hash >> 1, &w, NULL);
	return ipvsf_hashset_is_empty(slot) ? NOWHERE : end - 1 - slot->at;
}

void ipvsf_groups_deinit(struct maker *m)
{
	ipvsf_hashset_deinit(&service_set, &m->services);
	ipvsf_hashset_deinit(&dest_set, &m->dests);
}
