/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as the kernel's connection table: through the scanner with every kind of border, then through
 * readings from a file and a pipe into each format, into counts and into a sample. What comes out is
 * counted again here.
 *
 * The first bytes of the input choose, the rest is the text.
 */
#include "conns/reading.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define CHOICES 8
#define HEADER "Pro FromIP"
#define MOST_ROWS 4096
#define FORMATS (IPVSF_CONN_JSON_LIST + 1)

#define expect(condition)                                                           \
	do {                                                                        \
		if (!(condition)) {                                                 \
			fprintf(stderr, "line %d: not %s\n", __LINE__, #condition); \
			abort();                                                    \
		}                                                                   \
	} while (0)

static struct ipvsf_conn whole[MOST_ROWS], part[MOST_ROWS];
static char out[IPVSF_CONN_LINE + 4096], kept[MOST_ROWS * 16 + IPVSF_CONN_TEXT];

struct totals {
	size_t lines, blank, rows, unreadable;
};

static bool blank(const char *s, const char *end)
{
	for (; s < end; s++) {
		if (!strchr(" \t\n\v\f\r", *s) || !*s)
			return false;
	}
	return true;
}

static void count_lines(const char *text, size_t len, struct totals *t)
{
	const char *end = text + len, *lf;

	for (; (lf = memchr(text, '\n', (size_t)(end - text))); text = lf + 1) {
		t->lines++;
		t->blank += blank(text, lf);
	}
}

static void check_row(const struct ipvsf_conn *row, size_t len)
{
	expect(row->af == AF_INET || row->af == AF_INET6);
	expect(row->daf == AF_INET || row->daf == AF_INET6);
	expect(row->state[0] && !row->state[15] && row->pe_len <= 16);
	expect(!row->pe_len || (size_t)row->pe_at + row->pe_len <= len);
	expect((size_t)row->data_at + row->data_len <= len);
	expect(row->pe_len || !row->data_len);
}

/* The scan of the whole is the sum of scans of its beginnings, with room for any number of rows. */
static struct totals scan(const char *text, size_t len, size_t step, size_t room)
{
	struct ipvsf_conn_scan all = { 0 }, pieces = { 0 };
	struct totals t = { 0 };
	size_t to = 0, n = 0;

	expect(!ipvsf_conns_scan(text, len, whole, MOST_ROWS, &all));
	for (bool more = true; more;) {
		to = len - to > step ? to + step : len;
		do {
			expect(!ipvsf_conns_scan(text, to, part, room, &pieces));
			expect(n + pieces.count <= all.count);
			expect(!memcmp(part, whole + n, pieces.count * sizeof(*part)));
			n += pieces.count;
		} while (pieces.count == room);
		more = to < len;
	}
	expect(n == all.count && pieces.unreadable == all.unreadable && pieces.used == all.used);
	expect(!strcmp(pieces.first_unreadable, all.first_unreadable));
	for (size_t i = 0; i < n; i++)
		check_row(&whole[i], len);
	for (const char *s = all.first_unreadable; *s; s++)
		expect(*s >= ' ' && *s <= '~');
	count_lines(text, len, &t);
	t.rows = n;
	t.unreadable = all.unreadable;
	expect(t.lines == t.blank + t.rows + t.unreadable);
	return t;
}

static int file_of(const char *text, size_t len)
{
	int fd = memfd_create("conns", MFD_CLOEXEC);

	expect(fd >= 0 && write(fd, text, len) == (ssize_t)len && !lseek(fd, 0, SEEK_SET));
	return fd;
}

static int pipe_of(const char *text, size_t len)
{
	int ends[2];

	expect(!pipe2(ends, O_CLOEXEC));
	expect(write(ends[1], text, len) == (ssize_t)len);
	close(ends[1]);
	return ends[0];
}

static void start(struct ipvsf_conns *conns, const uint8_t *choices, const char *text, size_t len)
{
	bool piped = !(choices[2] & 15) && len < 60000;

	expect(!ipvsf_conns_attach(conns, piped ? pipe_of(text, len) : file_of(text, len),
				   !(choices[3] & 63)));
}

static struct ipvsf_conn_account account_of(const struct ipvsf_conns *conns)
{
	struct ipvsf_conn_account account;

	ipvsf_conns_account(conns, &account);
	return account;
}

static void set_filter(struct ipvsf_conns *conns, const uint8_t *choices)
{
	struct ipvsf_conn_filter f = { .any_protocol = 1 };
	struct ipvsf_conn_match match = { .place = choices[4] % 3, .high = 65535 };

	if (choices[4] & 4)
		f.expires_below = choices[5] * 7u;
	if (choices[4] & 8)
		f.templates = 1 + (choices[5] & 1);
	if (choices[4] & 16)
		f.families = choices[5] & 7;
	if (choices[4] & 32) {
		f.any_protocol = 0;
		f.protocols[0] = choices[5];
		f.protocols[2] = 2;
	}
	if (choices[4] & 64) {
		f.num_engines = 1;
		strcpy(f.engines[0], choices[5] & 1 ? "*" : "sip");
	}
	if (choices[4] & 128) {
		f.num_states = 1;
		strcpy(f.states[0], "UDP");
	}
	if (choices[5] & 8) {
		match.af = choices[5] & 16 ? AF_INET6 : AF_INET;
		match.prefix = choices[5] & 31;
		match.addr[0] = choices[5] & 16 ? 0x20 : 10;
	}
	match.exclude = choices[5] >> 6 & 1;
	f.not_engines = f.num_engines && match.exclude;
	f.not_states = f.num_states && choices[6] & 1;
	if (choices[5] & 32)
		f.limit = 1 + choices[6] % 4;
	expect(!ipvsf_conns_filter(conns, &f, &match, choices[5] & 128 ? 1 : 0));
}

/* A reading as text. Nothing a client sent breaks a line or reaches a terminal as a control character. */
static void check_text(struct ipvsf_conns *conns, uint32_t format)
{
	size_t len = 0, lines = 0;
	struct ipvsf_conn_account a;

	do {
		expect(!ipvsf_conns_text(conns, format, out, sizeof(out), 0, &len));
		for (size_t i = 0; i < len; i++) {
			uint8_t c = (uint8_t)out[i];

			lines += c == '\n';
			expect(c == '\n' || (c >= 0x20 && c != 0x7f));
			expect(format == IPVSF_CONN_TABLE_PE || c < 0x7f);
			/* As one byte C1 is a control character, except as the rest of a longer one. */
			expect(c < 0x80 || c >= 0xa0 || (i && ((uint8_t)out[i - 1] & 0x80)));
			expect(c != 0xc2 || i + 1 == len || (uint8_t)out[i + 1] < 0x80 ||
			       (uint8_t)out[i + 1] >= 0xa0);
		}
		a = account_of(conns);
	} while (!a.ended);
	expect(lines == a.matched - (format == IPVSF_CONN_JSON_LIST && a.matched));
}

static void check_rows(struct ipvsf_conns *conns, size_t room)
{
	size_t count, len, sum = 0;

	do {
		expect(!ipvsf_conns_rows(conns, part, room, kept, sizeof(kept), 0, &count, &len));
		for (size_t i = 0; i < count; i++)
			check_row(&part[i], len);
		sum += count;
	} while (!account_of(conns).ended);
	expect(sum == account_of(conns).matched);
}

static void check_groups(struct ipvsf_conns *conns, const uint8_t *choices)
{
	struct ipvsf_key_part parts[3];
	struct ipvsf_groups *groups;
	uint64_t sum = 0, n, found, last = UINT64_MAX;
	size_t size, count;
	char *top;

	for (size_t i = 0; i < 3; i++) {
		parts[i] = (struct ipvsf_key_part){ choices[i] % IPVSF_NUM_KEYS, choices[3 + i] % 33,
						    choices[4 + i] % 129, 0 };
	}
	expect(!ipvsf_groups_create(parts, 1 + choices[6] % 3, &groups));
	while (!account_of(conns).ended)
		expect(!ipvsf_conns_group(conns, groups, 0));
	size = ipvsf_groups_entry_size(groups);
	count = ipvsf_groups_count(groups);
	top = malloc(count * size + 1);
	expect(top && !ipvsf_groups_top(groups, top, count, &count));
	for (size_t i = 0; i < count; i++, last = n) {
		memcpy(&n, top + i * size, 8);
		sum += n;
		expect(n && n <= last);
		ipvsf_groups_find(groups, top + i * size, 1, &found);
		expect(found == n);
	}
	expect(sum == account_of(conns).matched);
	free(top);
	ipvsf_groups_destroy(groups);
}

static void check_sample(struct ipvsf_conns *conns, const uint8_t *choices)
{
	static const struct ipvsf_conn_filter all = { .any_protocol = 1 };
	size_t size = choices[6] % 8, want;
	struct ipvsf_sample *sample;

	expect(!ipvsf_sample_create(size, choices[7], &sample));
	while (!account_of(conns).ended)
		expect(!ipvsf_conns_sample(conns, sample, 0));
	want = account_of(conns).matched < size ? account_of(conns).matched : size;
	expect(!ipvsf_conns_filter(conns, &all, NULL, 0));
	expect(!ipvsf_conns_replay(conns, sample));
	check_text(conns, choices[0] % FORMATS);
	expect(account_of(conns).matched == want && account_of(conns).rows == want);
	ipvsf_conns_close(conns);
	ipvsf_sample_destroy(sample);
}

/* Everything read is accounted for, whatever became of it. */
static void check_account(struct ipvsf_conns *conns, struct totals t, const char *text, size_t len)
{
	const char *last = memrchr(text, '\n', len);
	struct ipvsf_conn_account a;
	bool rest = last ? last + 1 < text + len : len;

	while (!account_of(conns).ended)
		expect(!ipvsf_conns_count(conns, 0));
	a = account_of(conns);
	expect(a.rows == t.rows && a.unreadable == t.unreadable + rest);
	expect(a.bytes == len && a.matched + a.repeated <= a.rows);
}

static void read_text(const uint8_t *choices, const char *text, size_t len)
{
	struct totals t = scan(text, len, 1 + choices[6] + choices[7] % 4 * 256u, 1 + choices[1] % 64);
	struct ipvsf_conns *conns;
	const char *lf = memchr(text, '\n', len);

	if (lf && len >= sizeof(HEADER) - 1 && !memcmp(text, HEADER, sizeof(HEADER) - 1))
		t.unreadable--; /* it is passed over, and never an entry */
	expect(!ipvsf_conns_create(&conns));
	start(conns, choices, text, len);
	check_account(conns, t, text, len);
	set_filter(conns, choices);
	start(conns, choices, text, len);
	check_text(conns, choices[0] % FORMATS);
	start(conns, choices, text, len);
	check_rows(conns, 1 + choices[1] % 64);
	start(conns, choices, text, len);
	check_groups(conns, choices);
	start(conns, choices, text, len);
	if (choices[2] & 16)
		check_sample(conns, choices);
	if (choices[2] & 32) {
		expect(!ipvsf_conns_remember(conns, choices[2] & 64));
		start(conns, choices, text, len);
		check_text(conns, choices[0] % FORMATS);
	}
	ipvsf_conns_destroy(conns);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (size < CHOICES)
		return 0;
	/* Exactly as long as the text, so that one byte too far shows. */
	text = malloc(size - CHOICES + !(size - CHOICES));
	expect(text);
	memcpy(text, data + CHOICES, size - CHOICES);
	read_text(data, text, size - CHOICES);
	free(text);
	return 0;
}
