/* SPDX-License-Identifier: MIT */
/*
 * The translated filters in the real kernel, compared with libpcap's interpreter: each filter is loaded
 * once, as a program that returns its verdict, and BPF_PROG_TEST_RUN sends every frame through it. The
 * two must never differ.
 *
 * Filters and frames come from one fixed seed. XDPTAP_TESTS_LONG=1 makes it more than a million
 * comparisons. Without the privilege to load programs it skips.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpf/filter/cbpf.h"
#include "tests/bpf/filter/expressions.h"
#include "tests/bpf/filter/frames.h"
#include "tests/bpf/old.h"
#include "tests/bpf/filter/oracle.h"
#include "tests/bpf/filter/programs.h"
#include "tests/bpf/filter/setup.h"

#define SEED 5

static guint64 n_compared, n_filters, n_matched;

static bool is_long(void)
{
	return g_getenv("XDPTAP_TESTS_LONG") != NULL;
}

/* A descriptor, or -errno; with a log if asked for. */
static int load(const struct cbpf_code *code, const struct setup *setup, char *log,
		guint32 log_size)
{
	size_t n;
	g_autofree struct bpf_insn *insns = setup_wrap(setup, code, &n);
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .log_buf = log, .log_size = log_size);

	opts.log_level = log ? 1 : 0;
	if (setup->access == CBPF_XDP)
		opts.prog_flags = BPF_F_XDP_HAS_FRAGS;
	return bpf_prog_load(setup_is_skb(setup) ? BPF_PROG_TYPE_SCHED_CLS : BPF_PROG_TYPE_XDP,
			     "filter", "Dual MIT/GPL", insns, n, &opts);
}

/* Loads the program once more to say why the verifier refused it. */
static void print_log(const struct cbpf_code *code, const struct setup *setup)
{
	static char log[1 << 20];

	(void)load(code, setup, log, sizeof(log));
	cbpf_print(stderr, code->insns, code->n);
	fprintf(stderr, "%s\n", log);
}

static bool may_load(void)
{
	const struct sock_filter one = { .code = BPF_RET | BPF_K, .k = 1 };
	const struct setup setup = { .access = CBPF_XDP };
	struct cbpf_code code;
	int fd;

	if (skip_if_old())
		return false;
	g_assert_cmpint(setup_translate(&setup, &one, 1, &code), ==, 0);
	fd = load(&code, &setup, NULL, 0);
	cbpf_done(&code);
	if (fd >= 0) {
		close(fd);
		return true;
	}
	g_assert_cmpint(fd, ==, -EPERM);
	if (g_getenv("XDPTAP_TESTS_MUST_RUN"))
		g_error("this test must run, and may not load BPF programs");
	g_test_skip("may not load BPF programs");
	return false;
}

/*
 * The kernel's verdict. The linear part of the frame has "linear" bytes; 0: as many as fit. Negative if
 * the kernel cannot try: it builds no skb shorter than an Ethernet and an IP header.
 */
static int run(int fd, const struct setup *setup, const GByteArray *frame, guint linear)
{
	struct xdp_md ctx = { .data_end = linear };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame->data, .data_size_in = frame->len);
	int r;

	if (setup->access == CBPF_XDP && linear && linear < frame->len) {
		opts.ctx_in = &ctx;
		opts.ctx_size_in = sizeof(ctx);
	}
	r = bpf_prog_test_run_opts(fd, &opts);
	if (r == -EINVAL && setup_is_skb(setup) && frame->len < ETHERNET + 40)
		return -1;
	if (r < 0)
		g_error("test run of %u bytes (%u): %s", frame->len, linear, g_strerror(-r));
	g_assert_cmpuint(opts.retval, <=, 1);
	return (int)opts.retval;
}

