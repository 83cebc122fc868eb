/* SPDX-License-Identifier: MIT */
/* What <xdptap/tap.h> says of frames, filters, counters and the descriptor; through the shared library. */
#include <errno.h>
#include <linux/filter.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tests/bpf/library/veth.h"

#define EVEN(k)                                                                                    \
	{ BPF_LD | BPF_B | BPF_ABS, 0, 0, 17 }, { BPF_ALU | BPF_AND, 0, 0, 1 },                    \
		{ BPF_JMP | BPF_JEQ, 0, 1, k }, { BPF_RET, 0, 0, 262144 },                         \
	{                                                                                          \
		BPF_RET, 0, 0, 0                                                                   \
	}

static const struct xdptap_insn even[] = { EVEN(0) }, odd[] = { EVEN(1) };
static int64_t clock_moved_ns; /* added to the system clock */

/* Also what the library gets: a clock that this test sets. */
int clock_gettime(clockid_t id, struct timespec *t)
{
	int r = (int)syscall(SYS_clock_gettime, id, t);

	if (r == 0 && id == CLOCK_REALTIME) {
		int64_t ns = t->tv_sec * INT64_C(1000000000) + t->tv_nsec + clock_moved_ns;

		t->tv_sec = ns / 1000000000;
		t->tv_nsec = ns % 1000000000;
	}
	return r;
}

static uint64_t real_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void test_frames(void)
{
	struct near n = near_begin(XDPTAP_AUTO);
	static const uint32_t none[G_N_ELEMENTS(((struct xdptap_frame *)0)->reserved)];
	uint64_t before = real_ns(), last = 0;

	veth_send("far", 0, 1000);
	taken_wait(n.taken, 1000);
	for (unsigned int i = 0; i < 1000; i++) {
		const struct xdptap_frame *f = taken_head(n.taken, i);

		g_assert_cmpuint(veth_number(n.taken->frames->pdata[i]), ==, i);
		g_assert_cmpuint(f->ts_ns, >=, MAX(last, before - 1000000));
		last = f->ts_ns;
		g_assert_cmpuint(f->len, ==, FRAME);
		g_assert_cmpuint(f->caplen, ==, FRAME);
		g_assert_cmpuint(f->id, ==, 0);
		g_assert_cmpuint(f->mask & ~(XDPTAP_FRAME_QUEUE | XDPTAP_FRAME_HASH), ==, 0);
		g_assert_cmpuint(f->lost + f->generation, ==, 0);
		g_assert_cmpmem(f->reserved, sizeof(f->reserved), none, sizeof(none));
	}
	g_assert_cmpuint(last, <=, real_ns() + 1000000);
	g_assert_cmpuint(xdptap_now_ns(n.t), >=, last);
	g_assert_cmpuint(xdptap_now_ns(n.t), <=, real_ns() + 1000000);
	near_end(&n);
}

static void test_snaplen(void)
{
	const struct xdptap_target target = { .size = sizeof(target),
					      .interface = "near",
					      .snaplen = 20 };
	const struct xdptap_target wrong = { .size = sizeof(wrong),
					     .interface = "near",
					     .snaplen = XDPTAP_SNAPLEN_MAX + 1 };
	struct near n = near_begin_as(NULL, &target);

	assert_failed(xdptap_attach(n.t, &wrong, NULL), -EINVAL, n.t, "at most 262144");
	veth_send("far", 5, 1);
	taken_wait(n.taken, 1);
	g_assert_cmpuint(taken_head(n.taken, 0)->len, ==, FRAME);
	g_assert_cmpuint(taken_head(n.taken, 0)->caplen, ==, 20);
	g_assert_cmpuint(veth_number(n.taken->frames->pdata[0]), ==, 5);
	near_end(&n);
}

/* Half of them meet the one filter, half the other, and none both or neither. */
static void test_filter(void)
{
	struct xdptap_target target = { .size = sizeof(target),
					.interface = "near",
					.n_filter = 5 };
	struct xdptap_insn copy[5];
	struct xdptap_stats s;
	struct near n;

	memcpy(copy, even, sizeof(copy));
	target.filter = copy;
	n = near_begin_as(NULL, &target);
	memset(copy, 0, sizeof(copy)); /* the call has copied it */
	veth_send("far", 0, 100);
	g_assert_cmpint(xdptap_set_filter(n.t, 0, odd, G_N_ELEMENTS(odd), 65535), ==, 0);
	veth_send("far", 100, 100);
	taken_wait(n.taken, 100);
	for (unsigned int i = 0; i < 100; i++) {
		const struct xdptap_frame *f = taken_head(n.taken, i);

		g_assert_cmpuint(veth_number(n.taken->frames->pdata[i]), ==,
				 i < 50 ? 2 * i : 2 * i + 1);
		g_assert_cmpuint(f->generation, ==, i < 50 ? 0 : 65535);
	}
	g_assert_cmpint(xdptap_set_filter(n.t, 0, NULL, 0, 7), ==, 0);
	veth_send("far", 200, 2);
	taken_wait(n.taken, 102);
	g_assert_cmpuint(taken_head(n.taken, 101)->generation, ==, 7);
	s = stats_of(n.t, 0);
	g_assert_cmpuint(s.seen, ==, 202);
	g_assert_cmpuint(s.accepted, ==, 102);
	near_end(&n);
}

