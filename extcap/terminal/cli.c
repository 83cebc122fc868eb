/* SPDX-License-Identifier: MIT */
/* Parses the command line and answers queries. */
#include <stdio.h>
#include <unistd.h>

#include "bpf/device/driver.h"
#include "extcap/system/cleanup.h"
#include "extcap/terminal/cli.h"
#include "extcap/terminal/console.h"
#include "extcap/net/nic/ethtool.h"
#include "extcap/system/error.h"
#include "extcap/capture/filter.h"
#include "extcap/drops/choice.h"
#include "extcap/net/xdp-programs.h"
#include "extcap/net/link.h"
#include "extcap/net/netns.h"
#include "extcap/system/log.h"
#include "extcap/config/conflicts.h"
#include "extcap/system/setup.h"
#include "extcap/terminal/standalone.h"
#include "extcap/system/host.h"

struct verbs {
	struct config config; /* the first, as GOption hands its address to all callbacks */
	gboolean help, list, list_types, reasons, version, print_config, setup;
	unsigned int print_filter; /* how often -d was given */
};

static void verbs_done(struct verbs *v)
{
	options_done(&v->config);
}

static gboolean on_print_filter(const char *spelled, const char *value, void *config,
				GError **error)
{
	((struct verbs *)config)->print_filter++;
	return true;
}

static GOptionContext *make_context(struct verbs *v)
{
	const GOptionEntry entries[] = {
		{ "list-interfaces", 'D', 0, G_OPTION_ARG_NONE, &v->list,
		  "List the interfaces and their XDP programs, and exit" },
		{ "list-data-link-types", 'L', 0, G_OPTION_ARG_NONE, &v->list_types,
		  "List the data link types of the interfaces, and exit" },
		{ "list-reasons", 0, 0, G_OPTION_ARG_NONE, &v->reasons,
		  "List the kernel's reasons for drops, and exit" },
		{ "print-filter", 'd', G_OPTION_FLAG_NO_ARG, G_OPTION_ARG_CALLBACK,
		  (void *)on_print_filter,
		  "Print the filter as eBPF (-dd: as classic BPF), and exit" },
		{ "print-config", 0, 0, G_OPTION_ARG_NONE, &v->print_config,
		  "Print the resulting configuration, and exit" },
		{ "setup", 0, 0, G_OPTION_ARG_NONE, &v->setup,
		  "Print the commands that let ordinary users capture" },
		{ "version", 0, 0, G_OPTION_ARG_NONE, &v->version,
		  "Print version information, and exit" },
		{ "help", 'h', 0, G_OPTION_ARG_NONE, &v->help, "Print this help, and exit" },
		{ NULL },
	};
	GOptionContext *context =
		g_option_context_new("[-- COMMAND...] - capture frames at the XDP hook");

	g_option_context_set_help_enabled(context, false); /* GLib's would print it and exit */
	g_option_context_set_main_group(context, options_group(&v->config, OPTION_CLI));
	g_option_context_add_main_entries(context, entries, NULL);
	g_option_context_set_description(
		context,
		"When installed in Wireshark's extcap folder, xdptap adds every interface to\n"
		"Wireshark as \"XDP tap on IF\". See xdptap(1).");
	return context;
}

#define WIDTH 80 /* of a terminal */

/* The column where explanations start; GLib aligns them all. */
static size_t explanations_column(GStrv lines)
{
	size_t column = 0;

	for (char **l = lines; *l; l++) {
		const char *gap = g_str_has_prefix(*l, "  -") ? strstr(*l + 2, "  ") : NULL;

		column = gap ? MAX(column, (size_t)(gap - *l) + strspn(gap, " ")) : column;
	}
	return column;
}

/* GLib does not break lines. */
static void print_help(GOptionContext *context)
{
	g_autofree char *help = g_option_context_get_help(context, true, NULL);
	g_auto(GStrv) lines = g_strsplit(g_strchomp(help), "\n", -1);
	size_t column = explanations_column(lines);

	for (char **l = lines; *l; l++) {
		const char *end = strlen(*l) > WIDTH && g_str_has_prefix(*l, "  -")
					  ? g_strrstr_len(*l, WIDTH + 1, " ")
					  : NULL;

		if (end)
			printf("%.*s\n%*s%s\n", (int)(end - *l), *l, (int)column, "", end + 1);
		else
			puts(*l);
	}
}

/* As --mode auto decides. */
static const char *xdp_text(const struct link *i)
{
	struct device device = link_device(i);
	struct driver d;

	driver_read(&device, &d);
	if (!d.has_native)
		return "XDP generic, ";
	return d.cost ? "XDP native on request, " : "XDP native, ";
}

