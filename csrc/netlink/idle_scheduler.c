/* SPDX-License-Identifier: MIT */
/*
 * Some schedulers rebuild a table at every new dest: mh for 0.1 ms and more. So a new service and its dests
 * go as a group: one send() of
 *
 *	NEW_SERVICE with the scheduler `none`, NEW_DEST n times, SET_SERVICE with the real scheduler
 *
 * which the kernel carries out whole, whatever happens to us. That a service is never left on `none`, and
 * that nothing of another program is changed, rests on this:
 *
 * - Only what this very send creates is ever on `none`. Dests that come later are added to the service as it
 *   serves, one rebuild each. Nothing is deleted and made again.
 * - The kernel does not stop at a refusal: were NEW_SERVICE refused since the service is there, the rest of
 *   the group would still come to it. So the kernel is asked right before whether it is there. What remains
 *   are the microseconds between this answer and the send. A service that another program creates in them
 *   gets our dests, as it would without groups, and our scheduler, flags and timeout; NEW_SERVICE is told
 *   as refused. Two programs that create one service at the same instant have no order: ours came last.
 *   The other ways are worse. To see the result of NEW_SERVICE before the rest is sent leaves the service on
 *   `none` for whoever dies between the two. To create it with its scheduler and to make it anew for the
 *   dests destroys what others did to it meanwhile.
 * - The real scheduler is refused at the end only where it was bound to be taken: with the same question
 *   the kernel is asked whether it has that scheduler, and mh is not given more dests than its table holds.
 *   What can still fail is memory for the table, or the table of a kernel built with a smaller one than the
 *   default (CONFIG_IP_VS_MH_TAB_INDEX). Then the dests are taken back and the scheduler is set by
 *   the next send, and the dests are added one by one.
 * - Where replies were lost, the results are told as unknown, and nothing is sent a second time; but the
 *   service is looked at, and gets its scheduler if it has none.
 */
#include "core/internal.h"

#include <sys/socket.h>

#define AROUND 2	      /* messages beside the dests: new before, set after */
#define MESSAGE_LEN 192	      /* more than a dest with all that there is takes */
#define PROBE_MARK 0x7ffffffe /* whatever: the kernel looks at the netmask before it creates anything */

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

/*
 * How many of ops[0..count) are a group: a new service and dests of it, as many as one send may have.
 * 0: none begins here.
 */
static size_t group_size(const struct ipvsf_session *s, const struct ipvsf_op *ops, size_t count)
{
	size_t most = s->rcvbuf / 1024, n = 1,
	       least; /* each of them may be refused, and the barrier is answered */

	if (ops[0].cmd != IPVSF_NEW_SERVICE || most <= AROUND + 1)
		return 0;
	most -= AROUND + 1;
	if (most > s->idle_most)
		most = s->idle_most;
	least = worth(ops[0].u.service.sched);
	if (!least || least > most)
		return 0;
	while (n < count && n <= most && ops[n].cmd == IPVSF_NEW_DEST &&
	       same_key(&ops[n].u.service, &ops[0].u.service))
		n++;
	return n > least ? n : 0;
}

size_t ipvsf_batch_portion(const struct ipvsf_op *ops, size_t count)
{
	size_t at = count;

	while (at > 0 && count - at < IPVSF_IDLE_MAX && ops[at - 1].cmd == IPVSF_NEW_DEST)
		at--;
	if (!at || ops[at - 1].cmd != IPVSF_NEW_SERVICE || !worth(ops[at - 1].u.service.sched))
		return count;
	return at - 1;
}

/* How many of ops[0..count), at most `window`, go in the plain way: all before the next group, but at least one. */
size_t ipvsf_idle_limit(const struct ipvsf_session *s, const struct ipvsf_op *ops, size_t count,
			size_t window)
{
	for (size_t i = 1; i < count && i < window; i++) {
		if (ops[i].cmd == IPVSF_NEW_SERVICE && group_size(s, ops + i, count - i))
			return i;
	}
	return count < window ? count : window;
}

