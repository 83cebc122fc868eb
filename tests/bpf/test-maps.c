/* SPDX-License-Identifier: MIT */
/*
 * maps_synchronize() in the real kernel: it returns only after a program that is running on another CPU
 * has ended. Without the privilege to load programs it skips.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <glib.h>

#include "bpf/maps.h"
#include "slow.skel.h"
#include "tests/bpf/old.h"

#define RUNS 3

static gpointer run(gpointer program)
{
	uint8_t frame[64] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame));

	g_assert_cmpint(bpf_prog_test_run_opts(bpf_program__fd(program), &opts), ==, 0);
	return NULL;
}

static void test_waits(void)
{
	struct slow_bpf *skel;
	struct maps maps;
	int r = maps_init(&maps, 4096, 1024);

	if (r == -EPERM && !g_getenv("XDPTAP_TESTS_MUST_RUN")) {
		g_test_skip("may not load BPF programs");
		return;
	}
	g_assert_cmpint(r, ==, 0);
	if (skip_if_old()) {
		maps_done(&maps);
		return;
	}
	skel = slow_bpf__open_and_load();
	g_assert_nonnull(skel);
	for (int i = 0; i < RUNS; i++) {
		GThread *thread;

		skel->bss->has_begun = skel->bss->has_ended = 0;
		thread = g_thread_new("slow", run, skel->progs.slow);
		while (!skel->bss->has_begun)
			g_thread_yield();
		g_assert_cmpint(maps_synchronize(&maps), ==, 0);
		g_assert_true(skel->bss->has_ended);
		g_thread_join(thread);
	}
	slow_bpf__destroy(skel);
	maps_done(&maps);
}

/* It leaves the rings in their places. */
static void test_leaves_rings(void)
{
	struct maps maps;
	uint32_t before, after;
	const uint32_t first = 0;

	if (maps_init(&maps, 4096, 1024) < 0) {
		g_test_skip("may not load BPF programs");
		return;
	}
	g_assert_cmpint(bpf_map_lookup_elem(maps.rings_fd, &first, &before), ==, 0);
	g_assert_cmpint(maps_synchronize(&maps), ==, 0);
	g_assert_cmpint(bpf_map_lookup_elem(maps.rings_fd, &first, &after), ==, 0);
	g_assert_cmpuint(before, ==, after);
	maps_done(&maps);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/maps/waits", test_waits);
	g_test_add_func("/maps/leaves-rings", test_leaves_rings);
	return g_test_run();
}
