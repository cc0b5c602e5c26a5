/* SPDX-License-Identifier: MIT */
/*
 * The program that the kernel runs for us, as tables. It is called for some buckets at a time
 * and copies every connection of one network namespace, as it lies in the kernel's memory, behind the
 * head (struct ipvsf_walk) of memory that it shares with us. It runs under RCU with preemption off, as
 * long as its step limit lets it; where it stopped and goes on is kept in the head.
 */
#include "conns/bpf/walk.h"
#include "bpf/program.h"

#define STEPS_MAX (1 << 20) /* in one run, limit or not: no chain is longer */
#define GO_ON 0		    /* what a step returns */
#define STOP 1

enum label {
	NEXT_STEP = OWN_LABELS,
	TAKE,
	ENTRY,
	KEEP,
	NAME_ONLY,
	PASS,
	GOING_ON,
	ALL_DONE,
	LOST,
	STOPPING
};

#define HEAD(member) offsetof(struct ipvsf_walk, member)

static const struct ipvsf_insn walk_begin[] = {
	MAP_VALUE(R6, 0),
	STORE_VALUE(R6, HEAD(done), 0),
	STORE_VALUE(R6, HEAD(lost), 0),
	STORE_VALUE(R6, HEAD(used), 0),
	STORE_VALUE(R6, HEAD(bucket_start), 0),
	STORE_VALUE(R6, HEAD(passed), 0),
	STORE_VALUE(R6, HEAD(node), 0),
	STORE_VALUE(R6, HEAD(steps), 0),
	STORE_VALUE(R6, HEAD(skip), 0),
	CALL(HELPER_JIFFIES64),
	STORE(R6, HEAD(jiffies), R0),
	LOAD(R3, R6, HEAD(table_at)),
	READ_INTO(HEAD(table), 8),
	IF_VALUE(BPF_JNE, R0, 0, NO_TABLE),
	LOAD(R3, R6, HEAD(size_at)),
	READ_INTO(HEAD(num_buckets), 4),
	IF_VALUE(BPF_JNE, R0, 0, NO_TABLE),
};

static const struct ipvsf_insn walk_loop[] = {
	SET(R1, STEPS_MAX), FUNCTION(R2, NEXT_STEP), SET(R3, 0), SET(R4, 0), CALL(HELPER_LOOP),
};

/* The second function. A step looks at one entry, R7, or else at the head of the next bucket. */
static const struct ipvsf_insn step_begin[] = {
	LABEL(NEXT_STEP),
	MAP_VALUE(R6, 0),
	LOAD(R1, R6, HEAD(steps)),
	ADD_VALUE(R1, 1),
	STORE(R6, HEAD(steps), R1),
	LOAD(R7, R6, HEAD(node)),
	IF_VALUE(BPF_JNE, R7, 0, ENTRY),

	LOAD(R2, R6, HEAD(bucket)),
	LOAD32(R3, R6, HEAD(num_buckets)),
	IF(BPF_JGE, R2, R3, ALL_DONE),
	LOAD(R3, R6, HEAD(limit)),
	IF(BPF_JGT, R1, R3, STOPPING),
	LOAD(R3, R6, HEAD(used)),
	STORE(R6, HEAD(bucket_start), R3),
	STORE_VALUE(R6, HEAD(passed), 0),
	LOAD(R3, R6, HEAD(resume)),
	STORE(R6, HEAD(skip), R3),
	STORE_VALUE(R6, HEAD(resume), 0),
	LOAD(R3, R6, HEAD(table)),
	MOVE(R4, R2),
	SHIFT_LEFT(R4, 3),
	ADD(R3, R4),
	ADD_VALUE(R2, 1),
	STORE(R6, HEAD(bucket), R2),
	READ_INTO(HEAD(node), 8),
	IF_VALUE(BPF_JNE, R0, 0, LOST),
	GO_TO(GOING_ON),

	LABEL(ENTRY),
	LOAD(R1, R6, HEAD(passed)),
	LOAD(R2, R6, HEAD(skip)),
	IF(BPF_JGE, R1, R2, TAKE),
	MOVE(R3, R7),
	READ_INTO(HEAD(node), 8),
	IF_VALUE(BPF_JNE, R0, 0, LOST),
	GO_TO(PASS),
};