static int append(struct ipvsf_session *s, uint8_t *buf, size_t size, size_t *len, const struct ipvsf_op *op,
		  uint32_t seq)
{
	int r = ipvsf_op_encode(op, s->family, seq, buf + *len, size - *len);

	if (r > 0)
		*len += (size_t)r;
	return r < 0 ? r : 0;
}

/*
 * Whether the service is absent and its scheduler there, or can be loaded. For the latter the kernel is asked to
 * create what it never does: it looks up the scheduler (ENOENT: unknown), then the netmask, which IPv6 must have
 * (EINVAL). A kernel without IPv6 gives another answer, and the plain way is taken there.
 */
static bool may_group(struct ipvsf_session *s, const struct ipvsf_service *svc)
{
	struct ipvsf_op probe = { .cmd = IPVSF_NEW_SERVICE,
				  .u.service = { .af = AF_INET6, .fwmark = PROBE_MARK } };
	struct ipvsf_writer w = { .buf = s->send_buf, .size = IPVSF_SEND_LEN };
	uint32_t seq = ipvsf_session_next_seq(s, 3);
	int32_t results[2];
	size_t len;
	int r;

	if (!ipvsf_write_header(&w, s->family, IPVS_CMD_GET_SERVICE, 0, seq))
		return false;
	ipvsf_write_ident(&w, svc);
	r = ipvsf_write_end(&w);
	if (r < 0)
		return false;
	len = (size_t)r;
	memcpy(probe.u.service.sched, svc->sched, sizeof(probe.u.service.sched));
	return !append(s, s->send_buf, IPVSF_SEND_LEN - NLMSG_HDRLEN, &len, &probe, seq + 1) &&
	       !ipvsf_window_send(s, s->send_buf, len, seq, 2, results) && results[0] == -ESRCH &&
	       results[1] == -EINVAL;
}

/* ops[0] creates the service, the others are its dests. results: of each, and of the real scheduler at the end. */
static int send_group(struct ipvsf_session *s, const struct ipvsf_op *ops, size_t count, int32_t *results)
{
	struct ipvsf_op service = ops[0];
	uint32_t seq = ipvsf_session_next_seq(s, (uint32_t)count + AROUND);
	size_t size = (count + AROUND) * MESSAGE_LEN, len = 0;
	uint8_t *buf = malloc(size + NLMSG_HDRLEN); /* and the barrier */
	int r = buf ? 0 : -ENOMEM;

	strcpy(service.u.service.sched, "none");
	if (!r)
		r = append(s, buf, size, &len, &service, seq);
	for (size_t i = 1; !r && i < count; i++)
		r = append(s, buf, size, &len, &ops[i], seq + (uint32_t)i);
	service = ops[0];
	service.cmd = IPVSF_SET_SERVICE;
	if (!r)
		r = append(s, buf, size, &len, &service, seq + (uint32_t)count);
	if (!r)
		r = ipvsf_window_send(s, buf, len, seq, (uint32_t)count + 1, results);
	free(buf);
	return r;
}

/* One operation and its result, or why it could not be sent. */
static int32_t send_one(struct ipvsf_session *s, struct ipvsf_op op, uint16_t cmd)
{
	int32_t result = 0;
	size_t len = 0;
	uint32_t seq = ipvsf_session_next_seq(s, 2);
	int r;

	op.cmd = cmd;
	r = append(s, s->send_buf, IPVSF_SEND_LEN - NLMSG_HDRLEN, &len, &op, seq);
	if (!r)
		r = ipvsf_window_send(s, s->send_buf, len, seq, 1, &result);
	return r ? r : result;
}

/* The service was left without its scheduler. Where it cannot be had at all, the service was as good as refused. */
static int32_t give_scheduler(struct ipvsf_session *s, const struct ipvsf_op *service)
{
	int32_t result = send_one(s, *service, IPVSF_SET_SERVICE);

	if (result && result != -ESRCH)
		send_one(s, *service, IPVSF_DEL_SERVICE);
	return result;
}

