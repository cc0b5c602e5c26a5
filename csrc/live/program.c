/* SPDX-License-Identifier: MIT */
/*
 * The program that the kernel runs for us, as tables. It is called for some entries at a time and copies services and
 * dests of one network namespace, in the order of the kernel's own dump, as they lie in the kernel's memory, behind
 * the head (struct ipvsf_live_head) of memory that it shares with us, each with its counters, which it adds up from
 * all CPUs. It runs under RCU with preemption off, as long as its step limit lets it. Where it goes on is told by the
 * addresses of a service and a dest, to which it goes from the head of the chain again: they may have gone meanwhile.
 */
#include "live/walk.h"
#include "bpf/program.h"

#include <netinet/in.h>
#include <sys/socket.h>

#define STEPS_MAX (1 << 20) /* in one run, limit or not */
#define GO_ON 0		    /* what a step returns */
#define STOP 1

enum label {
	KNOW_OFFSETS = OWN_LABELS,
	NO_SERVICES,
	/* the functions */
	NEXT_STEP,
	ADD_CPU,
	COMPARE_PLACE,
	/* a step */
	SERVICE,
	TAKE_SERVICE,
	PASS_SERVICE,
	FOREIGN,
	HAVE_DESTS,
	HAVE_COUNT,
	NEW_SERVICE,
	FAMILY_KNOWN,
	NO_MARK,
	PROTOCOL_KNOWN,
	UNWANTED_SERVICE,
	WANTED_SERVICE,
	NO_SCHEDULER,
	NO_ENGINE,
	DEST,
	DEST_MET,
	TAKE_DEST,
	WANTED_DEST,
	ADD_UP,
	KEEP,
	GOING_ON,
	ALL_DONE,
	PLACE_LOST,
	LOST,
	STOPPING,
	/* of the other functions */
	CPU_LOST,
	ANY_FAMILY,
	NEXT_PLACE,
	NUM_LABELS
};

_Static_assert((int)NUM_LABELS <= LABELS_MAX, "labels have room");

#define HEAD(member) offsetof(struct ipvsf_live_head, member)
#define WANTED(member) (LIVE_WANTED_AT + offsetof(struct ipvsf_live_wanted, member))
#define PLACE(member) offsetof(struct ipvsf_live_place, member)
#define RECORD(member) offsetof(struct ipvsf_live_record, member)
#define RAW ((int32_t)sizeof(struct ipvsf_live_record)) /* the kernel's struct in a record */

_Static_assert(sizeof(struct ipvsf_live_place) == 64, "SHIFT_LEFT by 6");
_Static_assert(LIVE_WANTED_AT + sizeof(struct ipvsf_live_wanted) <= LIVE_RECORDS_AT, "there is room");

#define READ_HEAD(member, size) READ_INTO(HEAD(member), size), IF_VALUE(BPF_JNE, R0, 0, LOST)
/* The same before the loop, where another label is near. */
#define FIND_HEAD(member, size) READ_INTO(HEAD(member), size), IF_VALUE(BPF_JNE, R0, 0, NO_TABLE)
#define PUT(member, value) STORE_VALUE(R6, HEAD(member), value)
#define COUNT_UP(member, by) LOAD(R1, R6, HEAD(member)), ADD_VALUE(R1, by), STORE(R6, HEAD(member), R1)

/* R9 the record, at R8; an entry that is begun fits. */
#define ROOM_FOR_RECORD                                                                      \
	LOAD(R1, R6, HEAD(steps)), LOAD(R3, R6, HEAD(limit)), IF(BPF_JGT, R1, R3, STOPPING), \
		LOAD(R8, R6, HEAD(used)),                                                    \
		IF_VALUE(BPF_JGT, R8, LIVE_RECORDS_LEN - LIVE_RECORD_MAX, STOPPING),         \
		MAP_VALUE(R9, LIVE_RECORDS_AT), ADD(R9, R8)

static const struct ipvsf_insn walk_begin[] = {
	MAP_VALUE(R6, 0), PUT(done, 0), PUT(lost, 0), PUT(lost_place, 0), PUT(used, 0),
	PUT(skipped, 0),  PUT(node, 0), PUT(dest, 0), PUT(met, 0),	  PUT(steps, 0),
};

