/* SPDX-License-Identifier: MIT */
/*
 * Opening paths that the user names. This process may have more rights than the owner of the folder,
 * who can put a link to somebody else's file there at any moment.
 */
#ifndef XDPTAP_EXTCAP_SYSTEM_PATH_H
#define XDPTAP_EXTCAP_SYSTEM_PATH_H

#include <stdbool.h>
#include <sys/types.h>

/* Whether `path` is a symbolic link that neither root nor this user made. */
bool path_is_foreign_link(const char *path);
/* open(2), which follows no foreign link: then -1 with ELOOP. */
int path_open(const char *path, int flags, mode_t mode);
/* Likewise, without blocking, of a FIFO and nothing else: -1 with ENXIO, or with EPERM if it is none. */
int path_open_fifo(const char *path, int flags);

#endif
