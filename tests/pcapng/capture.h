/* SPDX-License-Identifier: MIT */
/*
 * capture.h - a set of files in a temporary folder, and what must be true of it
 *
 * Packets carry a serial number. Whatever happens, the files together must hold the numbers in order
 * and once each, and every file alone must be right.
 */
#ifndef TESTS_PCAPNG_CAPTURE_H
#define TESTS_PCAPNG_CAPTURE_H

#include <glib.h>

#include "pcapng/files.h"

struct capture {
	char *folder, *path;
	struct pcapng_files *f;
	struct pcapng_files_config config;
	uint64_t written;
	uint64_t first_of_last; /* number in the last file, after capture_check_all() */
	unsigned int opened, finished, deleted, recovered;
};

/* A folder, and the path in it that names come from. */
void capture_set_up(struct capture *c);
void capture_tear_down(struct capture *c);

/* Begins with c->config and one interface. The configs need no sizes. */
int capture_start_with(struct capture *c, const struct pcapng_writer_config *writer);
void capture_start(struct capture *c);

/* Adds the packet with the next number; what pcapng_files_add_packet() returns. */
int capture_add(struct capture *c);
void capture_add_many(struct capture *c, unsigned int n);

/* Closes and frees. */
void capture_stop(struct capture *c);

/* Paths of the folder's files by name; those that end in `suffix`. */
GPtrArray *capture_list(const struct capture *c, const char *suffix);

/* Killed before there was anything in it, a .part is not known to be ours, and stays: goes here. */
void capture_remove_parts(const struct capture *c);

/* The strict checker on all of them. */
void capture_check(GPtrArray *paths);

/* The serial numbers in the file, which must go on from *next; returns how many. */
unsigned int capture_read_serials(const char *path, uint64_t *next, uint64_t max_bytes);

/*
 * Recovers the first file cut at every offset: what is kept never gets less, and in the end it is all. With
 * a wrong byte so far from its end it is less. How often it grew.
 */
unsigned int capture_cut_everywhere(const struct capture *c, size_t wrong);

/* Each of so many files (0: any) is right, none is a .part, and all numbers from `first` are there. */
void capture_check_all(struct capture *c, uint64_t first, unsigned int files);

#endif /* TESTS_PCAPNG_CAPTURE_H */
