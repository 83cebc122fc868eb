/* SPDX-License-Identifier: MIT */
/*
 * Capture points "tc-ingress" and "tc-egress": frames as socket buffers, received ones right after XDP
 * (and merged by GRO), sent ones right before the driver (not yet segmented by TSO). The verdict is
 * left to whoever comes after us.
 */
#include <linux/pkt_cls.h>

#include "bpf/kernel/ring.bpf.h"

/* kernel: include/linux/skbuff.h, sk_buff.ip_summed */
#define CHECKSUM_PARTIAL 3

const volatile struct wire_skb_config skb_config;

/*
 * Whether somebody still has to fill in the checksum: the NIC, or the kernel right before a NIC that does
 * not. A frame from a local sender, across veth for example, arrives like that, too.
 */
static __always_inline _Bool is_partial(void *skb)
{
	__u8 summed = 0;

	if (!skb_config.offset ||
	    bpf_probe_read_kernel(&summed, sizeof(summed), skb + skb_config.offset) < 0)
		return 0;
	return (summed >> skb_config.shift & 3) == CHECKSUM_PARTIAL;
}

/*
 * How many bytes precede the network header. A tunnel may leave the outer headers of a received frame
 * there, or the Ethernet header of the device below. Without a link-layer header, the network header
 * is where packet sockets begin.
 */
static __always_inline __u32 find_start(const struct __sk_buff *ctx)
{
	const void *skb = ctx;
	__u64 head = 0, data = 0, start;
	__u16 network = 0;

	if (bpf_probe_read_kernel(&head, sizeof(head), skb + skb_config.head) < 0 ||
	    bpf_probe_read_kernel(&data, sizeof(data), skb + skb_config.data) < 0 ||
	    bpf_probe_read_kernel(&network, sizeof(network), skb + skb_config.network) < 0)
		return 0;
	start = head + network - data;
	return start < ctx->len ? start : 0;
}

static __always_inline void look_tc(void *ctx, struct frame *f)
{
	f->len = ((const struct __sk_buff *)ctx)->len - f->start;
	if (is_partial(ctx))
		f->flags |= WIRE_PARTIAL;
}

static __always_inline long copy_tc(void *ctx, __u32 offset, __u8 *to, __u32 len, const __u32 size)
{
	const struct __sk_buff *skb = ctx;

	if (!offset &&
	    copy_linear(to, len, size, (void *)(long)skb->data, (void *)(long)skb->data_end))
		return 0;
	return bpf_skb_load_bytes(ctx, offset, to, len); /* also beyond the linear part */
}

SEC("tc")
int tap_tc(struct __sk_buff *skb)
{
	struct frame f = {
		.flags = skb->gso_size ? WIRE_SEGMENTS : 0,
	};

	if (skb_config.is_headerless) {
		f.start = find_start(skb);
	} else if (skb->vlan_present) {
		f.proto = (__u16)skb->vlan_proto;
		f.tci = (__u16)skb->vlan_tci;
	}
	emit(skb, look_tc, copy_tc, &f, NOTHING);
	return TC_ACT_UNSPEC; /* the same number as TCX_NEXT */
}

char _license[] SEC("license") = "Dual MIT/GPL";
