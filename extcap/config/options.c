/* SPDX-License-Identifier: MIT */
/*
 * The option table, and code that works for every row of it.
 *
 * Rows are in the order of --help and of the dialog. A row's default is the program's own:
 * Wireshark passes either the announced default or nothing, and both must mean the same.
 */
#include <string.h>

#include "bpf/tap.h"
#include "extcap/system/error.h"
#include "extcap/system/log.h"
#include "extcap/config/options.h"
#include "extcap/config/units.h"

static const struct choice directions[] = {
	[DIRECTION_IN] = { "in", "in: received frames" },
	[DIRECTION_OUT] = { "out", "out: sent frames" },
	[DIRECTION_BOTH] = { "both", "both: received and sent frames" },
	{ NULL },
};

/* "auto", each choice of points[], and the terminator. */
static struct choice capture_points[1 + POINTS_N + 1] = {
	{ "auto", "automatic: XDP, or trace an attached program" },
};
static char point_help[128] = "Set the capture point: auto";

/* Runs before main(), so options[] is complete for every reader. */
__attribute__((constructor)) static void list_points(void)
{
	size_t n = 1;

	for (size_t i = 0; points[i]; i++)
		if (!g_str_equal(points[i]->choice, capture_points[n - 1].value))
			capture_points[n++] = (struct choice){ points[i]->choice,
							       points[i]->title };
	for (size_t i = 1; i < n; i++) {
		g_strlcat(point_help, i + 1 < n ? ", " : " or ", sizeof(point_help));
		g_strlcat(point_help, capture_points[i].value, sizeof(point_help));
	}
}

const char *options_point(const struct config *c)
{
	return c->point ? capture_points[c->point].value : NULL;
}

void options_set_point(struct config *c, const char *choice)
{
	for (uint64_t i = 0; capture_points[i].value; i++)
		if (g_str_equal(capture_points[i].value, choice))
			c->point = i;
}

static const struct choice ats[] = {
	[POINT_AT_ENTRY] = { "entry", "entry: before the program runs" },
	[POINT_AT_EXIT] = { "exit", "exit: after it returns, with its verdict" },
	[POINT_AT_BOTH] = { "both", "both: entry and exit" },
	{ NULL },
};

static const struct choice filter_ats[] = {
	[POINT_AT_ENTRY] = { "entry", "entry: the frame as received" },
	[POINT_AT_EXIT] = { "exit", "exit: the frame as the program leaves it" },
	{ NULL },
};

/* In the kernel's order: enum xdp_action. */
static const struct choice verdicts[] = {
	{ "aborted", "aborted: dropped as an error" },
	{ "drop", "drop" },
	{ "pass", "pass: to the network stack" },
	{ "tx", "tx: back out of the interface" },
	{ "redirect", "redirect: to another interface, CPU or socket" },
	{ NULL },
};

static const struct choice modes[] = {
	[TAP_MODE_AUTO] = { "auto", "automatic: native if that disturbs nothing" },
	[TAP_MODE_NATIVE] = { "native", "native: in the driver" },
	[TAP_MODE_GENERIC] = { "generic", "generic: in the kernel's receive path" },
	{ NULL },
};

static const struct choice time_stamp_types[] = {
	[TIME_STAMP_HOST] = { "host", "host: when the driver passes the frame on" },
	[TIME_STAMP_ADAPTER] = { "adapter", "adapter: when the NIC receives the frame" },
	{ NULL },
};

static const struct choice log_levels[] = {
	[LOG_DEBUG] = { "debug", "debug" },
	[LOG_INFO] = { "info", "info" },
	[LOG_WARNING] = { "warning", "warning" },
	{ NULL },
};

static const struct choice formats[] = {
	[FORMAT_PCAPNG] = { "pcapng", "pcapng: counters, directions, comments" },
	[FORMAT_PCAP] = { "pcap", "pcap: frames only, at nearly twice the rate" },
	{ NULL },
};

static const struct choice compressions[] = {
	[COMPRESSION_NONE] = { "none" },
	[COMPRESSION_GZIP] = { "gzip" },
	{ NULL },
};

