/* SPDX-License-Identifier: MIT */
/*
 * Capture points "tc-ingress" and "tc-egress": frames as socket buffers, received ones right after XDP
 * (and merged by GRO), sent ones right before the driver (not yet segmented by TSO). The verdict is
 * left to whoever comes after us.
 */
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/pkt_cls.h>

#include "bpf/drops/identity.bpf.h"
#include "bpf/kernel/ring.bpf.h"
#include "bpf/load/shared.bpf.h"

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

#define AHEAD		4 /* bytes after a head, with which a load that begins in it may end */
#define ETHERNET_HEADER 14
#define VLAN_TAG	4
#define COOKED_HEADER	16
#define CAN_HEADER	8
#define CAN_FLAGS	5    /* where they are in that header */
#define CAN_FD		0x04 /* one of them; kernel: include/uapi/linux/can.h, CANFD_FDF */

struct head {
	union {
		__u64 words[WIRE_HEAD_SIZE / 8];
		__u8 bytes[WIRE_HEAD_SIZE];
		__u16 pairs[WIRE_HEAD_SIZE / 2];
		__u32 id;
	};
};

/*
 * Whether the kernel has lost the Ethernet header of a received frame. Where generic XDP copies a frame,
 * Linux 6.9 and newer forget to copy mac_len, by which tc goes back from the network header.
 */
static __always_inline _Bool lacks_header(void *skb)
{
	__u16 len = 0;

	return skb_config.mac_len &&
	       bpf_probe_read_kernel(&len, sizeof(len), skb + skb_config.mac_len) == 0 && !len;
}

/* The bytes after a head, as many as there are. */
static __always_inline void look_ahead(struct __sk_buff *skb, __u32 start, __u8 *to)
{
	if (bpf_skb_load_bytes(skb, start, to, AHEAD) == 0)
		return;
#pragma clang loop unroll(full)
	for (__u32 i = 0; i < AHEAD - 1; i++)
		(void)bpf_skb_load_bytes(skb, start + i, to + i, 1);
}

/* The header that the kernel lost, with the tag that the NIC stripped, becomes the head. */
static __always_inline void restore_header(struct __sk_buff *skb, struct frame *f, struct head *h)
{
	if (bpf_skb_load_bytes_relative(skb, 0, h->bytes, ETHERNET_HEADER, BPF_HDR_START_MAC) < 0)
		return;
	f->head_len = ETHERNET_HEADER;
	if (f->proto) {
		h->pairs[8] = h->pairs[6];
		h->pairs[6] = f->proto;
		h->pairs[7] = bpf_htons(f->tci);
		f->proto = 0;
		f->head_len += VLAN_TAG;
		look_ahead(skb, 0, h->bytes + ETHERNET_HEADER + VLAN_TAG);
	} else {
		look_ahead(skb, 0, h->bytes + ETHERNET_HEADER);
	}
}

/*
 * libpcap's header for devices whose own one is of no use: the type of the packet, of the device, an
 * address, which is left out here, and the protocol. [pcaplinktype] LINKTYPE_LINUX_SLL
 */
static __always_inline void cook(struct __sk_buff *skb, struct frame *f, struct head *h)
{
	h->pairs[0] = bpf_htons(skb_config.is_egress ? PACKET_OUTGOING : skb->pkt_type);
	h->pairs[1] = bpf_htons(config.hardware);
	h->pairs[7] = (__u16)skb->protocol;
	f->head_len = COOKED_HEADER;
	look_ahead(skb, f->start, h->bytes + COOKED_HEADER);
}

/* The identifier in network order, and whether it is CAN FD. [pcaplinktype] LINKTYPE_CAN_SOCKETCAN */
static __always_inline void order_can(struct __sk_buff *skb, struct frame *f, struct head *h)
{
	if (bpf_skb_load_bytes(skb, 0, h->bytes, CAN_HEADER) < 0)
		return;
	h->id = bpf_htonl(h->id);
	if ((__u16)skb->protocol == bpf_htons(ETH_P_CANFD))
		h->bytes[CAN_FLAGS] |= CAN_FD;
	f->start = CAN_HEADER;
	f->head_len = CAN_HEADER;
	look_ahead(skb, CAN_HEADER, h->bytes + CAN_HEADER);
}

static __always_inline void look_tc(void *ctx, struct frame *f)
{
	f->len = ((const struct __sk_buff *)ctx)->len - f->start + f->head_len;
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

static __always_inline __u64 identify_tc(struct __sk_buff *ctx)
{
	const void *skb = ctx;
	__u64 head = 0;

	if (!skb_config.head ||
	    bpf_probe_read_kernel(&head, sizeof(head), skb + skb_config.head) < 0)
		return 0;
	return identify(ctx->tstamp, head, config.secret);
}

/* With what the packet can be known by where it is dropped. */
static __always_inline void take_identified(struct __sk_buff *skb, struct wire_count *count,
					    struct frame *f)
{
	const struct wire_id id = { identify_tc(skb) };

	f->flags |= WIRE_IDENTIFIED;
	take(skb, copy_tc, count, f, &(struct before){ &id, sizeof(id) });
}

SEC("tc")
int tap_tc(struct __sk_buff *skb)
{
	struct head head = { 0 };
	struct frame f = {
		.slot = shared_slot(skb->ifindex,
				    config.is_egress ? WIRE_HOOK_SENT : WIRE_HOOK_RECEIVED),
		.flags = skb->gso_size ? WIRE_SEGMENTS : 0,
		.head = &head,
	};
	struct wire_count *count;

	/*
	 * The stack gives a copy of its own multicast packet back to itself here, without a link-layer header:
	 * nobody has received it, and packet sockets do not see it either. CAN marks what it sends so.
	 */
	if (skb->pkt_type == PACKET_LOOPBACK && !skb_config.is_can)
		return TC_ACT_UNSPEC;
	if (skb_config.is_headerless) {
		f.start = find_start(skb);
		if (skb_config.is_cooked)
			cook(skb, &f, &head);
	} else if (skb_config.is_can) {
		order_can(skb, &f, &head);
	} else if (skb->vlan_present) {
		f.proto = (__u16)skb->vlan_proto;
		f.tci = (__u16)skb->vlan_tci;
	}
	if (lacks_header(skb))
		restore_header(skb, &f, &head);
#ifdef WITH_PROCESS
	f.is_network = skb_config.is_headerless || f.head_len;
#endif
	count = judge(skb, look_tc, copy_tc, &f);
	if (count && config.has_ids)
		take_identified(skb, count, &f);
	else if (count)
		take(skb, copy_tc, count, &f, NOTHING);
	return TC_ACT_UNSPEC; /* the same number as TCX_NEXT */
}

char _license[] SEC("license") = "Dual MIT/GPL";
