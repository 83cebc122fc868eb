/* SPDX-License-Identifier: MIT */
/*
 * The extcap dialogue. Queries print sentences made from the interface list and the option table,
 * without any privilege; a capture becomes a configuration for capture_run().
 *
 * Two parsers read argv: the first handles Wireshark's own options, the second the capture's. Options
 * that neither knows are ignored, because new releases of Wireshark add some. The first parser never
 * fails on a capture option, so the FIFO is known when the second one fails.
 */
#include <stdio.h>
#include <string.h>

#include "bpf/tap.h"
#include "extcap/sink/destination.h"
#include "extcap/system/cleanup.h"
#include "extcap/wireshark/control.h"
#include "extcap/system/error.h"
#include "extcap/wireshark/extcap.h"
#include "extcap/capture/filter.h"
#include "extcap/net/nic/ethtool.h"
#include "extcap/net/xdp-programs.h"
#include "extcap/net/link.h"
#include "extcap/system/log.h"
#include "extcap/config/conflicts.h"
#include "extcap/system/setup.h"
#include "extcap/wireshark/toolbar.h"

#define PREFIX	 "xdptap-"  /* keeps every name apart from native interfaces */
#define BY_INDEX "ifindex-" /* for names that Wireshark cannot use in a path */
#define DROPS	 "drops"    /* --point drop on all interfaces */

struct request {
	gboolean interfaces, dlts, config, capture, cleanup;
	char *version, *interface, *filter, *fifo, *reload;
	char *control_in, *control_out, *config_name, *config_value;
};

static void request_done(struct request *r)
{
	char **texts[] = { &r->version,	    &r->interface,   &r->filter,
			   &r->fifo,	    &r->reload,	     &r->control_in,
			   &r->control_out, &r->config_name, &r->config_value };

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
		g_clear_pointer(texts[i], g_free);
}

static bool request_parse(struct request *r, char ***argv, GError **error)
{
	const GOptionEntry entries[] = {
		{ "extcap-interfaces", 0, 0, G_OPTION_ARG_NONE, &r->interfaces },
		{ "extcap-dlts", 0, 0, G_OPTION_ARG_NONE, &r->dlts },
		{ "extcap-config", 0, 0, G_OPTION_ARG_NONE, &r->config },
		{ "capture", 0, 0, G_OPTION_ARG_NONE, &r->capture },
		{ "extcap-cleanup-postkill", 0, 0, G_OPTION_ARG_NONE, &r->cleanup },
		{ "extcap-version", 0, 0, G_OPTION_ARG_FILENAME, &r->version },
		{ "extcap-interface", 0, 0, G_OPTION_ARG_FILENAME, &r->interface },
		{ "extcap-capture-filter", 0, 0, G_OPTION_ARG_FILENAME, &r->filter },
		{ "fifo", 0, 0, G_OPTION_ARG_FILENAME, &r->fifo },
		{ "extcap-reload-option", 0, 0, G_OPTION_ARG_FILENAME, &r->reload },
		{ "extcap-control-in", 0, 0, G_OPTION_ARG_FILENAME, &r->control_in },
		{ "extcap-control-out", 0, 0, G_OPTION_ARG_FILENAME, &r->control_out },
		{ "extcap-config-option-name", 0, 0, G_OPTION_ARG_FILENAME, &r->config_name },
		{ "extcap-config-option-value", 0, 0, G_OPTION_ARG_FILENAME, &r->config_value },
		{ NULL },
	};
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);

	g_option_context_add_main_entries(context, entries, NULL);
	g_option_context_set_ignore_unknown_options(context, true);
	g_option_context_set_help_enabled(context, false);
	return g_option_context_parse_strv(context, argv, error);
}

static bool parse_capture(struct config *config, char ***argv, GError **error)
{
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);

	g_option_context_set_main_group(context, options_group(config, OPTION_DIALOG));
	g_option_context_set_ignore_unknown_options(context, true);
	g_option_context_set_help_enabled(context, false);
	return g_option_context_parse_strv(context, argv, error);
}

bool extcap_is_meant(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (g_str_has_prefix(argv[i], "--extcap-") || g_str_equal(argv[i], "--capture"))
			return true;
	return false;
}

