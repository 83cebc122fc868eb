/* SPDX-License-Identifier: MIT */
/*
 * A tap that a test drives, linked in place of bpf/tap.c: frames, losses, errors and interfaces that
 * disappear, on demand and without privilege. There is one, as there is one capture.
 *
 * It gives out numbered frames to its slots in turn. Filters are run by libpcap.
 */
#ifndef XDPTAP_TESTS_EXTCAP_CAPTURE_FAKE_TAP_H
#define XDPTAP_TESTS_EXTCAP_CAPTURE_FAKE_TAP_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/tap.h"

#define FAKE_TAP_SLOTS 8
#define FAKE_TAP_FRAME 60 /* bytes of each frame: Ethernet, an unassigned type, its number */

struct fake_slot {
	unsigned int ifindex;
	const struct point *point;
	struct tap_stats stats;
	struct sock_filter *filter; /* NULL: all frames */
	size_t n_filter;
	unsigned int n_changes; /* of its filter */
	uint16_t generation;
	uint32_t gap; /* losses since its last frame */
	bool is_gone;
};

struct fake_tap {
	/* Set by the test before the capture. */
	int new_error, attach_error, filter_error; /* -errno; 0: works */
	unsigned int n_frames;			   /* to give out in all */
	unsigned int batch;			   /* in one tap_drain() */
	unsigned int n_kept_back;		   /* of n_frames, given out by tap_drain_rest() */
	unsigned int lose_every; /* each n-th accepted frame finds the ring full; 0: none */
	uint64_t invalid;   /* records that made no sense, found by tap_drain_rest(), of slot 0 */
	uint64_t now_ns;    /* of the clock of its time stamps */
	uint64_t ahead_ns;  /* how far that is ahead of the system clock */
	void (*idle)(void); /* called once, when all frames but those kept back were given out */
	/* What became of it. */
	struct fake_slot slots[FAKE_TAP_SLOTS];
	unsigned int n_slots, n_given;
	bool is_open, is_detached;
};

extern struct fake_tap fake_tap;

/* More frames, after idle() was called, and another call of idle() after them. */
void fake_tap_add_frames(unsigned int n, void (*idle)(void));

#endif
