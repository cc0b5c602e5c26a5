/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into either program: changes what the kernel says of IPVS, to show values that no test can
 * bring about. PARITY_STATS="c ip op ib ob cps ipps opps ibps obps" replaces all 64-bit counters,
 * PARITY_FORWARD, PARITY_WEIGHT and PARITY_TUNNEL_FLAGS one value of every server,
 * PARITY_ERROR="COMMAND ERRNO" makes the kernel refuse requests of one command. The older interface, by which
 * destinations can be read too, is as if it were not there.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/ip_vs.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define NO_FAMILY 0x3fff /* the kernel answers ENOENT to it */
#define HEAD (NLMSG_HDRLEN + GENL_HDRLEN)

static int number(const char *name, long *ret)
{
	const char *text = getenv(name);

	if (text)
		*ret = strtol(text, NULL, 10);
	return text != NULL;
}

static void counters(char *at, int len)
{
	const char *text = getenv("PARITY_STATS");
	unsigned long long values[IPVS_STATS_ATTR_OUTBPS + 1] = { 0 };

	if (!text)
		return;
	for (int i = IPVS_STATS_ATTR_CONNS; i <= IPVS_STATS_ATTR_OUTBPS; i++) {
		char *end;

		values[i] = strtoull(text, &end, 10);
		text = end;
	}
	while (len >= NLA_HDRLEN) {
		struct nlattr *a = (struct nlattr *)at;
		int type = a->nla_type & NLA_TYPE_MASK;

		if (a->nla_len < NLA_HDRLEN || a->nla_len > len)
			return;
		if (a->nla_len == NLA_HDRLEN + 8 && type <= IPVS_STATS_ATTR_OUTBPS)
			memcpy(at + NLA_HDRLEN, &values[type], 8);
		at += NLA_ALIGN(a->nla_len);
		len -= NLA_ALIGN(a->nla_len);
	}
}

static void set(char *at, const char *name, size_t size)
{
	long v;

	if (number(name, &v))
		memcpy(at, &v, size);
}

static void entry(char *at, int len, int is_dest)
{
	while (len >= NLA_HDRLEN) {
		struct nlattr *a = (struct nlattr *)at;
		int type = a->nla_type & NLA_TYPE_MASK;
		char *value = at + NLA_HDRLEN;

		if (a->nla_len < NLA_HDRLEN || a->nla_len > len)
			return;
		if (type == (is_dest ? (int)IPVS_DEST_ATTR_STATS64 : (int)IPVS_SVC_ATTR_STATS64))
			counters(value, a->nla_len - NLA_HDRLEN);
		else if (is_dest && type == IPVS_DEST_ATTR_FWD_METHOD)
			set(value, "PARITY_FORWARD", 4);
		else if (is_dest && type == IPVS_DEST_ATTR_WEIGHT)
			set(value, "PARITY_WEIGHT", 4);
		else if (is_dest && type == IPVS_DEST_ATTR_TUN_FLAGS)
			set(value, "PARITY_TUNNEL_FLAGS", 2);
		at += NLA_ALIGN(a->nla_len);
		len -= NLA_ALIGN(a->nla_len);
	}
}

static void reply(char *at, ssize_t len)
{
	while (len >= NLMSG_HDRLEN) {
		struct nlmsghdr *m = (struct nlmsghdr *)at;
		struct nlattr *a = (struct nlattr *)(at + HEAD);
		long command = 0;

		if (m->nlmsg_len < NLMSG_HDRLEN || m->nlmsg_len > len)
			return;
		if (m->nlmsg_type == NLMSG_ERROR) {
			struct nlmsgerr *e = NLMSG_DATA(m);

			if (e->msg.nlmsg_type == NO_FAMILY)
				e->error = -atoi(strchr(getenv("PARITY_ERROR"), ' '));
		} else if (m->nlmsg_type > GENL_ID_CTRL && m->nlmsg_len >= HEAD + NLA_HDRLEN) {
			command = a->nla_type & NLA_TYPE_MASK;
			if (command == IPVS_CMD_ATTR_SERVICE || command == IPVS_CMD_ATTR_DEST)
				entry((char *)a + NLA_HDRLEN, a->nla_len - NLA_HDRLEN,
				      command == IPVS_CMD_ATTR_DEST);
		}
		at += NLMSG_ALIGN(m->nlmsg_len);
		len -= NLMSG_ALIGN(m->nlmsg_len);
	}
}

static void request(const char *at, size_t len)
{
	long command;

	if (!number("PARITY_ERROR", &command))
		return;
	while (len >= HEAD) {
		struct nlmsghdr *m = (struct nlmsghdr *)at;

		if (m->nlmsg_len < NLMSG_HDRLEN || m->nlmsg_len > len)
			return;
		if (m->nlmsg_type > GENL_ID_CTRL && ((struct genlmsghdr *)NLMSG_DATA(m))->cmd == command)
			m->nlmsg_type = NO_FAMILY;
		if (NLMSG_ALIGN(m->nlmsg_len) >= len)
			return;
		at += NLMSG_ALIGN(m->nlmsg_len);
		len -= NLMSG_ALIGN(m->nlmsg_len);
	}
}

ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	ssize_t (*next)(int, struct msghdr *, int) = dlsym(RTLD_NEXT, "recvmsg");
	ssize_t n = next(fd, msg, flags);

	if (n > 0 && !(flags & MSG_PEEK))
		reply(msg->msg_iov[0].iov_base, n);
	return n;
}

int recvmmsg(int fd, struct mmsghdr *msgs, unsigned int count, int flags, struct timespec *timeout)
{
	int (*next)(int, struct mmsghdr *, unsigned int, int, struct timespec *) =
		dlsym(RTLD_NEXT, "recvmmsg");
	int n = next(fd, msgs, count, flags, timeout);

	for (int i = 0; i < n; i++)
		reply(msgs[i].msg_hdr.msg_iov[0].iov_base, msgs[i].msg_len);
	return n;
}

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	ssize_t (*next)(int, const struct msghdr *, int) = dlsym(RTLD_NEXT, "sendmsg");

	request(msg->msg_iov[0].iov_base, msg->msg_iov[0].iov_len);
	return next(fd, msg, flags);
}

ssize_t send(int fd, const void *buf, size_t len, int flags)
{
	ssize_t (*next)(int, const void *, size_t, int) = dlsym(RTLD_NEXT, "send");

	request(buf, len);
	return next(fd, buf, len, flags);
}

int getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	int (*next)(int, int, int, void *, socklen_t *) = dlsym(RTLD_NEXT, "getsockopt");

	if (level == IPPROTO_IP && name >= IP_VS_SO_GET_VERSION && name <= IP_VS_SO_GET_MAX) {
		errno = ENOPROTOOPT;
		return -1;
	}
	return next(fd, level, name, value, len);
}
