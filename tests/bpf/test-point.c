/* SPDX-License-Identifier: MIT */
/* The table of capture points: each row is complete, and its name and its choice find it. */
#include <glib.h>

#include "bpf/point.h"

static void test_rows(void)
{
	size_t n = 0;

	for (; points[n]; n++) {
		const struct point *p = points[n];

		g_assert_true(p->name && p->choice && p->title);
		g_assert_true(p->attach && p->replace && p->detach && p->free && p->is_attached);
		g_assert_true(point_find(p->name) == p); /* the name is unique */
		g_assert_cmpstr(p->choice, !=, "auto");
	}
	g_assert_cmpuint(n, ==, POINTS_N);
	g_assert_null(point_find("tc"));
}

/* Points that share a choice share its title, and differ in their direction. */
static void test_choices(void)
{
	for (size_t i = 1; points[i]; i++)
		for (size_t k = 0; k < i; k++) {
			if (!g_str_equal(points[i]->choice, points[k]->choice))
				continue;
			g_assert_cmpstr(points[i]->title, ==, points[k]->title);
			g_assert_true(points[i]->is_egress != points[k]->is_egress);
		}
}

static void test_choose(void)
{
	g_assert_true(point_choose("tc", false) == &point_tc_ingress);
	g_assert_true(point_choose("tc", true) == &point_tc_egress);
	g_assert_true(point_choose("trace", false) == &point_trace);
	g_assert_true(point_choose("trace", true) == &point_tc_egress);
	g_assert_true(point_choose(NULL, false) == points[0]);
	for (size_t i = 0; points[i]; i++)
		g_assert_true(point_choose(points[i]->choice, points[i]->is_egress) == points[i]);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/point/rows", test_rows);
	g_test_add_func("/point/choices", test_choices);
	g_test_add_func("/point/choose", test_choose);
	return g_test_run();
}
