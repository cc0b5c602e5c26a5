/* SPDX-License-Identifier: MIT */
/*
 * What the front does itself, and how it goes on in Python where that is not all. Three rules:
 * nothing that got a result from the kernel is asked for again; what Python reads anew has had no effect;
 * no sentence is made here, but those that texts.h has from Python.
 */
#ifndef IPVSFAST_WORK_H
#define IPVSFAST_WORK_H

#include "front/front.h"
#include "front/words.h"

#define FRONT_TEXT (1 << 18)  /* bytes of a listing that are written at once */
#define FRONT_RULES 2048      /* operations at a time, as Python has it, */
#define FRONT_RULES_MOST 8192 /* and where one service has more */

/* Each carries out its request and returns, or does not return: Python goes on. */
void front_change(const struct front *f, const struct front_request *q);
void front_clear(const struct front *f, const struct front_request *q);
void front_list(const struct front *f, const struct front_request *q);
void front_timeouts(const struct front *f);
void front_conns(const struct front *f, const struct front_request *q);
void front_restore(const struct front *f);
void front_replace(const struct front *f);
void front_apply(const struct front *f, const struct front_request *q);

/* handed.c: what Python is told */
enum front_done {
	FRONT_DONE_CHANGE = 1, /* one result, of the change that the command line asks for */
	FRONT_DONE_OUTPUT,     /* everything, but standard output cannot be written: one result */
	FRONT_DONE_RULES,      /* rules of -R; the text begins with those that the results are of */
	FRONT_DONE_REPLACE,    /* the text is what was read; results: the rules are sent */
	FRONT_DONE_LISTED,     /* a part of a listing; the text: rows of the services that are left */
	FRONT_DONE_APPLY /* the plan of an apply: results of its ops. The text: as many rules, packed, as `line'
				* says, and then others that make the table that was there. size: number of the journal */
};

/*
 * Written in front of the results and the text. Python may be of another version, since files are
 * replaced one by one when a program is upgraded: all up to `last` stays where it is for ever, so that
 * any version can tell how far this one came.
 */
struct front_handed {
	char magic[4];	      /* "IPVS" */
	uint32_t version;     /* FRONT_HANDED_VERSION */
	uint32_t what;	      /* enum front_done */
	uint32_t interrupted; /* by this signal; 0: by none */
	uint64_t done;	      /* operations with a result before those that follow here, */
	uint64_t last;	      /* up to which line */
	uint64_t line;	      /* the last line before the text; of an apply how many rules */
	uint32_t count;	      /* results that follow: 32 bits each */
	int32_t error;	      /* negative errno that ended the exchange with the kernel; 0: none */
	uint32_t ended;	      /* nothing more is to be read */
	uint32_t size; /* of the connection table when the command began, which listings show; see apply */
};

#define FRONT_HANDED_VERSION 2

/* Nothing was done: Python reads the same command line from the start. */
_Noreturn void front_decline(const struct front *f);
/* What was done goes along; magic and version are filled in. */
_Noreturn void front_hand_on(const struct front *f, struct front_handed *h, const int32_t *results,
			     const char *text, size_t len);
_Noreturn void front_hand_result(const struct front *f, enum front_done what, int32_t result);
/* Writes all of it to standard output; where that fails Python says so. */
void front_say(const struct front *f, const char *text, size_t len);

/* kernel.c */
/* As in Python the kernel is asked what it is first: who may not do that hears so before anything else. */
struct ipvsf_session *front_open(const struct front *f, struct ipvsf_info *info);
/*
 * All of the table, or the one service that is named; false: it cannot be had. Set ret->complete where something
 * is deleted on the word of this reading: then it is false too for a table that keeps changing.
 */
bool front_read_table(struct ipvsf_session *s, const struct ipvsf_service *one, struct ipvsf_table *ret);
/* Without the dests. */
bool front_read_services(struct ipvsf_session *s, const struct ipvsf_service *one, struct ipvsf_table *ret);
/*
 * Sends for a time slice, or until all ops have a result: *done of them. 0; -EAGAIN: call again with the
 * rest; -EINTR: Ctrl-C; other: the exchange failed, and from *done on nothing was carried out.
 */
int front_send(struct ipvsf_session *s, const struct ipvsf_op *ops, size_t count, int32_t *results,
	       size_t *done);
/* All of them, however long it takes. 0, or the failure of the exchange. */
int front_send_all(struct ipvsf_session *s, const struct ipvsf_op *ops, size_t count, int32_t *results);

/* interrupt.c */
/*
 * From here on neither Ctrl-C nor SIGTERM ends us, but it is asked for; not where it came ignored. Release: it
 * ends us again, and at once if it came meanwhile and was not told. Gives the signal that was.
 */
void front_hold_interrupt(void);
bool front_interrupted(void);
/* Waits until standard input can be read; false: Ctrl-C came first. */
bool front_wait_input(void);
/* Whether it can be read within so many milliseconds, without Ctrl-C before. */
bool front_more_input(int ms);
uint32_t front_release_interrupt(bool told);

#endif
