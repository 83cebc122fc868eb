/* SPDX-License-Identifier: MIT */
/*
 * deadline.c - when a file ends by time, and when it is synced
 *
 * Durations count suspend. An interval follows the wall clock, which may be set at any time.
 */
#include "pcapng/clock.h"
#include "pcapng/files/deadline.h"

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* What is left of a duration since then. */
static uint64_t left_of(uint64_t duration_ns, uint64_t since_ns)
{
	uint64_t age = clock_ns(CLOCK_BOOTTIME) - since_ns;

	return age < duration_ns ? duration_ns - age : 0;
}

void deadline_start(struct deadline *d, const struct pcapng_files_config *config)
{
	uint64_t interval = config->interval_ns;

	d->begun_ns = d->synced_ns = clock_ns(CLOCK_BOOTTIME);
	d->turn_ns = interval ? (clock_ns(CLOCK_REALTIME) / interval + 1) * interval : 0;
}

void deadline_synced(struct deadline *d)
{
	d->synced_ns = clock_ns(CLOCK_BOOTTIME);
}

uint64_t deadline_left(const struct deadline *d, const struct pcapng_files_config *config)
{
	uint64_t left = UINT64_MAX, now;

	if (d->turn_ns) {
		now = clock_ns(CLOCK_REALTIME);
		left = d->turn_ns > now ? d->turn_ns - now : 0;
		/* A clock that was set back must not make one file last for hours. */
		left = min(left, left_of(config->interval_ns, d->begun_ns));
	}
	if (config->max_duration_ns)
		left = min(left, left_of(config->max_duration_ns, d->begun_ns));
	return left;
}

uint64_t deadline_sync_left(const struct deadline *d, const struct pcapng_files_config *config)
{
	return config->sync_interval_ns ? left_of(config->sync_interval_ns, d->synced_ns)
					: UINT64_MAX;
}

int deadline_timeout_ms(const struct deadline *d, const struct pcapng_files_config *config,
			uint64_t left_ns)
{
	uint64_t left = min(left_ns, deadline_sync_left(d, config));
	uint64_t limit = config->interval_ns || config->max_duration_ns ? 1000 : 1000000;

	if (left == UINT64_MAX)
		return -1;
	left = left / 1000000 + (left % 1000000 > 0);
	/* Timers stand still in suspend, and the wall clock may be set: look every second. */
	return min(left, limit);
}
