/* SPDX-License-Identifier: MIT */
/*
 * Numbers over time: two readings of the table compared. Conventions as in ipvsfast.h; nothing here does I/O
 * but ipvsf_session_open_file().
 */

enum ipvsf_stats_limits {
	IPVSF_COUNTERS = 5 /* of struct ipvsf_stats: those that only grow, conns to outbytes */
};

/*
 * What became of the services, or of the dests, of a reading `now` since one `before`. The arrays are lent.
 * `differences` and `rates` have IPVSF_COUNTERS columns, one after the other, each with a number for every row
 * of `now`; the others have room for every row of the reading whose rows they number.
 */
struct ipvsf_changes {
	uint64_t *differences;
	double *rates;	    /* the same, a second */
	uint32_t *appeared; /* rows of `now` that `before` does not have: their differences are 0 */
	uint32_t *zeroed;   /* rows of `now` with a smaller counter than before: all have counted from 0 */
	uint32_t *vanished; /* rows of `before` that `now` does not have */
	size_t num_appeared;
	size_t num_zeroed;
	size_t num_vanished;
};

/* 1: both readings have the same services and dests in the same order; 0: they have not. */
int ipvsf_table_same_keys(const struct ipvsf_table *a, const struct ipvsf_table *b);

enum ipvsf_compare_how {
	IPVSF_SAME_KEYS = 1,	 /* ipvsf_table_same_keys() said 1, nothing has to be looked for */
	IPVSF_MAY_BE_BEHIND = 2, /* a counter that is smaller than before was not zeroed: it has counted 0 */
};

/* Compares rows that have the same key, whatever their order. `seconds` lie between the readings. */
int ipvsf_table_compare(const struct ipvsf_table *now, const struct ipvsf_table *before, double seconds,
			uint32_t how, struct ipvsf_changes *services, struct ipvsf_changes *dests);

/* The sums over all services. */
int ipvsf_table_totals(const struct ipvsf_table *table, struct ipvsf_stats *ret);

/* The addresses of all services and of all dests, 16 bytes each. */
int ipvsf_table_addresses(const struct ipvsf_table *table, uint8_t *services, uint8_t *dests);

/* For every dest the number of its service. */
int ipvsf_table_services_of(const struct ipvsf_table *table, uint32_t *ret);

/*
 * How the rows of a reading are written with their counters. Lent by the caller. start: what each row begins with.
 * delta: what stands in front of the differences; NULL: there are none. services, dests: those.
 */
struct ipvsf_counted {
	uint32_t form; /* enum ipvsf_record_form; JSON: without what stands around them */
	uint32_t reserved;
	const char *start;
	const char *delta;
	const struct ipvsf_changes *services;
	const struct ipvsf_changes *dests;
	/* ipvsf_counted_begin() fills these: for each row of the table one, and one more. */
	uint32_t *service_order; /* numbers of rows, as ipvsadm lists them */
	uint32_t *dest_order;
	uint8_t *service_events;
	uint8_t *dest_events;
};

/* 0; -ENOMEM; -EOPNOTSUPP: the table holds values that only Python has words for. */
int ipvsf_counted_begin(const struct ipvsf_table *table, struct ipvsf_counted *how);

/* Whole rows from the cursor on, each service before its dests (listing/counted_records.py); *len 0: the end. */
int ipvsf_counted_rows(const struct ipvsf_table *table, const struct ipvsf_counted *how,
		       struct ipvsf_cursor *cursor, char *buf, size_t size, size_t *len);

/*
 * Opens a file for reading, by a path below /proc/thread-self or /proc/sys/net, in the network namespace of
 * the session. -errno or fd.
 */
int ipvsf_session_open_file(struct ipvsf_session *session, const char *path);
