/* SPDX-License-Identifier: MIT */
/*
 * The dests of the services that were read. Where the socket option tells all that is wanted of a service it is asked
 * (sockopt/dest_rows.c): one answer, consistent. Else they are dumped, and checked as services are (services.c).
 */
#include "core/internal.h"

#include <sys/socket.h>

#define PART_SERVICES 512
#define PART_DESTS 4096
#define PART_UNCOUNTED 64 /* the dests that a service may have of which that is not known */
#define CATCH_UPS 50	  /* how often the services are read anew as some went away meanwhile */
/* The clock, a system call on some machines, is looked at after so many dests; a service is worth a few. */
#define LOOK_AFTER 2048
#define SERVICE_WORTH 32

struct dest_reader {
	struct ipvsf_table *table;
	uint16_t af;
};

/* A program may have left the values of a tunnel where there is none. They do nothing, and only a dump has them. */
static void drop_idle_tunnel(struct ipvsf_dest *c)
{
	if (c->fwd != IP_VS_CONN_F_TUNNEL)
		c->tun_type = c->tun_port = c->tun_flags = 0;
}

static int add_dest(struct ipvsf_session *s, const struct nlmsghdr *nlh, void *ctx)
{
	struct dest_reader *d = ctx;
	struct ipvsf_table *t = d->table;
	int r = ipvsf_grow((void **)&t->dests, &t->dests_size, t->num_dests + 1, sizeof(*t->dests));

	(void)s;
	if (!r)
		r = ipvsf_dest_decode(nlh, nlh->nlmsg_len, d->af, &t->dests[t->num_dests]);
	if (!r)
		drop_idle_tunnel(&t->dests[t->num_dests++].conf);
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
	return ipvsf_request(s, IPVS_CMD_GET_SERVICE, NLM_F_ACK, svc, ignore, NULL);
}

/* Whether the socket option gives them all: it leaves out those of another family. */
static bool is_told(const struct ipvsf_service_row *row, const struct ipvsf_dest_row *dests, size_t count)
{
	if (row->conf.af != AF_INET)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (dests[i].conf.af != AF_INET)
			return false;
	}
	return true;
}

static int compare_dumps(struct ipvsf_session *s, const struct ipvsf_service_row *row,
			 const struct ipvsf_dest_row *dests, size_t count)
{
	struct ipvsf_table again = { 0 };
	struct dest_reader d = { .table = &again, .af = row->conf.af };
	int r = ipvsf_request_again(ipvsf_session_other(s), IPVS_CMD_GET_DEST, NLM_F_DUMP, &row->conf,
				    add_dest, &d);

	if (!r)
		r = ipvsf_same_keys(dests, count, again.dests, again.num_dests, sizeof(*dests),
				    ipvsf_dest_key_order, NULL);
	ipvsf_table_deinit(&again);
	return r == 1 ? 0 : r ? r : -EAGAIN;
}

static int drop_repeated(struct ipvsf_table *t, size_t first)
{
	size_t count = t->num_dests - first;
	int r = ipvsf_drop_repeated(t->dests + first, &count, sizeof(*t->dests), ipvsf_dest_key_order);

	t->num_dests = first + count;
	return r;
}

/* 0: this reading of one service's dests can stand; -EAGAIN: read again; -ESRCH: no such service. */
static int verify(struct ipvsf_session *s, struct ipvsf_table *t, const struct ipvsf_service_row *row)
{
	struct ipvsf_dest_row *dests = t->dests + row->first_dest;
	size_t count = t->num_dests - row->first_dest;
	int r;

	if (count == 0)
		return still_there(s, &row->conf);
	if (s->data_skbs <= 1) /* made under one lock */
		return 0;
	if (is_told(row, dests, count)) {
		r = ipvsf_dests_agree(s, &row->conf, dests, count);
		if (r != -1)
			return r < 0 ? r : r ? 0 : -EAGAIN;
	}
	r = compare_dumps(s, row, dests, count);
	return r ? r : drop_repeated(t, row->first_dest);
}

static int dump_dests(struct ipvsf_session *s, struct ipvsf_table *t, struct ipvsf_service_row *row)
{
	struct dest_reader d = { .table = t, .af = row->conf.af };
	int r;

	for (unsigned int attempt = 0;; attempt++) {
		row->first_dest = (uint32_t)t->num_dests;
		r = ipvsf_request(s, IPVS_CMD_GET_DEST, NLM_F_DUMP, &row->conf, add_dest, &d);
		if (!r)
			r = verify(s, t, row);
		if (r != -EAGAIN)
			break;
		if (attempt == ipvsf_rereads(t)) {
			t->unstable++;
			r = drop_repeated(t, row->first_dest);
			break;
		}
		t->rereads++;
		t->num_dests = row->first_dest;
	}
	if (r)
		t->num_dests = row->first_dest;
	return r;
}

static int read_dests(struct ipvsf_session *s, struct ipvsf_table *t, struct ipvsf_service_row *row)
{
	int r;

	row->first_dest = (uint32_t)t->num_dests;
	r = ipvsf_option_dests(s, t, row);
	if (r == 0)
		r = dump_dests(s, t, row);
	else if (r > 0)
		r = 0;
	row->num_dests = (uint32_t)(t->num_dests - row->first_dest);
	if (r != -ESRCH)
		return r;
	row->conf.af = 0;
	t->vanished++;
	return 0;
}

