/* SPDX-License-Identifier: MIT */
/*
 * The tap: programs on interfaces, and the frames they capture, as one stream in time order.
 *
 * This is the seam between the kernel's side and the program: extcap/ includes nothing else of bpf/
 * but point.h, program.h and drops/reasons.h. Life cycle: tap_new, tap_attach for each interface; in a loop, wait on
 * tap_fd() (at most tap_wait_ms()), tap_drain, tap_release; at the end tap_detach, tap_drain_rest,
 * tap_free_rings, tap_free. One thread at a time.
 *
 * Others use the library, xdptap/tap.h, which is a layer of checks around this. The program does not: it
 * asks which system calls its sandbox must leave, moves programs between slots, and captures what the kernel
 * drops, none of which an ABI should promise. tests/style/offered.py has a list of what it
 * uses and the library offers, or why not.
 */
#ifndef XDPTAP_BPF_TAP_H
#define XDPTAP_BPF_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "bpf/drops/reasons.h"
#include "bpf/point.h"
#include "bpf/program.h"

struct sock_filter; /* <linux/filter.h>, which contradicts libpcap's header */
struct tap;

#define TAP_SNAPLEN_MAX 262144
#define TAP_FRAMES	32 /* enough to share what a call costs, few enough for the nearest cache */
#define TAP_SLOTS	1024
#define TAP_SLOTS_MAX	65534

#define TAP_NAME_SIZE 16
#define TAP_UNIT_SIZE 96

enum tap_choice_kind {
	TAP_CHOICE_PID,
	TAP_CHOICE_NAME,
	TAP_CHOICE_UID,
};

/* Layout as in wire.h. */
struct tap_choice {
	uint32_t kind; /* enum tap_choice_kind */
	uint32_t number;
	char name[TAP_NAME_SIZE];
};

/* Whether, and of whom, frames name the process that uses their local socket. */
struct tap_process {
	bool is_wanted;
	bool is_restricted; /* only processes that /proc tells this user about */
	uint32_t uid, gid;
	bool is_selective;	    /* only frames of those that … */
	const char *cgroup;	    /* are in or below this control group; NULL: any */
	struct tap_choice *choices; /* and have one of each kind that is among these */
	size_t n_choices;
	bool has_children; /* or descend from one that has its ID or name among them */
};

/* A process. Layout as in wire.h. */
struct tap_owner {
	uint64_t start_ns; /* when it began: a later process with its pid has another */
	uint64_t cgroup;   /* see tap_read_unit() */
	uint32_t pid;	   /* 0: not known */
	uint32_t tid;	   /* the thread that made the socket, or used it last */
	uint32_t uid;
	uint32_t is_chosen;
	char name[TAP_NAME_SIZE];
};

struct tap_config {
	size_t ring_size; /* bytes for each CPU, rounded up to a power of two */
	uint32_t slots;	  /* to have at most, of 56 bytes for each possible CPU; 0: TAP_SLOTS */
	bool has_many; /* interfaces: they share programs where they can, which costs each frame a look-up */
	struct tap_process process;
	void (*log)(void *user,
		    const char *text); /* for the tap's messages; NULL: see tap_set_log() */
	void *user;
};

struct tap_target {
	unsigned int ifindex;
	const struct point *point;
	enum tap_mode mode;
	uint32_t snaplen;		  /* bytes to keep of each frame, 1…TAP_SNAPLEN_MAX */
	const struct sock_filter *filter; /* classic BPF: which frames to capture; NULL: all */
	size_t n_filter;
	bool has_nic_clock;	  /* time stamps from the NIC; for a point that has them */
	int phc_fd;		  /* its PHC; see clock_getres(2), dynamic clocks. Not kept. */
	enum tap_begin begin;	  /* for tc; for drop, TAP_ETHERNET or TAP_NETWORK */
	uint16_t hardware;	  /* ARPHRD_, for a cooked header */
	struct point_trace trace; /* for a point that traces */
	struct point_drop drop;	  /* for one that sees drops: the same for all of a tap */
	bool has_ids; /* for tc-ingress and drop: a packet that is received, then dropped, has one id */
};

/* What is known about a frame: bits of tap_frame.mask. */
enum {
	TAP_HASH = 1 << 0,
	TAP_SEGMENTS = 1 << 1, /* several frames on the wire, one here (TSO, GRO) */
	TAP_QUEUE = 1 << 2,
	TAP_ID = 1 << 3,
	TAP_VERDICT = 1 << 4,
	TAP_HOST_TIME = 1 << 5, /* ts_ns is the kernel's although the NIC's was asked for */
	TAP_PARTIAL = 1 << 6,	/* the checksum is left to the NIC: the bytes have a wrong one */
	TAP_DROPPED = 1 << 7,
	TAP_OWNED = 1 << 8, /* owner is that of the frame's local socket */
};

