/* SPDX-License-Identifier: MIT */
/* One change, and -C. */
#include "front/work.h"
#include "texts.h"

#include <stdio.h>

#define MANY 1000 /* from so many dests on the order in which they go counts; replacer.py */

/* The usual refusals need no Python to be told; what else there is to say, it knows. */
static _Noreturn void tell_refusal(const struct front *f, const struct ipvsf_op *op, int32_t result)
{
	for (size_t i = 0; i < sizeof(front_refusals) / sizeof(front_refusals[0]); i++) {
		if (front_refusals[i].cmd == op->cmd && front_refusals[i].number == -result) {
			dprintf(2, "%s\n", front_refusals[i].text);
			_exit(255);
		}
	}
	front_hand_result(f, FRONT_DONE_CHANGE, result);
}

void front_change(const struct front *f, const struct front_request *q)
{
	struct ipvsf_info info;
	struct ipvsf_session *s = front_open(f, &info);
	int32_t result = 0;

	if (front_send_all(s, &q->op, 1, &result))
		front_decline(f);
	if (result)
		tell_refusal(f, &q->op, result);
}

/* Dests are deleted against the order in which -S prints them: added again, each finds its old entry at once. */
static bool delete_dests(struct ipvsf_session *s, struct ipvsf_table *t)
{
	static struct ipvsf_op ops[FRONT_RULES];
	static int32_t results[FRONT_RULES];
	size_t count;

	if (ipvsf_table_sort(t, IPVSF_ORDER_LISTED))
		return false;
	for (;;) {
		if (ipvsf_table_pop_deletions(t, ops, FRONT_RULES, &count))
			return false;
		if (!count)
			return true;
		if (front_send_all(s, ops, count, results))
			return false;
	}
}

/* Until the last result Python may begin anew: what is deleted already is then not there. */
void front_clear(const struct front *f, const struct front_request *q)
{
	struct ipvsf_info info;
	struct ipvsf_session *s = front_open(f, &info);
	struct ipvsf_table t = { 0 };
	int32_t result = 0;

	if (!front_read_table(s, &q->op.u.service, &t))
		front_decline(f);
	if (t.num_dests >= MANY && !delete_dests(s, &t))
		front_decline(f);
	if (front_send_all(s, &q->op, 1, &result))
		front_decline(f);
	if (result)
		tell_refusal(f, &q->op, result);
}
