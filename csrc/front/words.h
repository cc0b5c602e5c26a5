/* SPDX-License-Identifier: MIT */
/* What a command line asks for, where it is plain enough to be carried out without Python. */
#ifndef IPVSFAST_WORDS_H
#define IPVSFAST_WORDS_H

#include "core/internal.h"

enum front_kind {
	REQUEST_CHANGE, /* op */
	REQUEST_CLEAR,	/* op flushes, but there is an order in which to do it */
	REQUEST_RESTORE,
	REQUEST_LIST, /* view, exact, nosort; op.u.service is the one service, or its af is 0 */
	REQUEST_TIMEOUTS,
	REQUEST_CONNS,	 /* view: default, or persistent with what engines keep */
	REQUEST_REPLACE, /* ipvsfast-restore */
	REQUEST_APPLY	 /* path, quiet */
};

struct front_request {
	enum front_kind kind;
	struct ipvsf_op op;
	uint32_t view;
	bool exact;
	bool nosort;
	bool quiet;
	const char *path;
};

/*
 * Reads the words after the program's name, up to NULL. False: they are for the grammar in Python,
 * which reads them from the start. True means the same there (a property test holds it).
 */
bool front_read_words(char *const *words, struct front_request *ret);

/* The same for verbs. name: by which the program was called; as ipvsadm it has none. */
bool front_read_verb(const char *name, char *const *words, struct front_request *ret);

/* The same for the programs ipvsfast-save and ipvsfast-restore. */
bool front_read_save_words(char *const *words, struct front_request *ret);
bool front_read_restore_words(char *const *words, struct front_request *ret);

#endif
