/* SPDX-License-Identifier: MIT */
/*
 * fileset.h - the finished files of a set, oldest first, and which of them stay
 */
#ifndef PCAPNG_FOLDER_FILESET_H
#define PCAPNG_FOLDER_FILESET_H

#include "pcapng/files.h"
#include "pcapng/folder/pattern.h"

struct fileset_entry {
	char *name;
	uint64_t bytes;
	int64_t time_ns; /* of the last change, since 1970 */
	bool is_kept;	 /* it could not be deleted, and does not count for limits */
};

struct fileset {
	int folder;		       /* owned; -1: not open */
	const struct pattern *pattern; /* borrowed, as is: */
	const struct pcapng_files_config *config;
	struct fileset_entry *entries;
	size_t n, size;
	size_t n_kept;
	int kept_error;	      /* the reason that was told last */
	uint64_t bytes;	      /* of all entries but kept ones */
	uint64_t deadline_ns; /* of recovery */
	uint32_t last_seq;
};

/* Opens the folder. 0 or -errno. */
int fileset_init(struct fileset *s, const struct pattern *pattern,
		 const struct pcapng_files_config *config);

/* Accepts one with folder -1. */
void fileset_done(struct fileset *s);

/*
 * Recovers the .part files that nobody writes and adopts finished files, of `program` only (NULL:
 * any). 0 or -errno.
 */
int fileset_adopt(struct fileset *s, const char *program);

/* A file was finished, whatever the clock says: the newest. 0 or -ENOMEM. */
int fileset_append(struct fileset *s, const char *name, uint64_t bytes, int64_t time_ns);

/* Sorts by time of the last change. */
void fileset_sort(struct fileset *s);

/* Deletes the oldest that can be deleted; false: there is none. */
bool fileset_delete_oldest(struct fileset *s);

/* Deletes what the config's keep_ limits do not allow beside `more` files. */
void fileset_make_room(struct fileset *s, uint32_t more);

/* Calls config.on_event. */
void fileset_tell(const struct fileset *s, enum pcapng_files_what what, const char *name,
		  uint64_t bytes, uint64_t packets);

#endif /* PCAPNG_FOLDER_FILESET_H */
