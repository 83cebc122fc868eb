/* SPDX-License-Identifier: MIT */
/* Whether classic instructions are a program: what libpcap's bpf_validate() checks, with reasons. */
#ifndef XDPTAP_BPF_FILTER_CBPF_CHECK_H
#define XDPTAP_BPF_FILTER_CBPF_CHECK_H

#include <linux/filter.h>
#include <stddef.h>

/*
 * Checks n instructions, also those that cannot be reached. 0, or -ELOOP, -EOPNOTSUPP or -EINVAL
 * as cbpf_translate() tells, with the instruction it is about in *ret_culprit.
 */
int cbpf_check(const struct sock_filter *filter, size_t n, size_t *ret_culprit);

#endif
