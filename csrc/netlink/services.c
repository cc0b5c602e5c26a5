/* SPDX-License-Identifier: MIT */
/*
 * The services, read and checked. A dump goes on in the next skb by number: where a service was deleted in front
 * of that place, one that stands still is passed over, and nothing tells. So the IPv4 services are compared with
 * the socket option, which gives them in one piece. For others there is no such source: they are dumped again
 * over a socket whose skbs end at other places, where another service would be passed over.
 */
#include "core/internal.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define FETCHED_MAX 64 /* services that lack are asked for one by one; more: all is read again */
#define SETTLED_MAX 8 /* fewer than stand between the cuts of two dumps: so both did not pass over the same */

void ipvsf_drop_services(struct ipvsf_table *t)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->num_services; i++) {
		if (t->services[i].conf.af)
			t->services[kept++] = t->services[i];
	}
	t->num_services = kept;
}

static int drop_repeated(struct ipvsf_table *t)
{
	return ipvsf_drop_repeated(t->services, &t->num_services, sizeof(*t->services),
				   ipvsf_service_key_order);
}

static bool is_v4(const void *row)
{
	return ((const struct ipvsf_service_row *)row)->conf.af == AF_INET;
}

static int dump_services(struct ipvsf_session *s, struct ipvsf_table *t)
{
	t->num_services = t->num_dests = t->next = 0;
	return ipvsf_request_again(s, IPVS_CMD_GET_SERVICE, NLM_F_DUMP, NULL, ipvsf_add_service, t);
}

static int ignore(struct ipvsf_session *s, const struct nlmsghdr *nlh, void *ctx)
{
	(void)s;
	(void)nlh;
	(void)ctx;
	return 0;
}

/* Gives how many rows of `from` the other dump has not, the first of them in ret; -ENOMEM. */
static ssize_t only_in(const struct ipvsf_table *from, const struct ipvsf_table *other,
		       bool (*ignored)(const void *row), struct ipvsf_service_row *ret[SETTLED_MAX])
{
	void **sorted = ipvsf_rows_sorted(other->services, other->num_services, sizeof(*other->services),
					  ipvsf_service_key_order);
	ssize_t found = 0;

	for (size_t i = 0; sorted && i < from->num_services; i++) {
		void *wanted = &from->services[i];

		if ((ignored && ignored(wanted)) ||
		    bsearch(&wanted, sorted, other->num_services, sizeof(*sorted), ipvsf_service_key_order))
			continue;
		if (found < SETTLED_MAX)
			ret[found] = wanted;
		found++;
	}
	free(sorted);
	return sorted ? found : -ENOMEM;
}

/*
 * Another dump of the services has others: each of the two may have passed over some, as where others come and go in
 * front. If these are few, the kernel is asked for each: where all of them are there, t has them all afterwards. That
 * one is gone says that more may have gone. -EAGAIN: dump again.
 */
static int settle(struct ipvsf_session *s, struct ipvsf_table *t, const struct ipvsf_table *again,
		  bool (*ignored)(const void *row))
{
	struct ipvsf_service_row *lacking[SETTLED_MAX], *unseen[SETTLED_MAX];
	ssize_t num_lacking = only_in(again, t, ignored, lacking);
	ssize_t num_unseen = only_in(t, again, ignored, unseen);
	int r = 0;

	if (num_lacking < 0 || num_unseen < 0)
		return -ENOMEM;
	if (num_lacking > SETTLED_MAX || num_unseen > SETTLED_MAX)
		return -EAGAIN;
	for (ssize_t i = 0; !r && i < num_unseen; i++)
		r = ipvsf_request(s, IPVS_CMD_GET_SERVICE, NLM_F_ACK, &unseen[i]->conf, ignore, NULL);
	for (ssize_t i = 0; !r && i < num_lacking; i++)
		r = ipvsf_request(s, IPVS_CMD_GET_SERVICE, NLM_F_ACK, &lacking[i]->conf, ipvsf_add_service,
				  t);
	return r == -ESRCH ? -EAGAIN : r ? r : drop_repeated(t); /* the other dump may repeat one too */
}

/* 0: another dump has the same services, apart from `ignored` ones, or t has them now; -EAGAIN: dump again. */
static int compare_dumps(struct ipvsf_session *s, struct ipvsf_table *t, bool (*ignored)(const void *row))
{
	struct ipvsf_table again = { 0 };
	int r = dump_services(ipvsf_session_other(s), &again);

	if (!r)
		r = ipvsf_same_keys(t->services, t->num_services, again.services, again.num_services,
				    sizeof(*t->services), ipvsf_service_key_order, ignored);
	if (r >= 0)
		r = r ? 0 : settle(s, t, &again, ignored);
	ipvsf_table_deinit(&again);
	return r;
}

/* The key of an entry, as a row that holds nothing else. */
static void take_key(const struct ip_vs_service_entry *e, struct ipvsf_service_row *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->conf.af = AF_INET;
	ret->conf.fwmark = e->fwmark;
	if (e->fwmark)
		return;
	ret->conf.protocol = e->protocol;
	ret->conf.port = ntohs(e->port);
	memcpy(ret->conf.addr, &e->addr, 4);
}

