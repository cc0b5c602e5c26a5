/* SPDX-License-Identifier: MIT */
/*
 * Everything is deleted: one request, as it has to be, since whoever ends us must find the table whole or empty.
 * But after it each add looks through the deleted dests, newest first. So the deletions that leave these in the
 * order in which -R brings them back stand in front of the request, in the same send(), which the kernel carries
 * out whole, whatever happens to us.
 */
#include "core/internal.h"

#include <sys/socket.h>

#define MANY 1000 /* below so many dests a search through all deleted ones costs nothing to speak of */
#define LONGEST (16 * 1024 * 1024)
#define BEHIND 2 /* messages behind the deletions: the request itself, and the barrier */

struct message {
	uint8_t *at;
	size_t len;
	size_t size;
};

static int append(struct ipvsf_session *s, struct message *m, const struct ipvsf_op *op, uint32_t seq)
{
	int r;

	if (m->size - m->len < IPVSF_MESSAGE_MAX + NLMSG_HDRLEN) { /* the barrier, too */
		size_t size = m->size ? m->size * 2 : 256 * 1024;
		uint8_t *bigger = size > LONGEST ? NULL : realloc(m->at, size);

		if (!bigger)
			return -EMSGSIZE;
		m->at = bigger;
		m->size = size;
	}
	r = ipvsf_op_encode(op, s->family, seq, m->at + m->len, m->size - m->len);
	if (r > 0)
		m->len += (size_t)r;
	return r < 0 ? r : 0;
}

/* The dests of one service, the last one first; deleted with it the kernel takes the newest first. */
static int delete_service(struct ipvsf_session *s, struct message *m, const struct ipvsf_service_row *row,
			  const struct ipvsf_dest_row *dests, bool reversed, uint32_t *seq)
{
	struct ipvsf_op op = { .cmd = reversed ? IPVSF_DEL_SERVICE : IPVSF_DEL_DEST, .u.service = row->conf };
	int r = 0;

	if (reversed)
		return append(s, m, &op, (*seq)++);
	for (uint32_t i = row->num_dests; !r && i-- > 0;) {
		op.dest = dests[row->first_dest + i].conf;
		r = append(s, m, &op, (*seq)++);
	}
	return r;
}

/* Whether the kernel has the dests in the order opposite to the one in which they are listed. */
static bool is_reversed(const struct ipvsf_table *t, const struct ipvsf_service_row *row)
{
	for (uint32_t i = 1; i < row->num_dests; i++) {
		if (ipvsf_dest_order(&t->dests[row->first_dest + i - 1], &t->dests[row->first_dest + i]) <= 0)
			return false;
	}
	return true;
}

/* Sorts the table; the mark of a reversed service is kept in its counters, which nobody needs any more. */
static int sort(struct ipvsf_table *t)
{
	for (size_t i = 0; i < t->num_services; i++)
		t->services[i].stats.conns = is_reversed(t, &t->services[i]);
	return ipvsf_table_sort(t, IPVSF_ORDER_LISTED);
}

struct outcome {
	uint32_t flush_seq;
	int flushed; /* its errno */
	bool reached;
};

/* Of the deletions no result counts: what is not there need not be deleted. */
static int clear_message(struct ipvsf_session *s, const struct nlmsghdr *nlh, void *ctx)
{
	struct outcome *o = ctx;

	if (nlh->nlmsg_type != NLMSG_ERROR)
		return 0;
	if (nlh->nlmsg_seq == o->flush_seq)
		o->flushed = ipvsf_error_of(s, nlh);
	o->reached |= nlh->nlmsg_seq == o->flush_seq + 1;
	return o->reached;
}

/* Whether the kernel said that everything is deleted. Where answers were lost that is not known. */
static bool is_confirmed(struct ipvsf_session *s, uint32_t flush_seq)
{
	struct outcome o = { .flush_seq = flush_seq };
	int64_t deadline = -IPVSF_SETTLE_MS;
	bool lost = false;
	int r;

	do {
		r = ipvsf_receive(s, &deadline, clear_message, &o);
		if (r == -ENOBUFS) {
			lost = true;
			deadline = IPVSF_NOW;
		}
	} while (r == -EINTR || r == -ENOBUFS);
	return o.reached && !o.flushed && !lost;
}

static int send_long(struct ipvsf_session *s, const struct message *m)
{
	int want = (int)m->len, before = 0, r;
	socklen_t size = sizeof(before);

	/* The kernel doubles what is asked for, and tells the double. */
	if (getsockopt(s->fd, SOL_SOCKET, SO_SNDBUF, &before, &size))
		return -errno;
	if (before / 2 < want && setsockopt(s->fd, SOL_SOCKET, SO_SNDBUFFORCE, &want, sizeof(want)))
		return -errno;
	r = ipvsf_send_all(s, m->at, m->len);
	before /= 2;
	if (before < want)
		setsockopt(s->fd, SOL_SOCKET, SO_SNDBUFFORCE, &before, sizeof(before));
	return r;
}

/* False: not, or perhaps not. */
static bool clear_in_order(struct ipvsf_session *s, struct ipvsf_table *t)
{
	struct ipvsf_op flush = { .cmd = IPVSF_FLUSH };
	struct message m = { 0 };
	uint32_t seq = ipvsf_session_next_seq(s, (uint32_t)(t->num_dests + t->num_services + BEHIND));
	int r = sort(t);
	bool done = false;

	for (size_t i = t->num_services; !r && i-- > 0;)
		r = delete_service(s, &m, &t->services[i], t->dests, t->services[i].stats.conns, &seq);
	if (!r)
		r = append(s, &m, &flush, seq);
	if (!r) {
		*(struct nlmsghdr *)(m.at + m.len) = (struct nlmsghdr){
			.nlmsg_len = NLMSG_HDRLEN,
			.nlmsg_type = NLMSG_NOOP,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
			.nlmsg_seq = seq + 1,
		};
		m.len += NLMSG_HDRLEN;
		done = !send_long(s, &m) && is_confirmed(s, seq);
	}
	free(m.at);
	return done;
}

int ipvsf_table_clear(struct ipvsf_session *s, struct ipvsf_table *t, int32_t *result)
{
	struct ipvsf_op flush = { .cmd = IPVSF_FLUSH };
	size_t done;
	int r = ipvsf_session_check(s);

	*result = IPVSF_NOT_SENT;
	if (r)
		return r;
	if (t && t->num_dests >= MANY && clear_in_order(s, t)) {
		s->changed = true;
		*result = 0;
		return 0;
	}
	/* Once more if need be: an empty table stays empty. */
	return ipvsf_batch_send(s, &flush, 1, result, 0, &done);
}