/* Nobody knows what became of the last messages of the group: the table tells. */
static void settle_unknown(struct ipvsf_session *s, const struct ipvsf_op *ops, int32_t *results)
{
	struct ipvsf_table t = { 0 };
	int32_t result;

	if (!ipvsf_service_get(s, &ops[0].u.service, &t) && t.num_services == 1 &&
	    !strcmp(t.services[0].conf.sched, "none")) {
		result = give_scheduler(s, &ops[0]);
		if (result && result != -ESRCH)
			results[0] = result;
	}
	ipvsf_table_deinit(&t);
}

/* Takes back the dests that were added, newest first, and sets the scheduler, so that the plain way can be taken. */
static int32_t take_back(struct ipvsf_session *s, const struct ipvsf_op *ops, size_t count, int32_t *results)
{
	size_t size = (count + AROUND) * MESSAGE_LEN, len = 0;
	uint32_t sent = 0, seq = ipvsf_session_next_seq(s, (uint32_t)count + AROUND);
	uint8_t *buf = malloc(size + NLMSG_HDRLEN);
	struct ipvsf_op op;
	int r = buf ? 0 : -ENOMEM;

	for (size_t i = count; !r && --i > 0;) {
		if (results[i])
			continue;
		op = ops[i];
		op.cmd = IPVSF_DEL_DEST;
		r = append(s, buf, size, &len, &op, seq + sent++);
	}
	op = ops[0];
	op.cmd = IPVSF_SET_SERVICE;
	if (!r)
		r = append(s, buf, size, &len, &op, seq + sent++);
	if (!r)
		r = ipvsf_window_send(s, buf, len, seq, sent, results);
	free(buf);
	return r ? r : results[sent - 1];
}

/* The service was created, and the scheduler is refused. How many results stand. */
static size_t undo(struct ipvsf_session *s, const struct ipvsf_op *ops, size_t count, int32_t *results)
{
	int32_t refused = results[count], result;

	if (refused == -ESRCH) /* another program has deleted the service meanwhile */
		return count;
	result = take_back(s, ops, count, results);
	if (result == -ENOBUFS) {
		results[0] = 0;
		for (size_t i = 1; i < count; i++)
			results[i] = -ENOBUFS;
		settle_unknown(s, ops, results);
		return count;
	}
	if (result && result != -ESRCH)
		result = give_scheduler(s, &ops[0]);
	results[0] = result == -ESRCH ? 0 : result;
	return 1;
}

/* Nothing was carried out: less memory, or less buffer, than so many need. */
static bool too_many(int error)
{
	return error == -EMSGSIZE || error == -ENOBUFS || error == -ENOMEM;
}

/*
 * Sends the group that ops[0..count) begin with, if that may be. *sent becomes the number of results that
 * stand; 0: the plain way is to be taken.
 */
int ipvsf_idle_send(struct ipvsf_session *s, const struct ipvsf_op *ops, size_t count, int32_t *results,
		    size_t *sent)
{
	size_t n;
	int r;

	*sent = 0;
	do {
		int32_t *all;

		n = group_size(s, ops, count);
		if (!n || !may_group(s, &ops[0].u.service))
			return 0;
		all = calloc(n + AROUND, sizeof(*all));
		r = all ? send_group(s, ops, n, all) : -ENOMEM;
		if (!r) {
			*sent = n;
			if (all[n] == -ENOBUFS)
				settle_unknown(s, ops, all);
			else if (!all[0] && all[n])
				*sent = undo(s, ops, n, all);
			memcpy(results, all, *sent * sizeof(*results));
		}
		free(all);
		s->idle_most = too_many(r) ? (uint32_t)n / 2 : s->idle_most;
	} while (too_many(r));
	return r;
}

int ipvsf_session_set_idle_scheduler(struct ipvsf_session *s, uint32_t on)
{
	s->idle_most = on == 1 ? IPVSF_IDLE_MAX : on;
	return 0;
}
