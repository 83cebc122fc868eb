/* SPDX-License-Identifier: MIT */
/*
 * Capture point "xdp" on a device whose driver answers: what the card knows of the frame and took out
 * of it is there too.
 *
 * An object of its own, because to look for the driver's functions on a kernel without them libbpf
 * asks for things that an ordinary user with file capabilities is refused.
 */
#include "bpf/xdp.bpf.h"

enum xdp_rss_hash_type {
	XDP_RSS_TYPE_UNUSED, /* the kernel's enum in name, which is all that is compared */
};

/* kernel: net/core/xdp.c, bpf_xdp_metadata_…(), from 6.3 and 6.8; 0 where the driver answered. */
extern int bpf_xdp_metadata_rx_hash(const struct xdp_md *ctx, __u32 *hash,
				    enum xdp_rss_hash_type *type) __ksym __weak;
extern int bpf_xdp_metadata_rx_vlan_tag(const struct xdp_md *ctx, __u16 *proto,
					__u16 *tci) __ksym __weak;

SEC("xdp.frags")
int tap_xdp_offloads(struct xdp_md *ctx)
{
	struct frame f = {
		.queue = ctx->rx_queue_index,
		.flags = WIRE_QUEUE,
	};
	enum xdp_rss_hash_type type;

	if (bpf_xdp_metadata_rx_hash && bpf_xdp_metadata_rx_hash(ctx, &f.hash, &type) == 0 &&
	    f.hash)
		f.flags |= WIRE_HASH;
	if (!bpf_xdp_metadata_rx_vlan_tag ||
	    bpf_xdp_metadata_rx_vlan_tag(ctx, &f.proto, &f.tci) != 0)
		f.proto = 0;
	emit(ctx, len_xdp, copy_xdp, &f);
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