static const struct ipvsf_insn copy_offsets[] = {
	LOAD(R2, R6, HEAD(offsets_len)),
	IF_VALUE(BPF_JEQ, R2, 0, KNOW_OFFSETS),
	IF_VALUE(BPF_JGT, R2, 8 * IPVSF_LIVE_CPUS, NO_TABLE),
	MOVE(R1, R6),
	ADD_VALUE(R1, LIVE_CPUS_AT),
	LOAD(R3, R6, HEAD(offsets_at)),
	CALL(HELPER_PROBE_READ_KERNEL),
	IF_VALUE(BPF_JNE, R0, 0, NO_TABLE),
	LABEL(KNOW_OFFSETS),
};

/* ipvs->svc_table, and whether it is being replaced. */
static void find_table(struct text_writer *t, const struct ipvsf_live_layout *l)
{
	const struct ipvsf_insn lines[] = {
		LOAD(R3, R6, COMMON(ipvs)),    ADD_VALUE(R3, l->table),
		FIND_HEAD(table, 8),	       LOAD(R3, R6, COMMON(ipvs)),
		ADD_VALUE(R3, l->changes),     FIND_HEAD(changes, 4),
		LOAD(R3, R6, HEAD(table)),     IF_VALUE(BPF_JEQ, R3, 0, NO_SERVICES),
		ADD_VALUE(R3, l->buckets),     FIND_HEAD(heads, 8),
		LOAD(R3, R6, HEAD(table)),     ADD_VALUE(R3, l->new_table),
		FIND_HEAD(new_table, 8),       LOAD(R3, R6, HEAD(table)),
		ADD_VALUE(R3, l->num_buckets), FIND_HEAD(num_buckets, 4),
	};

	APPEND(t, lines);
}

static const struct ipvsf_insn walk_loop[] = {
	SET(R1, STEPS_MAX), FUNCTION(R2, NEXT_STEP), SET(R3, 0), SET(R4, 0), CALL(HELPER_LOOP),
};

/* Whether all is still what it was. */
static void look_again(struct text_writer *t, const struct ipvsf_live_layout *l)
{
	const struct ipvsf_insn lines[] = {
		LOAD(R3, R6, COMMON(net)),
		ADD_VALUE(R3, l->net_ipvs),
		FIND_HEAD(ipvs_after, 8),
	};
	const struct ipvsf_insn of_table[] = {
		LOAD(R3, R6, COMMON(ipvs)), ADD_VALUE(R3, l->table),	 FIND_HEAD(table_after, 8),
		LOAD(R3, R6, HEAD(table)),  ADD_VALUE(R3, l->new_table), FIND_HEAD(new_table_after, 8),
	};

	APPEND(t, lines);
	if (l->is_resizable)
		APPEND(t, of_table);
}

static const struct ipvsf_insn no_services[] = {
	LABEL(NO_SERVICES),
	SET(R0, RUN_NO_SERVICES),
	EXIT,
};

