/* SPDX-License-Identifier: MIT */
/*
 * Changes to a capture that runs: its filter, its direction, pause. A pause is a filter that accepts
 * nothing, so what passes is still counted as seen; so is a direction that is not wanted any more.
 *
 * A change is asked for and then made in steps, one program at a time, so that frames can be taken out
 * of the rings in between. A change asked for meanwhile takes the place of the one under way.
 */
#ifndef XDPTAP_EXTCAP_CAPTURE_RECONFIGURE_H
#define XDPTAP_EXTCAP_CAPTURE_RECONFIGURE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "bpf/tap.h"
#include "extcap/capture/filter.h"
#include "extcap/capture/changes.h"
#include "extcap/config/options.h"
#include "extcap/capture/stream.h"

struct reconfigure_state {
	char *text;	      /* of the filter; NULL: none */
	struct filter filter; /* what it becomes */
	uint64_t direction;   /* enum direction */
	bool is_paused;
};

struct reconfigure {
	const struct config *config; /* as the capture began */
	struct tap *tap;
	struct stream *stream;
	struct changes notes;
	struct reconfigure_state wanted, last; /* last: as it was when a change was complete */
	GArray *marks;			       /* of uint16_t, for each slot: its filter's */
	uint16_t mark;			       /* of what is wanted */
	gint64 paused_at;
	bool is_reverting; /* what is wanted is what was before a change that failed */
};

bool reconfigure_init(struct reconfigure *l, const struct config *config, struct tap *tap,
		      struct stream *stream, GError **error);
void reconfigure_done(struct reconfigure *l);
/*
 * Each asks for a change; what is so already is none. A filter (NULL or empty: none) that cannot be
 * compiled is refused with a sentence.
 */
bool reconfigure_set_filter(struct reconfigure *l, const char *text, GError **error);
void reconfigure_set_direction(struct reconfigure *l, enum direction direction);
void reconfigure_set_paused(struct reconfigure *l, bool is_paused);
/*
 * One step of what was asked for. True: there are more. False: it is done, or, with *error set, it is
 * not possible; then what was before is asked for again, and takes steps of its own.
 */
bool reconfigure_step(struct reconfigure *l, GError **error);

#endif
