/* SPDX-License-Identifier: MIT */
/* One change, and -C. */
#include "front/work.h"
#include "texts.h"

#include <stdio.h>

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

/* A table that cannot be read is deleted all the same. */
void front_clear(const struct front *f, const struct front_request *q)
{
	struct ipvsf_info info;
	struct ipvsf_session *s = front_open(f, &info);
	struct ipvsf_table t = { .scope = ipvsf_view_scope(IPVSF_VIEW_DEFAULT) };
	int32_t result = 0;
	bool read = front_read_table(s, &q->op.u.service, &t);

	if (ipvsf_table_clear(s, read ? &t : NULL, &result))
		front_decline(f);
	if (result)
		tell_refusal(f, &q->op, result);
}
