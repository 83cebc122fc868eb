/* SPDX-License-Identifier: MIT */
/* Notes by their marks, also when these begin again. */
#include <glib.h>
#include <string.h>

#include "extcap/capture/changes.h"

static void test_few(void)
{
	struct changes n;
	g_autofree char *summary = NULL;

	changes_init(&n);
	g_assert_null(changes_summary(&n));
	g_assert_null(changes_find(&n, 0));
	g_assert_null(changes_find(&n, 1));
	g_assert_cmpuint(changes_add(&n, "paused"), ==, 1);
	g_assert_cmpuint(changes_add(&n, "resumed"), ==, 2);
	g_assert_true(g_str_has_suffix(changes_find(&n, 1), "Z paused"));
	g_assert_true(g_str_has_suffix(changes_find(&n, 2), "Z resumed"));
	g_assert_null(changes_find(&n, 3));
	summary = changes_summary(&n);
	g_assert_nonnull(strstr(summary, "Z paused; "));
	g_assert_true(g_str_has_suffix(summary, "Z resumed"));
	changes_done(&n);
}

static void test_many(void)
{
	struct changes n;
	uint16_t mark = 0, last = 0;
	g_autofree char *summary = NULL;

	changes_init(&n);
	for (int i = 0; i < 70000; i++) {
		mark = changes_add(&n, i == 69999 ? "last" : "change");
		g_assert_cmpuint(mark, !=, 0);
		g_assert_true(changes_is_later(mark, last));
		g_assert_false(changes_is_later(last, mark));
		last = mark;
	}
	g_assert_true(g_str_has_suffix(changes_find(&n, mark), "Z last"));
	summary = changes_summary(&n);
	g_assert_nonnull(strstr(summary, "70000 times"));
	g_assert_true(g_str_has_suffix(summary, "Z last"));
	g_assert_cmpuint(strlen(summary), <, 1000);
	changes_done(&n);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/notes/few", test_few);
	g_test_add_func("/notes/many", test_many);
	return g_test_run();
}
