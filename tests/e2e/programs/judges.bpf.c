/* SPDX-License-Identifier: MIT */
/*
 * A tc program that judges as a frame says: bytes 14 to 17 are the verdict, and the next four the interface
 * for a redirect. Byte 22 is increased in a frame that it has seen.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define ETHERTYPE     0x88b5
#define REDIRECT_PEER 100 /* into the other end of a veth pair, in its namespace */

struct order {
	__s32 verdict;
	__u32 ifindex;
	__u8 seen;
};

SEC("tc")
int judges(struct __sk_buff *skb)
{
	struct order order = { 0 };

	if (skb->protocol != bpf_htons(ETHERTYPE) || bpf_skb_load_bytes(skb, 14, &order, 9) < 0)
		return TC_ACT_UNSPEC;
	order.seen++;
	(void)bpf_skb_store_bytes(skb, 22, &order.seen, 1, 0);
	if (order.verdict == TC_ACT_REDIRECT)
		return bpf_redirect(order.ifindex, 0);
	if (order.verdict == REDIRECT_PEER)
		return bpf_redirect_peer(order.ifindex, 0);
	return order.verdict;
}

char _license[] SEC("license") = "Dual MIT/GPL";