/*
 * A value ends at "}" or at the end of the line and cannot be escaped: replaces both, and what could control
 * the terminal on which tshark lists the interfaces.
 */
static char *sanitize(const char *text)
{
	g_autofree char *valid = g_utf8_make_valid(text, -1);
	GString *safe = g_string_new(NULL);

	g_strdelimit(valid, "{", '(');
	g_strdelimit(valid, "}", ')');
	for (const char *p = valid; *p; p = g_utf8_next_char(p)) {
		gunichar c = g_utf8_get_char(p);
		bool ends_line = c == 0x2028 || c == 0x2029;

		g_string_append_unichar(safe, (g_unichar_isprint(c) && !ends_line) || c == 0xFFFD
						      ? c
						      : ' ');
	}
	return g_string_free(safe, false);
}

/* Whether Wireshark can use the name in a path, and it differs from all names that we generate. */
static bool is_usable(const char *name)
{
	return !g_str_equal(name, LINK_ANY) && !g_str_equal(name, DROPS) &&
	       !g_str_has_prefix(name, BY_INDEX) &&
	       strspn(name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "._-") == strlen(name);
}

/* What Wireshark calls the interface; owned by the caller. */
static char *name_of(const struct link *i)
{
	if (is_usable(i->name))
		return g_strconcat(PREFIX, i->name, NULL);
	return g_strdup_printf(PREFIX BY_INDEX "%u", i->index);
}

/* Whether the user, or Wireshark, may call the interface so. */
static bool is_called(const struct link *i, const char *name)
{
	g_autofree char *ours = name_of(i);

	return g_str_equal(ours, name) ||
	       (g_str_has_prefix(name, PREFIX) && link_is_named(i, name + strlen(PREFIX)));
}

/*
 * What the capture calls an interface: its name, or the number of -D for one that has the name of all of
 * them.
 */
static char *name_for_capture(const GPtrArray *usable, guint n)
{
	const struct link *i = usable->pdata[n];

	return g_str_equal(i->name, LINK_ANY) ? g_strdup_printf("%u", n + 1) : g_strdup(i->name);
}

/* Returns what the capture calls the interface that Wireshark calls name, or NULL. */
static char *find_typed(const char *name, int *ret_linktype, unsigned int *ret_ifindex,
			GError **error)
{
	g_autoptr(GPtrArray) list = NULL;

	*ret_linktype = LINK_LINKTYPE_ETHERNET;
	*ret_ifindex = 0;
	if (!name) {
		fail_usage(error, "--extcap-interface is required");
		return NULL;
	}
	if (g_str_equal(name, PREFIX LINK_ANY) || g_str_equal(name, PREFIX DROPS))
		return g_strdup(LINK_ANY);
	list = link_list_usable(error);
	for (guint n = 0; list && n < list->len; n++) {
		const struct link *i = list->pdata[n];

		if (is_called(i, name)) {
			*ret_linktype = link_linktype(i);
			*ret_ifindex = i->index;
			return name_for_capture(list, n);
		}
	}
	if (list)
		fail(error,
		     "no such interface: \"%s\"; use --extcap-interfaces to list the interfaces",
		     name);
	return NULL;
}

static char *find(const char *name, GError **error)
{
	unsigned int ifindex;
	int linktype;

	return find_typed(name, &linktype, &ifindex, error);
}

static const struct link *find_index(const GPtrArray *list, unsigned int index)
{
	for (guint n = 0; index && n < list->len; n++)
		if (((const struct link *)list->pdata[n])->index == index)
			return list->pdata[n];
	return NULL;
}

/* Describes the interface, the most useful facts first. */
static char *describe(const struct link *i, const GPtrArray *list)
{
	const struct link *master = find_index(list, i->master);
	g_autofree char *driver = i->kind ? g_strdup(i->kind) : ethtool_driver(i);
	g_autoptr(GString) s = g_string_new(i->name);

	if (i->alias)
		g_string_append_printf(s, " (%s)", i->alias);
	if (driver) /* its name alone, without version and bus */
		g_string_append_printf(s, ", %.*s", (int)strcspn(driver, " "), driver);
	if (master)
		g_string_append_printf(s, ", in %s", master->name);
	if (!i->is_up)
		g_string_append(s, ", down");
	else if (!i->is_running)
		g_string_append(s, ", no link");
	return sanitize(s->str);
}

