/* SPDX-License-Identifier: MIT */
/* A reading of the connection table: the rows of a source, without repeated ones, through a filter. */
#include "conns/reading.h"
#include "conns/bpf/walk.h"

#include <fcntl.h>

#define CONN_FILE "/proc/thread-self/net/ip_vs_conn"
#define TABLE_FILE "/proc/thread-self/net/ip_vs"

struct ipvsf_conns {
	struct ipvsf_source *source;
	struct ipvsf_memory *memory;
	struct ipvsf_recent *recent;
	struct ipvsf_sip_key key;
	struct ipvsf_matcher matcher;
	struct ipvsf_rows batch;
	size_t next; /* the row of the batch that comes next */
	uint64_t rows, matched, repeated;
	int error;
	struct ipvsf_conn_account closed; /* the account of a source that is closed */
	bool shifting;			  /* the source may give the latest entries again */
	bool undone;			  /* the row given last comes again */
	bool ended;
};

int ipvsf_conns_create(struct ipvsf_conns **ret)
{
	static const struct ipvsf_conn_filter all = { .any_protocol = 1 };
	struct ipvsf_conns *conns = calloc(1, sizeof(*conns));
	int r = conns ? ipvsf_matcher_init(&conns->matcher, &all, NULL, 0) : -ENOMEM;

	/* Clients choose their ports: without a secret they could choose entries of the same mark. */
	if (!r)
		r = ipvsf_sip_key_init(&conns->key);
	if (r && conns)
		ipvsf_matcher_deinit(&conns->matcher);
	if (r) {
		free(conns);
		conns = NULL;
	}
	*ret = conns;
	return r;
}

void ipvsf_conns_destroy(struct ipvsf_conns *conns)
{
	if (!conns)
		return;
	ipvsf_conns_close(conns);
	ipvsf_memory_destroy(conns->memory);
	free(conns->recent);
	ipvsf_matcher_deinit(&conns->matcher);
	free(conns);
}

int ipvsf_conns_filter(struct ipvsf_conns *conns, const struct ipvsf_conn_filter *filter,
		       const struct ipvsf_conn_match *matches, size_t count)
{
	struct ipvsf_matcher matcher;
	int r = ipvsf_matcher_init(&matcher, filter, matches, count);

	if (r)
		return r;
	ipvsf_matcher_deinit(&conns->matcher);
	conns->matcher = matcher;
	return 0;
}

int ipvsf_conns_remember(struct ipvsf_conns *conns, uint32_t at_once)
{
	int r = 0;

	if (!conns->memory) {
		conns->matched = 0;
		r = ipvsf_memory_create(&conns->memory);
	}
	return r || !at_once ? r : ipvsf_memory_sort(conns->memory);
}

void ipvsf_conns_read_from(struct ipvsf_conns *conns, struct ipvsf_source *source)
{
	ipvsf_conns_close(conns);
	conns->source = source;
	conns->rows = conns->repeated = 0;
	if (!conns->memory) /* else this reading goes on with what others have not given */
		conns->matched = 0;
	conns->error = 0;
	conns->shifting = false;
	conns->ended = false;
}

int ipvsf_conns_attach(struct ipvsf_conns *conns, int fd, uint32_t overlap)
{
	struct ipvsf_source *source;
	int r = ipvsf_source_proc(fd, -1, overlap, &source);

	if (!r)
		ipvsf_conns_read_from(conns, source);
	return r;
}

int ipvsf_conns_open(struct ipvsf_conns *conns, int netns_fd, uint32_t overlap)
{
	int fd = ipvsf_netns_open(netns_fd, CONN_FILE);
	struct ipvsf_source *source;
	int r;

	if (fd < 0)
		return fd;
	r = ipvsf_source_proc(fd, ipvsf_netns_open(netns_fd, TABLE_FILE), overlap, &source);
	if (r)
		return r;
	ipvsf_conns_read_from(conns, source);
	conns->shifting = true;
	if (conns->recent)
		ipvsf_recent_clear(conns->recent);
	else
		r = ipvsf_recent_create(&conns->recent);
	if (r)
		ipvsf_conns_close(conns);
	return r;
}

