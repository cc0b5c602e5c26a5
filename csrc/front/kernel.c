/* SPDX-License-Identifier: MIT */
/* Requests to the kernel until they have an answer, and Ctrl-C or SIGTERM meanwhile. */
#include "front/work.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>

#define SLICE_MS 50

static int interrupt_fd = -1;
static sigset_t before; /* which signals were blocked, where interrupt_fd is open */

struct ipvsf_session *front_open(const struct front *f, struct ipvsf_info *info)
{
	struct ipvsf_session *s;

	if (ipvsf_session_create(-1, &s) || ipvsf_info_get(s, info))
		front_decline(f);
	return s;
}

bool front_read_table(struct ipvsf_session *s, const struct ipvsf_service *one, struct ipvsf_table *ret)
{
	int r = one->af ? ipvsf_service_get(s, one, ret) : ipvsf_services_dump(s, ret);

	return !r && !ipvsf_dests_dump(s, ret, 0) && !(ret->complete && (ret->unstable || ret->vanished));
}

int front_send(struct ipvsf_session *s, const struct ipvsf_op *ops, size_t count, int32_t *results,
	       size_t *done)
{
	int r = ipvsf_batch_send(s, ops, count, results, SLICE_MS, done);

	if (front_interrupted())
		return -EINTR;
	/* ESTALE: in a new table what was done is gone, and the rest does not belong there. */
	if (r == -ESTALE || (r && r != -EINTR && !*done))
		return r;
	return *done < count ? -EAGAIN : 0;
}

int front_send_all(struct ipvsf_session *s, const struct ipvsf_op *ops, size_t count, int32_t *results)
{
	size_t at = 0, done;
	int r;

	do {
		r = front_send(s, ops + at, count - at, results + at, &done);
		at += done;
	} while (r == -EAGAIN);
	return r;
}

void front_hold_interrupt(void)
{
	static const int ending[] = { SIGINT, SIGTERM };
	struct sigaction now;
	bool any = false;
	sigset_t held;

	if (interrupt_fd >= 0)
		return;
	sigemptyset(&held);
	for (int i = 0; i < 2; i++) {
		if (!sigaction(ending[i], NULL, &now) && now.sa_handler != SIG_IGN) {
			sigaddset(&held, ending[i]);
			any = true;
		}
	}
	if (any)
		interrupt_fd = signalfd(-1, &held, SFD_CLOEXEC | SFD_NONBLOCK);
	if (interrupt_fd >= 0)
		sigprocmask(SIG_BLOCK, &held, &before);
}

bool front_interrupted(void)
{
	struct pollfd p = { .fd = interrupt_fd, .events = POLLIN };

	return interrupt_fd >= 0 && poll(&p, 1, 0) == 1;
}

bool front_wait_input(void)
{
	struct pollfd p[] = { { .fd = 0, .events = POLLIN }, { .fd = interrupt_fd, .events = POLLIN } };

	if (interrupt_fd < 0)
		return true;
	while (poll(p, 2, -1) < 0 && errno == EINTR)
		;
	return !p[1].revents;
}

bool front_more_input(int ms)
{
	struct pollfd p[] = { { .fd = 0, .events = POLLIN }, { .fd = interrupt_fd, .events = POLLIN } };

	return poll(p, 2, ms) > 0 && p[0].revents && !p[1].revents;
}

uint32_t front_release_interrupt(bool told)
{
	struct signalfd_siginfo info;
	uint32_t number = 0;

	if (interrupt_fd < 0)
		return 0;
	while (told && read(interrupt_fd, &info, sizeof(info)) > 0)
		number = number == SIGTERM ? number : info.ssi_signo;
	close(interrupt_fd);
	interrupt_fd = -1;
	sigprocmask(SIG_SETMASK, &before, NULL);
	return number;
}