static void print_interface(const struct link *i, const GPtrArray *list)
{
	g_autofree char *value = name_of(i), *display = describe(i, list);

	printf("interface {value=%s}{display=XDP tap on %s}\n", value, display);
}

/* Interfaces that are up and running first, otherwise in the kernel's order. */
static int compare(const void *a, const void *b)
{
	const struct link *const *x = a, *const *y = b;
	int rank = ((*y)->is_up + (*y)->is_running) - ((*x)->is_up + (*x)->is_running);

	return rank ? rank : (int)(*x)->index - (int)(*y)->index;
}

static bool print_interfaces(GError **error)
{
	g_autoptr(GPtrArray) list = link_list(error);
	g_autofree char *help = setup_help();

	if (!list)
		return false;
	printf("extcap {version=%s}%s%s%s{display=XDP tap}\n", XDPTAP_VERSION, help ? "{help=" : "",
	       help ? help : "", help ? "}" : "");
	toolbar_print();
	printf("interface {value=" PREFIX LINK_ANY
	       "}{display=XDP tap on all interfaces that are up}\n");
	printf("interface {value=" PREFIX DROPS
	       "}{display=XDP tap: packets that the kernel drops}\n");
	g_ptr_array_sort(list, compare);
	for (guint n = 0; n < list->len; n++)
		if (link_linktype(list->pdata[n]) >= 0)
			print_interface(list->pdata[n], list);
	return true;
}

static bool print_dlts(const struct request *r, GError **error)
{
	unsigned int ifindex;
	int linktype;
	g_autofree char *name = find_typed(r->interface, &linktype, &ifindex, error);

	if (name)
		filter_print_dlt(stdout, linktype);
	return name;
}

static void print_choices(const struct option *o, int number)
{
	for (uint64_t i = 0; o->choices[i].value; i++)
		printf("value {arg=%d}{value=%s}{display=%s}%s\n", number, o->choices[i].value,
		       o->choices[i].display,
		       o->type == OPTION_CHOICE && i == o->fallback ? "{default=true}" : "");
}

static void print_option(const struct option *o, int number)
{
	static const char *const types[] = {
		[OPTION_FLAG] = "boolflag",    [OPTION_NUMBER] = "unsigned",
		[OPTION_CHOICE] = "selector",  [OPTION_TEXT] = "string",
		[OPTION_FILE] = "fileselect",  [OPTION_SET] = "multicheck",
		[OPTION_PROGRAM] = "selector", [OPTION_SWITCH] = "boolean",
	};

	printf("arg {number=%d}{call=--%s}{display=%s}{type=%s}{tooltip=%s%s}", number, o->name,
	       o->display, types[o->type], o->help, o->note ? o->note : "");
	if (o->type == OPTION_FLAG)
		printf("{default=false}");
	if (o->type == OPTION_SWITCH)
		printf("{default=true}");
	if (o->type == OPTION_NUMBER)
		printf("{range=%" G_GUINT64_FORMAT ",%" G_GUINT64_FORMAT
		       "}{default=%" G_GUINT64_FORMAT "}",
		       o->min, o->max, o->fallback);
	if (o->type == OPTION_FILE)
		printf("{mustexist=false}");
	if (o->type == OPTION_PROGRAM)
		printf("{reload=true}{placeholder=Refresh}");
	if (o->group)
		printf("{group=%s}", o->group);
	printf("\n");
}

/* The XDP programs on the interface, as values of --program. */
static void print_programs(const char *interface, int number)
{
	g_autoptr(GPtrArray) list = xdp_programs_list(interface);

	printf("value {arg=%d}{value=" OPTION_PROGRAM_AUTO
	       "}{display=automatic: the program on the interface}{default=true}\n",
	       number);
	for (guint n = 0; n < list->len; n++) {
		const struct xdp_program *p = list->pdata[n];
		g_autofree char *display = sanitize(p->display);

		printf("value {arg=%d}{value=%s}{display=%s}\n", number, p->value, display);
	}
}

static void print_values(const struct option *o, const char *interface, int number)
{
	if (o->type == OPTION_CHOICE || o->type == OPTION_SET)
		print_choices(o, number);
	else if (o->type == OPTION_PROGRAM)
		print_programs(interface, number);
}

