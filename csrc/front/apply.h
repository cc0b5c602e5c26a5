/* SPDX-License-Identifier: MIT */
/* What the files of `ipvsfast apply FILE` share: what is wanted, what is to be done, and its journal. */
#ifndef IPVSFAST_APPLY_H
#define IPVSFAST_APPLY_H

#include "front/work.h"

#include <limits.h>

#define NO_ROW SIZE_MAX

/* A service that is wanted, and its dests, which follow it in the file. */
struct wanted_service {
	struct ipvsf_service conf;
	size_t first, count; /* dests, in the order of the file */
	size_t row;	     /* in the table, or NO_ROW */
	bool settled;	     /* it is as wanted, and so are its dests, in this order */
	bool touched;	     /* something in it is changed */
};

/* wanted.c: the rules of a file, all of them canonical. */
struct wanted {
	const struct front *f;
	int fd;
	size_t size; /* of the file */
	struct wanted_service *services;
	struct wanted_service **sorted;
	struct ipvsf_dest *dests;
	size_t num_services, num_dests, services_size, dests_size;
	bool *settled_dests; /* of each dest whether it is in the table with these values */
	bool twice;	     /* a dest of the table stands twice in the file */
	size_t disordered;   /* services that are there with dests in another order */
};

/* Python goes on unless the file is a plain one. */
void front_wanted_read(struct wanted *w, const char *path);
/* NULL: it is not wanted. */
struct wanted_service *front_wanted_find(const struct wanted *w, const struct ipvsf_service *conf);
/*
 * The rule that adds a service, and those of its dests, as the scanner gave them; all: of settled dests too. Gives how
 * many.
 */
size_t front_wanted_ops(const struct wanted *w, const struct wanted_service *service, bool all,
			struct ipvsf_op *ret);

/* state.c: the state folder of the namespace (ipvsfast/changes/state_folder.py). False: Python has to look. */
struct state {
	char folder[PATH_MAX / 2];
	char boot[9];
	bool is_main; /* the namespace is that of the first process */
};
bool front_state_find(struct ipvsf_session *s, struct state *ret);
/* Whether no apply was interrupted or awaits its confirmation. */
bool front_state_is_settled(const struct state *state);
/* Makes the folder where there is none. */
bool front_state_make(const struct state *state);

/*
 * journal.c: as ipvsfast/history/journal.py writes them. What was prepared is on the disk, but no journal yet:
 * front_journal_begin() makes it one, by giving it its name. */
struct journal {
	const struct state *state;
	char new[PATH_MAX];
	char path[PATH_MAX];
	uint32_t number;
};
struct apply_plan;
bool front_journal_prepare(struct journal *j, const struct state *state, const struct front *f,
			   const char *source, const struct apply_plan *plan);
void front_journal_drop(struct journal *j);
/* These give 0 or a negative errno. */
int front_journal_begin(struct journal *j);
int front_journal_end(struct journal *j, const struct apply_plan *plan);

/* plan.c: what there is to do (ipvsfast/plans/plan.py) */
/*
 * Which dests of a service that is there are as wanted. settled: those of the table; seen: likewise, whether they are
 * wanted at all.
 */
void front_plan_match(struct wanted *w, struct wanted_service *service, const struct ipvsf_table *present,
		      bool *settled, bool *seen);
struct apply_plan {
	struct ipvsf_op *rules; /* of services that differ, and of their dests that do */
	size_t num_rules;
	struct ipvsf_replacement made;
	const struct ipvsf_table *present;
	size_t deletions_from;
	size_t added, edited, deleted; /* entries */
};
/* Once all services are matched. False: Python has to look. */
bool front_plan_make(struct apply_plan *p, struct wanted *w, const struct ipvsf_table *present,
		     const struct ipvsf_settled *settled);
/* Its lines, as `ipvsfast diff` has them, to be freed; NULL: only Python has words for it. */
char *front_plan_text(const struct apply_plan *p, size_t *len);
/* The ops that add again what is edited and deleted: so many; ret: room for them, or NULL. */
size_t front_plan_before(const struct apply_plan *p, struct ipvsf_op *ret);

#endif
