/* SPDX-License-Identifier: MIT */
/*
 * The XDP program in the real kernel, fed frame by frame through BPF_PROG_TEST_RUN: the records in the
 * ring, the verdict and the counters. Without the privilege to load programs it skips.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <glib.h>
#include <sched.h>
#include <string.h>

#include "bpf/filter/patch.h"
#include "bpf/maps.h"
#include "bpf/rings/merge.h"
#include "bpf/tap.h"
#include "tests/bpf/old.h"
#include "xdp.skel.h"

#define PASS 2 /* XDP_PASS */

struct fixture {
	struct maps maps;
	struct merge merge;
	struct xdp_bpf *skel;
};

/* False if the program cannot be loaded; the test is then marked as skipped. */
static bool setup(struct fixture *f, size_t ring_size, uint32_t snaplen)
{
	int r = maps_init(&f->maps, ring_size, 1024);

	f->merge = (struct merge){ 0 };
	f->skel = NULL;
	if (r == -EPERM) {
		if (g_getenv("XDPTAP_TESTS_MUST_RUN"))
			g_error("this test must run, and may not load BPF programs");
		g_test_skip("may not load BPF programs");
		return false;
	}
	g_assert_cmpint(r, ==, 0);
	if (skip_if_old()) {
		maps_done(&f->maps);
		return false;
	}
	g_assert_cmpint(merge_init(&f->merge, f->maps.n_rings), ==, 0);
	for (unsigned int i = 0; i < f->maps.n_rings; i++)
		g_assert_cmpint(ring_init(&f->merge.inputs[i].ring, f->maps.ring_fds[i],
					  f->maps.ring_size),
				==, 0);
	f->skel = xdp_bpf__open();
	g_assert_nonnull(f->skel);
	f->skel->rodata->config =
		(struct wire_config){ .slot = 7, .snaplen = snaplen, .wake_bytes = UINT32_MAX };
	g_assert_cmpint(maps_share(&f->maps, f->skel->obj), ==, 0);
	g_assert_cmpint(xdp_bpf__load(f->skel), ==, 0);
	return true;
}

static void teardown(struct fixture *f)
{
	xdp_bpf__destroy(f->skel);
	merge_done(&f->merge);
	maps_done(&f->maps);
}

/* Sends one frame through the program, which must pass it unchanged. */
static void send_frame(struct fixture *f, const uint8_t *frame, uint32_t len)
{
	g_autofree uint8_t *out = g_malloc(len);
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = len, .data_out = out,
		    .data_size_out = len);

	g_assert_cmpint(bpf_prog_test_run_opts(bpf_program__fd(f->skel->progs.tap_xdp), &opts), ==,
			0);
	g_assert_cmpuint(opts.retval, ==, PASS);
	g_assert_cmpmem(out, opts.data_size_out, frame, len);
}

static const struct wire_frame *take(struct fixture *f)
{
	uint64_t ts;

	merge_begin(&f->merge, UINT64_MAX / 2, true);
	return merge_next(&f->merge, &ts);
}

static uint8_t *make_frame(uint32_t len)
{
	uint8_t *frame = g_malloc(len);

	for (uint32_t i = 0; i < len; i++)
		frame[i] = (uint8_t)(i * 7 + i / 251 + len);
	return frame;
}

static void test_lengths(void)
{
	/* Both sides of every size class, of a page, and of what a multi-buffer frame needs. */
	static const uint32_t edges[] = { 64,	128,  256,  512,  1024, 1514,  1536,  2048,
					  3520, 4096, 8192, 9014, 9216, 16384, 32768, 61440 };
	struct fixture f;

	if (!setup(&f, 1 << 20, WIRE_FRAME_MAX))
		return;
	for (size_t e = 0; e < G_N_ELEMENTS(edges); e++) {
		for (uint32_t len = edges[e] - 1; len <= edges[e] + 1; len++) {
			g_autofree uint8_t *frame = make_frame(len);
			const struct wire_frame *w;

			send_frame(&f, frame, len);
			w = take(&f);
			g_assert_nonnull(w);
			g_assert_cmpuint(w->len, ==, len);
			g_assert_cmpmem(w->data, w->caplen, frame, len);
			g_assert_cmpuint(w->slot, ==, 7);
			g_assert_null(take(&f));
			merge_end(&f.merge);
		}
	}
	teardown(&f);
}