/* A refused filter leaves the old one. */
static void test_filter_refused(void)
{
	struct near n = near_begin(XDPTAP_XDP);

	assert_failed(xdptap_set_filter(n.t, 0, even, 3, 1), -EINVAL, n.t, "instruction 2");
	assert_failed(xdptap_set_filter(n.t, 0, NULL, 3, 1), -EINVAL, n.t, "is NULL");
	assert_failed(xdptap_set_filter(n.t, 0, even, 5, 65536), -EINVAL, n.t, "generation");
	assert_failed(xdptap_set_filter(n.t, 1, even, 5, 1), -EINVAL, n.t, "no id 1");
	veth_send("far", 0, 2);
	taken_wait(n.taken, 2);
	g_assert_cmpuint(taken_head(n.taken, 1)->generation, ==, 0);
	near_end(&n);
}

static void test_check_filter(void)
{
	const struct xdptap_insn backward[] = { { BPF_JMP | BPF_JA, 0, 0, UINT32_MAX },
						{ BPF_RET, 0, 0, 0 } };
	const struct xdptap_insn strange[] = { { BPF_LD | BPF_IMM, 0, 0, 0 },
					       { 0xffff, 0, 0, 0 },
					       { BPF_RET, 0, 0, 0 } };
	g_autofree struct xdptap_insn *large = g_new0(struct xdptap_insn, 100000);
	size_t culprit = 99;

	g_assert_cmpint(xdptap_check_filter(even, G_N_ELEMENTS(even), NULL), ==, 0);
	assert_failed(xdptap_check_filter(even, 3, &culprit), -EINVAL, NULL, "instruction 2");
	g_assert_cmpuint(culprit, ==, 2);
	assert_failed(xdptap_check_filter(backward, 2, &culprit), -ELOOP, NULL, "jumps backward");
	g_assert_cmpuint(culprit, ==, 0);
	assert_failed(xdptap_check_filter(strange, 3, &culprit), -EOPNOTSUPP, NULL, "libpcap");
	g_assert_cmpuint(culprit, ==, 1);
	assert_failed(xdptap_check_filter(large, 100000, &culprit), -E2BIG, NULL, "too large");
	assert_failed(xdptap_check_filter(even, 0, NULL), -EINVAL, NULL, "invalid");
}

/* Far more than the ring holds: what is lost is counted, and told by the next frame. */
static void test_losses(void)
{
	const struct xdptap_config config = { .size = sizeof(config), .ring_size = 1 };
	const struct xdptap_target target = { .size = sizeof(target), .interface = "near" };
	struct near n = near_begin_as(&config, &target);
	struct xdptap_stats s;
	uint64_t gaps = 0;

	veth_send("far", 0, 5000);
	s = stats_of(n.t, 0);
	g_assert_cmpuint(s.seen, ==, 5000);
	g_assert_cmpuint(s.lost_full, >, 0);
	g_assert_cmpuint(s.pending, >, 0);
	taken_wait(n.taken, 1);
	veth_send("far", 5000, 10);
	g_assert_cmpint(xdptap_end(n.t, take, n.taken), >=, 0);
	s = stats_of(n.t, 0);
	for (unsigned int i = 0; i < n.taken->heads->len; i++)
		gaps += taken_head(n.taken, i)->lost;
	g_assert_cmpuint(s.accepted, ==, 5010);
	g_assert_cmpuint(s.delivered, ==, n.taken->frames->len);
	g_assert_cmpuint(s.delivered + s.lost_full, ==, 5010);
	g_assert_cmpuint(gaps, ==, s.lost_full);
	g_assert_cmpuint(s.pending, ==, 0);
	near_end(&n);
}

static void test_end(void)
{
	struct near n = near_begin(XDPTAP_XDP);
	const struct xdptap_target target = { .size = sizeof(target), .interface = "near" };
	g_autofree char *link = NULL;

	veth_send("far", 0, 100);
	n.taken->answer = -EIO; /* all come nevertheless */
	g_assert_cmpint(xdptap_end(n.t, take, n.taken), ==, -EIO);
	g_assert_cmpuint(n.taken->frames->len, ==, 100);
	link = veth_ask("ip link show near");
	g_assert_null(strstr(link, "xdp"));
	g_assert_cmpuint(stats_of(n.t, 0).delivered, ==, 100);
	g_assert_cmpuint(stats_of(n.t, 0).pending, ==, 0);
	g_assert_cmpuint(attachment_of(n.t, 0).is_attached, ==, 0);
	assert_failed(xdptap_attach(n.t, &target, NULL), -EINVAL, n.t, "has ended");
	assert_failed(xdptap_set_filter(n.t, 0, NULL, 0, 1), -EINVAL, n.t, "is detached");
	g_assert_cmpint(xdptap_drain(n.t, take, n.taken), ==, 0);
	g_assert_cmpint(xdptap_end(n.t, take, n.taken), ==, 0);
	near_end(&n);
}

