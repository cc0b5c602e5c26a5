/* SPDX-License-Identifier: MIT */
/*
 * The connection table, as Python can see it. Declarations only, as in api/ipvsfast.h; no netlink.
 *
 * A reading (struct ipvsf_conns) takes rows from a source (conns/reading.h), drops repeated ones, filters
 * them, and hands what is left to one of the steps below: as packed rows, as text, counted by key,
 * or sampled. Every step works for about budget_ms (0: no limit), so that the caller can look at its
 * signals, and is called again until the reading has ended (ipvsf_conns_account).
 */

enum ipvsf_conn_known {
	IPVSF_CONN_DETAILS = 1 /* flags, fwmark, timeout and packets are filled in */
};

/* One entry of the table. Unused bytes of addresses and state are 0. */
struct ipvsf_conn {
	uint8_t af;	  /* of client and virtual address: AF_INET or AF_INET6 */
	uint8_t daf;	  /* of the destination */
	uint8_t protocol; /* IPPROTO_*; 0 for templates of firewall marks */
	uint8_t template; /* 1: a persistence template, not a connection */
	uint16_t cport;
	uint16_t vport;
	uint16_t dport;
	uint8_t pe_len;	  /* length of the persistence engine's name; 0: none */
	uint8_t known;	  /* enum ipvsf_conn_known */
	uint32_t expires; /* seconds */
	uint8_t caddr[16];
	uint8_t vaddr[16]; /* a mark's template has the mark here */
	uint8_t daddr[16];
	char state[16];	  /* as the kernel writes it */
	uint32_t pe_at;	  /* the engine's name in the text that goes with the rows */
	uint32_t data_at; /* and what it keeps: bytes that a client chose */
	uint32_t data_len;
	uint32_t flags; /* IP_VS_CONN_F_* */
	uint32_t fwmark;
	uint32_t timeout; /* seconds; what expires starts from */
	uint32_t packets; /* received */
	uint32_t reserved;
};

enum ipvsf_conn_place {
	IPVSF_AT_CLIENT,
	IPVSF_AT_SERVICE,
	IPVSF_AT_DESTINATION
};

/*
 * One address to look for. Those of one place are alternatives; every place named has to match. None of
 * those that are excluded may.
 */
struct ipvsf_conn_match {
	uint8_t place;
	uint8_t af;	/* 0: any address */
	uint8_t prefix; /* leading bits of addr that count */
	uint8_t exclude;
	uint16_t low; /* ports, both ends included */
	uint16_t high;
	uint8_t addr[16];
};

enum ipvsf_conn_families {
	IPVSF_FAMILY_4 = 1, /* bits: both ends IPv4, both IPv6, one of each */
	IPVSF_FAMILY_6 = 2,
	IPVSF_FAMILY_MIXED = 4
};

/* What else a row must be; a member that is 0 asks for nothing. */
struct ipvsf_conn_filter {
	uint64_t limit;		/* the reading ends after so many rows that match */
	uint32_t expires_below; /* seconds */
	uint32_t families;	/* enum ipvsf_conn_families */
	uint8_t protocols[32];	/* one bit for each, if any_protocol is 0 */
	uint8_t any_protocol;
	uint8_t templates; /* 1: only templates, 2: none */
	uint8_t num_states;
	uint8_t num_engines;
	uint32_t not_states;  /* bit i: states[i] is excluded */
	uint32_t not_engines; /* the same for engines[i] */
	uint32_t reserved;
	char states[24][16];
	char engines[8][16]; /* "*" stands for any */
};

/* What became of the lines or entries of a reading so far. */
struct ipvsf_conn_account {
	uint64_t rows;	     /* entries read, with repeated ones */
	uint64_t matched;    /* what was given away; remembered entries add up over readings */
	uint64_t repeated;   /* entries left out because they had been read before */
	uint64_t unreadable; /* lines that are no entries */
	uint64_t bytes;	     /* of text; 0 at the end: the file had not even its header */
	uint64_t read_ns;    /* time in which the source's `timed_rows` first entries were read */
	uint64_t timed_rows;
	uint64_t first_ns;  /* least time for IPVSF_TIMED_READS reads near the start */
	uint64_t recent_ns; /* and lately */
	uint64_t first_row; /* which rows those were */
	uint64_t recent_row;
	uint64_t spans;		   /* of IPVSF_TIMED_READS reads each */
	uint32_t ended;		   /* nothing more will come */
	uint32_t overlapped;	   /* a second thread reads */
	int32_t error;		   /* negative errno that ended the reading, after what came before it */
	uint32_t resized;	   /* the table had another size meanwhile than at first */
	char first_unreadable[64]; /* beginning of the first unreadable line, control characters as '?' */
};

