/* SPDX-License-Identifier: MIT */
/* What files and logs say about the machine and about this program. */
#ifndef XDPTAP_EXTCAP_SYSTEM_HOST_H
#define XDPTAP_EXTCAP_SYSTEM_HOST_H

#include <stdint.h>

/* "AMD EPYC 7763 64-Core Processor", or "aarch64" if the kernel names no model; caller frees. */
char *host_hardware(void);
/* "Linux 6.1.0-18-amd64"; caller frees. */
char *host_os(void);
/* One line each for the program, its library and libbpf; static. */
const char *host_versions(void);

/* Bytes of memory: the machine's, or the limit of our control group if that is smaller. */
uint64_t host_memory(void);
/*
 * The smallest memory limit of the control groups in a file such as /proc/self/cgroup, and of those
 * above them, below `mount` (/sys/fs/cgroup; version 1 and 2). UINT64_MAX: none.
 */
uint64_t host_cgroup_limit(const char *groups, const char *mount);

#endif
