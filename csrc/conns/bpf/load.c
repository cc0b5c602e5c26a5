/* SPDX-License-Identifier: MIT */
/*
 * bpf(2): the shared memory, the two programs, the addresses of the table, and a run. All rights are
 * asked for here; a run needs the descriptor only.
 */
#include "conns/bpf/walk.h"
#include "conns/bpf/insn.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define LICENSE "Dual MIT/GPL" /* of the programs: the functions that they call are for the GPL only */
#define LOG_LEN 65536
#define WALK_LEN (WALK_RECORDS_AT + WALK_RECORDS_LEN)

/* include/uapi/linux/bpf.h; older headers lack these */
enum {
	PROGRAM_TYPE_RAW_TRACEPOINT = 17, /* runs without being attached since 5.10, under RCU */
	PROGRAM_TYPE_SYSCALL = 31,	  /* 5.14 */
	PROGRAM_MAY_SLEEP = 1 << 4,	  /* 5.10 */
	MAP_CAN_BE_MAPPED = 1 << 10	  /* 5.5 */
};

struct func_info {
	uint32_t insn_at;
	uint32_t type_id; /* in the program's BTF */
};

_Static_assert(sizeof(struct ipvsf_walk) <= WALK_RECORDS_AT, "the head has a page");

static int call_bpf(int command, union bpf_attr *attr)
{
	long r = syscall(SYS_bpf, command, attr, sizeof(*attr));

	return r < 0 ? -errno : (int)r;
}

static uint64_t pointer(const void *p)
{
	return (uintptr_t)p;
}

static int create_memory(struct ipvsf_walk **ret, const struct ipvsf_reason *why)
{
	union bpf_attr attr;
	void *memory;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_ARRAY;
	attr.key_size = 4;
	attr.value_size = WALK_LEN;
	attr.max_entries = 1;
	attr.map_flags = MAP_CAN_BE_MAPPED;
	memcpy(attr.map_name, "ipvsf_conns", sizeof("ipvsf_conns"));
	fd = call_bpf(BPF_MAP_CREATE, &attr);
	if (fd < 0)
		return ipvsf_reason_refused(why, fd, "memory to share with a BPF program", "");
	memory = mmap(NULL, WALK_LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED) {
		int r = -errno;

		close(fd);
		return ipvsf_reason_refused(why, r, "to map memory of a BPF program", "");
	}
	*ret = memory;
	return fd;
}

static int load_btf(const struct ipvsf_reason *why)
{
	union bpf_attr attr;
	size_t len;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.btf = pointer(ipvsf_program_btf(&len));
	attr.btf_size = (uint32_t)len;
	fd = call_bpf(BPF_BTF_LOAD, &attr);
	return fd < 0 ? ipvsf_reason_refused(why, fd, "a BPF program's type information", "") : fd;
}

/* The verifier's log is asked for after a refusal only: it costs time. */
static int load_program(union bpf_attr *attr, const struct ipvsf_program *p, const char *what,
			const struct ipvsf_reason *why)
{
	char *log;
	int fd;

	attr->insns = pointer(p->insns);
	attr->insn_cnt = (uint32_t)p->count;
	attr->license = pointer(LICENSE);
	fd = call_bpf(BPF_PROG_LOAD, attr);
	if (fd >= 0)
		return fd;
	log = calloc(1, LOG_LEN);
	if (log) {
		int again;

		attr->log_buf = pointer(log);
		attr->log_size = LOG_LEN;
		attr->log_level = 1;
		again = call_bpf(BPF_PROG_LOAD, attr);
		if (again >= 0)
			close(again);
		log[LOG_LEN - 1] = '\0';
	}
	fd = ipvsf_reason_refused(why, fd, what, log ? log : "");
	free(log);
	return fd;
}

