/* SPDX-License-Identifier: MIT */
/* Ctrl-C and SIGTERM while the front works: noticed between two steps, and told by who ends it. */
#include "front/work.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>

static int interrupt_fd = -1;
static sigset_t before; /* which signals were blocked, where interrupt_fd is open */

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