static const struct choice full_disks[] = {
	[DISK_FULL_STOP] = { "stop" },
	[DISK_FULL_PRUNE] = { "prune" },
	[DISK_FULL_DROP] = { "drop" },
	{ NULL },
};

static const struct choice direct_ios[] = {
	[DIRECT_IO_AUTO] = { "auto" },
	[DIRECT_IO_ON] = { "on" },
	[DIRECT_IO_OFF] = { "off" },
	{ NULL },
};

#define AT(field) .offset = offsetof(struct config, field)

const struct option options[] = {
	{ "interface", 'i', OPTION_LIST, OPTION_CLI, AT(interfaces), .argument = "IF",
	  .help = "Capture on this interface (repeatable)" },
	{ "write", 'w', OPTION_FILE, OPTION_CLI, AT(output), .argument = "FILE",
	  .help = "Write to this file (- for standard output)" },
	{ "filter", 'f', OPTION_TEXT, OPTION_CLI, AT(filter), .argument = "EXPR",
	  .help = "Set the capture filter, in pcap-filter(7) syntax" },
	{ "snaplen", 's', OPTION_NUMBER, OPTION_BOTH, AT(snaplen), 1, TAP_SNAPLEN_MAX,
	  TAP_SNAPLEN_MAX, .argument = "BYTES", .display = "Snapshot length (bytes)",
	  .help = "Capture at most this many bytes of each frame",
	  .note = "; tshark's own -s does not reach extcap programs" },
	{ "direction", 'Q', OPTION_CHOICE, OPTION_BOTH, AT(direction), .fallback = DIRECTION_BOTH,
	  .choices = directions, .argument = "DIR", .display = "Direction",
	  .help = "Capture frames received (in), sent (out) or both" },
	{ "point", 0, OPTION_CHOICE, OPTION_BOTH, AT(point), .choices = capture_points,
	  .argument = "POINT", .display = "Capture point", .help = point_help },
	{ "linktype", 'y', OPTION_TEXT, OPTION_CLI, AT(linktype), .argument = "TYPE",
	  .help = "Set the data link type, one that -L lists" },
	{ "verdict", 0, OPTION_SET, OPTION_BOTH, AT(verdicts), .choices = verdicts,
	  .argument = "VERDICT,...", .display = "XDP verdicts", .group = "Trace",
	  .help = "Trace, and keep only frames with these XDP verdicts" },
	{ "program", 0, OPTION_PROGRAM, OPTION_BOTH, AT(program), .argument = "PROGRAM",
	  .display = "Program to trace", .group = "Trace",
	  .help = "Trace this XDP program, given by name or ID" },
	{ "at", 0, OPTION_CHOICE, OPTION_BOTH, AT(at), .fallback = POINT_AT_BOTH, .choices = ats,
	  .argument = "SIDE", .display = "Trace at", .group = "Trace",
	  .help = "Trace at program entry, exit or both" },
	{ "filter-at", 0, OPTION_CHOICE, OPTION_BOTH, AT(filter_at), .fallback = POINT_AT_ENTRY,
	  .choices = filter_ats, .argument = "SIDE", .display = "Filter at", .group = "Trace",
	  .help = "Filter traced frames at program entry or exit" },
	{ "reason", 0, OPTION_TEXT, OPTION_BOTH, AT(reasons), .argument = "NAME,...",
	  .display = "Drop reasons", .group = "Drops",
	  .help = "Capture drops for these reasons only" },
	{ "not-reason", 0, OPTION_TEXT, OPTION_BOTH, AT(not_reasons), .argument = "NAME,...",
	  .display = "Except for drop reasons", .group = "Drops",
	  .help = "Do not capture drops for these reasons" },
	{ "with-drops", 0, OPTION_FLAG, OPTION_BOTH, AT(has_drops),
	  .display = "Drops beside the frames", .group = "Drops",
	  .help = "Capture the interface's drops beside its frames" },
	{ "mode", 0, OPTION_CHOICE, OPTION_BOTH, AT(mode), .fallback = TAP_MODE_AUTO,
	  .choices = modes, .argument = "MODE", .display = "XDP mode",
	  .help = "Attach to XDP in auto, native or generic mode" },
	{ "promiscuous-mode", 0, OPTION_SWITCH, OPTION_BOTH, AT(is_promiscuous), .argument = "BOOL",
	  .display = "Promiscuous mode", .help = "Capture in promiscuous mode: true or false" },
	{ "no-promiscuous-mode", 'p', OPTION_NO, OPTION_BOTH, AT(is_promiscuous),
	  .help = "Do not capture in promiscuous mode" },
	{ "buffer-size", 'B', OPTION_NUMBER, OPTION_BOTH, AT(buffer_mib), 1, 1024, 8,
	  .argument = "MIB", .display = "Kernel buffer per CPU (MiB)",
	  .help = "Set the size of each CPU's ring buffer, in MiB" },
	{ "time-stamp-type", 'j', OPTION_CHOICE, OPTION_BOTH, AT(time_stamp_type),
	  .fallback = TIME_STAMP_HOST, .choices = time_stamp_types, .argument = "TYPE",
	  .display = "Time stamp type",
	  .help = "Set the source of time stamps: host or adapter (NIC)" },
	{ "process", 0, OPTION_FLAG, OPTION_BOTH, AT(has_process),
	  .display = "Process of each frame",
	  .help = "Name the process that sends or receives each frame" },
	{ "pid", 0, OPTION_LIST, OPTION_CLI, AT(pids), .argument = "PID",
	  .help = "Capture only frames of this process (repeatable)" },
	{ "process-name", 0, OPTION_LIST, OPTION_CLI, AT(process_names), .argument = "NAME",
	  .help = "Capture only frames of processes of this name" },
	{ "uid", 0, OPTION_LIST, OPTION_CLI, AT(uids), .argument = "USER",
	  .help = "Capture only frames of this user's processes" },
	{ "cgroup", 0, OPTION_TEXT, OPTION_CLI, AT(cgroup), .argument = "PATH",
	  .help = "Capture only frames of this control group" },
	{ "unit", 0, OPTION_TEXT, OPTION_CLI, AT(unit), .argument = "NAME",
	  .help = "Capture only frames of this systemd unit" },
	{ "children", 0, OPTION_FLAG, OPTION_CLI, AT(has_children),
	  .help = "Capture children, too, with --pid and --process-name" },
	{ "netns", 0, OPTION_TEXT, OPTION_BOTH, AT(netns), .argument = "NS",
	  .display = "Network namespace",
	  .help = "Capture in this network namespace (name, path or PID)" },
	{ "format", 0, OPTION_CHOICE, OPTION_BOTH, AT(format), .fallback = FORMAT_PCAPNG,
	  .choices = formats, .argument = "FORMAT", .display = "Format",
	  .help = "Set the file format: pcapng or nanosecond pcap" },
	{ "tls-keylog", 0, OPTION_FILE, OPTION_BOTH, AT(tls_keylog), .argument = "FILE",
	  .display = "TLS key log file",
	  .help = "Write TLS secrets from this key log into the capture" },
	{ "count", 'c', OPTION_NUMBER, OPTION_CLI, AT(count), 0, G_MAXINT64, 0, .argument = "N",
	  .help = "Stop after this many frames" },
	{ "autostop", 'a', OPTION_STOP, OPTION_CLI, AT(stop), .argument = "KEY:VALUE",
	  .help = "Stop after duration:S, filesize:KB, files:N, packets:N" },
	{ "ring-buffer", 'b', OPTION_ROTATE, OPTION_CLI, AT(rotate), .argument = "KEY:VALUE",
	  .help = "Rotate on duration:S, interval:S, filesize:KB, packets:N" },
	{ "total-size", 0, OPTION_SIZE, OPTION_CLI, AT(keep_bytes), .argument = "SIZE",
	  .help = "Delete the oldest files to stay under this total size" },
	{ "max-age", 0, OPTION_TIME, OPTION_CLI, AT(keep_age_ns), .argument = "TIME",
	  .help = "Delete files older than this, such as 7d" },
	{ "min-free", 0, OPTION_FREE, OPTION_CLI, AT(keep_free), .argument = "SIZE|N%",
	  .help = "Delete the oldest files to keep this much disk free" },
	{ "disk-full", 0, OPTION_CHOICE, OPTION_CLI, AT(disk_full), .fallback = DISK_FULL_STOP,
	  .choices = full_disks, .argument = "WHAT",
	  .help = "Set what to do on a full disk: stop, prune or drop" },
	{ "compress", 0, OPTION_CHOICE, OPTION_CLI, AT(compression), .fallback = COMPRESSION_NONE,
	  .choices = compressions, .argument = "HOW",
	  .help = "Compress files with this method: none or gzip" },
	{ "queue-size", 'C', OPTION_SIZE, OPTION_CLI, AT(queue_bytes), .argument = "BYTES",
	  .help = "Set how much may wait in memory for a slow disk" },
	{ "direct-io", 0, OPTION_CHOICE, OPTION_CLI, AT(direct_io), .fallback = DIRECT_IO_AUTO,
	  .choices = direct_ios, .argument = "WHEN",
	  .help = "Set when to bypass the page cache: auto, on or off" },
	{ "sync", 0, OPTION_TIME, OPTION_CLI, AT(sync_ns), .argument = "TIME",
	  .help = "Sync files to disk at this interval and when complete" },
	{ "file-name", 0, OPTION_TEXT, OPTION_CLI, AT(file_name), .argument = "PATTERN",
	  .help = "Name rotated files by this pattern, with %{seq}" },
	{ "group-access", 'g', OPTION_FLAG, OPTION_CLI, AT(is_for_group),
	  .help = "Enable group read access on the output files" },
	{ "post-rotate", 0, OPTION_TEXT, OPTION_CLI, AT(post_rotate), .argument = "CMD",
	  .help = "Run this command on each finished file" },
	{ "user", 'Z', OPTION_TEXT, OPTION_CLI, AT(user), .argument = "NAME",
	  .help = "Drop privileges to this user, who owns the files" },
	{ "stats-file", 0, OPTION_FILE, OPTION_CLI, AT(stats_file), .argument = "FILE",
	  .help = "Keep counters in this file, in Prometheus format" },
	{ "quiet", 'q', OPTION_FLAG, OPTION_CLI, AT(quiet),
	  .help = "Do not display the running packet count" },
	{ "log-level", 0, OPTION_CHOICE, OPTION_BOTH, AT(log_level), .fallback = LOG_WARNING,
	  .choices = log_levels, .argument = "LEVEL", .display = "Log level", .group = "Debug",
	  .help = "Set the lowest level to log: debug, info or warning" },
	{ "log-file", 0, OPTION_FILE, OPTION_BOTH, AT(log_file), .argument = "FILE",
	  .display = "Log file", .group = "Debug", .help = "Append log messages to this file" },
	{ NULL },
};

