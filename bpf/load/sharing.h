/* SPDX-License-Identifier: MIT */
/*
 * An interface's part in a program that others share: its entry in the map "slots". To load a program, a point
 * passes what sharing_target() returns; it enters the slot before it attaches the program, or after it has
 * exchanged it, and withdraws it after it has detached it.
 */
#ifndef XDPTAP_BPF_LOAD_SHARING_H
#define XDPTAP_BPF_LOAD_SHARING_H

#include "bpf/point-link.h"

struct sharing {
	const struct maps *maps; /* NULL: a program of its own */
	unsigned int ifindex;
	enum wire_hook hook;
	uint32_t slot;
};

/* A target for a program that is shared where the tap allows it, else the same target. */
struct point_target sharing_target(const struct point_target *t);
/* Both do nothing for a program of its own. */
void sharing_enter(struct sharing *s, const struct point_target *t, enum wire_hook hook);
void sharing_withdraw(const struct sharing *s);

#endif
