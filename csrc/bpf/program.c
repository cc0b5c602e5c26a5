/* SPDX-License-Identifier: MIT */
/* Lines to instructions, what all programs have in common, and the program that finds a symbol's address. */
#include "bpf/program.h"
#include "bpf/btf_header.h"

#include <linux/btf.h>

void ipvsf_program_append(struct text_writer *t, const struct ipvsf_insn *lines, size_t count)
{
	if (t->count + count <= LINES_MAX)
		memcpy(&t->lines[t->count], lines, count * sizeof(*lines));
	t->count += count;
}

void ipvsf_program_namespace(struct text_writer *t, uint32_t nsproxy, uint32_t net, uint32_t net_ipvs)
{
	const struct ipvsf_insn lines[] = {
		LOAD(R3, R6, COMMON(net)),
		IF_VALUE(BPF_JNE, R3, 0, KNOW_NET),
		CALL(HELPER_GET_CURRENT_TASK),
		MOVE(R3, R0),
		ADD_VALUE(R3, nsproxy),
		READ_INTO(COMMON(scratch), 8),
		IF_VALUE(BPF_JNE, R0, 0, NO_TABLE),
		LOAD(R3, R6, COMMON(scratch)),
		ADD_VALUE(R3, net),
		READ_INTO(COMMON(net), 8),
		IF_VALUE(BPF_JNE, R0, 0, NO_TABLE),
		LOAD(R3, R6, COMMON(net)),
		LABEL(KNOW_NET),
		ADD_VALUE(R3, net_ipvs),
		READ_INTO(COMMON(ipvs), 8),
		IF_VALUE(BPF_JNE, R0, 0, NO_TABLE),
		LOAD(R1, R6, COMMON(ipvs)),
		IF_VALUE(BPF_JEQ, R1, 0, NO_IPVS),
	};

	APPEND(t, lines);
}

void ipvsf_program_results(struct text_writer *t)
{
	static const struct ipvsf_insn lines[] = {
		SET(R0, RUN_OK),      EXIT, LABEL(NO_TABLE), SET(R0, RUN_NO_TABLE), EXIT, LABEL(NO_IPVS),
		SET(R0, RUN_NO_IPVS), EXIT,
	};

	APPEND(t, lines);
}

/* Where each label stands, in instructions. Returns how many there are. */
static size_t find_labels(const struct text_writer *t, size_t at[LABELS_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < t->count; i++) {
		if (t->lines[i].label)
			at[t->lines[i].label] = count;
		else
			count++;
	}
	return count;
}

/* Labels become distances. */
static void write_instructions(const struct text_writer *t, const size_t *at, int map_fd,
			       struct bpf_insn *insns)
{
	for (size_t i = 0, n = 0; i < t->count; i++) {
		struct bpf_insn *insn = &insns[n];
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

int ipvsf_program_assemble(const struct text_writer *t, const struct ipvsf_program_function *functions,
			   size_t num_functions, int map_fd, struct ipvsf_program *ret)
{
	size_t at[LABELS_MAX] = { 0 };

	memset(ret, 0, sizeof(*ret));
	if (t->count > LINES_MAX || num_functions > FUNCTIONS_MAX)
		return -E2BIG;
	ret->insns = calloc(t->count, sizeof(*ret->insns));
	if (!ret->insns)
		return -ENOMEM;
	ret->count = find_labels(t, at);
	ret->num_functions = num_functions;
	for (size_t i = 0; i < num_functions; i++) {
		ret->functions[i] = functions[i].name;
		ret->functions_at[i] = at[functions[i].label];
	}
	write_instructions(t, at, map_fd, ret->insns);
	return 0;
}

int ipvsf_program_words(struct ipvsf_program *p, uint64_t *words, size_t size)
{
	_Static_assert(sizeof(*words) == sizeof(*p->insns), "an instruction is a word");
	memcpy(words, p->insns, (p->count < size ? p->count : size) * sizeof(*words));
	free(p->insns);
	return (int)p->count;
}

int ipvsf_program_lookup(int map_fd, struct ipvsf_program *ret)
{
	static const struct ipvsf_insn lines[] = {
		MAP_VALUE(R6, 0),
		MOVE(R1, R6),
		ADD_VALUE(R1, COMMON(symbol)),
		SET(R2, SYMBOL_LEN),
		SET(R3, 0),
		MOVE(R4, R6),
		ADD_VALUE(R4, COMMON(address)),
		CALL(HELPER_KALLSYMS_LOOKUP_NAME),
		EXIT,
	};
	struct text_writer t;

	t.count = 0;
	APPEND(&t, lines);
	return ipvsf_program_assemble(&t, NULL, 0, map_fd, ret);
}

/*
 * A program of several functions needs BTF: here one type of function without arguments, and a name for each.
 * bpf_loop() needs it to call them, and tools that list programs show the names.
 */
int ipvsf_program_btf(const struct ipvsf_program *p, void *buf, size_t size)
{
	struct ipvsf_btf_header *h = buf;
	struct btf_type *types = (struct btf_type *)(h + 1);
	size_t types_len = (1 + p->num_functions) * sizeof(*types), len = sizeof(*h) + types_len;
	uint32_t name = 1;

	if (size < len + 1)
		return -E2BIG;
	memset(buf, 0, len + 1);
	types[0].info = BTF_KIND_FUNC_PROTO << 24;
	for (size_t i = 0; i < p->num_functions; i++) {
		size_t text = strlen(p->functions[i]) + 1;

		if (size < len + name + text)
			return -E2BIG;
		types[1 + i] = (struct btf_type){ .info = BTF_KIND_FUNC << 24, .name_off = name, .type = 1 };
		memcpy((char *)buf + len + name, p->functions[i], text);
		name += (uint32_t)text;
	}
	*h = (struct ipvsf_btf_header){ .magic = BTF_MAGIC,
					.version = BTF_VERSION,
					.header_len = sizeof(*h),
					.type_len = (uint32_t)types_len,
					.str_off = (uint32_t)types_len,
					.str_len = name };
	return (int)(len + name);
}
