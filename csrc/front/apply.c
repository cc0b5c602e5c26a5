/* SPDX-License-Identifier: MIT */
/*
 * `ipvsfast apply FILE` where all is as wanted, as it is nearly every time where something applies a file again and
 * again: only then there is no need of Python. The table is compared while it is read, so that a difference is mostly
 * found early, and then Python begins anew: nothing was done. It does so too where anything is out of the ordinary.
 */
#include "front/work.h"
#include "core/values.h"
#include "texts.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define CHUNK (1 << 16) /* text at a time, in memory that was touched before */
#define SLICE_MS 1	/* of reading, before what was read is compared */
#define RULES 512	/* operations at a time, likewise */
#define LINE_LEAST 28	/* bytes of the shortest rule that adds a dest, */
#define LINE_MEAN 60	/* and of one in IPv4 */

/* A service that is wanted, and its dests, which follow it in the file. */
struct wanted_service {
	struct ipvsf_service conf;
	size_t first, count; /* dests, in the order of the file */
	bool found;
};

struct apply {
	const struct front *f;
	bool quiet;
	int fd;
	size_t size; /* of the file */
	struct wanted_service *services;
	struct wanted_service **sorted;
	struct ipvsf_dest *dests;
	size_t num_services, num_dests, services_size, dests_size;
	size_t compared; /* services of the table */
};

/* Room for all dests of a file; what they mostly need at once, instead of page by page when it is touched first. */
static struct ipvsf_dest *room_for_dests(size_t file, size_t *count)
{
	void *at;

	*count = file / LINE_LEAST + 1;
	at = mmap(NULL, *count * sizeof(struct ipvsf_dest), PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED)
		return NULL;
	ipvsf_populate(at, file / LINE_MEAN * sizeof(struct ipvsf_dest));
	return at;
}

static void open_file(struct apply *a, const char *path)
{
	struct stat st;

	a->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (a->fd < 0 || fstat(a->fd, &st) || !S_ISREG(st.st_mode) || !st.st_size)
		front_decline(a->f);
	a->size = (size_t)st.st_size;
	a->services_size = 64;
	a->dests = room_for_dests(a->size, &a->dests_size);
	a->services = calloc(a->services_size, sizeof(*a->services));
	if (!a->dests || !a->services)
		front_decline(a->f);
}

static bool take_service(struct apply *a, const struct ipvsf_service *conf)
{
	if (a->num_services == a->services_size) {
		struct wanted_service *more =
			reallocarray(a->services, a->services_size * 2, sizeof(*a->services));

		if (!more)
			return false;
		a->services = more;
		a->services_size *= 2;
	}
	a->services[a->num_services++] = (struct wanted_service){ .conf = *conf, .first = a->num_dests };
	return true;
}

static bool take_rule(struct apply *a, const struct ipvsf_op *op)
{
	struct wanted_service *last = a->num_services ? &a->services[a->num_services - 1] : NULL;

	if (op->cmd == IPVSF_NEW_SERVICE)
		return take_service(a, &op->u.service);
	if (op->cmd != IPVSF_NEW_DEST || !last || !ipvsf_same_service(&op->u.service, &last->conf) ||
	    a->num_dests == a->dests_size || op->dest.l_thresh > op->dest.u_thresh ||
	    !is_unicast(op->dest.af, op->dest.addr))
		return false;
	a->dests[a->num_dests++] = op->dest;
	last->count++;
	return true;
}

static void scan_file(struct apply *a)
{
	static struct ipvsf_op ops[RULES];
	static uint32_t offsets[RULES], numbers[RULES];
	static char text[CHUNK];
	size_t len = 0, got_all = 0;
	ssize_t got;

	while ((got = read(a->fd, text + len, sizeof(text) - len)) > 0) {
		struct ipvsf_scan scan = { 0 };
		const char *lf;

		len += (size_t)got;
		got_all += (size_t)got;
		lf = memrchr(text, '\n', len);
		while (lf && scan.used < (size_t)(lf + 1 - text)) {
			scan.count = 0;
			ipvsf_rules_scan(text, (size_t)(lf + 1 - text), ops, offsets, numbers, RULES, &scan);
			for (size_t i = 0; i < scan.count; i++) {
				if (!take_rule(a, &ops[i]))
					front_decline(a->f);
			}
			if (scan.stopped)
				front_decline(a->f);
		}
		if (len - scan.used == sizeof(text)) /* a very long line */
			front_decline(a->f);
		memmove(text, text + scan.used, len - scan.used);
		len -= scan.used;
	}
	/* A file that was written meanwhile, or whose last line has no end. */
	if (got < 0 || len || got_all != a->size || !a->num_services)
		front_decline(a->f);
}

static int by_key(const void *x, const void *y)
{
	const struct ipvsf_service *a = &(*(struct wanted_service *const *)x)->conf;
	const struct ipvsf_service *b = &(*(struct wanted_service *const *)y)->conf;
	int r = memcmp(a, b, offsetof(struct ipvsf_service, flags));

	return r ? r : memcmp(a->addr, b->addr, sizeof(a->addr));
}

