/* SPDX-License-Identifier: MIT */
/*
 * Brings the programs, one by one, to the requested state. Each step loads one program, which takes
 * milliseconds; a failure in any of them restores the state before the change in the same way.
 */
#include <errno.h>

#include "extcap/capture/attach.h"
#include "extcap/capture/reconfigure.h"
#include "extcap/net/nic/ethtool.h"
#include "extcap/net/link.h"
#include "extcap/system/cleanup.h"
#include "extcap/system/error.h"
#include "extcap/system/privileges.h"

static gboolean on_step(void *user);

static void state_copy(struct reconfigure_state *to, const struct reconfigure_state *from)
{
	struct filter *filter = filter_ref(from->filter);

	filter_unref(to->filter);
	*to = *from;
	to->filter = filter;
}

void reconfigure_init(struct reconfigure *r, const struct config *config, struct filter *filter,
		      struct tap *tap, struct stream *stream)
{
	*r = (struct reconfigure){
		.config = config,
		.tap = tap,
		.stream = stream,
		.generations = g_array_new(false, true, sizeof(uint16_t)),
		.wanted = { .filter = filter_ref(filter), .direction = config->direction },
	};
	changes_init(&r->changes);
	stream->changes = &r->changes;
	state_copy(&r->last, &r->wanted);
}

void reconfigure_listen(struct reconfigure *r, reconfigure_failed_fn failed, void *user)
{
	r->failed = failed;
	r->user = user;
}

void reconfigure_stop(struct reconfigure *r)
{
	g_clear_handle_id(&r->step_source, g_source_remove);
	filter_abandon(g_steal_pointer(&r->job));
	g_clear_pointer(&r->expression, g_free);
}

void reconfigure_done(struct reconfigure *r)
{
	if (!r->stream)
		return;
	reconfigure_stop(r);
	r->stream->changes = NULL;
	changes_done(&r->changes);
	filter_unref(r->wanted.filter);
	filter_unref(r->last.filter);
	g_clear_pointer(&r->generations, g_array_unref);
	*r = (struct reconfigure){ 0 };
}

/* At the priority of the frames, or the change would wait until none arrive. */
static void schedule(struct reconfigure *r)
{
	if (!r->step_source)
		r->step_source = g_timeout_add_full(G_PRIORITY_DEFAULT, 0, on_step, r, NULL);
}

static void G_GNUC_PRINTF(2, 3) note(struct reconfigure *r, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	r->generation = changes_add(&r->changes, text);
	r->is_reverting = false;
	g_info("%s", text);
	schedule(r);
}

/* Whether it may be that no packet of this interface can match. */
static bool is_of_drops(const struct reconfigure *r, guint number)
{
	for (guint slot = 0; slot < r->stream->slots->len; slot++)
		if (g_array_index(r->stream->slots, guint, slot) == number)
			return tap_find_place(r->tap, slot).point->sees_drops;
	return false;
}

static void refuse(const struct reconfigure *r, const char *why)
{
	g_warning("%s", why);
	if (r->failed)
		r->failed(r->user, why);
}

static void set_compiled(struct reconfigure *r, struct filter *filter)
{
	filter_unref(r->wanted.filter);
	r->wanted.filter = filter;
	if (filter->expression)
		note(r, "capture filter \"%.1000s\"", filter->expression);
	else
		note(r, "no capture filter");
}

static void on_compiled(void *user, struct filter *filter, const char *why)
{
	struct reconfigure *r = user;

	r->job = NULL;
	g_clear_pointer(&r->expression, g_free);
	if (filter)
		set_compiled(r, filter);
	else
		refuse(r, why);
}

/* A filter must be one on every captured interface. */
static struct filter_job *compile(struct reconfigure *r, const char *expression)
{
	g_autoptr(GArray) places = g_array_new(false, false, sizeof(struct filter_place));

	for (guint n = 0; n < r->stream->ifaces->len; n++) {
		const struct stream_iface *i = &g_array_index(r->stream->ifaces,
							      struct stream_iface, n);
		const struct filter_place place = { i->linktype, i->ifindex, is_of_drops(r, n) };

		g_array_append_val(places, place);
	}
	return filter_compile(expression, (const struct filter_place *)places->data, places->len,
			      on_compiled, r);
}

