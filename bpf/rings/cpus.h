/* SPDX-License-Identifier: MIT */
/* Which CPUs are online. */
#ifndef XDPTAP_BPF_RINGS_CPUS_H
#define XDPTAP_BPF_RINGS_CPUS_H

#include <stdbool.h>

/*
 * Marks in is_listed[0…n-1] the CPUs that a list names, as sysfs prints them: "0,2-3". Those from n on are
 * left out. 0; -EINVAL: it is no such list.
 */
int cpus_parse(const char *list, bool *is_listed, unsigned int n);
/* Marks the CPUs that are online now. 0 or -errno. */
int cpus_online(bool *is_online, unsigned int n);
/*
 * Distributes rings: ring_of[0…n-1] becomes each CPU's, counted from 0. Those online have one each, in the
 * order of their numbers, and the others share these. Returns how many there are.
 */
unsigned int cpus_assign(const bool *is_online, unsigned int n, unsigned int *ring_of);

#endif
