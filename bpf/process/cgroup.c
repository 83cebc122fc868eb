/* SPDX-License-Identifier: MIT */
/*
 * A mount of its own, which no name leads to and which goes with its descriptor, is certain to be the root
 * that this process can see at most. It requires CAP_SYS_ADMIN; everybody else opens what is mounted.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "bpf/process/cgroup.h"

static int mount_detached(void)
{
	int r, fs = (int)syscall(SYS_fsopen, "cgroup2", FSOPEN_CLOEXEC);

	if (fs < 0)
		return -errno;
	r = (int)syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	if (r == 0)
		r = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
	r = r < 0 ? -errno : r;
	close(fs);
	return r;
}

/* proc(5), mountinfo: ID, parent, device, root, mount point, options, optional fields, "-", type, … */
static int open_mounted(void)
{
	FILE *list = fopen("/proc/thread-self/mountinfo", "re");
	char line[4352], root[8], path[4096];
	int fd = -ENOENT;

	if (!list)
		return -errno;
	while (fd < 0 && fgets(line, sizeof(line), list))
		if (strstr(line, " - cgroup2 ") &&
		    sscanf(line, "%*s %*s %*s %7s %4095s", root, path) == 2 &&
		    strcmp(root, "/") == 0)
			fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fclose(list);
	return fd < 0 ? -ENOENT : fd;
}

int cgroup_open_root(void)
{
	int fd = mount_detached();

	return fd < 0 ? open_mounted() : fd;
}

#define DEPTH_MAX 16 /* of a search */

/* Takes a folder's descriptor and closes it. Returns that of the first control group of this name, or -ENOENT. */
static int search(int folder, const char *name, int depth)
{
	DIR *list = fdopendir(folder);
	const struct dirent *entry;
	int found = -ENOENT;

	if (!list) {
		close(folder);
		return -ENOENT;
	}
	while (found < 0 && (entry = readdir(list))) {
		int fd;

		if (entry->d_type != DT_DIR || *entry->d_name == '.')
			continue;
		fd = openat(dirfd(list), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0 && strcmp(entry->d_name, name) == 0)
			found = fd;
		else if (fd >= 0 && depth > 0)
			found = search(fd, name, depth - 1);
		else if (fd >= 0)
			close(fd);
	}
	closedir(list);
	return found;
}

static int open_cgroup(int root_fd, const char *path)
{
	const char *below = path + strspn(path, "/");
	struct statfs s;
	int fd = openat(root_fd, *below ? below : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && fstatfs(fd, &s) == 0 && (unsigned long)s.f_type == CGROUP2_SUPER_MAGIC)
		return fd;
	if (fd >= 0)
		close(fd);
	if (strchr(path, '/'))
		return -ENOENT;
	fd = openat(root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -ENOENT : search(fd, path, DEPTH_MAX);
}

/* kernel: the inode number of a control group is its id. Going up ends at the root. */
int cgroup_find(int root_fd, const char *path, uint64_t *ret_id, uint32_t *ret_level)
{
	int up, fd = open_cgroup(root_fd, path);
	struct stat s, root;

	if (fd < 0 || fstat(root_fd, &root) < 0 || fstat(fd, &s) < 0) {
		if (fd >= 0)
			close(fd);
		return -ENOENT;
	}
	*ret_id = s.st_ino;
	for (*ret_level = 0; s.st_ino != root.st_ino && *ret_level < 256; ++*ret_level) {
		up = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(fd);
		fd = up;
		if (fd < 0 || fstat(fd, &s) < 0)
			break;
	}
	if (fd >= 0)
		close(fd);
	return s.st_ino == root.st_ino ? 0 : -ENOENT;
}
