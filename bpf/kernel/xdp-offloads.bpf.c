/* SPDX-License-Identifier: MIT */
/*
 * Capture point "xdp" on a device whose driver answers: with the NIC's hash and the VLAN tag that it
 * stripped.
 *
 * An object of its own: on a kernel without these functions, libbpf's search for them requires
 * privileges that an ordinary user with file capabilities lacks.
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
	emit(ctx, look_xdp, copy_xdp, &f, NOTHING);
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
