/* SPDX-License-Identifier: MIT */
/*
 * From the kernel's time stamps (CLOCK_MONOTONIC, the only clock that BPF has on all kernels) to
 * time since the epoch.
 *
 * Both clocks are slewed alike, so their distance is constant until somebody sets the time, a leap
 * second passes or the machine sleeps. It is measured again and again; a jump forward is followed
 * at once, a jump back is not, because times in a capture never go back.
 */
#ifndef XDPTAP_BPF_CLOCK_H
#define XDPTAP_BPF_CLOCK_H

#include <stdint.h>

struct clock {
	uint64_t offset_ns;  /* CLOCK_REALTIME - CLOCK_MONOTONIC */
	uint64_t checked_ns; /* CLOCK_MONOTONIC at the last measurement */
};

/* CLOCK_MONOTONIC now. */
uint64_t clock_now_ns(void);
/* Measures the distance for the first time. */
void clock_init(struct clock *c);
/* Measures it again if that is a while ago; now_ns is clock_now_ns(). How far it jumped, ns. */
int64_t clock_refresh(struct clock *c, uint64_t now_ns);
/* A kernel time stamp as nanoseconds since the epoch. */
static inline uint64_t clock_to_epoch_ns(const struct clock *c, uint64_t ts_ns)
{
	return ts_ns + c->offset_ns;
}

#endif
