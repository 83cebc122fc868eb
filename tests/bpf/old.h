/* SPDX-License-Identifier: MIT */
/*
 * Before Linux 5.18 there are no XDP programs for fragmented frames, and none of ours loads. Tests that
 * need one skip there, even with XDPTAP_TESTS_MUST_RUN: the machine is not at fault.
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
