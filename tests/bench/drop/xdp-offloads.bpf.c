/* SPDX-License-Identifier: MIT */
/* Like xdp.bpf.c, for devices whose driver has the metadata kfuncs. */
#include <linux/bpf.h>

#define XDP_PASS XDP_DROP
#include "bpf/kernel/xdp-offloads.bpf.c"
