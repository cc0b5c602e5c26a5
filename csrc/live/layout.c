/* SPDX-License-Identifier: MIT */
/* Where the running kernel keeps the members of services and dests that are read. */
#include "live/walk.h"
#include "core/dest_numbers.h"

#include <stdio.h>

#define RAW_MAX (LIVE_RECORD_MAX - sizeof(struct ipvsf_live_record))
#define KSTATS_LEN 80
#define OF_CPU_LEN 40

#define AT(name) offsetof(struct ipvsf_live_layout, name)

static const struct ipvsf_bpf_member members[] = {
	{ "ip_vs_service", "s_list", 16, AT(node) },
	{ "ip_vs_service", "ipvs", 8, AT(ipvs) },
	{ "ip_vs_service", "destinations", 16, AT(destinations) },
	{ "ip_vs_service", "num_dests", 4, AT(num_dests) },
	{ "ip_vs_service", "af", 2, AT(af) },
	{ "ip_vs_service", "protocol", 2, AT(protocol) },
	{ "ip_vs_service", "addr", 16, AT(addr) },
	{ "ip_vs_service", "port", 2, AT(port) },
	{ "ip_vs_service", "fwmark", 4, AT(fwmark) },
	{ "ip_vs_service", "flags", 4, AT(flags) },
	{ "ip_vs_service", "timeout", 4, AT(timeout) },
	{ "ip_vs_service", "netmask", 4, AT(netmask) },
	{ "ip_vs_service", "scheduler", 8, AT(scheduler) },
	{ "ip_vs_service", "pe", 8, AT(engine) },
	{ "ip_vs_service", "stats", ANY_SIZE, AT(stats) },
	{ "ip_vs_dest", "n_list", 16, AT(dest_node) },
	{ "ip_vs_dest", "af", 2, AT(dest_af) },
	{ "ip_vs_dest", "port", 2, AT(dest_port) },
	{ "ip_vs_dest", "addr", 16, AT(dest_addr) },
	{ "ip_vs_dest", "conn_flags", 4, AT(dest_flags) },
	{ "ip_vs_dest", "tun_type", 2, AT(tun_type) },
	{ "ip_vs_dest", "tun_port", 2, AT(tun_port) },
	{ "ip_vs_dest", "tun_flags", 2, AT(tun_flags) },
	{ "ip_vs_dest", "activeconns", 4, AT(active) },
	{ "ip_vs_dest", "persistconns", 4, AT(persistent) },
	{ "ip_vs_dest", "svc", 8, AT(service) },
	{ "ip_vs_dest", "stats", ANY_SIZE, AT(dest_stats) },
	{ "ip_vs_stats", "kstats", KSTATS_LEN, AT(shown) },
	{ "ip_vs_stats", "kstats0", KSTATS_LEN, AT(zero) },
	{ "ip_vs_stats", "est", ANY_SIZE, AT(estimator) },
	{ "ip_vs_stats", "cpustats", 8, AT(cpustats) },
	{ "ip_vs_kstats", "conns", 8, AT(counters[0]) },
	{ "ip_vs_kstats", "inpkts", 8, AT(counters[1]) },
	{ "ip_vs_kstats", "outpkts", 8, AT(counters[2]) },
	{ "ip_vs_kstats", "inbytes", 8, AT(counters[3]) },
	{ "ip_vs_kstats", "outbytes", 8, AT(counters[4]) },
	{ "ip_vs_estimator", "cps", 8, AT(rates[0]) },
	{ "ip_vs_estimator", "inpps", 8, AT(rates[1]) },
	{ "ip_vs_estimator", "outpps", 8, AT(rates[2]) },
	{ "ip_vs_estimator", "inbps", 8, AT(rates[3]) },
	{ "ip_vs_estimator", "outbps", 8, AT(rates[4]) },
	{ "ip_vs_counters", "conns", 8, AT(of_cpu[0]) },
	{ "ip_vs_counters", "inpkts", 8, AT(of_cpu[1]) },
	{ "ip_vs_counters", "outpkts", 8, AT(of_cpu[2]) },
	{ "ip_vs_counters", "inbytes", 8, AT(of_cpu[3]) },
	{ "ip_vs_counters", "outbytes", 8, AT(of_cpu[4]) },
	{ "ip_vs_scheduler", "name", 8, AT(scheduler_name) },
	{ "ip_vs_pe", "name", 8, AT(engine_name) },
	{ "task_struct", "nsproxy", 8, AT(nsproxy) },
	{ "nsproxy", "net_ns", 8, AT(net) },
	{ "net", "ipvs", 8, AT(net_ipvs) },
};

/* The numbers of a dest that options set. */
#define ROW(member, name, option, always, attribute, field) { "ip_vs_dest", #field, 4, 0 },
static const struct ipvsf_bpf_member numbers[] = { DEST_NUMBERS(ROW) };
#undef ROW

_Static_assert(sizeof(((struct ipvsf_live_layout *)0)->numbers) == NUM_DEST_NUMBERS * sizeof(uint32_t),
	       "each has a place");

/* Since 7.1 each namespace has a table of its own, which changes its size. */
static const struct ipvsf_bpf_member resizable[] = {
	{ "netns_ipvs", "svc_table", 8, AT(table) }, { "netns_ipvs", "svc_table_changes", 4, AT(changes) },
	{ "ip_vs_rht", "buckets", 8, AT(buckets) },  { "ip_vs_rht", "new_tbl", 8, AT(new_table) },
	{ "ip_vs_rht", "size", 4, AT(num_buckets) },
};

