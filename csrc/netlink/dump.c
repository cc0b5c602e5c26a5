/* SPDX-License-Identifier: MIT */
/*
 * Reading the table. The kernel has no dump of all dests: one request per service, made here so that
 * Python pays for one call. A dump that fits one skb is consistent; a longer one may repeat or miss
 * entries when the table changes meanwhile, without a flag, so it is checked and read again.
 */
#include "core/internal.h"

#include <stdio.h>
#include <sys/socket.h>

#define REREADS 5
#define REREADS_COMPLETE 50 /* where whoever asks can do nothing with less than all */
/* Fewer rows than one 32 KiB skb holds (101 services, 91 dests): read under one lock. */
#define ONE_SKB 90

static unsigned int rereads_of(const struct ipvsf_table *t)
{
	return t->complete ? REREADS_COMPLETE : REREADS;
}

static int grow(void **rows, size_t *size, size_t count, size_t row)
{
	size_t wanted = *size ? *size : 256;
	void *bigger;

	while (wanted < count)
		wanted *= 2;
	if (wanted == *size)
		return 0;
	bigger = reallocarray(*rows, wanted, row);
	if (!bigger)
		return -ENOMEM;
	*rows = bigger;
	*size = wanted;
	return 0;
}

static int add_service(struct ipvsf_session *s, const struct nlmsghdr *nlh, void *ctx)
{
	struct ipvsf_table *t = ctx;
	int r = grow((void **)&t->services, &t->services_size, t->num_services + 1, sizeof(*t->services));

	(void)s;
	if (!r)
		r = ipvsf_service_decode(nlh, nlh->nlmsg_len, &t->services[t->num_services]);
	if (!r)
		t->num_services++;
	return r;
}

struct dest_reader {
	struct ipvsf_table *table;
	uint16_t af;
};

static int add_dest(struct ipvsf_session *s, const struct nlmsghdr *nlh, void *ctx)
{
	struct dest_reader *d = ctx;
	struct ipvsf_table *t = d->table;
	int r = grow((void **)&t->dests, &t->dests_size, t->num_dests + 1, sizeof(*t->dests));

	(void)s;
	if (!r)
		r = ipvsf_dest_decode(nlh, nlh->nlmsg_len, d->af, &t->dests[t->num_dests]);
	if (!r)
		t->num_dests++;
	return r;
}

static int request(struct ipvsf_session *s, uint8_t cmd, uint16_t flags, const struct ipvsf_service *ident,
		   ipvsf_message_fn fn, void *ctx)
{
	_Alignas(8) uint8_t buf[IPVSF_MESSAGE_MAX];
	struct ipvsf_writer w = { .buf = buf, .size = sizeof(buf) };
	int r;

	ipvsf_write_header(&w, s->family, cmd, flags, ipvsf_session_next_seq(s, 1));
	if (ident)
		ipvsf_write_ident(&w, ident);
	r = ipvsf_write_end(&w);
	return r < 0 ? r : ipvsf_exchange(s, buf, fn, ctx);
}

/* A session outlives a reload of the module, with another family number: look once more. */
static int request_again(struct ipvsf_session *s, uint8_t cmd, uint16_t flags,
			 const struct ipvsf_service *ident, ipvsf_message_fn fn, void *ctx)
{
	int r = request(s, cmd, flags, ident, fn, ctx);

	if (r != -ENOENT)
		return r;
	r = ipvsf_session_look_again(s);
	if (!r)
		return -ENOENT;
	s->changed = false; /* whoever reads the new table knows */
	return r < 0 ? r : request(s, cmd, flags, ident, fn, ctx);
}

static int service_order(const void *a, const void *b)
{
	const struct ipvsf_service *x = &(*(struct ipvsf_service_row *const *)a)->conf;
	const struct ipvsf_service *y = &(*(struct ipvsf_service_row *const *)b)->conf;
	int r = memcmp(x, y, offsetof(struct ipvsf_service, flags));

	return r ? r : memcmp(x->addr, y->addr, sizeof(x->addr));
}

static int dest_order(const void *a, const void *b)
{
	const struct ipvsf_dest *x = &(*(struct ipvsf_dest_row *const *)a)->conf;
	const struct ipvsf_dest *y = &(*(struct ipvsf_dest_row *const *)b)->conf;

	return memcmp(x, y, offsetof(struct ipvsf_dest, fwd));
}

