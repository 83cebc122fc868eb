/* SPDX-License-Identifier: MIT */
/* Command lines whose options go together, and those where one of them would have no effect. */
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#include "extcap/config/conflicts.h"
#include "extcap/system/cleanup.h"
#include "extcap/system/error.h"

static void parse(struct config *c, const char *line)
{
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	g_autofree char *full = g_strconcat("xdptap ", line, NULL);
	g_auto(GStrv) argv = NULL;
	g_autoptr(GError) error = NULL;

	options_init(c);
	c->output = g_strdup("/nowhere/out");
	g_assert_true(g_shell_parse_argv(full, NULL, &argv, NULL));
	g_option_context_set_main_group(context, options_group(c, OPTION_BOTH));
	g_option_context_parse_strv(context, &argv, &error);
	g_assert_no_error(error);
}

/* `word`: what the sentence says; NULL: the options go together. */
static void check(unsigned int front_end, const char *line, const char *word)
{
	_cleanup_(options_done) struct config c;
	g_autoptr(GError) error = NULL;

	parse(&c, line);
	g_test_message("%s", line);
	if (!word) {
		conflicts_check(&c, front_end, &error);
		g_assert_no_error(error);
		return;
	}
	g_assert_false(conflicts_check(&c, front_end, &error));
	g_assert_cmpint(error_exit_status(error), ==, 2);
	g_assert_nonnull(strstr(error->message, word));
	g_assert_cmpuint(strlen(error->message), <, 200);
}

static void test_points(void)
{
	static const char *const wrong[][2] = {
		{ "-Q out --mode native", "--mode" },
		{ "-Q out --mode generic --point tc", "--mode" },
		{ "-Q out -j adapter", "--time-stamp-type" },
		{ "-Q out --verdict drop", "--verdict" },
		{ "-Q out --program fw", "--program" },
		{ "-Q out --at exit", "--at" },
		{ "-Q out --point xdp", "--direction" },
		{ "-Q out --point trace", "--direction" },
		{ "--mode native --point tc", "--mode" },
		{ "--mode generic --point trace", "--mode" },
		{ "--mode native --verdict drop", "--mode" },
		{ "--mode generic --program fw", "--mode" },
		{ "--at entry --point xdp", "--at" },
		{ "--at exit --point tc", "--at" },
		{ "-f tcp --filter-at exit --point tc", "--filter-at" },
		{ "--filter-at exit", "-f" },
		{ "--filter-at exit --point trace", "-f" },
		{ "--log-level debug", "--log-file" },
		{ "--log-level info", "--log-file" },
	};
	static const char *const right[] = {
		"",
		"-Q out",
		"-Q out --point tc",
		"-Q in --mode native",
		"--mode native --point xdp",
		"--mode auto --point tc",
		"--at entry",
		"--at exit --point trace",
		"--at both --point tc",
		"-f tcp --filter-at exit",
		"-f tcp --filter-at exit --point trace --verdict drop",
		"--filter-at entry --point xdp",
		"--log-level warning",
		"--log-level debug --log-file /nowhere/log",
		"-Q in -j adapter --mode native",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++)
		check(OPTION_CLI, wrong[i][0], wrong[i][1]);
	for (size_t i = 0; i < G_N_ELEMENTS(right); i++)
		check(OPTION_CLI, right[i], NULL);
}

/* The toolbar can change direction and filter: what they exclude now may be used later. */
static void test_dialog(void)
{
	check(OPTION_DIALOG, "-Q out --mode native --point xdp", NULL);
	check(OPTION_DIALOG, "-Q out --at exit", NULL);
	check(OPTION_DIALOG, "--filter-at exit", NULL);
	check(OPTION_DIALOG, "--mode native --point tc", "--mode");
	check(OPTION_DIALOG, "--at exit --point xdp", "--at");
	check(OPTION_DIALOG, "--log-level info", "--log-file");
}

