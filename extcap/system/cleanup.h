/* SPDX-License-Identifier: MIT */
/* Locals that clean up after themselves, in addition to GLib's g_autofree and g_autoptr(). */
#ifndef XDPTAP_EXTCAP_SYSTEM_CLEANUP_H
#define XDPTAP_EXTCAP_SYSTEM_CLEANUP_H

#include <unistd.h>

#define _cleanup_(function) __attribute__((cleanup(function)))

/* Closes a descriptor, and forgets it: its number may soon be somebody else's. */
static inline void close_fdp(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Transfers ownership of a descriptor: the variable no longer owns it. */
static inline int steal_fd(int *fd)
{
	int given = *fd;

	*fd = -1;
	return given;
}

#endif
