/* SPDX-License-Identifier: MIT */
/*
 * -R: rules from standard input, as soon as they are there, in the same portions as in Python. A refusal, a line
 * that is not canonical, a failure: Python goes on from the portion in which it is, with the results that are
 * known, so that nothing is sent twice and no byte of a pipe is lost.
 */
#include "front/work.h"

#define CHUNK (1 << 17)	    /* read at a time; a line that is longer is for Python */
#define TEXT_MOST (1 << 20) /* of a service that waits for the rest of its destinations */
#define MORE_MS 20	    /* how long it waits */

struct restore {
	const struct front *f;
	struct ipvsf_session *session;
	struct ipvsf_info info;
	struct ipvsf_scan scan; /* of the text; its operations begin at text[start] */
	char *text;
	size_t len;
	size_t start;
	uint64_t line; /* the last before text[start] */
	uint64_t done; /* rules with a result before that, */
	uint64_t last; /* up to which line */
	bool ended;    /* standard input */
	size_t limit;  /* operations to scan at a time */
	struct ipvsf_op ops[FRONT_RULES_MOST];
	int32_t results[FRONT_RULES_MOST];
	uint32_t offsets[FRONT_RULES_MOST], numbers[FRONT_RULES_MOST];
};

/* known: operations of the portion that have a result. */
static _Noreturn void go_on_in_python(struct restore *r, size_t known, int error, bool interrupted)
{
	struct front_handed h = { .what = FRONT_DONE_RULES,
				  .interrupted = interrupted,
				  .done = r->done,
				  .last = r->last,
				  .line = r->line,
				  .count = (uint32_t)known,
				  .error = error,
				  .ended = r->ended,
				  .size = r->info.size };

	front_hand_on(r->f, &h, r->results, r->text + r->start, r->len - r->start);
}

static void send_portion(struct restore *r)
{
	size_t count = r->scan.count, at = 0, done;
	bool refused = false;
	int result;

	do {
		result = front_send(r->session, r->ops + at, count - at, r->results + at, &done);
		for (size_t i = at; i < at + done; i++)
			refused |= r->results[i];
		at += done;
		/* Where a portion takes long and somebody looks, Python shows how far it is. */
		if (refused || (result && (result != -EAGAIN || isatty(2))))
			go_on_in_python(r, at, result == -EAGAIN || result == -EINTR ? 0 : result,
					result == -EINTR);
	} while (result);
	r->done += count;
	if (count)
		r->last = r->numbers[count - 1];
}

/* How many of the scanned operations to send now; the others wait for what follows them. */
static size_t portion(const struct restore *r, size_t whole)
{
	size_t count = r->scan.count, n = ipvsf_batch_portion(r->ops, count);

	if (n == count || r->scan.stopped)
		return count;
	if (!n && count == FRONT_RULES_MOST)
		return count;
	if (r->scan.used < whole)
		return n;
	return !r->ended && r->len < TEXT_MOST && front_more_input(MORE_MS) ? n : count;
}

/* All whole lines of the text, which end at `whole`. Gives where those begin that wait for more. */
static size_t restore_lines(struct restore *r, size_t whole)
{
	r->scan.used = r->start = 0;
	while (r->scan.used < whole) {
		bool at_end, waits;
		size_t n;

		ipvsf_rules_scan(r->text, whole, r->ops, r->offsets, r->numbers, r->limit, &r->scan);
		at_end = r->scan.used == whole;
		n = portion(r, whole);
		waits = n < r->scan.count;
		if (waits) {
			r->scan.used = r->offsets[n];
			r->scan.line = r->numbers[n] - 1;
			r->scan.count = n;
		}
		r->limit = waits && !n ? FRONT_RULES_MOST : FRONT_RULES;
		send_portion(r);
		r->scan.count = 0;
		r->start = r->scan.used;
		r->line = r->scan.line;
		if (r->scan.stopped)
			go_on_in_python(r, 0, 0, false);
		if (waits && at_end)
			break;
	}
	return r->scan.used;
}

/* More text behind what is there. */
static void read_more(struct restore *r)
{
	ssize_t got = -1;

	r->start = 0;
	do {
		if (!front_wait_input())
			go_on_in_python(r, 0, 0, true);
		got = read(0, r->text + r->len, CHUNK);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		go_on_in_python(r, 0, 0, false);
	r->len += (size_t)got;
	r->ended = !got;
	if (!got && r->len && r->text[r->len - 1] != '\n')
		r->text[r->len++] = '\n';
}

void front_restore(const struct front *f)
{
	struct restore *r = calloc(1, sizeof(*r));

	if (!r || !(r->text = malloc(TEXT_MOST + CHUNK + 1)))
		front_decline(f);
	r->f = f;
	r->limit = FRONT_RULES;
	r->session = front_open(f, &r->info); /* without a kernel nothing is read */
	front_hold_interrupt();
	do {
		const char *lf;
		size_t whole;

		read_more(r);
		lf = memrchr(r->text, '\n', r->len);
		whole = lf ? (size_t)(lf - r->text) + 1 : 0;
		whole = restore_lines(r, whole);
		r->len -= whole;
		memmove(r->text, r->text + whole, r->len);
		if (r->len >= CHUNK && !memchr(r->text, '\n', r->len)) {
			r->start = 0;
			go_on_in_python(r, 0, 0, false);
		}
	} while (!r->ended);
}
