/* SPDX-License-Identifier: MIT */
/*
 * What readers by BPF share: how their programs are written (bpf/program.h), loaded and run, where the kernel
 * keeps what they read, and why it does not let them. Such a reader has one program, which is run again and
 * again, and memory that both see; at its beginning stands struct ipvsf_bpf_head.
 */
#ifndef IPVSFAST_BPF_H
#define IPVSFAST_BPF_H

#include "core/internal.h"

#define SYMBOL_LEN 32
#define FUNCTIONS_MAX 4

struct ipvsf_bpf_head {
	char symbol[SYMBOL_LEN]; /* whose address is looked up, */
	uint64_t address;	 /* and that */
	uint64_t net;		 /* the network namespace; 0: found out, the calling thread's */
	uint64_t ipvs;		 /* what IPVS has of it */
	uint64_t scratch;	 /* the program's own */
};

/* What every such program returns; it may have more numbers of its own, from RUN_OWN_RESULTS on. */
enum {
	RUN_OK,
	RUN_NO_TABLE,
	RUN_NO_IPVS, /* in this namespace */
	RUN_OWN_RESULTS
};

/* Why a reading cannot be had, in words. */
struct ipvsf_reason {
	char *text;
	size_t size;	  /* 0: nobody wants to know */
	const char *what; /* is to be read */
};

/* A program, ready to be loaded. */
struct bpf_insn;
struct ipvsf_program {
	struct bpf_insn *insns; /* free() */
	size_t count;
	size_t functions_at[FUNCTIONS_MAX]; /* where they begin */
	const char *functions[FUNCTIONS_MAX];
	size_t num_functions;
};

/* bpf/program.c: the one that looks up the address of the symbol in the head */
int ipvsf_program_lookup(int map_fd, struct ipvsf_program *ret);
/* Type information that names a program's functions, as the kernel wants it; into buf. Its length, or -E2BIG. */
int ipvsf_program_btf(const struct ipvsf_program *program, void *buf, size_t size);

/* bpf/load.c */
struct ipvsf_bpf_symbol {
	const char *name;
	uint64_t *at; /* where its address is put */
};

struct ipvsf_bpf {
	int fd;			     /* of the program; -1: none */
	int map_fd;		     /* until ipvsf_bpf_settle(); -1: none */
	struct ipvsf_bpf_head *head; /* the shared memory; NULL: none */
	size_t len;
};

/* `len` bytes of memory. name: at most 15 characters, shown by tools that list such memory. */
int ipvsf_bpf_create(struct ipvsf_bpf *ret, const char *name, size_t len, const struct ipvsf_reason *why);
/* Loads the program that is to be run, which belongs to the caller. name: as above. */
int ipvsf_bpf_load(struct ipvsf_bpf *bpf, const char *name, const struct ipvsf_program *program,
		   const struct ipvsf_reason *why);
int ipvsf_bpf_find(struct ipvsf_bpf *bpf, const struct ipvsf_bpf_symbol *symbols, size_t count,
		   const struct ipvsf_reason *why);
/* All is loaded: no more descriptors than a run needs. */
void ipvsf_bpf_settle(struct ipvsf_bpf *bpf);
/* One run. What the program returned, or a negative errno. */
int ipvsf_bpf_run(const struct ipvsf_bpf *bpf);
void ipvsf_bpf_unload(struct ipvsf_bpf *bpf);

/*
 * One run by a thread in that network namespace, -1: the caller's, so that the program learns its address. As
 * ipvsf_bpf_run(). *kept becomes a descriptor of the namespace: as long as it is open that address is valid.
 */
int ipvsf_bpf_enter(struct ipvsf_bpf *bpf, int netns_fd, int *kept, const struct ipvsf_reason *why);

/* bpf/kernel_types.c: the types of IPVS and of the kernel below it */
struct ipvsf_kernel_types {
	struct ipvsf_btf *kernel, *module; /* NULL: built in */
};
int ipvsf_kernel_types_open(struct ipvsf_kernel_types *ret, const struct ipvsf_reason *why);
void ipvsf_kernel_types_close(struct ipvsf_kernel_types *types);
const struct ipvsf_btf *ipvsf_kernel_types_all(const struct ipvsf_kernel_types *types);
/* The module, which `missing` is a type of, is not there. Returns r. */
int ipvsf_kernel_types_lack(const struct ipvsf_reason *why, int r, const char *missing);

/* bpf/members.c: where the members of a struct lie. A table's rows; ANY_SIZE: of whatever size. */
#define ANY_SIZE 0
struct ipvsf_bpf_member {
	const char *type, *member;
	uint32_t size;
	size_t at; /* in the layout: a uint32_t */
};
/* As ipvsf_btf_member(), but -EBADMSG for another size as well. missing: which one, as type.member. */
int ipvsf_bpf_members(const struct ipvsf_btf *btf, const struct ipvsf_bpf_member *members, size_t count,
		      void *layout, char *missing, size_t size);
int ipvsf_bpf_member(const struct ipvsf_btf *btf, const char *type, const char *member, uint32_t wanted,
		     uint32_t *offset);
/* Numbers as they lie in the kernel's memory, at any place. */
static inline uint16_t u16_at(const uint8_t *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static inline uint32_t u32_at(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static inline uint64_t u64_at(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

/* Ticks per second: no call gives the number, but the coarse clock advances by one tick. 0: unknown. */
uint32_t ipvsf_ticks_per_second(void);

/* bpf/reason.c; all return r */
int ipvsf_reason_say(const struct ipvsf_reason *why, int r, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int ipvsf_reason_refused(const struct ipvsf_reason *why, int r, const char *what, const char *log);
int ipvsf_reason_hidden(const struct ipvsf_reason *why, int r);

#endif
