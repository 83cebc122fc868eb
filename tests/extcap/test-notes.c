/* SPDX-License-Identifier: MIT */
/* Notes by their marks, also when these begin again. */
#include <glib.h>
#include <string.h>

#include "extcap/notes.h"

static void test_few(void)
{
	struct notes n;
	g_autofree char *summary = NULL;

	notes_init(&n);
	g_assert_null(notes_summary(&n));
	g_assert_null(notes_find(&n, 0));
	g_assert_null(notes_find(&n, 1));
	g_assert_cmpuint(notes_add(&n, "paused"), ==, 1);
	g_assert_cmpuint(notes_add(&n, "resumed"), ==, 2);
	g_assert_true(g_str_has_suffix(notes_find(&n, 1), "Z paused"));
	g_assert_true(g_str_has_suffix(notes_find(&n, 2), "Z resumed"));
	g_assert_null(notes_find(&n, 3));
	summary = notes_summary(&n);
	g_assert_nonnull(strstr(summary, "Z paused; "));
	g_assert_true(g_str_has_suffix(summary, "Z resumed"));
	notes_done(&n);
}

static void test_many(void)
{
	struct notes n;
	uint16_t mark = 0, last = 0;
	g_autofree char *summary = NULL;

	notes_init(&n);
	for (int i = 0; i < 70000; i++) {
		mark = notes_add(&n, i == 69999 ? "last" : "change");
		g_assert_cmpuint(mark, !=, 0);
		g_assert_true(notes_is_later(mark, last));
		g_assert_false(notes_is_later(last, mark));
		last = mark;
	}
	g_assert_true(g_str_has_suffix(notes_find(&n, mark), "Z last"));
	summary = notes_summary(&n);
	g_assert_nonnull(strstr(summary, "70000 times"));
	g_assert_true(g_str_has_suffix(summary, "Z last"));
	g_assert_cmpuint(strlen(summary), <, 1000);
	notes_done(&n);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/notes/few", test_few);
	g_test_add_func("/notes/many", test_many);
	return g_test_run();
}
