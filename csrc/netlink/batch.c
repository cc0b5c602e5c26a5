/* SPDX-License-Identifier: MIT */
/*
 * Many changes per system call. The kernel works through the whole buffer inside send(), never stops
 * at a refusal, answers refusals always and successes only on request. So successes are not asked
 * for; as many messages are sent at once as refusals are sure to fit the receive buffer; and a
 * barrier at the end, answered by the netlink core, proves that the kernel came that far.
 */
#include "core/internal.h"

/* Encodes as many ops as fit, at most *count; gives the number and the length. */
static int fill(struct ipvsf_session *s, const struct ipvsf_op *ops, uint32_t first_seq, uint32_t *count,
		size_t *len)
{
	uint32_t i;

	*len = 0;
	for (i = 0; i < *count; i++) {
		size_t left = IPVSF_SEND_LEN - *len;
		int r;

		if (left < IPVSF_MESSAGE_MAX + NLMSG_HDRLEN)
			break;
		r = ipvsf_op_encode(&ops[i], s->family, first_seq + i, s->send_buf + *len, left);
		if (r < 0)
			return r;
		*len += (size_t)r;
	}
	*count = i;
	return 0;
}

/* Nothing was carried out on these; a smaller buffer may be granted. */
static bool may_shrink(int error)
{
	return error == -ENOBUFS || error == -ENOMEM || error == -EMSGSIZE;
}

static int send_window(struct ipvsf_session *s, const struct ipvsf_op *ops, size_t left, int32_t *results,
		       uint32_t *count)
{
	for (;;) {
		uint32_t first_seq;
		size_t len;
		int r;

		*count = (uint32_t)ipvsf_idle_limit(s, ops, left, s->window);
		first_seq = ipvsf_session_next_seq(s, *count + 1);
		r = fill(s, ops, first_seq, count, &len);
		if (!r)
			r = ipvsf_window_send(s, s->send_buf, len, first_seq, *count, results);
		if (!may_shrink(r) || *count <= 1)
			return r;
		s->window = *count / 2;
	}
}

/*
 * When the module is gone, or was loaded again, every further answer is ENOENT, and none of those ops
 * was carried out. Gives how many of the `count` results are valid; the others become IPVSF_NOT_SENT.
 */
static int recheck_family(struct ipvsf_session *s, int32_t *results, uint32_t count, uint32_t *stand)
{
	bool lost;
	int r;

	*stand = count;
	if (results[count - 1] != -ENOENT)
		return 0;
	r = ipvsf_session_look_again(s);
	if (!r)
		return 0;
	while (*stand > 0 && results[*stand - 1] == -ENOENT)
		results[--*stand] = IPVSF_NOT_SENT;
	lost = s->changed;
	s->changed = false;
	return r < 0 ? r : lost ? -ESTALE : 0;
}

static bool any_done(const int32_t *results, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!results[i])
			return true;
	}
	return false;
}

static int send_some(struct ipvsf_session *s, const struct ipvsf_op *ops, size_t count, int32_t *results,
		     size_t *stand)
{
	uint32_t sent = 0, standing = 0;
	size_t grouped;
	int r = ipvsf_idle_send(s, ops, count, results, &grouped);

	*stand = 0;
	sent = (uint32_t)grouped;
	if (!r && !sent)
		r = send_window(s, ops, count, results, &sent);
	if (!r && sent)
		r = recheck_family(s, results, sent, &standing);
	*stand = standing;
	return r;
}

int ipvsf_batch_send(struct ipvsf_session *s, const struct ipvsf_op *ops, size_t count, int32_t *results,
		     uint32_t budget_ms, size_t *done)
{
	int64_t end = budget_ms ? ipvsf_now_ms() + budget_ms : 0;
	int r = ipvsf_session_check(s);

	*done = 0;
	s->message[0] = 0;
	while (!r && *done < count) {
		size_t stand;

		r = send_some(s, ops + *done, count - *done, results + *done, &stand);
		s->changed = s->changed || any_done(results + *done, stand);
		*done += stand;
		if (end && ipvsf_now_ms() >= end)
			break;
	}
	return r;
}
