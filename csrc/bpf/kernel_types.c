/* SPDX-License-Identifier: MIT */
/* The running kernel's own description of its types. */
#include "bpf/bpf.h"

#define BTF_KERNEL "/sys/kernel/btf/vmlinux"
#define BTF_MODULE "/sys/kernel/btf/ip_vs"

static int open_one(const char *path, const struct ipvsf_btf *base, struct ipvsf_btf **ret,
		    const struct ipvsf_reason *why)
{
	int r = ipvsf_btf_open(path, base, ret);

	if (r == -EOPNOTSUPP)
		return ipvsf_reason_say(why, r,
					"the kernel's type information (%s) has a form that this "
					"program does not know: it is too old for this kernel",
					path);
	if (r)
		return ipvsf_reason_say(why, r,
					"the kernel's type information (%s, which CONFIG_DEBUG_INFO_BTF "
					"makes) cannot be read: %s",
					path, strerror(-r));
	return 0;
}

int ipvsf_kernel_types_open(struct ipvsf_kernel_types *ret, const struct ipvsf_reason *why)
{
	int r;

	ret->kernel = ret->module = NULL;
	r = open_one(BTF_KERNEL, NULL, &ret->kernel, why);
	/* The kernel's BTF describes what is built in; a module has BTF of its own. */
	if (!r && !access(BTF_MODULE, F_OK))
		r = open_one(BTF_MODULE, ret->kernel, &ret->module, why);
	if (r)
		ipvsf_kernel_types_close(ret);
	return r;
}

void ipvsf_kernel_types_close(struct ipvsf_kernel_types *types)
{
	ipvsf_btf_destroy(types->module);
	ipvsf_btf_destroy(types->kernel);
	types->kernel = types->module = NULL;
}

const struct ipvsf_btf *ipvsf_kernel_types_all(const struct ipvsf_kernel_types *types)
{
	return types->module ? types->module : types->kernel;
}

int ipvsf_kernel_types_lack(const struct ipvsf_reason *why, int r, const char *missing)
{
	return ipvsf_reason_say(why, r,
				"the kernel's type information has no %s: the module ip_vs is "
				"not loaded (modprobe ip_vs), or was built without",
				missing);
}

uint32_t ipvsf_ticks_per_second(void)
{
	struct timespec tick;

	if (clock_getres(CLOCK_MONOTONIC_COARSE, &tick) || tick.tv_sec || tick.tv_nsec < 100000)
		return 0;
	return (uint32_t)((1000000000 + tick.tv_nsec / 2) / tick.tv_nsec);
}
