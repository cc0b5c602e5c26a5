/* SPDX-License-Identifier: MIT */
/*
 * A reading of live counters: runs of the program, each of some entries, until the table is through. What a run costs
 * the machine is bounded: while it lasts its CPU does nothing else. Between two runs the table may change, so that
 * where to go on is gone: then the chain that was begun is read again from its head. Netlink is there for whatever
 * ends in an error here.
 */
#include "live/walk.h"

#define STEPS 2000  /* a run, about: an entry is one, and one for each CPU */
#define STEPS_FAR 4 /* so many times more, where the way to the place is long */
#ifndef RESTARTS_MAX
#define RESTARTS_MAX 200
#endif
#define RESTART_NS 1000000
#define PLACES_MAX 1000 /* lost in a reading */
#define UNEVEN_MAX 3	/* a service is read again so often */

/* The next rows belong to no chain that is known. */
static void leave_bucket(struct ipvsf_live *v)
{
	v->bucket = UINT64_MAX;
	v->split = v->uneven = false;
	v->uneven_tries = 0;
}

static void begin_table(struct ipvsf_live *v, unsigned int which)
{
	struct ipvsf_live_head *h = head_of(v);

	v->which = which;
	h->bucket = h->resume_node = h->resume_dest = h->skipped = 0;
	h->node_at = which ? v->layout.mark_node : v->layout.node;
	if (!v->layout.is_resizable) {
		h->heads = v->tables[which];
		h->num_buckets = LIVE_BUCKETS;
	}
	leave_bucket(v);
}

int ipvsf_live_begin(struct ipvsf_live *v, const struct ipvsf_live_wanted *wanted)
{
	static const struct ipvsf_live_wanted everything = { .families = IPVSF_LIVE_BOTH,
							     .protocols = IPVSF_LIVE_ALL };
	uint64_t cpus = v->account.cpus;

	if (v->owner != getpid())
		return -ECHILD;
	if (wanted && (wanted->num_services > IPVSF_LIVE_PLACES || wanted->num_dests > IPVSF_LIVE_PLACES))
		return -E2BIG;
	memcpy((char *)v->bpf.head + LIVE_WANTED_AT, wanted ? wanted : &everything, sizeof(*wanted));
	memset(&v->account, 0, sizeof(v->account));
	v->account.cpus = cpus;
	v->state = LIVE_BEGUN;
	return 0;
}

/* One run. 1: the table is empty; -EAGAIN: it was resized; -ENODEV: the module is gone, or another one is there. */
static int run(struct ipvsf_live *v)
{
	struct ipvsf_live_head *h = head_of(v);
	uint64_t begun = ipvsf_now_ns(), took;
	int r;

	h->limit = STEPS;
	if (h->skipped > STEPS)
		h->limit = h->skipped < STEPS_FAR * STEPS ? h->skipped : STEPS_FAR * STEPS;
	r = ipvsf_bpf_run(&v->bpf);
	took = ipvsf_now_ns() - begun;
	v->account.runs++;
	v->account.read_ns += took;
	if (took > v->account.longest_ns)
		v->account.longest_ns = took;
	if (r < 0)
		return r;
	if (h->common.ipvs != v->ipvs || (r != RUN_OK && r != RUN_NO_SERVICES))
		return -ENODEV;
	if (r == RUN_NO_SERVICES)
		return v->first_run ? 1 : -EAGAIN;
	if (h->ipvs_after != v->ipvs)
		return -ENODEV;
	if (h->used > LIVE_RECORDS_LEN)
		return -EBADMSG;
	if (v->layout.is_resizable) {
		if (v->first_run) {
			v->table = h->table;
			v->changes = h->changes;
		}
		if (h->table != v->table || h->changes != v->changes || h->new_table != v->table ||
		    h->table_after != v->table || h->new_table_after != v->table)
			return -EAGAIN;
	}
	v->first_run = false;
	return h->lost ? -EIO : 0;
}

/* 1: a key is there twice. An address where the last run ended may have been used again before the next one. */
static int has_repeated(const void *rows, size_t count, size_t row, ipvsf_order_fn order)
{
	void **sorted = ipvsf_rows_sorted(rows, count, row, order);
	int r = 0;

	if (!sorted)
		return -ENOMEM;
	for (size_t i = 1; !r && i < count; i++)
		r = !order(&sorted[i - 1], &sorted[i]);
	free(sorted);
	return r;
}

