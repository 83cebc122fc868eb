/* SPDX-License-Identifier: MIT */
/*
 * Capture point "xdp" on a NIC that says when it received a frame: records carry that time besides the
 * kernel's own, which still gives the order.
 *
 * An object of its own: it does not load on a kernel without that function.
 */
#include "bpf/kernel/xdp-offloads.bpf.h"

/* kernel: net/core/xdp.c, from 6.3; 0 if the driver answered. Some answer with a time of 0. */
extern int bpf_xdp_metadata_rx_timestamp(const struct xdp_md *ctx, __u64 *timestamp) __ksym;

SEC("xdp.frags")
int tap_xdp_stamps(struct xdp_md *ctx)
{
	struct frame f = {
		.queue = ctx->rx_queue_index,
		.flags = WIRE_QUEUE | WIRE_STAMPED,
	};
	struct wire_stamp stamp = { 0 };

	read_offloads(ctx, &f);
	if (bpf_xdp_metadata_rx_timestamp(ctx, &stamp.nic_ns) != 0)
		stamp.nic_ns = 0;
	emit(ctx, look_xdp, copy_xdp, &f, &(struct before){ &stamp, sizeof(stamp) });
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
