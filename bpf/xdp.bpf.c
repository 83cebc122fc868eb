/* SPDX-License-Identifier: MIT */
/*
 * Capture point "xdp": frames as the driver hands them over, before the network stack and before
 * anything was allocated for them. The frame always goes on as if we were not there.
 *
 * There are two programs. tap_xdp_offloads also asks the driver for what the card knows of the frame
 * and took out of it; it loads only for a device whose driver answers, and tap_xdp loads everywhere.
 */
#include "bpf/ring.bpf.h"

enum xdp_rss_hash_type {
	XDP_RSS_TYPE_UNUSED, /* the kernel's enum in name, which is all that is compared */
};

/* kernel: net/core/xdp.c, bpf_xdp_metadata_…(), from 6.3 and 6.8; 0 where the driver answered. */
extern int bpf_xdp_metadata_rx_hash(const struct xdp_md *ctx, __u32 *hash,
				    enum xdp_rss_hash_type *type) __ksym __weak;
extern int bpf_xdp_metadata_rx_vlan_tag(const struct xdp_md *ctx, __u16 *proto,
					__u16 *tci) __ksym __weak;

static __always_inline __u32 len_xdp(void *ctx)
{
	return bpf_xdp_get_buff_len(ctx);
}

static __always_inline long copy_xdp(void *ctx, __u32 offset, __u8 *to, __u32 len, const __u32 size)
{
	const struct xdp_md *x = ctx;

	if (!offset && copy_linear(to, len, size, (void *)(long)x->data, (void *)(long)x->data_end))
		return 0;
	return bpf_xdp_load_bytes(ctx, offset, to,
				  len); /* also across a multi-buffer frame's parts */
}

SEC("xdp.frags")
int tap_xdp(struct xdp_md *ctx)
{
	struct frame f = {
		.queue = ctx->rx_queue_index,
		.flags = WIRE_QUEUE,
	};

	emit(ctx, len_xdp, copy_xdp, &f);
	return XDP_PASS;
}

SEC("?xdp.frags")
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
