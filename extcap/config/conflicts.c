/* SPDX-License-Identifier: MIT */
/*
 * Tables of rules: a condition, and the error message if it is met. An option with its default value counts
 * as not given.
 */
#include <string.h>
#include <sys/stat.h>

#include "bpf/tap.h"
#include "extcap/config/conflicts.h"
#include "extcap/system/error.h"
#include "extcap/system/log.h"

struct rule {
	unsigned int front_ends;
	bool is_wrong;
	const char *why;
};

static bool apply(const struct rule *rules, size_t n, unsigned int front_end, GError **error)
{
	for (size_t i = 0; i < n; i++)
		if (rules[i].is_wrong && rules[i].front_ends & front_end)
			return fail_usage(error, "%s", rules[i].why);
	return true;
}

/* Options of the capture points, and those of both front ends. */
static bool check_points(const struct config *c, unsigned int front_end, GError **error)
{
	const char *choice = options_point(c);
	const struct point *received = point_choose(choice, false);
	bool is_out = c->direction == DIRECTION_OUT, has_mode = c->mode != TAP_MODE_AUTO;
	bool is_adapter = c->time_stamp_type == TIME_STAMP_ADAPTER;
	bool has_side = c->at != POINT_AT_BOTH || c->filter_at != POINT_AT_ENTRY;
	bool is_chosen = c->pids->len || c->process_names->len || c->uids->len || c->cgroup ||
			 c->unit;
	bool has_drops = c->has_drops || received->sees_drops;
	const struct rule rules[] = {
		{ OPTION_CLI, is_out && (has_mode || is_adapter),
		  "--mode and --time-stamp-type are for received frames, and --direction is out" },
		{ OPTION_CLI, is_out && (c->verdicts || c->program || has_side),
		  "--verdict, --program, --at and --filter-at are for received frames, and "
		  "--direction is out" },
		{ OPTION_BOTH, has_mode && (c->verdicts || c->program || !received->has_modes),
		  "--mode requires --point xdp or auto, without --verdict and --program" },
		{ OPTION_BOTH, has_side && choice && !received->traces_program,
		  "--at and --filter-at require --point trace or auto" },
		{ OPTION_BOTH, received->sees_drops && (c->verdicts || c->program || is_adapter),
		  "--verdict, --program and --time-stamp-type are not for --point drop" },
		{ OPTION_BOTH, c->has_drops && received->sees_drops,
		  "--with-drops adds drops to frames, and --point drop captures drops alone" },
		{ OPTION_BOTH, (c->reasons || c->not_reasons) && !has_drops,
		  "--reason and --not-reason require --point drop or --with-drops" },
		{ OPTION_BOTH, c->reasons && c->not_reasons,
		  "--reason and --not-reason: use one of them" },
		{ OPTION_BOTH, has_drops && c->format == FORMAT_PCAP,
		  "drops need --format pcapng: pcap has no place for their reasons" },
		{ OPTION_CLI, c->filter_at != POINT_AT_ENTRY && !c->filter,
		  "--filter-at requires a filter; add -f EXPR" },
		{ OPTION_BOTH, c->tls_keylog && c->format == FORMAT_PCAP,
		  "--tls-keylog needs --format pcapng: pcap files have no place for secrets" },
		{ OPTION_BOTH, c->has_process && c->format == FORMAT_PCAP,
		  "--process needs --format pcapng: pcap files have no place for processes" },
		{ OPTION_BOTH, c->has_process && received->sees_drops,
		  "--process is not for --point drop" },
		{ OPTION_CLI,
		  is_chosen && (has_drops || c->verdicts || c->program || received->traces_program),
		  "--pid, --process-name, --uid, --unit and --cgroup require --point xdp, tc or "
		  "auto, without tracing and drops" },
		{ OPTION_CLI, c->cgroup && c->unit, "--cgroup and --unit: use one of them" },
		{ OPTION_CLI, c->unit && strchr(c->unit, '/'),
		  "--unit requires the name of a systemd unit; for a path there is --cgroup" },
		{ OPTION_CLI, c->has_children && !c->pids->len && !c->process_names->len,
		  "--children requires --pid or --process-name" },
		{ OPTION_BOTH, c->log_level != LOG_WARNING && !c->log_file,
		  "--log-level requires --log-file" },
	};

	if (received->sees_drops && c->direction != DIRECTION_BOTH)
		return fail_usage(error, "--point drop captures both directions; omit --direction");
	if (front_end == OPTION_CLI && is_out && choice &&
	    !g_str_equal(point_choose(choice, true)->choice, choice))
		return fail_usage(error,
				  "--point %s captures received frames only; omit --direction",
				  choice);
	return apply(rules, G_N_ELEMENTS(rules), front_end, error);
}

