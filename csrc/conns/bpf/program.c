/* SPDX-License-Identifier: MIT */
/*
 * The programs that the kernel runs for us, as tables. The walk is called for some buckets at a time
 * and copies every connection of one network namespace, as it lies in the kernel's memory, behind the
 * head (struct ipvsf_walk) of memory that it shares with us. It runs under RCU with preemption off, as
 * long as its step limit lets it; where it stopped and goes on is kept in the head.
 */
#include "conns/bpf/walk.h"
#include "conns/bpf/insn.h"

#include <linux/btf.h>

#define STEPS_MAX (1 << 20) /* in one run, limit or not: no chain is longer */
#define GO_ON 0		    /* what a step returns */
#define STOP 1

enum label {
	KNOW_NET = 1,
	NO_TABLE,
	NO_IPVS,
	NEXT_STEP,
	TAKE,
	ENTRY,
	KEEP,
	NAME_ONLY,
	PASS,
	GOING_ON,
	ALL_DONE,
	LOST,
	STOPPING,
	NUM_LABELS
};

#define HEAD(member) offsetof(struct ipvsf_walk, member)

/* The lines so far, labels among them. */
struct text_writer {
	struct ipvsf_insn lines[BPF_PROGRAM_MAX];
	size_t count;
};

#define APPEND(text, table) append(text, table, sizeof(table) / sizeof((table)[0]))

static void append(struct text_writer *t, const struct ipvsf_insn *lines, size_t count)
{
	if (t->count + count <= BPF_PROGRAM_MAX)
		memcpy(&t->lines[t->count], lines, count * sizeof(*lines));
	t->count += count;
}

/* Reads `size` bytes of the kernel's memory at R3 into a member of the head. */
#define READ_INTO(member, size) \
	MOVE(R1, R6), ADD_VALUE(R1, HEAD(member)), SET(R2, size), CALL(HELPER_PROBE_READ_KERNEL)

/* Everywhere: R6 the head. */
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
	READ_INTO(table, 8),
	IF_VALUE(BPF_JNE, R0, 0, NO_TABLE),
	LOAD(R3, R6, HEAD(size_at)),
	READ_INTO(num_buckets, 4),
	IF_VALUE(BPF_JNE, R0, 0, NO_TABLE),
};

/* current->nsproxy->net_ns, unless it is known, then ->ipvs */
static void find_namespace(struct text_writer *t, const struct ipvsf_conn_layout *l)
{
	const struct ipvsf_insn lines[] = {
		LOAD(R3, R6, HEAD(net)),
		IF_VALUE(BPF_JNE, R3, 0, KNOW_NET),
		CALL(HELPER_GET_CURRENT_TASK),
		MOVE(R3, R0),
		ADD_VALUE(R3, l->nsproxy),
		READ_INTO(scratch, 8),
		IF_VALUE(BPF_JNE, R0, 0, NO_TABLE),
		LOAD(R3, R6, HEAD(scratch)),
		ADD_VALUE(R3, l->net),
		READ_INTO(net, 8),
		IF_VALUE(BPF_JNE, R0, 0, NO_TABLE),
		LOAD(R3, R6, HEAD(net)),
		LABEL(KNOW_NET),
		ADD_VALUE(R3, l->net_ipvs),
		READ_INTO(ipvs, 8),
		IF_VALUE(BPF_JNE, R0, 0, NO_TABLE),
		LOAD(R1, R6, HEAD(ipvs)),
		IF_VALUE(BPF_JEQ, R1, 0, NO_IPVS),
	};

	APPEND(t, lines);
}

