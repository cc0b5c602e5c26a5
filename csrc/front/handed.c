/* SPDX-License-Identifier: MIT */
/* Hand-over to Python, with what was done already in a file in memory. cli/handed.py reads it. */
#include "front/work.h"

#include <stdio.h>
#include <sys/mman.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U /* Linux 6.3; sysctl vm.memfd_noexec may ask for it */
#endif

_Static_assert(sizeof(struct front_handed) == 56, "cli/handed.py unpacks this");
_Static_assert(offsetof(struct front_handed, last) == 24, "for ever");

/* IPVSFAST_FRONT=require: what is left to Python is an error, so that tests know what is not. */
static bool must_not(void)
{
	const char *mode = secure_getenv("IPVSFAST_FRONT");

	return mode && !strcmp(mode, "require");
}

static _Noreturn void end(const struct front *f, int status, const char *why, const char *more)
{
	dprintf(2, "%s: %s%s\n", f->argv[0], why, more);
	_exit(status);
}

_Noreturn void front_decline(const struct front *f)
{
	front_release_interrupt(false);
	if (must_not())
		end(f, 125, "IPVSFAST_FRONT=require, but this is for Python", "");
	front_hand_over(f, -1);
}

static bool write_all(int fd, const void *data, size_t len)
{
	const char *at = data;

	while (len) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0) {
			at += n;
			len -= (size_t)n;
		}
	}
	return true;
}

/* Stays open across exec. */
static int open_memory(void)
{
	int fd = memfd_create("ipvsfast", MFD_NOEXEC_SEAL);

	return fd < 0 && errno == EINVAL ? memfd_create("ipvsfast", 0) : fd;
}

_Noreturn void front_hand_on(const struct front *f, struct front_handed *h, const int32_t *results,
			     const char *text, size_t len)
{
	int fd = open_memory();

	memcpy(h->magic, "IPVS", sizeof(h->magic));
	h->version = FRONT_HANDED_VERSION;
	h->interrupted = front_release_interrupt(true); /* what was done is told in any case */
	if (fd < 0 || !write_all(fd, h, sizeof(*h)) || !write_all(fd, results, h->count * sizeof(*results)) ||
	    !write_all(fd, text, len) || lseek(fd, 0, SEEK_SET)) {
		char why[120] = "the rest of the listing cannot be had: ";

		if (h->what != FRONT_DONE_LISTED)
			snprintf(why, sizeof(why), "after %llu rule%s, up to line %llu, this cannot go on: ",
				 (unsigned long long)h->done, h->done == 1 ? "" : "s",
				 (unsigned long long)h->last);
		end(f, 1, why, strerror(errno));
	}
	if (must_not())
		end(f, 125, "IPVSFAST_FRONT=require, but the rest is for Python", "");
	front_hand_over(f, fd);
}

_Noreturn void front_hand_result(const struct front *f, enum front_done what, int32_t result)
{
	struct front_handed h = { .what = what, .count = 1 };

	front_hand_on(f, &h, &result, NULL, 0);
}

void front_say(const struct front *f, const char *text, size_t len)
{
	if (!write_all(1, text, len))
		front_hand_result(f, FRONT_DONE_OUTPUT, -errno);
}
