/* SPDX-License-Identifier: MIT */
/* Random classic programs: not what libpcap would make, but what its bpf_validate() takes. */
#ifndef XDPTAP_TESTS_BPF_FILTER_PROGRAMS_H
#define XDPTAP_TESTS_BPF_FILTER_PROGRAMS_H

#include <glib.h>
#include <linux/filter.h>

#define PROGRAM_MAX 64

/* Fills in a program and says how long it is. */
gsize program_make(GRand *random, struct sock_filter *ret);

#endif
