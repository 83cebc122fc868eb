/* SPDX-License-Identifier: MIT */
/*
 * gzip.h - compressed files: members that follow each other
 *
 * Each member is a gzip file of its own and holds complete blocks. So a crash leaves a file that is
 * complete up to its last member, and readers see one stream.
 */
#ifndef PCAPNG_FILE_GZIP_H
#define PCAPNG_FILE_GZIP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pcapng/memory.h"

struct gzip;

/* Makes a compressor, for one thread. `level`: 1 (fast) to 9 (small). 0, -EINVAL or -ENOMEM. */
int gzip_new(int level, struct gzip **ret);

/* Accepts NULL. */
void gzip_free(struct gzip *z);

/* *ret becomes a member that holds the data, valid until the next call. 0, -ENOMEM or -EIO. */
int gzip_pack(struct gzip *z, const void *data, size_t len, const struct memory **ret);

/* True: the file begins as a compressed one does. */
bool gzip_is_one(int fd);

/* The first `n` bytes of what was compressed; returns how many there are. */
size_t gzip_read_start(int fd, void *data, size_t n);

/* Where the last complete member ends, as recover_find_end(). */
int gzip_find_end(int fd, const atomic_bool *stop, uint64_t *ret_end);

#endif /* PCAPNG_FILE_GZIP_H */
