/* SPDX-License-Identifier: MIT */
/*
 * The life of a capture:
 *
 *	kernel                    bpf/                  extcap/               pcapng/
 *	hook, filter, ring  ->  tap_drain()  ->  on_frame(), stream  ->  writer  ->  output
 *
 * First the output is opened (Wireshark's FIFO before anything that can fail, because closing it
 * empty is how a failure is told), then the programs are put in place, then the file's head is
 * written. From there on everything happens in on_tap(), until something calls stop(). Then the
 * programs are taken off, what is still in the rings is written, and the counters go behind it.
 */
#include <errno.h>
#include <glib-unix.h>
#include <inttypes.h>
#include <net/if_arp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "bpf/tap.h"
#include "extcap/attach.h"
#include "extcap/capture.h"
#include "extcap/cleanup.h"
#include "extcap/error.h"
#include "extcap/iface.h"
#include "extcap/netns.h"
#include "extcap/output.h"
#include "extcap/promisc.h"
#include "extcap/stream.h"
#include "extcap/toolbar.h"

#define PROGRESS_MS  500
#define RETRY_MAX_MS 16	 /* between offers to a pipe whose reader does not read at all */
#define LAST_MS	     400 /* how long the reader of a pipe gets to take the rest at the end */

struct capture {
	const struct config *config;
	const struct capture_face *face;
	struct output output;
	struct stream stream;
	struct tap *tap;
	struct toolbar *toolbar;
	GMainLoop *loop;
	GSource *tap_source;
	GSource *output_source; /* NULL: a file */
	void *output_poll;
	unsigned int retry_ms;
	GSource *links_source;
	int links_fd;
	int promisc_fd;
	const char *deleted; /* the interface whose end ended the capture, borrowed from its port */
	bool is_stopped;     /* a reason to end has come */
	bool is_signalled;   /* it was a signal */
	bool is_full;	     /* it was --count: what comes behind is not part of the capture */
	int failure;	     /* -errno of the stream */
};

static void stop(struct capture *c)
{
	c->is_stopped = true;
	if (c->loop)
		g_main_loop_quit(c->loop);
}

static gboolean on_signal(void *user)
{
	struct capture *c = user;

	g_debug("stopped by a signal");
	c->is_signalled = true;
	stop(c);
	return G_SOURCE_CONTINUE;
}

static void stream_failed(struct capture *c, int err)
{
	if (!c->failure)
		c->failure = err;
	stop(c);
}

static int on_frame(void *user, const struct tap_frame *frame)
{
	struct capture *c = user;
	int r = stream_write(&c->stream, frame);

	if (r < 0)
		stream_failed(c, r);
	else if (c->config->count && c->stream.written >= c->config->count)
		c->is_full = true;
	return r < 0 || c->is_full;
}

/*
 * Hands over what there is. What a full pipe did not take is offered again in a moment: to be woken for
 * every page that its reader takes would cost that reader, often on our CPU, a twentieth of its time.
 */
static void flush(struct capture *c)
{
	uint64_t before = c->output.taken;
	int r = stream_flush(&c->stream);

	if (r < 0 && r != -EAGAIN)
		stream_failed(c, r);
	c->retry_ms = c->output.taken > before ? 1 : MIN(c->retry_ms * 2, RETRY_MAX_MS);
	if (c->output_source)
		g_source_set_ready_time(c->output_source,
					r == -EAGAIN ? g_get_monotonic_time() + c->retry_ms * 1000
						     : -1);
}