/* The second function. A step looks at one dest, R7, or one service, or else at the head of the next chain. */
static void begin_step(struct text_writer *t, const struct ipvsf_live_layout *l)
{
	static const struct ipvsf_insn head_of_chain[] = {
		LABEL(NEXT_STEP),
		MAP_VALUE(R6, 0),
		COUNT_UP(steps, 1),
		LOAD(R7, R6, HEAD(dest)),
		IF_VALUE(BPF_JNE, R7, 0, DEST),
		LOAD(R7, R6, HEAD(node)),
		IF_VALUE(BPF_JNE, R7, 0, SERVICE),

		LOAD(R2, R6, HEAD(bucket)),
		LOAD32(R3, R6, HEAD(num_buckets)),
		IF(BPF_JGE, R2, R3, ALL_DONE),
		LOAD(R3, R6, HEAD(limit)),
		IF(BPF_JGT, R1, R3, STOPPING),
		LOAD(R3, R6, HEAD(heads)),
		MOVE(R4, R2),
		SHIFT_LEFT(R4, 3),
		ADD(R3, R4),
		ADD_VALUE(R2, 1),
		STORE(R6, HEAD(bucket), R2),
		READ_HEAD(node, 8),
		LOAD(R1, R6, HEAD(node)),
	};
	/* Bit 0 of a head is its lock. */
	static const struct ipvsf_insn without_lock[] = { AND_VALUE(R1, -2), STORE(R6, HEAD(node), R1) };
	static const struct ipvsf_insn find_place[] = {
		IF_VALUE(BPF_JNE, R1, 0, GOING_ON),
		LOAD(R1, R6, HEAD(resume_node)),
		IF_VALUE(BPF_JNE, R1, 0, PLACE_LOST),
		GO_TO(GOING_ON),

		LABEL(SERVICE),
		LOAD(R1, R6, HEAD(resume_node)),
		IF_VALUE(BPF_JEQ, R1, 0, TAKE_SERVICE),
		IF(BPF_JNE, R1, R7, PASS_SERVICE),
		PUT(resume_node, 0),
		GO_TO(TAKE_SERVICE),

		/* What is passed does not count: a run has to get beyond where the last one ended. */
		LABEL(PASS_SERVICE),
		COUNT_UP(steps, -1),
		COUNT_UP(skipped, 1),
		MOVE(R3, R7),
		READ_HEAD(node, 8),
		LOAD(R1, R6, HEAD(node)),
		IF_VALUE(BPF_JEQ, R1, 0, PLACE_LOST),
		GO_TO(GOING_ON),
	};

	APPEND(t, head_of_chain);
	if (l->is_resizable)
		APPEND(t, without_lock);
	APPEND(t, find_place);
}

/* R7 the service from here on. */
static void take_service(struct text_writer *t, const struct ipvsf_live_layout *l)
{
	const struct ipvsf_insn lines[] = {
		LABEL(TAKE_SERVICE),
		ROOM_FOR_RECORD,
		LOAD(R1, R6, HEAD(node_at)),
		SUB(R7, R1),
		STORE(R6, HEAD(service), R7),
		MOVE(R1, R9),
		ADD_VALUE(R1, RAW),
		SET(R2, l->service_len),
		MOVE(R3, R7),
		CALL(HELPER_PROBE_READ_KERNEL),
		IF_VALUE(BPF_JNE, R0, 0, LOST),
		LOAD(R1, R6, HEAD(node_at)),
		IF_VALUE(BPF_JGT, R1, l->service_len - 8, LOST),
		MOVE(R2, R9),
		ADD(R2, R1),
		LOAD(R1, R2, RAW),
		STORE(R6, HEAD(node), R1),
		LOAD(R1, R9, RAW + l->ipvs),
		LOAD(R2, R6, COMMON(ipvs)),
		IF(BPF_JNE, R1, R2, FOREIGN),

		STORE(R6, HEAD(record), R8),
		PUT(met, 0),
		STORE_VALUE(R9, RECORD(met), 0),
		LOAD(R1, R6, HEAD(bucket)),
		STORE(R9, RECORD(bucket), R1),
		MOVE(R1, R7),
		ADD_VALUE(R1, l->destinations),
		STORE(R6, HEAD(dests_head), R1),
		LOAD(R2, R9, RAW + l->destinations),
		IF(BPF_JNE, R1, R2, HAVE_DESTS),
		SET(R2, 0),
		LABEL(HAVE_DESTS),
		STORE(R6, HEAD(dest), R2),
		IF_VALUE(BPF_JNE, R2, 0, HAVE_COUNT),
		STORE_VALUE(R9, RECORD(met), 1),
		LABEL(HAVE_COUNT),
		LOAD(R1, R6, HEAD(resume_dest)),
		IF_VALUE(BPF_JEQ, R1, 0, NEW_SERVICE),
		IF_VALUE(BPF_JEQ, R2, 0, PLACE_LOST),
		STORE_VALUE(R9, RECORD(kind), IPVSF_LIVE_AGAIN),
		GO_TO(KEEP),

		LABEL(FOREIGN),
		LOAD(R1, R6, HEAD(resume_dest)),
		IF_VALUE(BPF_JNE, R1, 0, PLACE_LOST),
		GO_TO(GOING_ON),
		LABEL(NEW_SERVICE),
		STORE_VALUE(R9, RECORD(kind), IPVSF_LIVE_SERVICE),
	};

	APPEND(t, lines);
}

