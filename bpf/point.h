/* SPDX-License-Identifier: MIT */
/*
 * Capture points: the places in the kernel where a tap can be put. points[] is the only list of
 * them; each is a pair <name>.bpf.c (the program) and point-<name>.c (how it gets there).
 */
#ifndef XDPTAP_BPF_POINT_H
#define XDPTAP_BPF_POINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/wire.h"

struct maps;
struct sock_filter; /* <linux/filter.h>, which libpcap's header does not go along with */

/* How an XDP program is attached. */
enum tap_mode {
	TAP_MODE_AUTO,	  /* native, and generic where the driver refuses that */
	TAP_MODE_NATIVE,  /* in the driver, before a socket buffer exists */
	TAP_MODE_GENERIC, /* in the stack's receive path: works on every device */
};

/* What a program learns of a frame from the driver. */
enum point_reads {
	POINT_READS_NOTHING,
	POINT_READS_OFFLOADS, /* what the card took out of it or computed */
	POINT_READS_STAMP,    /* that, and when the card received it */
};

/* The two sides of a traced program, where its frames are looked at. */
enum {
	POINT_AT_ENTRY = WIRE_AT_ENTRY,
	POINT_AT_EXIT = WIRE_AT_EXIT,
};

/* What is asked of the point "trace". */
struct point_trace {
	uint32_t program_id; /* which program */
	uint32_t at;	     /* POINT_AT_…: with both, the exit has the slot behind the entry's */
	uint32_t filter_at;  /* where the filter judges the frame */
	uint32_t verdicts;   /* a bit for each XDP_… that is wanted: 1 << XDP_DROP */
};

struct point_target {
	unsigned int ifindex;
	enum tap_mode mode;
	struct wire_config config;
	const struct maps *maps;
	const struct sock_filter *filter; /* which frames to take; NULL: all */
	size_t n_filter;
	bool is_stamped;	  /* point "xdp" alone: with the card's time, or not at all */
	struct point_trace trace; /* for that point alone */
};

/* A program in place. It is taken off by detach(), and with the process where the kernel can. */
struct point_link {
	void *skeleton;
	int link_fd;	 /* the bpf_link; -1: there is none, see point-tc.c */
	int lock_fd;	 /* of a point without a link: ours while it is open; -1 */
	uint32_t handle; /* of its filter */
	unsigned int ifindex;
	bool is_egress; /* where a point without a link is attached */
	bool made_qdisc;
	enum tap_mode mode; /* native or generic, as it came to be; auto where that means nothing */
	enum point_reads reads;	   /* what of the frame is there beside its bytes */
	uint32_t program_id;	   /* of the interface's program, behind which it is; else 0 */
	unsigned int n_more_slots; /* that it fills, behind its own */
	uint64_t
		missed; /* runs that the kernel left out, and each slot a frame: known from detach() on */
};

struct point {
	const char *name;  /* as users type it */
	const char *about; /* for the dialog */
	bool is_egress;	   /* sees sent frames, else received ones */
	/*
	 * Loads the program and puts it in place. 0; -EPERM: privilege is missing; -EBUSY: somebody
	 * else's program is there (it is left alone); -EOPNOTSUPP: this device or kernel cannot;
	 * -ENODEV: no such interface; -ENOSYS: the kernel is too old; -E2BIG: the filter is too
	 * large for it; -ENODATA: the program to be traced has no BTF; -ENOENT: it is gone; or
	 * another -errno. *ret is to be detached only after 0.
	 */
	int (*attach)(const struct point_target *target, struct point_link *ret);
	/*
	 * Loads the program anew, for another filter, and puts it in the place of the one there
	 * without a gap: a frame meets either the old one or the new one. 0 or -errno as above; then
	 * the old one is still there.
	 */
	int (*replace)(const struct point_target *target, struct point_link *link);
	void (*detach)(struct point_link *link);
};

extern const struct point point_xdp, point_tc_ingress, point_tc_egress, point_trace;
/* All of them; NULL at the end. */
extern const struct point *const points[];

#endif