/* Takes over the dests of a service from an earlier reading. */
static int keep_dests(struct ipvsf_table *to, struct ipvsf_service_row *row, const struct ipvsf_table *from,
		      const struct ipvsf_service_row *known)
{
	int r = ipvsf_grow((void **)&to->dests, &to->dests_size, to->num_dests + known->num_dests,
			   sizeof(*to->dests));

	if (r)
		return r;
	row->first_dest = (uint32_t)to->num_dests;
	row->num_dests = known->num_dests;
	if (known->num_dests)
		memcpy(to->dests + to->num_dests, from->dests + known->first_dest,
		       known->num_dests * sizeof(*to->dests));
	to->num_dests += known->num_dests;
	return 0;
}

/* Brings the services whose dests are known to the front, with these; to->next is the first of the others. */
static int keep_known(struct ipvsf_table *to, const struct ipvsf_table *from)
{
	void **sorted = ipvsf_rows_sorted(from->services, from->num_services, sizeof(*from->services),
					  ipvsf_service_key_order);
	int r = sorted ? 0 : -ENOMEM;

	for (size_t i = 0; !r && i < to->num_services; i++) {
		struct ipvsf_service_row row = to->services[i];
		void *wanted = &row, **at;

		at = bsearch(&wanted, sorted, from->num_services, sizeof(*sorted), ipvsf_service_key_order);
		if (!at)
			continue;
		r = keep_dests(to, &row, from, *at);
		to->services[i] = to->services[to->next];
		to->services[to->next++] = row;
	}
	free(sorted);
	return r;
}

/*
 * Services went away before their dests were read, and others may have come in their place: the services are
 * read anew. All of a large table read anew would only be overtaken again.
 */
static int catch_up(struct ipvsf_session *s, struct ipvsf_table *t)
{
	struct ipvsf_table now = { .complete = t->complete, .scope = t->scope, .before = t->before };
	int r = ipvsf_services_dump(s, &now);

	if (!r)
		r = keep_known(&now, t);
	if (r) {
		ipvsf_table_deinit(&now);
		return r;
	}
	now.rereads += t->rereads + 1;
	now.unstable += t->unstable;
	now.by_option = t->by_option;
	now.doubted = t->doubted;
	now.caught_up = t->caught_up + 1;
	ipvsf_table_deinit(t);
	*t = now;
	return 0;
}

static size_t work_done(const struct ipvsf_table *t)
{
	return t->next * SERVICE_WORTH + t->num_dests;
}

static int read_rest(struct ipvsf_session *s, struct ipvsf_table *t, int64_t end)
{
	size_t look_at = work_done(t) + LOOK_AFTER;

	while (t->next < t->num_services) {
		int r = read_dests(s, t, &t->services[t->next]);

		if (r)
			return r;
		t->next++;
		if (!end || t->next == t->num_services || work_done(t) < look_at)
			continue;
		if (ipvsf_now_ms() >= end)
			return -EAGAIN;
		look_at = work_done(t) + LOOK_AFTER;
	}
	return 0;
}

int ipvsf_dests_dump(struct ipvsf_session *s, struct ipvsf_table *t, uint32_t budget_ms)
{
	int64_t end = budget_ms ? ipvsf_now_ms() + budget_ms : 0;
	bool catches_up = t->complete && !t->single;
	int r = ipvsf_session_check(s);

	if (!r && !t->next)
		r = ipvsf_option_begin(s, t);
	if (!r)
		r = read_rest(s, t, end);
	if (!r && ipvsf_option_doubt(s, t)) {
		r = catch_up(s, t);
		if (!r)
			r = read_rest(s, t, end);
	}
	while (!r && t->vanished && catches_up && t->caught_up < CATCH_UPS) {
		r = catch_up(s, t);
		if (!r)
			r = read_rest(s, t, end);
	}
	if (!r && t->vanished) {
		ipvsf_drop_services(t);
		t->next = t->num_services;
		t->unstable += catches_up;
	}
	return r;
}

/* How many of the services from whole->next on are read at once: so many that their text is worth a write(). */
static size_t part_size(const struct ipvsf_table *whole)
{
	size_t count = 0, dests = 0;

	while (whole->next + count < whole->num_services && count < PART_SERVICES && dests < PART_DESTS) {
		const struct ipvsf_service_row *row = &whole->services[whole->next + count++];

		dests += row->is_counted ? row->counted : PART_UNCOUNTED;
	}
	return count;
}

/* What part holds becomes the next services, without their dests; its memory is used again. */
static int begin_part(struct ipvsf_table *part, const struct ipvsf_table *whole, size_t count)
{
	int r = ipvsf_reserve((void **)&part->services, &part->services_size, count, sizeof(*part->services));

	if (r)
		return r;
	memcpy(part->services, whole->services + whole->next, count * sizeof(*part->services));
	part->num_services = count;
	part->num_dests = part->next = 0;
	part->rereads = part->unstable = part->vanished = part->by_option = 0;
	part->scope = whole->scope;
	part->single = whole->single;
	part->doubted = 1; /* dests are counted beside each answer: what was written stays written */
	return ipvsf_option_reserve(part);
}

int ipvsf_part_read(struct ipvsf_session *s, struct ipvsf_table *whole, struct ipvsf_table *part)
{
	int r = ipvsf_session_check(s);

	if (!r && !whole->next)
		ipvsf_option_count(s, whole);
	part->num_services = part->num_dests = 0;
	while (!r && !part->num_services && whole->next < whole->num_services) {
		size_t count = part_size(whole);

		r = begin_part(part, whole, count);
		if (!r)
			r = read_rest(s, part, 0);
		if (r)
			break;
		ipvsf_drop_services(part);
		whole->next += count;
		whole->unstable += part->unstable;
		whole->vanished += part->vanished;
	}
	return r;
}

void ipvsf_table_deinit(struct ipvsf_table *t)
{
	free(t->services);
	free(t->dests);
	memset(t, 0, sizeof(*t));
}
