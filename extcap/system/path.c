/* SPDX-License-Identifier: MIT */
/*
 * Links are restricted as by the kernel's fs.protected_symlinks, but in every folder. There is no race,
 * because the kernel follows no link here: a descriptor of the link itself gives its owner and its target,
 * and the target is opened next. pcapng/symlink.c does the same for the files of a capture.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "extcap/system/cleanup.h"
#include "extcap/system/path.h"

#define LINKS_MAX 40 /* the kernel's limit */

/* /dev/stdout leads to /proc/self/fd/1, whose target may have no path; nobody can replace it. */
static bool is_in_proc(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

static bool is_foreign(const struct stat *st)
{
	return st->st_uid != 0 && st->st_uid != geteuid();
}

/*
 * Replaces *path, which is a link, by its target. A link that the kernel may follow stays, and *is_safe is
 * set. Returns false with errno set.
 */
static bool follow(char **path, bool *is_safe)
{
	_cleanup_(close_fdp) int fd = open(*path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	g_autofree char *folder = g_path_get_dirname(*path);
	char target[PATH_MAX];
	struct stat st;
	ssize_t len;

	if (fd < 0 || fstat(fd, &st) < 0)
		return false;
	*is_safe = is_in_proc(fd);
	if (!S_ISLNK(st.st_mode) || *is_safe)
		return true;
	len = is_foreign(&st) ? -1 : readlinkat(fd, "", target, sizeof(target) - 1);
	if (len < 0) {
		errno = is_foreign(&st) ? ELOOP : errno;
		return false;
	}
	target[len] = '\0';
	g_free(*path);
	*path = *target == '/' ? g_strdup(target) : g_build_filename(folder, target, NULL);
	return true;
}

int path_open(const char *path, int flags, mode_t mode)
{
	g_autofree char *name = g_strdup(path);
	bool is_safe = false;

	for (int i = 0; i < LINKS_MAX; i++) {
		int fd = open(name, flags | (is_safe ? 0 : O_NOFOLLOW), mode);

		if (fd >= 0 || errno != ELOOP || is_safe || !follow(&name, &is_safe))
			return fd;
	}
	errno = ELOOP;
	return -1;
}

int path_open_fifo(const char *path, int flags)
{
	_cleanup_(close_fdp) int fd = path_open(path, flags | O_NONBLOCK | O_CLOEXEC, 0);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0 || !S_ISFIFO(st.st_mode)) {
		errno = EPERM;
		return -1;
	}
	return steal_fd(&fd);
}
