/* SPDX-License-Identifier: MIT */
/*
 * `ipvsfast apply FILE` without options but -q, on rules that are all canonical. The table is compared while it is read;
 * what differs becomes a plan, which is shown, kept in a journal, sent, and looked at again.
 *
 * Until the first line is shown Python can begin anew, and does so wherever anything is out of the ordinary. The
 * reading is as complete as Python's (plans/apply.py), but does not try again: where the table changes meanwhile it
 * is left to Python. When all was carried out and is seen to be in force, that is told here. Whatever else comes of it
 * Python tells (cli/apply_handed.py): the results go along, with what was wanted and what was there, and the lock.
 *
 * What is looked at again: all services with their settings, how many dests each has, and the dests of those services
 * in which one was to be added, changed or deleted. The dests of the others were seen to be as wanted just before.
 */
#include "front/apply.h"
#include "texts.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>

#define SLICE_MS 1 /* of reading, before what was read is compared */
#define OPS_MOST \
	4096 /* of a plan: for more the start of Python does not count, and it shows how far it came */
#define SEARCHES_MOST 1000000 /* comparisons of dests that stand in another order, before they are sorted */

struct apply {
	const struct front *f;
	bool quiet;
	const char *path;
	struct wanted wanted;
	struct ipvsf_session *session;
	int lock;
	struct ipvsf_table table;
	struct ipvsf_settled settled;
	bool *seen;	     /* of the dests of the table, whether they are wanted */
	size_t settled_size; /* of both */
	size_t compared;
	bool differs;
	struct state state;
	struct journal journal;
	bool kept; /* there is a journal */
	struct apply_plan plan;
	int32_t *results;
	uint64_t began;
};

/* The kernel has the newest first. */
static bool same_dests(const struct ipvsf_dest *wanted, const struct ipvsf_dest_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct ipvsf_dest *there = &rows[count - 1 - i].conf;

		if (memcmp(&wanted[i], there, offsetof(struct ipvsf_dest, fwd)) ||
		    !ipvsf_same_values(&wanted[i], there))
			return false;
	}
	return true;
}

static bool more_flags(bool **flags, size_t before, size_t size)
{
	bool *more = realloc(*flags, size);

	if (!more)
		return false;
	memset(more + before, 0, size - before);
	*flags = more;
	return true;
}

/* For all that were read. */
static bool room_for_settled(struct apply *a, const struct ipvsf_table *t)
{
	size_t before = a->settled_size;

	if (before >= t->num_dests)
		return true;
	a->settled_size = t->dests_size;
	return more_flags(&a->settled.dests, before, t->dests_size) &&
	       more_flags(&a->seen, before, t->dests_size);
}

static bool is_settled(const struct apply *a, const struct wanted_service *wanted,
		       const struct ipvsf_service_row *row)
{
	return wanted->count == row->num_dests && ipvsf_same_settings(&wanted->conf, &row->conf) &&
	       same_dests(a->wanted.dests + wanted->first, a->table.dests + row->first_dest, row->num_dests);
}

/* The services whose dests were read since the last time. False: the reading has one twice. */
static bool compare(struct apply *a, const struct ipvsf_table *t)
{
	if (!room_for_settled(a, t))
		return false;
	for (; a->compared < t->next; a->compared++) {
		const struct ipvsf_service_row *row = &t->services[a->compared];
		struct wanted_service *wanted = front_wanted_find(&a->wanted, &row->conf);

		if (wanted && wanted->row != NO_ROW)
			return false;
		if (wanted)
			wanted->row = a->compared;
		if (wanted && is_settled(a, wanted, row))
			wanted->settled = a->settled.services[a->compared] = true;
		else
			a->differs = true;
		if (wanted && !wanted->settled)
			front_plan_match(&a->wanted, wanted, t, a->settled.dests, a->seen);
	}
	return true;
}

/*
 * The services are read as for a deletion. So are their dests, of which each reading of one service is whole; that none
 * of these changed is known from their numbers before and behind.
 */
