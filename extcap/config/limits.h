/* SPDX-License-Identifier: MIT */
/*
 * The KEY:VALUE pairs of -b (when a new file begins, and which stay) and -a (when the capture ends),
 * as dumpcap has them. Zero, or NULL, is: no such rule.
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
	uint64_t interval_ns; /* from here on only of -b */
	uint64_t name_order;  /* 2: the time stands before the number in a name */
	char *print_name; /* where the name of each finished file goes: a file, "-" or "stderr" */
	bool is_given;
};

/* One pair; option is the name of the one that it was given to, for the sentence. */
bool limits_parse(struct limits *r, const char *option, bool is_rotation, const char *pair,
		  GError **error);
/* All of them as they would be typed, with commas between; owned by the caller. */
char *limits_text(const struct limits *r);
/* Whether a new file is begun at some time. */
bool limits_rotate(const struct limits *r);
void limits_done(struct limits *r);

#endif
