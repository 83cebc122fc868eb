/* SPDX-License-Identifier: MIT */
/* Versions of other kernels. */
#include <glib.h>

#include "bpf/facts.h"

static void test_realtime(void)
{
	g_assert_true(facts_is_realtime("#1 SMP PREEMPT_RT Debian 6.12.43-1 (2025-08-27)"));
	g_assert_true(facts_is_realtime("#1 SMP PREEMPT RT Debian 4.19.37-5 (2019-06-19)"));
	g_assert_false(facts_is_realtime("#1 SMP PREEMPT_DYNAMIC Debian 6.12.43-1 (2025-08-27)"));
	g_assert_false(facts_is_realtime("#1 SMP PREEMPT Debian 6.1.0-1"));
	g_assert_false(facts_is_realtime("#26-Ubuntu SMP Tue Mar 25 11:44:19 UTC 2025"));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/facts/realtime", test_realtime);
	return g_test_run();
}
