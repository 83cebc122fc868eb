/* SPDX-License-Identifier: MIT */
/*
 * The KEY:VALUE pairs of -b (when to switch files, and which to keep) and -a (when to stop), as in
 * dumpcap. Zero, or NULL, means no such limit.
 */
#ifndef XDPTAP_EXTCAP_CONFIG_LIMITS_H
#define XDPTAP_EXTCAP_CONFIG_LIMITS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct limits {
	uint64_t bytes;
	uint64_t packets;
	uint64_t duration_ns;
	uint64_t files;
	uint64_t interval_ns; /* this and the rest: -b only */
	uint64_t name_order;  /* 2: the time precedes the number in a name */
	char *print_name;     /* prints the names of complete files to: a file, "-" or "stderr" */
	bool is_given;
};

/* Parses one pair. option is the name of the option it was given to, for the error message. */
bool limits_parse(struct limits *r, const char *option, bool is_rotation, const char *pair,
		  GError **error);
/* Returns all limits as a user would type them, separated by commas; owned by the caller. */
char *limits_text(const struct limits *r);
/* Whether any limit starts a new file. */
bool limits_rotate(const struct limits *r);
void limits_done(struct limits *r);

#endif
