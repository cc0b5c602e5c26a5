/* SPDX-License-Identifier: MIT */
/*
 * Live counters: the table as a BPF program reads it in the kernel's memory, where counters stand as they are now.
 * Netlink shows those of the last estimation, up to 2 seconds ago, or for ever the same ones where estimation is off
 * (sysctl net.ipv4.vs.run_estimation=0). Conventions as in ipvsfast.h.
 */

struct ipvsf_live;

enum ipvsf_live_limits {
	IPVSF_LIVE_CPUS = 512,	/* possible ones; more are refused */
	IPVSF_LIVE_PLACES = 64, /* conditions of a kind */
	IPVSF_LIVE_NAME = 16
};

/* Whether an address and a port are meant. */
struct ipvsf_live_place {
	uint8_t addr[16]; /* with the bits of the mask only; a firewall mark: in host order */
	uint8_t mask[16];
	uint64_t af;	    /* 0: any */
	uint64_t low, high; /* ports, both included */
	uint64_t excluded;  /* 1: none such; these stand before the others */
};

enum ipvsf_live_protocols {
	IPVSF_LIVE_TCP = 1,
	IPVSF_LIVE_UDP = 2,
	IPVSF_LIVE_SCTP = 4,
	IPVSF_LIVE_MARK = 8, /* a firewall mark instead */
	IPVSF_LIVE_OTHER = 16,
	IPVSF_LIVE_ALL = 31
};

enum ipvsf_live_families {
	IPVSF_LIVE_IPV4 = 1,
	IPVSF_LIVE_IPV6 = 2,
	IPVSF_LIVE_BOTH = 3
};

/*
 * What is wanted. Of the places of a kind one that is not excluded has to hold, if there is any, and none that is
 * excluded. Dests of services that are not wanted are not looked at; services stay without dests that are wanted.
 */
struct ipvsf_live_wanted {
	uint32_t families;  /* of services: enum ipvsf_live_families */
	uint32_t protocols; /* enum ipvsf_live_protocols */
	uint32_t marks;	    /* 1: `services` are firewall marks; then no others are wanted */
	uint32_t num_services;
	uint32_t num_dests;
	uint32_t services_included; /* 1: not all of them are excluded ones */
	uint32_t dests_included;
	uint32_t reserved;
	struct ipvsf_live_place services[64];
	struct ipvsf_live_place dests[64];
};

/* What a reading cost and how it went, the last one. */
struct ipvsf_live_account {
	uint64_t runs;	   /* of the program */
	uint64_t places;   /* that were lost as the table changed, so that a hash bucket was read again */
	uint64_t restarts; /* all was read again as the kernel changed the size of its table */
	uint64_t uneven;  /* services that had another number of dests than the kernel counted, three times */
	uint64_t behind;  /* counters below those of the last estimation: never, or the reading fails */
	uint64_t read_ns; /* in the kernel */
	uint64_t longest_ns; /* the longest run: so long its CPU did nothing else */
	uint64_t cpus;	     /* whose counters are added up */
};

/*
 * netns_fd: of which namespace, -1 for the caller's own. reason[0..size): why it cannot be. It holds until
 * ipvsf_live_close(); the rights that are needed now are not needed later.
 */
int ipvsf_live_open(int netns_fd, char *reason, size_t size, struct ipvsf_live **ret);
/* The same for the namespace of a session. */
int ipvsf_live_open_session(struct ipvsf_session *session, char *reason, size_t size,
			    struct ipvsf_live **ret);
/* NULL is allowed. */
void ipvsf_live_close(struct ipvsf_live *live);

/* A reading begins; one that was not finished is forgotten. wanted: NULL for everything. -E2BIG: too many places. */
int ipvsf_live_begin(struct ipvsf_live *live, const struct ipvsf_live_wanted *wanted);

/*
 * The table as it is now, as ipvsf_services_dump() and ipvsf_dests_dump() give it, in the same order, but with live
 * counters. -EAGAIN: budget_ms (0: no limit) is used up, call again. With other errors it has ended, and netlink is
 * there for it: -ENODEV: the module is gone, or another one is there, for which a new reader can be opened; -EBUSY:
 * the kernel kept changing the size of its table, or places in it were lost without end; -EBADMSG: what was read
 * cannot be true; -ECHILD: after fork; -EIO, -ELOOP.
 */
int ipvsf_live_read(struct ipvsf_live *live, struct ipvsf_table *ret, uint32_t budget_ms);
void ipvsf_live_account(const struct ipvsf_live *live, struct ipvsf_live_account *ret);

/* The parts, each of which stands alone, for tests. */

/* Offsets of members, in bytes. */
struct ipvsf_live_layout {
	/* struct ip_vs_service */
	uint32_t node, mark_node, ipvs, destinations, num_dests, af, protocol, addr, port, fwmark;
	uint32_t flags, timeout, netmask, scheduler, engine, stats;
	/* struct ip_vs_dest */
	uint32_t dest_node, dest_af, dest_port, dest_addr, dest_flags;
	uint32_t numbers[3]; /* those that options set, in the order of core/dest_numbers.h */
	uint32_t tun_type, tun_port, tun_flags, active, inactive, total, persistent, service, dest_stats;
	uint32_t has_total; /* all connections are counted, not the inactive ones */
	/* struct ip_vs_stats, ip_vs_kstats, ip_vs_estimator; ip_vs_counters: of a CPU */
	uint32_t shown, zero, estimator, cpustats;
	uint32_t counters[5], rates[5], of_cpu[5];
	/* struct ip_vs_scheduler, ip_vs_pe, task_struct, nsproxy, net */
	uint32_t scheduler_name, engine_name, nsproxy, net, net_ipvs;
	/* struct netns_ipvs, ip_vs_rht, since 7.1 */
	uint32_t is_resizable; /* the table is the namespace's own, and changes its size */
	uint32_t table, changes, buckets, new_table, num_buckets;
	/* bytes from the beginning of a service, of a dest, that hold all of these; those of a record */
	uint32_t service_len, dest_len, record_len;
};

/* As ipvsf_conn_layout_find(). */
int ipvsf_live_layout_find(const struct ipvsf_btf *btf, struct ipvsf_live_layout *ret, char *missing,
			   size_t size);

/* The program's instructions into words[0..size). Returns how many there are. */
int ipvsf_live_words(const struct ipvsf_live_layout *layout, uint64_t *words, size_t size);

enum ipvsf_live_kind {
	IPVSF_LIVE_SERVICE = 1,
	IPVSF_LIVE_DEST = 2,
	IPVSF_LIVE_AGAIN = 3 /* a service whose dests go on */
};

/* A record: this, then the beginning of the kernel's struct. */
struct ipvsf_live_record {
	uint64_t kind;
	uint64_t bucket; /* the next one */
	uint64_t met;	 /* of a service: dests that were met, and 1; 0: not all in this run */
	uint64_t sums[5];
	char scheduler[16]; /* "": none */
	char engine[16];
};

/*
 * A record to a row. *behind: how many counters are below what was shown, or than where they began. -EBADMSG: it is
 * none.
 */
int ipvsf_live_service_decode(const struct ipvsf_live_layout *layout, const void *record, uint32_t hz,
			      struct ipvsf_service_row *ret, uint32_t *behind);
int ipvsf_live_dest_decode(const struct ipvsf_live_layout *layout, const void *record,
			   struct ipvsf_dest_row *ret, uint32_t *behind);

/* Numbers of CPUs as the kernel lists them ("0-3,8"): how many; -E2BIG: above IPVSF_LIVE_CPUS; -EBADMSG. */
int ipvsf_live_cpus(const char *text, uint16_t ret[512]);
