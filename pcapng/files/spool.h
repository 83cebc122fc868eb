/* SPDX-License-Identifier: MIT */
/*
 * spool.h - a bounded queue of buffers and the thread that writes them to disk
 *
 * Whole buffers of the writer's staging memory change hands, so no byte is copied on the way. Orders
 * (sync, end the file and begin the next) travel with them and are carried out in turn.
 */
#ifndef PCAPNG_FILES_SPOOL_H
#define PCAPNG_FILES_SPOOL_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "pcapng/files/disk.h"
#include "pcapng/files/tally.h"
#include "pcapng/staging.h"

struct spool;

/* What is done after the bytes before it are in the file. All zero: nothing, only the bytes. */
struct spool_order {
	bool syncs;
	bool adopts;	/* takes in recovered files, as any order does */
	bool ends_file; /* names it, and begins the next one, */
	bool is_last;	/* or does not */
	time_t now;	/* names the next one */
};

/*
 * Makes a queue of `size` bytes before `disk`. `level`: 0, or gzip's; `waits`: calls wait for room.
 * `disk` is the spool's from now on, and `tally`, which it commits to, is
 * guarded by spool_lock(); both are borrowed. There is no thread before spool_start(): until then,
 * calls do its work. 0 or -errno.
 */
int spool_new(struct disk *disk, struct tally *tally, size_t size, int level, bool waits,
	      struct spool **ret);

/* Ends the threads, whatever waits (NULL: no-op). */
void spool_free(struct spool *s);

/* From now on, `st` fills buffers of ours, which go to `take`. 0 or -ENOMEM. */
int spool_adopt(struct spool *s, struct staging *st, staging_take_fn take, void *user);

/* The thread begins with the next hand-over. */
void spool_start(struct spool *s);

/*
 * Takes the buffer of `st` with the order, also if nothing is pending. 0; -EAGAIN: the queue is full, or
 * the disk, if calls wait for room; -ENOMEM; or the -errno of the disk, which sticks. Then nothing was
 * taken.
 */
int spool_order(struct spool *s, struct staging *st, const struct spool_order *order);

/* As staging_take_fn: a buffer that must not go is taken if it is `delay_ns` since the last one was. */
int spool_take(struct spool *s, struct staging *st, bool must, uint64_t delay_ns);

/* True: spool_order() will take what `st` has now. */
bool spool_has_room(struct spool *s, const struct staging *st);

/*
 * Waits until the queue is empty, or has room for what `st` has now. 0; -EAGAIN: the disk is full, after
 * it was tried again; or the sticky -errno.
 */
int spool_wait(struct spool *s);
int spool_wait_for_room(struct spool *s, const struct staging *st);

/* 0: the queue is empty; -EAGAIN: it is not; or the sticky -errno. */
int spool_state(struct spool *s);

/*
 * Ends the thread after what it does now, within `timeout_ms` (-1: however long that takes). True: the
 * disk is the caller's again, and what waited is discarded.
 */
bool spool_stop(struct spool *s, int timeout_ms);

/* Nanoseconds until spool_take() lets a buffer go, UINT64_MAX: not before another call. */
uint64_t spool_due_ns(struct spool *s, uint64_t delay_ns);

/* True: what waits does so because the disk is full, not because it is slow. */
bool spool_disk_is_full(struct spool *s);

bool spool_is_this_thread(const struct spool *s);
void spool_lock(struct spool *s);
void spool_unlock(struct spool *s);

/* Bytes of blocks that wait, and the most that ever did. */
struct spool_bytes {
	uint64_t queued, peak;
};
struct spool_bytes spool_bytes(struct spool *s);

#endif /* PCAPNG_FILES_SPOOL_H */
