/* SPDX-License-Identifier: MIT */
/*
 * file.h - one capture file: starts as NAME.part, ends as NAME, complete at any time
 */
#ifndef PCAPNG_FILE_FILE_H
#define PCAPNG_FILE_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "pcapng/memory.h"

/* O_DIRECT needs memory, offset and length in multiples of a sector; no disk has larger ones. */
#define FILE_ALIGN 4096u

struct file {
	int fd;		    /* -1: none open */
	int folder;	    /* borrowed */
	bool is_fresh;	    /* nothing was written: a single file still has its old content */
	bool single;	    /* has its own name from the start */
	bool can_direct;    /* a regular file on a file system where direct I/O is worth it */
	bool is_direct;	    /* the descriptor has O_DIRECT now */
	bool is_listed;	    /* its name is on the disk */
	bool is_torn;	    /* it could not be truncated where a block ends */
	uint64_t size;	    /* what is in it; behind the last complete block after a direct write */
	uint64_t boundary;  /* a block ends here, and what came before is counted */
	uint64_t passed_on; /* bytes before this are on the disk, and out of the page cache */
	struct memory torn; /* the first part of a block that file_hold() took out */
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

/* What file_put() writes: `data` is `at` bytes from the start of the file, in order and without gap. */
struct file_part {
	const uint8_t *data; /* aligned to FILE_ALIGN for direct I/O, as is `at` */
	uint64_t at;
	size_t len;
};

/*
 * Writes those bytes of the part that the file does not have. `direct`: past the page cache, and then
 * without the last bytes, which fill no sector: the next part begins with them. 0 or -errno; f->size
 * says how far it got, and the call can be repeated.
 */
int file_put(struct file *f, const struct file_part *part, bool direct);

/*
 * Makes the file end with a complete block, and keeps what comes after it for the next file_put(). 0 or
 * -errno.
 */
int file_hold(struct file *f);

/* Makes the file end there. 0 or -errno. */
int file_truncate(struct file *f, uint64_t end);

/* Allows direct I/O: always, or where it is known to be better. */
void file_allow_direct(struct file *f, bool always);

/*
 * Sends what was written through the page cache to the disk, and takes it out of the cache. 0, or -errno of
 * an earlier write, which the kernel tells only once.
 */
int file_pass_on(struct file *f);

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

#endif /* PCAPNG_FILE_FILE_H */