/* The chain of the last rows is through. 1: it is to be read again. */
static int end_bucket(struct ipvsf_live *v, const struct ipvsf_table *t)
{
	const struct ipvsf_service_row *rows;
	size_t count = t->num_services - v->services_before;
	int r;

	if (v->bucket == UINT64_MAX || !count)
		return 0;
	if (v->uneven && v->uneven_tries++ < UNEVEN_MAX)
		return 1;
	v->account.uneven += v->uneven;
	if (!v->split)
		return 0;
	rows = t->services + v->services_before;
	r = has_repeated(rows, count, sizeof(*rows), ipvsf_service_key_order);
	for (size_t i = 0; !r && i < count; i++) {
		if (rows[i].num_dests)
			r = has_repeated(t->dests + rows[i].first_dest, rows[i].num_dests, sizeof(*t->dests),
					 ipvsf_dest_key_order);
	}
	return r;
}

/* A chain is read again, from its head. */
static int redo(struct ipvsf_live *v, struct ipvsf_table *t, uint64_t bucket)
{
	struct ipvsf_live_head *h = head_of(v);
	uint32_t tries;

	if (++v->account.places > PLACES_MAX)
		return -EBUSY;
	/* That of the last rows is the one before, if this one has none yet. */
	if (v->bucket != bucket) {
		int r = end_bucket(v, t);

		if (r < 0)
			return r;
		if (r)
			bucket = v->bucket;
	}
	tries = v->bucket == bucket ? v->uneven_tries : 0;
	if (v->bucket == bucket) {
		t->num_services = v->services_before;
		t->num_dests = v->dests_before;
	}
	h->bucket = bucket;
	h->resume_node = h->resume_dest = h->skipped = 0;
	leave_bucket(v);
	v->uneven_tries = tries;
	return 0;
}

static int take_service(struct ipvsf_live *v, const struct ipvsf_live_record *record, struct ipvsf_table *t)
{
	struct ipvsf_service_row *row;
	uint32_t behind, wanted = u32_at((const uint8_t *)(record + 1) + v->layout.num_dests);
	int r = ipvsf_grow((void **)&t->services, &t->services_size, t->num_services + 1, sizeof(*row));

	if (r)
		return r;
	row = &t->services[t->num_services];
	r = ipvsf_live_service_decode(&v->layout, record, v->hz, row, &behind);
	if (r)
		return r;
	row->first_dest = (uint32_t)t->num_dests;
	t->num_services++;
	v->account.behind += behind;
	v->uneven |= record->met && record->met - 1 != wanted;
	return 0;
}

static int take_dest(struct ipvsf_live *v, const struct ipvsf_live_record *record, struct ipvsf_table *t)
{
	uint32_t behind;
	int r = ipvsf_grow((void **)&t->dests, &t->dests_size, t->num_dests + 1, sizeof(*t->dests));

	if (!r && t->num_services == v->services_before)
		r = -EBADMSG;
	if (!r)
		r = ipvsf_live_dest_decode(&v->layout, record, &t->dests[t->num_dests], &behind);
	if (r)
		return r;
	t->num_dests++;
	t->services[t->num_services - 1].num_dests++;
	v->account.behind += behind;
	return 0;
}

/* 0: dests of the last service go on; 1: there is another one at its address. */
static int take_again(struct ipvsf_live *v, const struct ipvsf_live_record *record,
		      const struct ipvsf_table *t)
{
	struct ipvsf_service_row row;
	const void *now = &row, *before;
	uint32_t behind;
	int r = ipvsf_live_service_decode(&v->layout, record, v->hz, &row, &behind);

	if (r || t->num_services == v->services_before)
		return r ? r : 1;
	before = &t->services[t->num_services - 1];
	return ipvsf_service_key_order(&now, &before) ? 1 : 0;
}

/* The rows of a run. 1: the chain of the last rows is to be read again, and nothing after it counts. */
static int take_records(struct ipvsf_live *v, struct ipvsf_table *t)
{
	const struct ipvsf_live_head *h = head_of(v);
	const uint8_t *records = (const uint8_t *)h + LIVE_RECORDS_AT;
	uint64_t used = h->used;
	int r = 0;

	for (uint64_t at = 0; !r && at + v->layout.record_len <= used; at += v->layout.record_len) {
		const struct ipvsf_live_record *record = (const void *)(records + at);

		if (record->bucket - 1 != v->bucket) {
			uint32_t tries = v->bucket == UINT64_MAX ? v->uneven_tries : 0;

			r = end_bucket(v, t);
			if (r)
				break;
			leave_bucket(v);
			v->uneven_tries = tries;
			v->bucket = record->bucket - 1;
			v->services_before = t->num_services;
			v->dests_before = t->num_dests;
		}
		if (record->kind == IPVSF_LIVE_SERVICE)
			r = take_service(v, record, t);
		else if (record->kind == IPVSF_LIVE_DEST)
			r = take_dest(v, record, t);
		else
			r = record->kind == IPVSF_LIVE_AGAIN ? take_again(v, record, t) : -EBADMSG;
	}
	return r;
}

