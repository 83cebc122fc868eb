/* SPDX-License-Identifier: MIT */
/* clock.h - what time it is */
#ifndef PCAPNG_CLOCK_H
#define PCAPNG_CLOCK_H

#include <stdint.h>
#include <time.h>

#define CLOCK_NS_PER_S UINT64_C(1000000000)

/* Nanoseconds by that clock. */
static inline uint64_t clock_ns(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return now.tv_sec * CLOCK_NS_PER_S + now.tv_nsec;
}

#endif /* PCAPNG_CLOCK_H */