static bool read_table(struct apply *a)
{
	struct ipvsf_table *t = &a->table;
	int r;

	*t = (struct ipvsf_table){ .complete = 1, .scope = ipvsf_view_scope(IPVSF_VIEW_RULES) };
	if (ipvsf_services_dump(a->session, t) || t->unstable)
		return false;
	t->complete = 0;
	a->settled.services = calloc(t->num_services + 1, sizeof(*a->settled.services));
	if (!a->settled.services)
		return false;
	do {
		r = ipvsf_dests_dump(a->session, t, SLICE_MS);
		if ((r && r != -EAGAIN) || t->vanished || t->unstable || t->caught_up || !compare(a, t))
			return false;
	} while (r);
	for (size_t i = 0; i < a->wanted.num_services; i++)
		a->differs |= a->wanted.services[i].row == NO_ROW;
	return true;
}

/* As Python writes large numbers. */
static const char *with_commas(char *to, size_t number)
{
	char plain[24];
	int len = snprintf(plain, sizeof(plain), "%zu", number), at = 0;

	for (int i = 0; i < len; i++) {
		to[at++] = plain[i];
		if ((len - 1 - i) % 3 == 0 && i < len - 1)
			to[at++] = ',';
	}
	to[at] = 0;
	return to;
}

static void tell(const struct apply *a)
{
	const struct apply_plan *p = &a->plan;
	size_t count = a->wanted.num_services + a->wanted.num_dests;
	double seconds = a->began ? (double)(ipvsf_now_ns() - a->began) / 1e9 : 0;
	char added[40], edited[40], deleted[40], entries[40];

	if (!a->quiet)
		dprintf(2, count == 1 ? FRONT_AS_WANTED_ONE : FRONT_AS_WANTED, with_commas(added, p->added),
			with_commas(edited, p->edited), with_commas(deleted, p->deleted), seconds,
			with_commas(entries, count), a->path);
}

/* All rules, then all that the table held: to be read by ipvsfast/cli/apply_handed.py. */
static struct ipvsf_op *both_tables(const struct apply *a, size_t *wanted, size_t *all)
{
	const struct ipvsf_table *t = &a->table;
	struct ipvsf_op *ops;

	*wanted = *all = a->wanted.num_services + a->wanted.num_dests;
	ops = reallocarray(NULL, *wanted + t->num_services + t->num_dests, sizeof(*ops));
	if (!ops)
		return NULL;
	for (size_t i = 0, at = 0; i < a->wanted.num_services; i++)
		at += front_wanted_ops(&a->wanted, &a->wanted.services[i], true, ops + at);
	for (size_t i = 0; i < t->num_services; i++) {
		const struct ipvsf_service_row *row = &t->services[i];

		ops[(*all)++] = (struct ipvsf_op){ .cmd = IPVSF_NEW_SERVICE, .u.service = row->conf };
		for (size_t d = row->num_dests; d-- > 0;)
			ops[(*all)++] = (struct ipvsf_op){ .cmd = IPVSF_NEW_DEST,
							   .u.service = row->conf,
							   .dest = t->dests[row->first_dest + d].conf };
	}
	return ops;
}

/* Something was, or may have been, sent: Python looks at the table, and tells what is in force. */
static _Noreturn void leave_account(struct apply *a, int error)
{
	bool interrupted = error == -EINTR;
	struct front_handed h = { .what = FRONT_DONE_APPLY,
				  .interrupted = interrupted,
				  .error = interrupted ? 0 : error,
				  .count = (uint32_t)a->plan.made.count,
				  .size = a->kept ? a->journal.number : 0 };
	size_t wanted, all;
	struct ipvsf_op *ops = both_tables(a, &wanted, &all);

	for (size_t i = 0; i < a->plan.made.count; i++)
		h.done += !a->results[i];
	h.line = wanted;
	fcntl(a->lock, F_SETFD, 0); /* until Python ends */
	front_hand_on(a->f, &h, a->results, (const char *)ops, ops ? all * sizeof(*ops) : 0);
}

