/* SPDX-License-Identifier: MIT */
/* The socket and the family's number, by libnl. genl_raw.c is the same without a library. */
#include "core/internal.h"

#include <stdio.h>

#include <netlink/errno.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <netlink/version.h>

static int errno_of_nl(int nle)
{
	switch (-nle) {
	case NLE_OBJ_NOTFOUND:
		return -ENOPROTOOPT;
	case NLE_NOMEM:
		return -ENOMEM;
	case NLE_PERM:
	case NLE_NOACCESS:
		return -EPERM;
	case NLE_INTR:
		return -EINTR;
	case NLE_AGAIN:
		return -ETIMEDOUT;
	case NLE_PROTO_MISMATCH:
	case NLE_AF_NOSUPPORT:
		return -EPROTONOSUPPORT;
	default:
		return errno ? -errno : -EIO;
	}
}

int ipvsf_genl_open(struct ipvsf_session *s)
{
	int r;

	s->sk = nl_socket_alloc();
	if (!s->sk)
		return -ENOMEM;
	errno = 0;
	r = genl_connect(s->sk);
	if (r < 0)
		return errno_of_nl(r);
	s->fd = nl_socket_get_fd(s->sk);
	s->port = nl_socket_get_local_port(s->sk);
	nl_socket_disable_msg_peek(s->sk);
	/* The first dump skb is as large as the largest receive so far: let the lookup offer as much. */
	nl_socket_set_msg_buf_size(s->sk, s->recv_len);
	return 0;
}

int ipvsf_genl_resolve(struct ipvsf_session *s, uint16_t *family)
{
	int id;

	errno = 0;
	id = genl_ctrl_resolve(s->sk, IPVS_GENL_NAME);
	if (id < 0)
		return errno_of_nl(id);
	*family = (uint16_t)id;
	return 0;
}

void ipvsf_genl_close(struct ipvsf_session *s)
{
	if (s->sk)
		nl_socket_free(s->sk); /* closes fd */
	else if (s->fd >= 0)
		close(s->fd);
}

const char *ipvsf_libnl_version(void)
{
	static char text[32];

	snprintf(text, sizeof(text), "%d.%d.%d", nl_ver_maj, nl_ver_min, nl_ver_mic);
	return text;
}
