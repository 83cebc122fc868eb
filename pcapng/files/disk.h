/* SPDX-License-Identifier: MIT */
/*
 * disk.h - the disk's side of a capture: one file after another, and what happens when it is full
 *
 * The file being written, the one that follows, and the finished ones with their retention. It knows
 * neither blocks nor limits. One thread at a time uses it: the caller's, or that of spool.c.
 */
#ifndef PCAPNG_FILES_DISK_H
#define PCAPNG_FILES_DISK_H

#include <time.h>

#include "pcapng/file/file.h"
#include "pcapng/folder/fileset.h"
#include "pcapng/folder/pattern.h"

struct disk {
	const struct pcapng_files_config *config; /* borrowed; path and name only for disk_init() */
	struct pattern pattern;
	struct fileset set;
	struct file file, next; /* next: created, while the current one ends */
	uint32_t seq;
	uint64_t retry_ns;	   /* monotonic; on a full disk: not before */
	bool has_unsynced;	   /* files ended that may not be on the disk */
	struct pcapng_error error; /* of the last failure */
};

/* Opens the folder, recovers and adopts the files of `program` (NULL: any). 0 or -errno. */
int disk_init(struct disk *d, const struct pcapng_files_config *config, const char *program);

/* Files that are open stay as they are, but an empty one. Accepts one that disk_init() refused. */
void disk_done(struct disk *d);

/*
 * Creates the next file, named after `now`, unless it is there. 0; -EAGAIN: there is no room, and
 * PCAPNG_FULL_DROP waits for some; or -errno.
 */
int disk_create_next(struct disk *d, time_t now);

/* What disk_create_next() created is the current file now. */
void disk_begin_next(struct disk *d);

/* Deletes the next file. */
void disk_discard_next(struct disk *d);

/* As file_write(), file_append() and file_put(), after making room if the policy says so; -EAGAIN as above. */
ssize_t disk_write(struct disk *d, const struct iovec *iov, int iovcnt);
int disk_append(struct disk *d, const void *data, size_t len);
int disk_put(struct disk *d, const struct file_part *part, bool direct);

/* All files and their names, up to now. 0 or -errno. */
int disk_sync(struct disk *d);

/* Gives the current file, with `packets` packets, its name, and closes it. 0 or -errno. */
int disk_end(struct disk *d, uint64_t packets);

/* As file_hold(), after a failure, whose words say so if that fails, too. */
void disk_hold(struct disk *d);

/* Records the failure of the current file, in words: the step. Returns `r`. */
int disk_fail(struct disk *d, int r, const char *step);

#endif /* PCAPNG_FILES_DISK_H */
