/* SPDX-License-Identifier: MIT */
/*
 * The life of a capture:
 *
 *	kernel                    bpf/                  extcap/               pcapng/
 *	hook, filter, ring  ->  tap_drain()  ->  on_frame(), stream  ->  writer  ->  output
 *
 * First the output is opened (Wireshark's FIFO before anything that can fail, because closing it
 * empty is how a failure is told; rotated files later), then the programs are put in place, all
 * privileges are given up, and the file's head is written. From there on everything happens in on_tap(),
 * until something calls stop(). Then the programs are taken off, what is still in the rings is written,
 * and the counters go behind it.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>

#include "bpf/tap.h"
#include "extcap/capture/attach.h"
#include "extcap/capture/capture.h"
#include "extcap/system/cleanup.h"
#include "extcap/system/error.h"
#include "extcap/net/link.h"
#include "extcap/capture/capture-ifaces.h"
#include "extcap/net/netns.h"
#include "extcap/sink/output.h"
#include "extcap/system/privileges.h"
#include "extcap/system/signals.h"
#include "extcap/sink/sink-files.h"
#include "extcap/system/gsource.h"
#include "extcap/capture/stream.h"
#include "extcap/wireshark/toolbar.h"

#define PROGRESS_MS  500
#define RETRY_MAX_MS 16	 /* between offers to a pipe whose reader does not read at all */
#define LAST_MS	     400 /* how long the reader of a pipe gets to take the rest at the end */

struct capture {
	const struct config *config;
	const struct capture_face *face;
	struct output output; /* not open: the sink opens files itself */
	struct capture_ifaces members;
	struct stream stream;
	struct sink *sink;  /* until the stream owns it */
	struct sink *files; /* the stream's sink, if that is files; else NULL */
	struct tap *tap;
	struct toolbar *toolbar;
	GMainLoop *loop;
	GSource *tap_source;
	GSource *output_source; /* NULL: not a pipe */
	void *output_poll;
	unsigned int retry_ms;
	GSource *files_source; /* NULL: nothing is due by time */
	GSource *links_source;
	int links_fd;
	bool is_orphaned;  /* no program of ours is in place any more */
	bool is_started;   /* the face knows that it runs */
	bool is_stopped;   /* a reason to end has come */
	bool is_signalled; /* it was a signal */
	bool is_full;	   /* it was --count: what comes behind is not part of the capture */
	int failure;	   /* -errno of the stream */
};

static void stop(struct capture *c)
{
	c->is_stopped = true;
	if (c->loop)
		g_main_loop_quit(c->loop);
}

/* After -a files:N there is no next file: that is an end, not a failure. */
static void stream_failed(struct capture *c, int err)
{
	if (err == -ESHUTDOWN)
		c->is_full = true;
	else if (!c->failure)
		c->failure = err;
	stop(c);
}

/* Whether a limit of -c or -a has been reached. */
static bool is_full(const struct capture *c)
{
	const struct config *config = c->config;
	uint64_t written = c->stream.written;

	return (config->count && written >= config->count) ||
	       (config->stop.packets && written >= config->stop.packets) ||
	       (config->stop.bytes && sink_bytes(c->stream.sink) >= config->stop.bytes);
}

static int on_frame(void *user, const struct tap_frame *frame)
{
	struct capture *c = user;
	int r = stream_write(&c->stream, frame);

	if (r < 0)
		stream_failed(c, r);
	else
		c->is_full = is_full(c);
	return r < 0 || c->is_full;
}

/*
 * Hands over what there is. What a full pipe did not take is offered again in a moment: to be woken for
 * every page that its reader takes would cost that reader, often on our CPU, a twentieth of its time.
 */
static void flush(struct capture *c)
{
	uint64_t before = c->output.written;
	int r = stream_flush(&c->stream);

	if (r < 0 && r != -EAGAIN)
		stream_failed(c, r);
	c->retry_ms = c->output.written > before ? 1 : MIN(c->retry_ms * 2, RETRY_MAX_MS);
	if (c->output_source)
		gsource_set_ms(c->output_source, r == -EAGAIN ? (int)c->retry_ms : -1);
}

