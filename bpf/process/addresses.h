/* SPDX-License-Identifier: MIT */
/* The addresses of this machine, in a map for programs. */
#ifndef XDPTAP_BPF_PROCESS_ADDRESSES_H
#define XDPTAP_BPF_PROCESS_ADDRESSES_H

/* Adds those that the interfaces of this network namespace have now. 0 or -errno. */
int addresses_add(int map_fd);

#endif
