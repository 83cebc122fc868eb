/* SPDX-License-Identifier: MIT */
/* What became of the frames of one interface: each is filtered out, written, or lost for one reason. */
#ifndef XDPTAP_EXTCAP_CAPTURE_COUNT_H
#define XDPTAP_EXTCAP_CAPTURE_COUNT_H

#include <stdint.h>

struct count {
	const char *name; /* of the interface */
	uint64_t seen;
	uint64_t accepted; /* by the filter: written + the lost ones */
	uint64_t written;
	uint64_t lost_ring; /* the kernel's ring was full */
	uint64_t lost_copy; /* the kernel could not copy or trace the frame, or it was too long */
	uint64_t lost_backlog; /* the output was too slow, or full */
};

#endif
