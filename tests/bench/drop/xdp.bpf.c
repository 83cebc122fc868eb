/* SPDX-License-Identifier: MIT */
/*
 * The tap's XDP program inside a program that drops: it captures the frame and drops it. Only a
 * benchmark may do that; it shows the cost of the hook where nothing else costs anything.
 */
#include <linux/bpf.h>

#define XDP_PASS XDP_DROP
#include "bpf/kernel/xdp.bpf.c"
