/* SPDX-License-Identifier: MIT */
/* Two files, because <pcap/pcap.h> and <linux/bpf.h> contradict each other. */
#ifndef XDPTAP_TESTS_BENCH_LIBRARY_COUNT_H
#define XDPTAP_TESTS_BENCH_LIBRARY_COUNT_H

#include <signal.h>
#include <stdint.h>

extern volatile sig_atomic_t is_over;
extern uint64_t frames, bytes;

/* Prints it; returns 1. */
int fail(const char *what, const char *why);
/* Tells that it captures now. */
void ready(void);
/* Counts with AF_XDP until it is over. The exit status. */
int count_xsk(const char *interface);

#endif
