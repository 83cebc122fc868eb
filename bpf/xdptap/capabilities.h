/* SPDX-License-Identifier: MIT */
/* The capabilities that capturing requires. */
#ifndef XDPTAP_BPF_XDPTAP_CAPABILITIES_H
#define XDPTAP_BPF_XDPTAP_CAPABILITIES_H

#include <stddef.h>

#include "bpf/xdptap/tap.h"

/* Bits 1 << CAP_ that a point requires. */
uint64_t capabilities_of(enum xdptap_point point);
/* Of these bits, those that this thread lacks. */
uint64_t capabilities_missing(uint64_t needed);
/* "CAP_BPF and CAP_PERFMON are missing"; for 0: nothing is missing, and the kernel refuses nevertheless. */
void capabilities_explain(uint64_t missing, char *text, size_t size);

#endif
