/* SPDX-License-Identifier: MIT */
/*
 * Everything Python can see. Declarations only, no preprocessor: build_ffi.py hands this file to
 * cffi's cdef() as it is, and the C sources include it through core/internal.h.
 *
 * Conventions: functions return 0 or a negative errno. Addresses are in network order, all numbers
 * (ports and IPv4 netmasks too) in host order. Buffers are lent by the caller for the call only,
 * unless a comment says who owns them. A session must not be used by two threads at once, nor by a
 * child after fork (-ECHILD).
 */

enum ipvsf_limits {
	IPVSF_NAME_LEN = 16,	 /* scheduler and interface names with their NUL */
	IPVSF_PE_LEN = 20,	 /* 16 bytes and a NUL, padded */
	IPVSF_MESSAGE_MAX = 512, /* ipvsf_op_encode() never needs more than this many bytes */
	IPVSF_NOT_SENT = 1	 /* the result of an op that was not carried out: callers begin with it */
};

/* Values of ipvsf_op.cmd are those of the kernel's enum (linux/ip_vs.h, IPVS_CMD_*). */
enum ipvsf_cmd {
	IPVSF_NEW_SERVICE = 1,
	IPVSF_SET_SERVICE = 2,
	IPVSF_DEL_SERVICE = 3,
	IPVSF_NEW_DEST = 5,
	IPVSF_SET_DEST = 6,
	IPVSF_DEL_DEST = 7,
	IPVSF_NEW_DAEMON = 9,
	IPVSF_DEL_DAEMON = 10,
	IPVSF_SET_CONFIG = 12,
	IPVSF_ZERO = 16, /* one service, or everything where service.af is 0 */
	IPVSF_FLUSH = 17
};

struct ipvsf_service {
	uint16_t af;
	uint16_t protocol;
	uint16_t port;
	uint16_t reserved;
	uint32_t fwmark; /* not 0: protocol, addr and port are unused */
	uint32_t flags;
	uint32_t flags_mask; /* which flags an edit touches */
	uint32_t timeout;    /* seconds */
	uint32_t netmask;    /* IPv4: mask; IPv6: prefix length */
	uint8_t addr[16];
	char sched[16];
	char pe[20]; /* empty: none */
};

struct ipvsf_dest {
	uint16_t af;
	uint16_t port;
	uint8_t addr[16];
	uint32_t fwd; /* IP_VS_CONN_F_FWD_MASK bits */
	int32_t weight;
	uint32_t u_thresh;
	uint32_t l_thresh;
	uint16_t tun_port;
	uint16_t tun_flags;
	uint8_t tun_type;
	uint8_t reserved[3];
};

struct ipvsf_daemon {
	uint32_t state; /* 1 master, 2 backup */
	uint32_t sync_id;
	uint16_t group_af; /* 0: the kernel's default group */
	uint16_t maxlen;   /* 0: default; likewise port and ttl */
	uint16_t port;
	uint8_t ttl;
	uint8_t reserved;
	uint8_t group[16];
	char ifn[16];
};

struct ipvsf_timeouts {
	uint32_t tcp; /* seconds; 0 in a change leaves the timer as it is */
	uint32_t tcp_fin;
	uint32_t udp;
};

/* One change. Which member of `u` counts depends on cmd; `dest` counts for *_DEST only. */
struct ipvsf_op {
	uint16_t cmd;
	uint16_t reserved;
	union {
		struct ipvsf_service service;
		struct ipvsf_daemon daemon;
		struct ipvsf_timeouts timeouts;
	} u;
	struct ipvsf_dest dest;
};

struct ipvsf_stats {
	uint64_t conns, inpkts, outpkts, inbytes, outbytes;
	uint64_t cps, inpps, outpps, inbps, outbps;
};

struct ipvsf_service_row {
	struct ipvsf_service conf;
	struct ipvsf_stats stats;
	uint32_t first_dest; /* index into ipvsf_table.dests */
	uint32_t num_dests;
	uint32_t counted;    /* C's own: the dests that the kernel counted when it was read, */
	uint32_t is_counted; /* if it is known */
};

