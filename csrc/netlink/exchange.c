/* SPDX-License-Identifier: MIT */
/* Sending a request and reading what the kernel queued for it, one netlink message at a time. */
#include "core/internal.h"

#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#define SLICE_MS 50

int ipvsf_send_all(struct ipvsf_session *s, const void *buf, size_t len)
{
	ssize_t sent;

	do
		sent = send(s->fd, buf, len, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return -errno;
	return (size_t)sent == len ? 0 : -EIO;
}

/* The kernel's words, if the request had NETLINK_EXT_ACK and they came. */
static void keep_message(struct ipvsf_session *s, const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *err = (const void *)((const uint8_t *)nlh + NLMSG_HDRLEN);
	size_t skip = NLMSG_HDRLEN + sizeof(*err);
	const uint8_t *at = (const uint8_t *)nlh;

	s->message[0] = 0;
	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED) && err->msg.nlmsg_len > NLMSG_HDRLEN)
		skip += err->msg.nlmsg_len - NLMSG_HDRLEN;
	while (skip + NLA_HDRLEN <= nlh->nlmsg_len) {
		const struct nlattr *nla = (const void *)(at + skip);
		size_t len = nla->nla_len;

		if (len < NLA_HDRLEN || len > nlh->nlmsg_len - skip)
			return;
		if ((nla->nla_type & NLA_TYPE_MASK) == NLMSGERR_ATTR_MSG) {
			len -= NLA_HDRLEN;
			if (len >= sizeof(s->message))
				len = sizeof(s->message) - 1;
			memcpy(s->message, (const uint8_t *)nla + NLA_HDRLEN, len);
			s->message[len] = 0;
			return;
		}
		skip += NLA_ALIGN(len);
	}
}

int ipvsf_error_of(struct ipvsf_session *s, const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *err = (const void *)((const uint8_t *)nlh + NLMSG_HDRLEN);

	if (nlh->nlmsg_len < NLMSG_HDRLEN + sizeof(*err))
		return -EBADMSG;
	if (err->error)
		keep_message(s, nlh);
	return err->error > 0 ? -EBADMSG : err->error;
}

static bool is_end(const struct nlmsghdr *nlh)
{
	return nlh->nlmsg_type == NLMSG_DONE || nlh->nlmsg_type == NLMSG_ERROR;
}

static int walk(struct ipvsf_session *s, const struct mmsghdr *m, ipvsf_message_fn fn, void *ctx)
{
	const struct sockaddr_nl *from = m->msg_hdr.msg_name;
	const uint8_t *at = m->msg_hdr.msg_iov->iov_base;
	size_t left = m->msg_len;
	int r, stop = 0;

	if (m->msg_hdr.msg_flags & MSG_TRUNC)
		return -EBADMSG;
	/* Anybody on this machine may send to our port; only the kernel has port id 0. */
	if (m->msg_hdr.msg_namelen == sizeof(*from) && from->nl_family == AF_NETLINK && from->nl_pid)
		return 0;
	if (left >= NLMSG_HDRLEN && ((const struct nlmsghdr *)at)->nlmsg_type == s->family)
		s->data_skbs++;
	while (left >= NLMSG_HDRLEN) {
		const struct nlmsghdr *nlh = (const void *)at;
		size_t step;

		if (nlh->nlmsg_len < NLMSG_HDRLEN || nlh->nlmsg_len > left)
			return -EBADMSG;
		r = fn(s, nlh, ctx);
		/* Whoever takes the end of an interrupted dump off the socket: nobody may wait for it again. */
		if (s->pending && nlh->nlmsg_seq == s->pending && is_end(nlh))
			s->pending = 0;
		if (r < 0)
			return r;
		stop |= r;
		step = NLMSG_ALIGN(nlh->nlmsg_len);
		if (step >= left)
			break;
		at += step;
		left -= step;
	}
	return stop;
}

static int receive_once(struct ipvsf_session *s, ipvsf_message_fn fn, void *ctx)
{
	struct mmsghdr msgs[IPVSF_RECV_SLOTS];
	struct iovec iov[IPVSF_RECV_SLOTS];
	struct sockaddr_nl from[IPVSF_RECV_SLOTS];
	int n, r = 0, stop = 0;

	memset(msgs, 0, sizeof(msgs));
	memset(from, 0, sizeof(from));
	for (int i = 0; i < IPVSF_RECV_SLOTS; i++) {
		iov[i].iov_base = s->recv_buf + (size_t)i * s->recv_len;
		iov[i].iov_len = s->recv_len;
		msgs[i].msg_hdr.msg_iov = &iov[i];
		msgs[i].msg_hdr.msg_iovlen = 1;
		msgs[i].msg_hdr.msg_name = &from[i];
		msgs[i].msg_hdr.msg_namelen = sizeof(from[i]);
	}
	n = recvmmsg(s->fd, msgs, IPVSF_RECV_SLOTS, MSG_DONTWAIT, NULL);
	if (n < 0)
		return -errno;
	if (n == 0 || (msgs[0].msg_len == 0 && msgs[0].msg_hdr.msg_namelen == 0))
		return -ECONNRESET; /* never netlink: the other end of an attached socket is closed */
	for (int i = 0; i < n && r >= 0; i++) {
		r = walk(s, &msgs[i], fn, ctx);
		stop |= r > 0;
	}
	return r < 0 ? r : stop;
}