/* Compares the key with R1 places from `first` on. Goes to `no` unless it is wanted. */
#define COMPARE(first, included, yes, no)                                                               \
	PUT(found_place, PLACE_NONE), PUT(first_place, first), FUNCTION(R2, COMPARE_PLACE), SET(R3, 0), \
		SET(R4, 0), CALL(HELPER_LOOP), LOAD(R1, R6, HEAD(found_place)),                         \
		IF_VALUE(BPF_JEQ, R1, PLACE_HOLDS, yes), IF_VALUE(BPF_JEQ, R1, PLACE_EXCLUDES, no),     \
		LOAD32(R1, R6, WANTED(included)), IF_VALUE(BPF_JNE, R1, 0, no)

/* Address and port to the key; R9 the record. */
#define TAKE_KEY(addr, port)                                                                     \
	LOAD(R1, R9, RAW + (addr)), STORE(R6, HEAD(key[0]), R1), LOAD(R1, R9, RAW + (addr) + 8), \
		STORE(R6, HEAD(key[1]), R1), LOAD16(R1, R9, RAW + (port)), SWAP16(R1),           \
		STORE(R6, HEAD(key_port), R1)

/* Goes on only with a service that is wanted. */
static void choose_service(struct text_writer *t, const struct ipvsf_live_layout *l)
{
	const struct ipvsf_insn family[] = {
		LOAD16(R1, R9, RAW + l->af),
		STORE(R6, HEAD(key_af), R1),
		SET(R2, IPVSF_LIVE_IPV4),
		IF_VALUE(BPF_JEQ, R1, AF_INET, FAMILY_KNOWN),
		SET(R2, IPVSF_LIVE_IPV6),
		LABEL(FAMILY_KNOWN),
		LOAD32(R3, R6, WANTED(families)),
		AND(R3, R2),
		IF_VALUE(BPF_JEQ, R3, 0, UNWANTED_SERVICE),
	};
	const struct ipvsf_insn protocol[] = {
		PUT(key_is_mark, 0),
		LOAD32(R1, R9, RAW + l->fwmark),
		IF_VALUE(BPF_JEQ, R1, 0, NO_MARK),
		PUT(key_is_mark, 1),
		PUT(key[0], 0),
		PUT(key[1], 0),
		STORE32(R6, HEAD(key[0]), R1),
		PUT(key_port, 0),
		SET(R2, IPVSF_LIVE_MARK),
		GO_TO(PROTOCOL_KNOWN),
		LABEL(NO_MARK),
		TAKE_KEY(l->addr, l->port),
		LOAD16(R1, R9, RAW + l->protocol),
		SET(R2, IPVSF_LIVE_TCP),
		IF_VALUE(BPF_JEQ, R1, IPPROTO_TCP, PROTOCOL_KNOWN),
		SET(R2, IPVSF_LIVE_UDP),
		IF_VALUE(BPF_JEQ, R1, IPPROTO_UDP, PROTOCOL_KNOWN),
		SET(R2, IPVSF_LIVE_SCTP),
		IF_VALUE(BPF_JEQ, R1, IPPROTO_SCTP, PROTOCOL_KNOWN),
		SET(R2, IPVSF_LIVE_OTHER),
		LABEL(PROTOCOL_KNOWN),
		LOAD32(R3, R6, WANTED(protocols)),
		AND(R3, R2),
		IF_VALUE(BPF_JEQ, R3, 0, UNWANTED_SERVICE),
	};
	static const struct ipvsf_insn place[] = {
		LOAD32(R1, R6, WANTED(num_services)),
		IF_VALUE(BPF_JEQ, R1, 0, WANTED_SERVICE),
		LOAD(R2, R6, HEAD(key_is_mark)),
		LOAD32(R3, R6, WANTED(marks)),
		IF(BPF_JNE, R2, R3, UNWANTED_SERVICE),
		COMPARE(0, services_included, WANTED_SERVICE, UNWANTED_SERVICE),
		GO_TO(WANTED_SERVICE),
		LABEL(UNWANTED_SERVICE),
		PUT(dest, 0),
		GO_TO(GOING_ON),
		LABEL(WANTED_SERVICE),
	};

	APPEND(t, family);
	APPEND(t, protocol);
	APPEND(t, place);
}

