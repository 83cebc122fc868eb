/* SPDX-License-Identifier: MIT */
/*
 * libpcap, behind a wall: its header and <linux/bpf.h> each have a struct bpf_insn of their own, so
 * no file can include both. What crosses the wall is struct sock_filter, of the same layout.
 */
#ifndef XDPTAP_TESTS_BPF_FILTER_ORACLE_H
#define XDPTAP_TESTS_BPF_FILTER_ORACLE_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Compiles an expression for Ethernet; NULL with *ret_error (static) where libpcap refuses it. */
struct sock_filter *oracle_compile(const char *expression, size_t *ret_n, const char **ret_error);
/* libpcap's verdict over a whole frame. */
bool oracle_matches(const struct sock_filter *filter, const uint8_t *frame, uint32_t len);
/* Whether libpcap takes these instructions for a program. */
bool oracle_is_valid(const struct sock_filter *filter, size_t n);

#endif
