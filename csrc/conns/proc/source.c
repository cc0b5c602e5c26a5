/* SPDX-License-Identifier: MIT */
/*
 * The connection table as the kernel's text. One read() gives a page at most, 62 lines, however large
 * the buffer; so reads are gathered into blocks. With a second CPU a thread reads the next block while
 * this one is scanned.
 */
#include "conns/reading.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>

#define BLOCKS 3  /* one is scanned, one is read, one is ready */
#ifndef BLOCK_LEN /* tests make it small, so that lines often meet the end of a block */
#define BLOCK_LEN (192 * 1024)
#define PAGE_ROOM 8192 /* a block with less room left is full */
#endif
#define BLOCK_MS 20 /* a block is filled for at most so long: the kernel may be slow */
#define ROWS 128    /* fit the nearest cache */
#define HEADER "Pro FromIP"

struct times {
	uint64_t read_ns, first_ns, recent_ns;
	uint64_t bytes, first_byte, recent_byte;
	uint64_t recent[8]; /* the last spans, to take the least of */
	unsigned int spans;
};

struct block {
	char *base; /* room for the unfinished line of the block before, then the block */
	size_t start;
	size_t end;
	int error; /* of the read after the last byte; 1: the end of the file */
	bool full;
	bool resized;	    /* the table had another size after this was read than at first */
	struct times times; /* until then */
};

struct proc_source {
	struct ipvsf_source head;
	int fd;
	int size_fd;
	long size; /* of the table when reading began; -1: unknown */
	bool threaded;
	bool resized;
	bool stop;
	bool begun; /* the first line was looked at */
	bool ended;
	bool in_long_line; /* what comes belongs to a line that was too long */
	unsigned int num_blocks;
	size_t carried; /* bytes of an unfinished line in front of the next block */
	pid_t owner;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct block blocks[BLOCKS];
	unsigned int turn; /* the block that is scanned */
	bool scanning;	   /* it is there, and partly scanned */
	struct ipvsf_conn_scan scan;
	struct times times;
	uint64_t rows_found;
	uint64_t bytes;
	struct ipvsf_conn rows[ROWS];
};

/* The time of some reads: the least near the start, and the least lately, tell whether reading gets
 * slower as it goes on, as with kernels before 6.14 (178883fd039d), which look for each place anew. */
static void note_span(struct times *t, uint64_t ns, size_t bytes)
{
	unsigned int kept = sizeof(t->recent) / sizeof(t->recent[0]);

	t->read_ns += ns;
	t->bytes += bytes;
	if (t->spans < kept && (!t->spans || ns < t->first_ns)) {
		t->first_ns = ns;
		t->first_byte = t->bytes;
	}
	t->recent[t->spans++ % kept] = ns;
	t->recent_ns = ns;
	for (unsigned int i = 0; i < kept && i < t->spans; i++) {
		if (t->recent[i] < t->recent_ns)
			t->recent_ns = t->recent[i];
	}
	t->recent_byte = t->bytes;
}

static ssize_t read_some(int fd, char *buf, size_t len)
{
	ssize_t got;

	do
		got = read(fd, buf, len);
	while (got < 0 && errno == EINTR);
	return got < 0 ? -errno : got;
}

/* Reads until the block is full, its time is over, the file has ended or the reading is to stop. */
static void fill(struct proc_source *s, struct block *b, struct times *times)
{
	uint64_t begun = ipvsf_now_ns(), span = begun;
	size_t span_start = b->end;
	unsigned int reads = 0;

	b->error = 0;
	while (IPVSF_LINE_MAX + BLOCK_LEN - b->end >= PAGE_ROOM) {
		ssize_t got = read_some(s->fd, b->base + b->end, IPVSF_LINE_MAX + BLOCK_LEN - b->end);

		if (got <= 0) {
			b->error = got ? (int)got : 1;
			return;
		}
		b->end += (size_t)got;
		if (++reads % IPVSF_TIMED_READS)
			continue;
		/* Asking for the time costs a system call where there is no vDSO: now and then only. */
		uint64_t now = ipvsf_now_ns();

		note_span(times, now - span, b->end - span_start);
		span = now;
		span_start = b->end;
		if (now - begun > BLOCK_MS * 1000000U || __atomic_load_n(&s->stop, __ATOMIC_RELAXED))
			return;
	}
}

/* What the table's listing says of the size of the connection table, which fits into its first line. */
static long table_size(int fd)
{
	char line[128], *size;
	ssize_t got = fd < 0 ? -1 : pread(fd, line, sizeof(line) - 1, 0);

	if (got <= 0)
		return -1;
	line[got] = '\0';
	size = strstr(line, "(size=");
	return size ? strtol(size + 6, NULL, 10) : -1;
}

