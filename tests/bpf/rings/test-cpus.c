/* SPDX-License-Identifier: MIT */
/* Which CPU gets which ring, for lists of online CPUs that few machines have. */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "bpf/maps.h"
#include "bpf/rings/cpus.h"

#define CPUS 6

static void assert_listed(const char *list, const char *expected)
{
	bool is_listed[CPUS];

	memset(is_listed, true, sizeof(is_listed));
	g_assert_cmpint(cpus_parse(list, is_listed, CPUS), ==, 0);
	for (unsigned int cpu = 0; cpu < CPUS; cpu++)
		g_assert_cmpint(is_listed[cpu], ==, expected[cpu] == '1');
}

static void test_lists(void)
{
	assert_listed("0-1\n", "110000");
	assert_listed("0,2-3\n", "101100");
	assert_listed("0,2,4", "101010");
	assert_listed("1-5,200-300\n", "011111");
	assert_listed("5\n", "000001");
	assert_listed("4-1000000\n", "000011");
	assert_listed("\n", "000000");
}

static void test_no_lists(void)
{
	static const char *const texts[] = { "x", "0-", "0--1", "-1", "0 1", "0,x", "1-x" };
	bool is_listed[CPUS];

	for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
		g_assert_cmpint(cpus_parse(texts[i], is_listed, CPUS), ==, -EINVAL);
}

/* The one way in which every machine lists its own: some CPU runs this. */
static void test_online(void)
{
	bool is_online[4096], found = false;

	g_assert_cmpint(cpus_online(is_online, G_N_ELEMENTS(is_online)), ==, 0);
	for (gsize cpu = 0; cpu < G_N_ELEMENTS(is_online); cpu++)
		found |= is_online[cpu];
	g_assert_true(found);
}

/* No ring is unused, and no two CPUs that are online share one. */
static void assert_assigned(const char *list, unsigned int expected)
{
	unsigned int ring_of[CPUS], users[CPUS] = { 0 }, n;
	bool is_online[CPUS];

	g_assert_cmpint(cpus_parse(list, is_online, CPUS), ==, 0);
	n = cpus_assign(is_online, CPUS, ring_of);
	g_assert_cmpuint(n, ==, expected);
	for (unsigned int cpu = 0; cpu < CPUS; cpu++) {
		g_assert_cmpuint(ring_of[cpu], <, n);
		users[ring_of[cpu]] += is_online[cpu];
	}
	for (unsigned int ring = 0; ring < n; ring++)
		g_assert_cmpuint(users[ring], ==, 1);
}

static void test_assigned(void)
{
	assert_assigned("0-5", 6);
	assert_assigned("0,2,3", 3);
	assert_assigned("0,2,4", 3);
	assert_assigned("5", 1);
	assert_assigned("1,3-5", 4);
}

/* Only a CPU that lacks a ring and has captured something needs one. */
static void test_busy(void)
{
	struct wire_cpu words[4] = { { .unwoken = 0 },
				     { .unwoken = WIRE_UNUSED },
				     { .unwoken = WIRE_UNUSED },
				     { .unwoken = WIRE_UNUSED } };
	bool is_served[4] = { true, false, true, false };
	const struct maps m = { .n_cpus = 4, .cpu = words, .is_served = is_served };

	g_assert_cmpint(maps_find_busy(&m), ==, -1);
	words[2].unwoken += 96;
	g_assert_cmpint(maps_find_busy(&m), ==, -1);
	words[3].unwoken += 96;
	g_assert_cmpint(maps_find_busy(&m), ==, 3);
	words[1].unwoken = 0; /* it has woken the reader */
	g_assert_cmpint(maps_find_busy(&m), ==, 1);
	is_served[1] = is_served[3] = true;
	g_assert_cmpint(maps_find_busy(&m), ==, -1);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/cpus/lists", test_lists);
	g_test_add_func("/cpus/no-lists", test_no_lists);
	g_test_add_func("/cpus/online", test_online);
	g_test_add_func("/cpus/assigned", test_assigned);
	g_test_add_func("/cpus/busy", test_busy);
	return g_test_run();
}
