/* SPDX-License-Identifier: MIT */
/*
 * recover.h - where the last complete block of a file ends
 */
#ifndef PCAPNG_FILE_RECOVER_H
#define PCAPNG_FILE_RECOVER_H

#include <stdbool.h>
#include <stdint.h>

/*
 * 0; -EINVAL: no complete section header; -ETIMEDOUT: it is `deadline_ns` (0: never) by
 * recover_now_ns(); or -errno. Only reads.
 */
int recover_find_end(int fd, uint64_t deadline_ns, uint64_t *ret_end, uint64_t *ret_size);

/* Truncates after the last complete block; *ret_bytes is what is left. As recover_find_end(). */
int recover_fd(int fd, uint64_t deadline_ns, uint64_t *ret_bytes);

/* Likewise, walking only what follows `from`, where a block of ours starts or the file ends. */
int recover_cut(int fd, uint64_t from, uint64_t *ret_end);

/* Where it would truncate. 0 or -errno. */
int recover_end_after(int fd, uint64_t from, uint64_t *ret_end);

/* Calls `on_packet` for each complete Enhanced Packet Block that follows `from`. 0 or -errno. */
int recover_packets(int fd, uint64_t from, void (*on_packet)(void *user, uint32_t interface),
		    void *user);

/* The monotonic clock. */
uint64_t recover_now_ns(void);
bool recover_is_late(uint64_t deadline_ns);

#endif /* PCAPNG_FILE_RECOVER_H */
