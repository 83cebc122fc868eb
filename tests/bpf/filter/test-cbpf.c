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
#include "bpf/filter/ebpf.h"
#include "tests/bpf/filter/expressions.h"
#include "tests/bpf/filter/frames.h"
#include "tests/bpf/old.h"
#include "tests/bpf/filter/oracle.h"
#include "tests/bpf/filter/programs.h"

#define SEED   5
#define HEADER 14 /* Ethernet's; what precedes a frame for CBPF_SKB_NETWORK */

static guint64 n_compared, n_filters, n_matched;

static bool is_long(void)
{
	return g_getenv("XDPTAP_TESTS_LONG") != NULL;
}

/* Puts what a filter with a context expects into its registers. Returns the number of instructions. */
static size_t begin_context(struct ebpf *e, guint32 tag)
{
	ebpf_alu64_reg(e, BPF_MOV, 6, 1);
	ebpf_alu32(e, BPF_MOV, 7, tag);
	return e->n;
}

/*
 * The same for a filter without: a packet's address becomes a number when it is read back from a map,
 * whose contents the verifier does not know.
 */
static size_t begin_memory(struct ebpf *e)
{
	static int map_fd = -1;
	const struct bpf_insn address[] = {
		{ .code = BPF_LD | BPF_DW | BPF_IMM,
		  .dst_reg = 2,
		  .src_reg = BPF_PSEUDO_MAP_VALUE },
		{ 0 },
	};

	if (map_fd < 0)
		map_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "address", 4, 8, 1, NULL);
	ebpf_load(e, BPF_W, 6, 1, offsetof(struct xdp_md, data));
	ebpf_load(e, BPF_W, 7, 1, offsetof(struct xdp_md, data_end));
	ebpf_alu64_reg(e, BPF_SUB, 7, 6);
	ebpf_put(e, address[0], EBPF_NO_LABEL);
	e->insns[e->n - 1].imm = map_fd;
	ebpf_put(e, address[1], EBPF_NO_LABEL);
	ebpf_store(e, BPF_DW, 2, 0, 6);
	ebpf_load(e, BPF_DW, 6, 2, 0);
	return e->n;
}

/* A program around the filter: its verdict is the return value. Owned. */
static struct bpf_insn *wrap(const struct cbpf_code *code, enum cbpf_access access, guint32 tag,
			     size_t *ret_n)
{
	struct ebpf e = { 0 };
	size_t begin = access == CBPF_MEMORY ? begin_memory(&e) : begin_context(&e, tag);
	struct bpf_insn *insns = g_new0(struct bpf_insn, begin + code->n + 1);

	memcpy(insns, e.insns, begin * sizeof(*insns));
	memcpy(&insns[begin], code->insns, code->n * sizeof(*insns));
	insns[begin + code->n] = (struct bpf_insn){ .code = BPF_JMP | BPF_EXIT };
	ebpf_done(&e);
	*ret_n = begin + code->n + 1;
	return insns;
}

static bool is_skb(enum cbpf_access access)
{
	return access == CBPF_SKB || access == CBPF_SKB_NETWORK;
}

/* A descriptor, or -errno; with a log if asked for. */
static int load(const struct cbpf_code *code, enum cbpf_access access, guint32 tag, char *log,
		guint32 log_size)
{
	size_t n;
	g_autofree struct bpf_insn *insns = wrap(code, access, tag, &n);
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .log_buf = log, .log_size = log_size);

	opts.log_level = log ? 1 : 0;
	if (access == CBPF_XDP)
		opts.prog_flags = BPF_F_XDP_HAS_FRAGS;
	return bpf_prog_load(is_skb(access) ? BPF_PROG_TYPE_SCHED_CLS : BPF_PROG_TYPE_XDP, "filter",
			     "Dual MIT/GPL", insns, n, &opts);
}

/* Loads the program once more to say why the verifier refused it. */
static void print_log(const struct cbpf_code *code, enum cbpf_access access, guint32 tag)
{
	static char log[1 << 20];

	(void)load(code, access, tag, log, sizeof(log));
	cbpf_print(stderr, code->insns, code->n);
	fprintf(stderr, "%s\n", log);
}

