// SPDX-License-Identifier: MIT
/*
 * The cheapest ways to read the whole table again and again.
 *
 *	floor poll option	services and destinations by the older socket options: IPv4 only, and 32-bit counters
 *	floor poll mixed	the services by a netlink dump as well, as their counters have 64 bits there
 *	floor poll netlink	both by dumps
 *
 * Each line on standard input asks for one reading, told as a line of JSON: "seconds" by the clock, "cpu" by that of
 * the process. Buffers are used again, and nothing is looked at but what says where the next answer goes.
 */
#define _GNU_SOURCE
#include "floor.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "floor_wire.h"

enum {
	ONE_SERVICE = 1 << 16
}; /* destinations of one service: room for more than any table of the bench has */

struct options {
	int fd;
	struct ip_vs_get_services *services;
	size_t room;
	struct ip_vs_get_dests *dests;
};

static double used(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void ask(const struct options *o, int what, void *answer, socklen_t len)
{
	if (getsockopt(o->fd, IPPROTO_IP, what, answer, &len))
		die("socket option");
}

static void services_by_option(struct floor *f, struct options *o)
{
	struct ip_vs_getinfo info;

	ask(o, IP_VS_SO_GET_INFO, &info, sizeof(info));
	if (info.num_services > o->room || !o->services) {
		o->room = info.num_services;
		o->services = realloc(o->services,
				      sizeof(*o->services) + o->room * sizeof(*o->services->entrytable));
		if (!o->services)
			die("memory");
	}
	o->services->num_services = info.num_services;
	ask(o, IP_VS_SO_GET_SERVICES, o->services,
	    (socklen_t)(sizeof(*o->services) + info.num_services * sizeof(*o->services->entrytable)));
	f->services = info.num_services;
}

static void dests_by_option(struct floor *f, struct options *o, const struct ip_vs_service_entry *service)
{
	struct ip_vs_get_dests *get = o->dests;

	if (service->num_dests > ONE_SERVICE)
		die("too many destinations");
	get->protocol = service->protocol;
	get->fwmark = service->fwmark;
	get->port = service->port;
	get->addr = service->addr;
	get->num_dests = service->num_dests;
	ask(o, IP_VS_SO_GET_DESTS, get,
	    (socklen_t)(sizeof(*get) + service->num_dests * sizeof(*get->entrytable)));
	f->destinations += service->num_dests;
}

static void read_by_option(struct floor *f, struct options *o)
{
	services_by_option(f, o);
	for (size_t i = 0; i < f->services; i++)
		dests_by_option(f, o, &o->services->entrytable[i]);
}

static void read_mixed(struct floor *f, struct options *o)
{
	dump(f, IPVS_CMD_GET_SERVICE, NULL);
	read_by_option(f, o); /* which tells how many destinations there are: the dump does not */
}

static void read_by_netlink(struct floor *f, struct options *o)
{
	(void)o;
	dump(f, IPVS_CMD_GET_SERVICE, NULL);
	for (size_t i = 0; i < f->services; i++)
		dump(f, IPVS_CMD_GET_DEST, &f->keys[i]);
}

int poll_table(struct floor *f, const char *how)
{
	void (*reading)(struct floor *, struct options *) = !strcmp(how, "option") ? read_by_option
							  : !strcmp(how, "mixed")  ? read_mixed
										   : read_by_netlink;
	struct options o = { .fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW) };
	char line[256];

	o.dests = malloc(sizeof(*o.dests) + ONE_SERVICE * sizeof(*o.dests->entrytable));
	if (o.fd < 0 || !o.dests)
		die("socket");
	open_floor(f);
	while (fgets(line, sizeof(line), stdin)) {
		double start = now(), cpu = used();

		f->services = f->destinations = 0;
		reading(f, &o);
		printf("{\"services\": %zu, \"destinations\": %zu, \"seconds\": %.6f, \"cpu\": %.6f}\n",
		       f->services, f->destinations, now() - start, used() - cpu);
		fflush(stdout);
	}
	return 0;
}