static void test_files(void)
{
	static const char *const wrong[][2] = {
		{ "-b files:3", "-b" },
		{ "-b printname:-", "-b" },
		{ "-b nametimenum:2", "-b" },
		{ "--total-size 3G", "--total-size" },
		{ "--max-age 1d", "--max-age" },
		{ "--min-free 10%", "--min-free" },
		{ "--min-free 1G", "--min-free" },
		{ "--file-name x%{seq}", "--file-name" },
		{ "-a files:2", "files:" },
		{ "--disk-full prune", "prune" },
		{ "-a filesize:10 -b packets:3", "filesize:" },
		{ "-b packets:3 -b nametimenum:1 --file-name x%{seq}", "nametimenum" },
		{ "-w - -b packets:3", "standard output" },
		{ "-w - --compress gzip", "standard output" },
		{ "-w - --disk-full drop", "standard output" },
		{ "-w - --sync 1s", "standard output" },
		{ "-w - --post-rotate true", "standard output" },
		{ "-w - -g", "standard output" },
		{ "--format pcap -b packets:3", "pcapng" },
		{ "--format pcap --compress gzip", "pcapng" },
		{ "--format pcap --sync 1s", "pcapng" },
		{ "--format pcap --disk-full drop", "pcapng" },
		{ "--format pcap --post-rotate true", "pcapng" },
	};
	static const char *const right[] = {
		"-a filesize:10",
		"-a files:2 -b packets:3 -b files:1",
		"-b packets:3 --disk-full prune --total-size 3G --max-age 1d --min-free 10%",
		"--disk-full drop --sync 1s --compress gzip -g --post-rotate true",
		"--format pcap -g -a filesize:10 -a duration:1 -c 3",
		"-w - -a filesize:10 --stats-file /nowhere/stats",
		"-b packets:3 --file-name x%{seq} -b printname:-",
		"-w /dev/null --post-rotate true",
		"-w /dev/null --log-file /dev/null",
		"-b packets:1 -w /nowhere/x --log-file /nowhere/x",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++)
		check(OPTION_CLI, wrong[i][0], wrong[i][1]);
	for (size_t i = 0; i < G_N_ELEMENTS(right); i++)
		check(OPTION_CLI, right[i], NULL);
}

/* By name, by another name, and by a link. */
static void test_same_file(void)
{
	g_autofree char *folder = g_dir_make_tmp("xdptap-XXXXXX", NULL);
	g_autofree char *file = g_build_filename(folder, "file", NULL);
	g_autofree char *link = g_build_filename(folder, "link", NULL);
	g_autofree char *linked = g_strdup_printf("-w %s --log-file %s", file, link);
	g_autofree char *counters = g_strdup_printf("--log-file %s --stats-file %s", file, file);

	check(OPTION_CLI, "-w /nowhere/x --stats-file /nowhere/x", "same file");
	check(OPTION_CLI, "-w /nowhere/x --stats-file /nowhere/y/../x", "same file");
	check(OPTION_CLI, "-w x --log-file ./x", "same file");
	check(OPTION_CLI, "-b packets:1 -b printname:/nowhere/x --log-file /nowhere/x",
	      "same file");
	check(OPTION_CLI, counters, "same file");
	check(OPTION_CLI, linked, NULL);
	g_assert_true(g_file_set_contents(file, "", 0, NULL));
	g_assert_cmpint(symlink(file, link), ==, 0);
	check(OPTION_CLI, linked, "same file");
	g_unlink(link);
	g_unlink(file);
	g_rmdir(folder);
}

static void test_not_a_file(void)
{
	g_autofree char *folder = g_dir_make_tmp("xdptap-XXXXXX", NULL);
	g_autofree char *fifo = g_build_filename(folder, "fifo", NULL);
	g_autofree char *command = g_strdup_printf("-w %s --post-rotate true", fifo);
	g_autofree char *group = g_strdup_printf("-w %s -g", fifo);

	g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
	check(OPTION_CLI, command, "FIFO");
	check(OPTION_CLI, group, "-g");
	check(OPTION_CLI, "-w /dev/null -g", "-g");
	g_unlink(fifo);
	g_rmdir(folder);
}

/* Every option but the one that the query uses has no effect on it. */
static void test_queries(void)
{
	for (const struct option *o = options; o->name; o++) {
		_cleanup_(options_done) struct config c;
		g_autoptr(GError) error = NULL;
		char **text = NULL;

		options_init(&c);
		g_assert_true(conflicts_check_query(&c, "-D", NULL, &error));
		if (o->type == OPTION_TEXT || o->type == OPTION_FILE)
			text = (char **)((char *)&c + o->offset);
		if (!text)
			continue;
		*text = g_strdup("x");
		g_assert_true(conflicts_check_query(&c, "-D", o->name, NULL));
		g_assert_false(conflicts_check_query(&c, "-D", NULL, &error));
		g_assert_nonnull(strstr(error->message, o->name));
		g_assert_nonnull(strstr(error->message, "-D"));
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/conflicts/points", test_points);
	g_test_add_func("/conflicts/dialog", test_dialog);
	g_test_add_func("/conflicts/files", test_files);
	g_test_add_func("/conflicts/same-file", test_same_file);
	g_test_add_func("/conflicts/not-a-file", test_not_a_file);
	g_test_add_func("/conflicts/queries", test_queries);
	return g_test_run();
}
