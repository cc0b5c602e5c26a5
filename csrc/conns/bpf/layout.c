/* SPDX-License-Identifier: MIT */
/* Where the running kernel keeps the members of a connection that are read. */
#include "bpf/bpf.h"

#include <stdio.h>

#define RECORD_MAX 1024 /* a debug kernel's locks make it longer than usual */

#define CONN_TYPE "ip_vs_conn"
#define CONN(member, size, name) { CONN_TYPE, member, size, offsetof(struct ipvsf_conn_layout, name) }

static const struct ipvsf_bpf_member members[] = {
	CONN("c_list", 16, node),
	CONN("cport", 2, cport),
	CONN("vport", 2, vport),
	CONN("dport", 2, dport),
	CONN("af", 2, af),
	CONN("daf", 2, daf),
	CONN("caddr", 16, caddr),
	CONN("vaddr", 16, vaddr),
	CONN("daddr", 16, daddr),
	CONN("flags", 4, flags),
	CONN("protocol", 2, protocol),
	CONN("state", 2, state),
	CONN("fwmark", 4, fwmark),
	CONN("in_pkts", 4, packets),
	CONN("timeout", 8, timeout),
	CONN("timer", ANY_SIZE, expires),
	CONN("ipvs", 8, ipvs),
	CONN("pe", 8, engine),
	CONN("pe_data", 8, data),
	CONN("pe_data_len", 1, data_len),
	{ "ip_vs_pe", "name", 8, offsetof(struct ipvsf_conn_layout, engine_name) },
	{ "task_struct", "nsproxy", 8, offsetof(struct ipvsf_conn_layout, nsproxy) },
	{ "nsproxy", "net_ns", 8, offsetof(struct ipvsf_conn_layout, net) },
	{ "net", "ipvs", 8, offsetof(struct ipvsf_conn_layout, net_ipvs) },
};

int ipvsf_conn_layout_find(const struct ipvsf_btf *btf, struct ipvsf_conn_layout *ret, char *missing,
			   size_t size)
{
	uint32_t found, in_timer, timer_at, timer_len = 0;
	int r;

	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		const struct ipvsf_bpf_member *m = &members[i];
		uint32_t *offset = (uint32_t *)((char *)ret + m->at);

		r = ipvsf_bpf_members(btf, m, 1, ret, missing, size);
		if (!r && !strcmp(m->type, CONN_TYPE)) {
			r = ipvsf_btf_member(btf, m->type, m->member, offset, &found);
			if (!r && (*offset > RECORD_MAX || found > RECORD_MAX - *offset))
				r = -EBADMSG;
			else if (ret->record_len < *offset + found)
				ret->record_len = *offset + found;
		}
		if (r) {
			snprintf(missing, size, "%s.%s", m->type, m->member);
			return r;
		}
	}
	ret->record_len = (ret->record_len + 7) & ~7u;
	r = ipvsf_bpf_member(btf, "timer_list", "expires", 8, &in_timer);
	if (!r)
		r = ipvsf_btf_member(btf, CONN_TYPE, "timer", &timer_at, &timer_len);
	if (!r && (timer_len < 8 || in_timer > timer_len - 8))
		r = -EBADMSG;
	if (r)
		snprintf(missing, size, "timer_list.expires");
	else
		ret->expires += in_timer;
	return r;
}
