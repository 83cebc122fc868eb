/* SPDX-License-Identifier: MIT */
/*
 * LRO and hardware GRO, which the kernel or a driver turns off for an XDP program, and leaves off when the
 * program is gone.
 */
#ifndef XDPTAP_BPF_DEVICE_OFFLOADS_H
#define XDPTAP_BPF_DEVICE_OFFLOADS_H

enum {
	OFFLOADS_LRO = 1 << 0,
	OFFLOADS_GRO_HW = 1 << 1,
};

/* Which of them are on: OFFLOADS_ bits. */
unsigned int offloads_read(const char *name);
/* Turns them on; requires CAP_NET_ADMIN. Returns which are on then. */
unsigned int offloads_enable(const char *name, unsigned int mask);

#endif
