/* SPDX-License-Identifier: MIT */
/*
 * Capture point "xdp": frames as the driver hands them over, before the network stack and before
 * anything was allocated for them. The frame always goes on as if we were not there.
 */
#include "bpf/ring.bpf.h"

static __always_inline long copy_xdp(void *ctx, __u8 *to, __u32 len, const __u32 size)
{
	const struct xdp_md *x = ctx;

	if (size <= 128 &&
	    copy_small(to, len, size, (void *)(long)x->data, (void *)(long)x->data_end))
		return 0;
	return bpf_xdp_load_bytes(ctx, 0, to,
				  len); /* also across the parts of a multi-buffer frame */
}

SEC("xdp.frags")
int tap_xdp(struct xdp_md *ctx)
{
	emit(ctx, copy_xdp, bpf_xdp_get_buff_len(ctx), ctx->rx_queue_index);
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
