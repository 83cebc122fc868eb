/* SPDX-License-Identifier: MIT */
/*
 * From the kernel's time stamps (CLOCK_MONOTONIC, the only clock that BPF has on all kernels) to
 * time since the epoch.
 *
 * Both clocks are slewed alike, so their distance is constant until somebody sets the time, a leap
 * second passes or the machine sleeps. It is measured again and again; a jump forward is followed
 * at once, a jump back is not, because times in a capture never go back.
 */
#ifndef XDPTAP_BPF_RINGS_CLOCK_H
#define XDPTAP_BPF_RINGS_CLOCK_H

#include <stdint.h>

struct clock {
	int fd;		     /* of a card's clock; -1: it is CLOCK_REALTIME */
	uint64_t offset_ns;  /* how far it is ahead of CLOCK_MONOTONIC */
	uint64_t checked_ns; /* CLOCK_MONOTONIC at the last measurement */
};

/* CLOCK_MONOTONIC now. */
uint64_t clock_now_ns(void);
/* CLOCK_REALTIME: measures its distance for the first time. */
void clock_init(struct clock *c);
/* A card's, as /dev/ptpN has it; the descriptor is copied. 0; -ENODEV: it cannot be read. */
int clock_init_card(struct clock *c, int fd);
void clock_done(struct clock *c);
/* Measures it again if that is a while ago; now_ns is clock_now_ns(). How far it jumped, ns. */
int64_t clock_refresh(struct clock *c, uint64_t now_ns);
/* The same for a card's clock, which runs at a speed of its own: back and forth, whatever it does. */
void clock_follow(struct clock *c, uint64_t now_ns);
/* A kernel time stamp as nanoseconds since the epoch. */
static inline uint64_t clock_to_epoch_ns(const struct clock *c, uint64_t ts_ns)
{
	return ts_ns + c->offset_ns;
}
/* What CLOCK_MONOTONIC was when a card's clock was at ts_ns. */
static inline uint64_t clock_to_monotonic_ns(const struct clock *c, uint64_t ts_ns)
{
	return ts_ns - c->offset_ns;
}

#endif
