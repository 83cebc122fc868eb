/* SPDX-License-Identifier: MIT */
/* What the programs of the capture point "xdp" share. */
#ifndef XDPTAP_BPF_KERNEL_XDP_BPF_H
#define XDPTAP_BPF_KERNEL_XDP_BPF_H

#include "bpf/kernel/ring.bpf.h"

static __always_inline void look_xdp(void *ctx, struct frame *f)
{
	f->len = bpf_xdp_get_buff_len(ctx);
}

static __always_inline long copy_xdp(void *ctx, __u32 offset, __u8 *to, __u32 len, const __u32 size)
{
	const struct xdp_md *x = ctx;

	if (!offset && copy_linear(to, len, size, (void *)(long)x->data, (void *)(long)x->data_end))
		return 0;
	return bpf_xdp_load_bytes(ctx, offset, to,
				  len); /* also across the fragments of a multi-buffer frame */
}

#endif
