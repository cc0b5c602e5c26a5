// SPDX-License-Identifier: MIT
/* The floor's socket, and its dumps: see floor.c. */
#define _GNU_SOURCE
#include "floor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "floor_wire.h"

void die(const char *what)
{
	fprintf(stderr, "floor: %s: %s\n", what, errno ? strerror(errno) : "unexpected");
	exit(1);
}

double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void open_floor(struct floor *f)
{
	int size = 1 << 20;
	uint8_t request[MESSAGE_MAX];
	struct nlmsghdr *h = begin(request, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0, ++f->seq);
	const struct nlattr *id;
	ssize_t got;

	f->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	f->skbs = malloc((size_t)SKBS * SKB_BYTES);
	if (f->fd < 0 || !f->skbs)
		die("socket");
	/* Room for every refusal that one batch can bring: a lost one would hide a failure. */
	setsockopt(f->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	put(h, CTRL_ATTR_FAMILY_NAME, IPVS_GENL_NAME, sizeof(IPVS_GENL_NAME));
	if (send(f->fd, h, h->nlmsg_len, 0) < 0)
		die("family lookup");
	/* Read with a full-size buffer: the kernel sizes the next dump skbs after the largest one seen. */
	got = recv(f->fd, f->skbs, SKB_BYTES, 0);
	h = (void *)f->skbs;
	if (got < (ssize_t)(NLMSG_HDRLEN + GENL_HDRLEN) || h->nlmsg_type == NLMSG_ERROR) {
		errno = ENOENT;
		die("no IPVS in this kernel");
	}
	id = find(f->skbs + NLMSG_HDRLEN + GENL_HDRLEN, (size_t)got - NLMSG_HDRLEN - GENL_HDRLEN,
		  CTRL_ATTR_FAMILY_ID);
	if (!id)
		die("family lookup");
	memcpy(&f->family, (const uint8_t *)id + NLA_HDRLEN, sizeof(f->family));
	for (int i = 0; i < SKBS; i++) {
		f->iov[i] =
			(struct iovec){ .iov_base = f->skbs + (size_t)i * SKB_BYTES, .iov_len = SKB_BYTES };
		f->mmsg[i].msg_hdr = (struct msghdr){ .msg_iov = &f->iov[i], .msg_iovlen = 1 };
	}
}

static void keep_service(struct floor *f, const struct nlmsghdr *h)
{
	const uint8_t *body = (const uint8_t *)h + NLMSG_HDRLEN + GENL_HDRLEN;
	const struct nlattr *a = find(body, h->nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN, IPVS_CMD_ATTR_SERVICE);
	struct service_key key = { 0 };

	if (!a)
		die("service without attributes");
	copy(a, IPVS_SVC_ATTR_AF, &key.af, sizeof(key.af));
	copy(a, IPVS_SVC_ATTR_PROTOCOL, &key.protocol, sizeof(key.protocol));
	copy(a, IPVS_SVC_ATTR_ADDR, key.addr, sizeof(key.addr));
	copy(a, IPVS_SVC_ATTR_PORT, &key.port, sizeof(key.port));
	copy(a, IPVS_SVC_ATTR_FWMARK, &key.fwmark, sizeof(key.fwmark));
	if (f->services == f->room) {
		f->room = f->room ? 2 * f->room : 1024;
		f->keys = realloc(f->keys, f->room * sizeof(*f->keys));
		if (!f->keys)
			die("memory");
	}
	f->keys[f->services++] = key;
}

/* One skb; says whether the dump ended in it. */
static int read_skb(struct floor *f, const struct mmsghdr *m, void *data, uint8_t cmd)
{
	struct nlmsghdr *h;
	size_t offset = 0;

	if (m->msg_hdr.msg_flags & MSG_TRUNC)
		die("answer cut short");
	while ((h = next_message(data, m->msg_len, &offset))) {
		if (h->nlmsg_seq != f->seq)
			die("answer to another request");
		if (h->nlmsg_type == NLMSG_ERROR) {
			errno = -((struct nlmsgerr *)NLMSG_DATA(h))->error;
			die("dump refused");
		}
		if (h->nlmsg_type == NLMSG_DONE)
			return 1;
		if (cmd == IPVS_CMD_GET_SERVICE)
			keep_service(f, h);
		else
			f->destinations++;
	}
	return 0;
}

void dump(struct floor *f, uint8_t cmd, const struct service_key *key)
{
	uint8_t request[MESSAGE_MAX];
	struct nlmsghdr *h = begin(request, f->family, cmd, NLM_F_DUMP, ++f->seq);
	int done = 0;

	if (key) {
		struct nlattr *a = nest(h, IPVS_CMD_ATTR_SERVICE);

		put_key(h, key);
		nest_end(h, a);
	}
	if (send(f->fd, h, h->nlmsg_len, 0) < 0)
		die("send");
	while (!done) {
		int got = recvmmsg(f->fd, f->mmsg, SKBS, MSG_WAITFORONE, NULL);

		if (got < 0)
			die("receive");
		for (int i = 0; i < got; i++)
			done |= read_skb(f, &f->mmsg[i], f->iov[i].iov_base, cmd);
	}
}