static void *field(const struct config *c, const struct option *o)
{
	return (char *)c + o->offset;
}

void options_init(struct config *c)
{
	*c = (struct config){ 0 };
	for (const struct option *o = options; o->name; o++) {
		if (o->type == OPTION_NUMBER || o->type == OPTION_CHOICE)
			*(uint64_t *)field(c, o) = o->fallback;
		else if (o->type == OPTION_SWITCH || o->type == OPTION_NO)
			*(bool *)field(c, o) = true;
		else if (o->type == OPTION_LIST)
			*(GPtrArray **)field(c, o) = g_ptr_array_new_with_free_func(g_free);
	}
}

void options_done(struct config *c)
{
	for (const struct option *o = options; o->name; o++) {
		if (o->type == OPTION_TEXT || o->type == OPTION_FILE || o->type == OPTION_PROGRAM)
			g_clear_pointer((char **)field(c, o), g_free);
		else if (o->type == OPTION_LIST)
			g_clear_pointer((GPtrArray **)field(c, o), g_ptr_array_unref);
		else if (o->type == OPTION_STOP || o->type == OPTION_ROTATE)
			limits_done(field(c, o));
	}
}

/* "-s" or "--snaplen", as GOption passes it to a callback. */
static const struct option *find(const char *spelled)
{
	for (const struct option *o = options; o->name; o++)
		if (g_str_has_prefix(spelled, "--") ? g_str_equal(spelled + 2, o->name)
						    : spelled[1] == o->letter)
			return o;
	return NULL;
}

