/* SPDX-License-Identifier: MIT */
/* Measures how far CLOCK_REALTIME is from CLOCK_MONOTONIC; why and when is told in clock.h. */
#include <stdbool.h>
#include <time.h>

#include "bpf/clock.h"

#define REFRESH_NS 100000000 /* look again after so long: a jump is unnoticed for 0.1 s at most */
#define ROUNDS	   5

static uint64_t now_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

uint64_t clock_now_ns(void)
{
	return now_ns(CLOCK_MONOTONIC);
}

/*
 * The offset, and in ret_width_ns how uncertain it is: the real-time clock is read between two
 * readings of the other, and the closest pair of several rounds wins (we may be preempted in any).
 */
static uint64_t measure(uint64_t *ret_width_ns)
{
	uint64_t offset = 0, width = UINT64_MAX;

	for (int i = 0; i < ROUNDS; i++) {
		uint64_t before = now_ns(CLOCK_MONOTONIC);
		uint64_t real = now_ns(CLOCK_REALTIME);
		uint64_t after = now_ns(CLOCK_MONOTONIC);

		if (after - before >= width)
			continue;
		width = after - before;
		offset = real - (before + width / 2);
	}
	*ret_width_ns = width;
	return offset;
}

void clock_init(struct clock *c)
{
	uint64_t width;

	c->offset_ns = measure(&width);
	c->checked_ns = clock_now_ns();
}

int64_t clock_refresh(struct clock *c, uint64_t at_ns)
{
	uint64_t offset, width;
	int64_t jump;

	if (at_ns - c->checked_ns < REFRESH_NS)
		return 0;
	c->checked_ns = at_ns;
	offset = measure(&width);
	jump = (int64_t)(offset - c->offset_ns);
	if (jump > (int64_t)width)
		c->offset_ns = offset;
	else if (-jump <= (int64_t)width)
		jump = 0; /* no more than the measurement is uncertain */
	return jump;
}
