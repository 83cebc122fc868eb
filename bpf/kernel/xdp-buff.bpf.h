/* SPDX-License-Identifier: MIT */
/*
 * The kernel's own view of a frame in XDP, as a tracing program gets it: where its bytes are, including
 * fragments, and which interface received it.
 *
 * The structs have only the fields that are read; libbpf relocates them for the running kernel.
 */
#ifndef XDPTAP_BPF_KERNEL_XDP_BUFF_BPF_H
#define XDPTAP_BPF_KERNEL_XDP_BUFF_BPF_H

#include "bpf/kernel/device.bpf.h"
#include "bpf/kernel/view.bpf.h"

struct xdp_rxq_info {
	struct net_device *dev;
	__u32 queue_index;
} KERNEL;

struct xdp_buff {
	void *data, *data_end, *data_hard_start;
	struct xdp_rxq_info *rxq;
	__u32 frame_sz;
	__u32 flags;
} KERNEL;

#define HAS_FRAGS      1  /* kernel: include/net/xdp.h, XDP_FLAGS_HAS_FRAGS */
#define CACHE_LINE     64 /* the size of struct skb_shared_info is rounded up to this */
#define FRAGMENT_PAGES 4  /* of a fragment, at most */

static __always_inline __u32 linear_len(const struct xdp_buff *xdp)
{
	return xdp->data_end - xdp->data;
}

static __always_inline _Bool has_fragments(const struct xdp_buff *xdp)
{
	return bpf_core_field_exists(xdp->flags) && xdp->flags & HAS_FRAGS;
}

/* kernel: include/net/xdp.h, xdp_get_shared_info_from_buff() */
static __always_inline const struct skb_shared_info *shared_info(const struct xdp_buff *xdp)
{
	__u64 size = bpf_core_type_size(struct skb_shared_info);

	size = (size + CACHE_LINE - 1) & ~(CACHE_LINE - 1ULL);
	return xdp->data_hard_start + xdp->frame_sz - size;
}

/*
 * Appends bytes to the copy, which holds "at" of them. Returns how many it holds then, or negative. As
 * a function of its own, the verifier checks it once instead of in every state of its callers.
 */
__noinline int append(struct linear_copy *to, __u32 at, __u64 from, __u32 rest)
{
	if (!to || rest > FRAGMENT_PAGES * PAGE)
		return -1;
	for (int i = 0; i < FRAGMENT_PAGES; i++) {
		__u32 len = rest < PAGE ? rest : PAGE;

		asm volatile("" : "+r"(len)); /* the register used must be the one compared */
		if (at > LINEAR_COPY_MAX || len > PAGE ||
		    bpf_probe_read_kernel(to->bytes + at, len, (void *)from) < 0)
			return -1;
		at += len;
		from += len;
		rest -= len;
	}
	return at;
}

/* Copies a fragmented frame. Negative: it cannot be read. */
static __always_inline long join_fragments(const struct xdp_buff *xdp,
					   const struct skb_shared_info *info,
					   struct linear_copy *to)
{
	const void *fragments = (const void *)info +
				bpf_core_field_offset(struct skb_shared_info, frags);
	__u8 n = BPF_CORE_READ(info, nr_frags);
	/* Read like this it is a number: newer verifiers do not accept a pointer for one. */
	int at = append(to, 0, (__u64)BPF_CORE_READ(xdp, data), linear_len(xdp));
	const struct memory memory = find_memory();
	struct fragment fragment;

	for (int i = 0; i < FRAGMENTS; i++) {
		if (i >= n || at < 0)
			return at;
		if (bpf_probe_read_kernel(&fragment, sizeof(fragment),
					  fragments + i * sizeof(fragment)) < 0)
			return -1;
		at = append(to, at, page_address(&memory, fragment.page) + fragment.offset,
			    fragment.len);
	}
	return at;
}

/* The frame as it is now: in its own place if it is linear, else copied to "room". */
static __always_inline struct view see(const struct xdp_buff *xdp, struct linear_copy *room)
{
	struct view v = { .at = (__u64)xdp->data, .len = linear_len(xdp) };
	const struct skb_shared_info *info;

	if (!has_fragments(xdp))
		return v;
	info = shared_info(xdp);
	v.len += BPF_CORE_READ(info, xdp_frags_size);
	v.at = join_fragments(xdp, info, room) < 0 ? 0 : room->at;
	return v;
}

#endif
