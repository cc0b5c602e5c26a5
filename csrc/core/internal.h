/* SPDX-License-Identifier: MIT */
#ifndef IPVSFAST_INTERNAL_H
#define IPVSFAST_INTERNAL_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include <linux/genetlink.h>
#include <linux/netlink.h>

#include "uapi/linux/ip_vs.h"

#include "api/ipvsfast.h"
#include "api/conns.h"
#include "api/bpf.h"
#include "api/stats.h"
#include "api/metrics.h"
#include "api/live.h"

#define IPVSF_RECV_LEN 32768   /* the kernel's cap for one dump skb; never less, see netlink/dump.c */
#define IPVSF_RECV_OTHER 28672 /* of ipvsf_session_other(): so its dumps are cut at other entries */
#define IPVSF_WINDOW_MAX 512   /* best transport cost per message; more only delays Ctrl-C */
#define IPVSF_SEND_LEN (96 * 1024)
#define IPVSF_IDLE_MAX 4093 /* the dests that mh holds where the kernel is built as usual */

struct ipvsf_session {
	struct nl_sock *sk; /* genl_libnl.c's; NULL when attached */
	int fd;
	bool attached;	/* to a socket that a test holds the other end of */
	int control_fd; /* AF_INET socket of the same namespace, for sockopt/; -1: none */
	pid_t owner;	/* a child after fork must not touch the socket */
	uint16_t family;
	uint32_t port;
	uint32_t seq;
	uint32_t rcvbuf;
	uint32_t window; /* messages per send whose replies are sure to fit */
	uint32_t window_cap;
	uint32_t pending;     /* sequence of a dump that was interrupted; 0: none */
	uint32_t slices;      /* how often an exchange that waits was left to look at signals */
	int64_t patience_end; /* when it is given up; 0: not waited so far */
	uint8_t *send_buf;
	uint8_t *recv_buf; /* IPVSF_RECV_SLOTS times recv_len */
	uint32_t recv_len;
	void *option_buf; /* sockopt/tell.c's */
	size_t option_len;
	uint32_t data_skbs; /* how many the last exchange's answer came in, without that which ends it */
	struct ipvsf_session *other;
	uint32_t idle_most; /* dests that may go as a group with their new service; 0: never */
	bool changed;	    /* something was carried out here since the family was looked up */
	char message[160];
};

#define IPVSF_RECV_SLOTS 4
#define IPVSF_NOW 0		/* a deadline: do not wait */
#define IPVSF_PATIENCE_MS 10000 /* the kernel answers at once; only a fault takes longer */
#define IPVSF_SETTLE_MS 200	/* it has answered everything before send() returned */

static inline uint64_t ipvsf_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static inline int64_t ipvsf_now_ms(void)
{
	return (int64_t)(ipvsf_now_ns() / 1000000);
}

/* core/netns.c: what work(arg) returns, done by a thread in that network namespace; -1: by the caller's */
int ipvsf_netns_do(int netns_fd, int (*work)(void *arg), void *arg);
/* A descriptor (CLOEXEC) of the namespace of a socket, or -errno. */
int ipvsf_netns_of(int socket_fd);

/* netlink/session.c */
int ipvsf_session_check(struct ipvsf_session *s);
int ipvsf_session_look_again(struct ipvsf_session *s);
/* Another socket in the same namespace, to compare dumps; the session itself if there can be none. */
struct ipvsf_session *ipvsf_session_other(struct ipvsf_session *s);
uint32_t ipvsf_session_next_seq(struct ipvsf_session *s, uint32_t count);

/*
 * netlink/genl_libnl.c in the module, front/genl_raw.c where no library may be needed: the socket, its port,
 * and the number of the IPVS family, which loads the module where the kernel can (-ENOPROTOOPT: no IPVS).
 */
int ipvsf_genl_open(struct ipvsf_session *s);
int ipvsf_genl_resolve(struct ipvsf_session *s, uint16_t *family);
void ipvsf_genl_close(struct ipvsf_session *s);

