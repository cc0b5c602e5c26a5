/* SPDX-License-Identifier: MIT */
/*
 * The state folder of the session's network namespace, as ipvsfast/changes/state_folder.py has it. Where anything is
 * in the way Python looks at it, and says what.
 */
#include "front/apply.h"
#include "texts.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

static const char *place(void)
{
	const char *given = getenv(FRONT_STATE_VARIABLE);

	return given && *given ? given : FRONT_STATE_PLACE;
}

bool front_state_find(struct ipvsf_session *s, struct state *ret)
{
	int fd = open(FRONT_BOOT_ID, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? 0 : read(fd, ret->boot, sizeof(ret->boot) - 1);
	uint64_t inode, cookie;
	struct stat main;
	int len;

	if (fd >= 0)
		close(fd);
	if (got != sizeof(ret->boot) - 1 || ipvsf_netns_identity(s, &inode, &cookie))
		return false;
	ret->boot[got] = 0;
	ret->is_main = !stat("/proc/1/ns/net", &main) && main.st_ino == inode;
	len = snprintf(ret->folder, sizeof(ret->folder), "%s/%s-%" PRIu64 "-%" PRIu64, place(), ret->boot,
		       inode, cookie);
	return len < (int)sizeof(ret->folder);
}

bool front_state_is_settled(const struct state *state)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/" FRONT_UNSETTLED, state->folder);
	return access(path, F_OK) && errno == ENOENT;
}

/* Nobody but root and we can put anything there. */
static bool is_ours(const char *path)
{
	struct stat st;

	return !lstat(path, &st) && S_ISDIR(st.st_mode) && (!st.st_uid || st.st_uid == geteuid()) &&
	       !(st.st_mode & (S_IWGRP | S_IWOTH));
}

/* BOOT-INODE-COOKIE of an earlier boot. */
static bool is_old(const char *name, const char *boot)
{
	const char *inode = strchr(name, '-'), *cookie = inode ? strchr(inode + 1, '-') : NULL;

	return cookie && inode - name == 8 && strncmp(name, boot, 8) != 0 &&
	       strspn(inode + 1, "0123456789") == (size_t)(cookie - inode - 1) &&
	       strspn(cookie + 1, "0123456789") == strlen(cookie + 1);
}

/* So many folders of earlier boots that Python is to remove some. */
static bool is_full(const char *boot)
{
	DIR *all = opendir(place());
	size_t count = 0;

	for (const struct dirent *one; all && (one = readdir(all));)
		count += is_old(one->d_name, boot);
	if (all)
		closedir(all);
	return !all || count > FRONT_STATE_KEPT;
}

bool front_state_make(const struct state *state)
{
	if (is_ours(state->folder))
		return is_ours(place());
	if (mkdir(place(), 0700) && errno != EEXIST)
		return false;
	return is_ours(place()) && !is_full(state->boot) && !mkdir(state->folder, 0700);
}
