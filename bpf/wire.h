/* SPDX-License-Identifier: MIT */
/*
 * What crosses the kernel boundary: the layout of a ring record, of the counters and of the words
 * by which the reader asks to be woken. Both sides include this header and nothing else of each
 * other; bpf/tap.c is the only userspace file that decodes a wire_frame.
 *
 * Integers are in host order. Userspace treats all of it as untrusted and checks every length.
 */
#ifndef XDPTAP_BPF_WIRE_H
#define XDPTAP_BPF_WIRE_H

#include <linux/types.h>

/* Frames longer than this are not taken (WIRE_LOST_LONG): it is the largest size class. */
#define WIRE_FRAME_MAX 262144

/* Why a frame that the filter accepted did not reach the ring. */
enum wire_lost {
	WIRE_LOST_FULL, /* no room in this CPU's ring */
	WIRE_LOST_LONG, /* longer than WIRE_FRAME_MAX after the snaplen was applied */
	WIRE_LOST_COPY, /* the kernel could not copy the frame's bytes */
	WIRE_LOST_CAUSES,
};

/* What is known of a frame beside its bytes: bits of wire_frame.flags. */
enum {
	WIRE_HASH = 1 << 0,	/* hash holds what the card computed over the flow */
	WIRE_SEGMENTS = 1 << 1, /* several frames on the wire, one here (TSO, GRO) */
	WIRE_QUEUE = 1 << 2,	/* queue holds the receive queue */
	WIRE_TRACED = 1 << 3,	/* a wire_trace stands before the bytes */
	WIRE_VERDICT = 1 << 4,	/* and its verdict means something */
	WIRE_STAMPED = 1 << 5,	/* a wire_stamp stands before the bytes */
};

/* An unlikely number: the instruction that sets r0 to it is where the capture filter goes. */
#define WIRE_FILTER_SITE 0x5af17e12

/* Set by userspace before load; constant to the verifier. */
struct wire_config {
	__u32 slot;	  /* index into the counters; names the interface in every record */
	__u32 snaplen;	  /* bytes kept of a frame, 1…WIRE_FRAME_MAX */
	__u32 wake_bytes; /* a wake-up at the latest after so many bytes on one CPU */
	__u32 mark; /* of the filter in place, below 65536: in every record that it let through */
};

/* The sides of a traced program; point.h has the same values. */
enum wire_at {
	WIRE_AT_ENTRY,
	WIRE_AT_EXIT,
	WIRE_AT_BOTH,
};

#define WIRE_VERDICTS 5 /* XDP_ABORTED…XDP_REDIRECT; the kernel takes any other for the first */

/* The same for the point "trace"; constant to the verifier. */
struct wire_trace_config {
	__u32 ifindex; /* frames of this interface … */
	__u32 netns;   /* … in the namespace of this inode number */
	__u32 n_cpus;  /* possible ones: each has its share of the packet ids */
	__u32 at; /* WIRE_AT_…: which to record; with both, the exit's slot is the next one */
	__u32 verdicts; /* a bit for each that is wanted */
	__u32 version; /* of several in the place of one another, the one that works is named by "now" */
};

/* What the point "trace" puts between a record's header and its bytes, with WIRE_TRACED. */
struct wire_trace {
	__u64 id;      /* the same at entry and at exit, and of no other frame of this tap */
	__u32 verdict; /* what the program returned, with WIRE_VERDICT */
	__u32 pad;
};

_Static_assert(sizeof(struct wire_trace) == 16, "wire_trace changed size");

/* What the point "xdp" puts there where the card's time is wanted, with WIRE_STAMPED. */
struct wire_stamp {
	__u64 card_ns; /* when the frame came, by the card's own clock; 0: the card did not say */
};

_Static_assert(sizeof(struct wire_stamp) == 8, "wire_stamp changed size");

/* One record of a ring: this header, caplen bytes of the frame, what the size class left over. */
struct wire_frame {
	__u64 ts_ns;  /* CLOCK_MONOTONIC, right behind the filter and before the copy */
	__u32 len;    /* length of the frame, with a tag that the card took out put back */
	__u32 caplen; /* bytes kept, at most len */
	__u32 lost;   /* frames of this slot lost on this CPU since its record before this one */
	__u16 slot;
	__u16 queue; /* receive queue, 0xffff where it is larger */
	__u32 hash;
	__u16 flags; /* WIRE_HASH… */
	__u16 mark;  /* of the filter that let it through */
	__u8 data[];
};

_Static_assert(sizeof(struct wire_frame) == 32, "wire_frame changed size");
_Static_assert(__builtin_offsetof(struct wire_frame, len) == 8, "wire_frame.len moved");
_Static_assert(__builtin_offsetof(struct wire_frame, lost) == 16, "wire_frame.lost moved");
_Static_assert(__builtin_offsetof(struct wire_frame, hash) == 24, "wire_frame.hash moved");
_Static_assert(__builtin_offsetof(struct wire_frame, mark) == 30, "wire_frame.mark moved");
_Static_assert(__builtin_offsetof(struct wire_frame, data) == 32, "wire_frame.data moved");

/* One per slot and CPU, only ever counted up by that CPU: seen >= accepted >= the sum of lost. */
struct wire_count {
	__u64 seen;	/* frames that passed the hook */
	__u64 accepted; /* of these, what the filter let through */
	__u64 lost[WIRE_LOST_CAUSES];
	__u32 gap; /* losses not yet told in a record's "lost" */
	__u32 pad;
};

_Static_assert(sizeof(struct wire_count) == 48, "wire_count changed size");

/* One per CPU, mapped by the reader; a cache line each, so that CPUs do not disturb one another. */
struct wire_cpu {
	__u32 armed;   /* the reader sleeps: the next record wakes it and clears this */
	__u32 unwoken; /* bytes put into the ring since the last wake-up */
	__u64 traced;  /* frames given an id */
	__u32 pad[12];
};

_Static_assert(sizeof(struct wire_cpu) == 64, "wire_cpu changed size");

#endif