/* "4 queues, XDP native, strips VLAN tags"; owned by the caller. */
static char *device_text(const struct link *i)
{
	GString *text = g_string_new(NULL);
	struct ethtool d;

	ethtool_read(i, &d);
	if (d.queues)
		g_string_append_printf(text, "%u queue%s, ", d.queues, d.queues > 1 ? "s" : "");
	if (d.xdp && !link_is_headerless(i))
		g_string_append(text, xdp_text(i));
	if (d.hides_tags)
		g_string_append(text, "strips VLAN tags, ");
	g_string_truncate(text, text->len > 2 ? text->len - 2 : 0);
	return g_string_free(text, false);
}

#define COLUMNS 6

/* One row of -D: a text for each column. */
static GStrv describe(guint number, const struct link *i)
{
	g_autofree char *driver = ethtool_driver(i), *program = xdp_programs_text(i);
	g_autofree char *device = device_text(i);
	GStrv row = g_new0(char *, COLUMNS + 1);

	row[0] = g_strdup_printf("%u.", number);
	row[1] = console_text(i->name);
	row[2] = g_strdup(i->is_up ? "up" : "down");
	row[3] = g_strdup(driver ? driver : i->kind ? i->kind : "-");
	row[4] = g_strdup(*device ? device : "-");
	row[5] = console_text(program ? program : "-");
	return row;
}

static int width(const GPtrArray *rows, guint n, int column)
{
	return (int)g_utf8_strlen(((GStrv)rows->pdata[n])[column], -1);
}

/* Each column is as wide as its longest text, except the last. */
static void print_table(const GPtrArray *rows)
{
	int widths[COLUMNS] = { 0 };

	for (guint n = 0; n < rows->len; n++)
		for (int k = 0; k < COLUMNS - 1; k++)
			widths[k] = MAX(widths[k], width(rows, n, k));
	for (guint n = 0; n < rows->len; n++)
		for (int k = 0; k < COLUMNS; k++)
			printf("%s%*s", ((GStrv)rows->pdata[n])[k],
			       k < COLUMNS - 1 ? widths[k] - width(rows, n, k) + 1 : 0,
			       k < COLUMNS - 1 ? "" : "\n");
}

static bool print_interfaces(const char *netns, GError **error)
{
	g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func((GDestroyNotify)g_strfreev);
	g_autoptr(GPtrArray) list = NULL;

	if (netns && !netns_enter(netns, error))
		return false;
	list = link_list_usable(error);
	for (guint n = 0; list && n < list->len; n++)
		g_ptr_array_add(rows, describe(n + 1, list->pdata[n]));
	print_table(rows);
	return list;
}

static void print_types(const struct link *i)
{
	g_autofree char *name = console_text(i->name);

	printf("Data link types of interface %s (use option -y to set):\n", name);
	filter_list_dlt(stdout, link_linktype(i));
}

/* Of one interface, or, for "any", of each that is up. */
static bool print_types_of(const char *name, GError **error)
{
	_cleanup_(link_freep) struct link *i = NULL;
	g_autoptr(GPtrArray) list = NULL;

	if (g_str_equal(name, LINK_ANY)) {
		list = link_list_usable(error);
		for (guint n = 0; list && n < list->len; n++)
			if (((const struct link *)list->pdata[n])->is_up)
				print_types(list->pdata[n]);
		return list;
	}
	i = link_find(name, error);
	if (!i || link_linktype(i) < 0)
		return i && fail(error, "xdptap cannot capture on \"%s\"", i->name);
	print_types(i);
	return true;
}

static bool print_all_types(const struct config *config, GError **error)
{
	if (!config->interfaces->len)
		return fail_usage(error, "-L requires an interface; add -i IF");
	if (config->netns && !netns_enter(config->netns, error))
		return false;
	for (guint n = 0; n < config->interfaces->len; n++)
		if (!print_types_of(config->interfaces->pdata[n], error))
			return false;
	return true;
}

static void print_effective(const struct config *config)
{
	for (const struct option *o = options; o->name; o++) {
		g_autofree char *value = options_value(config, o);
		g_autofree char *safe = isatty(STDOUT_FILENO) ? console_text(value) : NULL;

		printf("%s=%s\n", o->name, safe ? safe : value);
	}
}

/* The first interface of -i, for which -d prints; NULL: any Ethernet interface. */
static bool find_first(const struct config *config, struct link **ret, GError **error)
{
	const char *name = config->interfaces->len ? config->interfaces->pdata[0] : LINK_ANY;

	if (g_str_equal(name, LINK_ANY))
		return true;
	if (config->netns && !netns_enter(config->netns, error))
		return false;
	*ret = link_find(name, error);
	return *ret && (link_linktype(*ret) >= 0 ||
			fail(error, "xdptap cannot capture on \"%s\"", (*ret)->name));
}

