/* SPDX-License-Identifier: MIT */
/* Who else meets the frames at the tc hooks of an interface; other taps do not count. */
#ifndef XDPTAP_BPF_NEIGHBOURS_H
#define XDPTAP_BPF_NEIGHBOURS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/point.h"

/* Not found in Debian 12's headers; kernel: include/uapi/linux/bpf.h, enum bpf_attach_type */
#define TCX_INGRESS ((enum bpf_attach_type)46)
#define TCX_EGRESS  ((enum bpf_attach_type)47)

/* Where our own program is. */
struct neighbours_place {
	unsigned int ifindex;
	bool is_egress;
	uint32_t program_id; /* at tcx; 0: it is a filter */
	uint32_t priority;   /* of that filter; 0: it is at tcx, before all filters */
};

/* The first one that meets the frames before our program. False: none, or no permission to ask. */
bool neighbours_find_before(const struct neighbours_place *ours, struct point_neighbour *ret);
/* The first one that meets them after it, a qdisc that drops and delays frames included. */
bool neighbours_find_after(const struct neighbours_place *ours, struct point_neighbour *ret);

#endif