/*
 * How long to wait before the caller looks at signals: one that came just before poll(), or to another thread,
 * does not end it. Since an exchange that is left begins anew, another end that is slow gets more time each time.
 */
static int64_t slice_of(const struct ipvsf_session *s)
{
	return (int64_t)SLICE_MS << (s->slices < 8 ? s->slices : 8);
}

/*
 * Hands every queued message to fn until fn returns 1 (-> 0), an error (-> that), or nothing is left.
 * Then waits for more until the deadline (-> -ETIMEDOUT; IPVSF_NOW: not at all, -> -EAGAIN), a signal,
 * or the end of a time slice (-> -EINTR, so that Ctrl-C works; the caller may call again with the same
 * deadline). A deadline below 0 is a time in ms that starts when there is first something to wait for: mostly
 * there is not, and looking at the clock is a system call on some machines.
 */
int ipvsf_receive(struct ipvsf_session *s, int64_t *deadline, ipvsf_message_fn fn, void *ctx)
{
	for (;;) {
		struct pollfd p = { .fd = s->fd, .events = POLLIN };
		int64_t left, slice = slice_of(s);
		int r = receive_once(s, fn, ctx);

		if (r > 0)
			return 0;
		if (r == 0 || r == -EINTR)
			continue;
		if (r != -EAGAIN || *deadline == IPVSF_NOW)
			return r;
		if (*deadline < 0)
			*deadline = ipvsf_now_ms() - *deadline;
		left = *deadline - ipvsf_now_ms();
		if (left <= 0)
			return -ETIMEDOUT;
		r = poll(&p, 1, (int)(left < slice ? left : slice));
		if (r < 0)
			return -errno;
		if (!r && slice < left)
			return -EINTR;
	}
}

struct exchange {
	uint32_t seq;
	ipvsf_message_fn fn;
	void *ctx;
	int result;
};

static int exchange_message(struct ipvsf_session *s, const struct nlmsghdr *nlh, void *ctx)
{
	struct exchange *x = ctx;
	int r;

	if (nlh->nlmsg_seq != x->seq)
		return 0; /* a stale reply */
	if (nlh->nlmsg_type == NLMSG_ERROR) {
		r = ipvsf_error_of(s, nlh);
		if (r)
			x->result = r;
		return 1;
	}
	if (nlh->nlmsg_type == NLMSG_DONE) {
		int32_t status = 0;

		if (nlh->nlmsg_len >= NLMSG_HDRLEN + sizeof(status))
			memcpy(&status, (const uint8_t *)nlh + NLMSG_HDRLEN, sizeof(status));
		if (status < 0)
			x->result = status;
		return 1;
	}
	if (nlh->nlmsg_type != s->family || !x->fn || x->result)
		return 0;
	/* A failure is kept until the end: the rest of the answer must still be taken off the socket. */
	r = x->fn(s, nlh, x->ctx);
	if (r < 0)
		x->result = r;
	return 0;
}

/* As ipvsf_receive() does, but patience ends with the time that all calls up to the answer take. */
static int receive_answer(struct ipvsf_session *s, struct exchange *x)
{
	int64_t deadline = s->patience_end ? s->patience_end : -IPVSF_PATIENCE_MS;
	int r = ipvsf_receive(s, &deadline, exchange_message, x);

	if (r == -EINTR) {
		s->patience_end = deadline > 0 ? deadline : 0;
		s->slices++;
	} else {
		s->patience_end = 0;
	}
	return r;
}

static int finish_pending(struct ipvsf_session *s)
{
	struct exchange x = { .seq = s->pending };
	int r;

	if (!s->pending)
		return 0;
	r = receive_answer(s, &x);
	if (r == -EINTR)
		return r;
	s->pending = 0;
	return 0;
}

/*
 * Sends one finished message (its sequence number set, NLM_F_ACK or NLM_F_DUMP among its flags) and
 * gives fn every answer to it. -EINTR: interrupted while waiting; the next exchange discards the rest.
 */
int ipvsf_exchange(struct ipvsf_session *s, const void *msg, ipvsf_message_fn fn, void *ctx)
{
	const struct nlmsghdr *nlh = msg;
	struct exchange x = { .seq = nlh->nlmsg_seq, .fn = fn, .ctx = ctx };
	int r = finish_pending(s);

	if (r)
		return r;
	s->message[0] = 0;
	s->data_skbs = 0;
	r = ipvsf_send_all(s, msg, nlh->nlmsg_len);
	if (r)
		return r;
	r = receive_answer(s, &x);
	if (r)
		s->pending = x.seq;
	if (r != -EINTR)
		s->slices = 0;
	return r ? r : x.result;
}
