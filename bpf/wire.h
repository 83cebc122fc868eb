/* SPDX-License-Identifier: MIT */
/*
 * What crosses the kernel boundary: the layout of a ring record, of the counters, and of the words
 * through which the reader asks to be woken. Both sides include this header and share nothing else;
 * bpf/tap.c is the only userspace file that decodes a wire_frame.
 *
 * A slot is an index into the counters. Each attached program has one, or two if it records both sides
 * of a traced program, and every record names the slot that it belongs to.
 *
 * Integers are in host order. Userspace trusts none of this and checks every length.
 */
#ifndef XDPTAP_BPF_WIRE_H
#define XDPTAP_BPF_WIRE_H

#include <linux/types.h>

/* The largest size class; longer frames are lost (WIRE_LOST_LONG). */
#define WIRE_FRAME_MAX 262144

/* Why a frame that the filter accepted did not reach the ring. */
enum wire_lost {
	WIRE_LOST_FULL, /* no room in this CPU's ring */
	WIRE_LOST_LONG, /* longer than WIRE_FRAME_MAX after the snaplen was applied */
	WIRE_LOST_COPY, /* the kernel could not copy the frame's bytes */
	WIRE_LOST_EXIT, /* the traced program's exit was not seen */
	WIRE_LOST_CAUSES,
};

/* What is known about a frame besides its bytes: bits of wire_frame.flags. */
enum {
	WIRE_HASH = 1 << 0,	  /* hash holds the NIC's hash over the flow */
	WIRE_SEGMENTS = 1 << 1,	  /* several frames on the wire, one here (TSO, GRO) */
	WIRE_QUEUE = 1 << 2,	  /* queue holds the receive queue */
	WIRE_TRACED = 1 << 3,	  /* a wire_trace precedes the bytes */
	WIRE_VERDICT = 1 << 4,	  /* and its verdict is valid */
	WIRE_STAMPED = 1 << 5,	  /* a wire_stamp precedes the bytes */
	WIRE_PARTIAL = 1 << 6,	  /* its checksum is left to the NIC: the bytes lack it */
	WIRE_DROPPED = 1 << 7,	  /* a wire_drop precedes the bytes */
	WIRE_IDENTIFIED = 1 << 8, /* a wire_id precedes the bytes */
	WIRE_OWNED = 1 << 9,	  /* after those, a wire_owner precedes the bytes */
};

/* An unlikely number: the capture filter replaces the instruction that sets r0 to it. */
#define WIRE_FILTER_SITE 0x5af17e12

/* Userspace sets it before load; to the verifier it is constant. */
struct wire_config {
	__u32 slot;	      /* its counters; in every record */
	__u32 snaplen;	      /* bytes to keep of a frame, 1…WIRE_FRAME_MAX */
	__u32 wake_bytes;     /* wake the reader after this many bytes on one CPU */
	__u32 generation;     /* of the filter, below 65536: in every record it accepted */
	__u32 is_preemptible; /* programs interrupt each other on a CPU: count atomically */
	__u32 hardware;	      /* ARPHRD_ of the device; for a cooked header */
	__u32 is_egress;      /* the point captures sent frames */
	__u32 is_chosen;      /* only frames of processes that were chosen */
	__u32 has_ids;	      /* received packets and drops get ids: see identity.bpf.h */
	__u32 is_shared;      /* by several interfaces: the map "slots" has each one's slot */
	__u64 secret[2];      /* with which they are made */
};

/* Where an interface has a shared program. */
enum wire_hook {
	WIRE_HOOK_XDP,
	WIRE_HOOK_RECEIVED, /* tc-ingress */
	WIRE_HOOK_SENT,	    /* tc-egress */
	WIRE_HOOKS,
};

#define WIRE_SHARERS 32768 /* interfaces with a higher index have programs of their own */

/* In the map "slots", by the index of the interface. */
struct wire_slots {
	__u16 above[WIRE_HOOKS +
		    1]; /* by hook: the slot plus 1; 0: none. The last one is padding. */
};

_Static_assert(sizeof(struct wire_slots) == 8, "wire_slots changed size");

/* Bytes of a frame that precede what the kernel shows of it, and those and the next ones. */
#define WIRE_HEAD_MAX  20
#define WIRE_HEAD_SIZE 24

