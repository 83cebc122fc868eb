/* SPDX-License-Identifier: MIT */
/*
 * What each control does. Nothing here can hold up the capture: reads from Wireshark are bounded,
 * what Wireshark does not read is dropped, and a change is made in steps, between which the rings are
 * drained.
 *
 * The options that a capture was started with override what the toolbar still shows from an earlier
 * one: Wireshark sends the latter before CONTROL_INITIALIZED.
 */
#include <glib-unix.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "extcap/capture/capture.h"
#include "extcap/system/log.h"
#include "extcap/wireshark/toolbar.h"

/*
 * Wireshark flashes its status bar at each message and clears it after nine seconds, so a message is
 * sent only for news: a change of the counters every five seconds, a loss or a pause at once.
 */
#define STATUS_US 4950000 /* between updates of the status bar; progress comes twice a second */
#define URGENT_US 950000  /* if frames were lost or the capture was paused or resumed */
#define LINES_MAX 200	  /* log lines that wait for Wireshark; the oldest are dropped */

enum {
	CONTROL_FILTER,
	CONTROL_DIRECTION,
	CONTROL_PAUSE,
	CONTROL_LOG,
};

struct toolbar {
	struct control *control;
	const struct config *config;
	struct reconfigure *reconfigure; /* NULL: the capture does not run */
	bool is_ready;			 /* Wireshark has sent its initial values */
	GQueue lines;			 /* of char *: log lines not sent yet */
	guint control_source;		 /* 0: none */
	char *status;			 /* as last sent; NULL: none yet */
	bool was_paused;		 /* the rest: when the status was last sent */
	uint64_t lost;
	uint64_t seen;
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
	       "{placeholder=Capture filter}{tooltip=Change the capture filter of the "
	       "running capture (pcap-filter syntax)}\n",
	       CONTROL_FILTER);
	printf("control {number=%d}{type=selector}{display=Direction}{tooltip=%s}\n",
	       CONTROL_DIRECTION, o->help);
	for (uint64_t i = 0; o->choices[i].value; i++)
		printf("value {control=%d}{value=%s}{display=%s}%s\n", CONTROL_DIRECTION,
		       o->choices[i].value, o->choices[i].display,
		       i == o->fallback ? "{default=true}" : "");
	printf("control {number=%d}{type=boolean}{display=Pause}{default=false}{tooltip=Pause the "
	       "capture; frames are still counted as seen}\n",
	       CONTROL_PAUSE);
	printf("control {number=%d}{type=button}{role=logger}{display=Log}{tooltip=Show the "
	       "log of this capture}\n",
	       CONTROL_LOG);
}

static void on_failed(void *user, const char *message)
{
	struct toolbar *t = user;

	(void)control_send(t->control, CONTROL_FILTER, CONTROL_WARNING, message);
}

static void set_direction(struct toolbar *t, const char *value)
{
	const struct option *o = find_option("direction");

	for (uint64_t i = 0; o->choices[i].value; i++)
		if (g_str_equal(o->choices[i].value, value))
			reconfigure_set_direction(t->reconfigure, (enum direction)i);
}

/* A value set before the capture began applies unless the capture's own options override it. */
static void on_set(struct toolbar *t, const struct control_message *m)
{
	g_autofree char *text = g_strndup((const char *)m->payload, m->len);

	switch (m->number) {
	case CONTROL_FILTER:
		if (t->is_ready || !t->config->filter)
			reconfigure_set_filter(t->reconfigure, text);
		break;
	case CONTROL_DIRECTION:
		if (t->is_ready || t->config->direction == find_option("direction")->fallback)
			set_direction(t, text);
		break;
	case CONTROL_PAUSE:
		/* A pause left over from an earlier capture does not apply to this one. */
		if (t->is_ready && m->len == 1)
			reconfigure_set_paused(t->reconfigure, m->payload[0]);
		break;
	}
}