static gboolean on_tap(void *user)
{
	struct capture *c = user;

	tap_drain(c->tap, on_frame, c);
	flush(c);
	tap_release(c->tap);
	if (c->is_full)
		stop(c);
	gsource_set_ms(c->tap_source, tap_wait_ms(c->tap));
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

/* A link has changed, or is gone. The capture goes on while one of our programs is left. */
static gboolean on_links(void *user)
{
	struct capture *c = user;

	if (link_watch_read(c->links_fd) && !capture_ifaces_look(&c->members, &c->stream)) {
		c->is_orphaned = true;
		stop(c);
	}
	return G_SOURCE_CONTINUE;
}

static struct sink_files_status files_status(const struct capture *c)
{
	const struct sink_files_status one = { .file = c->config->output, .timeout_ms = -1 };

	return c->files ? sink_files_status(c->files) : one;
}

/* The counters as they are now, for a function of the face. */
static void tell(struct capture *c, void (*fn)(const struct capture_status *status, void *user))
{
	guint n = c->stream.ports->len;
	g_autofree struct count *counts = g_new0(struct count, n);
	struct capture_status status = {
		.counts = counts,
		.n = n,
		.written = c->stream.written,
		.bytes = sink_bytes(c->stream.sink),
		.files = files_status(c),
	};

	for (guint i = 0; i < n; i++) {
		counts[i] = stream_count(&c->stream, i);
		status.lost += counts[i].accepted - counts[i].written;
	}
	if (fn)
		fn(&status, c->face->user);
}

static gboolean on_progress(void *user)
{
	struct capture *c = user;

	tell(c, c->face->progress);
	return G_SOURCE_CONTINUE;
}

/* What is due in the files by time is asked again after each turn. */
static void set_files_timer(struct capture *c)
{
	if (c->files_source)
		gsource_set_ms(c->files_source, sink_files_status(c->files).timeout_ms);
}

static gboolean on_files_time(void *user)
{
	struct capture *c = user;
	int r = sink_files_tick(c->files);

	if (r < 0 && r != -EAGAIN)
		stream_failed(c, r);
	set_files_timer(c);
	return G_SOURCE_CONTINUE;
}

/* The first file is told of when all is in place. */
static void on_file(void *user, const struct pcapng_files_event *event)
{
	struct capture *c = user;
	const struct capture_face *face = c->face;

	if (event->what == PCAPNG_FILES_OPENED && c->files)
		set_files_timer(c);
	if (event->what == PCAPNG_FILES_OPENED && c->is_started && face->begun)
		face->begun(event->path, face->user);
	if (event->what == PCAPNG_FILES_FINISHED && face->finished)
		face->finished(event->path, face->user);
}

static gboolean on_end(void *user)
{
	stop(user);
	return G_SOURCE_CONTINUE;
}

static gboolean on_signal(void *user)
{
	((struct capture *)user)->is_signalled = true;
	return on_end(user);
}

static gboolean on_hangup(void *user)
{
	struct capture *c = user;
	int r;

	if (!c->files || !limits_rotate(&c->config->rotate))
		return on_signal(user);
	r = sink_files_rotate(c->files);
	if (r < 0 && r != -EAGAIN)
		stream_failed(c, r);
	return G_SOURCE_CONTINUE;
}

static gboolean on_question(void *user)
{
	struct capture *c = user;

	if (c->is_started)
		tell(c, c->face->asked);
	return G_SOURCE_CONTINUE;
}

static void watch_signals(struct capture *c)
{
	signal(SIGPIPE, SIG_IGN); /* the reader's end shows as EPIPE */
	signal(SIGXFSZ, SIG_IGN); /* a limit on the size of files shows as EFBIG */
	signals_add(SIGINT, on_signal, c);
	signals_add(SIGTERM, on_signal, c);
	signals_add(SIGHUP, on_hangup, c);
	signals_add(SIGUSR1, on_question, c);
	if (c->face->is_child && !signals_end_with_parent())
		stop(c);
}

static void read_slot(void *user, unsigned int slot, struct tap_stats *ret)
{
	struct capture *c = user;

	(void)tap_read_stats(c->tap, slot, ret);
}

/* Where blocks go. A file of --user's belongs to that user, so this comes after becoming it. */
static bool open_sink(struct capture *c, const struct pcapng_section *section, GError **error)
{
	bool is_output = c->output.fd >= 0 || c->config->format == FORMAT_PCAP;

	c->sink = is_output ? sink_output_new(c->config, section, &c->output, error)
			    : sink_files_new(c->config, section, on_file, c, error);
	c->files = is_output ? NULL : c->sink;
	return c->sink;
}

/* From here on nothing is opened or attached but what is said here. */
static bool drop_privileges(struct capture *c, GError **error)
{
	const struct config *config = c->config;
	const struct privileges_need need = {
		.is_pipe = c->output.is_pipe,
		.makes_files = sink_files_are_late(config) || config->stats_file,
		.runs_commands = config->post_rotate,
		.paths = { sink_files_are_late(config) ? config->output : NULL, config->stats_file,
			   config->rotate.print_name },
		.asks_netlink = tap_asks_netlink(c->tap),
		.detaches_tc = tap_needs_netlink(c->tap),
		.replaces_filters = c->toolbar,
	};
	return privileges_drop(&need, error);
}

/* Tells the stream what was learned of machine and interfaces. */
static bool begin_stream(struct capture *c, const struct stream_section *section, GError **error)
{
	stream_init(&c->stream, g_steal_pointer(&c->sink), read_slot, c);
	return capture_ifaces_describe(&c->members, section->os, &c->stream, error);
}

/* Opens the sink and gives up privileges, in the order that this sink requires. */
static bool open_and_drop(struct capture *c, const struct pcapng_section *section, GError **error)
{
	bool is_late = sink_files_are_late(c->config);

	return (!c->config->user || privileges_become(c->config->user, error)) &&
	       (is_late || open_sink(c, section, error)) && drop_privileges(c, error) &&
	       (!is_late || open_sink(c, section, error));
}

/* All that can go wrong before the first byte is written. */
static bool prepare(struct capture *c, GError **error)
{
	const struct config *config = c->config;
	_cleanup_(stream_section_done) struct stream_section section = { 0 };

	if (config->netns && !netns_enter(config->netns, error))
		return false;
	c->links_fd = link_watch_open(); /* before we look which there are */
	if (!attach_prepare(&c->tap, config, error) ||
	    !capture_ifaces_attach(&c->members, c->tap, error))
		return false;
	stream_section_init(&section);
	return open_and_drop(c, &section.section, error) && begin_stream(c, &section, error);
}

static void add_sources(struct capture *c)
{
	if (c->output.is_pipe) {
		c->output_source = gsource_add(on_output, c);
		c->output_poll = g_source_add_unix_fd(c->output_source, c->output.fd, G_IO_ERR);
	}
	c->tap_source = gsource_add(on_tap, c);
	g_source_add_unix_fd(c->tap_source, tap_fd(c->tap), G_IO_IN);
	g_source_set_ready_time(c->tap_source, 0);
	if (c->links_fd >= 0) {
		c->links_source = gsource_add(on_links, c);
		g_source_add_unix_fd(c->links_source, c->links_fd, G_IO_IN);
	}
	if (c->files) {
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
}

/* The main loop, from the file's head to a reason to stop. */
static void run(struct capture *c)
{
	uint64_t end_ns = c->config->stop.duration_ns;
	guint progress = c->face->progress ? g_timeout_add(PROGRESS_MS, on_progress, c) : 0;
	guint end = end_ns ? g_timeout_add((guint)MIN(end_ns / 1000000, G_MAXUINT), on_end, c) : 0;

	c->loop = g_main_loop_new(NULL, false);
	add_sources(c);
	toolbar_start(c->toolbar, c->tap, &c->stream);
	flush(c);
	if (!c->is_stopped)
		g_main_loop_run(c->loop);
	g_clear_handle_id(&progress, g_source_remove);
	g_clear_handle_id(&end, g_source_remove);
	remove_sources(c);
	toolbar_stop(c->toolbar);
	g_clear_pointer(&c->loop, g_main_loop_unref);
}

/* Gives the reader of a pipe a moment to take what is left; a file takes it at once. */
static int end_stream(struct capture *c)
{
	gint64 end = g_get_monotonic_time() + LAST_MS * 1000;
	int r;

	while ((r = stream_end(&c->stream)) == -EAGAIN) {
		gint64 left_ms = (end - g_get_monotonic_time()) / 1000;

		if (left_ms <= 0 || !output_wait(&c->output, (int)left_ms))
			break;
	}
	return r;
}

/* Takes the programs off, writes what they left behind and the counters. */
static void finish(struct capture *c)
{
	int r = 0;

	privileges_raise();
	tap_detach(c->tap);
	privileges_lower();
	if (!c->is_full && !c->failure)
		tap_drain_rest(c->tap, on_frame, c);
	c->stream.is_failed = c->failure;
	if (!c->failure)
		r = end_stream(c);
	if (r < 0 && r != -EAGAIN)
		stream_failed(c, r);
	c->stream.is_failed = c->failure;
	if (r < 0 || c->failure)
		stream_salvage(&c->stream);
	stream_log_counts(&c->stream);
	tell(c, c->face->ended);
}

void capture_refuse(const struct config *config, struct control *control)
{
	const bool is_cancelled = false;

	signal(SIGPIPE, SIG_IGN);
	output_refuse(config->output);
	control_linger(control, &is_cancelled);
}

/* Whether the capture ended as the user wanted; else the sentence. */
static bool explain_end(const struct capture *c, GError **error)
{
	if (c->failure)
		return stream_explain(&c->stream, c->failure, error);
	if (c->is_orphaned)
		return fail(error, "%s; what came before is complete", c->members.loss);
	return true;
}

static void start(struct capture *c)
{
	const struct capture_face *face = c->face;

	c->is_started = true;
	if (face->started)
		face->started(c->config, face->user);
	if (face->begun)
		face->begun(files_status(c).file, face->user);
}

/* A pipe is opened first, a file only when all else is in place. */
static bool open_output(struct capture *c, GError **error)
{
	if (!sink_files_are_late(c->config) &&
	    !output_open(&c->output, c->config->output, &c->is_stopped, error))
		return false;
	return c->output.fd >= 0 || c->is_stopped || sink_files_check(c->config, error);
}

static void capture_done(struct capture *c)
{
	capture_ifaces_done(&c->members);
	close_fdp(&c->links_fd);
	tap_free(c->tap);
	stream_done(&c->stream);
	sink_free(c->sink);
}

bool capture_run(const struct config *config, const struct capture_face *face, GError **error)
{
	struct capture c = {
		.config = config,
		.face = face,
		.output = OUTPUT_CLOSED,
		.retry_ms = 1,
		.links_fd = -1,
		.toolbar = toolbar_new(face->control, config),
	};
	bool ok;

	capture_ifaces_init(&c.members, config);
	watch_signals(&c);
	ok = open_output(&c, error);
	if (ok && !c.is_stopped) {
		ok = prepare(&c, error);
		if (ok) {
			start(&c);
			run(&c);
			finish(&c);
			ok = explain_end(&c, error);
		}
	}
	toolbar_free(c.toolbar);
	capture_done(&c);
	ok = output_close(&c.output, ok ? error : NULL) && ok;
	control_linger(face->control, &c.is_signalled);
	return ok;
}
