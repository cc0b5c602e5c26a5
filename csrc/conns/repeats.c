/* SPDX-License-Identifier: MIT */
/*
 * Which entries of the connection table have been read before: a table that is changed while it is read,
 * or resized, as from Linux 7.1 on, gives some of them twice. Each is remembered by a keyed hash of
 * 64 bits: among a million entries two different ones are taken for the same with a chance of 3 in 10^8,
 * whoever chose them.
 *
 * Looking one up is a miss of every cache, which doubles the time of a reading. So they are only noted
 * one after the other until it is known that entries may come again, which hardly ever happens.
 *
 * The latest entries are always looked up: a read that begins within a bucket finds its place by counting,
 * and if an entry was added in front meanwhile, it gives the last one again.
 */
#include "conns/reading.h"
#include "core/hashset.h"

#include <sys/socket.h>

#define PARTS 64 /* each grows by itself, so that little is there twice while one is moved */
#define FIRST_NOTES ((size_t)1 << 13)

#define RECENT_SETS 256 /* 8 KiB in all: stays in the nearest cache */
#define RECENT_WAYS 4

struct ipvsf_recent {
	uint64_t marks[RECENT_SETS][RECENT_WAYS];
};

static uint64_t hash_of(const void *slot)
{
	uint64_t mark;

	memcpy(&mark, slot, sizeof(mark));
	return mark;
}

static bool same_mark(const void *slot, const void *wanted, const void *ctx)
{
	(void)ctx;
	return !memcmp(slot, wanted, sizeof(uint64_t));
}

static const struct ipvsf_hashset_type mark_set = {
	.slot_size = sizeof(uint64_t),
	.first_size = 1 << 9,
	.hash = hash_of,
	.same = same_mark,
};

struct ipvsf_memory {
	struct ipvsf_hashset parts[PARTS];
	uint64_t *notes; /* until they are sorted into the parts */
	size_t num_notes;
	size_t notes_size;
	bool sorted;
};

int ipvsf_memory_create(struct ipvsf_memory **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

static void drop_notes(struct ipvsf_memory *memory)
{
	if (memory->notes)
		munmap(memory->notes, memory->notes_size * sizeof(uint64_t));
	memory->notes = NULL;
	memory->num_notes = memory->notes_size = 0;
}

void ipvsf_memory_destroy(struct ipvsf_memory *memory)
{
	if (!memory)
		return;
	for (int i = 0; i < PARTS; i++)
		ipvsf_hashset_deinit(&mark_set, &memory->parts[i]);
	drop_notes(memory);
	free(memory);
}

/* What identifies an entry: not its state or time, which change while the table is read. */
uint64_t ipvsf_conn_mark(const struct ipvsf_sip_key *key, const struct ipvsf_conn *row, const char *text)
{
	uint64_t w[8] = { (uint64_t)row->af << 56 | (uint64_t)row->daf << 48 | (uint64_t)row->protocol << 40 |
				  (uint64_t)row->template << 32 | row->data_len,
			  (uint64_t)row->cport << 32 | (uint64_t)row->vport << 16 | row->dport };
	struct ipvsf_sip s;
	uint64_t mark, last = 0;
	size_t words = 8;

	if (row->af == AF_INET && row->daf == AF_INET) {
		memcpy(&w[2], row->caddr, 4);
		memcpy((char *)&w[2] + 4, row->vaddr, 4);
		memcpy(&w[3], row->daddr, 4);
		words = 4;
	} else {
		memcpy(&w[2], row->caddr, 16);
		memcpy(&w[4], row->vaddr, 16);
		memcpy(&w[6], row->daddr, 16);
	}
	ipvsf_sip_begin(&s, key);
	for (size_t i = 0; i < words; i++)
		ipvsf_sip_word(&s, w[i]);
	if (row->data_len)
		last = ipvsf_sip_bytes(&s, text + row->data_at, row->data_len);
	mark = ipvsf_sip_end(&s, last, words * 8 + row->data_len);
	return mark ? mark : 1; /* 0 is the empty slot */
}

/* 0: it is new; -EEXIST; -ENOMEM */
static int look_up(struct ipvsf_memory *memory, uint64_t mark)
{
	return ipvsf_hashset_add(&mark_set, &memory->parts[mark >> 58], &mark, NULL);
}

static int note(struct ipvsf_memory *memory, uint64_t mark)
{
	if (memory->num_notes == memory->notes_size) {
		size_t old = memory->notes_size, size = old ? old * 2 : FIRST_NOTES;
		void *map =
			old ? mremap(memory->notes, old * sizeof(mark), size * sizeof(mark), MREMAP_MAYMOVE)
			    : ipvsf_hashset_map(size * sizeof(mark));

		if (!map || map == MAP_FAILED)
			return -ENOMEM;
		memory->notes = map;
		memory->notes_size = size;
	}
	memory->notes[memory->num_notes++] = mark;
	return 0;
}

int ipvsf_memory_sort(struct ipvsf_memory *memory)
{
	int r;

	memory->sorted = true;
	for (size_t i = 0; i < memory->num_notes; i++) {
		r = look_up(memory, memory->notes[i]);
		if (r == -ENOMEM)
			return r;
	}
	drop_notes(memory);
	return 0;
}

int ipvsf_memory_add(struct ipvsf_memory *memory, uint64_t mark)
{
	return memory->sorted ? look_up(memory, mark) : note(memory, mark);
}

int ipvsf_recent_create(struct ipvsf_recent **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

void ipvsf_recent_clear(struct ipvsf_recent *recent)
{
	memset(recent->marks, 0, sizeof(recent->marks));
}

bool ipvsf_recent_add(struct ipvsf_recent *recent, uint64_t mark)
{
	uint64_t *set = recent->marks[mark % RECENT_SETS];

	for (int i = 0; i < RECENT_WAYS; i++) {
		if (set[i] == mark)
			return false;
	}
	memmove(set + 1, set, (RECENT_WAYS - 1) * sizeof(*set));
	set[0] = mark;
	return true;
}
