/* SPDX-License-Identifier: MIT */
/* Times of a source, from none to years. */
#include "extcap/system/gsource.h"

static gboolean on_time(void *user G_GNUC_UNUSED)
{
	return G_SOURCE_CONTINUE;
}

static void check(GSource *source, gint64 ms)
{
	gint64 before = g_get_monotonic_time();

	gsource_set_ms(source, ms);
	g_assert_cmpint(g_source_get_ready_time(source), >=, before + ms * 1000);
	g_assert_cmpint(g_source_get_ready_time(source), <=, g_get_monotonic_time() + ms * 1000);
}

static void test_times(void)
{
	const gint64 day = 24 * 60 * 60 * G_GINT64_CONSTANT(1000);
	GSource *source = gsource_add(on_time, NULL);

	check(source, 0);
	check(source, 1);
	check(source, 25 * day); /* more than 31 bits of milliseconds */
	check(source, 60 * day); /* more than 32 */
	check(source, 20000 * day);
	gsource_set_ms(source, G_MAXINT64);
	g_assert_cmpint(g_source_get_ready_time(source), >, g_get_monotonic_time());
	gsource_set_ms(source, -1);
	g_assert_cmpint(g_source_get_ready_time(source), ==, -1);
	g_source_destroy(source);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/gsource/times", test_times);
	return g_test_run();
}
