/* SPDX-License-Identifier: MIT */
/*
 * The maps that all programs of one tap share: a ring per CPU, the counters, and the words by
 * which the reader asks to be woken. What is in them is described in wire.h.
 */
#ifndef XDPTAP_BPF_MAPS_H
#define XDPTAP_BPF_MAPS_H

#include <stddef.h>
#include <stdint.h>

#include "bpf/wire.h"

struct bpf_object;

#define MAPS_SLOTS 1024 /* counters are set aside for so many attached programs */

struct maps {
	int rings_fd, counts_fd, cpus_fd;
	int *ring_fds; /* one per ring */
	unsigned int n_rings;
	unsigned int n_cpus; /* possible CPUs: entries of "rings" and "cpus" */
	size_t ring_size;    /* bytes, rounded up to what the kernel takes */
	struct wire_cpu *cpu;
};

/*
 * Creates the maps, with rings of about ring_size bytes. 0, -EPERM where privilege is missing,
 * -ENOMEM, or another -errno of bpf(2). *m is safe for maps_done() in any case.
 */
int maps_init(struct maps *m, size_t ring_size);
void maps_done(struct maps *m);
/* Makes an object, before load, use these maps for its own of the same names. 0 or -errno. */
int maps_share(const struct maps *m, struct bpf_object *object);
/*
 * Waits until every run of a program that is under way now has ended: an RCU grace period. 0, or -errno
 * where the kernel offers no way to wait.
 */
int maps_synchronize(const struct maps *m);
/* Adds up one slot's counters of all CPUs. 0 or -errno. */
int maps_read_count(const struct maps *m, uint32_t slot, struct wire_count *ret);

#endif
