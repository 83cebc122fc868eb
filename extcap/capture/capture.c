/* SPDX-License-Identifier: MIT */
/*
 * The life of a capture:
 *
 *	kernel                    bpf/                  extcap/               pcapng/
 *	hook, filter, ring  ->  tap_drain()  ->  on_frames(), stream ->  writer  ->  output
 *
 * The output opens first (Wireshark's FIFO before anything that can fail, because closing it empty
 * reports the failure; rotated files later). Then the programs attach, the process gives up its
 * privileges, and the section header is written. From there on everything happens in on_tap(), until
 * something calls stop(). Then the programs detach, the rings are emptied, and the counters follow.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>

#include "bpf/tap.h"
#include "extcap/capture/attach.h"
#include "extcap/capture/capture.h"
#include "extcap/system/cleanup.h"
#include "extcap/system/error.h"
#include "extcap/capture/capture-ifaces.h"
#include "extcap/capture/ending.h"
#include "extcap/capture/ifaces/silence.h"
#include "extcap/capture/rings.h"
#include "extcap/net/netns.h"
#include "extcap/net/nic/restore.h"
#include "extcap/sink/destination.h"
#include "extcap/sink/section.h"
#include "extcap/system/privileges.h"
#include "extcap/system/signals.h"
#include "extcap/system/gsource.h"
#include "extcap/capture/stream.h"

#define PROGRESS_MS  500
#define RETRY_MAX_MS 16 /* between writes to a pipe whose reader does not read */

struct capture {
	const struct config *config;
	const struct capture_front_end *front_end;
	struct filter *filter; /* compiled once, for all who need it */
	struct destination destination;
	struct capture_ifaces ifaces;
	struct silence *silence;
	struct stream stream;
	struct tap *tap;
	struct reconfigure reconfigure; /* zero: the front end changes nothing */
	GMainLoop *loop;		/* NULL: not running */
	GSource *tap_source;
	GSource *output_source; /* NULL: not a pipe */
	void *output_poll;
	unsigned int retry_ms;
	GSource *files_source; /* NULL: nothing is due by time */
	GSource *links_source;
	GSource *end_source;	/* NULL: no -a duration: */
	bool is_orphaned;	/* no program of ours is in place any more */
	bool is_started;	/* the front end knows that it runs */
	bool is_stopped;	/* there is a reason to end */
	unsigned int n_signals; /* that asked for the end */
	bool is_full;		/* by -c or -a: later frames are not part of the capture */
	int failure;		/* -errno of the stream */
};

static void stop(struct capture *c)
{
	c->is_stopped = true;
	if (c->loop)
		g_main_loop_quit(c->loop);
}

/* No next file after -a files:N is an end, not a failure. */
static void stream_failed(struct capture *c, int err)
{
	if (err == -ESHUTDOWN)
		c->is_full = true;
	else if (!c->failure)
		c->failure = err;
	stop(c);
}

/* How many frames, at least, the limits of -c and -a allow: 0: one has been reached. */
static uint64_t frames_left(const struct capture *c)
{
	const struct config *config = c->config;
	uint64_t left = UINT64_MAX, written = c->stream.written;

	if (config->count)
		left = config->count - written;
	if (config->stop.packets)
		left = MIN(left, config->stop.packets - written);
	if (config->stop.bytes)
		left = MIN(left, sink_bytes(c->stream.sink) < config->stop.bytes);
	return left;
}

/* Each frame is accounted for, whatever has ended the capture. */
static int write_frames(void *user, const struct tap_frame *frames, size_t n)
{
	struct capture *c = user;
	const struct tap_frame *f = frames, *end = frames + n;

	while (f < end && !c->failure && !c->is_full) {
		ssize_t r = stream_write(&c->stream, f, MIN((uint64_t)(end - f), frames_left(c)));

		f += r < 0 ? 1 : r;
		if (r < 0)
			stream_failed(c, (int)r);
		else
			c->is_full = !frames_left(c);
	}
	for (; f < end; f++)
		(c->failure ? stream_lose : stream_leave_out)(&c->stream, f);
	return c->failure || c->is_full;
}

static int on_frames(void *user, const struct tap_frame *frames, size_t n)
{
	return write_frames(user, frames,
			    stream_hold(&((struct capture *)user)->stream, frames, n));
}

