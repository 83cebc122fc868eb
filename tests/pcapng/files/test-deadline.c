/* SPDX-License-Identifier: MIT */
/* test-deadline.c - limits of months: more milliseconds than an int holds (24.8 days), and than 32 bits do */
#include <errno.h>
#include <limits.h>

#include "pcapng/files/deadline.h"
#include "tests/pcapng/files/machine.h"

#define DAY_NS	UINT64_C(86400000000000)
#define DAY_MS	INT64_C(86400000)
#define POLL_MS 1000000 /* the longest that poll(2) waits; 1000 where a file ends by time */

static const uint64_t days[] = { 1, 24, 25, 49, 50, 60, 400, 36500 };

/* Waits as a main loop does, from `from_ms` until `left` says that it is time; returns when that is. */
static int64_t wait_due(struct deadline *d, const struct pcapng_files_config *config,
			int64_t from_ms,
			uint64_t (*left)(const struct deadline *,
					 const struct pcapng_files_config *))
{
	bool ends = config->max_duration_ns || config->interval_ns;

	passed_ms = from_ms;
	while (left(d, config) > 0) {
		uint64_t end = deadline_left(d, config);
		int ms = deadline_timeout_ms(d, config, end);

		g_assert_cmpint(ms, >=, 1);
		g_assert_cmpint(ms, <=, ends ? 1000 : POLL_MS);
		passed_ms += ms;
	}
	return passed_ms;
}

/* Nothing is due by time for all of these days but the last second, looked at once a day. */
static void check(const struct pcapng_files_config *config, uint64_t n,
		  uint64_t (*left)(const struct deadline *, const struct pcapng_files_config *))
{
	struct deadline d;
	int64_t end = (int64_t)n * DAY_MS;

	passed_ms = 0;
	deadline_start(&d, config);
	for (uint64_t day = 0; day < n; day++) {
		passed_ms = (int64_t)day * DAY_MS;
		g_assert_cmpuint(left(&d, config), >, (n - day) * DAY_NS - DAY_NS / 2);
		g_assert_cmpuint(left(&d, config), <=, (n - day) * DAY_NS);
		g_assert_cmpint(deadline_timeout_ms(&d, config, deadline_left(&d, config)), >=,
				1000);
	}
	g_assert_cmpint(wait_due(&d, config, end - 2500, left), >=,
			end - 1000); /* the test itself runs */
	g_assert_cmpint(passed_ms, <=, end + 1);
	g_assert_cmpint(deadline_timeout_ms(&d, config, deadline_left(&d, config)), ==, 0);
	passed_ms = 0;
}

static void test_duration(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(days); i++)
		check(&(struct pcapng_files_config){ .max_duration_ns = days[i] * DAY_NS }, days[i],
		      deadline_left);
}

static void test_sync(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(days); i++)
		check(&(struct pcapng_files_config){ .sync_interval_ns = days[i] * DAY_NS },
		      days[i], deadline_sync_left);
}

/* An interval ends at a multiple of it since 1970: anywhere from now to a whole interval from now. */
static void test_interval(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(days); i++) {
		const struct pcapng_files_config config = { .interval_ns = days[i] * DAY_NS };
		struct deadline d;
		uint64_t left;

		deadline_start(&d, &config);
		left = deadline_left(&d, &config);
		g_assert_cmpuint(d.turn_ns % config.interval_ns, ==, 0);
		g_assert_cmpuint(left, <=, config.interval_ns);
		if (left < 2500 * UINT64_C(1000000))
			continue; /* midnight: the clock moves on under the test */
		wait_due(&d, &config, (int64_t)(left / 1000000) - 2400, deadline_left);
		g_assert_cmpint(passed_ms, >=, (int64_t)(left / 1000000) - 1000);
		g_assert_cmpint(passed_ms, <=, (int64_t)(left / 1000000) + 1);
		passed_ms = 0;
	}
}

/* The largest values are as good as never: they neither overflow nor end at once. */
static void test_extremes(void)
{
	static const uint64_t values[] = { INT64_MAX, UINT64_MAX - 1, UINT64_MAX };

	for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
		const struct pcapng_files_config config = {
			.max_duration_ns = values[i],
			.interval_ns = values[i],
			.sync_interval_ns = values[i],
		};
		struct deadline d;

		deadline_start(&d, &config);
		for (int n = 0; n < 2; n++) {
			g_assert_cmpuint(deadline_left(&d, &config), >, DAY_NS);
			g_assert_cmpint(deadline_timeout_ms(&d, &config,
							    deadline_left(&d, &config)),
					==, 1000);
			passed_ms = 36500 * DAY_MS;
		}
		passed_ms = 0;
	}
}

/* A file whose time has come while the disk is full: the next look is later, not at once. */
static void test_full_disk(gconstpointer data)
{
	struct capture c = { .config = { .full = PCAPNG_FULL_DROP, .max_duration_ns = DAY_NS } };
	int *error = (int *)data;
	int looks = 0;

	capture_set_up(&c);
	capture_start(&c);
	capture_add_many(&c, 10);
	passed_ms = DAY_MS + 1;
	*error = ENOSPC;
	for (int64_t end = passed_ms + 1000; passed_ms < end; looks++) {
		g_assert_cmpint(pcapng_files_tick(c.f), ==, -EAGAIN);
		g_assert_cmpint(pcapng_files_timeout_ms(c.f), >, 0);
		passed_ms += pcapng_files_timeout_ms(c.f);
	}
	g_assert_cmpint(looks, <=, 20);
	*error = 0;
	passed_ms += 200;
	g_assert_cmpint(pcapng_files_tick(c.f), ==, 0);
	passed_ms = 0;
	capture_stop(&c);
	capture_check_all(&c, 0, 2);
	capture_tear_down(&c);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/deadline/duration", test_duration);
	g_test_add_func("/deadline/sync", test_sync);
	g_test_add_func("/deadline/interval", test_interval);
	g_test_add_func("/deadline/extremes", test_extremes);
	g_test_add_data_func("/deadline/full-disk", &write_error, test_full_disk);
	return g_test_run();
}
