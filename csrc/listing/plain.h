/* SPDX-License-Identifier: MIT */
/* Which tables are written here and which are left to Python, and what their texts share. */
#ifndef IPVSFAST_PLAIN_H
#define IPVSFAST_PLAIN_H

#include "core/dest_numbers.h"
#include "core/text.h"

#define SCHED_FLAGS (IP_VS_SVC_F_SCHED1 | IP_VS_SVC_F_SCHED2 | IP_VS_SVC_F_SCHED3)

/* Names of scheduler flags in ipvsadm's order, with a separator between them and quotes around each. */
static inline void put_sched_flags(struct text_writer *t, const struct ipvsf_service *c, char separator,
				   const char *quote)
{
	bool hashing = !strcmp(c->sched, "sh") || !strcmp(c->sched, "mh");
	static const char *const plain[] = { "flag-1", "flag-2", "flag-3" };
	static const char *const own[] = { "-fallback", "-port" };
	bool first = true;

	for (int i = 0; i < 3; i++) {
		if (!(c->flags & ((uint32_t)IP_VS_SVC_F_SCHED1 << i)))
			continue;
		if (!first)
			put_char(t, separator);
		first = false;
		put_str(t, quote);
		if (hashing && i < 2) {
			put_str(t, c->sched);
			put_str(t, own[i]);
		} else {
			put_str(t, plain[i]);
		}
		put_str(t, quote);
	}
}

static inline bool plain_name(const char *name)
{
	for (; *name; name++) {
		if (*name < '!' || *name > '~')
			return false;
	}
	return true;
}

static inline bool plain_service(const struct ipvsf_service *c)
{
	return (c->fwmark || c->protocol == IPPROTO_TCP || c->protocol == IPPROTO_UDP ||
		c->protocol == IPPROTO_SCTP) &&
	       (c->af == AF_INET || c->af == AF_INET6) && c->sched[0] && plain_name(c->sched) &&
	       plain_name(c->pe) && (!(c->flags & IP_VS_SVC_F_PERSISTENT) || c->timeout);
}

static inline bool plain_dest(const struct ipvsf_dest *c)
{
	return (c->af == AF_INET || c->af == AF_INET6) && c->fwd <= IP_VS_CONN_F_DROUTE &&
	       !has_negative_number(c) && c->tun_type <= IP_VS_CONN_F_TUNNEL_TYPE_GRE &&
	       c->tun_flags <= IP_VS_TUNNEL_ENCAP_FLAG_REMCSUM;
}

static inline bool plain_table(const struct ipvsf_table *t)
{
	for (size_t i = 0; i < t->num_services; i++) {
		if (!plain_service(&t->services[i].conf))
			return false;
	}
	for (size_t i = 0; i < t->num_dests; i++) {
		if (!plain_dest(&t->dests[i].conf))
			return false;
	}
	return true;
}

#define IPVSF_LINE_MAX 320 /* longer than any line of any view */

/* format.c: the rules of plain ones, without a line end */
void ipvsf_service_rule_put(struct text_writer *t, const struct ipvsf_service *c);
/* s: what names the service is enough. */
void ipvsf_dest_rule_put(struct text_writer *t, const struct ipvsf_service *s, const struct ipvsf_dest *c);

#endif