static int send_until(struct apply *a, size_t from, size_t end)
{
	return front_send_all(a->session, a->plan.made.ops + from, end - from, a->results + from);
}

static bool all_in_force(const int32_t *results, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (results[i])
			return false;
	}
	return true;
}

/* What is not wanted is deleted only when all that was to be added is there. */
static void send_plan(struct apply *a)
{
	const struct apply_plan *p = &a->plan;
	int r;

	for (size_t i = 0; i < p->made.count; i++)
		a->results[i] = IPVSF_NOT_SENT;
	r = send_until(a, 0, p->deletions_from);
	if (!r && all_in_force(a->results, p->deletions_from))
		r = send_until(a, p->deletions_from, p->made.count);
	if (r || !all_in_force(a->results, p->made.count))
		leave_account(a, r);
}

/* The services in which dests were to be changed; the others are not looked at again but for how many these have. */
static void find_touched(struct apply *a)
{
	const struct ipvsf_op *before = NULL;

	for (size_t i = 0; i < a->wanted.num_services; i++)
		a->wanted.services[i].row = NO_ROW;
	for (size_t i = 0; i < a->plan.made.count; i++) {
		const struct ipvsf_op *op = &a->plan.made.ops[i];
		struct wanted_service *service;

		if (before && ipvsf_same_service(&before->u.service, &op->u.service))
			continue;
		before = op;
		service = front_wanted_find(&a->wanted, &op->u.service);
		if (service)
			service->touched = true;
	}
}

/* The same dests in any order. */
static bool same_set(const struct ipvsf_dest *wanted, const struct ipvsf_dest_row *rows, size_t count)
{
	size_t next = count, searched = 0; /* where the last one was found */

	for (size_t i = 0; i < count; i++) {
		size_t tried = 0;

		for (; tried < count; tried++) {
			next = next ? next - 1 : count - 1;
			if (!memcmp(&wanted[i], &rows[next].conf, offsetof(struct ipvsf_dest, fwd)))
				break;
		}
		searched += tried;
		if (tried == count || !ipvsf_same_values(&wanted[i], &rows[next].conf) ||
		    searched > SEARCHES_MOST)
			return false;
	}
	return true;
}

/* The table has just the services that are wanted, each with as many dests. */
static bool has_services(struct apply *a, struct ipvsf_table *t)
{
	if (ipvsf_services_dump(a->session, t) || t->unstable || t->num_services != a->wanted.num_services)
		return false;
	ipvsf_option_count(a->session, t);
	for (size_t i = 0; i < t->num_services; i++) {
		const struct ipvsf_service_row *row = &t->services[i];
		struct wanted_service *wanted = front_wanted_find(&a->wanted, &row->conf);

		if (!wanted || wanted->row != NO_ROW || !ipvsf_same_settings(&wanted->conf, &row->conf) ||
		    (row->is_counted && row->counted != wanted->count))
			return false;
		wanted->row = i;
	}
	return true;
}

/*
 * The dests of those that were touched, as far as the socket option can tell; the services of the others stay in the
 * table.
 */
static bool has_told_dests(struct apply *a, struct ipvsf_table *t)
{
	size_t kept = 0;
	bool *told = calloc(t->num_services + 1, sizeof(*told));

	for (size_t i = 0; told && i < a->wanted.num_services; i++) {
		const struct wanted_service *wanted = &a->wanted.services[i];

		told[wanted->row] = !wanted->touched ||
				    ipvsf_option_holds(a->session, &t->services[wanted->row],
						       a->wanted.dests + wanted->first, wanted->count);
	}
	if (!told || ipvsf_option_doubt(a->session, t)) {
		free(told);
		return false;
	}
	for (size_t i = 0; i < t->num_services; i++) {
		if (!told[i])
			t->services[kept++] = t->services[i];
	}
	t->num_services = kept;
	free(told);
	return true;
}