enum ipvsf_conn_limits {
	IPVSF_TIMED_READS = 16
};

struct ipvsf_conns;

/* *ret is owned by the caller: ipvsf_conns_destroy(), to which NULL is allowed. */
int ipvsf_conns_create(struct ipvsf_conns **ret);
void ipvsf_conns_destroy(struct ipvsf_conns *conns);

/* What rows are wanted; both are copied. */
int ipvsf_conns_filter(struct ipvsf_conns *conns, const struct ipvsf_conn_filter *filter,
		       const struct ipvsf_conn_match *matches, size_t count);

/*
 * From now on every entry that matches is remembered, for the life of `conns`, and left out when it comes
 * again, in this reading or a later one: to be called before the first of them. at_once 0: not before the
 * source sees that entries may come again (the table changes its size); until then that costs little.
 */
int ipvsf_conns_remember(struct ipvsf_conns *conns, uint32_t at_once);

/*
 * Starts reading the text of /proc/net/ip_vs_conn of a network namespace, -1: the calling thread's.
 * Ends the reading before. overlap: a second thread reads while the caller scans, if there is a second
 * CPU. -ENOENT: no IPVS there (any more).
 */
int ipvsf_conns_open(struct ipvsf_conns *conns, int netns_fd, uint32_t overlap);

/*
 * The same by BPF programs that walk the kernel's table: rows in the same order and with
 * IPVSF_CONN_DETAILS, in time that grows with the table and not with its square, as that of the text
 * does before Linux 6.14. Takes CAP_BPF, CAP_PERFMON and CAP_SYSLOG, until it has returned. After a
 * failure the reading before goes on; reason[0..size) says in words why, and what helps, and is ""
 * without one. What the kernel does not allow fails here; a step fails later with -ENODEV if the
 * module goes or is replaced. -EOPNOTSUPP: a kernel with another table, as from 7.1 on. -ENOENT: as above,
 * or no type information of the module.
 */
int ipvsf_conns_open_bpf(struct ipvsf_conns *conns, int netns_fd, char *reason, size_t size);

/* The text from any descriptor, which is taken over. */
int ipvsf_conns_attach(struct ipvsf_conns *conns, int fd, uint32_t overlap);

/* Ends the reading and closes what it read from. */
void ipvsf_conns_close(struct ipvsf_conns *conns);

void ipvsf_conns_account(const struct ipvsf_conns *conns, struct ipvsf_conn_account *ret);

/*
 * Rows into rows[0..size), their engines' names and data into text, which must have room for
 * IPVSF_CONN_TEXT bytes a row; *count 0 with the reading not ended: the budget is used up.
 */
int ipvsf_conns_rows(struct ipvsf_conns *conns, struct ipvsf_conn *rows, size_t size, char *text,
		     size_t text_size, uint32_t budget_ms, size_t *count, size_t *text_len);

/* Only counts (matched in the account). */
int ipvsf_conns_count(struct ipvsf_conns *conns, uint32_t budget_ms);

enum ipvsf_conn_format {
	IPVSF_CONN_TABLE,    /* a row of ipvsadm -L -c -n */
	IPVSF_CONN_TABLE_PE, /* the same with --persistent-conn */
	IPVSF_CONN_CSV,
	IPVSF_CONN_CSV_DETAILS, /* with forwarding, origin, fwmark, timeout, packets; empty if not known */
	IPVSF_CONN_JSON,	/* one object a line */
	IPVSF_CONN_JSON_LIST	/* the same, separated by commas: elements of one array */
};

/*
 * Lines into buf (at least IPVSF_CONN_LINE bytes); *len 0 with the reading not ended: the budget is
 * used up before anything was found. Control characters never appear raw.
 */
int ipvsf_conns_text(struct ipvsf_conns *conns, uint32_t format, char *buf, size_t size, uint32_t budget_ms,
		     size_t *len);

