/* SPDX-License-Identifier: MIT */
/*
 * What each control means. Nothing here can hold up the capture: whatever Wireshark writes is read in
 * bounded pieces, what it does not read is dropped, and a change is made in steps between which frames
 * are taken out of the rings.
 *
 * What a capture was started with counts more than what the toolbar still has from an earlier one:
 * Wireshark sends the latter before it says CONTROL_INITIALIZED.
 */
#include <glib-unix.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "extcap/capture/reconfigure.h"
#include "extcap/system/log.h"
#include "extcap/wireshark/toolbar.h"

#define TICK_MS	  1000
#define LINES_MAX 200 /* of the log that wait for Wireshark; then the oldest go */
#define QUIET_MAX 4   /* ticks after which a status is repeated that has not changed */

enum {
	CONTROL_FILTER,
	CONTROL_DIRECTION,
	CONTROL_PAUSE,
	CONTROL_LOG,
};

struct toolbar {
	struct control *control;
	const struct config *config;
	struct tap *tap;
	struct stream *stream;
	struct reconfigure live;
	bool is_ready;					/* Wireshark has said all it knew */
	GQueue lines;					/* of char *: of the log, not sent yet */
	guint control_source, step_source, tick_source; /* 0: none */
	char *status;					/* as sent last */
	unsigned int quiet;				/* ticks since then */
	uint64_t seen;					/* at the last tick */
	gint64 seen_at;
};

static const struct option *find_option(const char *name)
{
	const struct option *o = options;

	while (o->name && !g_str_equal(o->name, name))
		o++;
	return o;
}

void toolbar_print(void)
{
	const struct option *o = find_option("direction");

	printf("control {number=%d}{type=string}{display=Filter}"
	       "{placeholder=capture filter, now}{tooltip=Capture only frames that match this "
	       "pcap-filter expression from now on; the kernel drops the others}\n",
	       CONTROL_FILTER);
	printf("control {number=%d}{type=selector}{display=Direction}{tooltip=%s}\n",
	       CONTROL_DIRECTION, o->help);
	for (uint64_t i = 0; o->choices[i].value; i++)
		printf("value {control=%d}{value=%s}{display=%s}%s\n", CONTROL_DIRECTION,
		       o->choices[i].value, o->choices[i].display,
		       i == o->fallback ? "{default=true}" : "");
	printf("control {number=%d}{type=boolean}{display=Pause}{default=false}{tooltip=Capture "
	       "nothing for a while; what passes is still counted as seen}\n",
	       CONTROL_PAUSE);
	printf("control {number=%d}{type=button}{role=logger}{display=Log}{tooltip=What happened "
	       "to this capture}\n",
	       CONTROL_LOG);
}

static gboolean on_step(void *user)
{
	struct toolbar *t = user;
	g_autoptr(GError) error = NULL;
	bool has_more = reconfigure_step(&t->live, &error);

	if (error)
		(void)control_send(t->control, CONTROL_FILTER, CONTROL_WARNING, error->message);
	if (!has_more)
		t->step_source = 0;
	return has_more;
}

/* A change was asked for, perhaps. At the priority of the frames, or it would wait for a pause of theirs. */
static void change(struct toolbar *t)
{
	if (!t->step_source)
		t->step_source = g_timeout_add_full(G_PRIORITY_DEFAULT, 0, on_step, t, NULL);
}

static void set_filter(struct toolbar *t, const char *text)
{
	g_autoptr(GError) error = NULL;

	if (reconfigure_set_filter(&t->live, text, &error))
		change(t);
	else if (!control_send(t->control, CONTROL_FILTER, CONTROL_WARNING, error->message))
		g_info("%s", error->message);
}

static void set_direction(struct toolbar *t, const char *value)
{
	const struct option *o = find_option("direction");

	for (uint64_t i = 0; o->choices[i].value; i++) {
		if (g_str_equal(o->choices[i].value, value)) {
			reconfigure_set_direction(&t->live, (enum direction)i);
			change(t);
		}
	}
}

/* What was set before the capture began counts where the capture itself does not say otherwise. */
static void on_set(struct toolbar *t, const struct control_message *m)
{
	g_autofree char *text = g_strndup((const char *)m->payload, m->len);

	switch (m->number) {
	case CONTROL_FILTER:
		if (t->is_ready || !t->config->filter)
			set_filter(t, text);
		break;
	case CONTROL_DIRECTION:
		if (t->is_ready || t->config->direction == find_option("direction")->fallback)
			set_direction(t, text);
		break;
	case CONTROL_PAUSE:
		/* A pause that was forgotten at the end of another capture is none of this one. */
		if (t->is_ready && m->len == 1) {
			reconfigure_set_paused(&t->live, m->payload[0]);
			change(t);
		}
		break;
	}
}

