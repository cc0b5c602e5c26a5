/* SPDX-License-Identifier: MIT */
/*
 * The journal of an apply, as ipvsfast/history/journal.py and history.py write and read it: `undo', `history' and who
 * finds it interrupted do not see which of the two has written it.
 */
#include "core/deflate.h"
#include "front/apply.h"
#include "texts.h"

#include <dirent.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/uio.h>

_Static_assert(sizeof(struct ipvsf_op) == DEFLATE_BLOCK, "the blocks that are packed");

#define HEAD_MAX 16384
#define COMMAND_MAX 500

struct text {
	char *at;
	size_t len, size;
	bool full;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *t, const char *format, ...)
{
	va_list more;
	int len;

	va_start(more, format);
	len = vsnprintf(t->at + t->len, t->size - t->len, format, more);
	va_end(more);
	t->full |= len < 0 || (size_t)len >= t->size - t->len;
	t->len += t->full ? 0 : (size_t)len;
}

/* A string of JSON. Only printable ASCII: how others are written Python knows. */
static void put_string(struct text *t, const char *value)
{
	put(t, "\"");
	for (; *value; value++) {
		t->full |= *value < ' ' || *value > '~';
		put(t, *value == '"' || *value == '\\' ? "\\%c" : "%c", *value);
	}
	put(t, "\"");
}

static void put_member(struct text *t, const char *name, const char *value)
{
	put(t, ", \"%s\": ", name);
	put_string(t, value);
}

/* When the process was started, in ticks since the boot; 0: that cannot be read. */
static unsigned long long started(void)
{
	char text[1024] = "", *at;
	int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[len > 0 ? len : 0] = 0;
	at = strrchr(text, ')');
	for (int i = 0; at && i < 20; i++)
		at = strchr(at + 1, ' ');
	return at ? strtoull(at, NULL, 10) : 0;
}

/* Who is not in that file is known to other services, if at all, and they are for Python to ask. */
static void put_user(struct text *t)
{
	FILE *file = fopen("/etc/passwd", "re");
	const struct passwd *user = NULL;

	while (file && (user = fgetpwent(file)) && user->pw_uid != getuid())
		;
	t->full |= !user;
	put_string(t, user ? user->pw_name : "");
	if (file)
		fclose(file);
}

static void put_who(struct text *t)
{
	const char *sudo = getenv("SUDO_USER");

	put(t, ", \"who\": {\"user\": ");
	put_user(t);
	put_member(t, "sudo", sudo ? sudo : "");
	put(t, ", \"pid\": %ld, \"started\": %llu}", (long)getpid(), started());
}

static void put_command(struct text *t, const struct front *f)
{
	const char *slash = strrchr(f->argv[0], '/');
	char line[COMMAND_MAX + 1];
	struct text words = { .at = line, .size = sizeof(line) };

	put(&words, "%s", slash ? slash + 1 : f->argv[0]);
	for (int i = 1; i < f->argc; i++)
		put(&words, " %s", f->argv[i]);
	t->full |= words.full;
	put_member(t, "command", line);
}

static void put_head(struct text *t, const struct state *state, const struct front *f, const char *source,
		     const struct apply_plan *plan, size_t size)
{
	struct timespec now;
	char folder[PATH_MAX];

	clock_gettime(CLOCK_REALTIME, &now);
	put(t, "{\"ipvsfast_journal\": %d, \"when\": %lld.%06ld", FRONT_JOURNAL_VERSION,
	    (long long)now.tv_sec, now.tv_nsec / 1000);
	put_who(t);
	put_command(t, f);
	t->full |= !getcwd(folder, sizeof(folder));
	put_member(t, "folder", t->full ? "" : folder);
	put_member(t, "source", source);
	put(t, ", \"tag\": \"\", \"undoes\": 0, \"continues\": 0, \"confirm_within\": 0.0");
	put_member(t, "boot", state->boot);
	put(t, ", \"main\": %s, \"planned\": [%zu, %zu, %zu]", state->is_main ? "true" : "false", plan->added,
	    plan->edited, plan->deleted);
	put(t, ", \"order\": false, \"orders\": {}, \"settings\": {}, \"packed_as\": \"%s %zu\"",
	    __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? "little" : "big", sizeof(struct ipvsf_op));
	put(t, ", \"operations\": %zu, \"size\": %zu}\n", plan->made.count, size);
}

/* A new journal: its line of JSON, and the ops behind it. */
struct journal_text {
	struct text head;
	uint8_t *ops;
	size_t len; /* of ops */
};

/* ops and what they take away, packed. */
static bool pack_ops(struct journal_text *t, const struct apply_plan *plan)
{
	size_t count = front_plan_before(plan, NULL);
	struct ipvsf_op *before = malloc((count + 1) * sizeof(*before));
	struct deflate z;

	t->ops = malloc(DEFLATE_ROOM((plan->made.count + count) * sizeof(*before)));
	if (before && t->ops) {
		front_plan_before(plan, before);
		deflate_begin(&z, t->ops);
		for (size_t i = 0; i < plan->made.count; i++)
			deflate_block(&z, &plan->made.ops[i]);
		for (size_t i = 0; i < count; i++)
			deflate_block(&z, &before[i]);
		t->len = (size_t)(deflate_end(&z) - t->ops);
	}
	free(before);
	return t->len;
}