static bool parse_number(const struct option *o, const char *text, uint64_t *ret, GError **error)
{
	guint64 n;

	if (!g_ascii_string_to_unsigned(text, 10, o->min, o->max, &n, NULL))
		return fail_usage(error,
				  "--%s requires a number from %" G_GUINT64_FORMAT
				  " to %" G_GUINT64_FORMAT ", not \"%s\"",
				  o->name, o->min, o->max, text);
	*ret = n;
	return true;
}

static bool parse_switch(const struct option *o, const char *text, bool *ret, GError **error)
{
	bool is_true = g_str_equal(text, "true");

	if (!is_true && !g_str_equal(text, "false"))
		return fail_usage(error, "--%s must be true or false, not \"%s\"", o->name, text);
	*ret = is_true;
	return true;
}

static bool parse_choice(const struct option *o, const char *text, uint64_t *ret, GError **error)
{
	g_autoptr(GString) names = g_string_new(NULL);

	for (uint64_t i = 0; o->choices[i].value; i++) {
		if (g_str_equal(o->choices[i].value, text)) {
			*ret = i;
			return true;
		}
		g_string_append_printf(names, "%s%s", i ? ", " : "", o->choices[i].value);
	}
	return fail_usage(error, "--%s must be one of %s, not \"%s\"", o->name, names->str, text);
}

