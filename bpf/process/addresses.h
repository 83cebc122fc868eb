/* SPDX-License-Identifier: MIT */
/* The addresses of this machine, in a map for programs. */
#ifndef XDPTAP_BPF_PROCESS_ADDRESSES_H
#define XDPTAP_BPF_PROCESS_ADDRESSES_H

#include <linux/types.h>

/*
 * Makes the map hold those that the interfaces of this network namespace have now, as far as there is room, and no
 * others. "round" differs from that of the call before. 0 or -errno.
 */
int addresses_update(int map_fd, __u32 round);

#endif
