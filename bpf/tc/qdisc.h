/* SPDX-License-Identifier: MIT */
/* The qdiscs of an interface, and the filters in its clsact: ours on older kernels, and other people's. */
#ifndef XDPTAP_BPF_QDISC_H
#define XDPTAP_BPF_QDISC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QDISC_FILTERS 64 /* of one direction; more than anyone has to look at */
#define QDISC_KIND    16 /* bytes; kernel: include/uapi/linux/if.h, IFNAMSIZ */

struct qdisc_filter {
	uint32_t priority, handle;
	char kind[QDISC_KIND]; /* "bpf", "flower" */
	char name[64];	       /* of its program, as the one who added it says; empty: none */
};

/*
 * Lists the filters that frames meet on their way in or out (those in chain 0), in that order. Returns how
 * many, at most "max", or -errno.
 */
int qdisc_list_filters(unsigned int ifindex, bool is_egress, struct qdisc_filter *ret, size_t max);
/* Whether the forerunner of clsact is there, "ingress". */
bool qdisc_is_old_ingress(unsigned int ifindex);
/* Whether sent frames may meet a netem, at the root or below: it drops, delays and changes them. */
bool qdisc_has_netem(unsigned int ifindex);
/*
 * Removes the clsact qdisc of an interface if it holds no filter. 0; -EBUSY: it is in use; or -errno.
 */
int qdisc_remove_unused(unsigned int ifindex);

#endif
