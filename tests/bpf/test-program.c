/* SPDX-License-Identifier: MIT */
/* Questions about loaded programs, and who hears what libbpf says meanwhile. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <glib.h>

#include "bpf/program.h"
#include "bpf/tap.h"

static GString *said;

static void hear(const char *text)
{
	g_string_append(said, text);
}

/* libbpf would ask the kernel: some versions of it print what the kernel says to that. */
static void test_no_interface(void)
{
	struct tap_program list[PROGRAM_LIST] = { { 0 } };

	g_assert_cmpint(program_list(0, list, PROGRAM_LIST), ==, -ENODEV);
	g_assert_cmpstr(said->str, ==, "");
}

static void test_log(void)
{
	g_assert_null(bpf_object__open("/nowhere"));
	g_assert_nonnull(strstr(said->str, "/nowhere"));
	g_string_truncate(said, 0);
	tap_set_log(NULL);
	g_assert_null(bpf_object__open("/nowhere"));
	g_assert_cmpstr(said->str, ==, "");
}

int main(int argc, char **argv)
{
	said = g_string_new(NULL);
	tap_set_log(hear);
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/program/no interface", test_no_interface);
	g_test_add_func("/program/log", test_log);
	return g_test_run();
}
