/* SPDX-License-Identifier: MIT */
/* Whether classic instructions are a valid program: like libpcap's bpf_validate(), but with reasons. */
#ifndef XDPTAP_BPF_FILTER_CBPF_CHECK_H
#define XDPTAP_BPF_FILTER_CBPF_CHECK_H

#include <linux/filter.h>
#include <stddef.h>

/*
 * Checks n instructions, including unreachable ones. 0, or -ELOOP, -EOPNOTSUPP or -EINVAL as
 * cbpf_translate(), with the instruction at fault in *ret_culprit.
 */
int cbpf_check(const struct sock_filter *filter, size_t n, size_t *ret_culprit);

#endif
