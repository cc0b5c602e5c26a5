/* SPDX-License-Identifier: MIT */
/*
 * The installed command: an executable that stands in front of the Python program `ipvsfast-python`. It needs
 * nothing but libc. What it does not do itself it hands over, before anything was done or said.
 */
#ifndef IPVSFAST_FRONT_H
#define IPVSFAST_FRONT_H

#include <stdbool.h>

/* Which command this is: told by the file that was started, or by the name it was called by. */
enum front_program {
	FRONT_MAIN,
	FRONT_SAVE,
	FRONT_RESTORE
};

struct front {
	enum front_program program;
	int argc;
	char *const *argv; /* argv[0]: the name as it was typed; never missing */
	bool pipe_ignored; /* SIGPIPE came ignored; Python itself cannot see that */
};

/*
 * The first thing to do: reads how we were called, and occupies the standard descriptors that came closed, or
 * the next thing opened would become one of them. Python finds them closed all the same.
 */
void front_start(struct front *f, int argc, char **argv);

/*
 * Python goes on with the same command line, in its isolated mode: the caller's PYTHON* variables, the current
 * directory and the user's own packages do not reach it. fd: what tells it of what was done already, a
 * descriptor that stays open across exec; -1: nothing was done. A privilege that came with the file (setuid,
 * capabilities) is given up first. If Python cannot be run, that is said, and the exit status is 127.
 */
_Noreturn void front_hand_over(const struct front *f, int fd);

/* Used by front_hand_over(): the words in front of a script that its first lines ask for. */
#define FRONT_WORDS 8
struct front_interpreter {
	char text[8192];
	char *words[FRONT_WORDS];
	int count; /* 0: the lines name no interpreter that we understand */
};
void front_read_interpreter(const char *script, const char *lines, struct front_interpreter *ret);

#endif