/* How many of the rows repeat another's key; with `drop`, such rows are removed. -ENOMEM. */
static ssize_t repeated(void *rows, size_t *count, size_t row, int (*order)(const void *, const void *),
			bool drop)
{
	uint8_t **sorted = calloc(*count ? *count : 1, sizeof(*sorted));
	uint8_t *gone = calloc(*count ? *count : 1, 1);
	uint8_t *base = rows;
	size_t kept = 0, found = 0;

	if (!sorted || !gone) {
		free(sorted);
		free(gone);
		return -ENOMEM;
	}
	for (size_t i = 0; i < *count; i++)
		sorted[i] = base + i * row;
	qsort(sorted, *count, sizeof(*sorted), order);
	for (size_t i = 1; i < *count; i++) {
		if (order(&sorted[i - 1], &sorted[i]))
			continue;
		gone[(size_t)(sorted[i] - base) / row] = 1;
		found++;
	}
	for (size_t i = 0; drop && i < *count; i++) {
		if (!gone[i])
			memmove(base + kept++ * row, base + i * row, row);
	}
	if (drop)
		*count = kept;
	free(sorted);
	free(gone);
	return (ssize_t)found;
}

static bool services_agree(struct ipvsf_session *s, const struct ipvsf_table *t)
{
	int64_t count = ipvsf_count_services4(s), v4 = 0;

	for (size_t i = 0; i < t->num_services; i++)
		v4 += t->services[i].conf.af == AF_INET;
	/* Linux 7.2 counts those of IPv4 only, marks included. Older ones may count all, which is no less right. */
	return count < 0 || count == v4 || count == (int64_t)t->num_services;
}

int ipvsf_services_dump(struct ipvsf_session *s, struct ipvsf_table *t)
{
	ssize_t twice;
	int r;

	for (unsigned int attempt = 0;; attempt++) {
		t->num_services = t->num_dests = t->next = 0;
		r = request_again(s, IPVS_CMD_GET_SERVICE, NLM_F_DUMP, NULL, add_service, t);
		if (r || t->num_services <= ONE_SKB)
			return r;
		twice = repeated(t->services, &t->num_services, sizeof(*t->services), service_order,
				 attempt == rereads_of(t));
		if (twice < 0)
			return (int)twice;
		if (!twice && services_agree(s, t))
			return 0;
		if (attempt == rereads_of(t)) {
			t->unstable++;
			return 0;
		}
		t->rereads++;
	}
}

int ipvsf_service_get(struct ipvsf_session *s, const struct ipvsf_service *ident, struct ipvsf_table *t)
{
	int r;

	t->num_services = t->num_dests = t->next = 0;
	r = request_again(s, IPVS_CMD_GET_SERVICE, NLM_F_ACK, ident, add_service, t);
	if (!r && !t->num_services)
		return -ESRCH;
	return r;
}

static int ignore(struct ipvsf_session *s, const struct nlmsghdr *nlh, void *ctx)
{
	(void)s;
	(void)nlh;
	(void)ctx;
	return 0;
}

/* An empty answer is also what a service that is gone gives. */
static int still_there(struct ipvsf_session *s, const struct ipvsf_service *svc)
{
	int64_t count = ipvsf_count_dests(s, svc);

	if (count == -ESRCH)
		return -ESRCH;
	if (count >= 0)
		return count ? -EAGAIN : 0;
	return request(s, IPVS_CMD_GET_SERVICE, NLM_F_ACK, svc, ignore, NULL);
}

/* A number that tells two readings of a service apart. */
static uint64_t fingerprint(const struct ipvsf_dest_row *rows, size_t count)
{
	uint64_t h = 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < count; i++) {
		const uint8_t *key = (const uint8_t *)&rows[i].conf;

		for (size_t n = 0; n < offsetof(struct ipvsf_dest, fwd); n++)
			h = (h ^ key[n]) * 0x100000001b3ULL;
	}
	return h;
}

/* 0: this reading of one service's dests can stand; -EAGAIN: read again; -ESRCH: no such service. */
static int verify_dests(struct ipvsf_session *s, struct ipvsf_table *t, const struct ipvsf_service_row *row,
			uint64_t *previous, bool last)
{
	struct ipvsf_dest_row *dests = t->dests + row->first_dest;
	size_t count = t->num_dests - row->first_dest;
	uint64_t before = *previous;
	ssize_t twice;
	int agree;

	if (count == 0)
		return still_there(s, &row->conf);
	if (count <= ONE_SKB)
		return 0;
	twice = repeated(dests, &count, sizeof(*dests), dest_order, last);
	if (twice < 0)
		return (int)twice;
	t->num_dests = row->first_dest + count;
	if (twice)
		return -EAGAIN;
	agree = ipvsf_dests_agree(s, &row->conf, dests, count);
	if (agree != -1)
		return agree < 0 ? agree : agree ? 0 : -EAGAIN;
	/* Nothing to compare with (IPv6): two readings in a row that are the same must do. */
	*previous = fingerprint(dests, count);
	return *previous == before ? 0 : -EAGAIN;
}

