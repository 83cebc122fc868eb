/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "extcap/secrets/held.h"
#include "extcap/secrets/keylog-line.h"

/* Begins with the frame, so that held_take() can give away no more than that. */
struct held_frame {
	struct tap_frame frame;
	gint64 until_us; /* by GLib's monotonic clock */
	char id[KEYLOG_ID_LEN + 1];
	uint8_t data[];
};

static gsize size_of(const struct tap_frame *frame)
{
	return sizeof(struct held_frame) + frame->caplen;
}

void held_done(struct held *h)
{
	while (!held_is_empty(h))
		held_free_frame(held_take(h));
}

void held_add(struct held *h, const struct tap_frame *frame, const char *id)
{
	struct held_frame *copy = g_malloc(size_of(frame));

	copy->frame = *frame;
	memcpy(copy->data, frame->data, frame->caplen);
	copy->frame.data = copy->data;
	copy->until_us = g_get_monotonic_time() + HELD_MS * 1000;
	g_strlcpy(copy->id, id ? id : "", sizeof(copy->id));
	h->bytes += size_of(frame);
	g_queue_push_tail(&h->frames, copy);
}

const char *held_waits_for(const struct held *h)
{
	const struct held_frame *first = g_queue_peek_head((GQueue *)&h->frames);

	if (!first || !*first->id || h->bytes > HELD_MAX ||
	    g_get_monotonic_time() >= first->until_us)
		return NULL;
	return first->id;
}

void held_set_back(struct held *h, uint64_t ns)
{
	for (GList *l = h->frames.head; l; l = l->next)
		((struct held_frame *)l->data)->frame.ts_ns -= ns;
}

struct tap_frame *held_take(struct held *h)
{
	struct held_frame *first = g_queue_pop_head(&h->frames);

	h->bytes -= size_of(&first->frame);
	return &first->frame;
}

void held_free_frame(struct tap_frame *frame)
{
	g_free(frame);
}
