/* SPDX-License-Identifier: MIT */
/*
 * ipvsfast-restore: the rules on standard input in place of the table. All of them are read before anything is
 * done, and a line that is not canonical leaves everything to Python. What is deleted, and in which order the
 * rules go, is as in replacer.py, which says why.
 */
#include "front/work.h"

#define TEXT_START (1 << 18)
#define INTERRUPTED 130 /* by Ctrl-C, before anything was done: nothing to say of it */
#define NO_RANK UINT32_MAX

struct replace {
	const struct front *f;
	char *text;
	size_t len;
	struct ipvsf_op *ops; /* in the order of the file */
	int32_t *results;     /* of these */
	size_t count;
	bool empties;			/* no service among them: that is asked about */
	const struct ipvsf_op **sorted; /* by service, then by dest */
	size_t num_sorted;
	uint32_t *leader; /* of each rule: the first one with its service */
	uint32_t *rank;	  /* of a leader: when its service's turn is */
	uint32_t next_rank;
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

static int compare_services(const struct ipvsf_service *a, const struct ipvsf_service *b)
{
	int c = memcmp(a, b, offsetof(struct ipvsf_service, flags));

	return c ? c : memcmp(a->addr, b->addr, sizeof(a->addr));
}

static int compare_dests(const struct ipvsf_dest *a, const struct ipvsf_dest *b)
{
	return memcmp(a, b, offsetof(struct ipvsf_dest, fwd));
}

static int compare_keys(const void *a, const void *b)
{
	const struct ipvsf_op *x = *(const struct ipvsf_op *const *)a,
			      *y = *(const struct ipvsf_op *const *)b;
	int c = compare_services(&x->u.service, &y->u.service);

	return c ? c : compare_dests(&x->dest, &y->dest);
}

/* Every rule learns which is the first of its service. */
static void find_leaders(struct replace *r)
{
	for (size_t start = 0, end; start < r->num_sorted; start = end) {
		const struct ipvsf_op *first = r->sorted[start];

		for (end = start; end < r->num_sorted; end++) {
			const struct ipvsf_op *rule = r->sorted[end];

			if (compare_services(&rule->u.service, &first->u.service))
				break;
			if (rule < first)
				first = rule;
		}
		for (size_t i = start; i < end; i++)
			r->leader[r->sorted[i] - r->ops] = (uint32_t)(first - r->ops);
	}
}

static bool group_rules(struct replace *r)
{
	r->sorted = calloc(r->count + 1, sizeof(*r->sorted));
	r->leader = calloc(r->count + 1, sizeof(*r->leader));
	r->rank = calloc(r->count + 1, sizeof(*r->rank));
	if (!r->sorted || !r->leader || !r->rank)
		return false;
	for (size_t i = 0; i < r->count; i++) {
		r->leader[i] = (uint32_t)i;
		r->rank[i] = NO_RANK;
		/* --set has no service, and its turn is before all that have. */
		if (r->ops[i].cmd == IPVSF_SET_CONFIG)
			r->rank[i] = r->next_rank++;
		else
			r->sorted[r->num_sorted++] = &r->ops[i];
	}
	qsort(r->sorted, r->num_sorted, sizeof(*r->sorted), compare_keys);
	find_leaders(r);
	return true;
}

/* Any rule of the file with this key. */
static const struct ipvsf_op *find_rule(const struct replace *r, const struct ipvsf_op *key,
					int (*compare)(const void *, const void *))
{
	const struct ipvsf_op **found = bsearch(&key, r->sorted, r->num_sorted, sizeof(*r->sorted), compare);

	return found ? *found : NULL;
}

static int compare_keyed_services(const void *a, const void *b)
{
	const struct ipvsf_op *x = *(const struct ipvsf_op *const *)a,
			      *y = *(const struct ipvsf_op *const *)b;

	return compare_services(&x->u.service, &y->u.service);
}

/* What does not come back goes, and then everything. 0; -EINTR: Ctrl-C; or another failure. */
static int empty_table(const struct replace *r, struct ipvsf_session *s, const struct ipvsf_table *t)
{
	struct ipvsf_op *ops = calloc(t->num_services + t->num_dests + 1, sizeof(*ops));
	int32_t *results = calloc(t->num_services + t->num_dests + 1, sizeof(*results));
	size_t n = 0;
	int error = -ENOMEM;

	for (size_t i = 0; ops && i < t->num_services; i++) {
		const struct ipvsf_service_row *row = &t->services[i];
		struct ipvsf_op *op = &ops[n];

		op->cmd = IPVSF_DEL_SERVICE;
		op->u.service = row->conf;
		if (!find_rule(r, op, compare_keyed_services)) {
			n++;
			continue;
		}
		for (uint32_t d = 0; d < row->num_dests; d++) {
			op = &ops[n];
			op->cmd = IPVSF_DEL_DEST;
			op->u.service = row->conf;
			op->dest = t->dests[row->first_dest + d].conf;
			n += !find_rule(r, op, compare_keys);
		}
	}
	if (ops && results) {
		ops[n] = (struct ipvsf_op){ .cmd = IPVSF_FLUSH };
		error = front_send_all(s, ops, n + 1, results);
	}
	free(ops);
	free(results);
	return error;
}

/* Services that were there come back against the order in which they went, then the others. */
static void rank_services(struct replace *r, const struct ipvsf_table *t)
{
	for (size_t i = t->num_services; i-- > 0;) {
		const struct ipvsf_op key = { .u.service = t->services[i].conf };
		const struct ipvsf_op *rule = find_rule(r, &key, compare_keyed_services);

		if (rule && r->rank[r->leader[rule - r->ops]] == NO_RANK)
			r->rank[r->leader[rule - r->ops]] = r->next_rank++;
	}
	for (size_t i = 0; i < r->count; i++) {
		if (r->rank[r->leader[i]] == NO_RANK)
			r->rank[r->leader[i]] = r->next_rank++;
	}
}

/* order[i]: the rule that is sent as number i. Rules of one service stay in the order of the file. */
static bool order_rules(struct replace *r, uint32_t *order)
{
	uint32_t *next = calloc(r->next_rank + 1, sizeof(*next));

	if (!next)
		return false;
	for (size_t i = 0; i < r->count; i++)
		next[r->rank[r->leader[i]] + 1]++;
	for (uint32_t rank = 0; rank < r->next_rank; rank++)
		next[rank + 1] += next[rank];
	for (size_t i = 0; i < r->count; i++)
		order[next[r->rank[r->leader[i]]]++] = (uint32_t)i;
	free(next);
	return true;
}

static void send_rules(struct replace *r, struct ipvsf_session *s, const uint32_t *order,
		       struct ipvsf_op *ops, int32_t *results)
{
	size_t at = 0, done;
	bool refused = false;
	int error;

