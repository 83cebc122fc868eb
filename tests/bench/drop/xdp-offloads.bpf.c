/* SPDX-License-Identifier: MIT */
/* The same as xdp.bpf.c beside it, for devices whose driver answers. */
#include <linux/bpf.h>

#define XDP_PASS XDP_DROP
#include "bpf/kernel/xdp-offloads.bpf.c"
