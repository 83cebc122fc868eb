/* SPDX-License-Identifier: MIT */
/*
 * What a filter asks about a frame other than its bytes. libpcap's "inbound", "outbound" and "ifindex"
 * are loads at offsets that no frame has; a packet socket gives them a meaning. A program of ours is on
 * one interface and sees one direction, so here the answers are constants.
 */
#ifndef XDPTAP_BPF_FILTER_CBPF_BIND_H
#define XDPTAP_BPF_FILTER_CBPF_BIND_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where frames are captured. */
struct cbpf_place {
	uint32_t ifindex;
	bool is_egress; /* frames are sent, not received */
};

/* Whether an instruction asks something that cbpf_bind() cannot answer. */
bool cbpf_is_unanswered(const struct sock_filter *f);
/*
 * Copies n instructions (at least one) with the answers for a place. The copy is to be freed; NULL: no
 * memory.
 */
struct sock_filter *cbpf_bind(const struct sock_filter *filter, size_t n,
			      const struct cbpf_place *place);

#endif
