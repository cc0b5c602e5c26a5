/* SPDX-License-Identifier: MIT */
/*
 * The connection table as BPF programs see it, for kernels on which the text costs the square of the
 * table: those before 6.14. Each run of the program hands over whole buckets; the order is that of the
 * text. What a run costs the machine is bounded: while it lasts its CPU does nothing else.
 */
#include "conns/reading.h"
#include "conns/bpf/walk.h"

#define ROWS 512
#define STEPS 2000 /* a run, about: buckets are not divided */

struct bpf_source {
	struct ipvsf_source head;
	struct ipvsf_conn_layout layout;
	struct ipvsf_bpf bpf;
	int netns_fd; /* keeps the namespace, whose address the program was told */
	pid_t owner;  /* a child after fork shares the memory and must not write to it */
	uint32_t hz;
	uint64_t table, num_buckets, ipvs; /* while they are these, the module is the same */
	bool done;			   /* the last bucket was read */
	uint64_t jiffies;		   /* when the records were copied */
	size_t at, end;			   /* records that are not yet rows */
	uint64_t rows_found, bytes, read_ns;
	struct ipvsf_conn rows[ROWS];
};

static struct ipvsf_walk *walk_of(const struct bpf_source *s)
{
	return (struct ipvsf_walk *)s->bpf.head;
}

static const uint8_t *records(const struct bpf_source *s)
{
	return (const uint8_t *)s->bpf.head + WALK_RECORDS_AT;
}

/* One run; -ENODEV: the module is gone, or another one is there. */
static int run(struct bpf_source *s, uint64_t limit)
{
	const struct ipvsf_walk *walk = walk_of(s);
	uint64_t begun = ipvsf_now_ns();
	int r;

	walk_of(s)->limit = limit;
	r = ipvsf_bpf_run(&s->bpf);
	s->read_ns += ipvsf_now_ns() - begun;
	if (r)
		return r < 0 ? r : -ENODEV;
	if (walk->table != s->table || walk->num_buckets != s->num_buckets || walk->common.ipvs != s->ipvs)
		return -ENODEV;
	return walk->lost ? -EIO : 0;
}

/*
 * After a run: how much of it is of use, and where the next one begins. The bucket in which the memory
 * ran out is done again from its start; if it is the only one, the next run goes on inside it.
 */
static int settle(struct bpf_source *s, uint64_t bucket, uint64_t resume)
{
	struct ipvsf_walk *walk = walk_of(s);

	s->at = 0;
	s->end = walk->used;
	s->jiffies = walk->jiffies;
	s->done = walk->done;
	if (walk->node) {
		walk->bucket--;
		if (walk->bucket > bucket)
			s->end = walk->bucket_start;
		else
			walk->resume = walk->passed;
	}
	s->bytes += WALK_RECORDS_AT + s->end;
	if (s->end > WALK_RECORDS_LEN)
		return -EBADMSG;
	if (s->done || walk->bucket > bucket || (walk->bucket == bucket && walk->resume > resume))
		return 0;
	return -ELOOP;
}

static int more_records(struct bpf_source *s)
{
	const struct ipvsf_walk *walk = walk_of(s);
	uint64_t bucket = walk->bucket, resume = walk->resume;
	int r = run(s, STEPS);

	if (!r)
		r = settle(s, bucket, resume);
	/* If the module had gone during the last run, that run could have missed entries. */
	if (!r && s->done)
		r = run(s, 0);
	return r;
}

/* Records to rows, as many as there is room for. */
static int take_rows(struct bpf_source *s, struct ipvsf_rows *ret)
{
	const uint8_t *base = records(s);
	const struct ipvsf_conn_layout *l = &s->layout;
	size_t count = 0;

	while (s->at < s->end && count < ROWS) {
		struct ipvsf_conn *row = &s->rows[count];
		const uint8_t *record = base + s->at;
		uint64_t engine, data;
		int r;

		if (s->end - s->at < l->record_len)
			return -EBADMSG;
		r = ipvsf_conn_decode(l, record, s->jiffies, s->hz, row);
		if (r)
			return r;
		s->at += l->record_len;
		memcpy(&engine, record + l->engine, sizeof(engine));
		memcpy(&data, record + l->data, sizeof(data));
		if (engine && data) {
			const char *name = (const char *)base + s->at;

			if (s->end - s->at < WALK_ENGINE_LEN)
				return -EBADMSG;
			row->pe_at = (uint32_t)s->at;
			row->pe_len = (uint8_t)strnlen(name, WALK_ENGINE_NAME);
			row->data_at = row->pe_at + WALK_ENGINE_NAME;
			/* The text ends at a NUL. */
			row->data_len = (uint32_t)strnlen(name + WALK_ENGINE_NAME, record[l->data_len]);
			s->at += WALK_ENGINE_LEN;
		}
		count++;
	}
	ret->rows = s->rows;
	ret->count = count;
	ret->text = (const char *)base;
	s->rows_found += count;
	return 0;
}

