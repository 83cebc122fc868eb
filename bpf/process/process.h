/* SPDX-License-Identifier: MIT */
/*
 * What the kernel is asked about processes and their sockets: the programs of process.bpf.c, which run while
 * this exists, and the maps that they fill. Without it, none of them is loaded.
 */
#ifndef XDPTAP_BPF_PROCESS_PROCESS_H
#define XDPTAP_BPF_PROCESS_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/tap.h"

struct process;

/*
 * Attaches the programs, and looks up the sockets that are there. 0; -EPERM: a privilege is missing; -ENOSYS: the
 * kernel is too old, or has no BTF; -ENOENT: there is no cgroup hierarchy; or another -errno.
 */
int process_new(const struct tap_process *config, struct process **ret);
/* Detaches and frees; NULL is allowed. */
void process_free(struct process *p);
/* Reads the machine's addresses again. 0 or -errno. */
int process_read_addresses(struct process *p);
/* The maps of process-find.bpf.h; -1 without p. */
int process_owners_fd(const struct process *p);
int process_addresses_fd(const struct process *p);
/* See tap_read_unit(). */
bool process_read_unit(const struct process *p, uint64_t cgroup, char ret[TAP_UNIT_SIZE]);

#endif
