/* SPDX-License-Identifier: MIT */
/* The programs around a filter, and what of a frame the filter sees in them. */
#ifndef XDPTAP_TESTS_BPF_FILTER_SETUP_H
#define XDPTAP_TESTS_BPF_FILTER_SETUP_H

#include <glib.h>

#include "bpf/filter/cbpf.h"

#define ETHERNET 14 /* bytes of its header; what precedes a frame for CBPF_SKB_NETWORK */
#define COOKED	 16

struct setup {
	enum cbpf_access access;
	guint32 tag; /* that the filter is told of */
	/*
	 * 0, or bytes before those of the context: ETHERNET: that header (a second one for CBPF_SKB),
	 * COOKED: libpcap's cooked header.
	 */
	guint head;
	bool may_have_tag; /* the filter is translated for frames with and without one */
};

bool setup_is_skb(const struct setup *s);
/* The program: its return value is the filter's verdict. Owned. */
struct bpf_insn *setup_wrap(const struct setup *s, const struct cbpf_code *code, size_t *ret_n);
/* What the filter sees of a frame. Owned. */
GByteArray *setup_see(const struct setup *s, const GByteArray *frame);
/* The translation of a filter for this program; as cbpf_translate(). */
int setup_translate(const struct setup *s, const struct sock_filter *filter, size_t n,
		    struct cbpf_code *ret);

#endif
