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

#define REFRESH_NS 100000000 /* look at this interval: a jump goes unnoticed for 0.1 s at most */
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
	uint64_t width;

	c->fd = -1;
	c->offset_ns = measure(c, &width);
	c->checked_ns = clock_now_ns();
}

int clock_init_phc(struct clock *c, int fd)
{
	uint64_t width;

	c->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	c->offset_ns = measure(c, &width);
	c->checked_ns = clock_now_ns();
	if (c->fd >= 0 && width != UINT64_MAX)
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

/* Measures the offset again. False: the last time is too recent, or the clock cannot be read. */
static bool measure_again(struct clock *c, uint64_t at_ns, uint64_t *ret_offset_ns,
			  uint64_t *ret_width_ns)
{
	if (at_ns - c->checked_ns < REFRESH_NS)
		return false;
	c->checked_ns = at_ns;
	*ret_offset_ns = measure(c, ret_width_ns);
	return *ret_width_ns != UINT64_MAX;
}

int64_t clock_refresh(struct clock *c, uint64_t at_ns)
{
	uint64_t offset, width;
	int64_t jump;

	if (!measure_again(c, at_ns, &offset, &width))
		return 0;
	jump = (int64_t)(offset - c->offset_ns);
	if (jump > (int64_t)width)
		c->offset_ns = offset;
	else if (-jump <= (int64_t)width)
		jump = 0; /* within the uncertainty */
	return jump;
}

void clock_follow(struct clock *c, uint64_t at_ns)
{
	uint64_t offset, width;

	if (measure_again(c, at_ns, &offset, &width))
		c->offset_ns = offset;
}
