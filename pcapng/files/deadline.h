/* SPDX-License-Identifier: MIT */
/*
 * deadline.h - when a file ends by time, and when it is synced
 */
#ifndef PCAPNG_FILES_DEADLINE_H
#define PCAPNG_FILES_DEADLINE_H

#include <stdint.h>

#include "pcapng/files.h"

struct deadline {
	uint64_t begun_ns;  /* CLOCK_BOOTTIME, which counts suspend */
	uint64_t synced_ns; /* the last fdatasync, likewise */
	uint64_t turn_ns;   /* when the interval ends, since 1970; 0: no interval */
};

/* A file starts now. */
void deadline_start(struct deadline *d, const struct pcapng_files_config *config);

/* The file is synced now. */
void deadline_synced(struct deadline *d);

/* Nanoseconds until the file ends by time; UINT64_MAX: never. */
uint64_t deadline_left(const struct deadline *d, const struct pcapng_files_config *config);

/* Likewise until it is synced. */
uint64_t deadline_sync_left(const struct deadline *d, const struct pcapng_files_config *config);

/* As pcapng_files_timeout_ms(), for a file that ends in `left_ns`. */
int deadline_timeout_ms(const struct deadline *d, const struct pcapng_files_config *config,
			uint64_t left_ns);

#endif /* PCAPNG_FILES_DEADLINE_H */