struct ipvsf_dest_row {
	struct ipvsf_dest conf;
	uint32_t active;
	uint32_t inactive;
	uint32_t persistent;
	struct ipvsf_stats stats;
};

/* What a reading need not tell, so that it may be had for less (sockopt/dest_rows.c); 0: everything, exactly. */
enum ipvsf_scope {
	IPVSF_NO_TUNNELS = 1,	 /* type, port and flags of tunnels may lack */
	IPVSF_NO_COUNTERS = 2,	 /* so may the counters of dests, */
	IPVSF_NO_RATES = 4,	 /* and their rates */
	IPVSF_NETLINK_ONLY = 256 /* everything, and never for less */
};

/*
 * A reading of the table. Owned by the caller (zero it first), its arrays by C until
 * ipvsf_table_deinit(). Services are in kernel order; dests lie grouped by service, newest first.
 */
struct ipvsf_table {
	struct ipvsf_service_row *services;
	struct ipvsf_dest_row *dests;
	size_t num_services;
	size_t num_dests;
	size_t services_size; /* allocated rows */
	size_t dests_size;
	size_t next;	    /* service whose dests are to be read next */
	uint32_t rereads;   /* dumps repeated because the table had changed meanwhile */
	uint32_t unstable;  /* dumps still inconsistent after the last repetition */
	uint32_t vanished;  /* services deleted between the two dumps, left out here */
	uint32_t complete;  /* set by the caller: try for longer, and check all that can be checked */
	uint32_t single;    /* it is about one service */
	uint32_t caught_up; /* how often the services were read anew as some had vanished */
	uint32_t scope;	    /* set by the caller: enum ipvsf_scope */
	uint32_t doubted;   /* C's own: what was counted once only was counted again */
	uint32_t reserved;
	uint32_t by_option; /* dests that were not read by netlink */
	/* Set by the caller: an earlier reading, whose counters are carried forward; NULL: none. */
	const struct ipvsf_table *before;
	size_t before_at; /* where in it the next service is looked for */
};

struct ipvsf_info {
	uint32_t version; /* 0xMMmmpp */
	uint32_t size;	  /* connection hash table size */
};

struct ipvsf_session;

/*
 * One netlink socket (CLOEXEC) with the family resolved, which loads the module where the kernel
 * can. netns_fd: namespace to open it in, -1 for the caller's own; the calling thread never moves.
 * -ENOPROTOOPT: no IPVS in this kernel. *ret is owned by the caller: ipvsf_session_destroy().
 */
int ipvsf_session_create(int netns_fd, struct ipvsf_session **ret);

/*
 * A session over a socket that is already connected to something that answers like the kernel's
 * generic netlink, with the family id given. Takes fd over. For tests of error paths.
 */
int ipvsf_session_attach(int fd, uint16_t family, struct ipvsf_session **ret);

/* NULL is allowed. */
void ipvsf_session_destroy(struct ipvsf_session *session);

/* Receive buffer in bytes as the kernel granted it, and messages per send that follow from it. */
int ipvsf_session_limits(struct ipvsf_session *session, uint32_t *rcvbuf, uint32_t *window);

/* Caps the messages per send (1..the granted window); 0 = as many as are safe. */
int ipvsf_session_set_window(struct ipvsf_session *session, uint32_t window);

/*
 * Whether dests of a new service may be added while its scheduler is off (netlink/idle_scheduler.c); on at first. More
 * than 1: so many of them, which is for tests.
 */
int ipvsf_session_set_idle_scheduler(struct ipvsf_session *session, uint32_t on);

/* The kernel's own words (extended ack) to the last refusal, or "". Owned by the session. */
const char *ipvsf_session_message(struct ipvsf_session *session);