const char *reconfigure_expression(const struct reconfigure *r)
{
	return r->job ? r->expression : r->wanted.filter->expression;
}

void reconfigure_set_filter(struct reconfigure *r, const char *expression)
{
	if (expression && !*expression)
		expression = NULL;
	if (g_strcmp0(expression, reconfigure_expression(r)) == 0)
		return;
	filter_abandon(g_steal_pointer(&r->job));
	g_clear_pointer(&r->expression, g_free);
	if (g_strcmp0(expression, r->wanted.filter->expression) == 0)
		return;
	if (!expression) {
		set_compiled(r, filter_new(NULL, LINK_LINKTYPE_ETHERNET, 0, NULL));
		return;
	}
	r->expression = g_strdup(expression);
	r->job = compile(r, expression);
}

void reconfigure_set_direction(struct reconfigure *r, enum direction direction)
{
	static const char *const names[] = {
		[DIRECTION_IN] = "received frames only",
		[DIRECTION_OUT] = "sent frames only",
		[DIRECTION_BOTH] = "both directions",
	};

	if (r->wanted.direction == direction)
		return;
	r->wanted.direction = direction;
	note(r, "%s", names[direction]);
}

void reconfigure_set_paused(struct reconfigure *r, bool is_paused)
{
	gint64 now = g_get_monotonic_time();

	if (r->wanted.is_paused == is_paused)
		return;
	r->wanted.is_paused = is_paused;
	if (is_paused)
		note(r, "paused");
	else
		note(r, "resumed after a pause of %.3f s", (double)(now - r->paused_at) / 1e6);
	r->paused_at = now;
}

/* A slot of drops has both directions, whichever are captured. */
static bool sees_drops(const struct reconfigure *r, guint slot)
{
	return tap_find_place(r->tap, slot).point->sees_drops;
}

static const struct stream_iface *iface_of(const struct reconfigure *r, guint slot)
{
	guint number = g_array_index(r->stream->slots, guint, slot);

	return &g_array_index(r->stream->ifaces, struct stream_iface, number);
}

/* Whether frames of this direction are wanted; the loopback device receives what it sends. */
static bool is_wanted(const struct reconfigure *r, const struct stream_iface *iface, bool is_egress)
{
	if (r->wanted.direction == DIRECTION_BOTH)
		return !is_egress || !iface->is_loopback;
	return is_egress == (r->wanted.direction == DIRECTION_OUT);
}

static bool has_direction(const struct reconfigure *r, unsigned int ifindex, bool is_egress)
{
	for (guint slot = 0; slot < r->stream->slots->len; slot++) {
		struct tap_place place = tap_find_place(r->tap, slot);

		if (place.ifindex == ifindex && place.point->is_egress == is_egress &&
		    !place.point->sees_drops)
			return true;
	}
	return false;
}

/* A slot of an interface that lacks a program for a direction that is now wanted, or -1. */
static int find_missing(const struct reconfigure *r, bool is_egress)
{
	for (guint slot = 0; slot < r->stream->slots->len; slot++)
		if (!sees_drops(r, slot) && is_wanted(r, iface_of(r, slot), is_egress) &&
		    !has_direction(r, tap_find_place(r->tap, slot).ifindex, is_egress) &&
		    tap_is_attached(r->tap, slot))
			return (int)slot;
	return -1;
}

/* Gives the tap's next slots to the stream's interface of that name, which may be a new one. */
static bool add_iface(struct reconfigure *r, const struct config *config, const struct link *link,
		      const struct attach_iface *iface, GError **error)
{
	int number = stream_find_iface(r->stream, link->index, iface->name);
	g_autofree char *driver = ethtool_driver(link);
	const struct stream_description description = {
		.iface = link,
		.name = iface->name,
		.driver = driver,
		.snaplen = (uint32_t)config->snaplen,
		.filter = r->wanted.filter->expression,
		.comment = iface->how->str,
		.n_slots = iface->n_slots,
	};

	if (number < 0)
		return stream_add(r->stream, &description, error);
	stream_add_slots(r->stream, (guint)number, iface->n_slots);
	return true;
}

