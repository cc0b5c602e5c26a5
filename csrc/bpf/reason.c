/* SPDX-License-Identifier: MIT */
/* Why the kernel does not let us read its tables with BPF, in words that the user can act on. */
#include "bpf/bpf.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include <linux/capability.h>

#define FIRST_USER_NAMESPACE 0xEFFFFFFDU /* inode of the one that the machine starts with */

/* By number: the build machine's header can be older than 5.8. */
enum {
	SYS_ADMIN = 21,
	SYSLOG = 34,
	PERFMON = 38,
	BPF = 39
};

int ipvsf_reason_say(const struct ipvsf_reason *why, int r, const char *format, ...)
{
	va_list args;

	if (why->size) {
		va_start(args, format);
		vsnprintf(why->text, why->size, format, args);
		va_end(args);
	}
	return r;
}

/* The beginning of a file, as a string; "" if it cannot be read. */
static void read_start(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? 0 : read(fd, buf, size - 1);

	buf[got > 0 ? got : 0] = '\0';
	if (fd >= 0)
		close(fd);
}

static uint64_t own_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { 0 } };

	if (syscall(SYS_capget, &header, data))
		return 0;
	return (uint64_t)data[1].effective << 32 | data[0].effective;
}

static bool have(uint64_t capabilities, int number)
{
	return capabilities >> number & 1;
}

/* Names of the capabilities that the kernel asks for and this thread lacks; "" if it has them all. */
static void list_missing(char *buf, size_t size)
{
	uint64_t own = own_capabilities();
	bool admin = have(own, SYS_ADMIN);

	snprintf(buf, size, "%s%s%s", admin || have(own, BPF) ? "" : " CAP_BPF",
		 admin || have(own, PERFMON) ? "" : " CAP_PERFMON", have(own, SYSLOG) ? "" : " CAP_SYSLOG");
}

static bool in_first_user_namespace(void)
{
	struct stat st;

	return stat("/proc/self/ns/user", &st) || st.st_ino == FIRST_USER_NAMESPACE;
}

static int refused_by_rights(const struct ipvsf_reason *why, int r, const char *what)
{
	char missing[64];

	list_missing(missing, sizeof(missing));
	if (*missing)
		return ipvsf_reason_say(why, r,
					"the kernel refused %s: reading %s with BPF takes "
					"CAP_BPF, CAP_PERFMON and CAP_SYSLOG, and this process has not%s; "
					"run it as root or give it those",
					what, why->what, missing);
	if (!in_first_user_namespace())
		return ipvsf_reason_say(why, r,
					"the kernel refused %s: capabilities count only outside of "
					"user namespaces (rootless containers); run it on the host",
					what);
	return ipvsf_reason_say(why, r,
				"the kernel refused %s although this process has the capabilities: "
				"a security module or a system call filter may forbid it",
				what);
}

int ipvsf_reason_refused(const struct ipvsf_reason *why, int r, const char *what, const char *log)
{
	char text[160];
	struct utsname name;

	if (r == -ENOSYS)
		return ipvsf_reason_say(why, r, "this kernel is built without BPF (CONFIG_BPF_SYSCALL)");
	read_start("/sys/kernel/security/lockdown", text, sizeof(text));
	if (strstr(text, "[confidentiality]"))
		return ipvsf_reason_say(why, r,
					"kernel lockdown is in its mode \"confidentiality\", in which BPF "
					"programs may not read the kernel's memory; only a boot without it "
					"helps (mode \"integrity\" is fine)");
	if (r == -EPERM || r == -EACCES)
		return refused_by_rights(why, r, what);
	read_start("/proc/sys/net/core/bpf_jit_enable", text, sizeof(text));
	/* Only the first network namespace has that file. */
	if (*text == '0' || strstr(log, "non-JITed"))
		return ipvsf_reason_say(why, r,
					"the kernel's BPF compiler is off; sysctl "
					"net.core.bpf_jit_enable=1 turns it on");
	if (uname(&name))
		name.release[0] = '\0';
	if (strstr(log, "func#181") || strstr(log, "invalid func"))
		return ipvsf_reason_say(why, r,
					"this kernel (%s) is older than 5.17: its BPF has no loops over "
					"a function",
					name.release);
	return ipvsf_reason_say(why, r, "this kernel (%s) did not take %s: %s", name.release, what,
				strerror(-r));
}

int ipvsf_reason_hidden(const struct ipvsf_reason *why, int r)
{
	char text[16];

	read_start("/proc/sys/kernel/kptr_restrict", text, sizeof(text));
	if (*text == '2')
		return ipvsf_reason_say(why, r,
					"the kernel hides its addresses from everybody; sysctl "
					"kernel.kptr_restrict=1 shows them to those with CAP_SYSLOG");
	return refused_by_rights(why, r, "the address of its table");
}
