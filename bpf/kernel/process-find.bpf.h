/* SPDX-License-Identifier: MIT */
/*
 * The process of a frame. A sent frame has its socket with it; the socket of a received one is looked up by its
 * addresses, as the stack will do. What is not certain is not known: a socket that is bound to all addresses
 * gets frames to local ones only, and a listening one only what opens a connection; multicasts have several receivers.
 */
#ifndef XDPTAP_BPF_KERNEL_PROCESS_FIND_BPF_H
#define XDPTAP_BPF_KERNEL_PROCESS_FIND_BPF_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "bpf/kernel/process-task.bpf.h"

/* A socket buffer, as a program at tc gets it. */
struct sk_buff {
	struct sock *sk;
} KERNEL;

#define TAGS_MAX	2
#define HEADERS_MAX	3 /* IPv6 extension headers */
#define TCP_SYN		2 /* in the byte after the data offset */
#define FRAGMENT	0x1fff
#define ARPHRD_LOOPBACK 772 /* <linux/if_arp.h> includes headers of the C library */

/* The addresses of a frame, as a socket that receives it has them. */
struct flow {
	struct bpf_sock_tuple tuple;
	__u32 len; /* of the tuple */
	__u32 at;  /* the offset of the transport header */
	__u8 protocol;
	__u8 flags; /* of TCP */
};

/* A pointer as a number: the verifier lets nobody calculate with a pointer to a socket. */
static __always_inline __u64 number_of(const void *p)
{
	const void *place = p;
	__u64 number = 0;

	bpf_probe_read_kernel(&number, sizeof(number), &place);
	return number;
}

/* A request has its listener's owner. */
static __always_inline _Bool find_by_socket(__u64 number, struct wire_owner *ret)
{
	const struct sock_common *sk = (void *)number;

	if (BPF_CORE_READ(sk, skc_state) == NEW_SYN_RECV)
		sk = (void *)BPF_CORE_READ(sk, skc_listener);
	return read_owner(BPF_CORE_READ(sk, skc_cookie.counter), ret);
}

static __always_inline _Bool is_tag(__u16 type)
{
	return type == bpf_htons(ETH_P_8021Q) || type == bpf_htons(ETH_P_8021AD);
}

/* The offset of the network header; 0 if it is not there. */
static __always_inline _Bool find_network(void *ctx, copy_fn copy, const struct frame *f,
					  __u32 *ret)
{
	__u16 type = 0;
	__u32 at = ETH_HLEN - sizeof(type);

	*ret = f->start;
	if (f->is_network)
		return 1;
#pragma clang loop unroll(full)
	for (int i = 0; i <= TAGS_MAX; i++) {
		if (copy(ctx, at, (__u8 *)&type, sizeof(type), 0) < 0)
			return 0;
		at += sizeof(type);
		if (!is_tag(type))
			break;
		at += sizeof(type);
	}
	*ret = at;
	return type == bpf_htons(ETH_P_IP) || type == bpf_htons(ETH_P_IPV6);
}

static __always_inline _Bool read_ip4(void *ctx, copy_fn copy, __u32 at, struct flow *flow)
{
	struct iphdr ip;

	if (copy(ctx, at, (__u8 *)&ip, sizeof(ip), 0) < 0 || ip.frag_off & bpf_htons(FRAGMENT))
		return 0;
	flow->tuple.ipv4.saddr = config.is_egress ? ip.daddr : ip.saddr;
	flow->tuple.ipv4.daddr = config.is_egress ? ip.saddr : ip.daddr;
	flow->len = sizeof(flow->tuple.ipv4);
	flow->protocol = ip.protocol;
	flow->at = at + ip.ihl * 4;
	return 1;
}

static __always_inline _Bool is_skipped(__u8 header)
{
	return header == IPPROTO_HOPOPTS || header == IPPROTO_ROUTING || header == IPPROTO_DSTOPTS;
}

static __always_inline _Bool read_ip6(void *ctx, copy_fn copy, __u32 at, struct flow *flow)
{
	struct ipv6hdr ip;
	__u8 next[2];

	if (copy(ctx, at, (__u8 *)&ip, sizeof(ip), 0) < 0)
		return 0;
	__builtin_memcpy(flow->tuple.ipv6.saddr, config.is_egress ? &ip.daddr : &ip.saddr, 16);
	__builtin_memcpy(flow->tuple.ipv6.daddr, config.is_egress ? &ip.saddr : &ip.daddr, 16);
	flow->len = sizeof(flow->tuple.ipv6);
	flow->protocol = ip.nexthdr;
	flow->at = at + sizeof(ip);
#pragma clang loop unroll(full)
	for (int i = 0; i < HEADERS_MAX; i++) {
		if (!is_skipped(flow->protocol))
			break;
		if (copy(ctx, flow->at, next, sizeof(next), 0) < 0)
			return 0;
		flow->protocol = next[0];
		flow->at += (next[1] + 1) * 8;
	}
	return 1;
}

static __always_inline _Bool read_ports(void *ctx, copy_fn copy, struct flow *flow)
{
	struct {
		__u16 source, target;
	} ports;
	__u16 remote, local;

	if (flow->protocol != IPPROTO_TCP && flow->protocol != IPPROTO_UDP)
		return 0;
	if (copy(ctx, flow->at, (__u8 *)&ports, sizeof(ports), 0) < 0)
		return 0;
	if (flow->protocol == IPPROTO_TCP && copy(ctx, flow->at + 13, &flow->flags, 1, 0) < 0)
		return 0;
	remote = config.is_egress ? ports.target : ports.source;
	local = config.is_egress ? ports.source : ports.target;
	if (flow->len == sizeof(flow->tuple.ipv4)) {
		flow->tuple.ipv4.sport = remote;
		flow->tuple.ipv4.dport = local;
	} else {
		flow->tuple.ipv6.sport = remote;
		flow->tuple.ipv6.dport = local;
	}
	return 1;
}

