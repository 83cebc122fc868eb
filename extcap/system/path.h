/* SPDX-License-Identifier: MIT */
/*
 * Opens paths that the user names. This process may have more rights than the owner of the folder, who
 * can put a link to somebody else's file there at any moment.
 */
#ifndef XDPTAP_EXTCAP_SYSTEM_PATH_H
#define XDPTAP_EXTCAP_SYSTEM_PATH_H

#include <sys/types.h>

/* open(2) that follows only links of root and of this user: else -1 with ELOOP. */
int path_open(const char *path, int flags, mode_t mode);
/* Likewise for a FIFO, without blocking: -1 with ENXIO if nobody reads it, EPERM if it is no FIFO. */
int path_open_fifo(const char *path, int flags);

#endif
