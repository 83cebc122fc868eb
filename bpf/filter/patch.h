/* SPDX-License-Identifier: MIT */
/* Puts a capture filter into a program, between opening and loading it. */
#ifndef XDPTAP_BPF_FILTER_PATCH_H
#define XDPTAP_BPF_FILTER_PATCH_H

#include <linux/filter.h>
#include <stddef.h>

#include "bpf/filter/cbpf.h"

struct bpf_program;

/*
 * Makes the program take only the frames that match these n instructions, at the place that
 * filter.bpf.h keeps for it. 0, or -errno as cbpf_translate() has it; -ENOENT where the program has
 * no such place or several.
 */
int patch_filter(struct bpf_program *program, const struct sock_filter *filter, size_t n,
		 enum cbpf_access access);

#endif
