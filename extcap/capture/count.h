/* SPDX-License-Identifier: MIT */
/* What became of the frames of one interface: each is filtered out, written, or lost for one cause. */
#ifndef XDPTAP_EXTCAP_CAPTURE_COUNT_H
#define XDPTAP_EXTCAP_CAPTURE_COUNT_H

#include <stdint.h>

struct count {
	const char *name;   /* of the interface */
	uint64_t seen;	    /* accepted + those that the filter rejected */
	uint64_t accepted;  /* written + count_lost() */
	uint64_t written;   /* in the file, or handed to the reader of a pipe */
	uint64_t lost_ring; /* the kernel's ring was full */
	uint64_t lost_copy; /* the kernel could not copy or trace the frame, or it was too long */
	uint64_t lost_invalid; /* a record in the ring made no sense */
	uint64_t lost_backlog; /* the output was slow, full or broken */
};

static inline uint64_t count_lost(const struct count *c)
{
	return c->lost_ring + c->lost_copy + c->lost_invalid + c->lost_backlog;
}

#endif
