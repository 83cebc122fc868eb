/* SPDX-License-Identifier: MIT */
/*
 * The tap's XDP program as it would be inside a program that drops: it takes the frame, and the frame
 * ends there. Nothing but a benchmark may do that; it shows the hook's cost where nothing else costs.
 */
#include <linux/bpf.h>

#define XDP_PASS XDP_DROP
#include "bpf/kernel/xdp.bpf.c"