/* netlink/exchange.c: one message at a time out of what the kernel queued */
typedef int (*ipvsf_message_fn)(struct ipvsf_session *s, const struct nlmsghdr *nlh, void *ctx);
int ipvsf_send_all(struct ipvsf_session *s, const void *buf, size_t len);
int ipvsf_receive(struct ipvsf_session *s, int64_t *deadline, ipvsf_message_fn fn, void *ctx);
int ipvsf_exchange(struct ipvsf_session *s, const void *msg, ipvsf_message_fn fn, void *ctx);
int ipvsf_error_of(struct ipvsf_session *s, const struct nlmsghdr *nlh);

/* netlink/send_window.c */
int ipvsf_window_send(struct ipvsf_session *s, uint8_t *buf, size_t len, uint32_t first_seq, uint32_t count,
		      int32_t *results);

/* netlink/idle_scheduler.c */
size_t ipvsf_idle_limit(const struct ipvsf_session *s, const struct ipvsf_op *ops, size_t count,
			size_t window);
int ipvsf_idle_send(struct ipvsf_session *s, const struct ipvsf_op *ops, size_t count, int32_t *results,
		    size_t *sent);

/* netlink/dump.c: one request and its answer; with `again`, also to a module that was loaded anew */
int ipvsf_request(struct ipvsf_session *s, uint8_t cmd, uint16_t flags, const struct ipvsf_service *ident,
		  ipvsf_message_fn fn, void *ctx);
int ipvsf_request_again(struct ipvsf_session *s, uint8_t cmd, uint16_t flags,
			const struct ipvsf_service *ident, ipvsf_message_fn fn, void *ctx);
unsigned int ipvsf_rereads(const struct ipvsf_table *t);
int ipvsf_reserve(void **rows, size_t *size, size_t count, size_t row); /* just so many */
/* Asks for the pages of memory that is about to be written at once, as one by one they cost more than the rest. */
void ipvsf_populate(void *memory, size_t len);
int ipvsf_reserve_all(void **rows, size_t *size, size_t count, size_t row);
int ipvsf_grow(void **rows, size_t *size, size_t count, size_t row);
int ipvsf_add_service(struct ipvsf_session *s, const struct nlmsghdr *nlh, void *table);

/* netlink/services.c */
struct ip_vs_service_entry;
void ipvsf_drop_services(struct ipvsf_table *t);
/* Whether the entries are the IPv4 services of the table, in its order. */
bool ipvsf_services_agree(const struct ipvsf_table *t, const struct ip_vs_service_entry *entries,
			  size_t count);
/* Takes over how many dests each IPv4 service has, if the entries are those services. */
void ipvsf_take_counts(struct ipvsf_table *t, const struct ip_vs_service_entry *entries, size_t count);

/* netlink/row_keys.c: rows by their keys. The orders are for arrays of pointers to rows. */
int ipvsf_service_key_order(const void *a, const void *b);
int ipvsf_dest_key_order(const void *a, const void *b);
typedef int (*ipvsf_order_fn)(const void *a, const void *b);
/* Pointers to the rows, in order; NULL: no memory. To be freed. */
void **ipvsf_rows_sorted(const void *rows, size_t count, size_t row, ipvsf_order_fn order);
/* Removes rows that repeat another's key. 0; -ENOMEM. */
int ipvsf_drop_repeated(void *rows, size_t *count, size_t row, ipvsf_order_fn order);
/* 1: both hold the same keys, but for those of rows that `ignored` names (NULL: none). 0; -ENOMEM. */
int ipvsf_same_keys(const void *a, size_t count_a, const void *b, size_t count_b, size_t row,
		    ipvsf_order_fn order, bool (*ignored)(const void *row));

/* sockopt/tell.c: what the older interface tells in one consistent reading; -1: it does not */
struct ip_vs_service_entry;
struct ip_vs_dest_entry;
/* The IPv4 services, of which `expected` are thought to be there: how many, -1, or -EAGAIN where there are far
 * more. They stay the session's, until it asks for dests or services again. */
