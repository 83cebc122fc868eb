/* SPDX-License-Identifier: MIT */
/*
 * Converts the kernel's time stamps (CLOCK_MONOTONIC, the only clock that BPF has on all kernels) to
 * time since the epoch.
 *
 * Both clocks are slewed alike, so the offset between them is constant until somebody sets the time, a
 * leap second passes or the machine sleeps. It is measured regularly. A step forward is followed at once.
 * A step back is not, because time never goes back within a file: the stamps stay ahead of the clock
 * until somebody says that they may follow it.
 */
#ifndef XDPTAP_BPF_RINGS_CLOCK_H
#define XDPTAP_BPF_RINGS_CLOCK_H

#include <stdint.h>

struct clock {
	int fd;		     /* of a PTP hardware clock; -1: CLOCK_REALTIME */
	uint64_t offset_ns;  /* what time stamps are ahead of CLOCK_MONOTONIC */
	uint64_t true_ns;    /* what the clock is: not more */
	uint64_t width_ns;   /* uncertainty of true_ns */
	uint64_t checked_ns; /* CLOCK_MONOTONIC at the last measurement */
};

/* CLOCK_MONOTONIC now, as BPF programs have it: that of the initial time namespace. */
uint64_t clock_now_ns(void);
/* CLOCK_REALTIME; measures its offset for the first time. */
void clock_init(struct clock *c);
/* A PTP hardware clock, /dev/ptpN; the descriptor is duplicated. 0; -ENODEV: it cannot be read. */
int clock_init_phc(struct clock *c, int fd);
void clock_done(struct clock *c);
/* Measures again if the last time is a while ago; now_ns is clock_now_ns(). Returns the step in ns. */
int64_t clock_refresh(struct clock *c, uint64_t now_ns);
/* How far time stamps are ahead of the clock, which was set back. */
static inline uint64_t clock_ahead_ns(const struct clock *c)
{
	return c->offset_ns - c->true_ns;
}
/* Measures at once, and lets time stamps go back to what the clock says. Returns by how much, in ns. */
uint64_t clock_settle(struct clock *c);
/* The same for a PTP hardware clock, which runs at its own rate: follows it in both directions. */
void clock_follow(struct clock *c, uint64_t now_ns);
/* A kernel time stamp as nanoseconds since the epoch. */
static inline uint64_t clock_to_epoch_ns(const struct clock *c, uint64_t ts_ns)
{
	return ts_ns + c->offset_ns;
}
/* CLOCK_MONOTONIC at the moment when a PTP hardware clock read ts_ns. */
static inline uint64_t clock_to_monotonic_ns(const struct clock *c, uint64_t ts_ns)
{
	return ts_ns - c->offset_ns;
}

#endif
