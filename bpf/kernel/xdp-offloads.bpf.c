/* SPDX-License-Identifier: MIT */
/*
 * Capture point "xdp" on a device whose driver answers: what the card knows of the frame and took out
 * of it is there too.
 *
 * An object of its own, because to look for the driver's functions on a kernel without them libbpf
 * asks for things that an ordinary user with file capabilities is refused.
 */
#include "bpf/kernel/xdp-offloads.bpf.h"

SEC("xdp.frags")
int tap_xdp_offloads(struct xdp_md *ctx)
{
	struct frame f = {
		.queue = ctx->rx_queue_index,
		.flags = WIRE_QUEUE,
	};

	read_offloads(ctx, &f);
	emit(ctx, len_xdp, copy_xdp, &f, NOTHING);
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