static void fail_on(const char *name, const struct sock_filter *filter, size_t n,
		    const GByteArray *frame, guint linear, bool expected)
{
	for (size_t i = 0; i < n; i++)
		g_printerr("{ 0x%02x, %u, %u, 0x%08x },\n", filter[i].code, filter[i].jt,
			   filter[i].jf, filter[i].k);
	for (guint i = 0; i < MIN(frame->len, 128); i++)
		g_printerr("%02x ", frame->data[i]);
	g_error("%s: %u bytes, %u of them linear: libpcap %s this frame, the kernel does not", name,
		frame->len, linear, expected ? "accepts" : "rejects");
}

/* Which frames: every step-th, beginning with the first-th. */
struct choice {
	const GPtrArray *frames;
	guint first, step;
	bool is_split; /* also with a fragment, if the kernel can do that */
};

static bool can_split;

static void compare(int fd, const struct setup *setup, const char *name,
		    const struct sock_filter *filter, size_t n, const struct choice *choice)
{
	for (guint i = choice->first; i < choice->frames->len; i += choice->step) {
		const GByteArray *frame = choice->frames->pdata[i];
		g_autoptr(GByteArray) seen = setup_see(setup, frame);
		bool expected = oracle_matches(filter, n, seen->data, seen->len);
		guint linear = 0;
		int verdict;

		if (choice->is_split && can_split && frame->len > FRAME_MIN)
			linear = FRAME_MIN + i % MIN(frame->len - FRAME_MIN, 80);
		verdict = run(fd, setup, frame, linear);
		if (verdict < 0)
			continue;
		if (verdict != expected)
			fail_on(name, filter, n, seen, linear, expected);
		n_compared++;
		n_matched += expected;
	}
}

/* Loads one filter; -1 if it was translated but the verifier finds it too complex. */
static int translate_and_load(const char *name, const struct sock_filter *filter, size_t n,
			      const struct setup *setup)
{
	struct cbpf_code code;
	int fd, r = setup_translate(setup, filter, n, &code);

	if (r < 0)
		g_error("%s: not translated: %s at %zu", name, g_strerror(-r), code.culprit);
	fd = load(&code, setup, NULL, 0);
	if (fd < 0) {
		print_log(&code, setup);
		g_error("%s: not loaded: %s", name, g_strerror(-fd));
	}
	cbpf_done(&code);
	n_filters++;
	return fd;
}

/*
 * The filter that libpcap runs. libpcap 1.10 does not zero M[], and "geneve or not llc" makes it read
 * what nothing has written (later versions do zero it).
 */
static struct sock_filter *with_memory_cleared(const struct sock_filter *filter, size_t n)
{
	struct sock_filter *defined = g_new(struct sock_filter, n + BPF_MEMWORDS);

	for (guint32 k = 0; k < BPF_MEMWORDS; k++) /* A begins as zero */
		defined[k] = (struct sock_filter){ .code = BPF_ST, .k = k };
	memcpy(&defined[BPF_MEMWORDS], filter, n * sizeof(*filter));
	return defined;
}

static void compare_all(const char *name, const struct sock_filter *filter, size_t n,
			struct setup setup, const struct choice *choices)
{
	g_autofree struct sock_filter *defined = with_memory_cleared(filter, n);
	int fd;

	/* Every second filter is loaded with tag handling, although these frames have no tag. */
	setup.may_have_tag = setup.tag ||
			     (n % 2 && (setup.access == CBPF_XDP || setup.access == CBPF_SKB));
	fd = translate_and_load(name, filter, n, &setup);
	for (; choices->frames; choices++)
		compare(fd, &setup, name, defined, n + BPF_MEMWORDS, choices);
	close(fd);
}

static void report(void)
{
	g_test_message("%" G_GUINT64_FORMAT " filters, %" G_GUINT64_FORMAT
		       " comparisons, %" G_GUINT64_FORMAT " frames matched",
		       n_filters, n_compared, n_matched);
	n_filters = n_compared = n_matched = 0;
}

struct corpus {
	GRand *random;
	GPtrArray *whole, *cut, *mutated, *jumbo;
};

