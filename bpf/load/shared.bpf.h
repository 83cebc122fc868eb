/* SPDX-License-Identifier: MIT */
/* Programs that several interfaces share look up whose frame it is. */
#ifndef XDPTAP_BPF_LOAD_SHARED_BPF_H
#define XDPTAP_BPF_LOAD_SHARED_BPF_H

#include "bpf/kernel/ring.bpf.h"

/* An array, because its look-up is a few instructions in place. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wire_slots);
} slots SEC(".maps");

/* The slot of an interface; one without counters if it has none here. A program of its own does not ask. */
static __always_inline __u32 shared_slot(__u32 ifindex, const enum wire_hook hook)
{
	const struct wire_slots *s = config.is_shared ? bpf_map_lookup_elem(&slots, &ifindex)
						      : NULL;

	return s ? (__u32)s->above[hook] - 1 : (__u32)-1;
}

#endif