ssize_t ipvsf_services4(struct ipvsf_session *s, size_t expected, const struct ip_vs_service_entry **ret);
int64_t ipvsf_count_dests(struct ipvsf_session *s, const struct ipvsf_service *svc);
/* The service's dests of its own family, at most `size` of them: how many, -ESRCH, or -1. Likewise. */
ssize_t ipvsf_dests4(struct ipvsf_session *s, const struct ipvsf_service *svc, size_t size,
		     const struct ip_vs_dest_entry **ret);
/* 1: the rows are the service's dests; 0: they are not (any more); -ESRCH: no service; -1: unknown */
int ipvsf_dests_agree(struct ipvsf_session *s, const struct ipvsf_service *svc,
		      const struct ipvsf_dest_row *rows, size_t count);

/* sockopt/dest_rows.c: rows from there; where they would lack something there are none */
/* How many dests the services of a table have, if that is not known yet; room for those. */
void ipvsf_option_count(struct ipvsf_session *s, struct ipvsf_table *t);
int ipvsf_option_reserve(struct ipvsf_table *t);
/* Both, before the dests of a table are read. */
int ipvsf_option_begin(struct ipvsf_session *s, struct ipvsf_table *t);
/*
 * Once all are read: how many services must be read again, since they have another number of dests now, so that not
 * all of those may have been told; the table forgets them. They then are read with more care.
 */
size_t ipvsf_option_doubt(struct ipvsf_session *s, struct ipvsf_table *t);
/*
 * 1: the dests of a service, which were counted, are just these, each once, in any order, and there are no tunnels;
 * that none is hidden ipvsf_option_doubt() has to say. 0: they are not, or it cannot be told.
 */
int ipvsf_option_holds(struct ipvsf_session *s, struct ipvsf_service_row *row,
		       const struct ipvsf_dest *wanted, size_t count);
/* 1: the rows of the service's dests are appended; 0: they are for netlink; -ESRCH: no such service */
int ipvsf_option_dests(struct ipvsf_session *s, struct ipvsf_table *t, struct ipvsf_service_row *row);

/* listing/order.c: as ipvsadm lists the dests of one service */
int ipvsf_dest_order(const struct ipvsf_dest_row *a, const struct ipvsf_dest_row *b);

/* netlink/encode.c */
struct ipvsf_writer {
	uint8_t *buf;
	size_t len;
	size_t size;
	bool overflow;
};
struct nlmsghdr *ipvsf_write_header(struct ipvsf_writer *w, uint16_t family, uint8_t cmd, uint16_t flags,
				    uint32_t seq);
void ipvsf_write_ident(struct ipvsf_writer *w, const struct ipvsf_service *svc);
int ipvsf_write_end(struct ipvsf_writer *w);

/* listing/order.c: pointers to the service rows of a table, as ipvsadm lists them */
int ipvsf_services_listed(const struct ipvsf_table *t, const struct ipvsf_service_row **ret);
/* The same with the dests of one service. */
int ipvsf_dests_listed(const struct ipvsf_dest_row *rows, size_t count, const struct ipvsf_dest_row **ret);

/* rules/replacement.c: whether these are the same service, and whether there is nothing to change */
bool ipvsf_same_service(const struct ipvsf_service *a, const struct ipvsf_service *b);
bool ipvsf_same_settings(const struct ipvsf_service *a, const struct ipvsf_service *b);
bool ipvsf_same_values(const struct ipvsf_dest *a, const struct ipvsf_dest *b);
/* Which services and dests of a table are just as wanted: that of each, by its number. */
struct ipvsf_settled {
	bool *services; /* with all of their dests */
	bool *dests;
};
/*
 * ipvsf_replacement_make() where the rules of what is settled are left out, but for those of services that hold
 * something else: the ops are the same, in the same order. In which order dests stand it cannot tell.
 */
int ipvsf_replacement_of_rest(const struct ipvsf_op *rules, size_t count, uint32_t how,
			      const struct ipvsf_settled *settled, const struct ipvsf_table *table,
			      struct ipvsf_replacement *ret);

/* netlink/decode.c */
int ipvsf_info_decode(const void *msg, size_t len, struct ipvsf_info *ret);
int ipvsf_timeouts_decode(const void *msg, size_t len, struct ipvsf_timeouts *ret);

#endif
