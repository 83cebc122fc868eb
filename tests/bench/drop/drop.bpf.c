/* SPDX-License-Identifier: MIT */
/* Drops all frames, to measure traffic without any capture. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int drop(struct xdp_md *ctx __attribute__((unused)))
{
	return XDP_DROP;
}

char _license[] SEC("license") = "Dual MIT/GPL";
