/* SPDX-License-Identifier: MIT */
/* What the BPF programs (conns/bpf/program.c), their loader (conns/bpf/load.c) and the source (conns/bpf/source.c) share. */
#ifndef IPVSFAST_BPF_WALK_H
#define IPVSFAST_BPF_WALK_H

#include "core/internal.h"

#define WALK_RECORDS_AT 4096			 /* the head of the shared memory, then records */
#define WALK_RECORDS_LEN (512 * 1024)		 /* fits a cache; about as many as there are steps in a run */
#define WALK_ENGINE_NAME 16			 /* behind a record that has an engine: its name, */
#define WALK_ENGINE_LEN (WALK_ENGINE_NAME + 256) /* and what it keeps */
#define WALK_SYMBOL_LEN 32

/* The head: what a program is told, what it found, and what it remembers from one step to the next. */
struct ipvsf_walk {
	/* told once */
	uint64_t table_at;	      /* address of the kernel's variable ip_vs_conn_tab */
	uint64_t size_at;	      /* and of ip_vs_conn_tab_size */
	uint64_t net;		      /* whose connections; 0: found out, the calling thread's */
	char symbol[WALK_SYMBOL_LEN]; /* for the lookup */
	/* told for each run */
	uint64_t limit;	 /* no bucket is begun after so many steps; 0: only look around */
	uint64_t bucket; /* the next one to begin */
	uint64_t resume; /* entries in it that are done with */
	/* found */
	uint64_t table;
	uint32_t num_buckets;
	uint32_t reserved;
	uint64_t ipvs; /* of the namespace */
	uint64_t jiffies;
	uint64_t address;      /* by the lookup */
	uint64_t done;	       /* that was the last bucket */
	uint64_t lost;	       /* an entry could not be read */
	uint64_t used;	       /* bytes of records */
	uint64_t bucket_start; /* and before the bucket in which it stopped, */
	uint64_t passed;       /* entries of that bucket that are done with, */
	uint64_t node;	       /* and the entry that would be next; 0: stopped between buckets */
	/* its own */
	uint64_t steps;
	uint64_t skip; /* as resume, for the bucket at hand */
	uint64_t scratch;
};

/* What the walk returns. */
enum {
	WALK_OK,
	WALK_NO_TABLE,
	WALK_NO_IPVS /* in this namespace */
};

/* Why a reading cannot be had, in words; may be NULL. */
struct ipvsf_reason {
	char *text;
	size_t size;
};

/* conns/bpf/program.c */
struct bpf_insn;
#define BPF_PROGRAM_MAX 200 /* lines, labels among them */
struct ipvsf_program {
	struct bpf_insn *insns;
	size_t count;
	size_t step_at; /* where its second function begins */
};
int ipvsf_program_create(enum ipvsf_bpf_program which, const struct ipvsf_conn_layout *layout, int map_fd,
			 struct ipvsf_program *ret);
const void *ipvsf_program_btf(size_t *len);

/* conns/bpf/load.c */
struct ipvsf_bpf {
	int fd;			 /* of the walk; -1: none */
	struct ipvsf_walk *walk; /* the shared memory; NULL: none */
};
int ipvsf_bpf_load(const struct ipvsf_conn_layout *layout, struct ipvsf_bpf *ret,
		   const struct ipvsf_reason *why);
/* One run. What the program returned, or a negative errno. */
int ipvsf_bpf_run(const struct ipvsf_bpf *bpf);
void ipvsf_bpf_unload(struct ipvsf_bpf *bpf);

/* conns/bpf/reason.c; all return r */
int ipvsf_reason_say(const struct ipvsf_reason *why, int r, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int ipvsf_reason_refused(const struct ipvsf_reason *why, int r, const char *what, const char *log);
int ipvsf_reason_hidden(const struct ipvsf_reason *why, int r);

/* conns/bpf/record.c */
int ipvsf_conn_decode(const struct ipvsf_conn_layout *layout, const uint8_t *record, uint64_t jiffies,
		      uint32_t hz, struct ipvsf_conn *ret);
const char *ipvsf_conn_state(uint32_t protocol, uint32_t flags, uint32_t state);

/* conns/bpf/source.c */
struct ipvsf_source;
int ipvsf_source_bpf(int netns_fd, const struct ipvsf_reason *why, struct ipvsf_source **ret);

#endif
