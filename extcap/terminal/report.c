/* SPDX-License-Identifier: MIT */
/* The running count overwrites one line; everything else goes above it. */
#include <inttypes.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "extcap/terminal/console.h"
#include "extcap/terminal/report.h"

static void clear_line(struct report *r, GString *to)
{
	if (r->column)
		g_string_append_printf(to, "\r%*s\r", (int)r->column, "");
	r->column = 0;
}

void report_line(struct report *r, const char *format, ...)
{
	g_autoptr(GString) line = g_string_new(NULL);
	g_autofree char *text = NULL, *safe = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	safe = console_text(text);
	clear_line(r, line);
	g_string_append_printf(line, "%s\n", safe);
	console_print(line->str, 0);
}

void report_started(struct report *r, const GPtrArray *names)
{
	for (guint n = 0; n < names->len; n++)
		report_line(r, "Capturing on '%s'", (char *)names->pdata[n]);
}

void report_file(struct report *r, const char *path)
{
	report_line(r, "File: %s", path);
}

static unsigned int terminal_width(void)
{
	struct winsize w = { 0 };

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 1 ? w.ws_col - 1 : 79;
}

static void append_time(GString *line, uint64_t ns)
{
	uint64_t s = ns / 1000000000 + (ns % 1000000000 > 0);

	g_string_append(line, ", next file in ");
	if (s >= 86400)
		g_string_append_printf(line, "%" PRIu64 "d ", s / 86400);
	if (s >= 3600)
		g_string_append_printf(line, "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64, s / 3600 % 24,
				       s / 60 % 60, s % 60);
	else
		g_string_append_printf(line, "%" PRIu64 ":%02" PRIu64, s / 60, s % 60);
}

static double rate(struct report *r, const struct capture_status *status)
{
	gint64 now = g_get_monotonic_time(), since = r->last_us;
	uint64_t more = status->written - r->last_written;

	r->last_us = now;
	r->last_written = status->written;
	return since && now > since ? (double)more * 1e6 / (double)(now - since) : 0;
}

/* Replaces the running count. */
static void show(struct report *r, GString *line)
{
	unsigned int len;

	g_string_truncate(line, MIN(line->len, terminal_width()));
	len = (unsigned int)line->len;
	for (g_string_prepend_c(line, '\r'); line->len <= r->column;)
		g_string_append_c(line, ' ');
	console_print(line->str, 0);
	r->column = len;
}

void report_waiting(struct report *r, uint64_t queued)
{
	g_autoptr(GString) line = g_string_new(NULL);
	g_autofree char *size = g_format_size(queued);

	g_string_printf(line, "Writing %s to the disk; interrupt again to give up", size);
	show(r, line);
}

void report_progress(struct report *r, const struct capture_status *status)
{
	g_autoptr(GString) line = g_string_new(NULL);
	g_autofree char *size = g_format_size(status->bytes);

	g_string_printf(line, "Packets: %" PRIu64 " (%.0f/s), dropped: %" PRIu64 ", file: %s",
			status->written, rate(r, status), status->lost, size);
	if (status->files.n_finished)
		g_string_append_printf(line, " of %" PRIu64 ".", status->files.n_finished + 1);
	if (status->files.left_ns != UINT64_MAX)
		append_time(line, status->files.left_ns);
	show(r, line);
}

/* How close it was. */
static void append_queue(GString *text, const struct sink_queue *q)
{
	g_autofree char *peak = g_format_size(q->peak), *size = g_format_size(q->size);

	if (q->size)
		g_string_append_printf(text, "Queue for the disk: at most %s of %s\n", peak, size);
}

void report_counts(struct report *r, const struct capture_status *status, int wait_ms)
{
	g_autoptr(GString) text = g_string_new(NULL);

	clear_line(r, text);
	g_string_append_printf(text, "Packets captured: %" PRIu64 "\n", status->written);
	for (unsigned int i = 0; i < status->n; i++) {
		const struct count *c = &status->counts[i];
		g_autofree char *name = console_text(c->name);

		g_string_append_printf(text,
				       "Packets received/dropped on interface '%s': %" PRIu64
				       "/%" PRIu64 " (ring:%" PRIu64 "/copy:%" PRIu64
				       "/invalid:%" PRIu64 "/queue:%" PRIu64 "/output:%" PRIu64
				       ") (%.1f%%)\n",
				       name, c->written, count_lost(c), c->lost_ring, c->lost_copy,
				       c->lost_invalid, c->lost_queue, c->lost_backlog,
				       c->accepted
					       ? 100.0 * (double)c->written / (double)c->accepted
					       : 100.0);
	}
	append_queue(text, &status->queue);
	console_print(text->str, wait_ms);
}