bool ipvsf_services_agree(const struct ipvsf_table *t, const struct ip_vs_service_entry *entries,
			  size_t count)
{
	struct ipvsf_service_row key;
	const void *wanted = &key, *have;
	size_t at = 0;

	for (size_t i = 0; i < t->num_services; i++) {
		have = &t->services[i];
		if (!is_v4(have))
			continue;
		if (at == count)
			return false;
		take_key(&entries[at++], &key);
		if (ipvsf_service_key_order(&wanted, &have))
			return false;
	}
	return at == count;
}

void ipvsf_take_counts(struct ipvsf_table *t, const struct ip_vs_service_entry *entries, size_t count)
{
	size_t at = 0;

	if (!ipvsf_services_agree(t, entries, count))
		return;
	for (size_t i = 0; i < t->num_services; i++) {
		if (!is_v4(&t->services[i]))
			continue;
		t->services[i].counted = entries[at++].num_dests;
		t->services[i].is_counted = 1;
	}
}

/* Of the IPv4 rows those stay that are among the entries. Gives how many entries have no row; -ENOMEM. */
static ssize_t mark_gone(struct ipvsf_table *t, const struct ip_vs_service_entry *entries, size_t count,
			 struct ipvsf_service_row lacking[FETCHED_MAX])
{
	void **sorted = ipvsf_rows_sorted(t->services, t->num_services, sizeof(*t->services),
					  ipvsf_service_key_order);
	uint8_t *known = calloc(t->num_services + 1, 1);
	bool room = sorted && known;
	size_t found = 0;

	for (size_t i = 0; room && i < count; i++) {
		struct ipvsf_service_row key;
		void *wanted = &key, **at;

		take_key(&entries[i], &key);
		at = bsearch(&wanted, sorted, t->num_services, sizeof(*sorted), ipvsf_service_key_order);
		if (at)
			known[(struct ipvsf_service_row *)*at - t->services] = 1;
		else if (found++ < FETCHED_MAX)
			lacking[found - 1] = key;
	}
	for (size_t i = 0; room && i < t->num_services; i++) {
		if (is_v4(&t->services[i]) && !known[i])
			t->services[i].conf.af = 0;
	}
	free(known);
	free(sorted);
	return room ? (ssize_t)found : -ENOMEM;
}

/* Makes the IPv4 rows those that the entries name. -EAGAIN: too many lack. */
static int bring_in_line(struct ipvsf_session *s, struct ipvsf_table *t,
			 const struct ip_vs_service_entry *entries, size_t count)
{
	struct ipvsf_service_row lacking[FETCHED_MAX];
	ssize_t found;
	int r;

	if (ipvsf_services_agree(t, entries, count))
		return 0;
	r = drop_repeated(t);
	if (r)
		return r;
	found = mark_gone(t, entries, count, lacking);
	if (found < 0)
		return (int)found;
	ipvsf_drop_services(t);
	if (found > FETCHED_MAX)
		return -EAGAIN;
	for (ssize_t i = 0; i < found; i++) {
		r = ipvsf_request(s, IPVS_CMD_GET_SERVICE, NLM_F_ACK, &lacking[i].conf, ipvsf_add_service, t);
		if (r && r != -ESRCH) /* deleted since */
			return r;
	}
	return 0;
}

/* 0: what was dumped can stand; -EAGAIN: dump again. */
static int verify(struct ipvsf_session *s, struct ipvsf_table *t)
{
	const struct ip_vs_service_entry *entries = NULL;
	size_t num_v4 = 0;
	ssize_t count;
	bool others;
	int r = 0;

	for (size_t i = 0; i < t->num_services; i++)
		num_v4 += is_v4(&t->services[i]);
	others = num_v4 < t->num_services;
	count = ipvsf_services4(s, num_v4, &entries);
	if (count == -EAGAIN)
		return -EAGAIN;
	/* That no IPv6 service was seen in a table that changes does not say that there is none. */
	if (count < 0 || others || (t->complete && !ipvsf_services_agree(t, entries, (size_t)count)))
		r = compare_dumps(s, t, count < 0 ? NULL : is_v4);
	if (!r && count >= 0)
		r = bring_in_line(s, t, entries, (size_t)count);
	if (!r && (count < 0 || others))
		r = drop_repeated(t);
	if (!r && count >= 0)
		ipvsf_take_counts(t, entries, (size_t)count);
	return r;
}

/* A table may have held another reading before. */
static void begin(struct ipvsf_table *t, bool single)
{
	t->num_services = t->num_dests = t->next = 0;
	t->rereads = t->unstable = t->vanished = t->caught_up = t->by_option = t->doubted = 0;
	t->before_at = 0;
	t->single = single;
}

int ipvsf_services_dump(struct ipvsf_session *s, struct ipvsf_table *t)
{
	int r;

	begin(t, false);
	for (unsigned int attempt = 0;; attempt++) {
		r = dump_services(s, t);
		if (r || s->data_skbs <= 1) /* made under one lock */
			return r;
		r = verify(s, t);
		if (r != -EAGAIN)
			return r;
		if (attempt == ipvsf_rereads(t)) {
			t->unstable++;
			return drop_repeated(t);
		}
		t->rereads++;
	}
}

int ipvsf_service_get(struct ipvsf_session *s, const struct ipvsf_service *ident, struct ipvsf_table *t)
{
	int r;

	begin(t, true);
	r = ipvsf_request_again(s, IPVS_CMD_GET_SERVICE, NLM_F_ACK, ident, ipvsf_add_service, t);
	if (!r && !t->num_services)
		return -ESRCH;
	return r;
}
