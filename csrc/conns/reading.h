/* SPDX-License-Identifier: MIT */
/*
 * Where the rows of the connection table come from. Everything behind it (filters, counts, formats)
 * sees rows only and does not care.
 */
#ifndef IPVSFAST_SOURCE_H
#define IPVSFAST_SOURCE_H

#include "core/internal.h"
#include "core/siphash.h"

#ifndef IPVSF_LINE_MAX
#define IPVSF_LINE_MAX 65536 /* a line that is longer is no entry */
#endif

/* Some rows, valid until the source is asked again. Engines' names and data lie in text. */
struct ipvsf_rows {
	const struct ipvsf_conn *rows;
	size_t count;
	const char *text;
	bool repeating; /* from here on entries may come again */
};

struct ipvsf_source;

struct ipvsf_source_ops {
	/*
	 * The next rows. Returns 0, with a count of 0 only at the end; -EAGAIN: none by the deadline
	 * (ipvsf_now_ms(); 0: wait as long as it takes); another negative errno ends the reading.
	 */
	int (*next)(struct ipvsf_source *source, int64_t deadline, struct ipvsf_rows *ret);
	/* Adds what only the source knows: unreadable, first_unreadable, times, overlapped. */
	void (*account)(const struct ipvsf_source *source, struct ipvsf_conn_account *ret);
	void (*destroy)(struct ipvsf_source *source);
};

/* First member of every source. */
struct ipvsf_source {
	const struct ipvsf_source_ops *ops;
};

/*
 * conns/proc/source.c: the kernel's text. size_fd: a file that tells the size of the table, -1: none. Takes
 * both over, even on failure.
 */
int ipvsf_source_proc(int fd, int size_fd, bool overlap, struct ipvsf_source **ret);

/* conns/reading.c: gives an opened source to a reading, which owns it from then on. */
void ipvsf_conns_read_from(struct ipvsf_conns *conns, struct ipvsf_source *source);

/* What the steps share: the next row that matches. 0; -EAGAIN: none by the deadline; -ENODATA: the end. */
struct ipvsf_pull {
	struct ipvsf_conns *conns;
	int64_t deadline; /* 0: none */
	const char *text; /* of the row that was given last */
};
int ipvsf_pull_next(struct ipvsf_pull *pull, const struct ipvsf_conn **ret);
void ipvsf_pull_begin(struct ipvsf_pull *pull, struct ipvsf_conns *conns, uint32_t budget_ms);
/* There was no room for the last row: it comes again. */
void ipvsf_pull_undo(struct ipvsf_pull *pull);

/* conns/proc/scan.c: counts a line that is no entry, and keeps the beginning of the first. */
void ipvsf_scan_note(struct ipvsf_conn_scan *scan, const char *s, const char *end);

/* conns/filter.c */
struct ipvsf_matcher {
	struct ipvsf_conn_filter filter;
	struct ipvsf_conn_match *matches;
	size_t num_matches;
	uint8_t places; /* bit for each enum ipvsf_conn_place that is asked about */
	bool everything;
};
int ipvsf_matcher_init(struct ipvsf_matcher *m, const struct ipvsf_conn_filter *filter,
		       const struct ipvsf_conn_match *matches, size_t count);
void ipvsf_matcher_deinit(struct ipvsf_matcher *m);
bool ipvsf_matcher_wants(const struct ipvsf_matcher *m, const struct ipvsf_conn *row, const char *text);
uint8_t ipvsf_conn_family(const struct ipvsf_conn *row);

/* conns/repeats.c: which entries were read before; by a mark of each: a keyed hash */
uint64_t ipvsf_conn_mark(const struct ipvsf_sip_key *key, const struct ipvsf_conn *row, const char *text);
struct ipvsf_memory;
int ipvsf_memory_create(struct ipvsf_memory **ret);
void ipvsf_memory_destroy(struct ipvsf_memory *memory);
/* From now on entries that come again are distinguished from new ones. */
int ipvsf_memory_sort(struct ipvsf_memory *memory);
/* 0: new, as far as is known; -EEXIST: read before; -ENOMEM */
int ipvsf_memory_add(struct ipvsf_memory *memory, uint64_t mark);

/* The same for some thousand entries read last. Freed by free(). */
struct ipvsf_recent;
int ipvsf_recent_create(struct ipvsf_recent **ret);
void ipvsf_recent_clear(struct ipvsf_recent *recent);
/* false: it is one of them */
bool ipvsf_recent_add(struct ipvsf_recent *recent, uint64_t mark);

#endif
