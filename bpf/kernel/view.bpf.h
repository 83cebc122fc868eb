/* SPDX-License-Identifier: MIT */
/*
 * A frame in the kernel's memory, for a program that gets no packet as its context: linear, in its own
 * place or in a copy of ours, because what makes up a frame may lie in several pages.
 */
#ifndef XDPTAP_BPF_KERNEL_VIEW_BPF_H
#define XDPTAP_BPF_KERNEL_VIEW_BPF_H

#include "bpf/kernel/memory/memory.bpf.h"

/* kernel: include/linux/skbuff.h, skb_frag_t: its fields have had several names but one layout. */
struct fragment {
	__u64 page;
	__u32 len, offset;
};

struct sk_buff;

struct skb_shared_info {
	__u8 nr_frags;
	unsigned short gso_size;
	struct sk_buff *frag_list;
	unsigned int xdp_frags_size;
	struct fragment frags[1];
} KERNEL;

#define FRAGMENTS	45    /* CONFIG_MAX_SKB_FRAGS, at most */
#define PAGE		4096  /* bytes that are copied at once; the kernel's pages may be larger */
#define LINEAR_COPY_MAX 66560 /* the longest frame that can be fragmented */

/* Room for a linear copy of a frame. */
struct linear_copy {
	__u64 at; /* the address of bytes, as a number */
	__u8 bytes[LINEAR_COPY_MAX + PAGE];
};

/* A linear frame, wherever it is; at 0: it cannot be read. */
struct view {
	__u64 at;
	__u32 len;
};

/* For take(): the context is a view. */
static __always_inline long copy_view(void *ctx, __u32 offset, __u8 *to, __u32 len,
				      const __u32 size)
{
	const struct view *v = ctx;

	(void)size;
	return bpf_probe_read_kernel(to, len, (void *)(v->at + offset));
}

#endif
