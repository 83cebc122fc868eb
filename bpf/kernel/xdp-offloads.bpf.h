/* SPDX-License-Identifier: MIT */
/* What a NIC computes over a frame and strips from it, as its driver tells XDP programs. */
#ifndef XDPTAP_BPF_KERNEL_XDP_OFFLOADS_BPF_H
#define XDPTAP_BPF_KERNEL_XDP_OFFLOADS_BPF_H

#include "bpf/kernel/xdp.bpf.h"

enum xdp_rss_hash_type {
	XDP_RSS_TYPE_UNUSED, /* the kernel's enum by name: nothing else is compared */
};

/* kernel: net/core/xdp.c, bpf_xdp_metadata_…(), from 6.3 and 6.8; 0 if the driver answered. */
extern int bpf_xdp_metadata_rx_hash(const struct xdp_md *ctx, __u32 *hash,
				    enum xdp_rss_hash_type *type) __ksym __weak;
extern int bpf_xdp_metadata_rx_vlan_tag(const struct xdp_md *ctx, __u16 *proto,
					__u16 *tci) __ksym __weak;

static __always_inline void read_offloads(struct xdp_md *ctx, struct frame *f)
{
	enum xdp_rss_hash_type type;

	if (bpf_xdp_metadata_rx_hash && bpf_xdp_metadata_rx_hash(ctx, &f->hash, &type) == 0 &&
	    f->hash)
		f->flags |= WIRE_HASH;
	if (!bpf_xdp_metadata_rx_vlan_tag ||
	    bpf_xdp_metadata_rx_vlan_tag(ctx, &f->proto, &f->tci) != 0)
		f->proto = 0;
}

#endif
