/* SPDX-License-Identifier: MIT */
/* While the disk is waited for, the main loop runs: signals are heard, and the front end is told. */
#include <errno.h>
#include <inttypes.h>

#include "extcap/capture/ending.h"
#include "extcap/system/error.h"
#include "extcap/system/gsource.h"

#define READER_MS  400	   /* for the reader of a pipe to read the rest */
#define DUMPCAP_US 5000000 /* for dumpcap, as long as it reads */
#define LOOK_US	   1000	   /* between two looks at the pipe */
#define DISK_MS	   50	   /* between two looks at the queue */
#define FULL_US	   1000000 /* for somebody to make room on a disk that is full */
#define TELL_US	   200000
/* One ^C may arrive twice, from the terminal and from a parent: that is no second one. */
#define DEAF_US 500000

/*
 * Wireshark stops dumpcap as soon as we are gone, and what dumpcap has not read by then is lost: the counters,
 * and on a busy machine frames. Nothing but the number tells that a pipe is empty.
 */
static void await_dumpcap(const struct output *o)
{
	gint64 now = g_get_monotonic_time(), last = now + DUMPCAP_US, end = now + READER_MS * 1000;
	int before = output_unread(o), unread = before;

	while (unread > 0 && now < end && now < last) {
		g_usleep(LOOK_US);
		now = g_get_monotonic_time();
		unread = output_unread(o);
		if (unread < before)
			end = now + READER_MS * 1000;
		before = unread;
	}
}

static int end_pipe(const struct ending *e)
{
	gint64 end = g_get_monotonic_time() + READER_MS * 1000;
	int r;

	while ((r = stream_end(e->stream)) == -EAGAIN) {
		gint64 left_ms = (end - g_get_monotonic_time()) / 1000;

		if (left_ms <= 0 || !output_wait(e->output, (int)left_ms))
			break;
	}
	if (e->front_end->is_child)
		await_dumpcap(e->output);
	return r;
}

static gboolean wake_up(void *user G_GNUC_UNUSED)
{
	return G_SOURCE_CONTINUE;
}

/* What a wait for the disk remembers. */
struct wait {
	gint64 since, told; /* microseconds */
	gint64 moved;	    /* when the disk was not full */
	unsigned int n_signals;
};

/* False: a signal, or a disk that stays full, ended the wait. */
static bool wait_for_disk(const struct ending *e, struct wait *w, bool is_full)
{
	gint64 now;

	g_main_context_iteration(NULL, true);
	now = g_get_monotonic_time();
	if (!is_full)
		w->moved = now;
	if (now - w->since < DEAF_US)
		w->n_signals = *e->n_signals;
	if (e->front_end->waiting && now - w->told >= TELL_US) {
		e->front_end->waiting(sink_queue(e->stream->sink).now, e->front_end->user);
		w->told = now;
	}
	return *e->n_signals == w->n_signals && now - w->moved < FULL_US;
}

/* Before the sink is freed: the kernel may hold the thread that writes, and us with it, for long. */
static void tell_given_up(struct stream *s)
{
	stream_salvage(s);
	g_warning("stopped waiting for the disk: %" PRIu64 " frames were not written", s->given_up);
}

static int end_file(const struct ending *e)
{
	guint timer = g_timeout_add(DISK_MS, wake_up, NULL);
	gint64 now = g_get_monotonic_time();
	struct wait w = { now, now, now, *e->n_signals };
	int r;

	/* A queue has copies of all frames. The rings may be larger, and the disk may take long. */
	if (sink_queue(e->stream->sink).size)
		tap_free_rings(e->stream->tap);
	do
		r = stream_end(e->stream);
	while (sink_is_busy(r) && wait_for_disk(e, &w, r == -EAGAIN));
	g_source_remove(timer);
	if (sink_is_busy(r))
		sink_give_up(e->stream->sink);
	if (r != -ENOBUFS)
		return r;
	tell_given_up(e->stream);
	return -ECANCELED;
}

int ending_run(const struct ending *e)
{
	return e->output->is_pipe ? end_pipe(e) : end_file(e);
}

void ending_log_counts(const struct stream *s)
{
	for (guint i = 0; i < s->ifaces->len; i++) {
		struct count c = stream_count(s, i);

		g_info("%s: seen %" PRIu64 ", accepted %" PRIu64 ", written %" PRIu64
		       ", lost %" PRIu64 " (ring %" PRIu64 ", copy %" PRIu64 ", invalid %" PRIu64
		       ", queue %" PRIu64 ", output %" PRIu64 ")",
		       c.name, c.seen, c.accepted, c.written, count_lost(&c), c.lost_ring,
		       c.lost_copy, c.lost_invalid, c.lost_queue, c.lost_backlog);
	}
}

/* A disk that failed may also lose what it took: only a sync tells. */
static bool explain_disk(const struct stream *s, int err, GError **error)
{
	uint64_t synced = sink_synced(s->sink);

	if (synced)
		return fail_errno(
			error, -err,
			"cannot write the capture (%s); the disk may not have what was written "
			"after packet %" PRIu64 ", the last that was synced",
			sink_error(s->sink), synced);
	return fail_errno(error, -err,
			  "cannot write the capture (%s); the disk may not have all of what was "
			  "written before",
			  sink_error(s->sink));
}

bool ending_explain(const struct stream *s, int err, GError **error)
{
	if (err == -EPIPE || err == -ECONNRESET)
		return true;
	if (err == -ECANCELED)
		return fail(error,
			    "the end of the capture is missing: %" PRIu64
			    " frames were not written",
			    s->given_up);
	if (err == -ENOSPC || err == -EDQUOT)
		return fail(error, "the disk is full: the capture was stopped, what was written "
				   "before is complete");
	if (err != -EFBIG && err != -ENOMEM)
		return explain_disk(s, err, error);
	return fail_errno(error, -err,
			  "cannot write the capture (%s); what was written before is complete",
			  sink_error(s->sink));
}
