/* SPDX-License-Identifier: MIT */
/*
 * Changes to a running capture: its filter, its direction, pause. A pause is a filter that rejects all
 * frames, so the frames that pass are still counted as seen; so is a direction that is switched off.
 *
 * A change is requested at once and takes effect in steps, one program at a time, from the main loop:
 * between two steps the capture reads its rings. A request made meanwhile replaces the one under way.
 */
#ifndef XDPTAP_EXTCAP_CAPTURE_RECONFIGURE_H
#define XDPTAP_EXTCAP_CAPTURE_RECONFIGURE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "bpf/tap.h"
#include "extcap/capture/changes.h"
#include "extcap/capture/filter.h"
#include "extcap/capture/stream.h"
#include "extcap/config/options.h"

struct reconfigure_state {
	struct filter *filter; /* a reference */
	uint64_t direction;    /* enum direction */
	bool is_paused;
};

/* A change that could not be made; the previous state is being restored. */
typedef void (*reconfigure_failed_fn)(void *user, const char *message);

struct reconfigure {
	const struct config *config; /* as the capture began */
	struct tap *tap;
	struct stream *stream;
	struct changes changes;
	struct reconfigure_state wanted, last; /* last: when a change was last complete */
	struct filter_job *job;		       /* NULL: no filter is being compiled */
	char *expression;		       /* that is; NULL: none */
	GArray *generations;		       /* of uint16_t: that of each slot's filter */
	uint16_t generation;		       /* of what is wanted */
	gint64 paused_at;
	bool is_reverting; /* what is wanted is the state before a change that failed */
	guint step_source; /* 0: no step is due */
	reconfigure_failed_fn failed;
	void *user;
};

/* Describes the capture as it begins, with no change requested; the filter is the one in place. */
void reconfigure_init(struct reconfigure *r, const struct config *config, struct filter *filter,
		      struct tap *tap, struct stream *stream);
/* Reports failures from now on. */
void reconfigure_listen(struct reconfigure *r, reconfigure_failed_fn failed, void *user);
/*
 * Each requests a change; asking for the present state does nothing. An expression (NULL or empty: all
 * frames) is compiled first, in another thread; one that does not compile is a failure as well. A later
 * expression replaces one that is still being compiled.
 */
void reconfigure_set_filter(struct reconfigure *r, const char *expression);
/* The expression that was asked for last and not refused since; NULL: none. */
const char *reconfigure_expression(const struct reconfigure *r);
void reconfigure_set_direction(struct reconfigure *r, enum direction direction);
void reconfigure_set_paused(struct reconfigure *r, bool is_paused);
/* The filter that a slot is to have now; NULL with *error: there is none. */
struct filter *reconfigure_filter(const struct reconfigure *r, guint slot, GError **error);
/* Brings the slots from this one on, which are new, to what is wanted. */
void reconfigure_include(struct reconfigure *r, guint first);
/* Takes no further step; the changes so far stay known to the stream's statistics. */
void reconfigure_stop(struct reconfigure *r);
/* Frees; a zeroed struct is fine. The stream must not be written afterwards. */
void reconfigure_done(struct reconfigure *r);

#endif
