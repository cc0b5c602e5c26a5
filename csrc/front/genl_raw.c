/* SPDX-License-Identifier: MIT */
/*
 * The socket and the family's number, with no library: for the native front, which must load nothing
 * but libc. genl_libnl.c is the same for the module.
 */
#include "core/internal.h"

#include <sys/socket.h>

int ipvsf_genl_open(struct ipvsf_session *s)
{
	struct sockaddr_nl self = { .nl_family = AF_NETLINK };
	socklen_t len = sizeof(self);

	s->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (s->fd < 0 || bind(s->fd, (struct sockaddr *)&self, len) ||
	    getsockname(s->fd, (struct sockaddr *)&self, &len))
		return -errno;
	s->port = self.nl_pid;
	return 0;
}

static int take_id(struct ipvsf_session *s, const struct nlmsghdr *nlh, void *ctx)
{
	const uint8_t *at = (const uint8_t *)nlh;
	size_t skip = NLMSG_HDRLEN + GENL_HDRLEN;

	(void)s;
	while (skip + NLA_HDRLEN <= nlh->nlmsg_len) {
		const struct nlattr *nla = (const void *)(at + skip);

		if (nla->nla_len < NLA_HDRLEN || nla->nla_len > nlh->nlmsg_len - skip)
			return -EBADMSG;
		if (nla->nla_type == CTRL_ATTR_FAMILY_ID && nla->nla_len == NLA_HDRLEN + sizeof(uint16_t))
			memcpy(ctx, at + skip + NLA_HDRLEN, sizeof(uint16_t));
		skip += NLA_ALIGN(nla->nla_len);
	}
	return 0;
}

int ipvsf_genl_resolve(struct ipvsf_session *s, uint16_t *family)
{
	struct {
		struct nlmsghdr nlh;
		struct genlmsghdr genl;
		struct nlattr nla;
		char name[NLA_ALIGN(sizeof(IPVS_GENL_NAME))];
	} ask = {
		.nlh = { .nlmsg_len = sizeof(ask),
			 .nlmsg_type = GENL_ID_CTRL,
			 .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
			 .nlmsg_seq = ipvsf_session_next_seq(s, 1) },
		.genl = { .cmd = CTRL_CMD_GETFAMILY, .version = 1 },
		.nla = { .nla_len = NLA_HDRLEN + sizeof(IPVS_GENL_NAME), .nla_type = CTRL_ATTR_FAMILY_NAME },
		.name = IPVS_GENL_NAME,
	};
	uint16_t before = s->family, found = 0;
	int r;

	s->family = GENL_ID_CTRL; /* whose answers are taken */
	r = ipvsf_exchange(s, &ask, take_id, &found);
	s->family = before; /* perhaps *family: written last */
	if (r == -ENOENT || (!r && !found))
		return -ENOPROTOOPT;
	if (!r)
		*family = found;
	return r;
}

void ipvsf_genl_close(struct ipvsf_session *s)
{
	if (s->fd >= 0)
		close(s->fd);
}
