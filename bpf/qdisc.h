/* SPDX-License-Identifier: MIT */
/* The clsact qdisc, which holds our filters on older kernels and may hold other people's. */
#ifndef XDPTAP_BPF_QDISC_H
#define XDPTAP_BPF_QDISC_H

/*
 * Removes the clsact qdisc of an interface if it holds no filter. 0; -EBUSY: it is in use; or -errno.
 */
int qdisc_remove_unused(unsigned int ifindex);

#endif
