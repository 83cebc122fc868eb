/* SPDX-License-Identifier: MIT */
/*
 * The place for the capture filter in a program. It compiles to a single instruction that accepts every
 * frame; the verifier knows its result, so a program without a filter does not pay for one.
 * bpf/filter/patch.c finds the instruction and replaces it with the translated filter.
 */
#ifndef XDPTAP_BPF_KERNEL_FILTER_BPF_H
#define XDPTAP_BPF_KERNEL_FILTER_BPF_H

#include <linux/types.h>
#include <stddef.h>

#include "bpf/wire.h"

/*
 * Whether the filter accepts this frame. "tag" is the VLAN tag that the NIC stripped from it, four bytes
 * as a number, or 0; for a filter with CBPF_SKB_NETWORK, it is the frame's start instead. cbpf.h says
 * what a head is; only tc has one. To be called once in a program; filter-places.py counts after the
 * compiler.
 */
static __always_inline _Bool filter_accepts_headed(void *ctx, __u64 tag, const void *head,
						   __u64 head_len)
{
	register void *r6 asm("r6") = ctx;
	register __u64 r7 asm("r7") = tag;
	register const void *r8 asm("r8") = head;
	register __u64 r9 asm("r9") = head_len;
	register __u64 r0 asm("r0");

	asm volatile("%0 = %[site]"
		     : "=r"(r0), "+r"(r7), "+r"(r8), "+r"(r9)
		     : "r"(r6), [site] "i"(WIRE_FILTER_SITE)
		     : "r1", "r2", "r3", "r4", "r5", "memory");
	return r0 != 0;
}

static __always_inline _Bool filter_accepts(void *ctx, __u64 tag)
{
	return filter_accepts_headed(ctx, tag, NULL, 0);
}

#endif
