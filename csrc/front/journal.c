/* SPDX-License-Identifier: MIT */
/*
 * The journal of an apply, as ipvsfast/changes/journal.py and history.py write and read it: `undo', `history' and who
 * finds it interrupted do not see which of the two has written it. What it holds is not compressed here: zlib's format
 * has a form for that.
 */
#include "front/apply.h"
#include "texts.h"

#include <dirent.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#define STORED_MAX 65535 /* bytes of one block of zlib's */
#define HEAD_MAX 16384
#define COMMAND_MAX 500
#define ADLER_BASE 65521

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

static void put_who(struct text *t)
{
	const struct passwd *user = getpwuid(getuid());
	const char *sudo = getenv("SUDO_USER");
	char number[16];

	snprintf(number, sizeof(number), "%u", (unsigned int)getuid());
	put(t, ", \"who\": {\"user\": ");
	put_string(t, user ? user->pw_name : number);
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

static size_t stored_size(size_t len)
{
	return 2 + (len + STORED_MAX - 1) / STORED_MAX * 5 + len + 4;
}

static void put_be32(uint8_t *to, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		to[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* zlib's own sum, which may be divided only after so many bytes. */
static uint32_t adler32(const uint8_t *data, size_t len)
{
	uint32_t a = 1, b = 0;

	while (len) {
		size_t part = len < 5552 ? len : 5552;

		len -= part;
		while (part--) {
			a += *data++;
			b += a;
		}
		a %= ADLER_BASE;
		b %= ADLER_BASE;
	}
	return b << 16 | a;
}

/* len: not 0. */
static void store(uint8_t *to, const uint8_t *data, size_t len)
{
	uint32_t sum = adler32(data, len);

	*to++ = 0x78; /* deflate, a window of 32 KiB */
	*to++ = 0x01;
	while (len) {
		uint16_t part = len < STORED_MAX ? (uint16_t)len : STORED_MAX;

		len -= part;
		*to++ = !len; /* the last block; not compressed */
		for (int i = 0; i < 2; i++) {
			*to++ = (uint8_t)((i ? ~part : part) & 255);
			*to++ = (uint8_t)(((i ? ~part : part) >> 8) & 255);
		}
		memcpy(to, data, part);
		to += part;
		data += part;
	}
	put_be32(to, sum);
}

/* The whole of a new journal, to be freed; NULL: it is for Python. */
static char *journal_text(const struct state *state, const struct front *f, const char *source,
			  const struct apply_plan *plan, size_t *len)
{
	size_t before = front_plan_before(plan, NULL), count = plan->made.count + before;
	size_t bytes = count * sizeof(struct ipvsf_op), size = stored_size(bytes);
	struct text t = { .at = malloc(HEAD_MAX + size), .size = HEAD_MAX };
	struct ipvsf_op *ops = malloc(bytes);

	if (t.at && ops) {
		memcpy(ops, plan->made.ops, plan->made.count * sizeof(*ops));
		front_plan_before(plan, ops + plan->made.count);
		put_head(&t, state, f, source, plan, size);
		store((uint8_t *)t.at + t.len, (const uint8_t *)ops, bytes);
	}
	free(ops);
	*len = t.len + size;
	if (!t.at || !ops || t.full) {
		free(t.at);
		return NULL;
	}
	return t.at;
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

static bool write_file(const char *path, const char *text, size_t len)
{
	int fd;
	bool done;

	unlink(path); /* of a process of our number that was killed */
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	done = write(fd, text, len) == (ssize_t)len && !fsync(fd);
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

bool front_journal_prepare(struct journal *j, const struct state *state, const struct front *f,
			   const char *source, const struct apply_plan *plan)
{
	char name[64], *text;
	size_t len;
	bool done;

	*j = (struct journal){ .state = state };
	text = journal_text(state, f, source, plan, &len);
	if (!text)
		return false;
	snprintf(name, sizeof(name), "new-%ld", (long)getpid());
	path_of(state, name, j->new);
	done = front_state_make(state) && choose_number(j, state) && mark(state);
	if (done) {
		snprintf(name, sizeof(name), FRONT_JOURNAL_PREFIX "%08u", j->number);
		path_of(state, name, j->path);
		done = write_file(j->new, text, len);
		if (!done)
			unmark(state);
	}
	free(text);
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