/* Memory that one row may need at most. */
enum ipvsf_conn_sizes {
	IPVSF_CONN_TEXT = 66000,
	IPVSF_CONN_LINE = 400000
};

enum ipvsf_conn_key {
	IPVSF_KEY_CLIENT,	       /* u8 family, 16 bytes of address, cut to prefix4 or prefix6 bits */
	IPVSF_KEY_CLIENT_PORT,	       /* u16 */
	IPVSF_KEY_SERVICE,	       /* u8 protocol, u8 family, 16 bytes of address, u16 port */
	IPVSF_KEY_SERVICE_ADDRESS,     /* u8 family, 16 bytes of address */
	IPVSF_KEY_DESTINATION,	       /* u8 family, 16 bytes of address, u16 port */
	IPVSF_KEY_DESTINATION_ADDRESS, /* u8 family, 16 bytes of address */
	IPVSF_KEY_STATE,	       /* 16 bytes, padded with 0 */
	IPVSF_KEY_PROTOCOL,	       /* u8 */
	IPVSF_KEY_FAMILY,	       /* u8: one of enum ipvsf_conn_families */
	IPVSF_KEY_PE,		       /* 16 bytes, padded with 0 */
	IPVSF_KEY_TEMPLATE,	       /* u8 */
	IPVSF_NUM_KEYS
};

struct ipvsf_key_part {
	uint8_t key; /* enum ipvsf_conn_key */
	uint8_t prefix4;
	uint8_t prefix6;
	uint8_t reserved;
};

struct ipvsf_groups;

/* Counts by key: the parts one after the other, unpadded. *ret: ipvsf_groups_destroy(), NULL allowed. */
int ipvsf_groups_create(const struct ipvsf_key_part *parts, size_t count, struct ipvsf_groups **ret);
void ipvsf_groups_destroy(struct ipvsf_groups *groups);
size_t ipvsf_groups_count(const struct ipvsf_groups *groups);
size_t ipvsf_groups_memory(const struct ipvsf_groups *groups);

/* Bytes of one group: u64 count in host order, then the key, padded to a multiple of 8. */
size_t ipvsf_groups_entry_size(const struct ipvsf_groups *groups);

/* Counts the rows of a reading. -ENOMEM: no room for another group; what was counted so far stands. */
int ipvsf_conns_group(struct ipvsf_conns *conns, struct ipvsf_groups *groups, uint32_t budget_ms);

/* The `size` largest groups into out, largest first, equal ones by key. */
int ipvsf_groups_top(const struct ipvsf_groups *groups, char *out, size_t size, size_t *count);

/*
 * How often the keys of other groups of the same parts, as ipvsf_groups_top() gives them, were counted
 * here: ret[0..count).
 */
void ipvsf_groups_find(const struct ipvsf_groups *groups, const char *entries, size_t count, uint64_t *ret);

struct ipvsf_sample;

/* A uniform sample of `size` rows. *ret: ipvsf_sample_destroy(), to which NULL is allowed. */
int ipvsf_sample_create(size_t size, uint64_t seed, struct ipvsf_sample **ret);
void ipvsf_sample_destroy(struct ipvsf_sample *sample);
int ipvsf_conns_sample(struct ipvsf_conns *conns, struct ipvsf_sample *sample, uint32_t budget_ms);

/* Starts a reading of the sampled rows, in the order in which they were read; they are kept. */
int ipvsf_conns_replay(struct ipvsf_conns *conns, const struct ipvsf_sample *sample);

/* How far a scan has come; zero it at the start of a text. */
struct ipvsf_conn_scan {
	size_t used;	     /* bytes that are done with */
	size_t count;	     /* rows found by this call */
	uint64_t unreadable; /* lines that are no entries, in all */
	char first_unreadable[64];
};

/*
 * The pure half: whole lines of text[scan->used..len) into rows[0..size). Stops at the end of the last
 * whole line or when rows is full. Positions in rows are relative to text. Blank lines are passed over.
 */
int ipvsf_conns_scan(const char *text, size_t len, struct ipvsf_conn *rows, size_t size,
		     struct ipvsf_conn_scan *scan);

/* Opens a file, by a path below /proc/thread-self, in a network namespace (-1: the caller's). -errno or fd. */
int ipvsf_netns_open(int netns_fd, const char *path);
