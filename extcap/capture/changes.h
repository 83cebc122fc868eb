/* SPDX-License-Identifier: MIT */
/*
 * What was changed while a capture ran, for those who read its file later. Each change has a mark, which
 * the frames that came under it bear: the first of them has the note as its comment, and all notes stand
 * in the comment of the statistics.
 */
#ifndef XDPTAP_EXTCAP_CAPTURE_CHANGES_H
#define XDPTAP_EXTCAP_CAPTURE_CHANGES_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct changes {
	GPtrArray *texts; /* of char *, that of mark m at m - 1 */
	guint n;	  /* ever added */
};

void changes_init(struct changes *n);
void changes_done(struct changes *n);
/* Adds a note with the time before it; its mark. A mark comes again after 65534 others. */
uint16_t changes_add(struct changes *n, const char *text);
/* The note of a mark; NULL where there is none. */
const char *changes_find(const struct changes *n, uint16_t mark);
/* Whether a mark was given after another one. */
static inline bool changes_is_later(uint16_t mark, uint16_t than)
{
	return (int16_t)(mark - than) > 0;
}
/* All of them, or the last, in a sentence that the caller owns; NULL where there are none. */
char *changes_summary(const struct changes *n);

#endif