/* The name of what R3 points to, to `to` in the record, which holds 16 bytes. */
#define READ_NAME(name_at, to)                                                                               \
	ADD_VALUE(R3, name_at), READ_INTO(COMMON(scratch), 8), IF_VALUE(BPF_JNE, R0, 0, LOST), MOVE(R1, R9), \
		ADD_VALUE(R1, to), SET(R2, IPVSF_LIVE_NAME), LOAD(R3, R6, COMMON(scratch)),                  \
		CALL(HELPER_PROBE_READ_KERNEL_STR), IF_VALUE(BPF_JSLT, R0, 0, LOST)

static void take_names(struct text_writer *t, const struct ipvsf_live_layout *l)
{
	const struct ipvsf_insn lines[] = {
		STORE_VALUE(R9, RECORD(scheduler), 0),
		STORE_VALUE(R9, RECORD(engine), 0),
		LOAD(R3, R9, RAW + l->scheduler),
		IF_VALUE(BPF_JEQ, R3, 0, NO_SCHEDULER),
		READ_NAME(l->scheduler_name, RECORD(scheduler)),
		LABEL(NO_SCHEDULER),
		LOAD(R3, R9, RAW + l->engine),
		IF_VALUE(BPF_JEQ, R3, 0, NO_ENGINE),
		READ_NAME(l->engine_name, RECORD(engine)),
		LABEL(NO_ENGINE),
		LOAD(R1, R9, RAW + l->stats + l->cpustats),
		STORE(R6, HEAD(cpustats), R1),
		GO_TO(ADD_UP),
	};

	APPEND(t, lines);
}

/* R7 the node of a dest, or of the end of the list, which is in the service. */
static const struct ipvsf_insn find_dest[] = {
	LABEL(DEST),
	LOAD(R1, R6, HEAD(dests_head)),
	IF(BPF_JNE, R1, R7, DEST_MET),
	LOAD(R1, R6, HEAD(resume_dest)),
	IF_VALUE(BPF_JNE, R1, 0, PLACE_LOST),
	PUT(dest, 0),
	LOAD(R8, R6, HEAD(record)),
	IF_VALUE(BPF_JGT, R8, LIVE_RECORDS_LEN - LIVE_RECORD_MAX, LOST),
	MAP_VALUE(R9, LIVE_RECORDS_AT),
	ADD(R9, R8),
	LOAD(R1, R6, HEAD(met)),
	ADD_VALUE(R1, 1),
	STORE(R9, RECORD(met), R1),
	GO_TO(GOING_ON),

	LABEL(DEST_MET),
	LOAD(R1, R6, HEAD(resume_dest)),
	IF_VALUE(BPF_JEQ, R1, 0, TAKE_DEST),
	IF(BPF_JEQ, R1, R7, TAKE_DEST),
	COUNT_UP(steps, -1),
	COUNT_UP(skipped, 1),
	MOVE(R3, R7),
	READ_HEAD(dest, 8),
	GO_TO(GOING_ON),
};