static __always_inline _Bool read_flow(void *ctx, copy_fn copy, const struct frame *f,
				       struct flow *flow)
{
	__u8 first = 0;
	__u32 at;

	if (!find_network(ctx, copy, f, &at) || copy(ctx, at, &first, 1, 0) < 0)
		return 0;
	if (first >> 4 == 4 ? !read_ip4(ctx, copy, at, flow) : !read_ip6(ctx, copy, at, flow))
		return 0;
	return read_ports(ctx, copy, flow);
}

/* Whether a frame to this address is for this machine. */
static __always_inline _Bool is_local(const struct flow *flow)
{
	struct wire_address key = { .words = { 0, 0, bpf_htonl(0xffff) } };

	if (flow->len == sizeof(flow->tuple.ipv4)) {
		key.words[3] = flow->tuple.ipv4.daddr;
		if (bpf_ntohl(key.words[3]) >> 24 == IN_LOOPBACKNET)
			return 1;
	} else {
		__builtin_memcpy(key.words, flow->tuple.ipv6.daddr, sizeof(key.words));
	}
	return bpf_map_lookup_elem(&addresses, &key) != NULL;
}

static __always_inline _Bool is_for_all(const struct sock_common *sk, const struct flow *flow)
{
	__u64 halves[2] = { 0 };

	if (flow->len == sizeof(flow->tuple.ipv4))
		return !BPF_CORE_READ(sk, skc_rcv_saddr);
	BPF_CORE_READ_INTO(&halves, sk, skc_v6_rcv_saddr);
	return !(halves[0] | halves[1]);
}

/* Whether a program chooses which of the sockets that share a port (SO_REUSEPORT) gets a frame. */
static __always_inline _Bool is_one_of_several(const struct sock *sk)
{
	return BPF_CORE_READ(sk, sk_reuseport_cb, prog) != NULL;
}

/* Whether the frame is this socket's without doubt. Each socket that is bound to a group gets what is sent to it. */
static __always_inline _Bool is_certain(__u64 number, const struct flow *flow)
{
	const struct sock_common *sk = (void *)number;

	if (flow->protocol == IPPROTO_UDP)
		return is_local(flow) && !is_one_of_several((void *)number);
	if (BPF_CORE_READ(sk, skc_state) == LISTEN &&
	    (config.is_egress || !(flow->flags & TCP_SYN) || is_one_of_several((void *)number)))
		return 0;
	return !is_for_all(sk, flow) || is_local(flow);
}

static __always_inline void look_up(void *ctx, const struct flow *flow, struct wire_owner *ret)
{
	struct bpf_sock *sk;
	__u64 number;
	__u32 len = flow->len;

	if (!is_within(&len, sizeof(flow->tuple)))
		return; /* never */
	if (flow->protocol == IPPROTO_TCP)
		sk = bpf_skc_lookup_tcp(ctx, (void *)&flow->tuple, len, BPF_F_CURRENT_NETNS, 0);
	else
		sk = bpf_sk_lookup_udp(ctx, (void *)&flow->tuple, len, BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return;
	number = number_of(sk);
	if (is_certain(number, flow))
		(void)find_by_socket(number, ret);
	bpf_sk_release(sk);
}

static __always_inline void turn_round(struct flow *flow)
{
	struct bpf_sock_tuple *t = &flow->tuple;
	struct bpf_sock_tuple old = *t;

	if (flow->len == sizeof(t->ipv4)) {
		t->ipv4.saddr = old.ipv4.daddr;
		t->ipv4.daddr = old.ipv4.saddr;
		t->ipv4.sport = old.ipv4.dport;
		t->ipv4.dport = old.ipv4.sport;
		return;
	}
	__builtin_memcpy(t->ipv6.saddr, old.ipv6.daddr, sizeof(t->ipv6.saddr));
	__builtin_memcpy(t->ipv6.daddr, old.ipv6.saddr, sizeof(t->ipv6.daddr));
	t->ipv6.sport = old.ipv6.dport;
	t->ipv6.dport = old.ipv6.sport;
}

/* What the loopback device receives was sent here, too, and may be chosen for its sender. */
static __always_inline void find_by_address(void *ctx, copy_fn copy, const struct frame *f,
					    struct wire_owner *ret)
{
	struct flow flow = { 0 };

	if (!read_flow(ctx, copy, f, &flow) || (config.is_egress && flow.protocol != IPPROTO_TCP))
		return;
	look_up(ctx, &flow, ret);
	if (!config.is_chosen || config.hardware != ARPHRD_LOOPBACK || ret->is_chosen)
		return;
	turn_round(&flow);
	look_up(ctx, &flow, ret);
}

/*
 * Fills in the frame's owner. A sent frame without a socket, or with one of the kernel's own, may answer for a
 * connection: it is the last acknowledgment of one that has ended, for example. Any other is forwarded.
 */
static __always_inline void find_owner(void *ctx, copy_fn copy, struct frame *f)
{
	f->owner = (struct wire_owner){ 0 };
	f->flags |= WIRE_OWNED;
	if (config.is_egress) {
		__u64 sk = (__u64)BPF_CORE_READ((const struct sk_buff *)ctx, sk);

		if (sk && find_by_socket(sk, &f->owner))
			return;
	}
	find_by_address(ctx, copy, f, &f->owner);
}

#endif