static void make_corpus(struct corpus *c)
{
	c->random = g_rand_new_with_seed(SEED);
	c->whole = frames_make();
	c->cut = frames_cut(c->whole, 140);
	c->mutated = frames_mutate(c->whole, c->random, 500);
	c->jumbo = frames_jumbo(c->whole);
}

static void free_corpus(struct corpus *c)
{
	g_rand_free(c->random);
	g_ptr_array_unref(c->whole);
	g_ptr_array_unref(c->cut);
	g_ptr_array_unref(c->mutated);
	g_ptr_array_unref(c->jumbo);
}

/*
 * The n-th filter with its share of the frames: all complete ones, and of the others a share that differs
 * from filter to filter, so that together they see everything.
 */
static void compare_corpus(const struct corpus *c, const char *name,
			   const struct sock_filter *filter, size_t n_insns, guint n)
{
	static const guint32 tags[] = { 0x8100002a, 0x88a80064, 0x8100a02a, 0x81000000,
					0x91000fff };
	guint rare = is_long() ? 1 : 4;
	const struct choice xdp[] = {
		{ c->whole, 0, 1, false },
		{ c->cut, n % (8 * rare), 8 * rare, false },
		{ c->cut, n % (16 * rare), 16 * rare, true },
		{ c->mutated, n % rare, rare, n & 1 },
		{ c->jumbo, n % (4 * rare), 4 * rare, n & 1 },
		{ NULL, 0, 0, false },
	};
	const struct choice skb[] = {
		{ c->whole, n % rare, rare, false },
		{ c->cut, n % (16 * rare), 16 * rare, false },
		{ NULL, 0, 0, false },
	};
	const struct choice memory[] = {
		{ c->whole, n % rare, rare, false },
		{ c->cut, n % (16 * rare), 16 * rare, false },
		{ c->mutated, n % (2 * rare), 2 * rare, false },
		{ NULL, 0, 0, false },
	};
	const struct choice tagged[] = {
		{ c->whole, n % rare, rare, n & 1 },
		{ c->cut, n % (16 * rare), 16 * rare, false },
		{ c->mutated, n % (2 * rare), 2 * rare, false },
		{ NULL, 0, 0, false },
	};

	compare_all(name, filter, n_insns, (struct setup){ CBPF_XDP }, xdp);
	compare_all(name, filter, n_insns, (struct setup){ CBPF_SKB }, skb);
	compare_all(name, filter, n_insns, (struct setup){ CBPF_SKB, .head = ETHERNET }, skb);
	compare_all(name, filter, n_insns, (struct setup){ CBPF_SKB_NETWORK }, skb);
	compare_all(name, filter, n_insns, (struct setup){ CBPF_SKB_NETWORK, .head = ETHERNET },
		    skb);
	compare_all(name, filter, n_insns, (struct setup){ CBPF_MEMORY }, memory);
	compare_all(name, filter, n_insns,
		    (struct setup){ n & 1 ? CBPF_XDP : CBPF_SKB,
				    .tag = tags[n % G_N_ELEMENTS(tags)] },
		    tagged);
}

static void test_fixed(void)
{
	struct corpus c;

	if (!may_load())
		return;
	make_corpus(&c);
	for (guint i = 0; expressions[i]; i++) {
		const char *error = NULL;
		size_t n;
		struct sock_filter *filter = oracle_compile(expressions[i], &n, &error);

		if (!filter) {
			g_assert_cmpstr(error, ==, "expression rejects all packets");
			continue;
		}
		compare_corpus(&c, expressions[i], filter, n, i);
		free(filter);
	}
	free_corpus(&c);
	report();
}

/* A kind of device without an Ethernet header, whose frames have this head. */
struct headerless {
	int dlt;
	guint head;
};

static const struct headerless raw = { ORACLE_RAW, 0 }, cooked = { ORACLE_COOKED, COOKED };

