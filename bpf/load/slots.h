/* SPDX-License-Identifier: MIT */
/*
 * The attached programs of a tap, by their slots. A slot is used once: when its program is gone, the counters
 * and the account remain.
 */
#ifndef XDPTAP_BPF_LOAD_SLOTS_H
#define XDPTAP_BPF_LOAD_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/account.h"
#include "bpf/point-link.h"
#include "bpf/rings/clock.h"

struct attached {
	const struct point *point;
	uint32_t owner; /* the slot that owns the link: the first of those that it fills */
	struct point_target target; /* without its filter, which is the caller's */
	struct point_link *link;    /* NULL: closed */
	struct point_link closed;   /* what it was, then */
	struct clock phc;	    /* the NIC's, with target.is_stamped */
	struct account account;
};

struct slots {
	struct attached *list;
	uint32_t n, max;
	bool is_detached; /* all of them */
};

/* What the program of a slot is attached through, or was. */
static inline const struct point_link *attached_link(const struct attached *a)
{
	return a->link ? a->link : &a->closed;
}

/*
 * Attaches a program, with the next slot in its config, and owns the clock then. Returns that slot, or -errno
 * as point.attach; -ENOSPC: there are no more slots.
 */
int slots_attach(struct slots *s, const struct point *point, const struct point_target *target,
		 const struct clock *phc);
/* See tap_set_filter(), tap_move() and tap_close(). */
int slots_replace(struct slots *s, uint32_t slot, const struct sock_filter *filter, size_t n,
		  uint16_t generation);
int slots_move(struct slots *s, uint32_t slot, const struct sock_filter *filter, size_t n,
	       uint16_t generation);
void slots_close(struct slots *s, uint32_t slot);
/* Detaches all programs; returns whether there were any. Afterwards nothing is attached or replaced. */
bool slots_detach(struct slots *s);
/* The programs are another process's now: nothing here detaches them. */
void slots_abandon(struct slots *s);
/* Frees the programs, after slots_detach() or slots_abandon(); the accounts remain. */
void slots_free_links(struct slots *s);
/* Frees, after the same. */
void slots_done(struct slots *s);

#endif