/* R9 the record, R8 bytes used up to its end */
static void take_entry(struct text_writer *t, const struct ipvsf_conn_layout *l)
{
	const struct ipvsf_insn lines[] = {
		LABEL(TAKE),
		LOAD(R8, R6, HEAD(used)),
		IF_VALUE(BPF_JGT, R8, WALK_RECORDS_LEN - l->record_len - WALK_ENGINE_LEN, STOPPING),
		MAP_VALUE(R9, WALK_RECORDS_AT),
		ADD(R9, R8),
		MOVE(R1, R9),
		SET(R2, l->record_len),
		MOVE(R3, R7),
		ADD_VALUE(R3, -(int32_t)l->node),
		CALL(HELPER_PROBE_READ_KERNEL),
		IF_VALUE(BPF_JNE, R0, 0, LOST),
		LOAD(R1, R9, l->node),
		STORE(R6, HEAD(node), R1),
		LOAD(R1, R9, l->ipvs),
		LOAD(R2, R6, COMMON(ipvs)),
		IF(BPF_JNE, R1, R2, PASS),
		ADD_VALUE(R8, l->record_len),
		LOAD(R3, R9, l->engine),
		IF_VALUE(BPF_JEQ, R3, 0, KEEP),
		LOAD(R1, R9, l->data),
		IF_VALUE(BPF_JEQ, R1, 0, KEEP),
	};

	APPEND(t, lines);
}

static void take_engine(struct text_writer *t, const struct ipvsf_conn_layout *l)
{
	const struct ipvsf_insn lines[] = {
		ADD_VALUE(R3, l->engine_name),
		READ_INTO(COMMON(scratch), 8),
		IF_VALUE(BPF_JNE, R0, 0, LOST),
		MOVE(R1, R9),
		ADD_VALUE(R1, l->record_len),
		SET(R2, WALK_ENGINE_NAME),
		LOAD(R3, R6, COMMON(scratch)),
		CALL(HELPER_PROBE_READ_KERNEL_STR),
		IF_VALUE(BPF_JSLT, R0, 0, LOST),
		LOAD8(R2, R9, l->data_len),
		IF_VALUE(BPF_JEQ, R2, 0, NAME_ONLY),
		MOVE(R1, R9),
		ADD_VALUE(R1, l->record_len + WALK_ENGINE_NAME),
		LOAD(R3, R9, l->data),
		CALL(HELPER_PROBE_READ_KERNEL),
		IF_VALUE(BPF_JNE, R0, 0, LOST),
		LABEL(NAME_ONLY),
		ADD_VALUE(R8, WALK_ENGINE_LEN),
	};

	APPEND(t, lines);
}

static const struct ipvsf_insn step_end[] = {
	LABEL(KEEP),
	STORE(R6, HEAD(used), R8),
	LABEL(PASS),
	LOAD(R1, R6, HEAD(passed)),
	ADD_VALUE(R1, 1),
	STORE(R6, HEAD(passed), R1),
	LABEL(GOING_ON),
	SET(R0, GO_ON),
	EXIT,
	LABEL(ALL_DONE),
	STORE_VALUE(R6, HEAD(done), 1),
	GO_TO(STOPPING),
	LABEL(LOST),
	STORE_VALUE(R6, HEAD(lost), 1),
	LABEL(STOPPING),
	SET(R0, STOP),
	EXIT,
};

int ipvsf_conn_program(const struct ipvsf_conn_layout *l, int map_fd, struct ipvsf_program *ret)
{
	static const struct ipvsf_program_function functions[] = { { "ipvsf_conn_walk", 0 },
								   { "ipvsf_conn_step", NEXT_STEP } };
	struct text_writer t;

	t.count = 0;
	APPEND(&t, walk_begin);
	ipvsf_program_namespace(&t, l->nsproxy, l->net, l->net_ipvs);
	APPEND(&t, walk_loop);
	ipvsf_program_results(&t);
	APPEND(&t, step_begin);
	take_entry(&t, l);
	take_engine(&t, l);
	APPEND(&t, step_end);
	return ipvsf_program_assemble(&t, functions, 2, map_fd, ret);
}

int ipvsf_bpf_words(uint32_t program, const struct ipvsf_conn_layout *layout, uint64_t *words, size_t size)
{
	struct ipvsf_program p;
	int r = program == IPVSF_BPF_WALK ? ipvsf_conn_program(layout, 0, &p) : ipvsf_program_lookup(0, &p);

	return r ? r : ipvsf_program_words(&p, words, size);
}
