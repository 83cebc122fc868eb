/* SPDX-License-Identifier: MIT */
/*
 * The tap: programs on interfaces, and the frames they take, as one stream in time order.
 *
 * This is the seam between the kernel's side and the program: extcap/ sees nothing of bpf/ but this
 * header and point.h. Life: tap_new, tap_attach for each interface, then again and again wait on
 * tap_fd() (at most tap_wait_ms()), tap_drain, tap_release; at the end tap_detach, tap_drain_rest,
 * tap_free. One thread at a time.
 */
#ifndef XDPTAP_BPF_TAP_H
#define XDPTAP_BPF_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "bpf/point.h"
#include "bpf/program.h"

struct sock_filter; /* <linux/filter.h>, which contradicts libpcap's header */
struct tap;

#define TAP_SNAPLEN_MAX 262144

struct tap_config {
	size_t ring_size; /* bytes for each CPU, rounded up to a power of two */
	/* What libbpf has to say, a line with its newline; may be NULL. Process-wide. */
	void (*log)(const char *text);
};

struct tap_target {
	unsigned int ifindex;
	const struct point *point;
	enum tap_mode mode;
	uint32_t snaplen;		  /* bytes kept of each frame, 1…TAP_SNAPLEN_MAX */
	const struct sock_filter *filter; /* classic BPF: which frames to take; NULL: all */
	size_t n_filter;
	bool has_card_clock; /* point "xdp" alone: frames get their times by the card's clock, … */
	int card_clock_fd;   /* … which is this; see clock_getres(2), dynamic clocks. Not kept. */
	struct point_trace trace; /* for that point alone */
};

struct tap_frame {
	uint64_t ts_ns;	     /* since the epoch; never before that of an earlier frame */
	const uint8_t *data; /* valid until tap_release() */
	uint32_t caplen;     /* bytes at data, at most len */
	uint32_t len;	     /* length on the wire, without FCS */
	uint32_t slot;	     /* of tap_attach() */
	uint32_t queue;	     /* receive queue, where has_queue */
	uint32_t hash;	     /* Toeplitz hash over the flow, where has_hash */
	bool has_queue, has_hash;
	bool is_segments; /* several frames on the wire (TSO, GRO) */
	uint16_t mark;	  /* of the filter that let it through; 0: the one of tap_attach() */
	bool has_id;	  /* id is the same in both frames of a traced program's run */
	bool has_verdict; /* verdict is what the program decided: XDP_… */
	uint64_t id;
	uint32_t verdict;
	bool lacks_card_time; /* ts_ns is the kernel's although the card's was wanted */
	const struct point *point;
	uint32_t lost; /* frames of this slot lost since the one before on its CPU */
};

/* Since tap_attach(). accepted = taken + the sum of lost_… + pending. */
struct tap_stats {
	uint64_t seen;	       /* frames that passed the hook */
	uint64_t accepted;     /* of these, what the filter let through */
	uint64_t lost_full;    /* accepted, but the ring had no room */
	uint64_t lost_long;    /* … longer than TAP_SNAPLEN_MAX */
	uint64_t lost_copy;    /* … the kernel could not copy its bytes */
	uint64_t lost_missed;  /* … a traced program's run was not followed to its end */
	uint64_t lost_invalid; /* … its record is malformed, or missing: see tap_drain_rest() */
	uint64_t taken;	       /* given out */
	uint64_t pending;      /* not given out yet; 0 after tap_drain_rest() */
};

struct tap_place {
	unsigned int ifindex;
	const struct point *point;
};

/* A frame; its data is valid until tap_release(). Anything but 0 ends the batch after it. */
typedef int (*tap_frame_fn)(void *user, const struct tap_frame *frame);

/* Creates rings and counters. 0, -EPERM: privilege is missing, -ENOMEM, or -errno of bpf(2). */
int tap_new(const struct tap_config *config, struct tap **ret);
/* Detaches and frees; NULL is fine. */
void tap_free(struct tap *t);
/*
 * Puts a program in place; its slot is the number of slots before it, and point_trace may fill two. 0,
 * and how it is attached, or -errno as for point.attach; -ENODEV also where the clock cannot be read.
 */
int tap_attach(struct tap *t, const struct tap_target *target, enum tap_mode *ret_mode);
/*
 * Gives a slot another filter (NULL: none); of the frames that come meanwhile none is missed, and each
 * that the new one lets through bears the mark. 0 or an -errno as point.replace has it, and then the
 * old one still counts.
 */
int tap_set_filter(struct tap *t, uint32_t slot, const struct sock_filter *filter, size_t n,
		   uint16_t mark);
/*
 * Whether a filter can be translated, without a kernel. 0; -ELOOP: it jumps back (libpcap's
 * "protochain"); -E2BIG: too large; -EINVAL, -EOPNOTSUPP: not what libpcap makes. *ret_culprit is the
 * instruction that cannot.
 */
int tap_check_filter(const struct sock_filter *filter, size_t n, size_t *ret_culprit);
/*
 * Lists the instructions that are loaded for the filter at the XDP hook, with those for a VLAN tag that
 * the NIC stripped: it comes in r7. 0 or -errno as above.
 */
int tap_print_filter(FILE *to, const struct sock_filter *filter, size_t n);
/* Where the program of a slot is. */
struct tap_place tap_find_place(const struct tap *t, uint32_t slot);
/* Takes all programs away. When it returns none is running; what they left is in the rings. */
void tap_detach(struct tap *t);
/*
 * Whether the program of a slot is still in place: false when its interface was deleted, or the program
 * that it traces is not on it any more.
 */
bool tap_is_attached(const struct tap *t, uint32_t slot);
/* Whether that takes sockets, to ask the kernel. */
bool tap_asks_netlink(const struct tap *t);
/* Whether taking the programs off, or replacing one, takes CAP_NET_ADMIN: see point-tc.c. */
bool tap_needs_netlink(const struct tap *t);
/* Becomes readable when there is something to drain before tap_wait_ms() is over; only for poll. */
int tap_fd(const struct tap *t);
/* How long to sleep at the most before tap_drain() is due; -1: until tap_fd() says so. */
int tap_wait_ms(const struct tap *t);
/* Gives out the frames that are there now: a bounded batch, however fast they come. */
void tap_drain(struct tap *t, tap_frame_fn fn, void *user);
/*
 * After tap_detach(): gives out every frame that is left, whatever fn returns. An accepted frame that
 * then has been neither given out nor lost is counted as lost_invalid.
 */
void tap_drain_rest(struct tap *t, tap_frame_fn fn, void *user);
/* The frames given out may be overwritten from now on. */
void tap_release(struct tap *t);
/* Counters of a slot: exact after tap_detach(), a moment old before. 0 or -errno. */
int tap_read_stats(const struct tap *t, uint32_t slot, struct tap_stats *ret);
/* The XDP program on an interface, ours or not; its name only with privilege. 0 or -errno. */
int tap_find_program(unsigned int ifindex, struct tap_program *ret);
/* libbpf's version: "1.1". */
const char *tap_version(void);

#endif