static bool sort_services(struct apply *a)
{
	a->sorted = calloc(a->num_services, sizeof(*a->sorted));
	for (size_t i = 0; a->sorted && i < a->num_services; i++)
		a->sorted[i] = &a->services[i];
	if (a->sorted)
		qsort(a->sorted, a->num_services, sizeof(*a->sorted), by_key);
	return a->sorted;
}

static struct wanted_service *find(const struct apply *a, const struct ipvsf_service *conf)
{
	struct wanted_service wanted = { .conf = *conf }, *key = &wanted;
	struct wanted_service **at = bsearch(&key, a->sorted, a->num_services, sizeof(*a->sorted), by_key);

	return at ? *at : NULL;
}

/* The kernel has the newest first. Another order is for Python, which says so. */
static bool same_dests(const struct ipvsf_dest *wanted, const struct ipvsf_dest_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct ipvsf_dest *there = &rows[count - 1 - i].conf;

		if (memcmp(&wanted[i], there, offsetof(struct ipvsf_dest, fwd)) ||
		    !ipvsf_same_values(&wanted[i], there))
			return false;
	}
	return true;
}

/* The services whose dests were read since the last time. */
static bool compare(struct apply *a, const struct ipvsf_table *t)
{
	for (; a->compared < t->next; a->compared++) {
		const struct ipvsf_service_row *row = &t->services[a->compared];
		struct wanted_service *wanted = find(a, &row->conf);

		if (!wanted || wanted->found || wanted->count != row->num_dests ||
		    !ipvsf_same_settings(&wanted->conf, &row->conf) ||
		    !same_dests(a->dests + wanted->first, t->dests + row->first_dest, row->num_dests))
			return false;
		wanted->found = true;
	}
	return true;
}

/*
 * All of the table is what the file says: there are as many services as are wanted, and each was found, once, with as
 * many dests.
 */
static bool is_as_wanted(struct apply *a, struct ipvsf_session *s)
{
	struct ipvsf_table t = { .scope = ipvsf_view_scope(IPVSF_VIEW_RULES) };
	int r = ipvsf_services_dump(s, &t);

	if (r || t.num_services != a->num_services)
		return false;
	do {
		r = ipvsf_dests_dump(s, &t, SLICE_MS);
		if ((r && r != -EAGAIN) || t.vanished || t.unstable || t.caught_up || !compare(a, &t))
			return false;
	} while (r);
	return a->compared == a->num_services;
}

/* As Python writes large numbers. */
static const char *with_commas(char *to, size_t number)
{
	char plain[24];
	int len = snprintf(plain, sizeof(plain), "%zu", number), at = 0;

	for (int i = 0; i < len; i++) {
		to[at++] = plain[i];
		if ((len - 1 - i) % 3 == 0 && i < len - 1)
			to[at++] = ',';
	}
	to[at] = 0;
	return to;
}

static void tell(const struct apply *a, const char *path)
{
	size_t count = a->num_services + a->num_dests;
	char number[40];

	dprintf(2, count == 1 ? FRONT_AS_WANTED_ONE : FRONT_AS_WANTED, with_commas(number, count), path);
}

/*
 * Whether an apply was interrupted, or awaits its confirmation: Python tells, and decides. The file says so; it is
 * in the state folder of the namespace (ipvsfast/changes/state_folder.py).
 */
static bool is_unsettled(struct ipvsf_session *s)
{
	const char *place = getenv(FRONT_STATE_VARIABLE);
	char path[PATH_MAX], boot[9] = "";
	uint64_t inode, cookie;
	int len, fd = open(FRONT_BOOT_ID, O_RDONLY | O_CLOEXEC);

	len = fd < 0 ? 0 : (int)read(fd, boot, sizeof(boot) - 1);
	if (fd >= 0)
		close(fd);
	if (len != sizeof(boot) - 1 || ipvsf_netns_identity(s, &inode, &cookie))
		return true;
	len = snprintf(path, sizeof(path), "%s/%s-%" PRIu64 "-%" PRIu64 "/" FRONT_UNSETTLED,
		       place && *place ? place : FRONT_STATE_PLACE, boot, inode, cookie);
	return len >= (int)sizeof(path) || !access(path, F_OK) || errno != ENOENT;
}

void front_apply(const struct front *f, const struct front_request *q)
{
	struct apply a = { .f = f, .quiet = q->quiet };
	struct ipvsf_info info;
	struct ipvsf_session *s;
	int lock;

	open_file(&a, q->path);
	scan_file(&a);
	s = front_open(f, &info);
	if (!sort_services(&a) || ipvsf_lock_take(s, &lock, NULL, 0) || is_unsettled(s) ||
	    !is_as_wanted(&a, s))
		front_decline(f); /* the lock ends with this program: Python says who has it, and takes it */
	if (!a.quiet)
		tell(&a, q->path);
}
