/* SPDX-License-Identifier: MIT */
/* One netlink socket with the IPVS family resolved, its buffers and limits. */
#include "core/internal.h"

#include <sys/socket.h>
#include <sys/time.h>

/* Both are doubled by the kernel, and are room for the largest group of idle_scheduler.c and its refusals. */
#define RCVBUF_WANTED (2200 * 1024)
#define SNDBUF_WANTED (512 * 1024)
/* One queued reply is charged 768 (6.1) or 896 (6.12, 7.2) bytes, whatever it says. */
#define REPLY_CHARGE 1024
#define RESOLVE_SECONDS 10

/* A test's socket has the family that it was given. */
static int resolve(struct ipvsf_session *s, uint16_t *family)
{
	*family = s->family;
	return s->attached ? 0 : ipvsf_genl_resolve(s, family);
}

/*
 * A session outlives its module. When that is loaded again the family has another number, and netlink
 * itself answers ENOENT to the old one. ENOENT is also what IPVS says of an unknown scheduler or
 * destination, so only this look-up can tell. 1: there is another number, used from now on; 0: it is the
 * same; -ENOPROTOOPT: there is no IPVS any more.
 */
int ipvsf_session_look_again(struct ipvsf_session *s)
{
	uint16_t family;
	int r = resolve(s, &family);

	if (!r && family == s->family)
		return 0;
	if (r)
		return r;
	s->family = family;
	return 1;
}

static void set_buffers(struct ipvsf_session *s)
{
	struct timeval patience = { .tv_sec = RESOLVE_SECONDS };
	int want_rcv = RCVBUF_WANTED, want_snd = SNDBUF_WANTED;
	int size = 0;
	socklen_t len = sizeof(size);

	/* libnl has shrunk both to 32 KiB. FORCE needs the capability that IPVS needs too. */
	if (setsockopt(s->fd, SOL_SOCKET, SO_RCVBUFFORCE, &want_rcv, sizeof(want_rcv)))
		setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &want_rcv, sizeof(want_rcv));
	if (setsockopt(s->fd, SOL_SOCKET, SO_SNDBUFFORCE, &want_snd, sizeof(want_snd)))
		setsockopt(s->fd, SOL_SOCKET, SO_SNDBUF, &want_snd, sizeof(want_snd));
	setsockopt(s->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (getsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &size, &len) || size < REPLY_CHARGE * 2)
		size = REPLY_CHARGE * 2;
	s->rcvbuf = (uint32_t)size;
	s->window = s->rcvbuf / REPLY_CHARGE - 1; /* one place for the barrier's ack */
	if (s->window > IPVSF_WINDOW_MAX)
		s->window = IPVSF_WINDOW_MAX;
	s->window_cap = s->window;
}

static int open_session(void *session)
{
	struct ipvsf_session *s = session;
	int r = ipvsf_genl_open(s);

	if (r)
		return r;
	set_buffers(s);
	r = ipvsf_genl_resolve(s, &s->family);
	if (r)
		return r;
	s->control_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return 0;
}

static struct ipvsf_session *session_alloc(uint32_t recv_len)
{
	struct ipvsf_session *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->fd = s->control_fd = -1;
	s->owner = getpid();
	s->seq = (uint32_t)time(NULL);
	s->idle_most = IPVSF_IDLE_MAX;
	s->send_buf = malloc(IPVSF_SEND_LEN);
	s->recv_len = recv_len;
	s->recv_buf = malloc((size_t)IPVSF_RECV_SLOTS * recv_len);
	if (!s->send_buf || !s->recv_buf) {
		ipvsf_session_destroy(s);
		return NULL;
	}
	return s;
}

static int create(int netns_fd, uint32_t recv_len, struct ipvsf_session **ret)
{
	struct ipvsf_session *s = session_alloc(recv_len);
	int r;

	*ret = NULL;
	if (!s)
		return -ENOMEM;
	r = ipvsf_netns_do(netns_fd, open_session, s);
	if (r) {
		ipvsf_session_destroy(s);
		return r;
	}
	*ret = s;
	return 0;
}

int ipvsf_session_create(int netns_fd, struct ipvsf_session **ret)
{
	return create(netns_fd, IPVSF_RECV_LEN, ret);
}

struct ipvsf_session *ipvsf_session_other(struct ipvsf_session *s)
{
	int netns_fd;

	if (s->other || s->attached)
		return s->other ? s->other : s;
	netns_fd = ipvsf_netns_of(s->fd); /* the caller may be elsewhere by now */
	if (netns_fd < 0)
		return s;
	create(netns_fd, IPVSF_RECV_OTHER, &s->other);
	close(netns_fd);
	return s->other ? s->other : s;
}

int ipvsf_session_attach(int fd, uint16_t family, struct ipvsf_session **ret)
{
	struct ipvsf_session *s = session_alloc(IPVSF_RECV_LEN);

	*ret = NULL;
	if (!s)
		return -ENOMEM;
	s->fd = fd;
	s->attached = true;
	s->family = family;
	s->window = s->window_cap = IPVSF_WINDOW_MAX;
	*ret = s;
	return 0;
}

void ipvsf_session_destroy(struct ipvsf_session *s)
{
	if (!s)
		return;
	ipvsf_session_destroy(s->other);
	ipvsf_genl_close(s);
	if (s->control_fd >= 0)
		close(s->control_fd);
	free(s->send_buf);
	free(s->recv_buf);
	free(s->option_buf);
	free(s);
}

int ipvsf_session_check(struct ipvsf_session *s)
{
	/* A child shares the socket and would steal or inject replies. */
	return s->owner == getpid() ? 0 : -ECHILD;
}

uint32_t ipvsf_session_next_seq(struct ipvsf_session *s, uint32_t count)
{
	uint32_t first = s->seq + 1;

	if (first == 0 || first + count < first) /* 0 means "none" elsewhere, and no wrap inside a window */
		first = 1;
	s->seq = first + count - 1;
	return first;
}

int ipvsf_session_limits(struct ipvsf_session *s, uint32_t *rcvbuf, uint32_t *window)
{
	*rcvbuf = s->rcvbuf;
	*window = s->window;
	return 0;
}

int ipvsf_session_set_window(struct ipvsf_session *s, uint32_t window)
{
	s->window = window && window < s->window_cap ? window : s->window_cap;
	return 0;
}

const char *ipvsf_session_message(struct ipvsf_session *s)
{
	return s->message;
}