static int bpf_next(struct ipvsf_source *source, int64_t deadline, struct ipvsf_rows *ret)
{
	struct bpf_source *s = (struct bpf_source *)source;

	ret->count = 0;
	ret->repeating = false; /* such tables never change their size */
	if (s->owner != getpid())
		return -ECHILD;
	while (s->at == s->end) {
		int r;

		if (s->done)
			return 0;
		if (deadline && ipvsf_now_ms() >= deadline)
			return -EAGAIN;
		r = more_records(s);
		if (r)
			return r;
	}
	return take_rows(s, ret);
}

static void bpf_account(const struct ipvsf_source *source, struct ipvsf_conn_account *ret)
{
	const struct bpf_source *s = (const struct bpf_source *)source;

	ret->bytes = s->bytes;
	ret->read_ns = s->read_ns;
	ret->timed_rows = s->rows_found;
}

static void bpf_destroy(struct ipvsf_source *source)
{
	struct bpf_source *s = (struct bpf_source *)source;

	ipvsf_bpf_unload(&s->bpf);
	if (s->netns_fd >= 0)
		close(s->netns_fd);
	free(s);
}

static const struct ipvsf_source_ops bpf_ops = {
	.next = bpf_next,
	.account = bpf_account,
	.destroy = bpf_destroy,
};

static int find_layout(struct ipvsf_conn_layout *ret, const struct ipvsf_reason *why)
{
	struct ipvsf_kernel_types types;
	char missing[64] = "";
	int r = ipvsf_kernel_types_open(&types, why);

	if (r)
		return r;
	r = ipvsf_conn_layout_find(ipvsf_kernel_types_all(&types), ret, missing, sizeof(missing));
	ipvsf_kernel_types_close(&types);
	if (r == -ENOENT)
		return ipvsf_kernel_types_lack(why, r, missing);
	if (r)
		return ipvsf_reason_say(why, -EOPNOTSUPP,
					"this kernel keeps connections in a form that this "
					"program does not know (%s); since 6.14 kernels need no help, "
					"/proc/net/ip_vs_conn is read in linear time",
					missing);
	return 0;
}

static int load(struct bpf_source *s, const struct ipvsf_reason *why)
{
	struct ipvsf_program program;
	int r = ipvsf_conn_program(&s->layout, s->bpf.map_fd, &program);

	if (r)
		return r;
	r = ipvsf_bpf_load(&s->bpf, "ipvsf_walk", &program, why);
	free(program.insns);
	if (!r) {
		const struct ipvsf_bpf_symbol symbols[] = { { "ip_vs_conn_tab", &walk_of(s)->table_at },
							    { "ip_vs_conn_tab_size", &walk_of(s)->size_at } };

		r = ipvsf_bpf_find(&s->bpf, symbols, 2, why);
	}
	ipvsf_bpf_settle(&s->bpf);
	return r;
}

static int find_table(struct bpf_source *s, int netns_fd, const struct ipvsf_reason *why)
{
	struct ipvsf_walk *walk = walk_of(s);
	int r;

	walk->limit = 0;
	r = ipvsf_bpf_enter(&s->bpf, netns_fd, &s->netns_fd, why);
	if (r < 0)
		return r;
	if (r || !walk->table || !walk->num_buckets || walk->num_buckets & (walk->num_buckets - 1))
		return ipvsf_reason_say(why, -ENODEV,
					"the connection table is not where the kernel says it is; "
					"the module ip_vs may be about to go");
	s->table = walk->table;
	s->num_buckets = walk->num_buckets;
	s->ipvs = walk->common.ipvs;
	return 0;
}

static int begin(struct bpf_source *s, int netns_fd, const struct ipvsf_reason *why)
{
	int r;

	s->head.ops = &bpf_ops;
	s->owner = getpid();
	s->netns_fd = s->bpf.fd = s->bpf.map_fd = -1;
	s->hz = ipvsf_ticks_per_second();
	if (!s->hz)
		return ipvsf_reason_say(why, -EOPNOTSUPP,
					"this kernel does not tell the length of its ticks");
	r = find_layout(&s->layout, why);
	if (!r)
		r = ipvsf_bpf_create(&s->bpf, "ipvsf_conns", WALK_LEN, why);
	if (!r)
		r = load(s, why);
	if (!r)
		r = find_table(s, netns_fd, why);
	if (r)
		return r;
	/* Whatever can fail has to fail before the caller has seen a row. */
	r = more_records(s);
	return r ? ipvsf_reason_say(why, r, "the first connections could not be read: %s", strerror(-r)) : 0;
}

int ipvsf_source_bpf(int netns_fd, const struct ipvsf_reason *why, struct ipvsf_source **ret)
{
	struct bpf_source *s = calloc(1, sizeof(*s));
	int r = s ? 0 : -ENOMEM;

	*ret = NULL;
	ipvsf_reason_say(why, 0, "%s", strerror(ENOMEM)); /* until something better is known */
	if (!r)
		r = begin(s, netns_fd, why);
	if (!r)
		*ret = &s->head;
	else if (s)
		bpf_destroy(&s->head);
	return r;
}
