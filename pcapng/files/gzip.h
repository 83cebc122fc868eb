/* SPDX-License-Identifier: MIT */
/*
 * gzip.h - compresses blocks, in a thread of its own, on their way to a file
 *
 * Complete blocks are collected into members of some megabytes. Each member is a gzip file of its own
 * and follows the one before. So a crash leaves a file that is complete up to its last member, and
 * readers see one stream.
 */
#ifndef PCAPNG_FILES_GZIP_H
#define PCAPNG_FILES_GZIP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "pcapng/files/file.h"

struct gzip;

/* Starts the thread. `level`: 1 (fast) to 9; `f` (borrowed) is where members go. 0 or -errno. */
int gzip_new(int level, struct file *f, struct gzip **ret);

/* Stops the thread (NULL: nothing to do). What was not flushed is lost. */
void gzip_free(struct gzip *z);

/*
 * Takes all of it, or nothing: complete blocks, copied. Waits while the thread is behind. Return: bytes
 * taken; or -errno of the thread's last write. That write is tried again by the next call.
 */
ssize_t gzip_write(struct gzip *z, const struct iovec *iov, int iovcnt);

/*
 * Ends the member and waits until all is in the file, which the caller may touch until the next
 * call. 0 or -errno; then nothing is lost, and the next call goes on, and nobody touches the file.
 */
int gzip_flush(struct gzip *z);

/* Returns the bytes before compression that are in the file since gzip_restart(). */
uint64_t gzip_committed(struct gzip *z);

/* A new file begins. Everything was flushed before. */
void gzip_restart(struct gzip *z);

/* True: the file begins as a compressed one does. */
bool gzip_is_one(int fd);

/* The first `n` bytes of what was compressed; returns how many there are. */
size_t gzip_read_start(int fd, void *data, size_t n);

/* Where the last complete member ends, as recover_find_end(). */
int gzip_find_end(int fd, const atomic_bool *stop, uint64_t *ret_end);

#endif /* PCAPNG_FILES_GZIP_H */
