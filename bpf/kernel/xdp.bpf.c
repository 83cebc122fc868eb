/* SPDX-License-Identifier: MIT */
/*
 * Capture point "xdp": frames as the driver hands them over, before the network stack and before
 * anything was allocated for them. The frame always goes on as if we were not there. This program
 * loads everywhere; xdp-offloads.bpf.c is the same with what the driver knows, xdp-stamps.bpf.c with the
 * time, too.
 */
#include "bpf/kernel/xdp.bpf.h"

SEC("xdp.frags")
int tap_xdp(struct xdp_md *ctx)
{
	struct frame f = {
		.queue = ctx->rx_queue_index,
		.flags = WIRE_QUEUE,
	};

	emit(ctx, len_xdp, copy_xdp, &f, NOTHING);
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
