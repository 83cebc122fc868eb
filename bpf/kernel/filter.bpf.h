/* SPDX-License-Identifier: MIT */
/*
 * The place in a program where the capture filter goes. Compiled, it is a single instruction that
 * lets every frame through, and that the verifier sees through, so that a program without a filter
 * does not pay for one. bpf/filter/patch.c finds the instruction and puts the translated filter there.
 */
#ifndef XDPTAP_BPF_KERNEL_FILTER_BPF_H
#define XDPTAP_BPF_KERNEL_FILTER_BPF_H

#include <linux/types.h>

#include "bpf/wire.h"

/*
 * Whether the filter lets this frame through. "tag" is the VLAN tag that the card took out of the
 * frame, the four bytes as a number, or 0. Must stand once in a program.
 */
static __always_inline _Bool filter_accepts(void *ctx, __u64 tag)
{
	register void *r6 asm("r6") = ctx;
	register __u64 r7 asm("r7") = tag;
	register __u64 r0 asm("r0");

	asm volatile("%0 = %[site]"
		     : "=r"(r0), "+r"(r7)
		     : "r"(r6), [site] "i"(WIRE_FILTER_SITE)
		     : "r1", "r2", "r3", "r4", "r5", "r8", "r9", "memory");
	return r0 != 0;
}

#endif
