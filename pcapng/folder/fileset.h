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

struct recovery;

struct fileset {
	int folder;		       /* owned; -1: not open */
	const struct pattern *pattern; /* borrowed, as is: */
	const struct pcapng_files_config *config;
	struct fileset_entry *entries;
	size_t n, size;
	size_t n_kept;
	int kept_error; /* the reason reported last */
	uint64_t bytes; /* of all entries but kept ones */
	uint32_t last_seq;
	size_t n_earlier;	   /* the first entries: files of earlier runs */
	size_t n_parts;		   /* waiting for recovery */
	uint64_t part_bytes;	   /* of those */
	struct recovery *recovery; /* owned; NULL: nothing to recover */
};

/* Opens the folder. 0 or -errno. */
int fileset_init(struct fileset *s, const struct pattern *pattern,
		 const struct pcapng_files_config *config);

/* Accepts one with folder -1. */
void fileset_done(struct fileset *s);

/*
 * Adopts finished files, of `program` only (NULL: any), and lists their .part files for recovery.
 * 0 or -errno.
 */
int fileset_adopt(struct fileset *s, const char *program);

/* Starts recovery in a thread of its own. The calls below take in its results. */
void fileset_recover(struct fileset *s);

/* Adds recovered files to the set, reports them, and applies the limits. */
void fileset_take_recovered(struct fileset *s);

/* When to call fileset_take_recovered(): `ms`, or earlier. -1: never. */
int fileset_timeout_ms(const struct fileset *s, int ms);

/* Stops recovery and takes in its results. Reports what it leaves for the next start. */
void fileset_stop_recovery(struct fileset *s);

/* Adds a finished file as the newest, whatever the clock says. 0 or -ENOMEM. */
int fileset_append(struct fileset *s, const char *name, uint64_t bytes, int64_t time_ns);

/* Sorts the files of earlier runs, which are all so far, by time of last change. */
void fileset_sort(struct fileset *s);

/* Adds a file of an earlier run, older than every file of this one. 0 or -ENOMEM. */
int fileset_insert(struct fileset *s, const char *name, uint64_t bytes, int64_t time_ns);

/* Deletes the oldest that can be deleted; false: there is none. */
bool fileset_delete_oldest(struct fileset *s);

/*
 * Makes room on a full disk: deletes the oldest file of all. Those that wait for recovery are younger than the
 * finished files of earlier runs, and older than those of this run. False: there is none.
 */
bool fileset_prune(struct fileset *s);

/* Deletes files until the config's keep_ limits allow `more` files. */
void fileset_make_room(struct fileset *s, uint32_t more);

/* Calls config.on_event. */
void fileset_tell(const struct fileset *s, enum pcapng_files_what what, const char *name,
		  uint64_t bytes, uint64_t packets);
void fileset_tell_error(const struct fileset *s, enum pcapng_files_what what, const char *name,
			uint64_t bytes, int error);

#endif /* PCAPNG_FOLDER_FILESET_H */
