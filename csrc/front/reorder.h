/* SPDX-License-Identifier: MIT */
/*
 * Rules in place of a whole table: what of the table does not come back, and in which order the rules are
 * added. changes/replace.py defines both, and says why. The memory is freed with the process.
 */
#ifndef IPVSFAST_REORDER_H
#define IPVSFAST_REORDER_H

#include "core/internal.h"

struct front_order {
	struct ipvsf_op *gone; /* deletions, and behind them the one of everything */
	size_t num_gone;
	uint32_t *order; /* order[i]: which rule is sent as number i; NULL: they are sent as they stand */
};

/* 0 or -ENOMEM. */
int front_order_make(const struct ipvsf_op *rules, size_t count, const struct ipvsf_table *table,
		     struct front_order *ret);

#endif
