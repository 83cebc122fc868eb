/* SPDX-License-Identifier: MIT */
/* What <xdptap/tap.h> says of XDPTAP_TRACE. The program that is traced is that of another tap. */
#include <errno.h>
#include <linux/bpf.h>

#include "tests/bpf/library/veth.h"

static uint32_t program_on_near(void)
{
	struct xdptap_interface i = { .size = sizeof(i) };

	g_assert_cmpint(xdptap_query("near", 0, &i), ==, 0);
	return i.program_id;
}

/* Attaches to both sides of the program on near, which judges the frames on the side that it is told. */
static uint32_t trace_both(struct xdptap *t, enum xdptap_side judges)
{
	/* Frames with an even number. */
	static const struct xdptap_insn even[] = {
		{ 0x30, 0, 0, 17 }, { 0x54, 0, 0, 1 }, { 0x15, 0, 1, 0 },
		{ 0x06, 0, 0, 99 }, { 0x06, 0, 0, 0 },
	};
	const struct xdptap_target target = { .size = sizeof(target),
					      .interface = "near",
					      .point = XDPTAP_TRACE,
					      .side = XDPTAP_BOTH,
					      .judges = judges,
					      .filter = even,
					      .n_filter = G_N_ELEMENTS(even) };
	uint32_t id;

	if (xdptap_attach(t, &target, &id) < 0)
		g_error("%s", xdptap_error(t)->text);
	return id;
}

/* One run: its entry, then its exit with the verdict. */
static void assert_run(const struct taken *taken, unsigned int first, uint32_t id)
{
	const struct xdptap_frame *entry = taken_head(taken, first);
	const struct xdptap_frame *leave = taken_head(taken, first + 1);

	g_assert_cmpuint(entry->id, ==, id);
	g_assert_cmpuint(leave->id, ==, id + 1);
	g_assert_true(entry->mask & leave->mask & XDPTAP_FRAME_RUN);
	g_assert_cmpuint(entry->run, ==, leave->run);
	g_assert_false(entry->mask & XDPTAP_FRAME_VERDICT);
	g_assert_true(leave->mask & XDPTAP_FRAME_VERDICT);
	g_assert_cmpuint(leave->verdict, ==, XDP_PASS);
	g_assert_cmpuint(veth_number(taken->frames->pdata[first]), ==, 0);
	g_assert_cmpuint(veth_number(taken->frames->pdata[first + 1]), ==, 0);
}

static void trace_sides(struct near *n)
{
	uint32_t id;

	for (unsigned int i = 0; i < 2; i++) {
		id = trace_both(n->t, i ? XDPTAP_EXIT : XDPTAP_ENTRY);
		g_assert_cmpuint(attachment_of(n->t, id).point, ==, XDPTAP_TRACE);
		veth_send("far", 0, 2);
		taken_wait(n->taken, 2 * i + 2);
		assert_run(n->taken, 2 * i, id);
		g_assert_cmpint(xdptap_detach(n->t, id + 1), ==, 0);
		g_assert_cmpuint(attachment_of(n->t, id).ifindex, ==, 0);
		g_assert_cmpuint(stats_of(n->t, id).delivered, ==, 1);
	}
}

/* Only frames with a verdict of the set, of a program that must be there. */
static void trace_verdicts(struct near *n, uint32_t program_id)
{
	struct xdptap_target target = { .size = sizeof(target),
					.interface = "near",
					.point = XDPTAP_TRACE,
					.program_id = program_id,
					.side = XDPTAP_EXIT };
	uint32_t id;

	for (unsigned int verdict = XDP_DROP; verdict <= XDP_PASS; verdict++) {
		target.verdicts = 1u << verdict;
		g_assert_cmpint(xdptap_attach(n->t, &target, &id), ==, 0);
		veth_send("far", 0, 1);
		g_assert_cmpuint(stats_of(n->t, id).accepted, ==, verdict == XDP_PASS);
		g_assert_cmpuint(attachment_of(n->t, id).is_attached, ==, 1);
	}
	target.program_id = 1u << 30;
	assert_failed(xdptap_attach(n->t, &target, NULL), -ENOENT, n->t, "no such XDP program");
}

/* A tap's own program is traced; where the kernel lets nobody trace, it says so. */
static void test_trace(void)
{
	const struct xdptap_target target = { .size = sizeof(target),
					      .interface = "near",
					      .point = XDPTAP_TRACE };
	struct near n = { .t = tap_open_or_fail(NULL) };
	struct xdptap *traced;
	int r;

	n.taken = taken_new(n.t);
	assert_failed(xdptap_attach(n.t, &target, NULL), -ENOENT, n.t, "no such XDP program");
	traced = tap_on_near(XDPTAP_XDP);
	r = xdptap_attach(n.t, &target, NULL);
	if (r < 0) {
		assert_failed(r, -EOPNOTSUPP, n.t, "refuses to trace");
		g_test_skip("this kernel refuses to trace XDP programs");
		xdptap_close(traced);
	} else {
		g_assert_cmpint(xdptap_detach(n.t, 0), ==, 0);
		trace_sides(&n);
		trace_verdicts(&n, program_on_near());
		xdptap_close(traced);
		g_assert_cmpuint(attachment_of(n.t, 5).is_attached, ==, 0);
	}
	near_end(&n);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	veth_test("/library/trace", test_trace);
	return g_test_run();
}
