/* SPDX-License-Identifier: MIT */
/*
 * machine.h - a machine whose clocks can be set and whose disk can fail
 *
 * The library calls these functions instead of libc: see "wrapped" in meson.build.
 */
#ifndef TESTS_PCAPNG_FILES_MACHINE_H
#define TESTS_PCAPNG_FILES_MACHINE_H

#include <stdatomic.h>

#include "tests/pcapng/files/capture.h"

extern _Atomic int64_t wall_s;	  /* offset of the wall clock */
extern _Atomic int64_t passed_ms; /* time that passed on both clocks */
extern _Atomic unsigned int writes, syncs, fs_syncs;
extern _Atomic int write_error, sync_error, close_error, range_error,
	truncate_error;		    /* errno, 0: none */
extern _Atomic bool has_no_threads; /* pthread_create() fails */
extern _Atomic uint64_t
	buffer_bytes; /* of all calls of posix_memalign() and pages_new(), in pages */
extern _Atomic uint64_t pages_bytes; /* of pages_new(), not freed yet */
extern _Atomic int n_processors;     /* 0: what the machine has */

/* After this many bytes, writes are short, and then fail with `error`; UINT64_MAX: never. */
void machine_set_room(uint64_t bytes, int error);

/* From now on, a write or fdatasync waits (before it does anything) until machine_release(). */
void machine_stall(void);
void machine_release(void);

/* Waits until one does. */
void machine_wait_stalled(void);

/*
 * The next calls of gzip_pack() wait until another thread calls it, too: two at a time, `n` times. False
 * from machine_packed_in_pairs(): one waited in vain.
 */
void machine_pack_in_pairs(unsigned int n);
bool machine_packed_in_pairs(void);

/* Sets up `c` on a disk of 1 MiB. False: no permission, the test is skipped. */
bool mount_small(struct capture *c);

/* The same with ext4, which takes direct I/O, on a loop device. */
bool mount_ext4(struct capture *c, unsigned int megabytes);

/* Also tears down `c`. */
void unmount_small(struct capture *c);

#endif /* TESTS_PCAPNG_FILES_MACHINE_H */