/*
 * The lock of the session's network namespace, for who replaces the table; it does not wait. *ret becomes a
 * descriptor (CLOEXEC) that holds it until ipvsf_lock_release() or the end of the process, else -1. -EWOULDBLOCK:
 * another holds it, `PID NAME` as far as it is known. Other: there can be no lock here, such as where /run is
 * read-only.
 */
int ipvsf_lock_take(struct ipvsf_session *session, int *ret, char *holder, size_t size);

/* *fd becomes -1, and may be that before. */
void ipvsf_lock_release(int *fd);

/*
 * What tells the session's network namespace from others: the inode of its file, which a later namespace may get
 * again, and the kernel's cookie, which none does until the next boot (0 where the kernel has none).
 */
int ipvsf_netns_identity(struct ipvsf_session *session, uint64_t *inode, uint64_t *cookie);

int ipvsf_info_get(struct ipvsf_session *session, struct ipvsf_info *ret);
int ipvsf_timeouts_get(struct ipvsf_session *session, struct ipvsf_timeouts *ret);

/* Fills at most `size` rows, gives the number that the kernel has in *count. */
int ipvsf_daemons_dump(struct ipvsf_session *session, struct ipvsf_daemon *ret, size_t size, size_t *count);

/*
 * Sends ops[0..count) in order, many per system call. results[i] becomes 0, a negative errno of the
 * kernel, or -ENOBUFS where the reply was lost and the outcome is unknown. Returns after about
 * budget_ms (0: no limit) with *done < count so that the caller can look at its signals; call again
 * with the rest. A negative return is a failure of the exchange itself: ops from *done on were not
 * carried out, or, where results[i] is -ENOBUFS, perhaps. -ENOPROTOOPT: the module was removed and cannot be
 * loaded. -ESTALE: it was removed after this session had changed something, and loaded again: that is gone
 * with the old table; the next call uses the new one. A session that changed nothing uses the new table silently.
 */
int ipvsf_batch_send(struct ipvsf_session *session, const struct ipvsf_op *ops, size_t count,
		     int32_t *results, uint32_t budget_ms, size_t *done);

/*
 * How many of ops[0..count) to send now, where more rules follow at once: not a new service at the end with its
 * dests so far, if it pays to send these together with the others that may follow (netlink/idle_scheduler.c).
 */
size_t ipvsf_batch_portion(const struct ipvsf_op *ops, size_t count);

/* All services, without their dests. */
int ipvsf_services_dump(struct ipvsf_session *session, struct ipvsf_table *ret);

/* The one service that `ident` names (its key members count), as the only row. -ESRCH: none. */
int ipvsf_service_get(struct ipvsf_session *session, const struct ipvsf_service *ident,
		      struct ipvsf_table *ret);

/* The dests of all services of the table. -EAGAIN: budget_ms is used up, call again. */
int ipvsf_dests_dump(struct ipvsf_session *session, struct ipvsf_table *table, uint32_t budget_ms);

/*
 * Some services with their dests, for who writes them before the others are read. whole: services without dests, from
 * ipvsf_services_dump() or ipvsf_service_get(), in any order; its `next` tells how far this came. ret (zero it first)
 * becomes a table of the next ones, over what it held; without services: there are no more. What has vanished is
 * left out; whole counts that, and what is unstable. After an error the next call reads the same again.
 */
int ipvsf_part_read(struct ipvsf_session *session, struct ipvsf_table *whole, struct ipvsf_table *ret);

void ipvsf_table_deinit(struct ipvsf_table *table);

enum ipvsf_order {
	IPVSF_ORDER_LISTED,    /* services and dests as ipvsadm lists them */
	IPVSF_ORDER_FOR_ADDING /* services so, dests as they were added: the kernel puts new ones first */
};

/* Brings a table that is in kernel order into another one. */
int ipvsf_table_sort(struct ipvsf_table *table, uint32_t order);
/* The same with the dests alone: services stay where they are. */
int ipvsf_dests_sort(struct ipvsf_table *table, uint32_t order);

