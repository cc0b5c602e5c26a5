/* SPDX-License-Identifier: MIT */
/*
 * bpf(2): the shared memory, the programs, addresses of the kernel's variables, and a run. All rights are
 * asked for here; a run needs the descriptor only.
 */
#include "bpf/bpf.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define LICENSE "Dual MIT/GPL" /* of the programs: the functions that they call are for the GPL only */
#define LOG_LEN 65536
#define LOAD_TRIES 5
#define BTF_LEN 512
#define OWN_NETNS "/proc/thread-self/ns/net"

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

static int call_bpf(int command, union bpf_attr *attr)
{
	long r = syscall(SYS_bpf, command, attr, sizeof(*attr));

	return r < 0 ? -errno : (int)r;
}

static uint64_t pointer(const void *p)
{
	return (uintptr_t)p;
}

int ipvsf_bpf_create(struct ipvsf_bpf *ret, const char *name, size_t len, const struct ipvsf_reason *why)
{
	union bpf_attr attr;
	void *memory;
	int r;

	ret->fd = -1;
	ret->head = NULL;
	ret->len = len;
	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_ARRAY;
	attr.key_size = 4;
	attr.value_size = (uint32_t)len;
	attr.max_entries = 1;
	attr.map_flags = MAP_CAN_BE_MAPPED;
	snprintf(attr.map_name, sizeof(attr.map_name), "%s", name);
	r = ret->map_fd = call_bpf(BPF_MAP_CREATE, &attr);
	if (r < 0)
		return ipvsf_reason_refused(why, r, "memory to share with a BPF program", "");
	memory = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, ret->map_fd, 0);
	if (memory == MAP_FAILED)
		return ipvsf_reason_refused(why, -errno, "to map memory of a BPF program", "");
	ret->head = memory;
	return 0;
}

static int load_btf(const struct ipvsf_program *program, const struct ipvsf_reason *why)
{
	_Alignas(8) char buf[BTF_LEN];
	union bpf_attr attr;
	int fd, len = ipvsf_program_btf(program, buf, sizeof(buf));

	if (len < 0)
		return len;
	memset(&attr, 0, sizeof(attr));
	attr.btf = pointer(buf);
	attr.btf_size = (uint32_t)len;
	fd = call_bpf(BPF_BTF_LOAD, &attr);
	return fd < 0 ? ipvsf_reason_refused(why, fd, "a BPF program's type information", "") : fd;
}

/* The verifier's log is asked for after a refusal only: it costs time. */
static int load_program(union bpf_attr *attr, const struct ipvsf_program *p, const char *what,
			const struct ipvsf_reason *why)
{
	char *log;
	int fd, tries = 0;

	attr->insns = pointer(p->insns);
	attr->insn_cnt = (uint32_t)p->count;
	attr->license = pointer(LICENSE);
	do { /* a signal that waits ends the kernel's check of the program */
		fd = call_bpf(BPF_PROG_LOAD, attr);
	} while (fd == -EAGAIN && ++tries < LOAD_TRIES);
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

int ipvsf_bpf_load(struct ipvsf_bpf *bpf, const char *name, const struct ipvsf_program *program,
		   const struct ipvsf_reason *why)
{
	struct func_info functions[FUNCTIONS_MAX];
	char what[80];
	union bpf_attr attr;
	int btf_fd = load_btf(program, why);

	if (btf_fd < 0)
		return btf_fd;
	for (size_t i = 0; i < program->num_functions; i++)
		functions[i] = (struct func_info){ (uint32_t)program->functions_at[i], (uint32_t)i + 2 };
	memset(&attr, 0, sizeof(attr));
	attr.prog_type = PROGRAM_TYPE_RAW_TRACEPOINT;
	snprintf(attr.prog_name, sizeof(attr.prog_name), "%s", name);
	attr.prog_btf_fd = (uint32_t)btf_fd;
	attr.func_info = pointer(functions);
	attr.func_info_cnt = (uint32_t)program->num_functions;
	attr.func_info_rec_size = sizeof(functions[0]);
	snprintf(what, sizeof(what), "the BPF program that reads %s", why->what);
	bpf->fd = load_program(&attr, program, what, why);
	close(btf_fd);
	return bpf->fd < 0 ? bpf->fd : 0;
}

static int load_lookup(int map_fd, const struct ipvsf_reason *why)
{
	struct ipvsf_program program;
	union bpf_attr attr;
	int fd, r = ipvsf_program_lookup(map_fd, &program);

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

static int find_address(int fd, struct ipvsf_bpf_head *head, const struct ipvsf_bpf_symbol *symbol,
			const struct ipvsf_reason *why)
{
	int r;

	snprintf(head->symbol, sizeof(head->symbol), "%s", symbol->name);
	head->address = 0;
	r = run(fd);
	*symbol->at = head->address;
	if (r == -EPERM)
		return ipvsf_reason_hidden(why, r);
	if (r || !head->address)
		return ipvsf_reason_say(why, r < 0 ? r : -ENOENT,
					"this kernel does not tell where its "
					"%s lies: %s",
					symbol->name, strerror(r < 0 ? -r : ENOENT));
	return 0;
}

int ipvsf_bpf_find(struct ipvsf_bpf *bpf, const struct ipvsf_bpf_symbol *symbols, size_t count,
		   const struct ipvsf_reason *why)
{
	int r = 0, fd = load_lookup(bpf->map_fd, why);

	if (fd < 0)
		return fd;
	for (size_t i = 0; !r && i < count; i++)
		r = find_address(fd, bpf->head, &symbols[i], why);
	close(fd);
	return r;
}

void ipvsf_bpf_settle(struct ipvsf_bpf *bpf)
{
	if (bpf->map_fd >= 0)
		close(bpf->map_fd); /* the program and the mapping keep the memory */
	bpf->map_fd = -1;
}

int ipvsf_bpf_run(const struct ipvsf_bpf *bpf)
{
	return run(bpf->fd);
}

static int run_there(void *bpf)
{
	return ipvsf_bpf_run(bpf);
}

int ipvsf_bpf_enter(struct ipvsf_bpf *bpf, int netns_fd, int *kept, const struct ipvsf_reason *why)
{
	int r;

	*kept = netns_fd < 0 ? open(OWN_NETNS, O_RDONLY | O_CLOEXEC) : fcntl(netns_fd, F_DUPFD_CLOEXEC, 0);
	if (*kept < 0)
		return ipvsf_reason_say(why, -errno, "the network namespace cannot be kept: %s",
					strerror(errno));
	r = ipvsf_netns_do(netns_fd < 0 ? -1 : *kept, run_there, bpf);
	if (r < 0)
		return ipvsf_reason_say(why, r, "the BPF program does not run in that network namespace: %s",
					strerror(-r));
	if (r == RUN_NO_IPVS)
		return ipvsf_reason_say(why, -ENOENT, "there is no IPVS in this network namespace");
	return r;
}

void ipvsf_bpf_unload(struct ipvsf_bpf *bpf)
{
	ipvsf_bpf_settle(bpf);
	if (bpf->head)
		munmap(bpf->head, bpf->len);
	if (bpf->fd >= 0)
		close(bpf->fd);
	bpf->head = NULL;
	bpf->fd = -1;
}
