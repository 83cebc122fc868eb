/* SPDX-License-Identifier: MIT */
/*
 * The programs that the hook is compared with: one that does nothing, a plain tap with size classes in
 * one ring, and the simplest tap of all, with a fixed 2 KiB record per frame.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "bpf/wire.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 << 20);
} ring SEC(".maps");

__u64 lost;

SEC("xdp.frags")
int empty(struct xdp_md *ctx __attribute__((unused)))
{
	return XDP_PASS;
}

static __always_inline int put(struct xdp_md *ctx, __u32 len, const __u32 size)
{
	struct wire_frame *w = bpf_ringbuf_reserve(&ring, sizeof(*w) + size, 0);

	if (!w) {
		__sync_fetch_and_add(&lost, 1);
		return XDP_PASS;
	}
	asm volatile("" : "+r"(len));
	if (len < 1 || len > size || bpf_xdp_load_bytes(ctx, 0, w->data, len) < 0) {
		bpf_ringbuf_discard(w, 0);
		return XDP_PASS;
	}
	w->ts_ns = bpf_ktime_get_ns();
	w->len = w->caplen = len;
	w->queue = (__u16)ctx->rx_queue_index;
	bpf_ringbuf_submit(w, BPF_RB_NO_WAKEUP);
	return XDP_PASS;
}

SEC("xdp.frags")
int classes(struct xdp_md *ctx)
{
	__u32 len = bpf_xdp_get_buff_len(ctx);

	if (len <= 128)
		return put(ctx, len, 128);
	if (len <= 256)
		return put(ctx, len, 256);
	if (len <= 512)
		return put(ctx, len, 512);
	if (len <= 1536)
		return put(ctx, len, 1536);
	return put(ctx, len, 9216);
}

SEC("xdp.frags")
int fixed(struct xdp_md *ctx)
{
	__u32 len = bpf_xdp_get_buff_len(ctx);

	return put(ctx, len < 2048 ? len : 2048, 2048);
}

char _license[] SEC("license") = "Dual MIT/GPL";
