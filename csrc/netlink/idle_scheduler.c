/* SPDX-License-Identifier: MIT */
/*
 * Some schedulers rebuild a table at every new dest: mh for 0.1 ms and more. So the dests of a service
 * that this session has just created are added while its scheduler is `none`, and the real one is set
 * after the last. All of it goes into one send(), which the kernel carries out whole, whatever happens
 * to us: a service cannot be left on `none`. Where the real scheduler is refused (mh with more dests
 * than its table holds), the dests are taken back and added one by one.
 */
#include "core/internal.h"

#define IDLE_LEN (384 * 1024) /* below the send buffer that a session asks for */
#define IDLE_MAX 2000
#define AROUND 3 /* messages beside the dests: delete, new or set before, set after */

/* The least number of dests for which this is faster. */
static size_t worth(const char *sched)
{
	if (!strcmp(sched, "mh"))
		return 8;
	if (!strcmp(sched, "sh") || !strcmp(sched, "dh"))
		return 128;
	if (!strcmp(sched, "wrr"))
		return 256;
	return 0;
}

static bool same_key(const struct ipvsf_service *a, const struct ipvsf_service *b)
{
	return a->af == b->af && a->fwmark == b->fwmark && a->protocol == b->protocol && a->port == b->port &&
	       !memcmp(a->addr, b->addr, sizeof(a->addr));
}

/* How many of ops[0..count) add dests to this service, in a row. */
static size_t run_length(const struct ipvsf_op *ops, size_t count, const struct ipvsf_service *svc)
{
	size_t n = 0;

	while (n < count && ops[n].cmd == IPVSF_NEW_DEST && same_key(&ops[n].u.service, svc))
		n++;
	return n;
}

/*
 * How many ops may go into the next window: a service whose dests will go as a run while its scheduler is idle ends it, since
 * only a service that is known to be new may be changed in this way.
 */
size_t ipvsf_idle_limit(const struct ipvsf_session *s, const struct ipvsf_op *ops, size_t count,
			size_t window)
{
	for (size_t i = 0; i < count && i < window; i++) {
		size_t least;

		if (ops[i].cmd != IPVSF_NEW_SERVICE)
			continue;
		least = s->idle_refused ? 0 : worth(ops[i].u.service.sched);
		if (least && run_length(ops + i + 1, count - i - 1 < least ? count - i - 1 : least,
					&ops[i].u.service) == least)
			return i + 1;
	}
	return count < window ? count : window;
}

/* Remembers a service that was created last, or forgets it. */
void ipvsf_idle_note(struct ipvsf_session *s, const struct ipvsf_op *last, int32_t result)
{
	bool fresh = last->cmd == IPVSF_NEW_SERVICE && result == 0 && !s->idle_refused &&
		     worth(last->u.service.sched);

	s->fresh = fresh ? IPVSF_FRESH_EMPTY : IPVSF_FRESH_NOT;
	if (fresh)
		s->fresh_service = last->u.service;
}

/* How many of ops[0..count) go out while the scheduler is idle now; 0: none. */
size_t ipvsf_idle_size(const struct ipvsf_session *s, const struct ipvsf_op *ops, size_t count)
{
	size_t most = s->rcvbuf / 1024, n, least;

	if (s->fresh == IPVSF_FRESH_NOT || most <= AROUND + 1)
		return 0;
	most -= AROUND + 1;
	if (most > IDLE_MAX)
		most = IDLE_MAX;
	least = worth(s->fresh_service.sched);
	n = run_length(ops, count < most ? count : most, &s->fresh_service);
	return n >= least ? n : 0;
}

static int append(struct ipvsf_session *s, uint8_t *buf, size_t *len, const struct ipvsf_op *op, uint32_t seq)
{
	int r = ipvsf_op_encode(op, s->family, seq, buf + *len, IDLE_LEN - *len);

	if (r > 0)
		*len += (size_t)r;
	return r < 0 ? r : 0;
}