static int load_walk(const struct ipvsf_conn_layout *layout, int map_fd, const struct ipvsf_reason *why)
{
	struct func_info functions[2] = { { .insn_at = 0, .type_id = 2 }, { .type_id = 3 } };
	struct ipvsf_program program;
	union bpf_attr attr;
	int btf_fd, fd;
	int r = ipvsf_program_create(IPVSF_BPF_WALK, layout, map_fd, &program);

	if (r)
		return r;
	btf_fd = load_btf(why);
	if (btf_fd < 0) {
		free(program.insns);
		return btf_fd;
	}
	functions[1].insn_at = (uint32_t)program.step_at;
	memset(&attr, 0, sizeof(attr));
	attr.prog_type = PROGRAM_TYPE_RAW_TRACEPOINT;
	memcpy(attr.prog_name, "ipvsf_walk", sizeof("ipvsf_walk"));
	attr.prog_btf_fd = (uint32_t)btf_fd;
	attr.func_info = pointer(functions);
	attr.func_info_cnt = 2;
	attr.func_info_rec_size = sizeof(functions[0]);
	fd = load_program(&attr, &program, "the BPF program that reads connections", why);
	close(btf_fd);
	free(program.insns);
	return fd;
}

static int load_lookup(int map_fd, const struct ipvsf_reason *why)
{
	struct ipvsf_program program;
	union bpf_attr attr;
	int fd, r = ipvsf_program_create(IPVSF_BPF_LOOKUP, NULL, map_fd, &program);

	if (r)
		return r;
	memset(&attr, 0, sizeof(attr));
	attr.prog_type = PROGRAM_TYPE_SYSCALL;
	attr.prog_flags = PROGRAM_MAY_SLEEP;
	memcpy(attr.prog_name, "ipvsf_lookup", sizeof("ipvsf_lookup"));
	fd = load_program(&attr, &program, "the BPF program that finds addresses", why);
	free(program.insns);
	return fd;
}

/* What the program returned, or a negative errno. */
static int run(int fd)
{
	union bpf_attr attr;
	int r;

	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = (uint32_t)fd;
	r = call_bpf(BPF_PROG_TEST_RUN, &attr);
	return r < 0 ? r : (int)attr.test.retval;
}

static int find_address(int fd, struct ipvsf_walk *walk, const char *symbol, uint64_t *ret,
			const struct ipvsf_reason *why)
{
	int r;

	snprintf(walk->symbol, sizeof(walk->symbol), "%s", symbol);
	walk->address = 0;
	r = run(fd);
	*ret = walk->address;
	if (r == -EPERM)
		return ipvsf_reason_hidden(why, r);
	if (r || !*ret)
		return ipvsf_reason_say(why, r < 0 ? r : -ENOENT,
					"this kernel does not tell where its "
					"%s lies: %s",
					symbol, strerror(r < 0 ? -r : ENOENT));
	return 0;
}

static int find_table(int map_fd, struct ipvsf_walk *walk, const struct ipvsf_reason *why)
{
	int r, fd = load_lookup(map_fd, why);

	if (fd < 0)
		return fd;
	r = find_address(fd, walk, "ip_vs_conn_tab", &walk->table_at, why);
	if (!r)
		r = find_address(fd, walk, "ip_vs_conn_tab_size", &walk->size_at, why);
	close(fd);
	return r;
}

int ipvsf_bpf_load(const struct ipvsf_conn_layout *layout, struct ipvsf_bpf *ret,
		   const struct ipvsf_reason *why)
{
	int r, map_fd;

	ret->fd = -1;
	ret->walk = NULL;
	map_fd = create_memory(&ret->walk, why);
	if (map_fd < 0)
		return map_fd;
	r = ret->fd = load_walk(layout, map_fd, why);
	if (r >= 0)
		r = find_table(map_fd, ret->walk, why);
	close(map_fd); /* the program and the mapping keep the memory */
	if (r < 0)
		ipvsf_bpf_unload(ret);
	return r < 0 ? r : 0;
}

int ipvsf_bpf_run(const struct ipvsf_bpf *bpf)
{
	return run(bpf->fd);
}

void ipvsf_bpf_unload(struct ipvsf_bpf *bpf)
{
	if (bpf->walk)
		munmap(bpf->walk, WALK_LEN);
	if (bpf->fd >= 0)
		close(bpf->fd);
	bpf->walk = NULL;
	bpf->fd = -1;
}