/* Options that require rotation, or that rotation rules out. */
static bool check_rotation(const struct config *c, GError **error)
{
	bool rotates = limits_rotate(&c->rotate);
	const struct rule rules[] = {
		{ OPTION_CLI, c->rotate.is_given && !rotates,
		  "when does a new file begin? -b needs one of filesize:, duration:, interval: and "
		  "packets:" },
		{ OPTION_CLI,
		  !rotates && (c->keep_bytes || c->keep_age_ns || c->keep_free.bytes ||
			       c->keep_free.percent || c->file_name),
		  "--total-size, --max-age, --min-free and --file-name are for files that follow "
		  "each other: use -b, too" },
		{ OPTION_CLI, !rotates && c->stop.files,
		  "-a files: counts files that follow each other: use -b, too" },
		{ OPTION_CLI, !rotates && c->disk_full == DISK_FULL_PRUNE,
		  "--disk-full prune deletes files that follow each other: use -b, too" },
		{ OPTION_CLI, rotates && c->stop.bytes,
		  "-a filesize: is the size of one file, and -b writes many: use -a files: or "
		  "packets:" },
		{ OPTION_CLI, c->file_name && c->rotate.name_order,
		  "--file-name and -b nametimenum: both name the files: use one of them" },
	};

	return apply(rules, G_N_ELEMENTS(rules), OPTION_CLI, error);
}

/* Options that require a file, or the pcapng format. */
static bool check_output(const struct config *c, GError **error)
{
	bool is_file = limits_rotate(&c->rotate) || c->compression || c->disk_full || c->sync_ns ||
		       c->queue_bytes || c->direct_io;
	bool is_stdout = g_str_equal(c->output, "-");
	struct stat st;
	bool exists = !is_stdout && stat(c->output, &st) == 0;
	const struct rule rules[] = {
		{ OPTION_CLI, is_file && is_stdout,
		  "-b, -C, --compress, --direct-io, --disk-full and --sync need a file, and -w - "
		  "is standard output" },
		{ OPTION_CLI, is_stdout && (c->post_rotate || c->is_for_group),
		  "--post-rotate and -g need a file, and -w - is standard output" },
		{ OPTION_CLI, (is_file || c->post_rotate) && c->format == FORMAT_PCAP,
		  "-b, -C, --compress, --direct-io, --disk-full, --sync and --post-rotate need "
		  "--format pcapng" },
		{ OPTION_CLI, c->direct_io && c->compression,
		  "--direct-io is not for compressed files: omit it" },
	};

	if (exists && c->post_rotate && S_ISFIFO(st.st_mode))
		return fail_usage(error, "--post-rotate needs a file, and \"%s\" is a FIFO",
				  c->output);
	if (exists && c->is_for_group && !S_ISREG(st.st_mode) && !limits_rotate(&c->rotate))
		return fail_usage(error, "-g needs a file, and \"%s\" is none", c->output);
	return apply(rules, G_N_ELEMENTS(rules), OPTION_CLI, error);
}

/* Sharing a device is fine. */
static bool is_same_file(const char *a, const char *b)
{
	g_autofree char *x = g_canonicalize_filename(a, NULL);
	g_autofree char *y = g_canonicalize_filename(b, NULL);
	struct stat s, t;

	if (stat(a, &s) < 0 || stat(b, &t) < 0)
		return g_str_equal(x, y);
	return S_ISREG(s.st_mode) && s.st_dev == t.st_dev && s.st_ino == t.st_ino;
}

/* Two outputs would overwrite each other. With -b, -w only gives the start of file names. */
static bool check_paths(const struct config *c, GError **error)
{
	const struct {
		const char *option, *path;
	} files[] = {
		{ "--write", limits_rotate(&c->rotate) ? NULL : c->output },
		{ "--stats-file", c->stats_file },
		{ "--log-file", c->log_file },
		{ "--tls-keylog", c->tls_keylog },
		{ "-b printname:", c->rotate.print_name },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(files); i++)
		for (size_t k = 0; k < i; k++)
			if (files[i].path && files[k].path &&
			    is_same_file(files[i].path, files[k].path))
				return fail_usage(error, "%s and %s name the same file, \"%s\"",
						  files[k].option, files[i].option, files[i].path);
	return true;
}

bool conflicts_check(const struct config *c, unsigned int front_end, GError **error)
{
	if (!check_points(c, front_end, error))
		return false;
	return front_end != OPTION_CLI ||
	       (check_rotation(c, error) && check_output(c, error) && check_paths(c, error));
}

bool conflicts_check_query(const struct config *c, const char *query, const char *used,
			   GError **error)
{
	struct config plain;
	bool ok = true;

	options_init(&plain);
	for (const struct option *o = options; o->name && ok; o++) {
		g_autofree char *value = options_value(c, o), *fallback = options_value(&plain, o);

		if (!g_str_equal(value, fallback) && g_strcmp0(o->name, used) != 0)
			ok = fail_usage(error, "--%s has no effect on %s; omit it", o->name, query);
	}
	options_done(&plain);
	return ok;
}