/* The same for the tc points: where a socket buffer says what its checksum is, and where it begins. */
struct wire_skb_config {
	__u32 offset;		   /* of the byte that holds sk_buff.ip_summed; 0: unknown */
	__u32 shift;		   /* of its two bits there */
	__u32 head, data, network; /* offsets of these members and network_header; 0: unknown */
	__u32 mac_len;		   /* offset of this member; 0: unknown, or of no interest here */
	__u32 is_headerless;	   /* the device's frames begin at their network header */
	__u32 is_cooked;	   /* and libpcap's cooked header goes before it */
	__u32 is_egress;
	__u32 is_can; /* the device's frames are those of CAN, whose identifier is in host order */
};

/* The sides of a traced program; point.h has the same values. */
enum wire_at {
	WIRE_AT_ENTRY,
	WIRE_AT_EXIT,
	WIRE_AT_BOTH,
};

#define WIRE_VERDICTS 5 /* XDP_ABORTED…XDP_REDIRECT; any other value counts as the first */

/* The same for the point "trace". */
struct wire_trace_config {
	__u32 ifindex; /* frames of this interface … */
	__u32 netns;   /* … in the namespace of this inode number */
	__u32 is_bond; /* … or of its ports, where a bond's program runs */
	__u32 n_cpus;  /* possible CPUs: each has its share of the packet ids */
	__u32 at; /* WIRE_AT_…: which to record; with both, the exit's slot is the next one */
	__u32 verdicts; /* a bit for each one to record */
	__u32 version; /* above 0; of several versions the one that "now" names takes up new runs */
};

/* The same for the point "drop". */
struct wire_drop_config {
	__u32 netns;	  /* buffers in the namespace of this inode number */
	__u32 version;	  /* of several programs, each serves the places that name it */
	__u32 has_socket; /* the tracepoint's fourth argument is the receiving socket */
	__u32 is_listed;  /* only for the reasons in the map, else for all others */
	__u32 of_hooks;	  /* the reason of which callers tell more; 0: none */
};

/* Which counters a freed buffer belongs to; the value is a wire_drop_slot. */
struct wire_drop_place {
	__u32 ifindex;	  /* 0: no device, or none that has a place */
	__u32 is_network; /* it has no link-layer header, and begins at its network header */
};

struct wire_drop_slot {
	__u32 slot;
	__u32 version; /* the program that records its buffers */
};

#define WIRE_CALLERS 4

/* With WIRE_DROPPED: the same place. */
struct wire_drop {
	__u64 location; /* the address from which the kernel's function was called */
	__u64 callers
		[WIRE_CALLERS]; /* the same for that function's caller, and so on; 0: unknown */
	__u64 id;		/* as in wire_id */
	__u32 reason;
	__u32 direction; /* WIRE_UNKNOWN… */
};

_Static_assert(sizeof(struct wire_drop) == 56, "wire_drop changed size");

/* With WIRE_IDENTIFIED: the same place. */
struct wire_id {
	__u64 id; /* the same where the packet is dropped; 0: unknown */
};

_Static_assert(sizeof(struct wire_id) == 8, "wire_id changed size");

/* Which way a freed buffer went; tap.h has the same values. */
enum wire_direction {
	WIRE_UNKNOWN,
	WIRE_INBOUND,
	WIRE_OUTBOUND,
};

/* With WIRE_TRACED: between a record's header and its bytes. */
struct wire_trace {
	__u64 id;      /* the same at entry and exit, unique within the tap */
	__u32 verdict; /* what the program returned; with WIRE_VERDICT */
	__u32 pad;
};

_Static_assert(sizeof(struct wire_trace) == 16, "wire_trace changed size");

/* With WIRE_STAMPED: the same place. */
struct wire_stamp {
	__u64 nic_ns; /* when the frame arrived, by the PTP hardware clock; 0: unknown */
};

_Static_assert(sizeof(struct wire_stamp) == 8, "wire_stamp changed size");

#define WIRE_NAME_SIZE 16 /* of a process, with its NUL */
#define WIRE_UNIT_SIZE 96 /* of a cgroup, likewise */

