/* SPDX-License-Identifier: MIT */
/* Brings the programs, one by one, to the state that is wanted; see reconfigure.h. */
#include <errno.h>

#include "extcap/capture/attach.h"
#include "extcap/system/cleanup.h"
#include "extcap/system/error.h"
#include "extcap/net/link.h"
#include "extcap/capture/reconfigure.h"
#include "extcap/system/privileges.h"

static void state_done(struct reconfigure_state *s)
{
	g_clear_pointer(&s->text, g_free);
	filter_done(&s->filter);
}

/* Both texts have been compiled before. */
static void state_copy(struct reconfigure_state *to, const struct reconfigure_state *from)
{
	state_done(to);
	*to = *from;
	to->text = g_strdup(from->text);
	(void)filter_compile(to->text, LINK_LINKTYPE, &to->filter, NULL);
}

bool reconfigure_init(struct reconfigure *l, const struct config *config, struct tap *tap,
		      struct stream *stream, GError **error)
{
	*l = (struct reconfigure){
		.config = config,
		.tap = tap,
		.stream = stream,
		.marks = g_array_new(false, true, sizeof(uint16_t)),
	};
	changes_init(&l->notes);
	stream->notes = &l->notes;
	l->wanted.direction = config->direction;
	l->wanted.text = g_strdup(config->filter);
	if (!filter_compile(config->filter, LINK_LINKTYPE, &l->wanted.filter, error))
		return false;
	state_copy(&l->last, &l->wanted);
	return true;
}

void reconfigure_done(struct reconfigure *l)
{
	l->stream->notes = NULL;
	changes_done(&l->notes);
	state_done(&l->wanted);
	state_done(&l->last);
	g_clear_pointer(&l->marks, g_array_unref);
}

static void G_GNUC_PRINTF(2, 3) note(struct reconfigure *l, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	l->mark = changes_add(&l->notes, text);
	l->is_reverting = false;
	g_info("%s", text);
}

static void note_filter(struct reconfigure *l)
{
	if (l->wanted.text)
		note(l, "capture filter \"%.1000s\"", l->wanted.text);
	else
		note(l, "no capture filter");
}

bool reconfigure_set_filter(struct reconfigure *l, const char *text, GError **error)
{
	struct filter filter = FILTER_NONE;

	if (text && !*text)
		text = NULL;
	if (g_strcmp0(text, l->wanted.text) == 0)
		return true;
	if (!filter_compile(text, LINK_LINKTYPE, &filter, error)) {
		filter_done(&filter);
		g_prefix_error(error, "capture filter \"%.100s\": ", text);
		return false;
	}
	state_done(&l->wanted);
	l->wanted.text = g_strdup(text);
	l->wanted.filter = filter;
	note_filter(l);
	return true;
}

void reconfigure_set_direction(struct reconfigure *l, enum direction direction)
{
	static const char *const names[] = {
		[DIRECTION_IN] = "received frames only",
		[DIRECTION_OUT] = "sent frames only",
		[DIRECTION_BOTH] = "both directions",
	};

	if (l->wanted.direction == direction)
		return;
	l->wanted.direction = direction;
	note(l, "%s", names[direction]);
}

void reconfigure_set_paused(struct reconfigure *l, bool is_paused)
{
	gint64 now = g_get_monotonic_time();

	if (l->wanted.is_paused == is_paused)
		return;
	l->wanted.is_paused = is_paused;
	if (is_paused)
		note(l, "paused");
	else
		note(l, "resumed after a pause of %.3f s", (double)(now - l->paused_at) / 1e6);
	l->paused_at = now;
}

static const struct stream_port *port_of(const struct reconfigure *l, guint slot)
{
	guint number = g_array_index(l->stream->slots, guint, slot);

	return &g_array_index(l->stream->ports, struct stream_port, number);
}

/* Whether frames of that direction are wanted; the loopback device receives what it sends. */
static bool is_wanted(const struct reconfigure *l, const struct stream_port *port, bool is_egress)
{
	if (l->wanted.direction == DIRECTION_BOTH)
		return !is_egress || !port->is_loopback;
	return is_egress == (l->wanted.direction == DIRECTION_OUT);
}

static bool has_direction(const struct reconfigure *l, unsigned int ifindex, bool is_egress)
{
	for (guint slot = 0; slot < l->stream->slots->len; slot++) {
		struct tap_place place = tap_find_place(l->tap, slot);

		if (place.ifindex == ifindex && place.point->is_egress == is_egress)
			return true;
	}
	return false;
}