static const struct ipvsf_insn walk_loop[] = {
	SET(R1, STEPS_MAX),
	FUNCTION(R2, NEXT_STEP),
	SET(R3, 0),
	SET(R4, 0),
	CALL(HELPER_LOOP),
	SET(R0, WALK_OK),
	EXIT,
	LABEL(NO_TABLE),
	SET(R0, WALK_NO_TABLE),
	EXIT,
	LABEL(NO_IPVS),
	SET(R0, WALK_NO_IPVS),
	EXIT,
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
	READ_INTO(node, 8),
	IF_VALUE(BPF_JNE, R0, 0, LOST),
	GO_TO(GOING_ON),

	LABEL(ENTRY),
	LOAD(R1, R6, HEAD(passed)),
	LOAD(R2, R6, HEAD(skip)),
	IF(BPF_JGE, R1, R2, TAKE),
	MOVE(R3, R7),
	READ_INTO(node, 8),
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
		LOAD(R2, R6, HEAD(ipvs)),
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
		READ_INTO(scratch, 8),
		IF_VALUE(BPF_JNE, R0, 0, LOST),
		MOVE(R1, R9),
		ADD_VALUE(R1, l->record_len),
		SET(R2, WALK_ENGINE_NAME),
		LOAD(R3, R6, HEAD(scratch)),
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

static const struct ipvsf_insn lookup[] = {
	MAP_VALUE(R6, 0),
	MOVE(R1, R6),
	ADD_VALUE(R1, HEAD(symbol)),
	SET(R2, WALK_SYMBOL_LEN),
	SET(R3, 0),
	MOVE(R4, R6),
	ADD_VALUE(R4, HEAD(address)),
	CALL(HELPER_KALLSYMS_LOOKUP_NAME),
	EXIT,
};

static void write_walk(struct text_writer *t, const struct ipvsf_conn_layout *l)
{
	APPEND(t, walk_begin);
	find_namespace(t, l);
	APPEND(t, walk_loop);
	APPEND(t, step_begin);
	take_entry(t, l);
	take_engine(t, l);
	APPEND(t, step_end);
}

/* Lines to instructions: labels become distances. */
static void assemble(const struct text_writer *t, int map_fd, struct ipvsf_program *ret)
{
	size_t at[NUM_LABELS] = { 0 };

	ret->count = 0;
	for (size_t i = 0; i < t->count; i++) {
		if (t->lines[i].label)
			at[t->lines[i].label] = ret->count;
		else
			ret->count++;
	}
	ret->step_at = at[NEXT_STEP];
	for (size_t i = 0, n = 0; i < t->count; i++) {
		struct bpf_insn *insn = &ret->insns[n];
		long distance = (long)at[t->lines[i].target] - (long)n - 1;

		if (t->lines[i].label)
			continue;
		*insn = t->lines[i].insn;
		if (insn->code != (BPF_LD | BPF_IMM | BPF_DW))
			insn->off += t->lines[i].target ? (int16_t)distance : 0;
		else
			insn->imm = t->lines[i].target ? (int32_t)distance : map_fd;
		n++;
	}
}

int ipvsf_program_create(enum ipvsf_bpf_program which, const struct ipvsf_conn_layout *layout, int map_fd,
			 struct ipvsf_program *ret)
{
	struct text_writer *t = calloc(1, sizeof(*t));
	int r = t ? 0 : -ENOMEM;

	ret->insns = NULL;
	if (!r && which == IPVSF_BPF_WALK)
		write_walk(t, layout);
	else if (!r)
		APPEND(t, lookup);
	if (!r && t->count > BPF_PROGRAM_MAX)
		r = -E2BIG;
	if (!r) {
		ret->insns = calloc(t->count, sizeof(*ret->insns));
		r = ret->insns ? 0 : -ENOMEM;
	}
	if (!r)
		assemble(t, map_fd, ret);
	free(t);
	return r;
}

int ipvsf_bpf_words(uint32_t program, const struct ipvsf_conn_layout *layout, uint64_t *words, size_t size)
{
	struct ipvsf_program p;
	int r = ipvsf_program_create(program, layout, 0, &p);

	_Static_assert(sizeof(*words) == sizeof(*p.insns), "an instruction is a word");
	if (r)
		return r;
	memcpy(words, p.insns, (p.count < size ? p.count : size) * sizeof(*words));
	free(p.insns);
	return (int)p.count;
}

/*
 * A program of two functions needs BTF: here one type of function without arguments, and a name for
 * each. bpf_loop() needs it to call the second one, and tools that list programs show the names.
 */
static const struct {
	struct btf_header header;
	struct btf_type types[3];
	char strings[36];
} program_btf = {
	.header = {
		.magic = BTF_MAGIC,
		.version = BTF_VERSION,
		.hdr_len = sizeof(struct btf_header),
		.type_len = sizeof(program_btf.types),
		.str_off = sizeof(program_btf.types),
		.str_len = sizeof(program_btf.strings),
	},
	.types = {
		{ .info = BTF_KIND_FUNC_PROTO << 24 },
		{ .info = BTF_KIND_FUNC << 24, .name_off = 1, .type = 1 },
		{ .info = BTF_KIND_FUNC << 24, .name_off = 17, .type = 1 },
	},
	.strings = "\0ipvsf_conn_walk\0ipvsf_conn_step",
};

const void *ipvsf_program_btf(size_t *len)
{
	*len = sizeof(program_btf);
	return &program_btf;
}