/* Drops of all interfaces have one place, both directions, and no frames beside them. */
static bool is_of_frames(const struct option *o)
{
	static const char *const names[] = { "direction",	"point",
					     "with-drops",	"mode",
					     "format",		"promiscuous-mode",
					     "time-stamp-type", "process" };

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		if (g_str_equal(o->name, names[i]))
			return true;
	return g_strcmp0(o->group, "Trace") == 0;
}

static bool is_offered(const struct option *o, const struct request *r)
{
	return (o->front_ends & OPTION_DIALOG) && o->display &&
	       !(is_of_frames(o) && g_strcmp0(r->interface, PREFIX DROPS) == 0);
}

static bool print_config(const struct request *r, GError **error)
{
	g_autofree char *name = find(r->interface, error);
	int number = 0;

	for (const struct option *o = options; name && o->name; o++) {
		if (!is_offered(o, r))
			continue;
		if (!r->reload)
			print_option(o, number);
		if (!r->reload || g_str_equal(r->reload, o->name))
			print_values(o, name, number);
		number++;
	}
	return name;
}

/* Any text on stdout marks the filter as invalid; exit status 0 says that it was checked. */
static bool check_filter(const struct request *r, GError **error)
{
	unsigned int ifindex;
	int linktype;
	g_autofree char *name = find_typed(r->interface, &linktype, &ifindex, error);
	_cleanup_(filter_unrefp) struct filter *filter = NULL;
	g_autoptr(GError) wrong = NULL;

	filter = name ? filter_new(r->filter, linktype, ifindex, &wrong) : NULL;
	if (wrong)
		printf("%s\n", wrong->message);
	return name;
}

/* Another namespace has other interfaces than those listed: the name is used as it is. */
static char *find_for_capture(const char *name, const struct config *config, GError **error)
{
	if (g_strcmp0(name, PREFIX DROPS) == 0)
		return g_strdup(LINK_ANY);
	if (config->netns && name && g_str_has_prefix(name, PREFIX))
		return g_strdup(name + strlen(PREFIX));
	return find(name, error);
}

static bool parse_request(const struct request *r, struct config *config, char ***rest,
			  GError **error)
{
	if (!parse_capture(config, rest, error))
		return false;
	if (g_strcmp0(r->interface, PREFIX DROPS) == 0)
		options_set_point(config, point_drop.choice);
	return true;
}

static bool capture(const struct request *r, char **argv, char ***rest, GError **error)
{
	/* Comes first: Wireshark blocks until the control pipe is opened. */
	_cleanup_(control_freep) struct control *control =
		r->control_in ? control_open(r->control_in, r->control_out) : NULL;
	_cleanup_(options_done) struct config config;
	char *name = NULL;

	options_init(&config);
	if (!r->fifo)
		return fail_usage(error, "--capture requires --fifo");
	config.output = g_strdup(r->fifo);
	config.filter = r->filter && *r->filter ? g_strdup(r->filter) : NULL;
	if (parse_request(r, &config, rest, error) &&
	    conflicts_check(&config, OPTION_DIALOG, error) &&
	    log_open(config.log_file, (enum log_level)config.log_level, argv, error))
		name = find_for_capture(r->interface, &config, error);
	if (!name) {
		const unsigned int n_signals = 0;
		struct destination fifo;

		destination_init(&fifo, &config, control);
		destination_refuse(&fifo);
		control_linger(control, &n_signals);
		return false;
	}
	g_ptr_array_add(config.interfaces, name);
	return toolbar_run(control, &config, error);
}

bool extcap_run(int argc, char **argv, GError **error)
{
	_cleanup_(request_done) struct request r = { 0 };
	g_auto(GStrv) rest = g_strdupv(argv);

	if (!request_parse(&r, &rest, error))
		return false;
	if (r.interfaces)
		return print_interfaces(error);
	if (r.dlts)
		return print_dlts(&r, error);
	if (r.config)
		return print_config(&r, error);
	if (r.capture)
		return capture(&r, argv, &rest, error);
	if (r.filter)
		return check_filter(&r, error);
	if (r.cleanup || r.config_name)
		return true; /* nothing outlives the process, and there is no table option */
	return fail_usage(error, "nothing to do; use --extcap-interfaces, --extcap-dlts, "
				 "--extcap-config or --capture");
}
