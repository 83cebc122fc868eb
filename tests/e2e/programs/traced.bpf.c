/* SPDX-License-Identifier: MIT */
/*
 * An XDP program that does what a frame says: byte 14 is the verdict, byte 15 is what to do to the frame
 * first.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

enum {
	KEEP,
	WRITE,	     /* 0xee into the last byte of the header */
	GROW_HEAD,   /* by 8 bytes, which are 0xaa */
	SHRINK_HEAD, /* by 4 */
	GROW_TAIL,   /* by 16 bytes, zero */
	SHRINK_TAIL, /* by 10 */
};

#define HEAD 17 /* bytes that every frame has */

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} ports SEC(".maps");

static __always_inline int grow_head(struct xdp_md *ctx)
{
	__u64 *data;

	if (bpf_xdp_adjust_head(ctx, -8))
		return -1;
	data = (void *)(long)ctx->data;
	if ((void *)(data + 1) > (void *)(long)ctx->data_end)
		return -1;
	*data = 0xaaaaaaaaaaaaaaaaULL;
	return 0;
}

static __always_inline int change(struct xdp_md *ctx, __u8 *data)
{
	switch (data[15]) {
	case WRITE: data[HEAD - 1] = 0xee; return 0;
	case GROW_HEAD: return grow_head(ctx);
	case SHRINK_HEAD: return bpf_xdp_adjust_head(ctx, 4);
	case GROW_TAIL: return bpf_xdp_adjust_tail(ctx, 16);
	case SHRINK_TAIL: return bpf_xdp_adjust_tail(ctx, -10);
	}
	return 0;
}

static __always_inline int run(struct xdp_md *ctx)
{
	__u8 *data = (void *)(long)ctx->data;
	__u8 verdict;

	if (data + HEAD > (__u8 *)(long)ctx->data_end)
		return XDP_PASS;
	if (data[12] != 0x88 || data[13] != 0xb5)
		return XDP_PASS;
	verdict = data[14];
	if (change(ctx, data))
		return XDP_ABORTED;
	if (verdict == XDP_REDIRECT)
		return bpf_redirect(ctx->ingress_ifindex, 0);
	if (verdict == XDP_REDIRECT + 1)
		return bpf_redirect_map(&ports, 0, 0);
	return verdict;
}

/* The kernel truncates this name to 15 bytes. */
SEC("xdp")
int does_what_a_frame_says(struct xdp_md *ctx)
{
	return run(ctx);
}

SEC("xdp.frags")
int does_so_with_long_frames(struct xdp_md *ctx)
{
	return run(ctx);
}

char _license[] SEC("license") = "Dual MIT/GPL";
