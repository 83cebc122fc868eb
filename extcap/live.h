/* SPDX-License-Identifier: MIT */
/*
 * Changes to a capture that runs: its filter, its direction, pause. A pause is a filter that accepts
 * nothing, so what passes is still counted as seen; so is a direction that is not wanted any more.
 *
 * A change is asked for and then made in steps, one program at a time, so that frames can be taken out
 * of the rings in between. A change asked for meanwhile takes the place of the one under way.
 */
#ifndef XDPTAP_EXTCAP_LIVE_H
#define XDPTAP_EXTCAP_LIVE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "bpf/tap.h"
#include "extcap/filter.h"
#include "extcap/notes.h"
#include "extcap/config/options.h"
#include "extcap/stream.h"

struct live_state {
	char *text;	      /* of the filter; NULL: none */
	struct filter filter; /* what it becomes */
	uint64_t direction;   /* enum direction */
	bool is_paused;
};

struct live {
	const struct config *config; /* as the capture began */
	struct tap *tap;
	struct stream *stream;
	struct notes notes;
	struct live_state wanted, last; /* last: as it was when a change was complete */
	GArray *marks;			/* of uint16_t, for each slot: its filter's */
	uint16_t mark;			/* of what is wanted */
	gint64 paused_at;
	bool is_reverting; /* what is wanted is what was before a change that failed */
};

bool live_init(struct live *l, const struct config *config, struct tap *tap, struct stream *stream,
	       GError **error);
void live_done(struct live *l);
/*
 * Each asks for a change; what is so already is none. A filter (NULL or empty: none) that cannot be
 * compiled is refused with a sentence.
 */
bool live_set_filter(struct live *l, const char *text, GError **error);
void live_set_direction(struct live *l, enum direction direction);
void live_set_paused(struct live *l, bool is_paused);
/*
 * One step of what was asked for. True: there are more. False: it is done, or, with *error set, it is
 * not possible; then what was before is asked for again, and takes steps of its own.
 */
bool live_step(struct live *l, GError **error);

#endif