static void take_dest(struct text_writer *t, const struct ipvsf_live_layout *l)
{
	const struct ipvsf_insn lines[] = {
		LABEL(TAKE_DEST),
		PUT(resume_dest, 0),
		ROOM_FOR_RECORD,
		ADD_VALUE(R7, -(int32_t)l->dest_node),
		MOVE(R1, R9),
		ADD_VALUE(R1, RAW),
		SET(R2, l->dest_len),
		MOVE(R3, R7),
		CALL(HELPER_PROBE_READ_KERNEL),
		IF_VALUE(BPF_JNE, R0, 0, LOST),
		/* One that was taken away and given to another service meanwhile leads into that one's list. */
		LOAD(R1, R9, RAW + l->service),
		LOAD(R2, R6, HEAD(service)),
		IF(BPF_JNE, R1, R2, PLACE_LOST),
		LOAD(R1, R9, RAW + l->dest_node),
		STORE(R6, HEAD(dest), R1),
		COUNT_UP(met, 1),

		LOAD32(R1, R6, WANTED(num_dests)),
		IF_VALUE(BPF_JEQ, R1, 0, WANTED_DEST),
		LOAD16(R1, R9, RAW + l->dest_af),
		STORE(R6, HEAD(key_af), R1),
		TAKE_KEY(l->dest_addr, l->dest_port),
		LOAD32(R1, R6, WANTED(num_dests)),
		COMPARE(IPVSF_LIVE_PLACES, dests_included, WANTED_DEST, GOING_ON),
		LABEL(WANTED_DEST),
		STORE_VALUE(R9, RECORD(kind), IPVSF_LIVE_DEST),
		LOAD(R1, R6, HEAD(bucket)),
		STORE(R9, RECORD(bucket), R1),
		LOAD(R1, R9, RAW + l->dest_stats + l->cpustats),
		STORE(R6, HEAD(cpustats), R1),
	};

	APPEND(t, lines);
}

#define COPY_SUM(i) LOAD(R1, R6, HEAD(sums[i])), STORE(R9, RECORD(sums[i]), R1)

static void end_step(struct text_writer *t, const struct ipvsf_live_layout *l)
{
	const struct ipvsf_insn lines[] = {
		LABEL(ADD_UP),
		PUT(sums[0], 0),
		PUT(sums[1], 0),
		PUT(sums[2], 0),
		PUT(sums[3], 0),
		PUT(sums[4], 0),
		LOAD(R1, R6, HEAD(num_cpus)),
		LOAD(R2, R6, HEAD(steps)),
		ADD(R2, R1),
		STORE(R6, HEAD(steps), R2),
		FUNCTION(R2, ADD_CPU),
		SET(R3, 0),
		SET(R4, 0),
		CALL(HELPER_LOOP),
		LOAD(R1, R6, HEAD(lost)),
		IF_VALUE(BPF_JNE, R1, 0, STOPPING),
		COPY_SUM(0),
		COPY_SUM(1),
		COPY_SUM(2),
		COPY_SUM(3),
		COPY_SUM(4),
		LABEL(KEEP),
		ADD_VALUE(R8, l->record_len),
		STORE(R6, HEAD(used), R8),
		LABEL(GOING_ON),
		SET(R0, GO_ON),
		EXIT,
		LABEL(ALL_DONE),
		PUT(done, 1),
		GO_TO(STOPPING),
		LABEL(PLACE_LOST),
		PUT(lost_place, 1),
		GO_TO(STOPPING),
		LABEL(LOST),
		PUT(lost, 1),
		LABEL(STOPPING),
		SET(R0, STOP),
		EXIT,
	};

	APPEND(t, lines);
}

/* The third function: R1 the number of a possible CPU. 40 bytes of its counters come onto the stack. */
#define ADD_COUNTER(i) \
	LOAD(R1, R10, 8 * (i) - 40), LOAD(R2, R6, HEAD(sums[i])), ADD(R2, R1), STORE(R6, HEAD(sums[i]), R2)

static const struct ipvsf_insn add_cpu[] = {
	LABEL(ADD_CPU),
	MAP_VALUE(R6, 0),
	IF_VALUE(BPF_JGE, R1, IPVSF_LIVE_CPUS, CPU_LOST),
	SHIFT_LEFT(R1, 3),
	MOVE(R2, R6),
	ADD(R2, R1),
	LOAD(R3, R2, LIVE_CPUS_AT),
	LOAD(R1, R6, HEAD(cpustats)),
	ADD(R3, R1),
	MOVE(R1, R10),
	ADD_VALUE(R1, -40),
	SET(R2, 40),
	CALL(HELPER_PROBE_READ_KERNEL),
	IF_VALUE(BPF_JNE, R0, 0, CPU_LOST),
	ADD_COUNTER(0),
	ADD_COUNTER(1),
	ADD_COUNTER(2),
	ADD_COUNTER(3),
	ADD_COUNTER(4),
	SET(R0, GO_ON),
	EXIT,
	LABEL(CPU_LOST),
	PUT(lost, 1),
	SET(R0, STOP),
	EXIT,
};