/* When a table changes its size (Linux 7.1 and later), its buckets get other entries: some come again, some not
 * at all. This is known before any entry of the block is given away. A table that has changed its size and come back to
 * it since the last block is not found out: the kernel itself waits for many more or many fewer entries before it does
 * that, and BLOCK_MS is short. */
static void fill_checked(struct proc_source *s, struct block *b, struct times *times)
{
	fill(s, b, times);
	b->resized = s->size >= 0 && table_size(s->size_fd) != s->size;
}

static void *read_ahead(void *arg)
{
	struct proc_source *s = arg;
	struct times times = { 0 };
	unsigned int turn = 0;
	bool more = true;

	while (more) {
		struct block *b = &s->blocks[turn++ % s->num_blocks];

		pthread_mutex_lock(&s->lock);
		while (b->full && !s->stop)
			pthread_cond_wait(&s->changed, &s->lock);
		more = !s->stop;
		pthread_mutex_unlock(&s->lock);
		if (!more)
			break;
		b->start = b->end = IPVSF_LINE_MAX;
		fill_checked(s, b, &times);
		pthread_mutex_lock(&s->lock);
		b->full = true;
		more = !b->error;
		b->times = times;
		pthread_cond_broadcast(&s->changed);
		pthread_mutex_unlock(&s->lock);
	}
	return NULL;
}

static bool second_cpu(void)
{
	cpu_set_t set;

	return !sched_getaffinity(0, sizeof(set), &set) && CPU_COUNT(&set) > 1;
}

static void start_thread(struct proc_source *s)
{
	pthread_condattr_t attr;
	sigset_t all, old;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, &attr);
	pthread_condattr_destroy(&attr);
	/* Signals are for the thread that waits for rows. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	s->threaded = !pthread_create(&s->thread, NULL, read_ahead, s);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!s->threaded) {
		pthread_cond_destroy(&s->changed);
		pthread_mutex_destroy(&s->lock);
	}
}

/* Waits for the block whose turn it is; false if it is not there by the deadline. */
static bool await_block(struct proc_source *s, struct block *b, int64_t deadline)
{
	struct timespec until = { deadline / 1000, deadline % 1000 * 1000000 };
	int r = 0;
	bool full;

	if (!s->threaded) {
		b->start = b->end = IPVSF_LINE_MAX;
		fill_checked(s, b, &s->times);
		return true;
	}
	pthread_mutex_lock(&s->lock);
	while (!b->full && !r)
		r = deadline ? pthread_cond_timedwait(&s->changed, &s->lock, &until)
			     : pthread_cond_wait(&s->changed, &s->lock);
	full = b->full;
	pthread_mutex_unlock(&s->lock);
	return full;
}

static void release_block(struct proc_source *s, struct block *b)
{
	if (s->threaded) {
		pthread_mutex_lock(&s->lock);
		b->full = false;
		pthread_cond_broadcast(&s->changed);
		pthread_mutex_unlock(&s->lock);
	}
	s->turn++;
	s->scanning = false;
}

/* The kernel's header. If a kernel writes no header, its first entry must not be lost. */
static void skip_header(struct proc_source *s, struct block *b)
{
	const char *lf = memchr(b->base + b->start, '\n', b->end - b->start);

	s->begun = lf;
	if (lf && b->end - b->start >= sizeof(HEADER) - 1 &&
	    !memcmp(b->base + b->start, HEADER, sizeof(HEADER) - 1))
		b->start = (size_t)(lf + 1 - b->base);
}

static void begin_block(struct proc_source *s, struct block *b)
{
	s->bytes += b->end - b->start;
	if (s->in_long_line) {
		const char *lf = memchr(b->base + b->start, '\n', b->end - b->start);

		b->start = lf ? (size_t)(lf + 1 - b->base) : b->end;
		s->in_long_line = !lf;
	}
	b->start -= s->carried;
	s->carried = 0;
	if (!s->begun)
		skip_header(s, b);
	s->resized |= b->resized;
	if (s->threaded)
		s->times = b->times;
	s->scan.used = b->start;
	s->scanning = true;
}

/* The unfinished line at the end of a block moves in front of the next one, into room that whoever fills
 * that block leaves alone. */
static void carry_rest(struct proc_source *s, struct block *b)
{
	struct block *next = &s->blocks[(s->turn + 1) % s->num_blocks];
	size_t rest = b->end - s->scan.used;

	if (rest && (b->error || rest > IPVSF_LINE_MAX)) {
		ipvsf_scan_note(&s->scan, b->base + s->scan.used, b->base + b->end);
		s->in_long_line = true;
		s->begun = true;
		return;
	}
	memcpy(next->base + IPVSF_LINE_MAX - rest, b->base + s->scan.used, rest);
	s->carried = rest;
}

