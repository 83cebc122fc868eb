/* SPDX-License-Identifier: MIT */
/*
 * libpcap, in a file of its own: its header and <linux/bpf.h> each define a struct bpf_insn, so no file
 * can include both. The interface uses struct sock_filter, which has the same layout.
 */
#ifndef XDPTAP_TESTS_BPF_FILTER_ORACLE_H
#define XDPTAP_TESTS_BPF_FILTER_ORACLE_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Compiles an expression for Ethernet; NULL with *ret_error (static) if libpcap refuses it. */
struct sock_filter *oracle_compile(const char *expression, size_t *ret_n, const char **ret_error);
/* The same for another of libpcap's DLT_. */
#define ORACLE_RAW    12  /* frames begin with an IP header */
#define ORACLE_COOKED 113 /* and here libpcap's 16 bytes precede it */
struct sock_filter *oracle_compile_for(int dlt, const char *expression, size_t *ret_n,
				       const char **ret_error);
/* libpcap's verdict on a complete frame. */
bool oracle_matches(const struct sock_filter *filter, size_t n, const uint8_t *frame, uint32_t len);
/* Whether libpcap accepts these instructions as a program. */
bool oracle_is_valid(const struct sock_filter *filter, size_t n);

#endif