static int read_dests(struct ipvsf_session *s, struct ipvsf_table *t, struct ipvsf_service_row *row)
{
	struct dest_reader d = { .table = t, .af = row->conf.af };
	bool twice_anyway = row->conf.af != AF_INET || s->control_fd < 0;
	uint64_t previous = 0;
	int r;

	for (unsigned int attempt = 0;; attempt++) {
		bool last = attempt == rereads_of(t);

		row->first_dest = (uint32_t)t->num_dests;
		r = request(s, IPVS_CMD_GET_DEST, NLM_F_DUMP, &row->conf, add_dest, &d);
		if (!r)
			r = verify_dests(s, t, row, &previous, last);
		row->num_dests = (uint32_t)(t->num_dests - row->first_dest);
		if (r == 0)
			return 0;
		if (r != -EAGAIN || last)
			break;
		t->rereads += !(twice_anyway && attempt == 0);
		t->num_dests = row->first_dest;
	}
	if (r == -EAGAIN) {
		t->unstable++;
		return 0;
	}
	t->num_dests = row->first_dest;
	row->num_dests = 0;
	if (r == -ESRCH) {
		row->conf.af = 0;
		t->vanished++;
		return 0;
	}
	return r;
}

static void drop_vanished(struct ipvsf_table *t)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->num_services; i++) {
		if (t->services[i].conf.af)
			t->services[kept++] = t->services[i];
	}
	t->num_services = t->next = kept;
}

int ipvsf_dests_dump(struct ipvsf_session *s, struct ipvsf_table *t, uint32_t budget_ms)
{
	int64_t end = budget_ms ? ipvsf_now_ms() + budget_ms : 0;
	int r = ipvsf_session_check(s);

	while (!r && t->next < t->num_services) {
		r = read_dests(s, t, &t->services[t->next]);
		if (r)
			return r;
		t->next++;
		if (end && t->next % 8 == 0 && t->next < t->num_services && ipvsf_now_ms() >= end)
			return -EAGAIN;
	}
	if (!r && t->vanished) {
		drop_vanished(t);
		t->unstable += t->complete;
	}
	return r;
}

void ipvsf_table_deinit(struct ipvsf_table *t)
{
	free(t->services);
	free(t->dests);
	memset(t, 0, sizeof(*t));
}

static int take_info(struct ipvsf_session *s, const struct nlmsghdr *nlh, void *ctx)
{
	(void)s;
	return ipvsf_info_decode(nlh, nlh->nlmsg_len, ctx);
}

int ipvsf_info_get(struct ipvsf_session *s, struct ipvsf_info *ret)
{
	memset(ret, 0, sizeof(*ret));
	return request_again(s, IPVS_CMD_GET_INFO, NLM_F_ACK, NULL, take_info, ret);
}

static int take_timeouts(struct ipvsf_session *s, const struct nlmsghdr *nlh, void *ctx)
{
	(void)s;
	return ipvsf_timeouts_decode(nlh, nlh->nlmsg_len, ctx);
}

int ipvsf_timeouts_get(struct ipvsf_session *s, struct ipvsf_timeouts *ret)
{
	memset(ret, 0, sizeof(*ret));
	return request_again(s, IPVS_CMD_GET_CONFIG, NLM_F_ACK, NULL, take_timeouts, ret);
}

struct daemon_reader {
	struct ipvsf_daemon *rows;
	size_t size;
	size_t count;
};

static int add_daemon(struct ipvsf_session *s, const struct nlmsghdr *nlh, void *ctx)
{
	struct daemon_reader *d = ctx;
	struct ipvsf_daemon row;
	int r = ipvsf_daemon_decode(nlh, nlh->nlmsg_len, &row);

	(void)s;
	if (!r && d->count < d->size)
		d->rows[d->count] = row;
	if (!r)
		d->count++;
	return r;
}

int ipvsf_daemons_dump(struct ipvsf_session *s, struct ipvsf_daemon *ret, size_t size, size_t *count)
{
	struct daemon_reader d = { .rows = ret, .size = size };
	int r = request_again(s, IPVS_CMD_GET_DAEMON, NLM_F_DUMP, NULL, add_daemon, &d);

	*count = d.count;
	return r;
}