int ipvsf_conns_open_bpf(struct ipvsf_conns *conns, int netns_fd, char *reason, size_t size)
{
	const struct ipvsf_reason why = { reason, size, "connections" };
	struct ipvsf_source *source;
	int r;

	r = ipvsf_source_bpf(netns_fd, &why, &source);
	if (r)
		return r;
	if (size)
		*reason = '\0';
	ipvsf_conns_read_from(conns, source);
	return 0;
}

void ipvsf_conns_close(struct ipvsf_conns *conns)
{
	if (conns->source) {
		memset(&conns->closed, 0, sizeof(conns->closed));
		conns->source->ops->account(conns->source, &conns->closed);
		conns->source->ops->destroy(conns->source);
	}
	conns->source = NULL;
	conns->batch.count = conns->next = 0;
	conns->undone = false;
	conns->ended = true;
}

void ipvsf_conns_account(const struct ipvsf_conns *conns, struct ipvsf_conn_account *ret)
{
	*ret = conns->closed;
	if (conns->source) {
		memset(ret, 0, sizeof(*ret));
		conns->source->ops->account(conns->source, ret);
	}
	ret->rows = conns->rows;
	ret->matched = conns->matched;
	ret->repeated = conns->repeated;
	ret->ended = conns->ended;
	ret->error = conns->error;
}

void ipvsf_pull_begin(struct ipvsf_pull *pull, struct ipvsf_conns *conns, uint32_t budget_ms)
{
	pull->conns = conns;
	pull->deadline = budget_ms ? ipvsf_now_ms() + budget_ms : 0;
}

/* More rows from the source. 0, -EAGAIN or -ENODATA; another failure ends the reading. */
static int more_rows(struct ipvsf_conns *c, int64_t deadline)
{
	int r;

	if (c->ended || !c->source)
		return -ENODATA;
	if (deadline && c->rows && ipvsf_now_ms() >= deadline)
		return -EAGAIN;
	c->next = 0;
	r = c->source->ops->next(c->source, deadline, &c->batch);
	if (r == -EAGAIN)
		return r;
	if (!r && c->memory && c->batch.repeating)
		r = ipvsf_memory_sort(c->memory);
	if (!r && c->batch.count)
		return 0;
	c->batch.count = 0;
	c->ended = true;
	c->error = r;
	return r ? r : -ENODATA;
}

/* 0: a new entry; -EEXIST: it was read before; -ENOMEM */
static int remember(struct ipvsf_conns *c, const struct ipvsf_conn *row)
{
	uint64_t mark = ipvsf_conn_mark(&c->key, row, c->batch.text);

	if (c->shifting && !ipvsf_recent_add(c->recent, mark))
		return -EEXIST;
	return c->memory ? ipvsf_memory_add(c->memory, mark) : 0;
}

int ipvsf_pull_next(struct ipvsf_pull *pull, const struct ipvsf_conn **ret)
{
	struct ipvsf_conns *c = pull->conns;
	uint64_t limit = c->matcher.filter.limit;
	int r;

	pull->text = c->batch.text;
	if (c->undone) {
		c->undone = false;
		*ret = &c->batch.rows[c->next - 1];
		return 0;
	}
	for (;;) {
		const struct ipvsf_conn *row;

		if (limit && c->matched >= limit) {
			c->ended = true;
			return -ENODATA;
		}
		if (c->next == c->batch.count) {
			c->batch.count = c->next = 0;
			r = more_rows(c, pull->deadline);
			if (r)
				return r;
		}
		row = &c->batch.rows[c->next++];
		c->rows++;
		if (!ipvsf_matcher_wants(&c->matcher, row, c->batch.text))
			continue;
		r = c->shifting || c->memory ? remember(c, row) : 0;
		if (r == -EEXIST) {
			c->repeated++;
			continue;
		}
		if (r) {
			c->ended = true;
			c->error = r;
			return r;
		}
		c->matched++;
		pull->text = c->batch.text;
		*ret = row;
		return 0;
	}
}

void ipvsf_pull_undo(struct ipvsf_pull *pull)
{
	pull->conns->undone = true;
}

int ipvsf_conns_count(struct ipvsf_conns *conns, uint32_t budget_ms)
{
	const struct ipvsf_conn *row;
	struct ipvsf_pull pull;
	int r;

	ipvsf_pull_begin(&pull, conns, budget_ms);
	do
		r = ipvsf_pull_next(&pull, &row);
	while (!r);
	return r == -EAGAIN || r == -ENODATA ? 0 : r;
}
