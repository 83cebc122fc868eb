/* SPDX-License-Identifier: MIT */
/* What only some records hold, between their header and the bytes of the frame. */
#include <stddef.h>
#include <string.h>

#include "bpf/rings/clock.h"
#include "bpf/rings/record.h"
#include "bpf/tap.h"

/* The NIC's time is believed within these bounds of our own stamp: its clock may just have been set. */
#define NIC_BEFORE_NS 1000000000
#define NIC_AFTER_NS  1000000 /* more than the error of measuring the clock */

_Static_assert((int)TAP_HASH == WIRE_HASH && (int)TAP_SEGMENTS == WIRE_SEGMENTS &&
		       (int)TAP_QUEUE == WIRE_QUEUE && (int)TAP_PARTIAL == WIRE_PARTIAL,
	       "tap.h and wire.h disagree");
_Static_assert(TAP_CALLERS == WIRE_CALLERS, "tap.h and wire.h disagree");
_Static_assert((int)TAP_INBOUND == WIRE_INBOUND && (int)TAP_OUTBOUND == WIRE_OUTBOUND,
	       "tap.h and wire.h disagree");

_Static_assert(sizeof(struct tap_owner) == sizeof(struct wire_owner) &&
		       offsetof(struct tap_owner, name) == offsetof(struct wire_owner, name) &&
		       TAP_NAME_SIZE == WIRE_NAME_SIZE,
	       "tap.h and wire.h disagree");

/* What precedes the bytes, after all others, of a frame whose process was asked for. */
static void add_owner(struct tap_frame *f)
{
	memcpy(&f->owner, f->data, sizeof(f->owner));
	f->owner.name[TAP_NAME_SIZE - 1] = '\0';
	f->data += sizeof(f->owner);
	f->mask |= TAP_OWNED;
}

/* What precedes the bytes of a traced frame. */
static void add_trace(struct tap_frame *f, const struct wire_frame *w)
{
	const struct wire_trace *trace = (const struct wire_trace *)w->data;

	f->data += sizeof(*trace);
	f->mask |= TAP_ID | (w->flags & WIRE_VERDICT ? TAP_VERDICT : 0);
	f->id = trace->id;
	f->verdict = trace->verdict;
}

/* 0: unknown. */
static void set_id(struct tap_frame *f, uint64_t id)
{
	f->mask |= id ? TAP_ID : 0;
	f->id = id;
}

/* What precedes the bytes of a dropped one. */
static void add_drop(struct tap_frame *f, const struct wire_frame *w)
{
	const struct wire_drop *drop = (const struct wire_drop *)w->data;

	f->data += sizeof(*drop);
	f->mask |= TAP_DROPPED;
	f->reason = drop->reason;
	f->location = drop->location;
	f->callers = (const uint64_t *)drop->callers;
	f->direction = drop->direction <= WIRE_OUTBOUND ? drop->direction : TAP_UNKNOWN;
	set_id(f, drop->id);
}

/* What precedes the bytes of a received one that may yet be dropped. */
static void add_id(struct tap_frame *f, const struct wire_frame *w)
{
	const struct wire_id *id = (const struct wire_id *)w->data;

	f->data += sizeof(*id);
	set_id(f, id->id);
}

/*
 * When the NIC received the frame, or else when we saw it. The kernel's stamps give the order, so a frame
 * that the NIC delivered late gets a time between the two.
 */
static void add_stamp(struct tap_frame *f, const struct wire_frame *w, const struct clock *phc,
		      uint64_t seen_ns)
{
	const struct wire_stamp *stamp = (const struct wire_stamp *)w->data;
	int64_t age = (int64_t)(seen_ns - clock_to_monotonic_ns(phc, stamp->nic_ns));

	f->data += sizeof(*stamp);
	if (!stamp->nic_ns || age > NIC_BEFORE_NS || age < -NIC_AFTER_NS)
		f->mask |= TAP_HOST_TIME;
	else if (age > 0)
		f->ts_ns -= (uint64_t)age;
}

void record_add_rare(struct tap_frame *f, const struct wire_frame *w, const struct clock *phc,
		     uint64_t seen_ns)
{
	f->mask = w->flags & RECORD_COMMON;
	if (w->flags & WIRE_TRACED)
		add_trace(f, w);
	else if (w->flags & WIRE_STAMPED)
		add_stamp(f, w, phc, seen_ns);
	else if (w->flags & WIRE_DROPPED)
		add_drop(f, w);
	else if (w->flags & WIRE_IDENTIFIED)
		add_id(f, w);
	if (w->flags & WIRE_OWNED)
		add_owner(f);
}
