/* SPDX-License-Identifier: MIT */
/*
 * -L -c -n of a small table. It is read to its end before the first byte is written, so that all policy can be
 * Python's: which source is quick for many connections, what is read again when the table changes its size,
 * what is said of lines that are no entries. Whatever asks for it is read anew there.
 */
#include "front/work.h"
#include "texts.h"

#define STATUS_FILE "/proc/thread-self/net/ip_vs_status"
#define CONFIG "/etc/ipvsfast.conf"
#define MOST 4096 /* rows; Python asks whether there are more than 5,000 before it chooses a source */
#define ROOM (1 << 20)
/* How much fewer rows than entries traffic alone explains; conntable.py. */
#define SLACK(entries) (64 + (entries) / 50)

/* Who sets something about connections may have set more than we know. */
static bool anything_set(void)
{
	return getenv("IPVSFAST_CONNECTIONS_SOURCE") || !access(CONFIG, F_OK) || errno != ENOENT;
}

/* Whether the kernel's table changes its size as it fills, as from Linux 7.1 on: then it has this file. */
static bool is_resized(void)
{
	return !access(STATUS_FILE, F_OK);
}

/* How many entries the kernel counts; -1: it does not say. */
static long long count_entries(void)
{
	static const char label[] = "Conns:\t";
	int fd = ipvsf_netns_open(-1, STATUS_FILE);
	char text[257], *at;
	ssize_t len;

	if (fd < 0)
		return -1;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[len > 0 ? len : 0] = 0;
	at = strstr(text, label);
	return at ? strtoll(at + sizeof(label) - 1, NULL, 10) : -1;
}

/* Whether what was read is sure to be all, and nothing is to be said of it. */
static bool is_plain(const struct ipvsf_conn_account *a)
{
	long long entries = count_entries();

	if (a->error || a->unreadable || a->resized || !a->bytes)
		return false;
	return entries < 0 ||
	       ((long long)a->rows >= entries - SLACK(entries) && (long long)a->rows <= entries);
}

/* The bytes of the table's rows, from `at` on; -1 where it is not small, or is not plain. */
static ssize_t read_rows(struct ipvsf_conns *c, uint32_t format, char *text, size_t at)
{
	struct ipvsf_conn_account account;
	size_t len;

	do {
		if (ROOM - at < IPVSF_CONN_LINE || ipvsf_conns_text(c, format, text + at, ROOM - at, 0, &len))
			return -1;
		at += len;
		ipvsf_conns_account(c, &account);
		if (account.rows > MOST)
			return -1;
	} while (!account.ended);
	return is_plain(&account) ? (ssize_t)at : -1;
}

void front_conns(const struct front *f, const struct front_request *q)
{
	bool engines = q->view == IPVSF_VIEW_PERSISTENT;
	const char *head = engines ? FRONT_CONN_HEAD_ENGINES : FRONT_CONN_HEAD;
	char *text = malloc(ROOM);
	struct ipvsf_info info;
	struct ipvsf_conns *c;
	ssize_t len;

	if (!text || anything_set())
		front_decline(f);
	front_open(f, &info); /* loads the module where the kernel can, as for every listing */
	if (ipvsf_conns_create(&c) || ipvsf_conns_remember(c, !is_resized()) || ipvsf_conns_open(c, -1, 0))
		front_decline(f);
	len = (ssize_t)strlen(head);
	memcpy(text, head, (size_t)len);
	len = read_rows(c, engines ? IPVSF_CONN_TABLE_PE : IPVSF_CONN_TABLE, text, (size_t)len);
	if (len < 0)
		front_decline(f);
	front_say(f, text, (size_t)len);
}
