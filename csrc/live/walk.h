/* SPDX-License-Identifier: MIT */
/* What opening (live/open.c), the program (live/program.c) and the reader (live/reader.c) share. */
#ifndef IPVSFAST_LIVE_WALK_H
#define IPVSFAST_LIVE_WALK_H

#include "bpf/bpf.h"

/* The memory: the head, where each possible CPU's counters begin, what is wanted, records. */
#define LIVE_CPUS_AT 4096
#define LIVE_WANTED_AT 8192
#define LIVE_RECORDS_AT 20480
#define LIVE_RECORDS_LEN (512 * 1024) /* fits a cache; about as many as there are steps in a run */
#define LIVE_LEN (LIVE_RECORDS_AT + LIVE_RECORDS_LEN)
#define LIVE_RECORD_MAX 1280 /* a debug kernel's locks make it longer than usual */

#define LIVE_BUCKETS 256 /* of each of the kernel's two tables, before they could be resized */

/* The head: what the program is told, what it found, and what it remembers from one step to the next. */
struct ipvsf_live_head {
	struct ipvsf_bpf_head common;
	/* told once */
	uint64_t offsets_at;  /* address of the kernel's variable __per_cpu_offset */
	uint64_t offsets_len; /* bytes of it to be copied; 0: not again */
	uint64_t num_cpus;
	/* told for each run; where the table can be resized, the first two are found */
	uint64_t heads; /* of its chains */
	uint32_t num_buckets;
	uint32_t reserved;
	uint64_t node_at; /* where in a service its node of a chain lies */
	uint64_t limit;	  /* no entry is read after so many steps */
	uint64_t bucket;  /* the next one to begin */
	uint64_t
		resume_node; /* go on at this service, which is passed to; 0: at the beginning of the bucket */
	uint64_t resume_dest; /* and there at this dest; 0: at the service itself */
	/* found */
	uint64_t table, new_table, table_after, new_table_after;
	uint32_t changes;
	uint32_t reserved2;
	uint64_t ipvs_after;
	uint64_t done;	     /* that was the last bucket */
	uint64_t lost;	     /* an entry could not be read */
	uint64_t lost_place; /* where to go on is not there any more */
	uint64_t used;	     /* bytes of records */
	uint64_t skipped;    /* entries on the way to where to go on */
	uint64_t node;	     /* the next service's; 0: none in this bucket */
	uint64_t dest;	     /* the next dest's of the service at hand; 0: none */
	uint64_t service;    /* that one */
	/* its own */
	uint64_t dests_head; /* of the service at hand */
	uint64_t record;     /* of it */
	uint64_t met;	     /* dests of it in this run */
	uint64_t steps;
	uint64_t cpustats;
	uint64_t sums[5];
	/* for the comparison with what is wanted */
	uint64_t key[2], key_af, key_port, key_is_mark;
	uint64_t first_place;
	uint64_t found_place;
};

/* What a comparison finds. */
enum {
	PLACE_NONE,
	PLACE_HOLDS,
	PLACE_EXCLUDES
};

/* The program's own result: there has never been a service in this namespace. */
#define RUN_NO_SERVICES RUN_OWN_RESULTS

/* The reader, made by live/open.c, used by live/reader.c. */
struct ipvsf_live {
	struct ipvsf_live_layout layout;
	struct ipvsf_bpf bpf;
	int netns_fd; /* keeps the namespace, whose address the program was told */
	pid_t owner;  /* a child after fork shares the memory and must not write to it */
	uint32_t hz;
	uint64_t ipvs;	    /* while both are these, the module is the same */
	uint64_t module;    /* inode of its folder; 0: built in */
	uint64_t tables[2]; /* addresses of their heads, where they cannot be resized */

	/* the reading that is going on */
	enum {
		LIVE_ENDED,
		LIVE_BEGUN,
		LIVE_READING
	} state;
	bool first_run;
	unsigned int which; /* of the tables */
	uint64_t table;	    /* that can be resized, when the reading began */
	uint32_t changes;
	/* the chain that the last row is in */
	uint64_t bucket; /* UINT64_MAX: none yet */
	bool split;	 /* it took more than one run */
	bool uneven;	 /* a service in it is not as the kernel counts */
	uint32_t uneven_tries;
	size_t services_before, dests_before;

	struct ipvsf_live_account account;
};

static inline struct ipvsf_live_head *head_of(const struct ipvsf_live *v)
{
	return (struct ipvsf_live_head *)v->bpf.head;
}

/* live/open.c: what tells the module that is loaded from another one; 0: there is none, or it is built in */
uint64_t ipvsf_live_module(void);

/* live/program.c */
int ipvsf_live_program(const struct ipvsf_live_layout *layout, int map_fd, struct ipvsf_program *ret);

#endif
