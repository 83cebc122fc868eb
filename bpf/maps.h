/* SPDX-License-Identifier: MIT */
/*
 * The maps that all programs of one tap share: a ring per CPU, the counters, and the words through
 * which the reader asks to be woken. wire.h describes their contents.
 */
#ifndef XDPTAP_BPF_MAPS_H
#define XDPTAP_BPF_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/wire.h"

struct bpf_object;

#define MAPS_SLOTS_MAX 65535 /* wire_frame.slot has 16 bits */

struct maps {
	int rings_fd, counts_fd, cpus_fd;
	int owners_fd, addresses_fd; /* borrowed; -1: no program asks for the process of a frame */
	int *ring_fds;		     /* one per ring, room for one per CPU */
	unsigned int n_rings;
	bool *is_served;	  /* whether a CPU has its own ring, or gets none */
	unsigned int *ring_of;	  /* each CPU's, an index into ring_fds */
	unsigned int n_cpus;	  /* possible CPUs: entries of "rings" and "cpus" */
	uint32_t n_slots;	  /* counters */
	int slots_fd;		  /* -1: programs are not shared between interfaces */
	struct wire_slots *slots; /* of these interfaces, up to WIRE_SHARERS */
	size_t ring_size;	  /* bytes, rounded up to what the kernel accepts */
	struct wire_cpu *cpu;
};

/*
 * Creates the maps, with rings of about ring_size bytes and n_slots counters. 0, -EPERM without the privilege,
 * -ENOMEM, or another -errno of bpf(2). *m is safe for maps_done() either way.
 */
int maps_init(struct maps *m, size_t ring_size, uint32_t n_slots);
/* Whether programs ask for the process of a frame. */
static inline bool maps_have_owners(const struct maps *m)
{
	return m->owners_fd >= 0;
}

void maps_done(struct maps *m);
/* A CPU without a ring of its own that has captured frames, into another's; -1: there is none. */
int maps_find_busy(const struct maps *m);
/*
 * Gives such a CPU its own ring, as the last of ring_fds. 0 or -errno: it goes on without, and is not found
 * any more.
 */
int maps_add_ring(struct maps *m, unsigned int cpu);
/* Lets interfaces share programs. 0 or -errno of bpf(2); *m is safe for maps_done() either way. */
int maps_allow_sharing(struct maps *m);
static inline bool maps_can_share(const struct maps *m, unsigned int ifindex)
{
	return m->slots && ifindex < WIRE_SHARERS;
}

/* Makes an object use these maps instead of its own of the same names; before load. 0 or -errno. */
int maps_share(const struct maps *m, struct bpf_object *object);
/*
 * Waits until every run of a program that is under way now has ended: an RCU grace period. 0, or -errno
 * where the kernel offers no way to wait.
 */
int maps_synchronize(const struct maps *m);
/* Sums one slot's counters over all CPUs. 0 or -errno. */
int maps_read_count(const struct maps *m, uint32_t slot, struct wire_count *ret);

#endif
