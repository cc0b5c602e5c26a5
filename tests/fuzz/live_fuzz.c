/* SPDX-License-Identifier: MIT */
/*
 * What a run of the program of live counters leaves in the memory that it shares with us: whatever that is, readings
 * end, and their rows hold together. See README.md here.
 * Input: a byte that chooses the kind of table, then what each run leaves: the head's members, and records.
 */
#include "live/walk.h"

#include <sys/socket.h>

#define RAW_LEN 64 /* short records, so that an input has many of them */
#define CALLS_MAX 3000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct {
	const uint8_t *data;
	size_t len;
} input;

static struct ipvsf_live_head *head;
static uint32_t record_len;

static uint8_t next_byte(void)
{
	if (!input.len)
		return 0;
	input.len--;
	return *input.data++;
}

static void copy_record(uint8_t *to)
{
	struct ipvsf_live_record record = { .kind = next_byte() % 5, .bucket = 1 + next_byte() % 4 };
	uint8_t *raw = to + sizeof(record);

	record.met = next_byte() % 3;
	memset(record.sums, 0xff, sizeof(record.sums));
	memset(record.scheduler, 'x', sizeof(record.scheduler));
	memset(raw, 0, RAW_LEN);
	for (int i = 0; i < 8; i++)
		raw[i] = next_byte();
	raw[0] = raw[0] & 8 ? AF_INET6 : AF_INET; /* either end of the number, one of them is 0 */
	raw[1] = 0;
	memcpy(to, &record, sizeof(record));
}

/* In the place of bpf/load.c: a run of the program that does whatever the input says. */
int ipvsf_bpf_run(const struct ipvsf_bpf *bpf)
{
	uint8_t what = next_byte();
	uint64_t count = next_byte() % 8;

	(void)bpf;
	head->done = (what & 3) == 1 || !input.len;
	head->lost_place = (what & 12) == 4;
	head->lost = (what & 48) == 16;
	head->bucket = next_byte() % 5;
	head->node = next_byte() % 3;
	head->dest = next_byte() % 3;
	head->service = next_byte() % 3;
	if (what & 64)
		head->resume_node = head->resume_dest = 0;
	if (what & 128)
		head->table_after = next_byte() % 2;
	head->used = count * record_len;
	for (uint64_t i = 0; i < count; i++)
		copy_record((uint8_t *)head + LIVE_RECORDS_AT + i * record_len);
	return next_byte() % 64 == 1 ? RUN_NO_SERVICES : RUN_OK;
}

void ipvsf_bpf_unload(struct ipvsf_bpf *bpf)
{
	(void)bpf;
}

int ipvsf_bpf_create(struct ipvsf_bpf *ret, const char *name, size_t len, const struct ipvsf_reason *why)
{
	(void)ret, (void)name, (void)len, (void)why;
	return -ENOSYS;
}

int ipvsf_bpf_load(struct ipvsf_bpf *bpf, const char *name, const struct ipvsf_program *program,
		   const struct ipvsf_reason *why)
{
	(void)bpf, (void)name, (void)program, (void)why;
	return -ENOSYS;
}

int ipvsf_bpf_find(struct ipvsf_bpf *bpf, const struct ipvsf_bpf_symbol *symbols, size_t count,
		   const struct ipvsf_reason *why)
{
	(void)bpf, (void)symbols, (void)count, (void)why;
	return -ENOSYS;
}

void ipvsf_bpf_settle(struct ipvsf_bpf *bpf)
{
	(void)bpf;
}

int ipvsf_bpf_enter(struct ipvsf_bpf *bpf, int netns_fd, int *kept, const struct ipvsf_reason *why)
{
	(void)bpf, (void)netns_fd, (void)kept, (void)why;
	return -ENOSYS;
}

/* Each dest belongs to just one service, in the same order. */
static void check_rows(const struct ipvsf_table *t)
{
	size_t dests = 0;

	for (size_t i = 0; i < t->num_services; i++) {
		if (t->services[i].first_dest != dests || strnlen(t->services[i].conf.sched, 16) == 16)
			abort();
		dests += t->services[i].num_dests;
	}
	if (dests != t->num_dests)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static _Alignas(8) uint8_t memory[LIVE_LEN];
	/* All that is read of a struct lies in its first bytes: over one another, but that does not matter here. */
	struct ipvsf_live v = { .layout = { .af = 0, .dest_af = 0, .num_dests = 4, .addr = 8, .fwmark = 4 } };
	struct ipvsf_table t = { 0 };
	uint16_t cpus[IPVSF_LIVE_CPUS];
	char text[32] = "";
	int r = -EAGAIN;

	memcpy(text, data, len < sizeof(text) ? len : sizeof(text) - 1);
	ipvsf_live_cpus(text, cpus);
	input.data = data;
	input.len = len;
	head = (struct ipvsf_live_head *)memory;
	memset(head, 0, sizeof(*head));
	v.layout.is_resizable = next_byte() & 1;
	v.layout.record_len = record_len = (uint32_t)sizeof(struct ipvsf_live_record) + RAW_LEN + 128;
	v.bpf.head = (struct ipvsf_bpf_head *)head;
	v.owner = getpid();
	v.hz = 250;
	v.module = ipvsf_live_module();
	if (ipvsf_live_begin(&v, NULL))
		abort();
	for (int i = 0; r == -EAGAIN && i < CALLS_MAX; i++)
		r = ipvsf_live_read(&v, &t, 1);
	if (r == -EAGAIN)
		abort();
	check_rows(&t);
	ipvsf_table_deinit(&t);
	return 0;
}