/* Where the next run begins. 1: at a chain that is read again; -ENODATA: the table is through. */
static int settle(struct ipvsf_live *v, struct ipvsf_table *t)
{
	struct ipvsf_live_head *h = head_of(v);
	uint64_t again = UINT64_MAX;
	int r = 0;

	/* A run that ended on the way has met the end of all steps: it went astray. */
	if (h->lost_place || h->resume_node || h->resume_dest) {
		again = h->bucket - 1;
	} else if (h->done) {
		r = end_bucket(v, t);
		if (r == 1)
			again = v->bucket;
		else
			r = r ? r : -ENODATA;
	}
	if (again != UINT64_MAX) {
		r = redo(v, t, again);
		return r ? r : 1;
	}
	if (r)
		return r;
	if (h->dest) {
		h->resume_dest = h->dest;
		h->resume_node = h->service + h->node_at;
	} else {
		h->resume_node = h->node;
	}
	if (h->resume_node) {
		h->bucket--;
		v->split |= v->bucket == h->bucket;
	}
	return 0;
}

/* A run, and what is to be made of it. -ENODATA: the last one. */
static int step(struct ipvsf_live *v, struct ipvsf_table *t)
{
	const struct ipvsf_live_head *h = head_of(v);
	uint64_t bucket = h->bucket, node = h->resume_node, dest = h->resume_dest;
	int r = run(v);

	if (r)
		return r == 1 ? -ENODATA : r;
	r = take_records(v, t);
	if (r)
		return r < 0 ? r : redo(v, t, v->bucket);
	r = settle(v, t);
	if (r == -ENODATA && !v->layout.is_resizable && !v->which) {
		begin_table(v, 1);
		return 0;
	}
	if (r)
		return r < 0 ? r : 0;
	return h->bucket == bucket && h->resume_node == node && h->resume_dest == dest ? -ELOOP : 0;
}

static void begin_tables(struct ipvsf_live *v, struct ipvsf_table *t)
{
	v->first_run = true;
	t->num_services = t->num_dests = t->next = 0;
	t->rereads = t->unstable = t->vanished = t->caught_up = t->by_option = t->doubted = t->single = 0;
	begin_table(v, 0);
}

/* The kernel is changing the size of its table: that takes it a moment. */
static int restart(struct ipvsf_live *v, struct ipvsf_table *t)
{
	const struct timespec moment = { 0, RESTART_NS };

	if (++v->account.restarts > RESTARTS_MAX)
		return -EBUSY;
	nanosleep(&moment, NULL);
	begin_tables(v, t);
	return 0;
}

/* Whether what a reading ended with is so. */
static int check(const struct ipvsf_live *v, int r)
{
	if (v->module != ipvsf_live_module()) /* whatever was read */
		return -ENODEV;
	if (r == -ENODATA)
		r = v->account.behind ? -EBADMSG : 0;
	return r;
}

int ipvsf_live_read(struct ipvsf_live *v, struct ipvsf_table *t, uint32_t budget_ms)
{
	int64_t end = budget_ms ? ipvsf_now_ms() + budget_ms : 0;
	int r = 0;

	if (v->owner != getpid())
		return -ECHILD;
	if (v->state == LIVE_ENDED)
		return -EINVAL;
	if (v->state == LIVE_BEGUN)
		begin_tables(v, t);
	v->state = LIVE_READING;
	while (!r) {
		r = step(v, t);
		if (r == -EAGAIN)
			r = restart(v, t);
		if (!r && end && ipvsf_now_ms() >= end)
			return -EAGAIN;
	}
	v->state = LIVE_ENDED;
	t->next = t->num_services;
	t->rereads = (uint32_t)(v->account.places + v->account.restarts);
	return check(v, r);
}

void ipvsf_live_account(const struct ipvsf_live *v, struct ipvsf_live_account *ret)
{
	*ret = v->account;
}