/* The rows of one block, as many as fit; at its end the block is given back. */
static int scan_some(struct proc_source *s, struct block *b, struct ipvsf_rows *ret)
{
	ipvsf_conns_scan(b->base, b->end, s->rows, ROWS, &s->scan);
	ret->rows = s->rows;
	ret->count = s->scan.count;
	ret->text = b->base;
	ret->repeating = s->resized;
	s->rows_found += s->scan.count;
	if (ret->count)
		return 0;
	carry_rest(s, b);
	if (b->error) {
		s->ended = true;
		return b->error < 0 ? b->error : 0;
	}
	release_block(s, b);
	return -EAGAIN;
}

static int proc_next(struct ipvsf_source *source, int64_t deadline, struct ipvsf_rows *ret)
{
	struct proc_source *s = (struct proc_source *)source;
	int r = -EAGAIN;

	ret->count = 0;
	if (s->ended)
		return 0;
	if (s->owner != getpid())
		return -ECHILD; /* the reading thread does not exist in a child after fork */
	while (r == -EAGAIN) {
		struct block *b = &s->blocks[s->turn % s->num_blocks];

		if (!s->scanning) {
			if (!await_block(s, b, deadline))
				return -EAGAIN;
			begin_block(s, b);
		}
		r = scan_some(s, b, ret);
		if (r == -EAGAIN && deadline && ipvsf_now_ms() >= deadline)
			return r;
	}
	return r;
}

/* Times are taken by the bytes read; what rows those were follows from the lines so far. */
static uint64_t rows_in(const struct proc_source *s, uint64_t bytes)
{
	return s->times.bytes ? (uint64_t)((double)bytes * (double)s->rows_found / (double)s->times.bytes)
			      : 0;
}

static void proc_account(const struct ipvsf_source *source, struct ipvsf_conn_account *ret)
{
	const struct proc_source *s = (const struct proc_source *)source;

	ret->unreadable += s->scan.unreadable;
	memcpy(ret->first_unreadable, s->scan.first_unreadable, sizeof(ret->first_unreadable));
	ret->bytes = s->bytes;
	ret->overlapped = s->threaded;
	ret->resized = s->resized;
	ret->read_ns = s->times.read_ns;
	ret->first_ns = s->times.first_ns;
	ret->recent_ns = s->times.recent_ns;
	ret->first_row = rows_in(s, s->times.first_byte);
	ret->recent_row = rows_in(s, s->times.recent_byte);
	ret->spans = s->times.spans;
	ret->timed_rows = rows_in(s, s->times.bytes);
}

static void proc_destroy(struct ipvsf_source *source)
{
	struct proc_source *s = (struct proc_source *)source;

	if (s->threaded && s->owner == getpid()) {
		pthread_mutex_lock(&s->lock);
		__atomic_store_n(&s->stop, true, __ATOMIC_RELAXED);
		pthread_cond_broadcast(&s->changed);
		pthread_mutex_unlock(&s->lock);
		pthread_join(s->thread, NULL);
		pthread_cond_destroy(&s->changed);
		pthread_mutex_destroy(&s->lock);
	}
	close(s->fd);
	if (s->size_fd >= 0)
		close(s->size_fd);
	for (int i = 0; i < BLOCKS; i++)
		free(s->blocks[i].base);
	free(s);
}

static const struct ipvsf_source_ops proc_ops = {
	.next = proc_next,
	.account = proc_account,
	.destroy = proc_destroy,
};

int ipvsf_source_proc(int fd, int size_fd, bool overlap, struct ipvsf_source **ret)
{
	struct proc_source *s = calloc(1, sizeof(*s));
	bool threaded = overlap && second_cpu();
	int r = s ? 0 : -ENOMEM;

	*ret = NULL;
	for (int i = 0; !r && i < (threaded ? BLOCKS : 2); i++) {
		s->blocks[i].base = malloc(IPVSF_LINE_MAX + BLOCK_LEN);
		if (!s->blocks[i].base)
			r = -ENOMEM;
	}
	if (r) {
		for (int i = 0; s && i < BLOCKS; i++)
			free(s->blocks[i].base);
		free(s);
		close(fd);
		if (size_fd >= 0)
			close(size_fd);
		return r;
	}
	s->head.ops = &proc_ops;
	s->fd = fd;
	s->size_fd = size_fd;
	s->size = table_size(size_fd);
	s->owner = getpid();
	s->num_blocks = threaded ? BLOCKS : 2;
	if (threaded)
		start_thread(s);
	*ret = &s->head;
	return 0;
}
