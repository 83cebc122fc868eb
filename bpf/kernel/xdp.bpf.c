/* SPDX-License-Identifier: MIT */
/*
 * Capture point "xdp": frames as the driver hands them over, before the network stack and before any
 * allocation. The frame always passes unchanged. This program loads everywhere; xdp-offloads.bpf.c adds
 * what the driver knows, and xdp-stamps.bpf.c adds the time to that.
 */
#include "bpf/kernel/xdp.bpf.h"
#include "bpf/load/shared.bpf.h"

SEC("xdp.frags")
int tap_xdp(struct xdp_md *ctx)
{
	struct frame f = {
		.slot = shared_slot(ctx->ingress_ifindex, WIRE_HOOK_XDP),
		.queue = ctx->rx_queue_index,
		.flags = WIRE_QUEUE,
	};

	emit(ctx, look_xdp, copy_xdp, &f, NOTHING);
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
