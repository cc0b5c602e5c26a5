/* SPDX-License-Identifier: MIT */
/* The numbers of a dest that options set: a new one is a line here, and whoever reads or writes them has it. */
#ifndef IPVSFAST_DEST_NUMBERS_H
#define IPVSFAST_DEST_NUMBERS_H

#include "core/internal.h"

/*
 * X(member, name, option, always, attribute, field), in the order of rules and records.
 *
 * member: of struct ipvsf_dest, 32 bits, 0 to INT32_MAX in a rule. name: in records. option: its letter. always:
 * whether every rule has it, and ahead of the tunnel; the others stand behind that where they are not 0.
 * attribute: the kernel's, behind IPVS_DEST_ATTR_. field: of its struct ip_vs_dest. For the default see
 * language/options.py.
 */
#define DEST_NUMBERS(X)                                         \
	X(weight, "weight", 'w', true, WEIGHT, weight)          \
	X(u_thresh, "upper", 'x', false, U_THRESH, u_threshold) \
	X(l_thresh, "lower", 'y', false, L_THRESH, l_threshold)

enum {
#define COUNT(...) +1
	NUM_DEST_NUMBERS = 0 DEST_NUMBERS(COUNT)
#undef COUNT
};

/* The one that says which part of the new connections a dest gets, and its name. */
#define DEST_SHARE weight
#define DEST_SHARE_NAME "weight"

static inline bool same_numbers(const struct ipvsf_dest *a, const struct ipvsf_dest *b)
{
#define DIFFERS(member, ...)        \
	if (a->member != b->member) \
		return false;
	DEST_NUMBERS(DIFFERS)
#undef DIFFERS
	return true;
}

/* Whether the kernel reports one that no rule can set, and that is below 0 where it is shown as signed. */
static inline bool has_negative_number(const struct ipvsf_dest *c)
{
#define IS_NEGATIVE(member, ...)    \
	if ((int64_t)c->member < 0) \
		return true;
	DEST_NUMBERS(IS_NEGATIVE)
#undef IS_NEGATIVE
	return false;
}

#endif