/* False: it is for Python. To be freed, both parts. */
static bool make_text(struct journal_text *t, const struct state *state, const struct front *f,
		      const char *source, const struct apply_plan *plan)
{
	*t = (struct journal_text){ .head = { .at = malloc(HEAD_MAX), .size = HEAD_MAX } };
	if (!t->head.at || !pack_ops(t, plan))
		return false;
	put_head(&t->head, state, f, source, plan, t->len);
	return !t->head.full;
}

static int is_journal(const struct dirent *one)
{
	size_t len = strlen(FRONT_JOURNAL_PREFIX);
	const char *number = one->d_name + len;

	return !strncmp(one->d_name, FRONT_JOURNAL_PREFIX, len) && strlen(number) == 8 &&
	       strspn(number, "0123456789") == 8;
}

static void path_of(const struct state *state, const char *name, char *ret)
{
	snprintf(ret, PATH_MAX, "%s/%s", state->folder, name);
}

/* The oldest of those that are kept go, until there is room for another one; the last may be needed. */
static void forget(const struct state *state, struct dirent **all, int count)
{
	off_t sum = 0, *sizes = calloc((size_t)count + 1, sizeof(*sizes));
	char path[PATH_MAX];
	int left = count;

	for (int i = 0; sizes && i < count; i++) {
		struct stat st;

		path_of(state, all[i]->d_name, path);
		sizes[i] = lstat(path, &st) ? 0 : st.st_size;
		sum += sizes[i];
	}
	for (int i = 0; sizes && i + 1 < count && (left >= FRONT_JOURNALS_KEPT || sum >= FRONT_JOURNAL_BYTES);
	     i++) {
		path_of(state, all[i]->d_name, path);
		unlink(path);
		sum -= sizes[i];
		left--;
	}
	free(sizes);
}

/* What the next one is called; false: the folder cannot be read, or holds what Python has to look at. */
static bool choose_number(struct journal *j, const struct state *state)
{
	struct dirent **all;
	int count = scandir(state->folder, &all, is_journal, alphasort);

	if (count < 0)
		return false;
	j->number = 1;
	if (count)
		j->number +=
			(uint32_t)strtoul(all[count - 1]->d_name + strlen(FRONT_JOURNAL_PREFIX), NULL, 10);
	forget(state, all, count);
	for (int i = 0; i < count; i++)
		free(all[i]);
	free(all);
	return j->number < 100000000;
}

static bool write_file(const char *path, const struct journal_text *t)
{
	struct iovec parts[] = { { t->head.at, t->head.len }, { t->ops, t->len } };
	int fd;
	bool done;

	unlink(path); /* of a process of our number that was killed */
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	done = writev(fd, parts, 2) == (ssize_t)(t->head.len + t->len) && !fsync(fd);
	close(fd);
	if (!done)
		unlink(path);
	return done;
}

/* That an apply is not settled, for who begins the next one. */
static bool mark(const struct state *state)
{
	char path[PATH_MAX];
	int fd;

	path_of(state, FRONT_UNSETTLED, path);
	fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void unmark(const struct state *state)
{
	char path[PATH_MAX];

	path_of(state, FRONT_UNSETTLED, path);
	unlink(path);
}

/* The file is on the disk, but no journal yet. */
static bool put_file(struct journal *j, const struct journal_text *text)
{
	char name[64];

	snprintf(name, sizeof(name), "new-%ld", (long)getpid());
	path_of(j->state, name, j->new);
	if (!front_state_make(j->state) || !choose_number(j, j->state) || !mark(j->state))
		return false;
	snprintf(name, sizeof(name), FRONT_JOURNAL_PREFIX "%08u", j->number);
	path_of(j->state, name, j->path);
	if (write_file(j->new, text))
		return true;
	unmark(j->state);
	return false;
}

bool front_journal_prepare(struct journal *j, const struct state *state, const struct front *f,
			   const char *source, const struct apply_plan *plan)
{
	struct journal_text text;
	bool done;

	*j = (struct journal){ .state = state };
	done = make_text(&text, state, f, source, plan) && put_file(j, &text);
	free(text.head.at);
	free(text.ops);
	return done;
}

void front_journal_drop(struct journal *j)
{
	unlink(j->new);
	unmark(j->state);
}

int front_journal_begin(struct journal *j)
{
	int fd, r = 0;

	if (rename(j->new, j->path)) {
		r = -errno;
		front_journal_drop(j);
		return r;
	}
	fd = open(j->state->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd)) {
		r = -errno;
		unlink(j->path); /* it would be taken for one that was interrupted */
		unmark(j->state);
	}
	if (fd >= 0)
		close(fd);
	return r;
}

int front_journal_end(struct journal *j, const struct apply_plan *plan)
{
	char line[256];
	int fd = open(j->path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW), r = 0;
	/* The LF in front ends a line that was not finished. */
	int len =
		snprintf(line, sizeof(line),
			 "\n{\"state\": \"done\", \"done\": [%zu, %zu, %zu], \"refused\": 0, \"unsent\": 0, "
			 "\"left\": \"" FRONT_NOTHING_LEFT "\"}\n",
			 plan->added, plan->edited, plan->deleted);

	if (fd < 0)
		return -errno;
	errno = ENOSPC; /* where not all of it is written */
	if (write(fd, line, (size_t)len) != len)
		r = -errno;
	close(fd);
	if (!r)
		unmark(j->state);
	return r;
}
