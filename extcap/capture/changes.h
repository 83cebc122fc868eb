/* SPDX-License-Identifier: MIT */
/*
 * What changed while a capture ran, for those who read its file later. Each change begins a generation,
 * a number that every frame carries which was captured under it: the first such frame of an interface
 * gets the change as its comment, and the interface's statistics list all changes.
 */
#ifndef XDPTAP_EXTCAP_CAPTURE_CHANGES_H
#define XDPTAP_EXTCAP_CAPTURE_CHANGES_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct changes {
	GPtrArray *texts; /* of char *; generation g at index g - 1 */
	guint n;	  /* ever added */
};

void changes_init(struct changes *c);
void changes_done(struct changes *c);
/* Adds a change, prefixed with the present time. Returns its generation, which recurs after 65534 others. */
uint16_t changes_add(struct changes *c, const char *text);
/* The change that began a generation; NULL if there is none. */
const char *changes_find(const struct changes *c, uint16_t generation);
/* Whether one generation began after another. */
static inline bool changes_is_later(uint16_t generation, uint16_t than)
{
	return (int16_t)(generation - than) > 0;
}
/* All changes, or the latest, in one sentence that the caller owns; NULL if there are none. */
char *changes_summary(const struct changes *c);

#endif
