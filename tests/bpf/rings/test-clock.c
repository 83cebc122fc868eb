/* SPDX-License-Identifier: MIT */
/*
 * The offset between two clocks that this file fakes: it replaces clock_gettime(), so that nobody's clock
 * has to be set. Reading a clock takes time, and now and then much of it.
 */
#include <glib.h>
#include <time.h>

#include "bpf/rings/clock.h"

#define SECOND	 INT64_C(1000000000)
#define REFRESH	 (SECOND / 10)
#define EPOCH_NS (1700000000 * SECOND)

static struct {
	int64_t mono_ns;   /* of CLOCK_MONOTONIC */
	int64_t offset_ns; /* what CLOCK_REALTIME is ahead of it */
	int64_t reading_ns;
	int64_t preempted_ns; /* for that long, in each reading */
} fake;

int clock_gettime(clockid_t id, struct timespec *ret)
{
	int64_t ns;

	fake.mono_ns += fake.reading_ns;
	ns = fake.mono_ns + (id == CLOCK_REALTIME ? fake.offset_ns : 0);
	ret->tv_sec = ns / SECOND;
	ret->tv_nsec = ns % SECOND;
	fake.mono_ns += fake.preempted_ns;
	return 0;
}

static void set_up(struct clock *c, const void *unused)
{
	fake.mono_ns = 1000 * SECOND;
	fake.offset_ns = EPOCH_NS;
	fake.reading_ns = 25;
	fake.preempted_ns = 0;
	clock_init(c);
}

static void tear_down(struct clock *c, const void *unused)
{
	clock_done(c);
}

/* Sets the clock, and lets the time pass after which that is noticed. Returns the step that was. */
static int64_t step(struct clock *c, int64_t by_ns)
{
	fake.offset_ns += by_ns;
	fake.mono_ns += REFRESH;
	return clock_refresh(c, clock_now_ns());
}

/* What a time stamp of this moment is ahead of the clock. */
static int64_t ahead(const struct clock *c)
{
	return (int64_t)clock_to_epoch_ns(c, (uint64_t)fake.mono_ns) -
	       (fake.mono_ns + fake.offset_ns);
}

/* Within the error of a measurement. */
static void assert_near(int64_t a, int64_t b)
{
	g_assert_cmpint(ABS(a - b), <=, 100);
}

static void test_constant(struct clock *c, const void *unused)
{
	uint64_t before = c->offset_ns;

	for (int i = 0; i < 1000; i++) {
		fake.reading_ns = 20 + i % 30;
		g_assert_cmpint(step(c, 0), ==, 0);
	}
	g_assert_cmpuint(c->offset_ns, ==, before);
	g_assert_cmpuint(clock_settle(c), ==, 0);
	g_assert_cmpuint(c->offset_ns, ==, before);
	assert_near(ahead(c), 0);
}

static void test_forward(struct clock *c, const void *unused)
{
	assert_near(step(c, 3600 * SECOND), 3600 * SECOND);
	assert_near(ahead(c), 0);
	g_assert_cmpuint(clock_ahead_ns(c), ==, 0);
	g_assert_cmpint(step(c, 0), ==, 0);
}

/* Not followed, and measured; a second one adds up. */
static void test_back(struct clock *c, const void *unused)
{
	assert_near(step(c, -3600 * SECOND), -3600 * SECOND);
	assert_near(ahead(c), 3600 * SECOND);
	assert_near((int64_t)clock_ahead_ns(c), 3600 * SECOND);
	g_assert_cmpint(step(c, 0), ==, 0); /* once */
	assert_near(step(c, -SECOND), -SECOND);
	assert_near((int64_t)clock_ahead_ns(c), 3601 * SECOND);
}

static void test_settles(struct clock *c, const void *unused)
{
	step(c, -3600 * SECOND);
	assert_near((int64_t)clock_settle(c), 3600 * SECOND);
	assert_near(ahead(c), 0);
	g_assert_cmpuint(clock_ahead_ns(c), ==, 0);
	g_assert_cmpuint(clock_settle(c), ==, 0);
}

/* It looks for itself: the step may be younger than the last look. */
static void test_settles_at_once(struct clock *c, const void *unused)
{
	fake.offset_ns -= 60 * SECOND;
	g_assert_cmpint(clock_refresh(c, clock_now_ns()), ==, 0);
	assert_near((int64_t)clock_settle(c), 60 * SECOND);
	assert_near(ahead(c), 0);
	fake.offset_ns += 90 * SECOND;
	g_assert_cmpuint(clock_settle(c), ==, 0); /* forward */
	assert_near(ahead(c), 0);
}

/* Back, and then forward by less, by as much and by more. */
static void test_there_and_back(struct clock *c, const void *unused)
{
	step(c, -100 * SECOND);
	assert_near(step(c, 40 * SECOND), 40 * SECOND);
	assert_near(ahead(c), 60 * SECOND);
	assert_near((int64_t)clock_ahead_ns(c), 60 * SECOND);
	step(c, 60 * SECOND);
	assert_near(ahead(c), 0);
	step(c, 5 * SECOND);
	assert_near(ahead(c), 0);
	g_assert_cmpuint(clock_ahead_ns(c), ==, 0);
}

/* A machine under load: what was measured badly is no step, and a step is still one. */
static void test_busy(struct clock *c, const void *unused)
{
	for (int i = 0; i < 100; i++) {
		fake.preempted_ns = i % 3 ? 0 : i * 10000;
		g_assert_cmpint(step(c, 0), ==, 0);
	}
	fake.preempted_ns = 1000000;
	clock_init(c);
	fake.preempted_ns = 0;
	g_assert_cmpint(step(c, 0), ==, 0);
	g_assert_cmpint(step(c, -SECOND), <, -SECOND + 2000000);
}

/* Small steps are not lost, however many there are. */
static void test_creeping(struct clock *c, const void *unused)
{
	for (int i = 0; i < 10000; i++)
		step(c, -30);
	g_assert_cmpint((int64_t)clock_ahead_ns(c), >, 299000);
	g_assert_cmpint(ahead(c), <, 301000);
}

#define ADD(name, function) g_test_add(name, struct clock, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("/clock/constant", test_constant);
	ADD("/clock/forward", test_forward);
	ADD("/clock/back", test_back);
	ADD("/clock/settles", test_settles);
	ADD("/clock/settles-at-once", test_settles_at_once);
	ADD("/clock/there-and-back", test_there_and_back);
	ADD("/clock/busy", test_busy);
	ADD("/clock/creeping", test_creeping);
	return g_test_run();
}
