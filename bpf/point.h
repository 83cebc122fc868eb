/* SPDX-License-Identifier: MIT */
/*
 * Capture points: the places in the kernel where a tap captures frames. Each is an object with
 * operations, in point-<name>.c; what it keeps of an attached program is its own business.
 *
 * POINTS is the only list of them. The option --point, Wireshark's dialog, the log and the check of
 * the man page follow from its rows.
 */
#ifndef XDPTAP_BPF_POINT_H
#define XDPTAP_BPF_POINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct point_link;   /* an attached program: point-link.h */
struct point_target; /* what to attach, and where: point-link.h */

/* How an XDP program is attached. */
enum tap_mode {
	TAP_MODE_AUTO,	  /* native, or generic if the driver refuses that */
	TAP_MODE_NATIVE,  /* in the driver, before a socket buffer exists */
	TAP_MODE_GENERIC, /* in the receive path of the network stack: works on every device */
};

/* How the frames of a device begin; for tc. */
enum tap_begin {
	TAP_ETHERNET,
	TAP_OTHER,   /* another link-layer header */
	TAP_NETWORK, /* none: the network header */
	TAP_COOKED,  /* the same, and libpcap's cooked header goes before it */
	TAP_CAN,     /* a CAN identifier, which the file has in network order */
};

/* The sides of a traced program. wire.h has the same values. */
enum point_at {
	POINT_AT_ENTRY,
	POINT_AT_EXIT,
	POINT_AT_BOTH, /* two slots: the entry's, then the exit's */
};

/* What a point that traces needs to know. */
struct point_trace {
	uint32_t program_id;	 /* which program */
	bool is_bond;		 /* it is a bond's, and runs on the ports */
	enum point_at at;	 /* the sides to capture */
	enum point_at filter_at; /* the side on which the filter judges the frame; not both */
	uint32_t verdicts;	 /* a bit for each XDP_… to capture: 1 << XDP_DROP */
};

/* Somebody else's program, filter or qdisc that meets the same frames. */
struct point_neighbour {
	char what[96]; /* the subject of a sentence: "tc program 12 \"x\"" */
};

/* Where it is. */
enum point_order {
	POINT_BEFORE, /* frames that it accepts, drops or redirects do not reach our program */
	POINT_AFTER,  /* frames may be dropped, redirected or changed after they were captured */
};

/* What the point "drop" needs to know. */
struct point_drop {
	const uint32_t *reasons; /* borrowed */
	size_t n_reasons;
	bool is_listed;	   /* capture for these reasons only, else for all others */
	bool has_socket;   /* see drops/reasons.h */
	uint32_t of_hooks; /* the reason of which the caller is recorded, too; 0: none */
};

struct point {
	const char *name;    /* in the log and in comments: "tc-ingress" */
	const char *choice;  /* the value of --point that selects it; points may share one */
	const char *title;   /* what the dialog calls that value */
	bool is_egress;	     /* captures sent frames; the others capture received ones */
	bool has_modes;	     /* can be attached in native or generic mode */
	bool has_nic_clock;  /* can take the NIC's time stamps */
	bool traces_program; /* needs a struct point_trace */
	bool sees_drops;     /* needs a struct point_drop; captures both directions */
	/*
	 * Loads a program and attaches it. 0; -EPERM: a privilege is missing; -EBUSY: somebody else's
	 * program is there (it stays); -EOPNOTSUPP: this device or kernel cannot do it; -ENODEV: no
	 * such interface; -ENOSYS: the kernel is too old; -E2BIG: the filter is too large; -ENODATA:
	 * the program to trace has no BTF; -ENOENT: it is gone; or another -errno. Untouched on
	 * failure, *ret needs detach() and free() after success.
	 */
	int (*attach)(const struct point_target *target, struct point_link **ret);
	/*
	 * Loads the program again with another filter and exchanges the two: each frame meets either
	 * the old program or the new one. 0 or -errno as above; after a failure the old one stays.
	 */
	int (*replace)(const struct point_target *target, struct point_link *link);
	/* Detaches the program. Runs on other CPUs may still be under way when it returns. */
	void (*detach)(struct point_link *link);
	void (*free)(struct point_link *link); /* after detach() */
	/* Whether the program is still in place. */
	bool (*is_attached)(const struct point_link *link);
	/* The first neighbour of that kind; false if there is none. NULL: there never is. */
	bool (*find_neighbour)(const struct point_link *link, enum point_order order,
			       struct point_neighbour *ret);
	/* Whether is_attached() opens sockets. NULL: never. */
	bool (*asks_netlink)(const struct point_link *link);
	/* Whether replace() and detach() require CAP_NET_ADMIN. NULL: never. */
	bool (*needs_netlink)(const struct point_link *link);
};

/*
 * One row for each point, in the order of the dialog; those that share a choice stand together. "auto"
 * begins with the first one.
 */
#define POINTS(ROW) ROW(xdp) ROW(trace) ROW(tc_ingress) ROW(tc_egress) ROW(drop)

#define POINT_DECLARE(name) extern const struct point point_##name;
POINTS(POINT_DECLARE)
#undef POINT_DECLARE

#define POINT_COUNT(name) +1
enum { POINTS_N = 0 POINTS(POINT_COUNT) };
#undef POINT_COUNT

/* All of them; NULL at the end. */
extern const struct point *const points[];

/* The point of that name, or NULL. */
const struct point *point_find(const char *name);
/*
 * The point that captures sent or received frames for a value of --point. If that value (NULL: auto)
 * names none for this direction, the first point that captures it.
 */
const struct point *point_choose(const char *choice, bool is_egress);

#endif