/* Attaches a program to the interface of a slot for a direction that was not captured before. */
static bool add_direction(struct reconfigure *r, guint slot, bool is_egress, GError **error)
{
	_cleanup_(link_freep) struct link *link =
		link_find_index(tap_find_place(r->tap, slot).ifindex, error);
	struct config config = *r->config;
	g_autoptr(GPtrArray) ifaces = NULL;

	if (!link)
		return false;
	config.direction = is_egress ? DIRECTION_OUT : DIRECTION_IN;
	config.has_drops = false; /* they are captured already */
	ifaces = attach(r->tap, &config, r->wanted.filter, link, error);
	for (guint n = 0; ifaces && n < ifaces->len; n++)
		if (!add_iface(r, &config, link, ifaces->pdata[n], error))
			return false;
	return ifaces;
}

struct filter *reconfigure_filter(const struct reconfigure *r, guint slot, GError **error)
{
	bool is_egress = tap_find_place(r->tap, slot).point->is_egress;
	unsigned int ifindex = tap_find_place(r->tap, slot).ifindex;
	bool is_drop = sees_drops(r, slot);

	if (r->wanted.is_paused || (!is_drop && !is_wanted(r, iface_of(r, slot), is_egress)))
		return filter_new_reject_all();
	if (is_drop)
		return filter_for_any(r->wanted.filter, iface_of(r, slot)->linktype, ifindex);
	return filter_for(r->wanted.filter, iface_of(r, slot)->linktype, ifindex, error);
}

static bool set_filter(struct reconfigure *r, guint slot, GError **error)
{
	_cleanup_(filter_unrefp) struct filter *f = NULL;
	int e;

	if (!tap_is_attached(r->tap, slot))
		return true; /* the interface was deleted */
	f = reconfigure_filter(r, slot, error);
	if (!f)
		return false;
	e = tap_set_filter(r->tap, slot, f->insns, f->n, r->generation);
	if (e == -E2BIG)
		return fail(error, "the capture filter is too large for this kernel; shorten it");
	return e == 0 || fail_errno(error, -e, "cannot change the capture filter");
}

/* What was changed before they came is no news to them. */
void reconfigure_include(struct reconfigure *r, guint first)
{
	if (!r->generation)
		return;
	for (guint slot = first; slot < r->stream->slots->len; slot++) {
		guint number = g_array_index(r->stream->slots, guint, slot);

		g_array_index(r->stream->ifaces, struct stream_iface, number).generation =
			r->generation;
	}
	if (r->generations->len > first)
		g_array_set_size(r->generations, first);
	schedule(r);
}

/* One step; true if there was something to do. */
static bool step(struct reconfigure *r, GError **error)
{
	for (int is_egress = 0; is_egress <= 1; is_egress++) {
		int slot = find_missing(r, is_egress);

		if (slot >= 0)
			return add_direction(r, (guint)slot, is_egress, error);
	}
	g_array_set_size(r->generations, r->stream->slots->len);
	for (guint slot = 0; slot < r->generations->len; slot++) {
		uint16_t *generation = &g_array_index(r->generations, uint16_t, slot);

		if (*generation != r->generation) {
			*generation = r->generation;
			return set_filter(r, slot, error);
		}
	}
	return false;
}

/*
 * Requests the state before the change that failed. Where that fails too, some programs differ from
 * what they were, and the changes in the file say so.
 */
static bool revert(struct reconfigure *r, const char *why)
{
	g_info("%s", why);
	if (r->failed)
		r->failed(r->user, why);
	if (r->is_reverting)
		return false;
	state_copy(&r->wanted, &r->last);
	note(r, "the change failed, the previous state is restored");
	r->is_reverting = true;
	return true;
}

static void complete(struct reconfigure *r)
{
	state_copy(&r->last, &r->wanted);
	r->is_reverting = false;
	g_info("the change is in effect");
}

static gboolean on_step(void *user)
{
	struct reconfigure *r = user;
	g_autoptr(GError) error = NULL;
	bool has_more;

	privileges_raise();
	has_more = step(r, &error);
	privileges_lower();
	if (error)
		has_more = revert(r, error->message);
	else if (!has_more)
		complete(r);
	if (!has_more)
		r->step_source = 0;
	return has_more;
}