/*
 * Deletes everything, in one send(): whoever ends us finds the table whole or empty. t: a reading, which is used
 * up, so that the dests of a large table go in the order in which the rules that -S prints find them again at
 * once; NULL, or an incomplete one: as it comes. *result: 0 or a negative errno of the kernel; returns as
 * ipvsf_batch_send() does.
 */
int ipvsf_table_clear(struct ipvsf_session *session, struct ipvsf_table *t, int32_t *result);

enum ipvsf_view {
	IPVSF_VIEW_DEFAULT,
	IPVSF_VIEW_STATS,
	IPVSF_VIEW_RATE,
	IPVSF_VIEW_THRESHOLDS,
	IPVSF_VIEW_PERSISTENT,
	IPVSF_VIEW_TUNNEL,
	IPVSF_VIEW_RULES,
	IPVSF_VIEW_SAVED /* the same rules, if every one of them makes what is there (listing/saved.py) */
};

/* The ipvsf_scope of what a view shows. */
uint32_t ipvsf_view_scope(uint32_t view);

/* How far a listing has been written; zero it first. */
struct ipvsf_cursor {
	size_t service;
	size_t dest; /* dests of that service already written, plus one for its own line */
};

/*
 * Writes the numeric lines of a view into buf, whole lines only, from the cursor on; *len becomes
 * the bytes written, 0 at the end of the table. `exact`: counters are not scaled. -EOPNOTSUPP,
 * before anything is written: the table holds values that only the listing in Python has words for.
 */
int ipvsf_table_format(const struct ipvsf_table *table, uint32_t view, uint32_t exact,
		       struct ipvsf_cursor *cursor, char *buf, size_t size, size_t *len);

enum ipvsf_record_form {
	IPVSF_RECORDS_JSON, /* the elements of an array, a line each, without what stands around them */
	IPVSF_RECORDS_NDJSON,
	IPVSF_RECORDS_CSV /* without the header */
};

/* The table as records (listing/records.py), in the same way. */
int ipvsf_table_records(const struct ipvsf_table *table, uint32_t form, struct ipvsf_cursor *cursor,
			char *buf, size_t size, size_t *len);

/*
 * The pure halves, without I/O. encode: the length of the netlink message in buf (size at least
 * IPVSF_MESSAGE_MAX), or -EINVAL. decode: `msg` is one whole netlink message.
 */
int ipvsf_op_encode(const struct ipvsf_op *op, uint16_t family, uint32_t seq, void *buf, size_t size);
int ipvsf_service_decode(const void *msg, size_t len, struct ipvsf_service_row *ret);
int ipvsf_dest_decode(const void *msg, size_t len, uint16_t service_af, struct ipvsf_dest_row *ret);
/*
 * `entry`: a struct ip_vs_dest_entry of linux/ip_vs.h. before: the same dest as it was read earlier, or NULL. 1: the
 * row is all that the scope asks for; 0: only netlink can tell.
 */
int ipvsf_dest_entry_take(const void *entry, uint32_t scope, const struct ipvsf_dest_row *before,
			  struct ipvsf_dest_row *ret);
int ipvsf_daemon_decode(const void *msg, size_t len, struct ipvsf_daemon *ret);

/* Where a scan stands; zero it at the start of a text. */
struct ipvsf_scan {
	size_t used;	  /* bytes of the text that are done with */
	size_t count;	  /* operations found */
	uint64_t line;	  /* number of the last line that is done with, counted from 1 */
	uint32_t stopped; /* the next line is whole but not canonical */
	uint32_t reserved;
};

/*
 * Reads rule lines, as `-S -n` prints them, from text[scan->used..len) into ops[scan->count..size),
 * passing over blank lines and comments. Stops before a line that is not canonical, before one
 * without its LF, or when ops is full. For operation i, offsets[i] is where its line begins and
 * numbers[i] the line's number.
 */
int ipvsf_rules_scan(const char *text, size_t len, struct ipvsf_op *ops, uint32_t *offsets, uint32_t *numbers,
		     size_t size, struct ipvsf_scan *scan);

