/* SPDX-License-Identifier: MIT */
/*
 * What was changed while a capture ran, for those who read its file later. Each change has a mark, which
 * the frames that came under it bear: the first of them has the note as its comment, and all notes stand
 * in the comment of the statistics.
 */
#ifndef XDPTAP_EXTCAP_NOTES_H
#define XDPTAP_EXTCAP_NOTES_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct notes {
	GPtrArray *texts; /* of char *, that of mark m at m - 1 */
	guint n;	  /* ever added */
};

void notes_init(struct notes *n);
void notes_done(struct notes *n);
/* Adds a note with the time before it; its mark. A mark comes again after 65534 others. */
uint16_t notes_add(struct notes *n, const char *text);
/* The note of a mark; NULL where there is none. */
const char *notes_find(const struct notes *n, uint16_t mark);
/* Whether a mark was given after another one. */
static inline bool notes_is_later(uint16_t mark, uint16_t than)
{
	return (int16_t)(mark - than) > 0;
}
/* All of them, or the last, in a sentence that the caller owns; NULL where there are none. */
char *notes_summary(const struct notes *n);

#endif
