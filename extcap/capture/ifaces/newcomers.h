/* SPDX-License-Identifier: MIT */
/*
 * Other people's programs that come to meet frames before ours while the capture runs. The kernel tells nobody
 * of them, so it is asked now and then: one system call for each program of ours.
 */
#ifndef XDPTAP_EXTCAP_CAPTURE_IFACES_NEWCOMERS_H
#define XDPTAP_EXTCAP_CAPTURE_IFACES_NEWCOMERS_H

#include <glib.h>

#include "bpf/tap.h"
#include "extcap/capture/stream.h"

struct newcomers {
	GPtrArray
		*known; /* of char *, for each slot: who was first at the last look; NULL: nobody */
	gint64 next_us; /* when to look again */
};

void newcomers_init(struct newcomers *n);
void newcomers_done(struct newcomers *n);
/* Learns who was there before new slots, of whom attach() has told. Needs CAP_NET_ADMIN, as the next one does. */
void newcomers_note(struct newcomers *n, const struct tap *tap);
/* Warns of those since the last look, if that is long enough ago. */
void newcomers_look(struct newcomers *n, const struct tap *tap, const struct stream *stream);

#endif
