// SPDX-License-Identifier: MIT
/*
 * The bare floor under the bench: what the kernel itself needs, with next to nothing on top.
 *
 *	floor restore < RULES	send ready-made messages; the clock starts when all of them are built
 *	floor list		dump the services, then the destinations of each; only headers are looked at
 *	floor poll HOW		a reading of the table for each line on standard input, see floor_poll.c
 *	floor nothing		start and end
 *	floor host		processor name and the smallest step of the clock
 *
 * Every mode but "nothing" prints one line of JSON. "seconds" is the clock around the kernel's work alone,
 * "whole" runs from the first line of main(). A refused message makes the status non-zero: a floor that
 * failed is no floor. RULES are the lines that bench/workloads.py writes, and no others.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "floor.h"
#include "floor_wire.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

enum {
	BATCH_BYTES = 60000, /* under the default send buffer, over the point where bigger stops helping */
};

struct batches {
	uint8_t *bytes;
	size_t len, room;
	size_t *ends;
	size_t count, ends_room;
	unsigned long rules;
};

static double started;

/* ---- restore ---- */

/* Where the next message goes; starts a new batch when the running one is full. */
static void *reserve(struct batches *b)
{
	size_t start = b->count ? b->ends[b->count - 1] : 0;

	if (b->len - start > BATCH_BYTES - MESSAGE_MAX) {
		if (b->count == b->ends_room) {
			b->ends_room = b->ends_room ? 2 * b->ends_room : 64;
			b->ends = realloc(b->ends, b->ends_room * sizeof(*b->ends));
		}
		if (b->ends)
			b->ends[b->count++] = b->len;
	}
	if (b->room - b->len < MESSAGE_MAX) {
		b->room = b->room ? 2 * b->room : 1 << 20;
		b->bytes = realloc(b->bytes, b->room);
	}
	if (!b->bytes || (b->count && !b->ends))
		die("memory");
	return b->bytes + b->len;
}

/* 10.0.0.1:80, or [2001:db8::1]:80. */
static void parse_endpoint(const char *text, uint16_t *af, uint8_t addr[16], uint16_t *port,
			   unsigned long line)
{
	char host[INET6_ADDRSTRLEN] = "";
	unsigned int number;

	*af = *text == '[' ? AF_INET6 : AF_INET;
	if (sscanf(text, *text == '[' ? "[%45[0-9a-f:]]:%u" : "%15[0-9.]:%u", host, &number) != 2 ||
	    inet_pton(*af, host, addr) != 1) {
		fprintf(stderr, "floor: line %lu: bad address %s\n", line, text);
		exit(1);
	}
	*port = htons((uint16_t)number);
}

static void add_service(struct floor *f, struct batches *b, const struct service_key *key, const char *sched)
{
	struct nlmsghdr *h = begin(reserve(b), f->family, IPVS_CMD_NEW_SERVICE, 0, ++f->seq);
	struct nlattr *a = nest(h, IPVS_CMD_ATTR_SERVICE);
	struct ip_vs_flags flags = { .flags = 0, .mask = ~0U };

	put_key(h, key);
	put(h, IPVS_SVC_ATTR_SCHED_NAME, sched, strlen(sched) + 1);
	put(h, IPVS_SVC_ATTR_FLAGS, &flags, sizeof(flags));
	put32(h, IPVS_SVC_ATTR_TIMEOUT, 0);
	put32(h, IPVS_SVC_ATTR_NETMASK, key->af == AF_INET ? ~0U : 128);
	nest_end(h, a);
	b->len += h->nlmsg_len;
}

static void add_destination(struct floor *f, struct batches *b, const struct service_key *key,
			    const char *server, uint32_t weight)
{
	struct nlmsghdr *h = begin(reserve(b), f->family, IPVS_CMD_NEW_DEST, 0, ++f->seq);
	struct nlattr *a = nest(h, IPVS_CMD_ATTR_SERVICE);
	uint8_t addr[16];
	uint16_t af, port;

	put_key(h, key);
	nest_end(h, a);
	parse_endpoint(server, &af, addr, &port, b->rules);
	a = nest(h, IPVS_CMD_ATTR_DEST);
	put(h, IPVS_DEST_ATTR_ADDR, addr, af == AF_INET ? 4 : 16);
	put16(h, IPVS_DEST_ATTR_PORT, port);
	put32(h, IPVS_DEST_ATTR_FWD_METHOD, IP_VS_CONN_F_MASQ);
	put32(h, IPVS_DEST_ATTR_WEIGHT, weight);
	put32(h, IPVS_DEST_ATTR_U_THRESH, 0);
	put32(h, IPVS_DEST_ATTR_L_THRESH, 0);
	nest_end(h, a);
	b->len += h->nlmsg_len;
}

