/* SPDX-License-Identifier: MIT */
/*
 * A small assembler: an instruction of the BPF machine is one line of a table, jumps name labels.
 * Numbers that a build machine's linux/bpf.h may not have yet are defined here under names of our own.
 */
#ifndef IPVSFAST_BPF_INSN_H
#define IPVSFAST_BPF_INSN_H

#include <linux/bpf.h>

/* clang-format off */

enum {
	R0, R1, R2, R3, R4, R5,	/* results and arguments: a call destroys them */
	R6, R7, R8, R9,		/* kept over calls */
	R10			/* the end of the function's stack */
};

/* include/uapi/linux/bpf.h: functions of the kernel */
enum {
	HELPER_GET_CURRENT_TASK = 35,		/* 4.8 */
	HELPER_PROBE_READ_KERNEL = 113,		/* 5.5 */
	HELPER_PROBE_READ_KERNEL_STR = 115,	/* 5.5 */
	HELPER_JIFFIES64 = 118,			/* 5.6 */
	HELPER_KALLSYMS_LOOKUP_NAME = 179,	/* 5.16 */
	HELPER_LOOP = 181			/* 5.17 */
};

enum {
	POINTS_TO_MAP_VALUE = 2,	/* what an instruction of two words loads */
	POINTS_TO_FUNCTION = 4
};

/* A line of a program: an instruction, or (code 0, label not 0) a label and nothing else. */
struct ipvsf_insn {
	struct bpf_insn insn;
	uint8_t label;		/* stands here */
	uint8_t target;		/* the label that the instruction refers to; 0: none */
};

#define INSN(c, d, s, o, i) \
	.insn = { .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (int32_t)(i) }

#define LABEL(name)		{ .label = (name) }
#define MOVE(d, s)		{ INSN(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0) }
#define SET(d, value)		{ INSN(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, value) }
#define ADD(d, s)		{ INSN(BPF_ALU64 | BPF_ADD | BPF_X, d, s, 0, 0) }
#define ADD_VALUE(d, value)	{ INSN(BPF_ALU64 | BPF_ADD | BPF_K, d, 0, 0, value) }
#define SUB(d, s)		{ INSN(BPF_ALU64 | BPF_SUB | BPF_X, d, s, 0, 0) }
#define AND(d, s)		{ INSN(BPF_ALU64 | BPF_AND | BPF_X, d, s, 0, 0) }
#define AND_VALUE(d, value)	{ INSN(BPF_ALU64 | BPF_AND | BPF_K, d, 0, 0, value) }
#define SHIFT_LEFT(d, bits)	{ INSN(BPF_ALU64 | BPF_LSH | BPF_K, d, 0, 0, bits) }

/* 16 bits between network and host order */
#define SWAP16(d)		{ INSN(BPF_ALU | BPF_END | BPF_TO_BE, d, 0, 0, 16) }

/* d = *(s + at), of 64, 32, 16 or 8 bits, and back */
#define LOAD(d, s, at)		{ INSN(BPF_LDX | BPF_MEM | BPF_DW, d, s, at, 0) }
#define LOAD32(d, s, at)	{ INSN(BPF_LDX | BPF_MEM | BPF_W, d, s, at, 0) }
#define LOAD16(d, s, at)	{ INSN(BPF_LDX | BPF_MEM | BPF_H, d, s, at, 0) }
#define LOAD8(d, s, at)		{ INSN(BPF_LDX | BPF_MEM | BPF_B, d, s, at, 0) }
#define STORE(d, at, s)		{ INSN(BPF_STX | BPF_MEM | BPF_DW, d, s, at, 0) }
#define STORE32(d, at, s)	{ INSN(BPF_STX | BPF_MEM | BPF_W, d, s, at, 0) }
#define STORE_VALUE(d, at, value) { INSN(BPF_ST | BPF_MEM | BPF_DW, d, 0, at, value) }

#define GO_TO(name)		{ INSN(BPF_JMP | BPF_JA, 0, 0, 0, 0), .target = (name) }
#define IF(op, a, b, name)	{ INSN(BPF_JMP | (op) | BPF_X, a, b, 0, 0), .target = (name) }
#define IF_VALUE(op, a, value, name) { INSN(BPF_JMP | (op) | BPF_K, a, 0, 0, value), .target = (name) }
#define CALL(helper)		{ INSN(BPF_JMP | BPF_CALL, 0, 0, 0, helper) }
#define EXIT			{ INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0) }

/* Two words each. */
#define MAP_VALUE(d, at) \
	{ INSN(BPF_LD | BPF_IMM | BPF_DW, d, POINTS_TO_MAP_VALUE, 0, 0) }, { INSN(0, 0, 0, 0, at) }
#define FUNCTION(d, name) \
	{ INSN(BPF_LD | BPF_IMM | BPF_DW, d, POINTS_TO_FUNCTION, 0, 0), .target = (name) }, \
	{ INSN(0, 0, 0, 0, 0) }

/* clang-format on */

#endif
