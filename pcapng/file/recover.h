/* SPDX-License-Identifier: MIT */
/*
 * recover.h - where the last complete block of a file ends
 */
#ifndef PCAPNG_FILE_RECOVER_H
#define PCAPNG_FILE_RECOVER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * 0; -EINVAL: no complete section header; -EINTR: *stop (may be NULL) is true, which is checked
 * before each read of the file; or -errno. Only reads.
 */
int recover_find_end(int fd, const atomic_bool *stop, uint64_t *ret_end, uint64_t *ret_size);

/*
 * Truncates after the last complete block; *ret_bytes is the new size. Returns as
 * recover_find_end(). After -EINTR the file may be truncated but not yet synced.
 */
int recover_fd(int fd, const atomic_bool *stop, uint64_t *ret_bytes);

/* The end of the last complete block after `from`, where a block starts or the file ends. 0 or -errno. */
int recover_end_after(int fd, uint64_t from, uint64_t *ret_end);

/* Calls `on_packet` for each complete Enhanced Packet Block that follows `from`. 0 or -errno. */
int recover_packets(int fd, uint64_t from, void (*on_packet)(void *user, uint32_t interface),
		    void *user);

static inline bool recover_is_stopped(const atomic_bool *stop)
{
	return stop && atomic_load(stop);
}

#endif /* PCAPNG_FILE_RECOVER_H */
