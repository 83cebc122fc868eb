/* SPDX-License-Identifier: MIT */
/*
 * file.h - one capture file: starts as NAME.part, ends as NAME, complete at any time
 */
#ifndef PCAPNG_FILES_FILE_H
#define PCAPNG_FILES_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct file {
	int fd;	       /* -1: none open */
	int folder;    /* borrowed */
	bool is_fresh; /* nothing was written: a single file still has its old content */
	bool single;   /* has its own name from the start */
	uint64_t size;
	char name[NAME_MAX + 1];
};

/* The name of `name` while it is being written. */
void file_part_name(const char *name, char out[NAME_MAX + 1]);

/*
 * Begins `name` in `folder`. 0; -EEXIST: it, or its .part, is there (not if single, which replaces);
 * or -errno, -ELOOP for another user's symbolic link. A .part is locked: another process can tell that
 * somebody writes it. `mode` 0 is 0640 less the umask, any other is exact.
 */
int file_begin(struct file *f, int folder, const char *name, bool single, mode_t mode);

/*
 * Writes all of it, or as many complete blocks as there is room for. `iov` must start with a block.
 * Returns the bytes of complete blocks; or -errno, and none is in the file.
 */
ssize_t file_write(struct file *f, const struct iovec *iov, int iovcnt);

/* Writes all of it or, if there is no room, nothing. 0 or -errno. */
int file_append(struct file *f, const void *data, size_t len);

/*
 * Gives the file its name, which is changed in `f` if another has taken it, and closes it. `sync`:
 * it is on the disk before. 0 or the first -errno.
 */
int file_end(struct file *f, bool sync);

/* Closes it and deletes the .part; for one that nothing is in. */
void file_discard(struct file *f);

/* Closes it and leaves it as it is. Accepts one that is not open. */
void file_abandon(struct file *f);

/* How many bytes of a name stand before its suffix: ".pcapng", ".pcapng.gz". */
size_t file_stem(const char *name);

/* renameat2(2) that never replaces: takes NAME-2, -3, ... if need be, and changes `to`. 0, -errno. */
int file_rename(int folder, const char *from, char to[NAME_MAX + 1]);

#endif /* PCAPNG_FILES_FILE_H */