/* The fourth: R1 the number of a place, after the first one, with which the key is compared. */
static const struct ipvsf_insn compare_place[] = {
	LABEL(COMPARE_PLACE),
	MAP_VALUE(R6, 0),
	LOAD(R2, R6, HEAD(first_place)),
	ADD(R1, R2),
	IF_VALUE(BPF_JGE, R1, 2 * IPVSF_LIVE_PLACES, NEXT_PLACE),
	SHIFT_LEFT(R1, 6),
	MAP_VALUE(R7, WANTED(services)),
	ADD(R7, R1),
	LOAD(R1, R7, PLACE(af)),
	IF_VALUE(BPF_JEQ, R1, 0, ANY_FAMILY),
	LOAD(R2, R6, HEAD(key_af)),
	IF(BPF_JNE, R1, R2, NEXT_PLACE),
	LABEL(ANY_FAMILY),
	LOAD(R1, R6, HEAD(key_port)),
	LOAD(R2, R7, PLACE(low)),
	IF(BPF_JGT, R2, R1, NEXT_PLACE),
	LOAD(R2, R7, PLACE(high)),
	IF(BPF_JGT, R1, R2, NEXT_PLACE),
	LOAD(R1, R6, HEAD(key[0])),
	LOAD(R2, R7, PLACE(mask)),
	AND(R1, R2),
	LOAD(R2, R7, PLACE(addr)),
	IF(BPF_JNE, R1, R2, NEXT_PLACE),
	LOAD(R1, R6, HEAD(key[1])),
	LOAD(R2, R7, PLACE(mask[8])),
	AND(R1, R2),
	LOAD(R2, R7, PLACE(addr[8])),
	IF(BPF_JNE, R1, R2, NEXT_PLACE),
	LOAD(R1, R7, PLACE(excluded)),
	ADD_VALUE(R1, PLACE_HOLDS),
	STORE(R6, HEAD(found_place), R1),
	SET(R0, STOP),
	EXIT,
	LABEL(NEXT_PLACE),
	SET(R0, GO_ON),
	EXIT,
};

int ipvsf_live_program(const struct ipvsf_live_layout *l, int map_fd, struct ipvsf_program *ret)
{
	static const struct ipvsf_program_function functions[] = { { "ipvsf_live_walk", 0 },
								   { "ipvsf_live_step", NEXT_STEP },
								   { "ipvsf_live_cpu", ADD_CPU },
								   { "ipvsf_live_place", COMPARE_PLACE } };
	struct text_writer t;

	t.count = 0;
	APPEND(&t, walk_begin);
	ipvsf_program_namespace(&t, l->nsproxy, l->net, l->net_ipvs);
	APPEND(&t, copy_offsets);
	if (l->is_resizable)
		find_table(&t, l);
	APPEND(&t, walk_loop);
	look_again(&t, l);
	ipvsf_program_results(&t);
	if (l->is_resizable)
		APPEND(&t, no_services);
	begin_step(&t, l);
	take_service(&t, l);
	choose_service(&t, l);
	take_names(&t, l);
	APPEND(&t, find_dest);
	take_dest(&t, l);
	end_step(&t, l);
	APPEND(&t, add_cpu);
	APPEND(&t, compare_place);
	return ipvsf_program_assemble(&t, functions, 4, map_fd, ret);
}

int ipvsf_live_words(const struct ipvsf_live_layout *layout, uint64_t *words, size_t size)
{
	struct ipvsf_program p;
	int r = ipvsf_live_program(layout, 0, &p);

	return r ? r : ipvsf_program_words(&p, words, size);
}
