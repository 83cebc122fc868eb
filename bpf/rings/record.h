/* SPDX-License-Identifier: MIT */
/* From a record of the ring to the fields of a frame that hardly any frame has. */
#ifndef XDPTAP_BPF_RINGS_RECORD_H
#define XDPTAP_BPF_RINGS_RECORD_H

#include <stdint.h>

#include "bpf/wire.h"

struct clock;
struct tap_frame;

/* What most frames have: the same bits in wire.h and tap.h. */
#define RECORD_COMMON (WIRE_HASH | WIRE_SEGMENTS | WIRE_QUEUE | WIRE_PARTIAL)

/*
 * For a record with other flags: sets the frame's mask, the fields that it names, and where the bytes
 * begin. "phc" is the NIC's clock, and seen_ns is when we saw the frame.
 */
void record_add_rare(struct tap_frame *f, const struct wire_frame *w, const struct clock *phc,
		     uint64_t seen_ns);

#endif