static bool print_filter(const struct config *config, bool is_classic, GError **error)
{
	g_autoptr(GError) wrong = NULL;
	_cleanup_(filter_unrefp) struct filter *filter = NULL;
	_cleanup_(link_freep) struct link *link = NULL;
	unsigned int ifindex;

	if (!config->filter)
		return fail_usage(error, "-d requires a filter; add -f EXPR");
	if (!find_first(config, &link, error))
		return false;
	ifindex = link ? link->index : 0;
	filter = filter_new(config->filter, link ? link_linktype(link) : LINK_LINKTYPE_ETHERNET,
			    ifindex, &wrong);
	if (!filter)
		return fail_usage(error, "capture filter \"%.100s\": %s", config->filter,
				  wrong->message);
	filter_print(stdout, filter, ifindex, is_classic);
	return true;
}

static bool check_no_query(const struct verbs *v)
{
	return !(v->list || v->reasons || v->version || v->setup || v->print_config ||
		 v->print_filter);
}

/*
 * One query at a time, without options that it does not use. -d, -L and --print-config may be added to the
 * command line of a capture.
 */
static bool check(const struct verbs *v, GError **error)
{
	if (v->list + v->list_types + v->reasons + v->version + v->setup + v->print_config +
		    !!v->print_filter >
	    1)
		return fail_usage(error, "-D, -d, -L, --list-reasons, --print-config, --setup and "
					 "--version: use one of them");
	if (v->list)
		return conflicts_check_query(&v->config, "-D", "netns", error);
	if (v->setup || v->version || v->reasons)
		return conflicts_check_query(&v->config,
					     v->setup	  ? "--setup"
					     : v->reasons ? "--list-reasons"
							  : "--version",
					     NULL, error);
	return true;
}

/* The arguments up to "--", and in *ret_command those after it; NULL: there is none. */
static GStrv split(char **argv, char ***ret_command)
{
	GStrv ours = g_new0(char *, g_strv_length(argv) + 1);

	*ret_command = NULL;
	for (size_t i = 0; argv[i] && !*ret_command; i++)
		if (g_str_equal(argv[i], "--"))
			*ret_command = argv + i + 1;
		else
			ours[i] = g_strdup(argv[i]);
	return ours;
}

static bool capture_command(struct config *config, char **argv, char **command_argv,
			    int *ret_status, GError **error)
{
	struct command command = { .fd = -1 };
	bool ok;

	if (command_argv && !config->interfaces->len)
		g_ptr_array_add(config->interfaces, g_strdup(LINK_ANY));
	if (command_argv && !*command_argv)
		return fail_usage(error, "which command? Put it after --");
	if (command_argv && config->output && g_str_equal(config->output, "-"))
		return fail_usage(error, "a command writes to standard output itself: use -w FILE");
	if (!standalone_check(config, error) ||
	    !log_open(config->log_file, (enum log_level)config->log_level, argv, error))
		return false;
	if (command_argv && !command_new(&command, command_argv, config, error))
		return false;
	ok = standalone_run(config, &command, error);
	command_done(&command);
	*ret_status = command.status;
	return ok;
}

bool cli_run(int argc, char **argv, int *ret_status, GError **error)
{
	char **command;
	g_autoptr(GOptionContext) context = NULL;
	g_auto(GStrv) rest = split(argv, &command);
	_cleanup_(verbs_done) struct verbs verbs = { 0 };

	options_init(&verbs.config);
	context = make_context(&verbs);
	if (argc < 2)
		return fail_usage(error,
				  "usage: xdptap -i IF -w FILE [options]; --help lists them");
	if (!g_option_context_parse_strv(context, &rest, error))
		return false;
	if (command && (verbs.help || !check_no_query(&verbs)))
		return fail_usage(error, "a command belongs to a capture: use -w FILE -- COMMAND");
	if (rest[0] && rest[1])
		return fail_usage(error, "unexpected argument \"%s\"", rest[1]);
	if (verbs.help)
		print_help(context);
	else if (!check(&verbs, error))
		return false;
	else if (verbs.version)
		fputs(host_versions(), stdout);
	else if (verbs.setup)
		setup_print(stdout);
	else if (verbs.list)
		return print_interfaces(verbs.config.netns, error);
	else if (verbs.list_types)
		return print_all_types(&verbs.config, error);
	else if (verbs.reasons)
		return choice_print(stdout, error);
	else if (verbs.print_filter)
		return print_filter(&verbs.config, verbs.print_filter > 1, error);
	else if (verbs.print_config)
		print_effective(&verbs.config);
	else
		return capture_command(&verbs.config, argv, command, ret_status, error);
	return true;
}
