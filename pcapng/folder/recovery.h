/* SPDX-License-Identifier: MIT */
/*
 * recovery.h - recovers .part files in a thread of its own, beside the capture
 *
 * The owner adds names, starts the thread and polls for results. Calls come from one thread at a
 * time, but for recovery_is_active().
 */
#ifndef PCAPNG_FOLDER_RECOVERY_H
#define PCAPNG_FOLDER_RECOVERY_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

struct recovery;

/* What became of one .part. */
struct recovery_file {
	char part[NAME_MAX + 1];
	char name[NAME_MAX + 1]; /* its new name, if there is no error */
	uint64_t part_bytes;	 /* before recovery */
	uint64_t bytes;		 /* after it */
	int64_t time_ns;	 /* of the last change before recovery, since 1970 */
	int error;		 /* errno; 0: recovered; EINTR: stopped before; EBUSY: in use */
};

/* For files of `program` (copied; NULL: any) in `folder` (borrowed). 0 or -ENOMEM. */
int recovery_new(int folder, const char *program, struct recovery **ret);

/* Adds a .part of `bytes` bytes, last changed at `time_ns`, before the start. 0 or -ENOMEM. */
int recovery_add(struct recovery *r, const char *part, uint64_t bytes, int64_t time_ns);

/* Starts the thread; the smallest file comes first. If that fails, every file has the error. */
void recovery_start(struct recovery *r);

/* Returns each file once, when it is done; NULL: none now. Belongs to `r`. */
const struct recovery_file *recovery_next(struct recovery *r);

/* True: recovery_next() will return more files. False before the start. */
bool recovery_is_active(struct recovery *r);

/*
 * Between the two there is no thread. recovery_discard() deletes the oldest file that is not done and returns it,
 * which recovery_next() will not; NULL: there is none that can be deleted. recovery_next() must have returned
 * everything that is done.
 */
void recovery_pause(struct recovery *r);
const struct recovery_file *recovery_discard(struct recovery *r);
void recovery_resume(struct recovery *r);

/* Stops the thread after its current read. Files that are not done have EINTR. */
void recovery_stop(struct recovery *r);

/* Stops and frees. NULL is a no-op. */
void recovery_free(struct recovery *r);

#endif /* PCAPNG_FOLDER_RECOVERY_H */
