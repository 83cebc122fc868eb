/* SPDX-License-Identifier: MIT */
/*
 * A socket buffer as a tracing program gets it: whose it is, where its frame begins and what its bytes
 * are. Nothing is believed: a buffer that is being freed may hold other data in any of its fields.
 */
#ifndef XDPTAP_BPF_KERNEL_SK_BUFF_BPF_H
#define XDPTAP_BPF_KERNEL_SK_BUFF_BPF_H

#include <linux/if_ether.h>
#include <bpf/bpf_endian.h>

#include "bpf/kernel/view.bpf.h"

struct sock_common {
	struct possible_net skc_net;
} KERNEL;

struct sock {
	struct sock_common __sk_common;
} KERNEL;

struct dst_entry {
	struct net_device *dev;
} KERNEL;

struct sk_buff {
	struct sk_buff *next;
	struct net_device *dev;
	struct sock *sk;
	unsigned long _skb_refdst;
	__s64 tstamp;
	unsigned int len, data_len;
	unsigned char ip_summed : 2, vlan_present : 1;
	int skb_iif;
	__u32 vlan_all; /* Linux 6.2 and newer; before, vlan_present says whether there is a tag */
	__u16 vlan_proto, vlan_tci;
	__u16 protocol;
	__u16 network_header, mac_header;
	unsigned int tail, end;
	unsigned char *head, *data;
} KERNEL;

#define CHECKSUM_PARTIAL 3	   /* kernel: include/linux/skbuff.h, sk_buff.ip_summed */
#define NO_HEADER	 0xffff	   /* skb_mac_header_was_set() */
#define DST_FLAGS	 3UL	   /* SKB_DST_NOREF and its neighbor in _skb_refdst */
#define HEADROOM_MAX	 (1 << 20) /* larger offsets make no sense */
#define ADDRESSES_LEN	 12	   /* before a VLAN tag */
#define TAG_LEN		 4
#define PIECES		 512 /* steps of a copy: pages of the linear part, of fragments, of lists */

/* What is known of a buffer. Offsets count from its head. */
struct buffer {
	__u64 head;
	__u32 data, tail;
	__u32 network, mac;
	__u32 data_len; /* bytes in fragments and lists, after the linear part */
	__u32 start;	/* where the frame begins */
	__u32 ifindex, iif;
	__u32 direction; /* WIRE_UNKNOWN… */
	__u16 protocol, tag_proto, tag_tci;
	_Bool is_network; /* it begins with its network header */
	_Bool is_routed;  /* its link-layer header may be that of the interface it came from */
	_Bool is_segments, is_partial;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct linear_copy);
} copies SEC(".maps");

static __always_inline __u32 netns_of(const struct net *net)
{
	return net ? BPF_CORE_READ(net, ns.inum) : 0;
}

/* 0: it is no device. */
static __always_inline __u32 netns_of_device(const struct net_device *dev)
{
	return dev ? netns_of(BPF_CORE_READ(dev, nd_net.net)) : 0;
}

static __always_inline __u32 netns_of_socket(const struct sock *sk)
{
	return sk ? netns_of(BPF_CORE_READ(sk, __sk_common.skc_net.net)) : 0;
}

static __always_inline __u32 netns_of_route(const struct sk_buff *skb)
{
	const struct dst_entry *dst = (void *)(BPF_CORE_READ(skb, _skb_refdst) & ~DST_FLAGS);

	return dst && bpf_core_field_exists(dst->dev) ? netns_of_device(BPF_CORE_READ(dst, dev))
						      : 0;
}

static __always_inline void read_tag(const struct sk_buff *skb, struct buffer *b)
{
	_Bool is_tagged = bpf_core_field_exists(skb->vlan_all)
				  ? BPF_CORE_READ(skb, vlan_all) != 0
				  : BPF_CORE_READ_BITFIELD_PROBED(skb, vlan_present) != 0;

	if (!is_tagged)
		return;
	b->tag_proto = BPF_CORE_READ(skb, vlan_proto);
	b->tag_tci = BPF_CORE_READ(skb, vlan_tci);
}

static __always_inline const struct skb_shared_info *buffer_info(const struct sk_buff *skb)
{
	return (void *)(BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, end));
}

/* Whether its fields agree with one another. */
static __always_inline _Bool read_buffer(const struct sk_buff *skb, struct buffer *b)
{
	__u32 len = BPF_CORE_READ(skb, len);

	b->head = (__u64)BPF_CORE_READ(skb, head);
	b->data = (__u64)BPF_CORE_READ(skb, data) - b->head;
	b->tail = BPF_CORE_READ(skb, tail);
	b->data_len = BPF_CORE_READ(skb, data_len);
	if (!b->head || b->tail > HEADROOM_MAX || b->data > b->tail || b->data_len > len ||
	    b->tail > BPF_CORE_READ(skb, end))
		return 0;
	b->network = BPF_CORE_READ(skb, network_header);
	b->mac = BPF_CORE_READ(skb, mac_header);
	b->iif = BPF_CORE_READ(skb, skb_iif);
	b->protocol = BPF_CORE_READ(skb, protocol);
	b->is_segments = BPF_CORE_READ(buffer_info(skb), gso_size) != 0;
	b->is_partial = BPF_CORE_READ_BITFIELD_PROBED(skb, ip_summed) == CHECKSUM_PARTIAL;
	read_tag(skb, b);
	return 1;
}

/*
 * The link-layer header is where the stack noted it; or, before that, where the data begins if the network
 * header follows. After routing, the note is still that of the interface that the buffer came from, unless
 * the data begins there.
 */
