/* SPDX-License-Identifier: MIT */
/* Copies of frames that wait for a secret, in order. */
#ifndef XDPTAP_EXTCAP_SECRETS_HELD_H
#define XDPTAP_EXTCAP_SECRETS_HELD_H

#include <glib.h>
#include <stdbool.h>

#include "bpf/tap.h"

#define HELD_MS	 250	  /* a client that is slow to log its secret is not waited for any longer */
#define HELD_MAX 16777216 /* bytes of frames */

/* Frames behind the first one wait for it, because time does not go back. */
struct held {
	GQueue frames;
	gsize bytes;
};

void held_done(struct held *h);
/* Adds a copy; id is the connection whose secret it waits for, NULL: only for those before it. */
void held_add(struct held *h, const struct tap_frame *frame, const char *id);
static inline bool held_is_empty(const struct held *h)
{
	return h->frames.length == 0;
}
/* The connection that the first frame waits for; NULL: it has waited long enough, or need not. */
const char *held_waits_for(const struct held *h);
/* The clock of the frames is followed back by so much. */
void held_set_back(struct held *h, uint64_t ns);
/* Removes the first frame. It and its data live until held_free_frame(). */
struct tap_frame *held_take(struct held *h);
void held_free_frame(struct tap_frame *frame);

#endif
