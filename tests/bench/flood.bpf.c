/* SPDX-License-Identifier: MIT */
/* Redirects each frame that it runs on to an interface, one every gap_ns. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define LATE_NS	 100000 /* shorter delays are made up for */
#define PATIENCE 1000000

const volatile __u32 ifindex;
const volatile __u64 gap_ns; /* 0: as fast as possible */
__u64 due_ns;

static long is_due(__u32 round __attribute__((unused)), void *unused __attribute__((unused)))
{
	return bpf_ktime_get_ns() >= due_ns;
}

SEC("xdp")
int flood(struct xdp_md *ctx __attribute__((unused)))
{
	if (gap_ns) {
		__u64 now = bpf_ktime_get_ns();

		if (due_ns + LATE_NS < now)
			due_ns = now;
		bpf_loop(PATIENCE, is_due, 0, 0);
		due_ns += gap_ns;
	}
	return bpf_redirect(ifindex, 0);
}

char _license[] SEC("license") = "Dual MIT/GPL";
