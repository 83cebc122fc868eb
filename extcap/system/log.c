/* SPDX-License-Identifier: MIT */
/* A GLib log writer that appends lines with time stamps to a file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "bpf/tap.h"
#include "extcap/system/error.h"
#include "extcap/system/host.h"
#include "extcap/system/log.h"
#include "extcap/system/path.h"

static struct {
	FILE *file; /* NULL: nowhere */
	GLogLevelFlags levels;
	GLogLevelFlags told_levels;
	log_fn fn;
	void *user;
} log_state;

static void write_text(const char *time, const char *text, bool is_kept, bool is_told)
{
	if (is_kept)
		fprintf(log_state.file, "%s %s\n", time, text);
	if (is_told)
		log_state.fn(log_state.user, time, text);
}

void log_listen(GLogLevelFlags levels, log_fn fn, void *user)
{
	log_state.told_levels = levels;
	log_state.fn = fn;
	log_state.user = user;
}

static GLogWriterOutput write_line(GLogLevelFlags level, const GLogField *fields, gsize n,
				   void *user)
{
	g_autoptr(GDateTime) now = NULL;
	g_autofree char *time = NULL;

	bool is_kept = log_state.file && level & log_state.levels;
	bool is_told = log_state.fn && level & log_state.told_levels;

	if (!is_kept && !is_told)
		return G_LOG_WRITER_HANDLED;
	now = g_date_time_new_now_utc();
	time = g_date_time_format(now, "%Y-%m-%dT%H:%M:%S.%fZ");
	for (gsize i = 0; i < n; i++)
		if (g_str_equal(fields[i].key, "MESSAGE"))
			write_text(time, fields[i].value, is_kept, is_told);
	return G_LOG_WRITER_HANDLED;
}

static void write_libbpf(const char *text)
{
	g_info("libbpf: %s", text);
}

void log_init(void)
{
	g_log_set_writer_func(write_line, NULL, NULL);
	tap_set_log(write_libbpf);
}

bool log_open(const char *path, enum log_level level, char **argv, GError **error)
{
	static const GLogLevelFlags worth[] = {
		[LOG_WARNING] = G_LOG_LEVEL_WARNING | G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_ERROR,
		[LOG_INFO] = G_LOG_LEVEL_INFO | G_LOG_LEVEL_MESSAGE,
		[LOG_DEBUG] = G_LOG_LEVEL_DEBUG,
	};
	g_autofree char *os = host_os(), *line = g_strjoinv(" ", argv);
	g_autofree char *versions = g_strdup(host_versions());
	int fd;

	if (!path)
		return true;
	for (unsigned int l = level; l <= LOG_WARNING; l++)
		log_state.levels |= worth[l];
	fd = path_open(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_CLOEXEC,
		       0666); /* O_NONBLOCK: a full FIFO or terminal loses lines and never blocks */
	log_state.file = fd >= 0 ? fdopen(fd, "a") : NULL;
	if (!log_state.file)
		return fail_errno(error, errno, "cannot open the log file \"%s\"", path);
	setvbuf(log_state.file, NULL, _IOLBF, 0);
	g_info("%s", line);
	g_strdelimit(g_strchomp(versions), "\n", ',');
	g_info("%s, %s", versions, os);
	return true;
}