/* When something is due in the files is asked again after each iteration. */
static void set_files_timer(struct capture *c)
{
	if (c->files_source)
		gsource_set_ms(c->files_source, sink_files_status(c->destination.files).timeout_ms);
}

/*
 * What a full pipe did not accept is offered again in a moment: a wake-up for every page that the
 * reader reads would cost it, often on our CPU, a twentieth of its time.
 */
static void flushed(struct capture *c, uint64_t before, int r)
{
	if (r < 0 && !sink_is_busy(r))
		stream_failed(c, r);
	c->retry_ms = c->destination.output.written > before ? 1
							     : MIN(c->retry_ms * 2, RETRY_MAX_MS);
	if (c->output_source)
		gsource_set_ms(c->output_source, r == -EAGAIN ? (int)c->retry_ms : -1);
	set_files_timer(c);
}

static void flush(struct capture *c)
{
	uint64_t before = c->destination.output.written;

	flushed(c, before, stream_flush(&c->stream));
}

static gboolean on_tap(void *user)
{
	struct capture *c = user;

	secrets_release(c->stream.secrets, c->stream.sink, c->tap, false, write_frames, c);
	tap_drain(c->tap, on_frames, c);
	flush(c);
	tap_release(c->tap);
	rings_add(c->tap);
	if (c->is_full)
		stop(c);
	gsource_set_ms(c->tap_source, secrets_wait_ms(c->stream.secrets, tap_wait_ms(c->tap)));
	return G_SOURCE_CONTINUE;
}

static gboolean on_output(void *user)
{
	struct capture *c = user;

	if (g_source_query_unix_fd(c->output_source, c->output_poll) & G_IO_ERR)
		stream_failed(c, -EPIPE);
	else
		flush(c);
	return G_SOURCE_CONTINUE;
}

/* Links have changed. The capture continues while one of our programs is attached, or may be again. */
static gboolean on_links(void *user)
{
	struct capture *c = user;

	if (!capture_ifaces_follow(&c->ifaces, &c->stream, &c->reconfigure)) {
		c->is_orphaned = true;
		stop(c);
	}
	gsource_set_ms(c->links_source, capture_ifaces_wait_ms(&c->ifaces));
	return G_SOURCE_CONTINUE;
}

/* Passes the present counters to a function of the front end. */
static void tell(struct capture *c, void (*fn)(const struct capture_status *status, void *user))
{
	guint n = c->stream.ifaces->len;
	g_autofree struct count *counts = g_new0(struct count, n);
	struct capture_status status = {
		.counts = counts,
		.n = n,
		.bytes = sink_bytes(c->stream.sink),
		.files = destination_status(&c->destination),
		.queue = sink_queue(c->stream.sink),
	};

	if (!fn)
		return;
	for (guint i = 0; i < n; i++) {
		counts[i] = stream_count(&c->stream, i);
		status.written += counts[i].written;
		status.lost += count_lost(&counts[i]);
	}
	fn(&status, c->front_end->user);
}

static gboolean on_progress(void *user)
{
	struct capture *c = user;

	tell(c, c->front_end->progress);
	return G_SOURCE_CONTINUE;
}

static gboolean on_files_time(void *user)
{
	struct capture *c = user;
	int r = sink_files_tick(c->destination.files);

	if (r < 0 && !sink_is_busy(r))
		stream_failed(c, r);
	set_files_timer(c);
	return G_SOURCE_CONTINUE;
}

/* start() reports the first file. */
static void on_file(void *user, const struct pcapng_files_event *event)
{
	struct capture *c = user;

	if (event->what == PCAPNG_FILES_OPENED && c->destination.files)
		set_files_timer(c);
	if (event->what == PCAPNG_FILES_OPENED && c->is_started)
		front_end_begun(c->front_end, event->path);
	if (event->what == PCAPNG_FILES_FINISHED)
		front_end_finished(c->front_end, event->path);
}

static gboolean on_end(void *user)
{
	stop(user);
	return G_SOURCE_CONTINUE;
}

static gboolean on_signal(void *user)
{
	((struct capture *)user)->n_signals++;
	return on_end(user);
}

static gboolean on_hangup(void *user)
{
	struct capture *c = user;
	int r;

	if (!c->loop || !c->destination.files || !limits_rotate(&c->config->rotate))
		return on_signal(user);
	r = sink_files_rotate(c->destination.files);
	if (r < 0 && !sink_is_busy(r))
		stream_failed(c, r);
	return G_SOURCE_CONTINUE;
}

