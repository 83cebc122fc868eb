/* SPDX-License-Identifier: MIT */
/*
 * set.h - the finished files of a set, oldest first, and which of them stay
 */
#ifndef PCAPNG_SET_H
#define PCAPNG_SET_H

#include "pcapng/files.h"
#include "pcapng/pattern.h"

struct set_entry {
	char *name;
	uint64_t bytes;
	int64_t time_ns; /* of the last change, since 1970 */
};

struct set {
	int folder;		       /* owned; -1: not open */
	const struct pattern *pattern; /* borrowed, as is: */
	const struct pcapng_files_config *config;
	struct set_entry *entries;
	size_t n, size;
	uint64_t bytes; /* of all entries */
	uint32_t last_seq;
};

/* Opens the folder. 0 or -errno. */
int set_init(struct set *s, const struct pattern *pattern,
	     const struct pcapng_files_config *config);

/* Accepts one with folder -1. */
void set_done(struct set *s);

/*
 * Recovers the .part files that nobody writes and adopts finished files, of `program` only (NULL:
 * any). 0 or -errno.
 */
int set_adopt(struct set *s, const char *program);

/* A file was finished, whatever the clock says: the newest. 0 or -ENOMEM. */
int set_append(struct set *s, const char *name, uint64_t bytes, int64_t time_ns);

/* Deletes the oldest; false: there is none, or it cannot be deleted. */
bool set_delete_oldest(struct set *s);

/* Deletes what the config's keep_ limits do not allow beside one more file. */
void set_make_room(struct set *s);

/* Calls config.on_event. */
void set_tell(const struct set *s, enum pcapng_files_what what, const char *name, uint64_t bytes,
	      uint64_t packets);

#endif /* PCAPNG_SET_H */