/* The rules that a check has seen so far. */
struct ipvsf_rule_set;

/* *ret is owned by the caller: ipvsf_rule_set_destroy(), to which NULL is allowed. */
int ipvsf_rule_set_create(struct ipvsf_rule_set **ret);
void ipvsf_rule_set_destroy(struct ipvsf_rule_set *set);

/*
 * Checks new services and dests against those before them and against what the kernel is sure to
 * refuse. results[i]: 0, -EEXIST (stands twice), -ESRCH (no service before it), -ERANGE (thresholds
 * crossed), -EINVAL (dest not unicast).
 */
int ipvsf_rules_check(struct ipvsf_rule_set *set, const struct ipvsf_op *ops, size_t count, int32_t *results);

enum ipvsf_step_kind {
	IPVSF_STEP_ADD,	   /* what the rule says is not there */
	IPVSF_STEP_CHANGE, /* it is there with other values, or at another place */
	IPVSF_STEP_OTHER,  /* a daemon or timeouts, which no table shows */
	IPVSF_STEP_MOVE,   /* deletes what the steps behind it add again */
	IPVSF_STEP_DELETE  /* no rule asks for it */
};

enum ipvsf_none {
	IPVSF_NO_RULE = -1,
	IPVSF_NO_ROW = -1
};

/* What an op of a replacement is for. */
struct ipvsf_step {
	uint32_t what;	  /* enum ipvsf_step_kind */
	int32_t rule;	  /* the one that the result of the op belongs to, or IPVSF_NO_RULE */
	uint32_t entries; /* of the table: a deleted service counts with its dests */
	int32_t row;	  /* what it changes or deletes, of services or of dests, or IPVSF_NO_ROW */
};

/* How a replacement is made, bits. */
enum ipvsf_replacing {
	IPVSF_ANY_ORDER = 1,	 /* dests that are there stay where they stand */
	IPVSF_KEEP_WEIGHTS = 2,	 /* dests that are there keep their weights */
	IPVSF_KEEP_SERVICES = 4, /* services that are there are edited, whatever that costs */
};

/* What brings a table to what rules say. Owned by the caller, its arrays by C until ipvsf_replacement_deinit(). */
struct ipvsf_replacement {
	struct ipvsf_op *ops; /* in the order in which to send them */
	struct ipvsf_step *steps;
	size_t count;	  /* of both */
	int32_t *results; /* of the rules: 0, -errno, or IPVSF_NOT_SENT where an op stands for it */
	size_t num_rules;
	size_t disordered; /* services whose dests will not stand in the order of the rules */
};

/*
 * The least change that puts rules (ops that add, set timeouts, start daemons) in place of a table. The dests of
 * each service come to stand as if the rules were added to an empty table. What stands twice is sent twice, for the
 * kernel to refuse. how: bits of enum ipvsf_replacing. refused: NULL, or the results of the same rules that were sent before; then only the table
 * counts, and refused rules are passed over: what is left is what is not as it should be. -EAGAIN: the
 * reading has a service twice.
 */
int ipvsf_replacement_make(const struct ipvsf_op *rules, size_t count, uint32_t how, const int32_t *refused,
			   const struct ipvsf_table *table, struct ipvsf_replacement *ret);

void ipvsf_replacement_deinit(struct ipvsf_replacement *replacement);

/* What became of a replacement. there, added, changed: rules; deleted, left: entries that no rule asks for. */
struct ipvsf_replaced {
	size_t there;
	size_t added;
	size_t changed;
	size_t deleted;
	size_t left;
	size_t done; /* ops that were carried out */
};

/* Accounts for the results of all ops; those of the rules become known. */
void ipvsf_replacement_note(struct ipvsf_replacement *replacement, const int32_t *results,
			    struct ipvsf_replaced *ret);

/* Version text of the libnl that is linked at run time, e.g. "3.7.0". */
const char *ipvsf_libnl_version(void);
