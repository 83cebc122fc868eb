/* SPDX-License-Identifier: MIT */
/*
 * pattern.h - the names of a set of files
 */
#ifndef PCAPNG_FOLDER_PATTERN_H
#define PCAPNG_FOLDER_PATTERN_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct pattern {      /* owned */
	char *folder; /* with its slash, or empty: the current one */
	char *name;
};

/*
 * From "FOLDER/PREFIX.SUFFIX" and a name of config.name's kind, or NULL. 0, -ENOMEM, or -EINVAL: no
 * file name, no %{seq}, an unknown %{...}, a slash in the name, too long.
 */
int pattern_init(struct pattern *p, const char *path, const char *name);

/* A single file's: `path` as it is, without fields. 0, -ENOMEM or -EINVAL. */
int pattern_init_fixed(struct pattern *p, const char *path);

/* Adds ".gz", unless the name has it. 0 or -ENOMEM. */
int pattern_add_gz(struct pattern *p);

/* Accepts a zeroed one. */
void pattern_done(struct pattern *p);

/* The name of number `seq` at `now` into `out`. */
void pattern_format(const struct pattern *p, uint32_t seq, time_t now, char out[NAME_MAX + 1]);

/* True: `name` could have been made by pattern_format(); *ret_seq is its number. */
bool pattern_matches(const struct pattern *p, const char *name, uint32_t *ret_seq);

#endif /* PCAPNG_FOLDER_PATTERN_H */
