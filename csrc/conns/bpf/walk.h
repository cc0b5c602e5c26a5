/* SPDX-License-Identifier: MIT */
/* What the BPF program (conns/bpf/program.c) and the source (conns/bpf/source.c) share. */
#ifndef IPVSFAST_CONNS_WALK_H
#define IPVSFAST_CONNS_WALK_H

#include "bpf/bpf.h"

#define WALK_RECORDS_AT 4096			 /* the head of the shared memory, then records */
#define WALK_RECORDS_LEN (512 * 1024)		 /* fits a cache; about as many as there are steps in a run */
#define WALK_ENGINE_NAME 16			 /* behind a record that has an engine: its name, */
#define WALK_ENGINE_LEN (WALK_ENGINE_NAME + 256) /* and what it keeps */
#define WALK_LEN (WALK_RECORDS_AT + WALK_RECORDS_LEN)

/* The head: what a program is told, what it found, and what it remembers from one step to the next. */
struct ipvsf_walk {
	struct ipvsf_bpf_head common;
	/* told once */
	uint64_t table_at; /* address of the kernel's variable ip_vs_conn_tab */
	uint64_t size_at;  /* and of ip_vs_conn_tab_size */
	/* told for each run */
	uint64_t limit;	 /* no bucket is begun after so many steps; 0: only look around */
	uint64_t bucket; /* the next one to begin */
	uint64_t resume; /* entries in it that are done with */
	/* found */
	uint64_t table;
	uint32_t num_buckets;
	uint32_t reserved;
	uint64_t jiffies;
	uint64_t done;	       /* that was the last bucket */
	uint64_t lost;	       /* an entry could not be read */
	uint64_t used;	       /* bytes of records */
	uint64_t bucket_start; /* and before the bucket in which it stopped, */
	uint64_t passed;       /* entries of that bucket that are done with, */
	uint64_t node;	       /* and the entry that would be next; 0: stopped between buckets */
	/* its own */
	uint64_t steps;
	uint64_t skip; /* as resume, for the bucket at hand */
};

/* conns/bpf/program.c */
int ipvsf_conn_program(const struct ipvsf_conn_layout *layout, int map_fd, struct ipvsf_program *ret);

/* conns/bpf/record.c */
int ipvsf_conn_decode(const struct ipvsf_conn_layout *layout, const uint8_t *record, uint64_t jiffies,
		      uint32_t hz, struct ipvsf_conn *ret);
const char *ipvsf_conn_state(uint32_t protocol, uint32_t flags, uint32_t state);

/* conns/bpf/source.c */
struct ipvsf_source;
int ipvsf_source_bpf(int netns_fd, const struct ipvsf_reason *why, struct ipvsf_source **ret);

#endif
