/* SPDX-License-Identifier: MIT */
/* The capture filter: pcap-filter(7) expressions, as libpcap understands them. */
#ifndef XDPTAP_EXTCAP_CAPTURE_FILTER_H
#define XDPTAP_EXTCAP_CAPTURE_FILTER_H

#include <glib.h>
#include <stdbool.h>
#include <stdio.h>

struct sock_filter;

/* What an expression becomes: classic BPF, for tap_target. No instructions: all frames. */
struct filter {
	struct sock_filter *insns;
	size_t n;
};

#define FILTER_NONE ((struct filter){ 0 })

/*
 * Compiles an expression (NULL: none) for a linktype; one that nothing can match is a filter like any
 * other. False with a sentence where libpcap refuses it or the kernel could not run it; filter_done()
 * in any case.
 */
bool filter_compile(const char *expression, int linktype, struct filter *ret, GError **error);
void filter_done(struct filter *f);
/* The filter that accepts nothing. */
struct filter filter_nothing(void);
/* Whether it could be compiled; else *error has the sentence. */
bool filter_check(const char *expression, int linktype, GError **error);
/* Lists what it becomes for Ethernet: eBPF as at the XDP hook, or classic BPF as tcpdump -d does. */
bool filter_print(FILE *to, const char *expression, bool is_classic, GError **error);

#endif
