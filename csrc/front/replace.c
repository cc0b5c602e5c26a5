/* SPDX-License-Identifier: MIT */
/*
 * ipvsfast-restore: the rules on standard input in place of the table. All of them are read before anything is
 * done, and a line that is not canonical leaves everything to Python.
 */
#include "front/work.h"

#define TEXT_START (1 << 18)
#define INTERRUPTED 130 /* by Ctrl-C, before anything was done: nothing to say of it */

struct replace {
	const struct front *f;
	char *text;
	size_t len;
	struct ipvsf_op *ops;	/* in the order of the file */
	const int32_t *results; /* of these */
	size_t count;
	bool empties; /* no service among them: that is asked about */
};

/* Nothing was sent: Python does it all, from what was read. */
static _Noreturn void leave_to_python(const struct replace *r, bool ended)
{
	struct front_handed h = { .what = FRONT_DONE_REPLACE, .ended = ended };

	front_hand_on(r->f, &h, NULL, r->text, r->len);
}

/* The results of the rules go along, and how many ops were carried out: Python tells what is in force. */
static _Noreturn void tell(const struct replace *r, int error, size_t done)
{
	bool interrupted = error == -EINTR;
	struct front_handed h = { .what = FRONT_DONE_REPLACE,
				  .interrupted = interrupted,
				  .done = done,
				  .error = interrupted ? 0 : error,
				  .count = (uint32_t)r->count,
				  .ended = true };

	front_hand_on(r->f, &h, r->results, r->text, r->len);
}

static void read_text(struct replace *r)
{
	size_t size = TEXT_START;
	ssize_t got;

	r->text = malloc(size);
	if (!r->text)
		front_decline(r->f);
	for (;;) {
		if (!front_wait_input())
			_exit(INTERRUPTED);
		got = read(0, r->text + r->len, size - r->len - 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			leave_to_python(r, false);
		if (!got)
			break;
		r->len += (size_t)got;
		if (size - r->len < TEXT_START / 2) {
			char *bigger = realloc(r->text, size * 2);

			if (!bigger)
				leave_to_python(r, false);
			r->text = bigger;
			size *= 2;
		}
	}
	if (r->len && r->text[r->len - 1] != '\n')
		r->text[r->len++] = '\n';
}

static void scan_text(struct replace *r)
{
	static uint32_t offsets[FRONT_RULES], numbers[FRONT_RULES];
	struct ipvsf_scan scan = { 0 };
	size_t size = 0;

	while (scan.used < r->len) {
		if (size < r->count + FRONT_RULES) {
			size = size ? size * 2 : FRONT_RULES;
			r->ops = reallocarray(r->ops, size, sizeof(*r->ops));
			if (!r->ops)
				leave_to_python(r, true);
		}
		scan.count = 0;
		ipvsf_rules_scan(r->text, r->len, r->ops + r->count, offsets, numbers, FRONT_RULES, &scan);
		for (size_t i = 0; i < scan.count; i++)
			r->empties &= r->ops[r->count + i].cmd != IPVSF_NEW_SERVICE;
		r->count += scan.count;
		if (scan.stopped)
			leave_to_python(r, true);
	}
	if (r->empties)
		leave_to_python(r, true);
}

/* 0: all of it has a result; or what ended it. */
static int send_plan(struct ipvsf_session *s, const struct ipvsf_replacement *plan, int32_t *results)
{
	size_t at = 0, done;
	int error;

	for (size_t i = 0; i < plan->count; i++)
		results[i] = IPVSF_NOT_SENT;
	do {
		error = front_send(s, plan->ops + at, plan->count - at, results + at, &done);
		at += done;
	} while (error == -EAGAIN);
	return error;
}

static bool all_in_force(const int32_t *results, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (results[i])
			return false;
	}
	return true;
}

/* All of it: what is not in this reading is deleted or added. */
static bool read_table(struct ipvsf_session *s, struct ipvsf_table *t)
{
	*t = (struct ipvsf_table){ .complete = 1, .scope = ipvsf_view_scope(IPVSF_VIEW_RULES) };
	return front_read_table(s, &(struct ipvsf_service){ 0 }, t);
}

/* The table is what the rules say, now that they are sent. */
static bool is_replaced(struct replace *r, struct ipvsf_session *s)
{
	struct ipvsf_replacement rest;
	struct ipvsf_table t;

	return read_table(s, &t) && !ipvsf_replacement_make(r->ops, r->count, 0, r->results, &t, &rest) &&
	       !rest.count;
}

void front_replace(const struct front *f)
{
	struct replace *r = calloc(1, sizeof(*r));
	struct ipvsf_replacement plan;
	struct ipvsf_replaced told;
	struct ipvsf_table t;
	struct ipvsf_session *s;
	struct ipvsf_info info;
	int32_t *results;
	int error, lock;

	if (!r)
		front_decline(f);
	r->f = f;
	r->empties = true;
	front_hold_interrupt();
	read_text(r);
	scan_text(r);
	if (ipvsf_session_create(-1, &s) || ipvsf_info_get(s, &info) ||
	    ipvsf_lock_take(s, &lock, NULL, 0) || /* until we end; Python says who has it */
	    !read_table(s, &t) || ipvsf_replacement_make(r->ops, r->count, 0, NULL, &t, &plan))
		leave_to_python(r, true);
	ipvsf_table_deinit(&t);
	results = calloc(plan.count + 1, sizeof(*results));
	if (!results)
		leave_to_python(r, true);
	if (front_interrupted())
		_exit(INTERRUPTED);
	error = send_plan(s, &plan, results);
	ipvsf_replacement_note(&plan, results, &told);
	r->results = plan.results;
	if (error || !all_in_force(r->results, r->count) || (plan.count && !is_replaced(r, s)))
		tell(r, error, told.done);
}