static bool parse_set(const struct option *o, const char *text, uint64_t *ret, GError **error)
{
	g_auto(GStrv) values = g_strsplit(text, ",", -1);
	uint64_t one;

	*ret = 0;
	for (char **v = values; *v; v++) {
		if (!parse_choice(o, *v, &one, error))
			return false;
		*ret |= 1ULL << one;
	}
	return true;
}

static bool parse_program(const char *text, char **ret)
{
	g_free(*ret);
	*ret = *text && !g_str_equal(text, OPTION_PROGRAM_AUTO) ? g_strdup(text) : NULL;
	return true;
}

static bool parse_text(const struct option *o, const char *text, char **ret, GError **error)
{
	if (o->type == OPTION_FILE && !*text)
		return fail_usage(error, "--%s requires a file name", o->name);
	if (o->type == OPTION_TEXT && !g_utf8_validate(text, -1, NULL))
		return fail_usage(error, "the value of --%s is not valid UTF-8", o->name);
	g_free(*ret);
	*ret = *text ? g_strdup(text) : NULL;
	return true;
}

static bool parse_size(const struct option *o, const char *text, uint64_t *ret, GError **error)
{
	return (units_parse_size(text, 1, ret) && *ret) ||
	       fail_usage(error, "--%s requires a size such as 200G, not \"%s\"", o->name, text);
}

static bool parse_time(const struct option *o, const char *text, uint64_t *ret, GError **error)
{
	return (units_parse_duration(text, ret) && *ret) ||
	       fail_usage(error, "--%s requires a time such as 90s, 12h or 7d, not \"%s\"", o->name,
			  text);
}

static bool parse_free(const struct option *o, const char *text, struct free_space *ret,
		       GError **error)
{
	g_autofree char *number = g_strndup(text,
					    g_str_has_suffix(text, "%") ? strlen(text) - 1 : 0);

	*ret = (struct free_space){ 0 };
	if (*number ? g_ascii_string_to_unsigned(number, 10, 1, 99, &ret->percent, NULL)
		    : units_parse_size(text, 1, &ret->bytes) && ret->bytes)
		return true;
	return fail_usage(error, "--%s requires a size such as 20G, or 1%% to 99%%, not \"%s\"",
			  o->name, text);
}