/* Anything but 0 ends the batch, and no frame is lost by it. */
static void test_answers(void)
{
	struct near n = near_begin(XDPTAP_AUTO);
	unsigned int first;

	veth_send("far", 0, 1000);
	n.taken->answer = 1;
	taken_wait(n.taken, 1);
	first = n.taken->frames->len;
	g_assert_cmpuint(first, <, 1000);
	n.taken->answer = -EPIPE;
	g_assert_cmpint(xdptap_drain(n.t, take, n.taken), ==, -EPIPE);
	g_assert_cmpuint(n.taken->frames->len, >, first);
	n.taken->answer = 0;
	taken_wait(n.taken, 1000);
	for (unsigned int i = 0; i < 1000; i++)
		g_assert_cmpuint(veth_number(n.taken->frames->pdata[i]), ==, i);
	near_end(&n);
}

static void use_inside(struct xdptap *t)
{
	if (stats_of(t, 0).delivered > 32 || t == NULL)
		return;
	g_assert_cmpint(xdptap_set_filter(t, 0, NULL, 0, 3), ==, 0);
	(void)tap_attach_or_fail(t, "far", XDPTAP_TC_EGRESS);
	g_assert_cmpint(xdptap_fd(t), >=, 0);
	assert_failed(xdptap_drain(t, take, NULL), -EINVAL, t, "being given out");
	assert_failed(xdptap_end(t, take, NULL), -EINVAL, t, "being given out");
	assert_failed(xdptap_detach(t, 0), -EINVAL, t, "being given out");
}

static void test_inside(void)
{
	struct near n = near_begin(XDPTAP_AUTO);

	n.taken->inside = use_inside;
	veth_send("far", 0, 1);
	taken_wait(n.taken, 1);
	n.taken->inside = NULL;
	veth_send("far", 1, 1);
	taken_wait(n.taken, 3); /* received here and sent there */
	near_end(&n);
}

/* The descriptor is readable at first, not while nothing arrives, and again for a single frame. */
static void test_idle(void)
{
	struct near n = near_begin(XDPTAP_AUTO);
	struct pollfd p = { .events = POLLIN };
	int woken = 0;

	p.fd = xdptap_fd(n.t);
	for (unsigned int round = 1; round <= 3; round++) {
		for (woken = 0; poll(&p, 1, 300) == 1 && woken < 100; woken++)
			g_assert_cmpint(xdptap_drain(n.t, take, n.taken), ==, 0);
		g_assert_cmpint(woken, <, 10);
		veth_send("far", round, 1);
		taken_wait(n.taken, round);
	}
	g_assert_cmpint(xdptap_drain(n.t, take, n.taken), ==, 0); /* does not block */
	near_end(&n);
}

static void test_clock_set_back(void)
{
	struct near n = near_begin(XDPTAP_AUTO);
	uint64_t back;

	veth_send("far", 0, 1);
	taken_wait(n.taken, 1);
	clock_moved_ns = -INT64_C(3600000000000);
	g_assert_cmpuint(xdptap_now_ns(n.t), >, real_ns() + UINT64_C(3500000000000));
	veth_send("far", 1, 1);
	taken_wait(n.taken, 2);
	g_assert_cmpuint(taken_head(n.taken, 1)->ts_ns, >=, taken_head(n.taken, 0)->ts_ns);
	back = xdptap_follow_clock(n.t);
	g_assert_cmpuint(back, >, UINT64_C(3599000000000));
	g_assert_cmpuint(back, <, UINT64_C(3601000000000));
	veth_send("far", 2, 1);
	taken_wait(n.taken, 3);
	g_assert_cmpuint(taken_head(n.taken, 2)->ts_ns, <, taken_head(n.taken, 0)->ts_ns);
	clock_moved_ns = 0;
	near_end(&n);
}

static void test_constants(void)
{
	g_assert_cmpstr(xdptap_version(), ==, VERSION);
	g_assert_true(XDPTAP_CHECK_VERSION(0, 2, 0));
	g_assert_false(XDPTAP_CHECK_VERSION(99, 0, 0));
	xdptap_close(NULL);
	g_assert_nonnull(xdptap_error(NULL));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	veth_test("/library/frames", test_frames);
	veth_test("/library/snaplen", test_snaplen);
	veth_test("/library/filter", test_filter);
	veth_test("/library/filter-refused", test_filter_refused);
	veth_test("/library/check-filter", test_check_filter);
	veth_test("/library/losses", test_losses);
	veth_test("/library/end", test_end);
	veth_test("/library/answers", test_answers);
	veth_test("/library/inside", test_inside);
	veth_test("/library/idle", test_idle);
	veth_test("/library/clock-set-back", test_clock_set_back);
	veth_test("/library/constants", test_constants);
	return g_test_run();
}
