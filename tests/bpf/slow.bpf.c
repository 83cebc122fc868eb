/* SPDX-License-Identifier: MIT */
/* A program that runs for about 100 ms, and says when it has begun and when it has ended. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define ROUNDS (1 << 22)

volatile __u32 has_begun, has_ended;

static long step(__u32 n, void *sum)
{
	*(__u64 *)sum += bpf_ktime_get_ns() + n;
	return 0;
}

SEC("xdp")
int slow(struct xdp_md *ctx)
{
	__u64 sum = ctx->rx_queue_index;

	has_begun = 1;
	bpf_loop(ROUNDS, step, &sum, 0);
	has_ended = 1;
	return sum ? XDP_PASS : XDP_DROP;
}

char _license[] SEC("license") = "Dual MIT/GPL";
