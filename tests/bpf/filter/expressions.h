/* SPDX-License-Identifier: MIT */
/* Capture filters to try: each primitive of pcap-filter(7), tcpdump's documented examples, and made-up ones. */
#ifndef XDPTAP_TESTS_BPF_FILTER_EXPRESSIONS_H
#define XDPTAP_TESTS_BPF_FILTER_EXPRESSIONS_H

#include <glib.h>

/* NULL at the end. libpcap compiles all of them for Ethernet, or says that they reject all packets. */
extern const char *const expressions[];
/* A random expression of the grammar; libpcap may refuse it (for too few tags, say). Owned. */
char *expression_make(GRand *random);

#endif
