/* SPDX-License-Identifier: MIT */
/*
 * capture.h - a set of files in a temporary folder, and its invariants
 *
 * Packets carry a serial number. Whatever happens, the files together must have each number once
 * and in order, and every file must be valid by itself.
 */
#ifndef TESTS_PCAPNG_FILES_CAPTURE_H
#define TESTS_PCAPNG_FILES_CAPTURE_H

#include <glib.h>

#include "pcapng/files.h"

struct capture {
	char *folder, *path;
	struct pcapng_files *f;
	struct pcapng_files_config config;
	const char *hardware; /* in the section's header */
	uint64_t written;
	uint64_t first_of_last; /* the first number in the last file, after capture_check_all() */
	uint64_t packets;	/* of the files that were finished */
	uint64_t counted;	/* by the library, when it closed */
	bool settles;	 /* PCAPNG_QUEUE is set: with a queue, which is empty after each call */
	GThread *thread; /* which is told what happens */
	unsigned int opened, finished, deleted, recovered, kept, left;
	int left_error; /* the last one's */
};

/* Creates the folder and the path that names derive from. */
void capture_set_up(struct capture *c);
void capture_tear_down(struct capture *c);

/* Starts the set with c->config and one interface. The configs need no sizes. */
int capture_start_with(struct capture *c, const struct pcapng_writer_config *writer);
void capture_start(struct capture *c);

/* Waits for a queue that c->config did not ask for. 0 or -errno of the disk. */
int capture_settle(struct capture *c);

/* Adds the packet with the next number; returns the result of pcapng_files_add_packet(). */
int capture_add(struct capture *c);
void capture_add_many(struct capture *c, unsigned int n);

/* Does what is due by time. 0 or -errno. */
int capture_tick(struct capture *c);

/* Calls pcapng_files_tick() until recovery is over. */
void capture_recover(struct capture *c);

/* Closes and frees. */
void capture_stop(struct capture *c);

/* The paths of the files in the folder, sorted; only those with `suffix`. */
GPtrArray *capture_list(const struct capture *c, const char *suffix);

/* Removes an empty .part: after a kill before the first byte, nothing shows that it is ours. */
void capture_remove_parts(const struct capture *c);

/* The content of the file, decompressed if need be. */
GByteArray *capture_read(const char *path);

/* What complete files end with. */
const char *capture_suffix(const struct capture *c);

/* Runs the strict checker on all of them. */
void capture_check(GPtrArray *paths);

/* Checks that the serial numbers in the file continue from *next; returns their count. */
unsigned int capture_read_serials(const char *path, uint64_t *next, uint64_t max_bytes);

/*
 * Recovers the first file truncated at every offset: the result never shrinks, and is the whole
 * file in the end. With a wrong byte at `wrong` from its end it is shorter. Returns how often it
 * grew.
 */
unsigned int capture_cut_everywhere(const struct capture *c, size_t wrong);

/*
 * Checks that there are `files` files (0: any number), all valid, no .part, and all numbers from
 * `first`.
 */
void capture_check_all(struct capture *c, uint64_t first, unsigned int files);

#endif /* TESTS_PCAPNG_FILES_CAPTURE_H */
