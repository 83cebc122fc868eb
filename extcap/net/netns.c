/* SPDX-License-Identifier: MIT */
/* Finds a network namespace by name, path or process, and enters it. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>

#include "extcap/system/cleanup.h"
#include "extcap/system/error.h"
#include "extcap/net/netns.h"
#include "extcap/net/resolver.h"

static char *path_of(const char *which)
{
	if (strchr(which, '/'))
		return g_strdup(which);
	if (strspn(which, "0123456789") == strlen(which))
		return g_strdup_printf("/proc/%s/ns/net", which);
	return g_build_filename("/run/netns", which, NULL);
}

bool netns_enter(const char *which, GError **error)
{
	g_autofree char *path = path_of(which);
	_cleanup_(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return fail(error,
			    "no such network namespace: \"%s\"; use \"ip netns\" to list named "
			    "ones",
			    which);
	if (fd >= 0 && setns(fd, CLONE_NEWNET) == 0) {
		resolver_close();
		return true;
	}
	if (fd >= 0 && errno == EPERM)
		return fail(
			error,
			"entering the network namespace \"%s\" requires cap_sys_admin; run as root, or "
			"use \"ip netns exec\"",
			which);
	return fail_errno(error, errno, "cannot enter the network namespace \"%s\"", which);
}