/* A slot of an interface that would have to take frames of a direction and has no program there, or -1. */
static int find_missing(const struct reconfigure *l, bool is_egress)
{
	for (guint slot = 0; slot < l->stream->slots->len; slot++)
		if (is_wanted(l, port_of(l, slot), is_egress) &&
		    !has_direction(l, tap_find_place(l->tap, slot).ifindex, is_egress) &&
		    tap_is_attached(l->tap, slot))
			return (int)slot;
	return -1;
}

/* The tap's next slots are of this port: that of the interface's name is there already, or a new one. */
static bool add_port(struct reconfigure *l, const struct config *config, const struct link *i,
		     const struct attach_port *port, GError **error)
{
	int number = stream_find_port(l->stream, i->index, port->name);
	g_autofree char *driver = link_driver(i);
	const struct stream_interface description = {
		.iface = i,
		.name = port->name,
		.driver = driver,
		.snaplen = (uint32_t)config->snaplen,
		.filter = config->filter,
		.comment = port->how->str,
		.n_slots = port->n_slots,
	};

	if (number < 0)
		return stream_add(l->stream, &description, error);
	stream_add_slots(l->stream, (guint)number, port->n_slots);
	return true;
}

/* Puts a program onto the interface of a slot, for a direction that was not asked for before. */
static bool add_direction(struct reconfigure *l, guint slot, bool is_egress, GError **error)
{
	_cleanup_(link_freep) struct link *i = link_find_index(tap_find_place(l->tap, slot).ifindex,
							       error);
	struct config config = *l->config;
	g_autoptr(GPtrArray) ports = NULL;

	if (!i)
		return false;
	config.filter = l->wanted.text;
	config.direction = is_egress ? DIRECTION_OUT : DIRECTION_IN;
	ports = attach(l->tap, &config, i, error);
	for (guint n = 0; ports && n < ports->len; n++)
		if (!add_port(l, &config, i, ports->pdata[n], error))
			return false;
	return ports;
}

static bool set_filter(struct reconfigure *l, guint slot, GError **error)
{
	_cleanup_(filter_done) struct filter nothing = FILTER_NONE;
	const struct filter *f = &l->wanted.filter;
	bool is_egress = tap_find_place(l->tap, slot).point->is_egress;
	int r;

	if (!tap_is_attached(l->tap, slot))
		return true; /* the interface was deleted */
	if (l->wanted.is_paused || !is_wanted(l, port_of(l, slot), is_egress)) {
		nothing = filter_nothing();
		f = &nothing;
	}
	r = tap_set_filter(l->tap, slot, f->insns, f->n, l->mark);
	if (r == -E2BIG)
		return fail(error, "the capture filter is too large for this kernel");
	return r == 0 || fail_errno(error, -r, "cannot change the capture filter");
}

/* One step: true where there was something to do. */
static bool step(struct reconfigure *l, GError **error)
{
	for (int is_egress = 0; is_egress <= 1; is_egress++) {
		int slot = find_missing(l, is_egress);

		if (slot >= 0)
			return add_direction(l, (guint)slot, is_egress, error);
	}
	g_array_set_size(l->marks, l->stream->slots->len);
	for (guint slot = 0; slot < l->marks->len; slot++) {
		uint16_t *mark = &g_array_index(l->marks, uint16_t, slot);

		if (*mark != l->mark) {
			*mark = l->mark;
			return set_filter(l, slot, error);
		}
	}
	return false;
}

static void revert(struct reconfigure *l)
{
	state_copy(&l->wanted, &l->last);
	note(l, "that failed: back to what was before");
	l->is_reverting = true;
}

bool reconfigure_step(struct reconfigure *l, GError **error)
{
	g_autoptr(GError) failure = NULL;
	bool has_more;

	privileges_raise();
	has_more = l->mark && step(l, &failure);
	privileges_lower();
	if (failure) {
		g_info("%s", failure->message);
		/* If going back fails too, some programs are not as before: the notes say so. */
		has_more = !l->is_reverting;
		if (has_more)
			revert(l);
		g_propagate_error(error, g_steal_pointer(&failure));
	} else if (!has_more) {
		state_copy(&l->last, &l->wanted);
		l->is_reverting = false;
		g_info("the change is in effect");
	}
	return has_more;
}