/* An expression with its share of the frames; false: libpcap refuses it there. */
static bool compare_headerless(const struct corpus *c, const struct headerless *h,
			       const char *expression, guint number)
{
	guint rare = is_long() ? 1 : 4;
	const struct choice choices[] = {
		{ c->whole, 0, 1, false },
		{ c->cut, number % (8 * rare), 8 * rare, false },
		{ c->mutated, number % rare, rare, false },
		{ NULL, 0, 0, false },
	};
	const struct setup setup = { CBPF_SKB_NETWORK, .head = h->head };
	const char *error;
	size_t n;
	struct sock_filter *filter = oracle_compile_for(h->dlt, expression, &n, &error);

	if (filter)
		compare_all(expression, filter, n, setup, choices);
	free(filter);
	return filter;
}

static void test_fixed_headerless(gconstpointer h)
{
	struct corpus c;

	if (!may_load())
		return;
	make_corpus(&c);
	for (guint i = 0; expressions[i]; i++)
		(void)compare_headerless(&c, h, expressions[i], i);
	g_assert_cmpint(n_matched, >, 0);
	free_corpus(&c);
	report();
}

static void test_made_headerless(gconstpointer h)
{
	struct corpus c;
	guint left = is_long() ? 300 : 30;

	if (!may_load())
		return;
	make_corpus(&c);
	while (left) {
		g_autofree char *expression = expression_make(c.random);

		left -= compare_headerless(&c, h, expression, left);
	}
	g_assert_cmpint(n_matched, >, 0);
	free_corpus(&c);
	report();
}

static void test_made(void)
{
	struct corpus c;
	guint left = is_long() ? 300 : 30;

	if (!may_load())
		return;
	make_corpus(&c);
	while (left) {
		g_autofree char *expression = expression_make(c.random);
		const char *error = NULL;
		size_t n;
		struct sock_filter *filter = oracle_compile(expression, &n, &error);

		if (!filter)
			continue;
		compare_corpus(&c, expression, filter, n, left--);
		free(filter);
	}
	free_corpus(&c);
	report();
}

static void test_random(void)
{
	struct corpus c;
	guint left = is_long() ? 1000 : 60;

	if (!may_load())
		return;
	make_corpus(&c);
	for (; left; left--) {
		struct sock_filter filter[PROGRAM_MAX];
		size_t n = program_make(c.random, filter);

		g_assert_true(oracle_is_valid(filter, n));
		compare_corpus(&c, "random program", filter, n, left);
	}
	free_corpus(&c);
	report();
}

/* Whether a test run can set the length of the linear part: since Linux 6.18. */
static void find_split(void)
{
	const struct sock_filter long_frame[] = { { BPF_LD | BPF_W | BPF_LEN, 0, 0, 0 },
						  { BPF_RET | BPF_A, 0, 0, 0 } };
	struct xdp_md ctx = { .data_end = FRAME_MIN };
	const guint8 frame[64] = { 0 };
	const struct setup setup = { .access = CBPF_XDP };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame),
		    .ctx_in = &ctx, .ctx_size_in = sizeof(ctx));
	struct cbpf_code code;
	int fd;

	if (setup_translate(&setup, long_frame, 2, &code) < 0)
		return;
	fd = load(&code, &setup, NULL, 0);
	can_split = fd >= 0 && bpf_prog_test_run_opts(fd, &opts) == 0;
	if (fd >= 0)
		close(fd);
	cbpf_done(&code);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	find_split();
	g_test_message("frames with a fragment: %s", can_split ? "yes" : "this kernel cannot");
	g_test_add_func("/cbpf/fixed", test_fixed);
	g_test_add_data_func("/cbpf/raw/fixed", &raw, test_fixed_headerless);
	g_test_add_data_func("/cbpf/raw/made", &raw, test_made_headerless);
	g_test_add_data_func("/cbpf/cooked/fixed", &cooked, test_fixed_headerless);
	g_test_add_data_func("/cbpf/cooked/made", &cooked, test_made_headerless);
	g_test_add_func("/cbpf/made", test_made);
	g_test_add_func("/cbpf/random", test_random);
	return g_test_run();
}