static gboolean on_question(void *user)
{
	struct capture *c = user;

	if (c->loop)
		tell(c, c->front_end->asked);
	return G_SOURCE_CONTINUE;
}

/* Writes what is buffered, as tcpdump does on this signal. */
static gboolean on_flush(void *user)
{
	struct capture *c = user;

	if (c->loop)
		flushed(c, c->destination.output.written, sink_push(c->stream.sink));
	return G_SOURCE_CONTINUE;
}

static void watch_signals(struct capture *c)
{
	static const struct signals_handler handlers[] = {
		{ SIGINT, on_signal },	  { SIGTERM, on_signal }, { SIGHUP, on_hangup },
		{ SIGUSR1, on_question }, { SIGUSR2, on_flush },
	};

	signal(SIGPIPE, SIG_IGN); /* shows as EPIPE: the reader is gone */
	signal(SIGXFSZ, SIG_IGN); /* shows as EFBIG: the file may not grow */
	signals_watch(handlers, G_N_ELEMENTS(handlers), c);
	if (c->front_end->is_child && !signals_end_with_parent())
		stop(c);
}

/* From here on the process opens and attaches nothing but what this says. */
static bool drop_privileges(struct capture *c, GError **error)
{
	const struct config *config = c->config;
	const struct privileges_need need = {
		.is_pipe = c->destination.output.is_pipe,
		.reads_files = config->tls_keylog,
		.makes_files = destination_is_late(&c->destination) || config->stats_file,
		.runs_commands = config->post_rotate,
		.paths = { destination_is_late(&c->destination) ? config->output : NULL,
			   config->stats_file, config->rotate.print_name },
		.asks_netlink = tap_asks_netlink(c->tap) || owners_are_wanted(config),
		.detaches_tc = tap_needs_netlink(c->tap),
		.replaces_filters = c->front_end->reconfigures || attach_is_any(config),
		.adds_rings = tap_can_lack_rings(c->tap),
	};
	return privileges_drop(&need, error);
}

/* Describes the machine and the interfaces to the stream. */
static bool begin_stream(struct capture *c, const struct section *section, GError **error)
{
	stream_init(&c->stream, g_steal_pointer(&c->destination.sink), c->tap);
	reconfigure_init(&c->reconfigure, c->config, c->filter, c->tap, &c->stream);
	return capture_ifaces_describe(&c->ifaces, section->os, &c->stream, error);
}

/* Opens the sink and gives up privileges, in the order that this sink requires. */
static bool open_and_drop(struct capture *c, const struct pcapng_section *section, GError **error)
{
	struct destination *d = &c->destination;
	bool is_late = destination_is_late(d);

	return (!c->config->user || privileges_become(c->config->user, error)) &&
	       secrets_open(c->stream.secrets, c->config, error) &&
	       (is_late || destination_open(d, section, on_file, c, error)) &&
	       drop_privileges(c, error) &&
	       (!is_late || destination_open(d, section, on_file, c, error));
}

/* Everything that can fail before the first byte is written. */
static bool prepare(struct capture *c, GError **error)
{
	const struct config *config = c->config;
	_cleanup_(section_done) struct section section = { 0 };

	if (config->netns && !netns_enter(config->netns, error))
		return false;
	if (!rings_prepare(&c->tap, config, error) ||
	    !capture_ifaces_attach(&c->ifaces, c->filter, c->tap, error))
		return false;
	c->silence = silence_new();
	section_init(&section);
	return open_and_drop(c, &section.section, error) && begin_stream(c, &section, error);
}

static void add_sources(struct capture *c)
{
	if (c->destination.output.is_pipe) {
		c->output_source = gsource_add(on_output, c);
		c->output_poll = g_source_add_unix_fd(c->output_source, c->destination.output.fd,
						      G_IO_ERR);
	}
	c->tap_source = gsource_add_reader(on_tap, c, tap_fd(c->tap));
	gsource_set_ms(c->tap_source, 0);
	c->links_source = gsource_add_reader(on_links, c, c->ifaces.links_fd);
	gsource_set_ms(c->links_source, 0);
	if (c->config->stop.duration_ns) {
		c->end_source = gsource_add(on_end, c);
		gsource_set_ms(c->end_source, (gint64)(c->config->stop.duration_ns / 1000000));
	}
	if (c->destination.files) {
		c->files_source = gsource_add(on_files_time, c);
		set_files_timer(c);
	}
}