/* results: of `delete` and `new` or `set none`, of the n dests, of the real scheduler. */
static int send_idle(struct ipvsf_session *s, const struct ipvsf_op *ops, size_t n, uint8_t *buf,
		     int32_t *results)
{
	struct ipvsf_op service = { .cmd = IPVSF_DEL_SERVICE, .u.service = s->fresh_service };
	uint32_t seq = ipvsf_session_next_seq(s, (uint32_t)n + AROUND + 1);
	size_t len = 0;
	int r = 0;

	if (s->fresh == IPVSF_FRESH_EMPTY)
		r = append(s, buf, &len, &service, seq);
	/* Deleting and creating costs less than a change of scheduler, which waits for readers. */
	service.cmd = s->fresh == IPVSF_FRESH_EMPTY ? IPVSF_NEW_SERVICE : IPVSF_SET_SERVICE;
	strcpy(service.u.service.sched, "none");
	if (!r)
		r = append(s, buf, &len, &service, seq + 1);
	for (size_t i = 0; !r && i < n; i++)
		r = append(s, buf, &len, &ops[i], seq + 2 + (uint32_t)i);
	service.cmd = IPVSF_SET_SERVICE;
	service.u.service = s->fresh_service;
	if (!r)
		r = append(s, buf, &len, &service, seq + 2 + (uint32_t)n);
	if (!r)
		r = ipvsf_window_send(s, buf, len, seq, (uint32_t)n + AROUND, results);
	return r;
}

/* The module was removed: netlink answered everything, and nothing was carried out. */
static bool nobody_answered(const struct ipvsf_session *s, size_t n, const int32_t *results)
{
	for (size_t i = s->fresh == IPVSF_FRESH_EMPTY ? 0 : 1; i < n + AROUND; i++) {
		if (results[i] != -ENOENT)
			return false;
	}
	return true;
}

/*
 * Takes back what was added and gives the service its scheduler, so that the plain way can be taken. If
 * another program had deleted the service, it is not created again.
 */
static int undo_idle(struct ipvsf_session *s, const struct ipvsf_op *ops, size_t n, uint8_t *buf,
		     int32_t *results)
{
	struct ipvsf_op op = { .cmd = IPVSF_SET_SERVICE, .u.service = s->fresh_service };
	bool empty = s->fresh == IPVSF_FRESH_EMPTY;
	bool deleted = results[empty ? 0 : 1] == -ESRCH;
	bool gone = empty && results[1];
	uint32_t count = 0, seq = ipvsf_session_next_seq(s, (uint32_t)n + 2);
	size_t len = 0;
	int r = 0;

	for (size_t i = n; !r && !gone && i-- > 0;) {
		struct ipvsf_op del = ops[i];

		if (results[2 + i])
			continue;
		del.cmd = IPVSF_DEL_DEST;
		r = append(s, buf, &len, &del, seq + count++);
	}
	if (deleted)
		op.cmd = IPVSF_DEL_SERVICE;
	else if (gone)
		op.cmd = IPVSF_NEW_SERVICE;
	/* The service of that name is now another program's, unless this call has just made it. */
	if (!r && (!deleted || (empty && !gone)))
		r = append(s, buf, &len, &op, seq + count++);
	if (!r && count)
		r = ipvsf_window_send(s, buf, len, seq, count, results);
	return r || deleted ? r : results[count - 1];
}

/*
 * Adds the n dests while the scheduler is idle. *sent becomes n with results[0..n) filled, or 0 where the plain way
 * has to be taken after all.
 */
int ipvsf_idle_send(struct ipvsf_session *s, const struct ipvsf_op *ops, size_t n, int32_t *results,
		    size_t *sent)
{
	int32_t *all = calloc(n + AROUND + 1, sizeof(*all));
	uint8_t *buf = malloc(IDLE_LEN + NLMSG_HDRLEN); /* and the barrier */
	int r = all && buf ? 0 : -ENOMEM;
	bool refused;

	*sent = 0;
	if (!r)
		r = send_idle(s, ops, n, buf, all);
	if (r == -EMSGSIZE || r == -ENOBUFS || r == -ENOMEM) {
		/* Nothing was carried out: less memory, or less buffer, than this way needs. */
		s->fresh = IPVSF_FRESH_NOT;
		s->idle_refused = true;
		r = 0;
	} else if (!r) {
		refused = (s->fresh == IPVSF_FRESH_EMPTY && all[0]) || all[1] || all[2 + n];
		if (nobody_answered(s, n, all)) {
			s->fresh = IPVSF_FRESH_NOT;
		} else if (!refused) {
			memcpy(results, all + 2, n * sizeof(*results));
			*sent = n;
			s->fresh = IPVSF_FRESH_FILLED;
		} else {
			r = undo_idle(s, ops, n, buf, all);
			s->fresh = IPVSF_FRESH_NOT;
		}
	}
	free(all);
	free(buf);
	return r;
}

int ipvsf_session_set_idle_scheduler(struct ipvsf_session *s, uint32_t on)
{
	s->idle_refused = !on;
	s->fresh = IPVSF_FRESH_NOT;
	return 0;
}
