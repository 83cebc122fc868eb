/* SPDX-License-Identifier: MIT */
/* The qdiscs of an interface, and the filters in its clsact: ours on older kernels, and other people's. */
#ifndef XDPTAP_BPF_QDISC_H
#define XDPTAP_BPF_QDISC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QDISC_FILTERS 64 /* of one direction; more than anyone has to look at */

struct qdisc_filter {
	uint32_t priority, handle;
	char kind[16]; /* "bpf", "flower" */
	char name[64]; /* of its program, as the one who added it says; empty: none */
};

/*
 * Lists the filters that frames meet on their way in or out (those in chain 0), in that order. Returns how
 * many, at most "max", or -errno.
 */
int qdisc_list_filters(unsigned int ifindex, bool is_egress, struct qdisc_filter *ret, size_t max);
/* Whether the interface has a qdisc of this kind, at its root or below. */
bool qdisc_has_kind(unsigned int ifindex, const char *kind);
/*
 * Removes the clsact qdisc of an interface if it holds no filter. 0; -EBUSY: it is in use; or -errno.
 */
int qdisc_remove_unused(unsigned int ifindex);

#endif