/* Which way a dropped packet went; wire.h and pcapng/writer.h have the same values. */
enum {
	TAP_UNKNOWN,
	TAP_INBOUND,
	TAP_OUTBOUND,
};

#define TAP_CALLERS 4

struct tap_frame {
	uint64_t
		ts_ns; /* since the epoch; before the previous frame's only after tap_follow_clock() */
	const uint8_t *data; /* valid until tap_release() */
	/* From here to generation as in wire.h. */
	uint32_t len;	     /* length on the wire, without FCS */
	uint32_t caplen;     /* bytes at data, at most len */
	uint32_t lost;	     /* frames of this slot lost since its previous one on this CPU */
	uint16_t slot;	     /* of tap_attach() */
	uint16_t queue;	     /* QUEUE: receive queue */
	uint32_t hash;	     /* HASH: Toeplitz hash over the flow */
	uint16_t mask;	     /* TAP_ */
	uint16_t generation; /* of the filter that accepted it; 0: tap_attach()'s */
	const struct point *point;
	uint64_t id; /* ID: the same on both sides of a traced run, or at both ends of a packet */
	uint32_t verdict; /* VERDICT: what the program returned, XDP_… */
	/* DROPPED: */
	uint32_t reason;   /* see drops/reasons.h */
	uint64_t location; /* the address from which the kernel's function was called */
	/* TAP_CALLERS, the same for the function there, and so on; 0: unknown. Valid until tap_release(). */
	const uint64_t *callers;
	uint32_t direction;	/* TAP_UNKNOWN… */
	struct tap_owner owner; /* OWNED */
};

/* Since tap_attach(). accepted = taken + the sum of lost_… + pending. */
struct tap_stats {
	uint64_t seen;	      /* frames that passed the hook */
	uint64_t accepted;    /* of these, what the filter accepted */
	uint64_t lost_full;   /* accepted, but the ring had no room */
	uint64_t lost_long;   /* … longer than TAP_SNAPLEN_MAX */
	uint64_t lost_copy;   /* … the kernel could not copy its bytes */
	uint64_t lost_missed; /* … a traced program's run was not followed to its end */
	uint64_t
		lost_invalid; /* … its record makes no sense, or never came; see tap_drain_rest() */
	uint64_t taken;	      /* given out */
	uint64_t pending;     /* not given out yet; 0 after tap_drain_rest() */
};

struct tap_place {
	unsigned int ifindex;
	const struct point *point;
	const struct point_link *link; /* for the point's operations */
};

/* The name of a tap's program at XDP. */
#define TAP_XDP_PROGRAM "tap_xdp"

#define TAP_LAST UINT32_MAX /* in place of a slot: the one that was attached last */

/*
 * Gets frames, up to TAP_FRAMES at a time, in their order. Their data is valid until tap_release(). They have
 * been given out, whatever it returns; anything but 0: no more of them now.
 */
typedef int (*tap_frames_fn)(void *user, const struct tap_frame *frames, size_t n);

/*
 * Passes the messages of libbpf and of taps to log, each with its newline; NULL: nowhere. It comes before
 * all other calls: libbpf by itself prints to stderr.
 */
void tap_set_log(void (*log)(const char *text));
/*
 * Creates rings and counters, and learns of processes. 0; -EPERM: a privilege is missing; -ENOMEM; or -errno of
 * bpf(2); for processes also -ENOSYS: the kernel is too old, -ENOENT: it has no cgroup hierarchy, -ENXIO: not that
 * cgroup.
 */
int tap_new(const struct tap_config *config, struct tap **ret);
/* Detaches and frees; NULL is allowed. */
void tap_free(struct tap *t);
/* Frees the copy of a tap that a forked process has: what is attached belongs to its parent, and stays. */
void tap_abandon(struct tap *t);
/*
 * Attaches a program. It gets the next slot, or the next two with POINT_AT_BOTH; the first slot is 0. 0,
 * with the mode in *ret_mode, or -errno as point.attach; -ENODEV also if the clock cannot be read;
 * -ENOSPC: there are no more slots.
 */
int tap_attach(struct tap *t, const struct tap_target *target, enum tap_mode *ret_mode);
/* The name of a cgroup: the last part of its path. False: it is not known. */
bool tap_read_unit(const struct tap *t, uint64_t cgroup, char ret[TAP_UNIT_SIZE]);
/*
 * The machine's addresses have changed: which are known decides for which received frames there is a process. Opens a
 * socket. 0 or -errno.
 */