/* The same by a reading of them. */
static bool has_other_dests(struct apply *a, struct ipvsf_table *t)
{
	struct ipvsf_table part = { 0 };
	size_t left = t->num_services;

	while (left) {
		if (ipvsf_part_read(a->session, t, &part) || t->vanished || t->unstable || !part.num_services)
			return false;
		for (size_t i = 0; i < part.num_services; i++) {
			const struct ipvsf_service_row *row = &part.services[i];
			const struct wanted_service *wanted = front_wanted_find(&a->wanted, &row->conf);

			if (!wanted || wanted->count != row->num_dests ||
			    !same_set(a->wanted.dests + wanted->first, part.dests + row->first_dest,
				      row->num_dests))
				return false;
		}
		left -= part.num_services;
	}
	return true;
}

static bool is_reached(struct apply *a)
{
	struct ipvsf_table t = { .complete = 1, .scope = a->table.scope };

	find_touched(a);
	return has_services(a, &t) && has_told_dests(a, &t) && has_other_dests(a, &t);
}

/* A reader who is gone does not keep it from being done, if he need not end us. */
static void show(struct apply *a, const char *text, size_t len)
{
	size_t at = 0;

	if (!a->f->pipe_ignored)
		signal(SIGPIPE, SIG_IGN); /* what was prepared is removed first */
	while (at < len) {
		ssize_t n = write(1, text + at, len - at);
		int error = errno;

		if (n > 0)
			at += (size_t)n;
		if (n >= 0 || error == EINTR)
			continue;
		if (error == EPIPE && a->f->pipe_ignored)
			break;
		front_journal_drop(&a->journal);
		if (error != EPIPE)
			front_hand_result(a->f, FRONT_DONE_OUTPUT, -error);
		signal(SIGPIPE, SIG_DFL);
		raise(SIGPIPE);
	}
	if (!a->f->pipe_ignored)
		signal(SIGPIPE, SIG_DFL);
}

static void tell_disorder(const struct apply *a)
{
	size_t count = a->wanted.disordered;
	char number[40];

	if (count && !a->quiet)
		dprintf(2, count == 1 ? FRONT_ORDER_ONE : FRONT_ORDER, with_commas(number, count));
}

static void begin_journal(struct apply *a)
{
	int r = front_journal_begin(&a->journal);

	a->kept = !r;
	if (r)
		dprintf(2, FRONT_NO_WAY_BACK, a->journal.path, strerror(-r));
}

static void carry_out(struct apply *a)
{
	size_t len = 0;
	char *text = NULL;
	int r;

	if (a->plan.made.count > OPS_MOST || (!a->quiet && !(text = front_plan_text(&a->plan, &len))))
		front_decline(a->f);
	a->results = calloc(a->plan.made.count, sizeof(*a->results));
	front_hold_interrupt();
	if (!a->results || !front_journal_prepare(&a->journal, &a->state, a->f, a->path, &a->plan))
		front_decline(a->f);
	show(a, text, len);
	tell_disorder(a);
	if (front_interrupted()) {
		front_journal_drop(&a->journal);
		front_release_interrupt(false);
	}
	begin_journal(a);
	a->began = ipvsf_now_ns();
	send_plan(a);
	if (!is_reached(a))
		leave_account(a, 0);
	r = a->kept ? front_journal_end(&a->journal, &a->plan) : 0;
	tell(a);
	if (r)
		dprintf(2, FRONT_STAYS_OPEN, a->journal.path, strerror(-r));
}

void front_apply(const struct front *f, const struct front_request *q)
{
	struct apply a = { .f = f, .quiet = q->quiet, .path = q->path, .wanted = { .f = f } };
	struct ipvsf_info info;

	front_wanted_read(&a.wanted, q->path);
	a.session = front_open(f, &info);
	/* The lock ends with this program: Python says who has it, and takes it. */
	if (ipvsf_lock_take(a.session, &a.lock, NULL, 0) || !front_state_find(a.session, &a.state) ||
	    !front_state_is_settled(&a.state) || !read_table(&a) ||
	    (a.differs && !front_plan_make(&a.plan, &a.wanted, &a.table, &a.settled)))
		front_decline(f);
	if (a.plan.made.count) {
		carry_out(&a);
		return;
	}
	tell_disorder(&a);
	tell(&a);
}
