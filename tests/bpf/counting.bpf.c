/* SPDX-License-Identifier: MIT */
/*
 * Counts as a capture program does, but always the counters of CPU 0: run on two CPUs, it meets itself as
 * programs do on one CPU with PREEMPT_RT.
 */
#include "bpf/kernel/ring.bpf.h"

#define ROUNDS (1 << 20)
#define CPUS   2

__u64 told[CPUS]; /* losses reported, by the CPU that reported them */

static long step(__u32 n, void *ctx)
{
	__u32 slot = config.slot, cpu = bpf_get_smp_processor_id() % CPUS;
	struct wire_count *count = bpf_map_lookup_percpu_elem(&counts, &slot, 0);

	(void)ctx;
	if (!count)
		return 1;
	add(&count->seen, 1);
	add(&count->accepted, 1);
	if (n % 4 == 0)
		lose(count, WIRE_LOST_FULL);
	if (n % 8 == 7)
		told[cpu] += take_gap(count);
	return 0;
}

SEC("xdp")
int count_up(struct xdp_md *ctx)
{
	(void)ctx;
	bpf_loop(ROUNDS, step, NULL, 0);
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