/* Shows in the controls what is in effect. */
static void show(struct toolbar *t)
{
	const struct reconfigure_state *s = &t->live.wanted;

	(void)control_send(t->control, CONTROL_FILTER, CONTROL_SET, s->text);
	(void)control_send(t->control, CONTROL_DIRECTION, CONTROL_SET,
			   find_option("direction")->choices[s->direction].value);
	(void)control_send_switch(t->control, CONTROL_PAUSE, s->is_paused);
}

static void send_lines(struct toolbar *t)
{
	while (t->is_ready && !g_queue_is_empty(&t->lines) &&
	       control_send(t->control, CONTROL_LOG, CONTROL_ADD, g_queue_peek_head(&t->lines)))
		g_free(g_queue_pop_head(&t->lines));
}

static void on_line(void *user, const char *time, const char *text)
{
	struct toolbar *t = user;

	g_queue_push_tail(&t->lines, g_strdup_printf("%s %s\n", time, text));
	if (g_queue_get_length(&t->lines) > LINES_MAX)
		g_free(g_queue_pop_head(&t->lines));
}

static void on_message(void *user, const struct control_message *m)
{
	struct toolbar *t = user;

	if (m->command == CONTROL_SET) {
		on_set(t, m);
	} else if (m->command == CONTROL_INITIALIZED && !t->is_ready) {
		t->is_ready = true;
		show(t);
		send_lines(t);
	}
}

static gboolean on_control(int fd, GIOCondition condition, void *user)
{
	struct toolbar *t = user;

	if (control_read(t->control, on_message, t))
		return G_SOURCE_CONTINUE;
	t->control_source = 0;
	return G_SOURCE_REMOVE;
}

/* Of all interfaces; "lost" is on the way from the filter to here and behind. */
static void count(const struct toolbar *t, uint64_t *seen, uint64_t *lost)
{
	*seen = *lost = 0;
	for (guint slot = 0; slot < t->stream->slots->len; slot++) {
		struct tap_stats s = { 0 };

		(void)tap_read_stats(t->tap, slot, &s);
		*seen += s.seen;
		*lost += s.lost_full + s.lost_long + s.lost_copy;
	}
	for (guint i = 0; i < t->stream->ports->len; i++)
		*lost += g_array_index(t->stream->ports, struct stream_port, i).lost_backlog;
}

static char *status(struct toolbar *t)
{
	gint64 now = g_get_monotonic_time();
	uint64_t seen, lost, rate;

	count(t, &seen, &lost);
	rate = (seen - t->seen) * G_USEC_PER_SEC / (uint64_t)MAX(1, now - t->seen_at);
	t->seen = seen;
	t->seen_at = now;
	return g_strdup_printf("XDP tap%s: %" PRIu64 " seen, %" PRIu64 " kept, %" PRIu64
			       " lost, %" PRIu64 "/s",
			       t->live.wanted.is_paused ? ", paused" : "", seen, t->stream->written,
			       lost, rate);
}

static gboolean on_tick(void *user)
{
	struct toolbar *t = user;
	g_autofree char *text = status(t);

	if (g_strcmp0(text, t->status) != 0 || ++t->quiet > QUIET_MAX) {
		if (control_send(t->control, CONTROL_FILTER, CONTROL_STATUSBAR, text)) {
			g_free(t->status);
			t->status = g_steal_pointer(&text);
			t->quiet = 0;
		}
	}
	send_lines(t);
	return G_SOURCE_CONTINUE;
}

struct toolbar *toolbar_new(struct control *control, const struct config *config)
{
	struct toolbar *t;

	if (!control)
		return NULL;
	t = g_new0(struct toolbar, 1);
	t->control = control;
	t->config = config;
	g_queue_init(&t->lines);
	log_listen(~G_LOG_LEVEL_DEBUG & G_LOG_LEVEL_MASK, on_line, t);
	return t;
}

void toolbar_start(struct toolbar *t, struct tap *tap, struct stream *stream)
{
	if (!t)
		return;
	t->tap = tap;
	t->stream = stream;
	t->seen_at = g_get_monotonic_time();
	/* The filter is the one that the capture has begun with: it has been compiled before. */
	(void)reconfigure_init(&t->live, t->config, tap, stream, NULL);
	if (t->control->in >= 0)
		t->control_source = g_unix_fd_add(t->control->in, G_IO_IN | G_IO_HUP, on_control,
						  t);
	t->tick_source = g_timeout_add(TICK_MS, on_tick, t);
}

static void remove_source(guint *id)
{
	if (*id)
		g_source_remove(*id);
	*id = 0;
}

void toolbar_stop(struct toolbar *t)
{
	if (!t)
		return;
	remove_source(&t->control_source);
	remove_source(&t->step_source);
	remove_source(&t->tick_source);
}

void toolbar_free(struct toolbar *t)
{
	if (!t)
		return;
	log_listen(0, NULL, NULL);
	toolbar_stop(t);
	send_lines(t);
	g_queue_clear_full(&t->lines, g_free);
	if (t->stream)
		reconfigure_done(&t->live);
	g_free(t->status);
	g_free(t);
}
