/* SPDX-License-Identifier: MIT */
/*
 * Before Linux 5.18 there is no XDP program for frames in several parts, and none of ours loads. What
 * needs one is skipped there, also with XDPTAP_TESTS_MUST_RUN: it is no fault of the machine.
 */
#ifndef XDPTAP_TESTS_BPF_OLD_H
#define XDPTAP_TESTS_BPF_OLD_H

#include <bpf/libbpf.h>
#include <glib.h>
#include <stdbool.h>

static inline bool skip_if_old(void)
{
	if (libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, BPF_FUNC_xdp_load_bytes, NULL) != 0)
		return false;
	g_test_skip("needs Linux 5.18");
	return true;
}

#endif
