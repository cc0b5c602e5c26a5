/* SPDX-License-Identifier: MIT */
/* What rules in place of a table are worked out from: the services of both, each with its rules and its dests. */
#ifndef IPVSF_RULES_GROUPS_H
#define IPVSF_RULES_GROUPS_H

#include "core/hashset.h"
#include "core/siphash.h"

#define NOWHERE UINT32_MAX

/* Rules of one service, and what the table has of it. */
struct group {
	const struct ipvsf_service *key;
	const struct ipvsf_service_row *row; /* NULL: not in the table */
	uint32_t first, last;		     /* rules, linked by next[] */
	uint32_t defined;		     /* the one that adds the service */
	bool twice;   /* more than one adds it: which of them the kernel takes is not known */
	bool anew;    /* not to be edited but deleted and created */
	bool hashed;  /* its dests are in the set */
	bool settled; /* it is as wanted: its rules are not here */
};

struct maker {
	const struct ipvsf_op *rules;
	const int32_t *refused; /* a check afterwards: what became of them; else NULL */
	uint32_t count;
	uint32_t how; /* bits of enum ipvsf_replacing */
	const struct ipvsf_table *table;
	const struct ipvsf_settled *settled; /* what is left alone, or NULL */
	struct group *groups;		     /* those of the table first, in its order */
	uint32_t num_groups;
	uint32_t *next;	 /* rule of the same service */
	uint32_t *owner; /* group of a rule */
	bool *taken;	 /* dests of the table that have their rule */
	struct ipvsf_hashset services, dests;
	struct ipvsf_sip_key hash_key;
	struct ipvsf_replacement *ret;
	size_t size; /* of ret->ops and ret->steps */
};

/* Makes m->groups, the rules of each linked by m->next. 0, -ENOMEM, or -EAGAIN for a table with a service twice. */
int ipvsf_groups_make(struct maker *m);

/* The hash sets. */
void ipvsf_groups_deinit(struct maker *m);

/* Where the dest of a rule stands in the table, counted as they were added; NOWHERE; -ENOMEM. likely: where it is
 * looked for first. */
int64_t ipvsf_groups_find_dest(struct maker *m, struct group *group, uint32_t likely,
			       const struct ipvsf_dest *dest);

bool ipvsf_rule_has_service(const struct ipvsf_op *rule);

/* Where it is known what became of them; for one whose reply was lost the table tells. */
bool ipvsf_rule_was_refused(const struct maker *m, uint32_t rule);

#endif
