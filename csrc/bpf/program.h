/* SPDX-License-Identifier: MIT */
/* How programs are put together: tables of lines (bpf/insn.h), one after the other, then made into instructions. */
#ifndef IPVSFAST_BPF_PROGRAM_H
#define IPVSFAST_BPF_PROGRAM_H

#include "bpf/bpf.h"
#include "bpf/insn.h"

#define LINES_MAX 640 /* labels among them */
#define LABELS_MAX 64

/* Labels that all programs have; their own follow. */
enum {
	KNOW_NET = 1,
	NO_TABLE,
	NO_IPVS,
	OWN_LABELS
};

/* A member of the head of the memory; HEAD() is that of a program's own head, in which this one comes first. */
#define COMMON(member) offsetof(struct ipvsf_bpf_head, member)

/* Everywhere: R6 the head. Reads `size` bytes of the kernel's memory at R3 into what lies at `to` in it. */
#define READ_INTO(to, size) MOVE(R1, R6), ADD_VALUE(R1, to), SET(R2, size), CALL(HELPER_PROBE_READ_KERNEL)

/* The lines so far. */
struct text_writer {
	struct ipvsf_insn lines[LINES_MAX];
	size_t count;
};

#define APPEND(text, table) ipvsf_program_append(text, table, sizeof(table) / sizeof((table)[0]))

void ipvsf_program_append(struct text_writer *t, const struct ipvsf_insn *lines, size_t count);
/* current->nsproxy->net_ns, unless it is known, then ->ipvs. Goes to NO_TABLE, NO_IPVS where there is none. */
void ipvsf_program_namespace(struct text_writer *t, uint32_t nsproxy, uint32_t net, uint32_t net_ipvs);
/* What stands behind the loop: returning the result, and what leads to the two labels. */
void ipvsf_program_results(struct text_writer *t);

/* A function, and the label where it begins; that of the program itself is 0. */
struct ipvsf_program_function {
	const char *name;
	uint8_t label;
};
/* Lines to instructions. 0; -ENOMEM; -E2BIG: too many lines. */
int ipvsf_program_assemble(const struct text_writer *t, const struct ipvsf_program_function *functions,
			   size_t num_functions, int map_fd, struct ipvsf_program *ret);
/* The instructions into words[0..size). Returns how many there are, and frees them. */
int ipvsf_program_words(struct ipvsf_program *program, uint64_t *words, size_t size);

#endif
