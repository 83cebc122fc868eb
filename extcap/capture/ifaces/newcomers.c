/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "extcap/capture/ifaces/newcomers.h"

#define INTERVAL_US (900 * 1000) /* less than the timer's, which calls it */

void newcomers_init(struct newcomers *n)
{
	*n = (struct newcomers){ .known = g_ptr_array_new_with_free_func(g_free) };
}

void newcomers_done(struct newcomers *n)
{
	g_clear_pointer(&n->known, g_ptr_array_unref);
}

/* The name of a program at tcx requires CAP_SYS_ADMIN, which is there at the start only; its number does not. */
static void cut_name(char *what)
{
	char *name = g_str_has_prefix(what, "tc program ") ? strstr(what, " \"") : NULL;

	if (name)
		*name = 0;
}

/* Who meets the frames of a slot first, or NULL. */
static char *find_first(const struct tap *tap, guint slot)
{
	const struct tap_place place = tap_find_place(tap, slot);
	struct point_neighbour other;

	if (!place.ifindex || !place.link || !place.point->find_neighbour ||
	    !place.point->find_neighbour(place.link, POINT_BEFORE, &other))
		return NULL;
	cut_name(other.what);
	return g_strdup(other.what);
}

void newcomers_note(struct newcomers *n, const struct tap *tap)
{
	for (guint slot = n->known->len; slot < tap_slots(tap); slot++)
		g_ptr_array_add(n->known, find_first(tap, slot));
}

void newcomers_look(struct newcomers *n, const struct tap *tap, const struct stream *stream)
{
	gint64 now = g_get_monotonic_time();

	if (now < n->next_us)
		return;
	n->next_us = now + INTERVAL_US;
	newcomers_note(n, tap);
	for (guint slot = 0; slot < tap_slots(tap); slot++) {
		char *first = find_first(tap, slot);

		if (first && g_strcmp0(first, n->known->pdata[slot]) != 0)
			g_warning(
				"%s was attached and meets %s frames on \"%s\" first: those that it "
				"accepts, drops or redirects are no longer captured",
				first,
				tap_find_place(tap, slot).point->is_egress ? "sent" : "received",
				stream_slot_iface(stream, slot)->device);
		g_free(n->known->pdata[slot]);
		n->known->pdata[slot] = first;
	}
}
