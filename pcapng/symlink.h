/* SPDX-License-Identifier: MIT */
/*
 * symlink.h - opens a file that may be a symbolic link, but not another user's
 *
 * A process may have more rights than the owner of the folder, who can put a link to any file there at any
 * moment. Only links of root and of this user are followed, as by fs.protected_symlinks.
 */
#ifndef PCAPNG_SYMLINK_H
#define PCAPNG_SYMLINK_H

#include <sys/types.h>

/*
 * openat(2) that never follows another user's link, even if links are replaced meanwhile. Returns a
 * descriptor; -ELOOP: it is such a link, or leads to one; or -errno.
 */
int symlink_open(int folder, const char *name, int flags, mode_t mode);

#endif /* PCAPNG_SYMLINK_H */