/* Before, services with firewall marks hung in another table by another node. */
static const struct ipvsf_bpf_member fixed[] = {
	{ "ip_vs_service", "f_list", 16, AT(mark_node) },
};

/* Since 7.1, and in late 6.12, all connections of a dest are counted instead of the inactive ones. */
static const struct ipvsf_bpf_member total[] = { { "ip_vs_dest", "totalconns", 4, AT(total) } };
static const struct ipvsf_bpf_member inactive[] = { { "ip_vs_dest", "inactconns", 4, AT(inactive) } };

#define FIND(table) ipvsf_bpf_members(btf, table, sizeof(table) / sizeof((table)[0]), ret, missing, size)

static int find_members(const struct ipvsf_btf *btf, struct ipvsf_live_layout *ret, char *missing,
			size_t size)
{
	uint32_t offset, len;
	int r = FIND(members);

	for (int i = 0; !r && i < NUM_DEST_NUMBERS; i++)
		r = ipvsf_bpf_members(btf, &numbers[i], 1, &ret->numbers[i], missing, size);
	if (r)
		return r;
	ret->is_resizable = !ipvsf_btf_member(btf, "netns_ipvs", "svc_table", &offset, &len);
	ret->has_total = !ipvsf_btf_member(btf, "ip_vs_dest", "totalconns", &offset, &len);
	r = ret->is_resizable ? FIND(resizable) : FIND(fixed);
	if (!r)
		r = ret->has_total ? FIND(total) : FIND(inactive);
	return r;
}

/* What the arithmetic of the program takes for granted: sizes of structs. Gives the name of the one that differs. */
static const char *other_size(const struct ipvsf_btf *btf, const struct ipvsf_live_layout *l)
{
	uint32_t offset, len;

	/* With PREEMPT_RT a lock can stand in the head of a chain. */
	if (l->is_resizable && (ipvsf_btf_size(btf, "hlist_bl_head", &len) || len != 8))
		return "hlist_bl_head";
	/* 64 bits: on others a sequence count stands before the counters. */
	if (ipvsf_btf_member(btf, "ip_vs_cpu_stats", "cnt", &offset, &len) || offset || len != OF_CPU_LEN)
		return "ip_vs_cpu_stats.cnt";
	for (int i = 0; i < 5; i++) {
		if (l->of_cpu[i] % 8 || l->of_cpu[i] > OF_CPU_LEN - 8)
			return "ip_vs_counters";
		if (l->counters[i] > KSTATS_LEN - 8)
			return "ip_vs_kstats";
		if (l->rates[i] > RAW_MAX)
			return "ip_vs_estimator";
	}
	return NULL;
}

static bool grow(uint32_t *len, uint64_t offset, uint32_t size)
{
	if (offset + size > RAW_MAX)
		return false;
	if (*len < offset + size)
		*len = (uint32_t)(offset + size);
	return true;
}

static bool grow_by_stats(uint32_t *len, const struct ipvsf_live_layout *l, uint32_t stats)
{
	bool fits = grow(len, (uint64_t)stats + l->shown, KSTATS_LEN) &&
		    grow(len, (uint64_t)stats + l->zero, KSTATS_LEN) &&
		    grow(len, (uint64_t)stats + l->cpustats, 8);

	for (int i = 0; i < 5; i++)
		fits = fits && grow(len, (uint64_t)stats + l->estimator + l->rates[i], 8);
	return fits;
}

/* How much of a struct is copied: up to the end of what is wanted of it. */
static bool find_lengths(struct ipvsf_live_layout *l)
{
	bool fits =
		grow_by_stats(&l->service_len, l, l->stats) && grow_by_stats(&l->dest_len, l, l->dest_stats);

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		uint32_t offset = *(const uint32_t *)((const char *)l + members[i].at);

		if (!strcmp(members[i].type, "ip_vs_service"))
			fits = fits && grow(&l->service_len, offset, members[i].size);
		else if (!strcmp(members[i].type, "ip_vs_dest"))
			fits = fits && grow(&l->dest_len, offset, members[i].size);
	}
	for (int i = 0; i < NUM_DEST_NUMBERS; i++)
		fits = fits && grow(&l->dest_len, l->numbers[i], 4);
	fits = fits && grow(&l->service_len, l->mark_node, 16) && grow(&l->dest_len, l->inactive, 4) &&
	       grow(&l->dest_len, l->total, 4);
	l->service_len = (l->service_len + 7) & ~7u;
	l->dest_len = (l->dest_len + 7) & ~7u;
	l->record_len = l->service_len > l->dest_len ? l->service_len : l->dest_len;
	l->record_len += (uint32_t)sizeof(struct ipvsf_live_record);
	return fits && l->record_len <= LIVE_RECORD_MAX;
}

int ipvsf_live_layout_find(const struct ipvsf_btf *btf, struct ipvsf_live_layout *ret, char *missing,
			   size_t size)
{
	const char *other;
	int r;

	memset(ret, 0, sizeof(*ret));
	r = find_members(btf, ret, missing, size);
	if (r)
		return r;
	other = other_size(btf, ret);
	if (!other && !find_lengths(ret))
		other = "ip_vs_stats";
	if (other)
		snprintf(missing, size, "%s", other);
	return other ? -EBADMSG : 0;
}