static void test_short(void)
{
	struct fixture f;

	if (!setup(&f, 1 << 20, WIRE_FRAME_MAX))
		return;
	for (uint32_t len = 14; len <= 66; len++) {
		g_autofree uint8_t *frame = make_frame(len);
		const struct wire_frame *w;

		send_frame(&f, frame, len);
		w = take(&f);
		g_assert_nonnull(w);
		g_assert_cmpmem(w->data, w->caplen, frame, len);
		merge_end(&f.merge);
	}
	teardown(&f);
}

static void test_snaplen(void)
{
	g_autofree uint8_t *frame = make_frame(1500);
	struct fixture f;

	if (!setup(&f, 1 << 20, 100))
		return;
	send_frame(&f, frame, 1500);
	send_frame(&f, frame, 99);
	for (int i = 0; i < 2; i++) {
		const struct wire_frame *w = take(&f);

		g_assert_nonnull(w);
		g_assert_cmpuint(w->len, ==, i == 0 ? 1500 : 99);
		g_assert_cmpmem(w->data, w->caplen, frame, i == 0 ? 100 : 99);
	}
	teardown(&f);
}

/* A full ring loses frames, counts each one, and reports them in the first record after the gap. */
static void test_full(void)
{
	g_autofree uint8_t *frame = make_frame(60);
	const struct wire_frame *w;
	struct wire_count count;
	uint64_t taken = 0;
	cpu_set_t one;
	struct fixture f;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	g_assert_cmpint(sched_setaffinity(0, sizeof(one), &one), ==, 0);
	if (!setup(&f, 4096, WIRE_FRAME_MAX))
		return;
	for (int i = 0; i < 100; i++)
		send_frame(&f, frame, 60);
	while ((w = take(&f))) {
		g_assert_cmpuint(w->lost, ==, 0);
		taken++;
	}
	merge_end(&f.merge);
	g_assert_cmpint(maps_read_count(&f.maps, 7, &count), ==, 0);
	g_assert_cmpuint(count.seen, ==, 100);
	g_assert_cmpuint(count.accepted, ==, 100);
	g_assert_cmpuint(taken, >, 10);
	g_assert_cmpuint(count.lost[WIRE_LOST_FULL], ==, 100 - taken);
	send_frame(&f, frame, 60);
	w = take(&f);
	g_assert_nonnull(w);
	g_assert_cmpuint(w->lost, ==, 100 - taken);
	teardown(&f);
}

static guint count_lines(const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	return g_strv_length(lines) - 1;
}

/* The listing has a line for each instruction that the filter adds, and a last one. */
static void test_listing(void)
{
	const struct sock_filter filter[] = { { BPF_LD | BPF_H | BPF_ABS, 0, 0, 12 },
					      { BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0x800 },
					      { BPF_RET | BPF_K, 0, 0, 1 },
					      { BPF_RET | BPF_K, 0, 0, 0 } };
	struct xdp_bpf *skel = xdp_bpf__open();
	g_autofree char *text = NULL;
	gsize before, len;
	FILE *to = open_memstream(&text, &len);

	g_assert_nonnull(skel);
	before = bpf_program__insn_cnt(skel->progs.tap_xdp);
	g_assert_cmpint(patch_filter(skel->progs.tap_xdp, filter, G_N_ELEMENTS(filter), CBPF_XDP),
			==, 0);
	g_assert_cmpint(tap_print_filter(to, filter, G_N_ELEMENTS(filter), 1), ==, 0);
	fclose(to);
	g_assert_cmpuint(count_lines(text), ==,
			 bpf_program__insn_cnt(skel->progs.tap_xdp) - before);
	xdp_bpf__destroy(skel);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/xdp/lengths", test_lengths);
	g_test_add_func("/xdp/short", test_short);
	g_test_add_func("/xdp/snaplen", test_snaplen);
	g_test_add_func("/xdp/full", test_full);
	g_test_add_func("/xdp/listing", test_listing);
	return g_test_run();
}