static void read_rules(struct floor *f, struct batches *b)
{
	char line[256], vip[64], word[64];
	uint32_t weight;

	while (fgets(line, sizeof(line), stdin)) {
		struct service_key key = { .protocol = IPPROTO_TCP };
		int is_service = sscanf(line, "-A -t %63s -s %15s", vip, word) == 2;

		b->rules++;
		if (!is_service && sscanf(line, "-a -t %63s -r %63s -m -w %u", vip, word, &weight) != 3) {
			fprintf(stderr, "floor: line %lu: not a line of the bench: %s", b->rules, line);
			exit(1);
		}
		parse_endpoint(vip, &key.af, key.addr, &key.port, b->rules);
		if (is_service)
			add_service(f, b, &key, word);
		else
			add_destination(f, b, &key, word, weight);
	}
}

/* Everything queued after a send is a refusal, since no message asked for an acknowledgement. */
static unsigned long count_refusals(struct floor *f, int *first)
{
	unsigned long refused = 0;
	ssize_t got;

	while ((got = recv(f->fd, f->skbs, SKB_BYTES, MSG_DONTWAIT)) >= 0) {
		struct nlmsghdr *h;
		size_t offset = 0;

		while ((h = next_message(f->skbs, (size_t)got, &offset))) {
			struct nlmsgerr *e = NLMSG_DATA(h);

			if (h->nlmsg_type != NLMSG_ERROR || !e->error)
				continue;
			refused++;
			if (!*first)
				*first = -e->error;
		}
	}
	if (errno != EAGAIN)
		die("answers lost");
	return refused;
}

static int restore(struct floor *f)
{
	struct batches b = { 0 };
	unsigned long refused = 0;
	size_t from = 0;
	int first = 0;
	double start, seconds;

	open_floor(f);
	read_rules(f, &b);
	start = now();
	for (size_t i = 0; i <= b.count && from < b.len; i++) {
		size_t end = i < b.count ? b.ends[i] : b.len;

		if (send(f->fd, b.bytes + from, end - from, 0) != (ssize_t)(end - from))
			die("send");
		refused += count_refusals(f, &first);
		from = end;
	}
	seconds = now() - start;
	printf("{\"rules\": %lu, \"refused\": %lu, \"seconds\": %.6f, \"whole\": %.6f}\n", b.rules, refused,
	       seconds, now() - started);
	if (refused)
		fprintf(stderr, "floor: %lu of %lu rules refused, the first: %s\n", refused, b.rules,
			strerror(first));
	return refused != 0;
}

/* ---- list ---- */

static int list(struct floor *f)
{
	double start, seconds;

	open_floor(f);
	start = now();
	dump(f, IPVS_CMD_GET_SERVICE, NULL);
	for (size_t i = 0; i < f->services; i++)
		dump(f, IPVS_CMD_GET_DEST, &f->keys[i]);
	seconds = now() - start;
	printf("{\"services\": %zu, \"destinations\": %zu, \"seconds\": %.6f, \"whole\": %.6f}\n",
	       f->services, f->destinations, seconds, now() - started);
	return 0;
}

/* ---- host ---- */

static int host(void)
{
	char name[49] = "";
	double step = 1, last = now();

#if defined(__x86_64__)
	for (unsigned int i = 0; i < 3; i++) {
		unsigned int r[4] = { 0 };

		if (__get_cpuid(0x80000002U + i, &r[0], &r[1], &r[2], &r[3]))
			memcpy(name + sizeof(r) * i, r, sizeof(r));
	}
#endif
	for (int i = 0; i < 2000; i++) {
		double t = now();

		if (t > last && t - last < step)
			step = t - last;
		last = t;
	}
	printf("{\"cpu\": \"%s\", \"clock_step\": %.9f}\n", name, step);
	return 0;
}

/* Peak memory of a command in KiB. A process keeps the peak of the one it was created from; so the command is
 * created from this small one. */
static int memory(char **argv)
{
	struct rusage usage;
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return 1;
	if (!pid) {
		int null = open("/dev/null", O_WRONLY);

		dup2(null, STDOUT_FILENO);
		execv(argv[0], argv);
		_exit(127);
	}
	if (wait4(pid, &status, 0, &usage) < 0 || status)
		return 1;
	printf("{\"memory\": %ld}\n", usage.ru_maxrss);
	return 0;
}

int main(int argc, char **argv)
{
	static struct floor f;

	started = now();
	if (argc == 2 && !strcmp(argv[1], "restore"))
		return restore(&f);
	if (argc == 2 && !strcmp(argv[1], "list"))
		return list(&f);
	if (argc == 3 && !strcmp(argv[1], "poll"))
		return poll_table(&f, argv[2]);
	if (argc == 2 && !strcmp(argv[1], "nothing"))
		return 0;
	if (argc == 2 && !strcmp(argv[1], "host"))
		return host();
	if (argc > 2 && !strcmp(argv[1], "memory"))
		return memory(argv + 2);
	fputs("usage: floor restore < RULES | list | poll HOW | nothing | host | memory COMMAND...\n",
	      stderr);
	return 2;
}
