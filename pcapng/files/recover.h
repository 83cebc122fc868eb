/* SPDX-License-Identifier: MIT */
/*
 * recover.h - where the last whole block of a file ends
 */
#ifndef PCAPNG_FILES_RECOVER_H
#define PCAPNG_FILES_RECOVER_H

#include <stdint.h>

/* 0; -EINVAL: not one whole section header; or -errno. Reads only. */
int recover_find_end(int fd, uint64_t *ret_end, uint64_t *ret_size);

/* Cuts behind the last whole block; *ret_bytes is what is left. As recover_find_end(). */
int recover_fd(int fd, uint64_t *ret_bytes);

/* Likewise, walking only what lies behind `from`, where a block of our own begins or the file ends. */
int recover_cut(int fd, uint64_t from, uint64_t *ret_end);

#endif /* PCAPNG_FILES_RECOVER_H */