static __always_inline _Bool find_link_header(struct buffer *b)
{
	__u32 after = b->mac + ETH_HLEN;
	_Bool has_mac = b->mac != NO_HEADER && after <= b->tail;

	b->start = b->mac;
	if (has_mac && b->mac == b->data)
		return 1;
	if (has_mac && !b->is_routed && (after <= b->network || after == b->data))
		return 1;
	b->start = b->data;
	return b->data + ETH_HLEN == b->network && b->network <= b->tail;
}

/* Only IP: there is no link type for the others. */
static __always_inline _Bool find_network_header(struct buffer *b)
{
	__u8 first = 0;

	if (b->network >= b->tail ||
	    bpf_probe_read_kernel(&first, sizeof(first), (void *)(b->head + b->network)) < 0)
		return 0;
	b->start = b->network;
	b->is_network = 1;
	return (b->protocol == bpf_htons(ETH_P_IP) && first >> 4 == 4) ||
	       (b->protocol == bpf_htons(ETH_P_IPV6) && first >> 4 == 6);
}

/* Storing its address and reading it back turns the verifier's pointer into a number. */
static __always_inline struct linear_copy *find_copy(void)
{
	__u32 key = bpf_get_smp_processor_id();
	struct linear_copy *p = bpf_map_lookup_elem(&copies, &key);

	if (p)
		*(volatile __u64 *)&p->at = (__u64)p->bytes;
	return p;
}

/* A copy under way: the rest of one piece, and what follows it. */
struct join {
	const struct sk_buff *next;	    /* of the buffer's list */
	const struct skb_shared_info *info; /* its fragments follow */
	__u64 from;
	__u32 rest;
	__u32 at; /* bytes copied */
	__u32 fragment, n_fragments;
	_Bool is_broken;
	struct memory memory;
};

/* Takes up a buffer: its linear part, and then its fragments. */
static __always_inline void join_begin(struct join *j, const struct sk_buff *skb)
{
	const struct skb_shared_info *info = buffer_info(skb);

	j->info = info;
	j->n_fragments = BPF_CORE_READ(info, nr_frags);
	j->fragment = 0;
}

/* Whether there is another piece. */
static __always_inline _Bool join_advance(struct join *j)
{
	const void *fragments = (const void *)j->info +
				bpf_core_field_offset(struct skb_shared_info, frags);
	const struct sk_buff *next = j->next;
	struct fragment fragment = { 0 };

	if (j->fragment < j->n_fragments && j->fragment < FRAGMENTS) {
		if (bpf_probe_read_kernel(&fragment, sizeof(fragment),
					  fragments + j->fragment++ * sizeof(fragment)) < 0)
			return 0;
		j->from = page_address(&j->memory, fragment.page) + fragment.offset;
		j->rest = fragment.len;
		return 1;
	}
	if (!next)
		return 0;
	j->from = (__u64)BPF_CORE_READ(next, data);
	j->rest = BPF_CORE_READ(next, len) - BPF_CORE_READ(next, data_len);
	join_begin(j, next);
	j->next = BPF_CORE_READ(next, next);
	return 1;
}

/* For bpf_loop(): copies at most a page. Nonzero ends the loop. */
static long join_step(__u32 index, struct join *j)
{
	struct linear_copy *to = find_copy();
	__u64 at = j->at, len = j->rest < PAGE ? j->rest : PAGE;

	(void)index;
	asm volatile("" : "+r"(at), "+r"(len)); /* the registers used must be the ones compared */
	if (!to || at > LINEAR_COPY_MAX || len > PAGE ||
	    bpf_probe_read_kernel(to->bytes + at, len, (void *)j->from) < 0) {
		j->is_broken = 1;
		return 1;
	}
	j->at += len;
	j->from += len;
	j->rest -= len;
	return !j->rest && !join_advance(j);
}

/* The tag that the NIC or the stack took out goes back to its place. */
static __always_inline _Bool join_tag(struct join *j, const struct buffer *b)
{
	struct linear_copy *to = find_copy();

	if (!to || j->rest < ADDRESSES_LEN ||
	    bpf_probe_read_kernel(to->bytes, ADDRESSES_LEN, (void *)j->from) < 0)
		return 0;
	*(__u16 *)(to->bytes + ADDRESSES_LEN) = b->tag_proto;
	*(__u16 *)(to->bytes + ADDRESSES_LEN + 2) = bpf_htons(b->tag_tci);
	j->at = ADDRESSES_LEN + TAG_LEN;
	j->from += ADDRESSES_LEN;
	j->rest -= ADDRESSES_LEN;
	return 1;
}

/* The frame from its start on: in its own place if it is linear, else copied. */
static __always_inline struct view see_buffer(const struct sk_buff *skb, const struct buffer *b)
{
	struct join j = { .from = b->head + b->start, .rest = b->tail - b->start };
	struct view v = { .at = j.from, .len = j.rest + b->data_len };
	_Bool is_tagged = b->tag_proto && !b->is_network;
	struct linear_copy *copy;

	if (!is_tagged && !b->data_len)
		return v;
	v.at = 0;
	v.len += is_tagged ? TAG_LEN : 0;
	j.memory = find_memory();
	join_begin(&j, skb);
	j.next = BPF_CORE_READ(buffer_info(skb), frag_list);
	if (v.len > LINEAR_COPY_MAX || (is_tagged && !join_tag(&j, b)))
		return v;
	bpf_loop(PIECES, join_step, &j, 0);
	copy = find_copy();
	if (copy && !j.is_broken && j.at == v.len)
		v.at = copy->at;
	return v;
}

#endif