static gboolean parse(const char *spelled, const char *value, void *config, GError **error)
{
	const struct option *o = find(spelled);
	void *to = field(config, o);

	switch (o->type) {
	case OPTION_FLAG: *(bool *)to = true; return true;
	case OPTION_NO: *(bool *)to = false; return true;
	case OPTION_SWITCH: return parse_switch(o, value, to, error);
	case OPTION_NUMBER: return parse_number(o, value, to, error);
	case OPTION_CHOICE: return parse_choice(o, value, to, error);
	case OPTION_SET: return parse_set(o, value, to, error);
	case OPTION_PROGRAM: return parse_program(value, to);
	case OPTION_TEXT:
	case OPTION_FILE: return parse_text(o, value, to, error);
	case OPTION_LIST: g_ptr_array_add(*(GPtrArray **)to, g_strdup(value)); return true;
	case OPTION_SIZE: return parse_size(o, value, to, error);
	case OPTION_TIME: return parse_time(o, value, to, error);
	case OPTION_FREE: return parse_free(o, value, to, error);
	case OPTION_STOP: return limits_parse(to, o->name, false, value, error);
	case OPTION_ROTATE: return limits_parse(to, o->name, true, value, error);
	}
	g_assert_not_reached();
}

static bool has_value(const struct option *o)
{
	return o->type != OPTION_FLAG && o->type != OPTION_NO;
}

GOptionGroup *options_group(struct config *c, unsigned int front_end)
{
	GOptionEntry entries[OPTIONS_MAX + 1] = { { 0 } };
	GOptionGroup *group = g_option_group_new("capture", NULL, NULL, c, NULL);
	size_t n = 0;

	for (const struct option *o = options; o->name; o++) {
		if (!(o->front_ends & front_end))
			continue;
		g_assert(n < OPTIONS_MAX);
		entries[n++] = (GOptionEntry){
			.long_name = o->name,
			.short_name = o->letter,
			/* Values are bytes in any locale: a file name need not be UTF-8. */
			.flags = has_value(o) ? G_OPTION_FLAG_FILENAME : G_OPTION_FLAG_NO_ARG,
			.arg = G_OPTION_ARG_CALLBACK,
			.arg_data = (void *)parse,
			.description = o->help,
			.arg_description = o->argument,
		};
	}
	g_option_group_add_entries(group, entries);
	return group;
}

static char *join(const GPtrArray *list)
{
	g_autoptr(GString) s = g_string_new(NULL);

	for (guint i = 0; i < list->len; i++)
		g_string_append_printf(s, "%s%s", i ? "," : "", (char *)list->pdata[i]);
	return g_string_free(g_steal_pointer(&s), false);
}

static char *free_text(const struct free_space *f)
{
	return f->percent ? g_strdup_printf("%" G_GUINT64_FORMAT "%%", f->percent)
			  : g_strdup_printf("%" G_GUINT64_FORMAT, f->bytes);
}

static char *seconds(uint64_t ns)
{
	char number[G_ASCII_DTOSTR_BUF_SIZE];

	return g_strdup(g_ascii_dtostr(number, sizeof(number), (double)ns / 1e9));
}

static char *set_text(const struct option *o, uint64_t set)
{
	g_autoptr(GString) s = g_string_new(NULL);

	for (uint64_t i = 0; o->choices[i].value; i++)
		if (set & 1ULL << i)
			g_string_append_printf(s, "%s%s", s->len ? "," : "", o->choices[i].value);
	return g_string_free(g_steal_pointer(&s), false);
}

char *options_value(const struct config *c, const struct option *o)
{
	const void *from = field(c, o);

	switch (o->type) {
	case OPTION_FLAG:
	case OPTION_SWITCH: return g_strdup(*(const bool *)from ? "true" : "false");
	case OPTION_NO: return g_strdup(*(const bool *)from ? "false" : "true");
	case OPTION_NUMBER:
	case OPTION_SIZE: return g_strdup_printf("%" G_GUINT64_FORMAT, *(const uint64_t *)from);
	case OPTION_CHOICE: return g_strdup(o->choices[*(const uint64_t *)from].value);
	case OPTION_SET: return set_text(o, *(const uint64_t *)from);
	case OPTION_PROGRAM:
		return g_strdup(*(char *const *)from ? *(char *const *)from : OPTION_PROGRAM_AUTO);
	case OPTION_TEXT:
	case OPTION_FILE: return g_strdup(*(char *const *)from ? *(char *const *)from : "");
	case OPTION_LIST: return join(*(GPtrArray *const *)from);
	case OPTION_TIME: return seconds(*(const uint64_t *)from);
	case OPTION_FREE: return free_text(from);
	case OPTION_STOP:
	case OPTION_ROTATE: return limits_text(from);
	}
	g_assert_not_reached();
}
