/* SPDX-License-Identifier: MIT */
/*
 * Requests to the kernel, and what it says of itself. Of the table it gives the services, and the dests of one
 * service, in dumps (services.c, dests.c). A dump that fits one skb is consistent; a longer one may repeat or
 * miss entries when the table changes meanwhile, without a flag, so it is checked and read again.
 */
#include "core/internal.h"

#include <sys/mman.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

#define POPULATE_FROM (64 * 1024)
#define POPULATE_UNTIL (4 * 1024 * 1024)
#define REREADS 5
#define REREADS_COMPLETE 20 /* where whoever asks can do nothing with less than all */

unsigned int ipvsf_rereads(const struct ipvsf_table *t)
{
	return t->complete ? REREADS_COMPLETE : REREADS;
}

void ipvsf_populate(void *memory, size_t len)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), from, end;

	from = ((uintptr_t)memory + page - 1) & ~(page - 1);
	end = ((uintptr_t)memory + len) & ~(page - 1);
	if (end > from && end - from >= POPULATE_FROM) /* an older kernel refuses, and nothing is lost */
		madvise((void *)from, end - from, MADV_POPULATE_WRITE);
}

int ipvsf_reserve(void **rows, size_t *size, size_t count, size_t row)
{
	void *bigger;

	if (count <= *size)
		return 0;
	bigger = reallocarray(*rows, count, row);
	if (!bigger)
		return -ENOMEM;
	*rows = bigger;
	*size = count;
	return 0;
}

int ipvsf_reserve_all(void **rows, size_t *size, size_t count, size_t row)
{
	size_t before = *size;
	int r = ipvsf_reserve(rows, size, count, row);

	if (!r && *size > before)
		ipvsf_populate((uint8_t *)*rows + before * row, (*size - before) * row);
	return r;
}

int ipvsf_grow(void **rows, size_t *size, size_t count, size_t row)
{
	size_t wanted = *size ? *size : 256;

	while (wanted < count)
		wanted *= 2;
	/* Half of it may never be used. */
	return (wanted - *size) * row <= POPULATE_UNTIL ? ipvsf_reserve_all(rows, size, wanted, row)
							: ipvsf_reserve(rows, size, wanted, row);
}

int ipvsf_add_service(struct ipvsf_session *s, const struct nlmsghdr *nlh, void *table)
{
	struct ipvsf_table *t = table;
	int r = ipvsf_grow((void **)&t->services, &t->services_size, t->num_services + 1,
			   sizeof(*t->services));

	(void)s;
	if (!r)
		r = ipvsf_service_decode(nlh, nlh->nlmsg_len, &t->services[t->num_services]);
	if (!r)
		t->num_services++;
	return r;
}

int ipvsf_request(struct ipvsf_session *s, uint8_t cmd, uint16_t flags, const struct ipvsf_service *ident,
		  ipvsf_message_fn fn, void *ctx)
{
	_Alignas(8) uint8_t buf[IPVSF_MESSAGE_MAX];
	struct ipvsf_writer w = { .buf = buf, .size = sizeof(buf) };
	int r;

	ipvsf_write_header(&w, s->family, cmd, flags, ipvsf_session_next_seq(s, 1));
	if (ident)
		ipvsf_write_ident(&w, ident);
	r = ipvsf_write_end(&w);
	if (r >= 0)
		r = ipvsf_exchange(s, buf, fn, ctx);
	/* netlink says so of a dump whose module is being removed: __netlink_dump_start() cannot hold it. */
	return r == -EPROTONOSUPPORT && flags & NLM_F_DUMP ? -ENOPROTOOPT : r;
}

/*
 * A session outlives a reload of the module, with another family number: look once more. What was forked is refused
 * here, where a reading begins, as getpid() is a system call, and there may be a request for each service.
 */
int ipvsf_request_again(struct ipvsf_session *s, uint8_t cmd, uint16_t flags,
			const struct ipvsf_service *ident, ipvsf_message_fn fn, void *ctx)
{
	int r = ipvsf_session_check(s);

	if (!r)
		r = ipvsf_request(s, cmd, flags, ident, fn, ctx);
	if (r != -ENOENT)
		return r;
	r = ipvsf_session_look_again(s);
	if (!r)
		return -ENOENT;
	s->changed = false; /* whoever reads the new table knows */
	return r < 0 ? r : ipvsf_request(s, cmd, flags, ident, fn, ctx);
}

static int take_info(struct ipvsf_session *s, const struct nlmsghdr *nlh, void *ctx)
{
	(void)s;
	return ipvsf_info_decode(nlh, nlh->nlmsg_len, ctx);
}

int ipvsf_info_get(struct ipvsf_session *s, struct ipvsf_info *ret)
{
	memset(ret, 0, sizeof(*ret));
	return ipvsf_request_again(s, IPVS_CMD_GET_INFO, NLM_F_ACK, NULL, take_info, ret);
}

static int take_timeouts(struct ipvsf_session *s, const struct nlmsghdr *nlh, void *ctx)
{
	(void)s;
	return ipvsf_timeouts_decode(nlh, nlh->nlmsg_len, ctx);
}

int ipvsf_timeouts_get(struct ipvsf_session *s, struct ipvsf_timeouts *ret)
{
	memset(ret, 0, sizeof(*ret));
	return ipvsf_request_again(s, IPVS_CMD_GET_CONFIG, NLM_F_ACK, NULL, take_timeouts, ret);
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
	int r = ipvsf_request_again(s, IPVS_CMD_GET_DAEMON, NLM_F_DUMP, NULL, add_daemon, &d);

	*count = d.count;
	return r;
}
