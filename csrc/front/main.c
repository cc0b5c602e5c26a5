/* SPDX-License-Identifier: MIT */
/* The installed commands: what is plain is done here, all else in Python. */
#include "front/work.h"

#include <signal.h>

/* IPVSFAST_FRONT=off: everything is for Python. */
static bool is_off(void)
{
	const char *mode = secure_getenv("IPVSFAST_FRONT");

	return mode && !strcmp(mode, "off");
}

static bool read_words(const struct front *f, struct front_request *q)
{
	switch (f->program) {
	case FRONT_SAVE:
		return front_read_save_words(f->argv + 1, q);
	case FRONT_RESTORE:
		return front_read_restore_words(f->argv + 1, q);
	default:
		return front_read_verb(f->argv[0], f->argv + 1, q) || front_read_words(f->argv + 1, q);
	}
}

int main(int argc, char **argv)
{
	struct front_request q;
	struct front f;

	front_start(&f, argc, argv);
	if (is_off() || !read_words(&f, &q))
		front_decline(&f);
	signal(SIGXFSZ, SIG_IGN); /* as in Python: a file that may not grow is an error like a full disk */
	switch (q.kind) {
	case REQUEST_CHANGE:
		front_change(&f, &q);
		break;
	case REQUEST_CLEAR:
		front_clear(&f, &q);
		break;
	case REQUEST_RESTORE:
		front_restore(&f);
		break;
	case REQUEST_LIST:
		front_list(&f, &q);
		break;
	case REQUEST_TIMEOUTS:
		front_timeouts(&f);
		break;
	case REQUEST_CONNS:
		front_conns(&f, &q);
		break;
	case REQUEST_REPLACE:
		front_replace(&f);
		break;
	case REQUEST_APPLY:
		front_apply(&f, &q);
		break;
	}
	_exit(0);
}
