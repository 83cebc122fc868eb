/* SPDX-License-Identifier: MIT */
/* The rule for links is that of the kernel's fs.protected_symlinks, in every folder. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "extcap/system/cleanup.h"
#include "extcap/system/path.h"

bool path_is_foreign_link(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISLNK(st.st_mode) && st.st_uid != 0 &&
	       st.st_uid != geteuid();
}

int path_open(const char *path, int flags, mode_t mode)
{
	int fd = open(path, flags | O_NOFOLLOW, mode);

	if (fd < 0 && errno == ELOOP && !path_is_foreign_link(path))
		fd = open(path, flags, mode);
	return fd;
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
