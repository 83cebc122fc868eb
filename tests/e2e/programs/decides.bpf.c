/* SPDX-License-Identifier: MIT */
/*
 * An XDP program whose verdict is byte 14 of a frame. It can write to a frame but not resize it, which
 * the libxdp dispatcher of Debian 12 does not allow on newer kernels.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int decides_as_a_frame_says(struct xdp_md *ctx)
{
	__u8 *data = (void *)(long)ctx->data;

	if (data + 17 > (__u8 *)(long)ctx->data_end || data[12] != 0x88 || data[13] != 0xb5)
		return XDP_PASS;
	if (data[15])
		data[16] = 0xee;
	if (data[14] == XDP_REDIRECT)
		return bpf_redirect(ctx->ingress_ifindex, 0);
	return data[14];
}

char _license[] SEC("license") = "Dual MIT/GPL";
