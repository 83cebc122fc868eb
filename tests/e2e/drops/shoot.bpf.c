/* SPDX-License-Identifier: MIT */
/* A tc program that drops the frames of net.frame(). */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

SEC("tc")
int shoot(struct __sk_buff *skb)
{
	return skb->protocol == bpf_htons(0x88b5) ? TC_ACT_SHOT : TC_ACT_OK;
}

char _license[] SEC("license") = "Dual MIT/GPL";
