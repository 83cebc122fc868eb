/* SPDX-License-Identifier: MIT */
/*
 * machine.h - a machine whose clocks can be set and whose disk can fail
 *
 * The library calls these functions instead of libc: see "wrapped" in meson.build.
 */
#ifndef TESTS_PCAPNG_FILES_MACHINE_H
#define TESTS_PCAPNG_FILES_MACHINE_H

#include "tests/pcapng/files/capture.h"

extern int64_t wall_s;	  /* offset of the wall clock */
extern int64_t passed_ms; /* time that passed on both clocks */
extern unsigned int writes, syncs;
extern int write_error, sync_error, close_error; /* errno, 0: none */

/* Sets up `c` on a disk of 1 MiB. False: no permission, the test is skipped. */
bool mount_small(struct capture *c);

/* Also tears down `c`. */
void unmount_small(struct capture *c);

#endif /* TESTS_PCAPNG_FILES_MACHINE_H */
