/* SPDX-License-Identifier: MIT */
/*
 * symlink.c - opens a file that may be a symbolic link, but not another user's
 *
 * Checking a link and then opening its name would be a race. So the kernel follows no link here: a
 * descriptor of the link itself gives its owner and its target, and the target is opened next.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "pcapng/symlink.h"

#define LINKS_MAX  40	  /* the kernel's limit */
#define PROC_MAGIC 0x9fa0 /* PROC_SUPER_MAGIC */

/* /dev/stdout leads to /proc/self/fd/1, whose target may have no path; nobody can replace it. */
static bool is_in_proc(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == PROC_MAGIC;
}

/* A relative target starts in the folder of the link. */
static int replace_last(char path[PATH_MAX], const char *target)
{
	char *slash = strrchr(path, '/');
	size_t at = *target == '/' || !slash ? 0 : slash + 1 - path;

	if (at + strlen(target) >= PATH_MAX)
		return -ENAMETOOLONG;
	stpcpy(path + at, target);
	return 0;
}

/* Returns 0: `path` is now the target of the link `fd`; 1: the kernel may follow the link; or -errno. */
static int read_target(int fd, char path[PATH_MAX])
{
	char target[PATH_MAX];
	struct stat st;
	ssize_t len;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISLNK(st.st_mode))
		return 0; /* replaced meanwhile: open the same name again */
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return -ELOOP;
	if (is_in_proc(fd))
		return 1;
	len = readlinkat(fd, "", target, sizeof(target));
	if (len < 0 || len == sizeof(target))
		return len < 0 ? -errno : -ENAMETOOLONG;
	target[len] = '\0';
	return replace_last(path, target);
}

static int follow(int folder, char path[PATH_MAX])
{
	int fd = openat(folder, path, O_PATH | O_NOFOLLOW | O_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = read_target(fd, path);
	close(fd);
	return r;
}

int symlink_open(int folder, const char *name, int flags, mode_t mode)
{
	char path[PATH_MAX];
	int r = 0, fd = -1;

	if (strlen(name) >= sizeof(path))
		return -ENAMETOOLONG;
	stpcpy(path, name);
	for (int i = 0; i < LINKS_MAX && r >= 0 && fd < 0; i++) {
		fd = openat(folder, path, flags | (r ? 0 : O_NOFOLLOW), mode);
		if (fd < 0 && (errno != ELOOP || r))
			return -errno;
		if (fd < 0)
			r = follow(folder, path);
	}
	return fd >= 0 ? fd : r < 0 ? r : -ELOOP;
}