static gboolean on_tap(void *user)
{
	struct capture *c = user;
	int wait_ms;

	tap_drain(c->tap, on_frame, c);
	flush(c);
	tap_release(c->tap);
	if (c->is_full)
		stop(c);
	wait_ms = tap_wait_ms(c->tap);
	g_source_set_ready_time(c->tap_source,
				wait_ms < 0 ? -1 : g_get_monotonic_time() + wait_ms * 1000);
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

/* A link is gone. The capture goes on while one of ours is left. */
static gboolean on_links(void *user)
{
	struct capture *c = user;
	const char *gone = NULL;
	guint left = 0;

	if (!iface_watch_read(c->links_fd))
		return G_SOURCE_CONTINUE;
	for (guint slot = 0; slot < c->stream.slots->len; slot++) {
		if (tap_is_attached(c->tap, slot))
			left++;
		else
			gone = stream_slot_name(&c->stream, slot);
	}
	if (gone)
		g_warning("interface %s was deleted, %u left", gone, left);
	if (!left) {
		c->deleted = gone;
		stop(c);
	}
	return G_SOURCE_CONTINUE;
}

static gboolean on_progress(void *user)
{
	struct capture *c = user;

	c->face->progress(c->stream.written, c->face->user);
	return G_SOURCE_CONTINUE;
}

static gboolean dispatch(GSource *source, GSourceFunc callback, void *user)
{
	return callback(user);
}

/* A source without a type of its own: ready when its descriptor is, or its time has come. */
static GSource *add_source(GSourceFunc callback, void *user)
{
	static GSourceFuncs funcs = { .dispatch = dispatch };
	GSource *source = g_source_new(&funcs, sizeof(GSource));

	g_source_set_callback(source, callback, user, NULL);
	g_source_attach(source, NULL);
	g_source_unref(source); /* the main context has it until it is destroyed */
	return source;
}

/* Wireshark, when killed, does not end its children: without this an idle capture would stay. */
static void die_with_parent(struct capture *c)
{
	pid_t parent = getppid();

	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		stop(c);
}

static void watch_signals(struct capture *c)
{
	signal(SIGPIPE, SIG_IGN); /* the reader's end shows as EPIPE */
	g_unix_signal_add(SIGINT, on_signal, c);
	g_unix_signal_add(SIGTERM, on_signal, c);
	g_unix_signal_add(SIGHUP, on_signal, c);
	if (c->face->is_child)
		die_with_parent(c);
}

/* Without it only frames for this machine come, which is no reason not to capture. */
static void make_promiscuous(struct capture *c, unsigned int ifindex)
{
	if (c->promisc_fd < 0)
		c->promisc_fd = promisc_open();
	if (c->promisc_fd < 0 || !promisc_add(c->promisc_fd, ifindex))
		g_warning("no promiscuous mode: %s", g_strerror(errno));
}

static bool add_interface(struct capture *c, const struct iface *i, GError **error)
{
	struct stream_interface description = {
		.iface = i,
		.snaplen = (uint32_t)c->config->snaplen,
		.filter = c->config->filter,
	};
	g_autofree char *how = NULL;

	if (stream_has(&c->stream, i->name))
		return fail_usage(error, "interface \"%s\" is given twice", i->name);
	how = attach(c->tap, c->config, i, &description.n_slots, error);
	description.comment = how;
	if (how && !c->config->is_not_promiscuous && i->type != ARPHRD_LOOPBACK)
		make_promiscuous(c, i->index);
	return how && stream_add(&c->stream, &description, error);
}

/* "any": what is up now, with an interface of its own in the file for each. */
static bool add_all(struct capture *c, GError **error)
{
	g_autoptr(GPtrArray) list = iface_list(error);
	guint n = 0;

	for (guint k = 0; list && k < list->len; k++) {
		const struct iface *i = list->pdata[k];

		if (!i->is_up || iface_linktype(i) < 0 || stream_has(&c->stream, i->name))
			continue;
		if (!add_interface(c, i, error))
			return false;
		n++;
	}
	return n || (list && fail(error, "no interface is up"));
}

static bool add_named(struct capture *c, const char *name, GError **error)
{
	_cleanup_(iface_freep) struct iface *i = NULL;

	if (g_str_equal(name, IFACE_ANY))
		return add_all(c, error);
	i = iface_find(name, error);
	return i && add_interface(c, i, error);
}

/* All that can go wrong before the first byte is written. */
static bool prepare(struct capture *c, GError **error)
{
	const struct config *config = c->config;

	if (config->netns && !netns_enter(config->netns, error))
		return false;
	c->links_fd = iface_watch_open(); /* before we look which there are */
	if (!attach_prepare(&c->tap, config, error) || !stream_init(&c->stream, &c->output, error))
		return false;
	for (guint n = 0; n < config->interfaces->len; n++)
		if (!add_named(c, config->interfaces->pdata[n], error))
			return false;
	return output_begin(&c->output, error);
}

/* The main loop, from the file's head to a reason to stop. */
static void run(struct capture *c)
{
	guint progress = c->face->progress ? g_timeout_add(PROGRESS_MS, on_progress, c) : 0;

	c->loop = g_main_loop_new(NULL, false);
	if (c->output.is_pipe) {
		c->output_source = add_source(on_output, c);
		c->output_poll = g_source_add_unix_fd(c->output_source, c->output.fd, G_IO_ERR);
	}
	c->tap_source = add_source(on_tap, c);
	g_source_add_unix_fd(c->tap_source, tap_fd(c->tap), G_IO_IN);
	g_source_set_ready_time(c->tap_source, 0);
	if (c->links_fd >= 0) {
		c->links_source = add_source(on_links, c);
		g_source_add_unix_fd(c->links_source, c->links_fd, G_IO_IN);
	}
	toolbar_start(c->toolbar, c->tap, &c->stream);
	flush(c);
	if (!c->is_stopped)
		g_main_loop_run(c->loop);
	if (progress)
		g_source_remove(progress);
	toolbar_stop(c->toolbar);
	g_clear_pointer(&c->tap_source, g_source_destroy);
	g_clear_pointer(&c->output_source, g_source_destroy);
	g_clear_pointer(&c->links_source, g_source_destroy);
	g_clear_pointer(&c->loop, g_main_loop_unref);
}

/* Gives the reader of a pipe a moment to take what is left; a file takes it at once. */
static int flush_rest(struct capture *c)
{
	gint64 end = g_get_monotonic_time() + LAST_MS * 1000;
	int r;

	while ((r = stream_flush(&c->stream)) == -EAGAIN) {
		gint64 left_ms = (end - g_get_monotonic_time()) / 1000;

		if (left_ms <= 0 || !output_wait(&c->output, (int)left_ms))
			break;
	}
	return r;
}

/* Adds the counters of a slot to those of its port. */
static void add_stats(struct capture *c, guint slot, struct tap_stats *sum)
{
	struct tap_stats s = { 0 };

	(void)tap_read_stats(c->tap, slot, &s);
	sum->seen += s.seen;
	sum->accepted += s.accepted;
	sum->lost_full += s.lost_full;
	sum->lost_long += s.lost_long;
	sum->lost_copy += s.lost_copy;
	sum->taken += s.taken;
}

/*
 * The counters of a port when the capture ends. With --count it ends with the last frame written:
 * what the programs still took after that is not part of it.
 */
static struct tap_stats sum_stats(struct capture *c, guint number)
{
	struct tap_stats sum = { 0 };
	uint64_t behind;

	for (guint slot = 0; slot < c->stream.slots->len; slot++)
		if (g_array_index(c->stream.slots, guint, slot) == number)
			add_stats(c, slot, &sum);
	behind = sum.accepted - sum.lost_full - sum.lost_long - sum.lost_copy - sum.taken;
	if (c->is_full) {
		sum.seen -= behind;
		sum.accepted -= behind;
	}
	return sum;
}

static struct capture_count count_of(const struct stream_port *p, const struct tap_stats *stats)
{
	return (struct capture_count){
		.name = p->name,
		.seen = stats->seen,
		.accepted = stats->accepted,
		.written = p->written,
		.lost_ring = stats->lost_full,
		.lost_copy = stats->lost_long + stats->lost_copy,
		.lost_backlog = p->lost_backlog,
	};
}

/* Takes the programs off, writes what they left behind and the counters. */
static void finish(struct capture *c)
{
	guint n = c->stream.ports->len;
	g_autofree struct capture_count *counts = g_new0(struct capture_count, n);
	struct tap_stats stats;
	int r = 0;

	tap_detach(c->tap);
	if (!c->is_full && !c->failure)
		tap_drain_rest(c->tap, on_frame, c);
	if (c->failure && !c->output.is_pipe)
		stream_cut(&c->stream);
	for (guint i = 0; i < n; i++) {
		stats = sum_stats(c, i);
		counts[i] = count_of(&g_array_index(c->stream.ports, struct stream_port, i),
				     &stats);
		g_info("%s: seen %" PRIu64 ", accepted %" PRIu64 ", written %" PRIu64,
		       counts[i].name, stats.seen, stats.accepted, counts[i].written);
		if (!c->failure && r == 0)
			r = stream_write_stats(&c->stream, i, &stats);
	}
	if (!c->failure && r == 0)
		r = flush_rest(c);
	if (r < 0 && r != -EAGAIN)
		stream_failed(c, r);
	if (c->face->finished)
		c->face->finished(counts, n, c->face->user);
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
	if (c->deleted)
		return fail(error, "interface \"%s\" was deleted; what came before is complete",
			    c->deleted);
	return true;
}

bool capture_run(const struct config *config, const struct capture_face *face, GError **error)
{
	struct capture c = {
		.config = config,
		.face = face,
		.output = OUTPUT_CLOSED,
		.retry_ms = 1,
		.links_fd = -1,
		.promisc_fd = -1,
		.toolbar = toolbar_new(face->control, config),
	};
	bool ok;

	watch_signals(&c);
	ok = output_open(&c.output, config->output, &c.is_stopped, error);
	if (ok && c.output.fd >= 0) {
		ok = prepare(&c, error);
		if (ok && face->started)
			face->started(config, face->user);
		if (ok) {
			run(&c);
			finish(&c);
			ok = explain_end(&c, error);
		}
	}
	toolbar_free(c.toolbar);
	close_fdp(&c.promisc_fd);
	close_fdp(&c.links_fd);
	tap_free(c.tap);
	stream_done(&c.stream);
	ok = output_close(&c.output, ok ? error : NULL) && ok;
	control_linger(face->control, &c.is_signalled);
	return ok;
}