	for (size_t i = 0; i < r->count; i++)
		ops[i] = r->ops[order[i]];
	do {
		error = front_send(s, ops + at, r->count - at, results + at, &done);
		at += done;
	} while (error == -EAGAIN);
	for (size_t i = 0; i < at; i++) {
		r->results[order[i]] = results[i];
		refused |= results[i];
	}
	if (error || refused)
		tell(r, error);
}

void front_replace(const struct front *f)
{
	struct replace *r = calloc(1, sizeof(*r));
	struct ipvsf_table t = { 0 };
	struct ipvsf_session *s;
	struct ipvsf_info info;
	struct ipvsf_op *ops;
	uint32_t *order;
	int32_t *results;
	int error;

	if (!r)
		front_decline(f);
	r->f = f;
	r->empties = true;
	front_hold_interrupt();
	read_text(r);
	scan_text(r);
	ops = calloc(r->count + 1, sizeof(*ops));
	order = calloc(r->count + 1, sizeof(*order));
	results = calloc(r->count + 1, sizeof(*results));
	r->results = calloc(r->count + 1, sizeof(*r->results));
	if (!ops || !order || !results || !r->results || !group_rules(r) || ipvsf_session_create(-1, &s) ||
	    ipvsf_info_get(s, &info) || !front_read_table(s, &(struct ipvsf_service){ 0 }, &t))
		leave_to_python(r, true);
	rank_services(r, &t);
	if (!order_rules(r, order))
		leave_to_python(r, true);
	for (size_t i = 0; i < r->count; i++)
		r->results[i] = IPVSF_NOT_SENT;
	if (front_interrupted())
		_exit(INTERRUPTED);
	error = empty_table(r, s, &t);
	if (error == -EINTR)
		tell(r, error);
	if (error)
		leave_to_python(r, true); /* which may begin anew: less is there */
	send_rules(r, s, order, ops, results);
}
