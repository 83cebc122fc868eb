/* SPDX-License-Identifier: MIT */
/*
 * The account of one slot: accepted = given out + lost by cause + still in the rings, whatever the
 * rings hold. The kernel's counters are one side of it; what userspace made of the records is the
 * other.
 */
#ifndef XDPTAP_BPF_ACCOUNT_H
#define XDPTAP_BPF_ACCOUNT_H

#include <stdint.h>

struct point_link;
struct tap_stats;
struct wire_count;

struct account {
	uint64_t taken;	  /* frames given out */
	uint64_t invalid; /* frames whose record was refused */
};

/* Fills in *ret from the kernel's counters, from what the link knows after detach(), and from ours. */
void account_read(const struct account *a, const struct wire_count *count,
		  const struct point_link *link, struct tap_stats *ret);
/*
 * The rings have been drained to the end: whatever is still missing is counted as refused. This is the
 * only trace of a record whose slot could not be read.
 */
void account_close(struct account *a, const struct wire_count *count,
		   const struct point_link *link);

#endif
