/* SPDX-License-Identifier: MIT */
/*
 * A mount of its own, which no name leads to and which goes with its descriptor, is certain to be the root
 * that this process can see at most. It requires CAP_SYS_ADMIN; everybody else opens what is mounted.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
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
