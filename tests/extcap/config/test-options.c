/* SPDX-License-Identifier: MIT */
/* Every row of the option table: its default, its bounds, and what is said of a wrong value. */
#include <glib.h>
#include <string.h>

#include "extcap/system/cleanup.h"
#include "extcap/system/error.h"
#include "extcap/config/options.h"

static bool parse(struct config *c, const char *name, const char *value, GError **error)
{
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	g_autofree char *option = value ? g_strdup_printf("--%s=%s", name, value)
					: g_strdup_printf("--%s", name);
	const char *const argv[] = { "xdptap", option, NULL };
	g_auto(GStrv) rest = g_strdupv((char **)argv);

	g_option_context_set_main_group(context, options_group(c, OPTION_BOTH));
	return g_option_context_parse_strv(context, &rest, error);
}

static void assert_takes(const struct option *o, const char *value, const char *expected)
{
	_cleanup_(options_done) struct config c;
	g_autoptr(GError) error = NULL;
	g_autofree char *got = NULL;

	options_init(&c);
	parse(&c, o->name, value, &error);
	g_assert_no_error(error);
	got = options_value(&c, o);
	g_assert_cmpstr(got, ==, expected);
}

static void assert_refuses(const struct option *o, const char *value)
{
	_cleanup_(options_done) struct config c;
	g_autoptr(GError) error = NULL;
	g_autofree char *before = NULL, *after = NULL;

	options_init(&c);
	before = options_value(&c, o);
	g_assert_false(parse(&c, o->name, value, &error));
	g_assert_nonnull(strstr(error->message, o->name));
	g_assert_cmpint(error_exit_status(error), ==, 2);
	after = options_value(&c, o);
	g_assert_cmpstr(before, ==, after);
}

static void test_rows(void)
{
	g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
	bool letters[256] = { false };

	for (const struct option *o = options; o->name; o++) {
		g_assert_true(g_hash_table_add(names, (void *)o->name));
		g_assert_false(o->letter && letters[(unsigned char)o->letter]);
		letters[(unsigned char)o->letter] = true;
		g_assert_nonnull(o->help);
		g_assert_false(g_str_has_suffix(o->help, "."));
		g_assert_cmpuint(strlen(o->help), <=, 60);
		g_assert_true(!o->argument == (o->type == OPTION_FLAG || o->type == OPTION_NO));
		g_assert_true(o->front_ends & OPTION_DIALOG || !o->display);
	}
	g_assert_cmpuint(g_hash_table_size(names), <, OPTIONS_MAX);
}

static void test_numbers(void)
{
	static const char *const wrong[] = {
		"", " 1", "1 ", "+1", "-1", "1.5", "1k", "0x1", "99999999999999999999", "\xff"
	};

	for (const struct option *o = options; o->name; o++) {
		const uint64_t right[] = { o->min, o->max, o->fallback };

		if (o->type != OPTION_NUMBER)
			continue;
		for (size_t i = 0; i < G_N_ELEMENTS(right); i++) {
			g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT, right[i]);

			assert_takes(o, text, text);
		}
		for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++)
			assert_refuses(o, wrong[i]);
		if (o->max < UINT64_MAX) {
			g_autofree char *above = g_strdup_printf("%" G_GUINT64_FORMAT, o->max + 1);

			assert_refuses(o, above);
		}
		if (o->min)
			assert_refuses(o, "0");
	}
}

static void test_choices(void)
{
	for (const struct option *o = options; o->name; o++) {
		if (o->type != OPTION_CHOICE)
			continue;
		for (const struct choice *c = o->choices; c->value; c++)
			assert_takes(o, c->value, c->value);
		assert_refuses(o, "");
		assert_refuses(o, "0");
		assert_refuses(o, "none of these");
	}
}

static void test_texts(void)
{
	for (const struct option *o = options; o->name; o++) {
		if (o->type == OPTION_FLAG || o->type == OPTION_NO)
			assert_takes(o, NULL, "true");
		if (o->type == OPTION_SWITCH) {
			assert_takes(o, "true", "true");
			assert_takes(o, "false", "false");
			assert_refuses(o, "yes");
			assert_refuses(o, "");
		}
		if (o->type == OPTION_TEXT || o->type == OPTION_FILE)
			assert_takes(o, "some \xc3\xa4 text", "some \xc3\xa4 text");
		if (o->type == OPTION_TEXT) {
			assert_takes(o, "", "");
			assert_refuses(o, "\xff");
		}
		if (o->type == OPTION_FILE) {
			assert_takes(o, "/\xff", "/\xff"); /* a path is any bytes */
			assert_refuses(o, "");
		}
	}
}

static void test_last_counts(void)
{
	_cleanup_(options_done) struct config c;

	options_init(&c);
	g_assert_true(parse(&c, "filter", "icmp", NULL));
	g_assert_true(parse(&c, "filter", "arp", NULL));
	g_assert_cmpstr(c.filter, ==, "arp");
	g_assert_true(parse(&c, "interface", "one", NULL));
	g_assert_true(parse(&c, "interface", "two", NULL));
	g_assert_cmpuint(c.interfaces->len, ==, 2);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/options/rows", test_rows);
	g_test_add_func("/options/numbers", test_numbers);
	g_test_add_func("/options/choices", test_choices);
	g_test_add_func("/options/texts", test_texts);
	g_test_add_func("/options/last-counts", test_last_counts);
	return g_test_run();
}
