/* SPDX-License-Identifier: MIT */
#include "front.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#define PYTHON_PART "ipvsfast-python"
#define CANNOT_RUN 127 /* as shells have it */

/* Where the Python part was found, with its first lines. */
struct python_part {
	char path[PATH_MAX + sizeof(PYTHON_PART)];
	char lines[8192];
	int error; /* why a file that exists cannot be read; 0: no such file */
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The file that we are, links followed; false if there is no /proc, or the path is too long for us. */
static bool own_path(char *path)
{
	ssize_t len = readlink("/proc/self/exe", path, PATH_MAX);

	if (len <= 0 || len == PATH_MAX)
		return false;
	path[len] = 0;
	return true;
}

static enum front_program program_of(const char *path)
{
	const char *name = base_name(path);

	if (!strcmp(name, "ipvsfast-save") || !strcmp(name, "ipvsadm-save"))
		return FRONT_SAVE;
	if (!strcmp(name, "ipvsfast-restore") || !strcmp(name, "ipvsadm-restore"))
		return FRONT_RESTORE;
	return FRONT_MAIN;
}

static bool is_ignored(int number)
{
	struct sigaction act;

	return !sigaction(number, NULL, &act) && act.sa_handler == SIG_IGN;
}

static bool is_directory(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && S_ISDIR(st.st_mode);
}

/*
 * What stands in refuses to be read or written, as a closed descriptor does. A directory as output counts as
 * closed: nothing can be written to it, and Python would end before our first line.
 */
static void guard_streams(void)
{
	static const int modes[] = { O_WRONLY, O_RDONLY, O_RDWR };

	for (int fd = 0; fd < 3; fd++) {
		if (fd && is_directory(fd))
			close(fd);
		if (fcntl(fd, F_GETFD) < 0)
			(void)!open("/dev/null", modes[fd] | O_CLOEXEC); /* gets the lowest number: fd */
	}
}

void front_start(struct front *f, int argc, char **argv)
{
	static char *const nobody[] = { "ipvsfast", NULL };
	char own[PATH_MAX];

	f->argc = argc > 0 ? argc : 1;
	f->argv = argc > 0 ? argv : nobody;
	f->pipe_ignored = is_ignored(SIGPIPE);
	/* Links may have any name; but one executable may stand for all three programs too. */
	f->program = own_path(own) ? program_of(own) : FRONT_MAIN;
	if (f->program == FRONT_MAIN)
		f->program = program_of(f->argv[0]);
	guard_streams();
}

/* Whether the Python part lies in the folder of `path`, which is overwritten; then its first lines are read. */
static bool is_beside(struct python_part *p)
{
	char *slash = strrchr(p->path, '/');
	ssize_t len;
	int fd;

	if (!slash)
		return false;
	strcpy(slash + 1, PYTHON_PART);
	fd = open(p->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		if (errno != ENOENT && errno != ENOTDIR)
			p->error = errno;
		return p->error;
	}
	len = read(fd, p->lines, sizeof(p->lines) - 1);
	p->error = len < 0 ? errno : 0;
	p->lines[len > 0 ? len : 0] = 0;
	close(fd);
	return true;
}

/* Beside the file that we are, however it was reached; else, for a copy of us, in PATH. */
static bool find_python(struct python_part *p)
{
	bool privileged = getauxval(AT_SECURE);
	const char *name = (const char *)getauxval(AT_EXECFN), *dirs = privileged ? NULL : getenv("PATH");

	p->error = 0;
	if (own_path(p->path) && is_beside(p))
		return true;
	if (name && realpath(name, p->path) && is_beside(p)) /* no /proc here */
		return true;
	for (const char *end; dirs && *dirs; dirs = *end ? end + 1 : end) {
		end = strchrnul(dirs, ':');
		/* A relative folder would be the caller's current one. */
		if (*dirs != '/' || end - dirs >= PATH_MAX - 1)
			continue;
		memcpy(p->path, dirs, (size_t)(end - dirs));
		strcpy(p->path + (end - dirs), "/");
		if (is_beside(p))
			return true;
	}
	return false;
}

__attribute__((format(printf, 2, 3))) static _Noreturn void fail(const struct front *f, const char *text, ...)
{
	va_list more;

	dprintf(2, "%s: ", f->argv[0]);
	va_start(more, text);
	vdprintf(2, text, more);
	va_end(more);
	dprintf(2, "\n");
	_exit(CANNOT_RUN);
}

/* Python reads more of its environment than a program with another user's rights may. */
static void drop_privilege(const struct front *f)
{
	uid_t uid = getuid();
	gid_t gid = getgid();

	if (setresgid(gid, gid, gid) || setresuid(uid, uid, uid))
		fail(f, "cannot give up privileges: %s", strerror(errno));
}

/* Python would end before our first line: "<stdin> is a directory". It is told, and puts one there again. */
static bool take_away_directory(void)
{
	return is_directory(0) && !close(0);
}

/*
 * Python would print a traceback if Ctrl-C came while it starts; it lets it through when it is ready. False: it is
 * not for us to do, since our caller holds it.
 */
static bool hold_interrupt(void)
{
	sigset_t one, before;

	sigemptyset(&one);
	sigaddset(&one, SIGINT);
	return !sigprocmask(SIG_BLOCK, &one, &before) && !sigismember(&before, SIGINT);
}

/* The option of Python by which cli/handed.py learns how we were called; no variable, as those are inherited. */
static char *told(const struct front *f, int fd)
{
	static const char *const programs[] = { "main", "save", "restore" };
	bool directory = take_away_directory(), held = hold_interrupt();
	char *text;

	if (asprintf(&text, "ipvsfast=%s,%d,%s%s%s,%s", programs[f->program], fd, f->pipe_ignored ? "p" : "",
		     directory ? "d" : "", held ? "i" : "", f->argv[0]) < 0)
		fail(f, "out of memory");
	return text;
}

_Noreturn void front_hand_over(const struct front *f, int fd)
{
	static struct python_part python;
	static struct front_interpreter interpreter;
	char **words = calloc((size_t)f->argc + FRONT_WORDS + 5, sizeof(*words));
	int count;

	if (!words)
		fail(f, "out of memory");
	if (getauxval(AT_SECURE))
		drop_privilege(f);
	if (!find_python(&python))
		fail(f, "cannot find " PYTHON_PART
			", the other part of this program: it lies beside the installed one. "
			"Link to that instead of copying it, or have its folder in PATH.");
	if (python.error)
		fail(f, "cannot read %s: %s", python.path, strerror(python.error));
	front_read_interpreter(python.path, python.lines, &interpreter);
	if (!interpreter.count)
		fail(f, "the first line of %s names no Python: install ipvsfast again.", python.path);

	for (count = 0; count < interpreter.count; count++)
		words[count] = interpreter.words[count];
	words[count++] = "-I";
	words[count++] = "-X";
	words[count++] = told(f, fd);
	words[count++] = python.path;
	memcpy(words + count, f->argv + 1, (size_t)(f->argc - 1) * sizeof(*words));
	execv(words[0], words);
	fail(f,
	     "cannot run %s: %s. It is the Python of this installation: install ipvsfast again with one that is "
	     "there.",
	     words[0], strerror(errno));
}
