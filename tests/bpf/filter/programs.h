/* SPDX-License-Identifier: MIT */
/* Random classic programs: not what libpcap generates, but what its bpf_validate() accepts. */
#ifndef XDPTAP_TESTS_BPF_FILTER_PROGRAMS_H
#define XDPTAP_TESTS_BPF_FILTER_PROGRAMS_H

#include <glib.h>
#include <linux/filter.h>

#define PROGRAM_MAX 64

/* Fills in a program and returns its length. */
gsize program_make(GRand *random, struct sock_filter *ret);

#endif
