/* SPDX-License-Identifier: MIT */
/* Measures the offset of a clock from CLOCK_MONOTONIC; clock.h says when and why. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bpf/rings/clock.h"

#define REFRESH_NS 100000000 /* look at this interval: a step goes unnoticed for 0.1 s at most */
#define ROUNDS	   5

static uint64_t now_ns(clockid_t id)
{
	struct timespec t = { 0 };

	if (clock_gettime(id, &t) < 0)
		return 0;
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/*
 * A time namespace shifts our CLOCK_MONOTONIC, but not that of BPF programs: time_namespaces(7). The file
 * describes our own namespace, unless our children are to get another one.
 */
static int64_t read_shift_ns(void)
{
	struct stat own, childrens;
	long long s = 0, ns = 0;
	FILE *f;

	if (stat("/proc/self/ns/time", &own) < 0 ||
	    stat("/proc/self/ns/time_for_children", &childrens) < 0 ||
	    own.st_ino != childrens.st_ino)
		return 0;
	f = fopen("/proc/self/timens_offsets", "re");
	if (!f || fscanf(f, "monotonic %lld %lld", &s, &ns) != 2)
		s = ns = 0;
	if (f)
		fclose(f);
	return s * 1000000000 + ns;
}

uint64_t clock_now_ns(void)
{
	static int64_t shift_ns = INT64_MIN; /* unknown yet */

	if (shift_ns == INT64_MIN)
		shift_ns = read_shift_ns();
	return now_ns(CLOCK_MONOTONIC) - (uint64_t)shift_ns;
}

/* clock_getres(2): the clock id of a descriptor. */
static clockid_t id_of(const struct clock *c)
{
	return c->fd < 0 ? CLOCK_REALTIME : (clockid_t)(~(unsigned int)c->fd << 3 | 3);
}

/*
 * Returns the offset, and its uncertainty in ret_width_ns: each round reads the clock between two readings
 * of the other, and the closest pair wins (any round may be preempted). UINT64_MAX: unknown.
 */
static uint64_t measure(const struct clock *c, uint64_t *ret_width_ns)
{
	const clockid_t id = id_of(c);
	uint64_t offset = 0, width = UINT64_MAX;

	for (int i = 0; i < ROUNDS; i++) {
		uint64_t before = clock_now_ns();
		uint64_t other = now_ns(id);
		uint64_t after = clock_now_ns();

		if (!other || after - before >= width)
			continue;
		width = after - before;
		offset = other - (before + width / 2);
	}
	*ret_width_ns = width;
	return offset;
}

void clock_init(struct clock *c)
{
	c->fd = -1;
	c->offset_ns = c->true_ns = measure(c, &c->width_ns);
	c->checked_ns = clock_now_ns();
}

int clock_init_phc(struct clock *c, int fd)
{
	c->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	c->offset_ns = c->true_ns = measure(c, &c->width_ns);
	c->checked_ns = clock_now_ns();
	if (c->fd >= 0 && c->width_ns != UINT64_MAX)
		return 0;
	clock_done(c);
	return -ENODEV;
}

void clock_done(struct clock *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

static bool is_due(const struct clock *c, uint64_t at_ns)
{
	return at_ns - c->checked_ns >= REFRESH_NS;
}

/* Measures the offset and returns how far it has moved; less than the two measurements' error is none. */
static int64_t measure_step(struct clock *c, uint64_t at_ns)
{
	uint64_t width, offset = measure(c, &width), error;
	int64_t step = (int64_t)(offset - c->true_ns);

	c->checked_ns = at_ns;
	if (width == UINT64_MAX)
		return 0;
	error = width / 2 + c->width_ns / 2 + 1;
	if (step <= (int64_t)error && -step <= (int64_t)error)
		return 0;
	c->true_ns = offset;
	c->width_ns = width;
	if ((int64_t)(c->offset_ns - offset) < 0)
		c->offset_ns = offset;
	return step;
}

int64_t clock_refresh(struct clock *c, uint64_t at_ns)
{
	return is_due(c, at_ns) ? measure_step(c, at_ns) : 0;
}

uint64_t clock_settle(struct clock *c)
{
	uint64_t ahead;

	(void)measure_step(c, clock_now_ns());
	ahead = clock_ahead_ns(c);
	c->offset_ns = c->true_ns;
	return ahead;
}

void clock_follow(struct clock *c, uint64_t at_ns)
{
	uint64_t offset, width;

	if (!is_due(c, at_ns))
		return;
	c->checked_ns = at_ns;
	offset = measure(c, &width);
	if (width != UINT64_MAX)
		c->offset_ns = c->true_ns = offset;
}