/* Sets the controls to the values in effect. */
static void show(struct toolbar *t)
{
	const struct reconfigure_state *s = &t->reconfigure->wanted;

	(void)control_send(t->control, CONTROL_FILTER, CONTROL_SET,
			   reconfigure_expression(t->reconfigure));
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

static char *status_text(struct toolbar *t, const struct capture_status *status)
{
	gint64 now = g_get_monotonic_time();
	uint64_t seen = 0, rate;

	for (unsigned int i = 0; i < status->n; i++)
		seen += status->counts[i].seen;
	rate = (seen - MIN(seen, t->seen)) * G_USEC_PER_SEC / (uint64_t)MAX(1, now - t->seen_at);
	t->seen = seen;
	t->seen_at = now;
	return g_strdup_printf("XDP tap%s: %" PRIu64 " seen, %" PRIu64 " kept, %" PRIu64
			       " lost, %" PRIu64 "/s",
			       t->reconfigure->wanted.is_paused ? ", paused" : "", seen,
			       status->written, status->lost, rate);
}

static bool is_due(const struct toolbar *t, const struct capture_status *status)
{
	bool is_urgent = !t->status || status->lost != t->lost ||
			 t->reconfigure->wanted.is_paused != t->was_paused;

	return g_get_monotonic_time() - t->seen_at >= (is_urgent ? URGENT_US : STATUS_US);
}

/* Called twice a second. */
static void on_progress(const struct capture_status *status, void *user)
{
	struct toolbar *t = user;
	g_autofree char *text = NULL;

	send_lines(t);
	if (!is_due(t, status))
		return;
	text = status_text(t, status);
	if (g_strcmp0(text, t->status) != 0 &&
	    control_send(t->control, CONTROL_FILTER, CONTROL_STATUSBAR, text)) {
		g_free(t->status);
		t->status = g_steal_pointer(&text);
		t->lost = status->lost;
		t->was_paused = t->reconfigure->wanted.is_paused;
	}
}

static void on_started(const GPtrArray *names G_GNUC_UNUSED, struct reconfigure *reconfigure,
		       void *user)
{
	struct toolbar *t = user;

	t->reconfigure = reconfigure;
	reconfigure_listen(reconfigure, on_failed, t);
	t->seen_at = g_get_monotonic_time();
	if (t->control->in >= 0)
		t->control_source = g_unix_fd_add(t->control->in, G_IO_IN | G_IO_HUP, on_control,
						  t);
}

/* The capture is over: no more changes. */
static void on_ended(const struct capture_status *status G_GNUC_UNUSED, void *user)
{
	struct toolbar *t = user;

	g_clear_handle_id(&t->control_source, g_source_remove);
	t->reconfigure = NULL;
}

/* Sends the last log lines before Wireshark sees the end of the capture. */
static void on_closing(void *user)
{
	struct toolbar *t = user;

	log_listen(0, NULL, NULL);
	send_lines(t);
}

static void on_closed(const unsigned int *n_signals, void *user)
{
	struct toolbar *t = user;

	control_linger(t->control, n_signals);
}

bool toolbar_run(struct control *control, const struct config *config, GError **error)
{
	struct toolbar t = { .control = control, .config = config };
	struct capture_front_end front_end = { .is_child = true };
	bool ok;

	if (!control)
		return capture_run(config, &front_end, error);
	g_queue_init(&t.lines);
	log_listen(~G_LOG_LEVEL_DEBUG & G_LOG_LEVEL_MASK, on_line, &t);
	front_end = (struct capture_front_end){
		.is_child = true,
		.reconfigures = true,
		.started = on_started,
		.progress = on_progress,
		.ended = on_ended,
		.closing = on_closing,
		.closed = on_closed,
		.user = &t,
	};
	ok = capture_run(config, &front_end, error);
	g_queue_clear_full(&t.lines, g_free);
	g_free(t.status);
	return ok;
}
