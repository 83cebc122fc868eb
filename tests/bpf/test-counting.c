/* SPDX-License-Identifier: MIT */
/*
 * Counters in the real kernel, in both variants: the one for PREEMPT_RT is exact even if two programs
 * count at once, and the other has no atomic instruction left once it is loaded. Without the privilege to
 * load programs it skips.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <glib.h>
#include <linux/filter.h>
#include <sched.h>
#include <sys/sysinfo.h>

#include "bpf/maps.h"
#include "counting.skel.h"
#include "tc.skel.h"
#include "tests/bpf/old.h"
#include "xdp.skel.h"

#define ROUNDS (1 << 20) /* counting.bpf.c */
#define CPUS   2

static bool setup(struct maps *maps)
{
	int r = maps_init(maps, 4096, 1024);

	if (r == -EPERM && !g_getenv("XDPTAP_TESTS_MUST_RUN")) {
		g_test_skip("may not load BPF programs");
		return false;
	}
	g_assert_cmpint(r, ==, 0);
	if (!skip_if_old())
		return true;
	maps_done(maps);
	return false;
}

struct worker {
	int cpu, prog_fd;
};

static gpointer count_up(gpointer arg)
{
	const struct worker *w = arg;
	uint8_t frame[64] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame));
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(w->cpu, &one);
	g_assert_cmpint(sched_setaffinity(0, sizeof(one), &one), ==, 0);
	g_assert_cmpint(bpf_prog_test_run_opts(w->prog_fd, &opts), ==, 0);
	return NULL;
}

static struct counting_bpf *load_counting(const struct maps *maps, bool is_preemptible)
{
	struct counting_bpf *skel = counting_bpf__open();

	g_assert_nonnull(skel);
	skel->rodata->config.slot = 3;
	skel->rodata->config.is_preemptible = is_preemptible;
	g_assert_cmpint(maps_share(maps, skel->obj), ==, 0);
	g_assert_cmpint(counting_bpf__load(skel), ==, 0);
	return skel;
}

/* Every loss is reported, or still to be reported. */
static void assert_counts(const struct maps *maps, const struct counting_bpf *skel, uint64_t n_cpus)
{
	struct wire_count count;

	g_assert_cmpint(maps_read_count(maps, 3, &count), ==, 0);
	g_assert_cmpuint(count.seen, ==, n_cpus * ROUNDS);
	g_assert_cmpuint(count.accepted, ==, n_cpus * ROUNDS);
	g_assert_cmpuint(count.lost[WIRE_LOST_FULL], ==, n_cpus * ROUNDS / 4);
	g_assert_cmpint((int64_t)(skel->bss->told[0] + skel->bss->told[1]) + (int32_t)count.gap, ==,
			(int64_t)n_cpus * ROUNDS / 4);
}

static void test_alone(void)
{
	for (int is_preemptible = 0; is_preemptible <= 1; is_preemptible++) {
		struct counting_bpf *skel;
		struct worker worker = { 0 };
		struct maps maps;

		if (!setup(&maps))
			return;
		skel = load_counting(&maps, is_preemptible);
		worker.prog_fd = bpf_program__fd(skel->progs.count_up);
		g_thread_join(g_thread_new("worker", count_up, &worker));
		assert_counts(&maps, skel, 1);
		counting_bpf__destroy(skel);
		maps_done(&maps);
	}
}

static void test_at_once(void)
{
	struct worker workers[CPUS];
	GThread *threads[CPUS];
	struct counting_bpf *skel;
	struct maps maps;

	if (get_nprocs() < CPUS) {
		g_test_skip("this machine has a single CPU");
		return;
	}
	if (!setup(&maps))
		return;
	skel = load_counting(&maps, true);
	for (int i = 0; i < CPUS; i++) {
		workers[i] = (struct worker){ i, bpf_program__fd(skel->progs.count_up) };
		threads[i] = g_thread_new("worker", count_up, &workers[i]);
	}
	for (int i = 0; i < CPUS; i++)
		g_thread_join(threads[i]);
	assert_counts(&maps, skel, CPUS);
	counting_bpf__destroy(skel);
	maps_done(&maps);
}

/* Atomic instructions that the verifier left in a program. */
static guint count_atomics(int prog_fd)
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);
	g_autofree struct bpf_insn *insns = NULL;
	guint n = 0;

	g_assert_cmpint(bpf_obj_get_info_by_fd(prog_fd, &info, &size), ==, 0);
	g_assert_cmpuint(info.xlated_prog_len, >, 0);
	insns = g_malloc(info.xlated_prog_len);
	info = (struct bpf_prog_info){ .xlated_prog_len = info.xlated_prog_len,
				       .xlated_prog_insns = (uint64_t)(uintptr_t)insns };
	g_assert_cmpint(bpf_obj_get_info_by_fd(prog_fd, &info, &size), ==, 0);
	for (size_t i = 0; i < info.xlated_prog_len / sizeof(*insns); i++)
		n += BPF_CLASS(insns[i].code) == BPF_STX && BPF_MODE(insns[i].code) == BPF_ATOMIC;
	return n;
}

/* As loaded: none in one variant, several in the other. */
#define ASSERT_ATOMICS(kind)                                                                       \
	for (int is_preemptible = 0; is_preemptible <= 1; is_preemptible++) {                      \
		struct kind##_bpf *skel = kind##_bpf__open();                                      \
                                                                                                   \
		skel->rodata->config.snaplen = 64;                                                 \
		skel->rodata->config.is_preemptible = is_preemptible;                              \
		g_assert_cmpint(maps_share(&maps, skel->obj), ==, 0);                              \
		g_assert_cmpint(kind##_bpf__load(skel), ==, 0);                                    \
		if (is_preemptible)                                                                \
			g_assert_cmpuint(count_atomics(bpf_program__fd(skel->progs.tap_##kind)),   \
					 >=, 4);                                                   \
		else                                                                               \
			g_assert_cmpuint(count_atomics(bpf_program__fd(skel->progs.tap_##kind)),   \
					 ==, 0);                                                   \
		kind##_bpf__destroy(skel);                                                         \
	}

static void test_instructions(void)
{
	struct maps maps;

	if (!setup(&maps))
		return;
	ASSERT_ATOMICS(xdp)
	ASSERT_ATOMICS(tc)
	maps_done(&maps);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/counting/alone", test_alone);
	g_test_add_func("/counting/at-once", test_at_once);
	g_test_add_func("/counting/instructions", test_instructions);
	return g_test_run();
}
