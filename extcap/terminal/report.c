/* SPDX-License-Identifier: MIT */
/* The running count overwrites one line; everything else goes above it. */
#include <inttypes.h>
#include <sys/ioctl.h>
#include <time.h>
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

void report_started(struct report *r, const struct config *config)
{
	r->rotate = &config->rotate;
	for (guint n = 0; n < config->interfaces->len; n++)
		report_line(r, "Capturing on '%s'", (char *)config->interfaces->pdata[n]);
}

static uint64_t clock_ns(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void report_file(struct report *r, const char *path)
{
	r->begun_ns = clock_ns(CLOCK_BOOTTIME); /* counts suspend, as the duration of a file does */
	report_line(r, "File: %s", path);
}

static unsigned int terminal_width(void)
{
	struct winsize w = { 0 };

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 1 ? w.ws_col - 1 : 79;
}

/* Until the file ends by time; UINT64_MAX: it does not. */
static uint64_t left_ns(const struct report *r)
{
	uint64_t age = clock_ns(CLOCK_BOOTTIME) - r->begun_ns, left = UINT64_MAX;

	if (r->rotate->duration_ns)
		left = r->rotate->duration_ns - MIN(age, r->rotate->duration_ns);
	if (r->rotate->interval_ns)
		left = MIN(left, r->rotate->interval_ns -
					 clock_ns(CLOCK_REALTIME) % r->rotate->interval_ns);
	return left;
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

void report_progress(struct report *r, const struct capture_status *status)
{
	g_autoptr(GString) line = g_string_new(NULL);
	g_autofree char *size = g_format_size(status->bytes);
	uint64_t left = left_ns(r);
	unsigned int len;

	g_string_printf(line, "Packets: %" PRIu64 " (%.0f/s), dropped: %" PRIu64 ", file: %s",
			status->written, rate(r, status), status->lost, size);
	if (status->files.n_finished)
		g_string_append_printf(line, " of %" PRIu64 ".", status->files.n_finished + 1);
	if (left != UINT64_MAX)
		append_time(line, left);
	g_string_truncate(line, MIN(line->len, terminal_width()));
	len = (unsigned int)line->len;
	for (g_string_prepend_c(line, '\r'); line->len <= r->column;)
		g_string_append_c(line, ' ');
	console_print(line->str, 0);
	r->column = len;
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
				       "/invalid:%" PRIu64 "/output:%" PRIu64 ") (%.1f%%)\n",
				       name, c->written, count_lost(c), c->lost_ring, c->lost_copy,
				       c->lost_invalid, c->lost_backlog,
				       c->accepted
					       ? 100.0 * (double)c->written / (double)c->accepted
					       : 100.0);
	}
	console_print(text->str, wait_ms);
}
