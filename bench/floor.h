// SPDX-License-Identifier: MIT
/* What the parts of the floor share: see floor.c. */
#ifndef FLOOR_H
#define FLOOR_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
	MESSAGE_MAX = 512, /* far above any message built here */
	SKB_BYTES = 32768, /* the kernel never makes a dump skb larger than this */
	SKBS = 64,	   /* skbs fetched by one recvmmsg */
};

struct service_key {
	uint16_t af, protocol, port;
	uint32_t fwmark;
	uint8_t addr[16];
};

struct floor {
	int fd;
	uint16_t family;
	uint32_t seq;
	uint8_t *skbs;
	struct mmsghdr mmsg[SKBS];
	struct iovec iov[SKBS];
	struct service_key *keys;
	size_t services, destinations, room;
};

_Noreturn void die(const char *what);
double now(void);

/* Opens the socket, and finds the number of the family. */
void open_floor(struct floor *f);

/* A whole dump, of the services or of the destinations of one: keys are kept, all else is counted. */
void dump(struct floor *f, uint8_t cmd, const struct service_key *key);

/* Readings on demand, see floor_poll.c. how: option, mixed or netlink. */
int poll_table(struct floor *f, const char *how);

#endif