int tap_read_addresses(struct tap *t);
/* How many slots there are, closed ones included. */
uint32_t tap_slots(const struct tap *t);
/*
 * Gives a slot another filter (NULL: none). No frame that arrives meanwhile is missed, and each one that
 * the new filter accepts carries its generation. 0, or -errno as point.replace: then the old
 * filter stays.
 */
int tap_set_filter(struct tap *t, uint32_t slot, const struct sock_filter *filter, size_t n,
		   uint16_t generation);
/*
 * Gives a slot's program, with that filter, the next slot, and the old one closes. No frame is missed, and
 * each belongs to either slot. With POINT_AT_BOTH both move. 0, or -errno as tap_attach(): it stays.
 */
int tap_move(struct tap *t, uint32_t slot, const struct sock_filter *filter, size_t n,
	     uint16_t generation);
/* Takes a slot's program off, if it is still there, and frees it. The counters remain readable. */
void tap_close(struct tap *t, uint32_t slot);
/*
 * Whether a filter can be translated; asks no kernel. 0; -ELOOP: it jumps backward (libpcap's
 * "protochain"); -E2BIG: too large; -EINVAL, -EOPNOTSUPP: nothing that libpcap generates. *ret_culprit
 * is the instruction at fault.
 */
int tap_check_filter(const struct sock_filter *filter, size_t n, size_t *ret_culprit);
/*
 * Lists the instructions that are loaded for the filter at the XDP hook of an interface, with those for
 * a VLAN tag that the NIC stripped: it comes in r7. 0 or -errno as above.
 */
int tap_print_filter(FILE *to, const struct sock_filter *filter, size_t n, unsigned int ifindex);
/* Where the program of a slot is attached; of a slot that is closed, the index is 0. */
struct tap_place tap_find_place(const struct tap *t, uint32_t slot);
/* Detaches all programs. When it returns, none is running; the frames they left are in the rings. */
void tap_detach(struct tap *t);
/*
 * Whether the program of a slot is still in place: false after its interface, its qdisc or the program
 * that it traces is gone.
 */
bool tap_is_attached(const struct tap *t, uint32_t slot);
/* Whether tap_is_attached() opens sockets. */
bool tap_asks_netlink(const struct tap *t);
/* Whether detaching the programs, or replacing one, requires CAP_NET_ADMIN: see point-tc.c. */
bool tap_needs_netlink(const struct tap *t);
/* Becomes readable when there is something to drain earlier than tap_wait_ms() says; only for poll. */
int tap_fd(const struct tap *t);
/* How long to sleep at most until tap_drain(); -1: until tap_fd() is readable. */
int tap_wait_ms(const struct tap *t);
/*
 * Each CPU has a ring of its own from the start if it is online then, and one that comes online later
 * shares another's until tap_add_rings(). Whether there may be such CPUs, and whether one has captured
 * frames.
 */
bool tap_can_lack_rings(const struct tap *t);
bool tap_lacks_rings(const struct tap *t);
/* Gives those CPUs rings; requires CAP_BPF. 0, or -errno: they go on sharing, and are not found again. */
int tap_add_rings(struct tap *t);
/* Gives out the frames that are there now: a bounded batch, however fast they arrive. */
void tap_drain(struct tap *t, tap_frames_fn fn, void *user);
/*
 * After tap_detach(): gives out every frame that is left, whatever fn returns. An accepted frame that
 * then has been neither given out nor lost is counted as lost_invalid.
 */
void tap_drain_rest(struct tap *t, tap_frames_fn fn, void *user);
/*
 * After tap_drain_rest(): gives the rings, the maps and the programs back to the kernel, and with them the
 * data of all frames. tap_read_stats() and the clock still work, until tap_free().
 */
void tap_free_rings(struct tap *t);
/* From now on the frames given out may be overwritten. */
void tap_release(struct tap *t);
/* Now, as a frame would be stamped; looks at the system clock for that. */
uint64_t tap_now_ns(struct tap *t);
/* How far time stamps are ahead of the system clock, in ns: it was set back, and they were not. */
uint64_t tap_ahead_ns(const struct tap *t);
/*
 * Lets time stamps follow a clock that was set back. Returns by how many ns they go back: those that
 * tap_frames_fn has at the moment go back, too, but no copy of their time does.
 */
uint64_t tap_follow_clock(struct tap *t);
/* The counters of a slot: exact after tap_detach(), a moment old before. 0 or -errno. */
int tap_read_stats(const struct tap *t, uint32_t slot, struct tap_stats *ret);
/* The XDP program on an interface, ours or not; its name requires privilege. 0 or -errno. */
int tap_find_program(unsigned int ifindex, struct tap_program *ret);
/* libbpf's version: "1.1". */
const char *tap_version(void);

#endif