/* With WIRE_OWNED: the process that uses the frame's local socket. */
struct wire_owner {
	__u64 start_ns; /* when it began, by CLOCK_BOOTTIME: a later process with its pid has another */
	__u64 cgroup; /* the id of its cgroup; its name is in the map "units" */
	__u32 pid;    /* 0: not known */
	__u32 tid;    /* the thread that made the socket, or used it last */
	__u32 uid;
	__u32 is_chosen; /* by --pid and so on */
	char name[WIRE_NAME_SIZE];
};

_Static_assert(sizeof(struct wire_owner) == 48, "wire_owner changed size");

/*
 * In the map "owners", by the cookie of the socket. The kernel may use the memory for another socket while a
 * program reads it, and no processor promises in which order the parts change: the sum tells whether they belong
 * together, and to that socket.
 */
struct wire_owned {
	__u64 sum;
	struct wire_owner owner;
};

/* Userspace sets it before load: whose sockets are learned. */
struct wire_learn_config {
	__u32 is_restricted; /* of processes of this user only, as far as /proc tells them */
	__u32 uid, gid;
	__u32 is_selective; /* some are chosen, by … */
	__u32 by_pid, by_name, by_uid, by_cgroup;
	__u32 has_children; /* what descends from those that were chosen by ID or name, too */
	__u32 cgroup_level; /* depth of that control group … */
	__u32 dumpable_at; /* the offset in the kernel's task_exec_state; 0: there is no such struct */
	__u64 cgroup;	   /* … and its id */
};

enum wire_choice_kind {
	WIRE_CHOICE_PID,
	WIRE_CHOICE_NAME,
	WIRE_CHOICE_UID,
};

/* In the map "choices". */
struct wire_choice {
	__u32 kind;
	__u32 number;
	char name[WIRE_NAME_SIZE];
};

/* A local address in the map "addresses"; the IPv4 ones as ::ffff:a.b.c.d. */
struct wire_address {
	__u32 words[4]; /* in network order */
};

/* One record of a ring: this header, caplen bytes of the frame, and the rest of the size class. */
struct wire_frame {
	__u64 ts_ns;  /* CLOCK_MONOTONIC, right after the filter and before the copy */
	__u32 len;    /* length of the frame, including a VLAN tag that the NIC stripped */
	__u32 caplen; /* bytes kept, at most len */
	__u32 lost;   /* frames of this slot lost on this CPU since its previous record */
	__u16 slot;
	__u16 queue; /* receive queue; 0xffff if it is larger */
	__u32 hash;
	__u16 flags;	  /* WIRE_HASH… */
	__u16 generation; /* of the filter that accepted it */
	__u8 data[];
};

_Static_assert(sizeof(struct wire_frame) == 32, "wire_frame changed size");
_Static_assert(__builtin_offsetof(struct wire_frame, len) == 8, "wire_frame.len moved");
_Static_assert(__builtin_offsetof(struct wire_frame, lost) == 16, "wire_frame.lost moved");
_Static_assert(__builtin_offsetof(struct wire_frame, hash) == 24, "wire_frame.hash moved");
_Static_assert(__builtin_offsetof(struct wire_frame, generation) == 30,
	       "wire_frame.generation moved");
_Static_assert(__builtin_offsetof(struct wire_frame, data) == 32, "wire_frame.data moved");

/* One per slot and CPU, and only that CPU counts: seen >= accepted >= the sum of lost. */
struct wire_count {
	__u64 seen;	/* frames that passed the hook */
	__u64 accepted; /* of these, what the filter let through */
	__u64 lost[WIRE_LOST_CAUSES];
	__u32 gap; /* losses not yet reported in a record's "lost" */
	__u32 pad;
};

_Static_assert(sizeof(struct wire_count) == 56, "wire_count changed size");

/* In wire_cpu.unwoken before the CPU's first record: records have multiples of 8 bytes. */
#define WIRE_UNUSED 1

/* One per CPU, mapped by the reader; a cache line each, against false sharing. */
struct wire_cpu {
	__u32 armed;   /* the reader sleeps: the next record clears this and wakes it */
	__u32 unwoken; /* bytes put into the ring since the last wake-up */
	__u64 traced;  /* frames given an id */
	__u32 pad[12];
};

_Static_assert(sizeof(struct wire_cpu) == 64, "wire_cpu changed size");

#endif
