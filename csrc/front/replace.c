/* SPDX-License-Identifier: MIT */
/*
 * ipvsfast-restore: the rules on standard input in place of the table. All of them are read before anything is
 * done, and a line that is not canonical leaves everything to Python.
 */
#include "front/reorder.h"
#include "front/work.h"

#define TEXT_START (1 << 18)
#define INTERRUPTED 130 /* by Ctrl-C, before anything was done: nothing to say of it */

struct replace {
	const struct front *f;
	char *text;
	size_t len;
	struct ipvsf_op *ops; /* in the order of the file */
	int32_t *results;     /* of these */
	size_t count;
	bool empties; /* no service among them: that is asked about */
};

/* Nothing was sent: Python does it all, from what was read. */
static _Noreturn void leave_to_python(const struct replace *r, bool ended)
{
	struct front_handed h = { .what = FRONT_DONE_REPLACE, .ended = ended };

	front_hand_on(r->f, &h, NULL, r->text, r->len);
}

/* Rules were sent, or Ctrl-C came: Python tells what is in force. */
static _Noreturn void tell(const struct replace *r, int error)
{
	bool interrupted = error == -EINTR;
	struct front_handed h = { .what = FRONT_DONE_REPLACE,
				  .interrupted = interrupted,
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

/* What does not come back goes, and then everything. Until then Python may begin anew: less is there. */
static void empty_table(struct replace *r, struct ipvsf_session *s, const struct front_order *o)
{
	int32_t *results = calloc(o->num_gone, sizeof(*results));
	int error = results ? front_send_all(s, o->gone, o->num_gone, results) : -ENOMEM;

	free(results);
	if (error == -EINTR)
		tell(r, error);
	if (error)
		leave_to_python(r, true);
}

/* In the order in which they are sent; false: there is no room for that. */
static bool arrange(struct replace *r, const struct front_order *o, struct ipvsf_op **ops, int32_t **results)
{
	*ops = r->ops;
	*results = r->results;
	if (!o->order)
		return true;
	*ops = calloc(r->count, sizeof(**ops));
	*results = calloc(r->count, sizeof(**results));
	for (size_t i = 0; *ops && i < r->count; i++)
		(*ops)[i] = r->ops[o->order[i]];
	return *ops && *results;
}

static void send_rules(struct replace *r, struct ipvsf_session *s, const struct front_order *o,
		       const struct ipvsf_op *ops, int32_t *results)
{
	size_t at = 0, done;
	bool refused = false;
	int error;

	do {
		error = front_send(s, ops + at, r->count - at, results + at, &done);
		at += done;
	} while (error == -EAGAIN);
	for (size_t i = 0; i < r->count; i++) {
		if (i >= at)
			results[i] = IPVSF_NOT_SENT;
		refused |= results[i];
	}
	if (!error && !refused)
		return;
	for (size_t i = 0; o->order && i < r->count; i++)
		r->results[o->order[i]] = results[i];
	tell(r, error);
}

void front_replace(const struct front *f)
{
	struct replace *r = calloc(1, sizeof(*r));
	struct ipvsf_table t = { 0 };
	struct front_order order;
	struct ipvsf_session *s;
	struct ipvsf_info info;
	struct ipvsf_op *ops;
	int32_t *results;

	if (!r)
		front_decline(f);
	r->f = f;
	r->empties = true;
	front_hold_interrupt();
	read_text(r);
	scan_text(r);
	r->results = calloc(r->count, sizeof(*r->results));
	if (!r->results || ipvsf_session_create(-1, &s) || ipvsf_info_get(s, &info) ||
	    ipvsf_lock_take(s, NULL, 0) < 0 || /* until we end; Python says who has it */
	    !front_read_table(s, &(struct ipvsf_service){ 0 }, &t) ||
	    front_order_make(r->ops, r->count, &t, &order) || !arrange(r, &order, &ops, &results))
		leave_to_python(r, true);
	if (front_interrupted())
		_exit(INTERRUPTED);
	for (size_t i = 0; i < r->count; i++)
		r->results[i] = IPVSF_NOT_SENT; /* also where Ctrl-C comes before the first */
	empty_table(r, s, &order);
	send_rules(r, s, &order, ops, results);
}
