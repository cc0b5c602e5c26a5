/* SPDX-License-Identifier: MIT */
/* A rule file for `ipvsfast apply`, packed closely: memory that is touched first costs more than to read the rules. */
#include "front/apply.h"
#include "core/values.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define CHUNK (1 << 16) /* text at a time, in memory that was touched before */
#define RULES 512	/* operations at a time, likewise */
#define LINE_LEAST 28	/* bytes of the shortest rule that adds a dest, */
#define LINE_MEAN 60	/* and of one in IPv4 */

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

static void open_file(struct wanted *w, const char *path)
{
	struct stat st;

	w->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (w->fd < 0 || fstat(w->fd, &st) || !S_ISREG(st.st_mode) || !st.st_size)
		front_decline(w->f);
	w->size = (size_t)st.st_size;
	w->services_size = 64;
	w->dests = room_for_dests(w->size, &w->dests_size);
	w->services = calloc(w->services_size, sizeof(*w->services));
	if (!w->dests || !w->services)
		front_decline(w->f);
}

static bool take_service(struct wanted *w, const struct ipvsf_service *conf)
{
	if (w->num_services == w->services_size) {
		struct wanted_service *more =
			reallocarray(w->services, w->services_size * 2, sizeof(*w->services));

		if (!more)
			return false;
		w->services = more;
		w->services_size *= 2;
	}
	w->services[w->num_services++] =
		(struct wanted_service){ .conf = *conf, .first = w->num_dests, .row = NO_ROW };
	return true;
}

static bool take_rule(struct wanted *w, const struct ipvsf_op *op)
{
	struct wanted_service *last = w->num_services ? &w->services[w->num_services - 1] : NULL;

	if (op->cmd == IPVSF_NEW_SERVICE)
		return take_service(w, &op->u.service);
	if (op->cmd != IPVSF_NEW_DEST || !last || !ipvsf_same_service(&op->u.service, &last->conf) ||
	    w->num_dests == w->dests_size || op->dest.l_thresh > op->dest.u_thresh ||
	    !is_unicast(op->dest.af, op->dest.addr))
		return false;
	w->dests[w->num_dests++] = op->dest;
	last->count++;
	return true;
}

static void scan_file(struct wanted *w)
{
	static struct ipvsf_op ops[RULES];
	static uint32_t offsets[RULES], numbers[RULES];
	static char text[CHUNK];
	size_t len = 0, got_all = 0;
	ssize_t got;

	while ((got = read(w->fd, text + len, sizeof(text) - len)) > 0) {
		struct ipvsf_scan scan = { 0 };
		const char *lf;

		len += (size_t)got;
		got_all += (size_t)got;
		lf = memrchr(text, '\n', len);
		while (lf && scan.used < (size_t)(lf + 1 - text)) {
			scan.count = 0;
			ipvsf_rules_scan(text, (size_t)(lf + 1 - text), ops, offsets, numbers, RULES, &scan);
			for (size_t i = 0; i < scan.count; i++) {
				if (!take_rule(w, &ops[i]))
					front_decline(w->f);
			}
			if (scan.stopped)
				front_decline(w->f);
		}
		if (len - scan.used == sizeof(text)) /* a very long line */
			front_decline(w->f);
		memmove(text, text + scan.used, len - scan.used);
		len -= scan.used;
	}
	/* A file that was written meanwhile, or whose last line has no end. */
	if (got < 0 || len || got_all != w->size || !w->num_services)
		front_decline(w->f);
}

static int by_key(const void *x, const void *y)
{
	const struct ipvsf_service *a = &(*(struct wanted_service *const *)x)->conf;
	const struct ipvsf_service *b = &(*(struct wanted_service *const *)y)->conf;
	int r = memcmp(a, b, offsetof(struct ipvsf_service, flags));

	return r ? r : memcmp(a->addr, b->addr, sizeof(a->addr));
}

/* One that stands twice is a mistake, which Python tells. */
static void sort_services(struct wanted *w)
{
	w->sorted = calloc(w->num_services, sizeof(*w->sorted));
	w->settled_dests = calloc(w->num_dests + 1, sizeof(*w->settled_dests));
	if (!w->sorted || !w->settled_dests)
		front_decline(w->f);
	for (size_t i = 0; i < w->num_services; i++)
		w->sorted[i] = &w->services[i];
	qsort(w->sorted, w->num_services, sizeof(*w->sorted), by_key);
	for (size_t i = 1; i < w->num_services; i++) {
		if (!by_key(&w->sorted[i - 1], &w->sorted[i]))
			front_decline(w->f);
	}
}

void front_wanted_read(struct wanted *w, const char *path)
{
	open_file(w, path);
	scan_file(w);
	sort_services(w);
}

struct wanted_service *front_wanted_find(const struct wanted *w, const struct ipvsf_service *conf)
{
	struct wanted_service wanted = { .conf = *conf }, *key = &wanted;
	struct wanted_service **at = bsearch(&key, w->sorted, w->num_services, sizeof(*w->sorted), by_key);

	return at ? *at : NULL;
}

size_t front_wanted_ops(const struct wanted *w, const struct wanted_service *service, bool all,
			struct ipvsf_op *ret)
{
	const struct ipvsf_service *c = &service->conf;
	size_t count = 1;

	ret[0] = (struct ipvsf_op){ .cmd = IPVSF_NEW_SERVICE, .u.service = *c };
	for (size_t i = service->first; i < service->first + service->count; i++) {
		struct ipvsf_op *op = &ret[count];

		if (!all && w->settled_dests[i])
			continue;
		/* In the rule of a dest nothing of its service is set but what names it. */
		*op = (struct ipvsf_op){ .cmd = IPVSF_NEW_DEST, .dest = w->dests[i] };
		op->u.service.af = c->af;
		op->u.service.protocol = c->protocol;
		op->u.service.port = c->port;
		op->u.service.fwmark = c->fwmark;
		memcpy(op->u.service.addr, c->addr, sizeof(c->addr));
		count++;
	}
	return count;
}
