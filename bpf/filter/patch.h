/* SPDX-License-Identifier: MIT */
/* Puts a capture filter into a program that is opened and not yet loaded. */
#ifndef XDPTAP_BPF_FILTER_PATCH_H
#define XDPTAP_BPF_FILTER_PATCH_H

#include <linux/filter.h>
#include <stddef.h>

#include "bpf/filter/cbpf.h"

struct bpf_program;

/*
 * Makes the program capture only frames that these n instructions accept, at the place that filter.bpf.h
 * reserves. 0, or -errno as cbpf_translate(); -ENOENT: the program has no such place, or several.
 */
int patch_filter(struct bpf_program *program, const struct sock_filter *filter, size_t n,
		 enum cbpf_access access);

#endif
