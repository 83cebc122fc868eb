/* SPDX-License-Identifier: MIT */
/* Follows a capture: messages, systemd, counters and commands. */
#include <inttypes.h>
#include <signal.h>
#include <unistd.h>

#include "extcap/capture/capture.h"
#include "extcap/capture/filter.h"
#include "extcap/config/conflicts.h"
#include "extcap/system/error.h"
#include "extcap/system/log.h"
#include "extcap/system/signals.h"
#include "extcap/terminal/console.h"
#include "extcap/terminal/notify.h"
#include "extcap/terminal/postrotate.h"
#include "extcap/system/privileges.h"
#include "extcap/terminal/report.h"
#include "extcap/terminal/ssh.h"
#include "extcap/terminal/standalone.h"
#include "extcap/terminal/stats-file.h"

#define EXTEND_US "30000000" /* from each sign of progress */
#define STATS_US  5000000    /* between two writes of the counters */

struct standalone {
	const struct config *config;
	struct report report;
	struct notify notify;
	struct postrotate postrotate;
	struct command *command;
	uint64_t queued; /* that waited for the disk at the end, when last looked */
	gint64 stats_us; /* time of the last write of the counters */
};

static void end_capture(void)
{
	signals_raise(SIGTERM);
}

static void on_started(const GPtrArray *names, struct reconfigure *reconfigure G_GNUC_UNUSED,
		       void *user)
{
	struct standalone *s = user;

	report_started(&s->report, names);
	notify_send(&s->notify, "READY=1");
	command_start(s->command, end_capture);
}

static void on_begun(const char *path, void *user)
{
	struct standalone *s = user;

	report_file(&s->report, path);
}

static void on_finished(const char *path, void *user)
{
	struct standalone *s = user;

	postrotate_add(&s->postrotate, path);
}

/* What the user must know during the capture. */
static void on_warning(void *user, const char *time G_GNUC_UNUSED, const char *text)
{
	struct standalone *s = user;

	report_line(&s->report, "xdptap: %s", text);
}

static void on_command_failed(void *user G_GNUC_UNUSED, const char *path, const char *why)
{
	g_warning("--post-rotate for \"%s\": %s", path, why);
}

static void write_stats(struct standalone *s, const struct capture_status *status, bool is_running)
{
	g_autoptr(GError) error = NULL;

	if (s->config->stats_file &&
	    !stats_file_write(s->config->stats_file, status, is_running, &error))
		report_line(&s->report, "xdptap: %s", error->message);
}

static void tell_manager(const struct notify *n, const struct capture_status *status)
{
	g_autofree char *text = g_strdup_printf("STATUS=Packets: %" PRIu64 ", dropped: %" PRIu64
						", file: %s%s",
						status->written, status->lost, status->files.file,
						n->has_watchdog ? "\nWATCHDOG=1" : "");

	notify_send(n, text);
}

static void on_progress(const struct capture_status *status, void *user)
{
	struct standalone *s = user;
	gint64 now = g_get_monotonic_time();

	if (s->report.is_counting)
		report_progress(&s->report, status);
	tell_manager(&s->notify, status);
	if (now - s->stats_us < STATS_US)
		return;
	write_stats(s, status, true);
	s->stats_us = now;
}

static void on_asked(const struct capture_status *status, void *user)
{
	struct standalone *s = user;

	report_counts(&s->report, status, 0);
}

/* systemd's time to stop starts anew while the disk makes progress. */
static void on_waiting(uint64_t queued, void *user)
{
	struct standalone *s = user;

	if (queued < s->queued || !s->queued)
		notify_send(&s->notify, "STOPPING=1\nEXTEND_TIMEOUT_USEC=" EXTEND_US);
	s->queued = queued;
	if (s->report.is_counting)
		report_waiting(&s->report, queued);
}

static void on_ended(const struct capture_status *status, void *user)
{
	struct standalone *s = user;

	notify_send(&s->notify, "STOPPING=1");
	report_counts(&s->report, status, CONSOLE_PATIENCE_MS);
	write_stats(s, status, false);
}

/* Waits for the last file's command. */
static void on_closed(const unsigned int *n_signals, void *user)
{
	struct standalone *s = user;

	command_wait(s->command, n_signals);
	postrotate_wait(&s->postrotate, n_signals);
}

bool standalone_check(const struct config *config, GError **error)
{
	if (!config->interfaces->len)
		return fail_usage(error, "which interface? Use -i IF; -D lists them");
	if (!config->output)
		return fail_usage(error, "where to? Use -w FILE, or -w - for standard output");
	if (config->linktype && !filter_knows_dlt(config->linktype))
		return fail_usage(error,
				  "unknown data link type \"%s\"; -L lists those of an interface",
				  config->linktype);
	if (config->user && !privileges_check_user(config->user, error))
		return false;
	if (config->stats_file && !stats_file_check(config->stats_file, error))
		return false;
	return conflicts_check(config, OPTION_CLI, error);
}

/* A capture that nobody watches does not wake up twice a second. */
static bool is_followed(const struct standalone *s)
{
	return s->report.is_counting || s->notify.fd >= 0 || s->config->stats_file;
}

static void warn_of_ssh(struct standalone *s)
{
	g_autofree char *text = ssh_warning(s->config);

	if (text)
		report_line(&s->report, "xdptap: %s", text);
}

bool standalone_run(const struct config *config, struct command *command, GError **error)
{
	struct standalone s = {
		.config = config,
		.command = command,
		.report.is_counting = !config->quiet && isatty(STDERR_FILENO),
		.postrotate = { .failed = on_command_failed, .user = &s },
	};
	struct capture_front_end front_end = {
		.started = on_started,
		.begun = on_begun,
		.finished = on_finished,
		.asked = on_asked,
		.waiting = on_waiting,
		.ended = on_ended,
		.closed = on_closed,
		.user = &s,
	};
	bool ok;

	if (!postrotate_init(&s.postrotate, config->post_rotate, error))
		return false;
	log_listen(G_LOG_LEVEL_WARNING, on_warning, &s);
	warn_of_ssh(&s);
	notify_open(&s.notify);
	if (is_followed(&s))
		front_end.progress = on_progress;
	ok = capture_run(config, &front_end, error);
	postrotate_done(&s.postrotate);
	log_listen(0, NULL, NULL);
	notify_close(&s.notify);
	return ok;
}
