/* SPDX-License-Identifier: MIT */
/* One send() of many messages, and the answers to each of them. */
#include "core/internal.h"

struct window {
	uint32_t first_seq;
	uint32_t count;
	uint32_t last_seen; /* answers come in order: what lies before the last one is certain */
	bool reached;	    /* the barrier was answered */
	int32_t *results;
};

static int window_message(struct ipvsf_session *s, const struct nlmsghdr *nlh, void *ctx)
{
	struct window *w = ctx;
	uint32_t at = nlh->nlmsg_seq - w->first_seq;

	if (nlh->nlmsg_type != NLMSG_ERROR || at > w->count)
		return 0;
	if (at == w->count) {
		w->reached = true;
		return 1;
	}
	w->results[at] = ipvsf_error_of(s, nlh);
	w->last_seen = at + 1;
	return 0;
}

/*
 * Reads the answers of one window. Afterwards every result is 0, an errno, or -ENOBUFS: unknown. That
 * is no failure of the exchange: the caller must not send it again as if it had not been sent.
 */
static void collect(struct ipvsf_session *s, struct window *w)
{
	/* The kernel has answered everything before send() returned; another end may take its time. */
	int64_t deadline = s->attached ? -IPVSF_PATIENCE_MS : -IPVSF_SETTLE_MS;
	bool lost = false;
	int r;

	do {
		r = ipvsf_receive(s, &deadline, window_message, w);
		if (r == -ENOBUFS) {
			lost = true;
			deadline = IPVSF_NOW;
		}
	} while (r == -EINTR || r == -ENOBUFS);
	if (w->reached && !lost)
		return;
	for (uint32_t i = w->last_seen; i < w->count; i++)
		w->results[i] = -ENOBUFS;
	if (lost)
		s->window = s->window > 1 ? s->window / 2 : 1;
}

/*
 * Sends `count` encoded messages and a barrier, for which buf must have room, and reads the answers.
 * Nothing was carried out where this fails before `results` are touched.
 */
int ipvsf_window_send(struct ipvsf_session *s, uint8_t *buf, size_t len, uint32_t first_seq, uint32_t count,
		      int32_t *results)
{
	struct window w = { .first_seq = first_seq, .count = count, .results = results };
	struct nlmsghdr *barrier = (struct nlmsghdr *)(buf + len);
	int r;

	*barrier = (struct nlmsghdr){
		.nlmsg_len = NLMSG_HDRLEN,
		.nlmsg_type = NLMSG_NOOP,
		.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
		.nlmsg_seq = first_seq + count,
	};
	r = ipvsf_send_all(s, buf, len + NLMSG_HDRLEN);
	if (r && r != -EIO)
		return r;
	memset(results, 0, count * sizeof(*results));
	/* After a short send the kernel's answers still tell how far it came. */
	collect(s, &w);
	return 0;
}
