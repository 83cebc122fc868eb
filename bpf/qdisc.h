/* SPDX-License-Identifier: MIT */
/* The clsact qdisc that filters of older kernels hang in, and which may be shared with others. */
#ifndef XDPTAP_BPF_QDISC_H
#define XDPTAP_BPF_QDISC_H

/*
 * Removes the clsact qdisc of an interface if no filter is left in it. 0; -EBUSY: somebody uses it; or
 * -errno.
 */
int qdisc_remove_unused(unsigned int ifindex);

#endif
