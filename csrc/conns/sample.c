/* SPDX-License-Identifier: MIT */
/* A uniform sample of the rows of a reading, without knowing beforehand how many there will be. */
#include "conns/reading.h"

struct kept {
	uint64_t number; /* which row of the reading it was */
	struct ipvsf_conn row;
	char *text; /* engine's name and data, one after the other */
};

struct ipvsf_sample {
	struct kept *kept;
	size_t size;
	size_t count;
	uint64_t seen;
	uint64_t state; /* of the random numbers */
};

int ipvsf_sample_create(size_t size, uint64_t seed, struct ipvsf_sample **ret)
{
	struct ipvsf_sample *s = calloc(1, sizeof(*s));

	*ret = NULL;
	if (!s)
		return -ENOMEM;
	s->kept = calloc(size ? size : 1, sizeof(*s->kept));
	s->size = size;
	s->state = seed;
	if (!s->kept) {
		free(s);
		return -ENOMEM;
	}
	*ret = s;
	return 0;
}

void ipvsf_sample_destroy(struct ipvsf_sample *sample)
{
	if (!sample)
		return;
	for (size_t i = 0; i < sample->count; i++)
		free(sample->kept[i].text);
	free(sample->kept);
	free(sample);
}

/* splitmix64: every seed is a good one. */
static uint64_t random_number(struct ipvsf_sample *s)
{
	uint64_t z = s->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

/* 0 <= number < bound, each with the same chance. */
static uint64_t random_below(struct ipvsf_sample *s, uint64_t bound)
{
	uint64_t excess = -bound % bound, z;

	do
		z = random_number(s);
	while (z < excess);
	return z % bound;
}

static int keep(struct kept *k, uint64_t number, const struct ipvsf_conn *row, const char *text)
{
	size_t len = row->pe_len + (size_t)row->data_len;
	char *copy = NULL;

	if (len) {
		copy = malloc(len);
		if (!copy)
			return -ENOMEM;
		memcpy(copy, text + row->pe_at, row->pe_len);
		memcpy(copy + row->pe_len, text + row->data_at, row->data_len);
	}
	free(k->text);
	k->text = copy;
	k->row = *row;
	k->number = number;
	k->row.pe_at = 0;
	k->row.data_at = row->pe_len;
	return 0;
}

int ipvsf_conns_sample(struct ipvsf_conns *conns, struct ipvsf_sample *sample, uint32_t budget_ms)
{
	const struct ipvsf_conn *row;
	struct ipvsf_pull pull;
	int r;

	ipvsf_pull_begin(&pull, conns, budget_ms);
	while (!(r = ipvsf_pull_next(&pull, &row))) {
		uint64_t number = sample->seen++, at = number;

		if (number >= sample->size)
			at = random_below(sample, number + 1);
		if (at >= sample->size)
			continue;
		r = keep(&sample->kept[at], number, row, pull.text);
		if (r)
			return r;
		if (number < sample->size)
			sample->count++;
	}
	return r == -EAGAIN || r == -ENODATA ? 0 : r;
}

struct sample_source {
	struct ipvsf_source head;
	const struct ipvsf_sample *sample;
	const struct kept **order;
	size_t next;
};

static int sample_next(struct ipvsf_source *source, int64_t deadline, struct ipvsf_rows *ret)
{
	struct sample_source *s = (struct sample_source *)source;

	(void)deadline;
	ret->count = s->next < s->sample->count;
	if (ret->count) {
		ret->rows = &s->order[s->next]->row;
		ret->text = s->order[s->next]->text ? s->order[s->next]->text : "";
		s->next++;
	}
	return 0;
}

static void sample_account(const struct ipvsf_source *source, struct ipvsf_conn_account *ret)
{
	(void)source;
	(void)ret;
}

static void sample_destroy(struct ipvsf_source *source)
{
	free(((struct sample_source *)source)->order);
	free(source);
}

static const struct ipvsf_source_ops sample_ops = {
	.next = sample_next,
	.account = sample_account,
	.destroy = sample_destroy,
};

static int by_number(const void *a, const void *b)
{
	const struct kept *x = *(const struct kept *const *)a, *y = *(const struct kept *const *)b;

	return x->number < y->number ? -1 : x->number > y->number;
}

int ipvsf_conns_replay(struct ipvsf_conns *conns, const struct ipvsf_sample *sample)
{
	struct sample_source *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->head.ops = &sample_ops;
	s->sample = sample;
	s->order = malloc((sample->count ? sample->count : 1) * sizeof(*s->order));
	if (!s->order) {
		free(s);
		return -ENOMEM;
	}
	for (size_t i = 0; i < sample->count; i++)
		s->order[i] = &sample->kept[i];
	qsort(s->order, sample->count, sizeof(*s->order), by_number);
	ipvsf_conns_read_from(conns, &s->head);
	return 0;
}
