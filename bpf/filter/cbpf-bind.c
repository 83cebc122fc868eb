/* SPDX-License-Identifier: MIT */
/* A load at one of the kernel's ancillary offsets becomes a load of a constant. */
#include <linux/if_packet.h>
#include <stdlib.h>

#include "bpf/filter/cbpf-bind.h"

/* kernel: include/uapi/linux/filter.h, SKF_AD_OFF */
static bool is_ancillary(const struct sock_filter *f)
{
	return BPF_CLASS(f->code) == BPF_LD && BPF_MODE(f->code) == BPF_ABS &&
	       f->k >= (uint32_t)SKF_AD_OFF && f->k < (uint32_t)(SKF_AD_OFF + SKF_AD_MAX);
}

bool cbpf_is_unanswered(const struct sock_filter *f)
{
	return is_ancillary(f) && f->k != (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE) &&
	       f->k != (uint32_t)(SKF_AD_OFF + SKF_AD_IFINDEX);
}

/* Of the packet types, libpcap tells only outgoing from all others. */
static uint32_t answer(const struct sock_filter *f, const struct cbpf_place *place)
{
	if (f->k == (uint32_t)(SKF_AD_OFF + SKF_AD_IFINDEX))
		return place->ifindex;
	return place->is_egress ? PACKET_OUTGOING : PACKET_HOST;
}

struct sock_filter *cbpf_bind(const struct sock_filter *filter, size_t n,
			      const struct cbpf_place *place)
{
	struct sock_filter *copy = calloc(n, sizeof(*copy));

	for (size_t i = 0; copy && i < n; i++) {
		copy[i] = filter[i];
		if (is_ancillary(&filter[i]))
			copy[i] = (struct sock_filter){ .code = BPF_LD | BPF_IMM,
							.k = answer(&filter[i], place) };
	}
	return copy;
}