static bool may_load(void)
{
	const struct sock_filter one = { .code = BPF_RET | BPF_K, .k = 1 };
	const struct cbpf_target target = { .access = CBPF_XDP };
	struct cbpf_code code;
	int fd;

	if (skip_if_old())
		return false;
	g_assert_cmpint(cbpf_translate(&one, 1, &target, &code), ==, 0);
	fd = load(&code, CBPF_XDP, 0, NULL, 0);
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
static int run(int fd, enum cbpf_access access, const GByteArray *frame, guint linear)
{
	struct xdp_md ctx = { .data_end = linear };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame->data, .data_size_in = frame->len);
	int r;

	if (access == CBPF_XDP && linear && linear < frame->len) {
		opts.ctx_in = &ctx;
		opts.ctx_size_in = sizeof(ctx);
	}
	r = bpf_prog_test_run_opts(fd, &opts);
	if (r == -EINVAL && is_skb(access) && frame->len < HEADER + 40)
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

/* The frame as the filter must see it: with the stripped tag. Owned. */
static GByteArray *with_tag(const GByteArray *frame, guint32 tag)
{
	GByteArray *f = g_byte_array_sized_new(frame->len + 4);
	guint32 bytes = GUINT32_TO_BE(tag);

	g_byte_array_append(f, frame->data, 12);
	if (tag)
		g_byte_array_append(f, (const guint8 *)&bytes, 4);
	return g_byte_array_append(f, frame->data + 12, frame->len - 12);
}

/* What of a frame a filter sees. Owned. */
static GByteArray *seen_by(enum cbpf_access access, const GByteArray *frame, guint32 tag)
{
	guint skipped = MIN(frame->len, HEADER);

	if (access != CBPF_SKB_NETWORK)
		return with_tag(frame, tag);
	return g_byte_array_append(g_byte_array_new(), frame->data + skipped, frame->len - skipped);
}

static void compare(int fd, enum cbpf_access access, const char *name,
		    const struct sock_filter *filter, size_t n, guint32 tag,
		    const struct choice *choice)
{
	for (guint i = choice->first; i < choice->frames->len; i += choice->step) {
		const GByteArray *frame = choice->frames->pdata[i];
		g_autoptr(GByteArray) seen = seen_by(access, frame, tag);
		bool expected = oracle_matches(filter, n, seen->data, seen->len);
		guint linear = 0;
		int verdict;

		if (choice->is_split && can_split && frame->len > FRAME_MIN)
			linear = FRAME_MIN + i % MIN(frame->len - FRAME_MIN, 80);
		verdict = run(fd, access, frame, linear);
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
			      enum cbpf_access access, guint32 tag)
{
	/* Every second filter is loaded with tag handling, although these frames have no tag. */
	bool may_have_tag = access == CBPF_XDP || access == CBPF_SKB;
	const struct cbpf_target target = { .access = access,
					    .has_tag = may_have_tag && (tag || n % 2) };
	struct cbpf_code code;
	int fd, r = cbpf_translate(filter, n, &target, &code);

	if (r < 0)
		g_error("%s: not translated: %s at %zu", name, g_strerror(-r), code.culprit);
	fd = load(&code, access, tag, NULL, 0);
	if (fd < 0) {
		print_log(&code, access, tag);
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
			enum cbpf_access access, guint32 tag, const struct choice *choices)
{
	g_autofree struct sock_filter *defined = with_memory_cleared(filter, n);
	int fd = translate_and_load(name, filter, n, access, tag);

	for (; choices->frames; choices++)
		compare(fd, access, name, defined, n + BPF_MEMWORDS, tag, choices);
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

	compare_all(name, filter, n_insns, CBPF_XDP, 0, xdp);
	compare_all(name, filter, n_insns, CBPF_SKB, 0, skb);
	compare_all(name, filter, n_insns, CBPF_SKB_NETWORK, HEADER, skb);
	compare_all(name, filter, n_insns, CBPF_MEMORY, 0, memory);
	compare_all(name, filter, n_insns, n & 1 ? CBPF_XDP : CBPF_SKB,
		    tags[n % G_N_ELEMENTS(tags)], tagged);
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

/* Expressions compiled for frames that begin with an IP header: those after the Ethernet header. */
static void test_raw(void)
{
	struct corpus c;

	if (!may_load())
		return;
	make_corpus(&c);
	for (guint i = 0; expressions[i]; i++) {
		const struct choice choices[] = { { c.whole, 0, 1, false },
						  { c.cut, i % 16, 16, false },
						  { NULL, 0, 0, false } };
		const char *error;
		size_t n;
		struct sock_filter *filter = oracle_compile_raw(expressions[i], &n, &error);

		if (!filter)
			continue;
		compare_all(expressions[i], filter, n, CBPF_SKB_NETWORK, HEADER, choices);
		free(filter);
	}
	g_assert_cmpuint(n_matched, >, 0);
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
	const struct cbpf_target target = { .access = CBPF_XDP };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame),
		    .ctx_in = &ctx, .ctx_size_in = sizeof(ctx));
	struct cbpf_code code;
	int fd;

	if (cbpf_translate(long_frame, 2, &target, &code) < 0)
		return;
	fd = load(&code, CBPF_XDP, 0, NULL, 0);
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
	g_test_add_func("/cbpf/raw", test_raw);
	g_test_add_func("/cbpf/made", test_made);
	g_test_add_func("/cbpf/random", test_random);
	return g_test_run();
}