static void remove_sources(struct capture *c)
{
	g_clear_pointer(&c->tap_source, g_source_destroy);
	g_clear_pointer(&c->output_source, g_source_destroy);
	g_clear_pointer(&c->links_source, g_source_destroy);
	g_clear_pointer(&c->files_source, g_source_destroy);
	g_clear_pointer(&c->end_source, g_source_destroy);
}

/* The main loop, from the file's head to a reason to stop. */
static void run(struct capture *c)
{
	guint progress = c->front_end->progress ? g_timeout_add(PROGRESS_MS, on_progress, c) : 0;

	c->loop = g_main_loop_new(NULL, false);
	add_sources(c);
	silence_watch(c->silence, &c->stream);
	flush(c);
	if (!c->is_stopped)
		g_main_loop_run(c->loop);
	g_clear_handle_id(&progress, g_source_remove);
	g_clear_pointer(&c->silence, silence_end);
	remove_sources(c);
	reconfigure_stop(&c->reconfigure);
	g_clear_pointer(&c->loop, g_main_loop_unref);
}

/* Gives back the interfaces, before anything waits for a disk; then writes what is left, and the counters. */
static void finish(struct capture *c)
{
	const struct ending ending = { &c->stream, &c->destination.output, &c->n_signals,
				       c->front_end };
	int r = 0;

	privileges_raise();
	tap_detach(c->tap);
	privileges_lower();
	restore_finish();
	capture_ifaces_release(&c->ifaces);
	secrets_release(c->stream.secrets, c->stream.sink, c->tap, true, write_frames, c);
	tap_drain_rest(c->tap, write_frames, c);
	if (!c->failure)
		r = ending_run(&ending);
	if (r < 0 && r != -EAGAIN)
		stream_failed(c, r);
	if (r < 0 || c->failure)
		stream_salvage(&c->stream);
	ending_log_counts(&c->stream);
	tell(c, c->front_end->ended);
}

/* Whether the capture ended as the user wanted; else sets *error. */
static bool explain_end(const struct capture *c, GError **error)
{
	if (c->is_orphaned && !c->failure)
		return fail(error, "%s; what came before is complete", c->ifaces.loss);
	return !c->failure || ending_explain(&c->stream, c->failure, error);
}

static void start(struct capture *c)
{
	c->is_started = true;
	front_end_started(c->front_end, c->ifaces.names, &c->reconfigure);
	front_end_begun(c->front_end, destination_status(&c->destination).file);
}

static void capture_done(struct capture *c)
{
	capture_ifaces_done(&c->ifaces);
	silence_end(c->silence);
	reconfigure_done(&c->reconfigure);
	tap_free(c->tap);
	stream_done(&c->stream);
	filter_unref(c->filter);
}

/* Wireshark learns of a bad filter as of any other failure: its FIFO closes. */
static bool begin(struct capture *c, GError **error)
{
	c->filter = filter_await(c->config->filter, &c->is_stopped, error);
	if (c->filter)
		return destination_open_pipe(&c->destination, &c->is_stopped, error);
	if (c->is_stopped)
		return true;
	if (c->front_end->is_child)
		destination_refuse(&c->destination);
	return false;
}

bool capture_run(const struct config *config, const struct capture_front_end *front_end,
		 GError **error)
{
	struct capture c = {
		.config = config,
		.front_end = front_end,
		.retry_ms = 1,
		.stream = { .secrets = secrets_new(config), .owners = owners_new(config) },
	};
	bool ok;

	destination_init(&c.destination, config, front_end->reconfigures);
	capture_ifaces_init(&c.ifaces, config);
	watch_signals(&c);
	ok = begin(&c, error);
	if (ok && !c.is_stopped && (ok = prepare(&c, error))) {
		start(&c);
		run(&c);
		finish(&c);
		ok = explain_end(&c, error);
	}
	front_end_closing(front_end);
	capture_done(&c);
	ok = destination_close(&c.destination, ok ? error : NULL) && ok;
	front_end_closed(front_end, &c.n_signals);
	signals_unwatch(front_end->is_child);
	return ok;
}
