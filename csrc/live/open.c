/* SPDX-License-Identifier: MIT */
/* Opening a reader of live counters, for which all rights are asked here, and closing it. */
#include "live/walk.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define POSSIBLE "/sys/devices/system/cpu/possible"
#define MODULE "/sys/module/ip_vs"
#define LIST_MAX 4096

uint64_t ipvsf_live_module(void)
{
	struct stat st;

	return stat(MODULE, &st) ? 0 : st.st_ino;
}

/* A number at the beginning of *s, which is moved behind it; -1: there is none. */
static long take_number(const char **s)
{
	long number = -1;

	for (; **s >= '0' && **s <= '9'; (*s)++) {
		number = (number < 0 ? 0 : number) * 10 + (**s - '0');
		if (number > UINT16_MAX)
			number = UINT16_MAX;
	}
	return number;
}

int ipvsf_live_cpus(const char *s, uint16_t ret[IPVSF_LIVE_CPUS])
{
	int count = 0;

	for (;;) {
		long first = take_number(&s), last = first;

		if (*s == '-') {
			s++;
			last = take_number(&s);
		}
		if (first < 0 || last < first)
			return -EBADMSG;
		if (last >= IPVSF_LIVE_CPUS || count + last - first >= IPVSF_LIVE_CPUS)
			return -E2BIG;
		while (first <= last)
			ret[count++] = (uint16_t)first++;
		if (*s != ',')
			return !*s || *s == '\n' ? count : -EBADMSG;
		s++;
	}
}

static int possible_cpus(uint16_t ret[IPVSF_LIVE_CPUS], const struct ipvsf_reason *why)
{
	char text[LIST_MAX];
	int r, fd = open(POSSIBLE, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	r = got < 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	if (!r) {
		text[got] = '\0';
		r = ipvsf_live_cpus(text, ret);
	}
	if (r == -E2BIG)
		return ipvsf_reason_say(why, r,
					"there may be more than %d CPUs here, whose counters "
					"would have to be added up",
					IPVSF_LIVE_CPUS);
	if (r < 0)
		return ipvsf_reason_say(why, r, "%s, the numbers of CPUs, cannot be read: %s", POSSIBLE,
					strerror(-r));
	return r;
}

static int find_layout(struct ipvsf_live_layout *ret, const struct ipvsf_reason *why)
{
	struct ipvsf_kernel_types types;
	char missing[64] = "";
	int r = ipvsf_kernel_types_open(&types, why);

	if (r)
		return r;
	r = ipvsf_live_layout_find(ipvsf_kernel_types_all(&types), ret, missing, sizeof(missing));
	ipvsf_kernel_types_close(&types);
	if (r == -ENOENT)
		return ipvsf_kernel_types_lack(why, r, missing);
	if (r)
		return ipvsf_reason_say(why, -EOPNOTSUPP,
					"this kernel keeps its counters in a form that this "
					"program does not know (%s)",
					missing);
	return 0;
}

static int load(struct ipvsf_live *v, const struct ipvsf_reason *why)
{
	struct ipvsf_program program;
	int r = ipvsf_live_program(&v->layout, v->bpf.map_fd, &program);

	if (r)
		return r;
	r = ipvsf_bpf_load(&v->bpf, "ipvsf_live", &program, why);
	free(program.insns);
	if (!r) {
		const struct ipvsf_bpf_symbol symbols[] = {
			{ "__per_cpu_offset", &head_of(v)->offsets_at },
			{ "ip_vs_svc_table", &v->tables[0] },
			{ "ip_vs_svc_fwm_table", &v->tables[1] },
		};

		/* A table that can be resized is found by way of its namespace. */
		r = ipvsf_bpf_find(&v->bpf, symbols, v->layout.is_resizable ? 1 : 3, why);
	}
	ipvsf_bpf_settle(&v->bpf);
	return r;
}

/* A run that reads nothing but the place of the namespace and where the counters of each CPU begin. */
static int look_around(struct ipvsf_live *v, int netns_fd, const struct ipvsf_reason *why)
{
	struct ipvsf_live_head *h = head_of(v);
	uint64_t *offsets = (uint64_t *)((char *)h + LIVE_CPUS_AT);
	uint16_t cpus[IPVSF_LIVE_CPUS];
	int r, count = possible_cpus(cpus, why);

	if (count < 0)
		return count;
	h->limit = 0;
	h->offsets_len = sizeof(*offsets) * (cpus[count - 1] + 1u);
	r = ipvsf_bpf_enter(&v->bpf, netns_fd, &v->netns_fd, why);
	h->offsets_len = 0;
	if (r < 0)
		return r;
	if (r != RUN_OK && r != RUN_NO_SERVICES)
		return ipvsf_reason_say(why, -ENODEV,
					"the table is not where the kernel says it is; the module "
					"ip_vs may be about to go");
	for (int i = 0; i < count; i++) /* those of others are not to be read */
		offsets[i] = offsets[cpus[i]];
	h->num_cpus = v->account.cpus = (uint64_t)count;
	v->ipvs = h->common.ipvs;
	return 0;
}

static int open_live(struct ipvsf_live *v, int netns_fd, const struct ipvsf_reason *why)
{
	int r;

	v->hz = ipvsf_ticks_per_second();
	if (!v->hz)
		return ipvsf_reason_say(why, -EOPNOTSUPP,
					"this kernel does not tell the length of its ticks");
	v->module = ipvsf_live_module();
	r = find_layout(&v->layout, why);
	if (!r)
		r = ipvsf_bpf_create(&v->bpf, "ipvsf_live", LIVE_LEN, why);
	if (!r)
		r = load(v, why);
	return r ? r : look_around(v, netns_fd, why);
}

int ipvsf_live_open(int netns_fd, char *reason, size_t size, struct ipvsf_live **ret)
{
	const struct ipvsf_reason why = { reason, size, "live counters" };
	struct ipvsf_live *v = calloc(1, sizeof(*v));
	int r = v ? 0 : -ENOMEM;

	*ret = NULL;
	ipvsf_reason_say(&why, 0, "%s", strerror(ENOMEM)); /* until something better is known */
	if (!r) {
		v->owner = getpid();
		v->netns_fd = v->bpf.fd = v->bpf.map_fd = -1;
		r = open_live(v, netns_fd, &why);
	}
	if (r) {
		ipvsf_live_close(v);
		return r;
	}
	if (size)
		*reason = '\0';
	*ret = v;
	return 0;
}

int ipvsf_live_open_session(struct ipvsf_session *s, char *reason, size_t size, struct ipvsf_live **ret)
{
	const struct ipvsf_reason why = { reason, size, "live counters" };
	int netns, r = ipvsf_session_check(s);

	*ret = NULL;
	if (r)
		return ipvsf_reason_say(&why, r, "a session cannot be used after fork");
	netns = ipvsf_netns_of(s->fd);
	if (netns < 0)
		return ipvsf_reason_say(&why, netns,
					"the network namespace of the session cannot be found: %s",
					strerror(-netns));
	r = ipvsf_live_open(netns, reason, size, ret);
	close(netns);
	return r;
}

void ipvsf_live_close(struct ipvsf_live *v)
{
	if (!v)
		return;
	ipvsf_bpf_unload(&v->bpf);
	if (v->netns_fd >= 0)
		close(v->netns_fd);
	free(v);
}
