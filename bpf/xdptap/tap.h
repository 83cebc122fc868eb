/* SPDX-License-Identifier: MIT */
/*
 * xdptap/tap.h - captures frames at XDP and tc, through BPF ring buffers
 *
 *	r = xdptap_open_on("eth0", &t);
 *	if (r == 0)
 *		r = xdptap_run(t, on_frames, user);
 *	xdptap_close(t);
 *
 * or, in an event loop, with a target of one's own:
 *
 *	struct xdptap_target target = { .size = sizeof(target), .interface = "eth0" };
 *
 *	r = xdptap_open(NULL, &t);
 *	r = xdptap_attach(t, &target, &id);
 *	while (poll(&(struct pollfd){ xdptap_fd(t), POLLIN, 0 }, 1, -1) > 0)
 *		r = xdptap_drain(t, on_frames, user);
 *	r = xdptap_end(t, on_frames, user);
 *	xdptap_close(t);
 *
 * A tap has one ring buffer for each CPU, and programs that are attached to interfaces. Each program has an
 * id. A program filters frames in the kernel and copies those that it accepts into the ring of its CPU;
 * xdptap_drain() gives out the frames of all rings in the order of their time stamps. Every frame continues to
 * the network stack, unchanged. (A mode that the caller chooses may disturb traffic for a moment: see enum
 * xdptap_mode.)
 *
 * Values: zero or NULL means absent, or the default. Strings end with NUL. The call copies what it needs of
 * a struct or an array.
 *
 * Returns: functions that return int return 0 or more, or a negative errno. xdptap_error() says in a
 * sentence why the last one failed.
 *   -EPERM       a privilege is missing: see xdptap_capabilities().
 *   -EBUSY       another XDP program is attached there; it stays.
 *   -EOPNOTSUPP  this device, driver or kernel cannot do that.
 *   -ENOSYS      the kernel is too old: XDP requires Linux 5.18, tc 5.10.
 *   -ENODEV      there is no such interface.
 *   -ENOENT      there is no such program to trace, or somebody detached the program.
 *   -EINVAL      an argument makes no sense.
 *   -E2BIG       the filter is too large, or see "Binary compatibility".
 *   -ELOOP       the filter jumps backward.
 *   -ENOSPC      there are as many programs as config.max_ids permits.
 *   -ENOMEM      no memory.
 *   -ECHILD      the tap belongs to the parent process: see "Processes".
 *   Others are those of a system call, as -EMFILE.
 *
 * Memory and output: the library prints nothing. Its messages, and those of libbpf, go to config.log. The
 * rings take config.ring_size bytes of the kernel's memory for each CPU. xdptap_drain() allocates no memory,
 * except for the ring of a CPU that has come online.
 *
 * Not offered: what `xdptap` has besides. Packets that the kernel drops (--point drop): the names and numbers of the
 * reasons are the kernel's, and change from release to release, so that no ABI can promise them. The process of a frame
 * (--process): what is known of it still grows, and requires tracing of other processes' sockets. Turning LRO and
 * hardware GRO on again after generic mode: that takes a child process, which is the application's to make. All else that
 * the program asks of the kernel can be asked here; tests/style/offered.py in the source lists it, call by call.
 *
 * Threads: only one thread at a time may use a tap. Several threads may use different taps.
 *
 * Processes: all that a tap has in the kernel goes with the process, however it ends. Before Linux 6.6 a
 * program at tc stays if the process is killed, until the next tap attaches there. Descriptors are not
 * inherited by programs that the process executes. After fork(2) the tap belongs to the parent. In the child,
 * xdptap_close() frees the child's copy and leaves the parent's capture alone; functions that return int fail with
 * -ECHILD.
 *
 * Binary compatibility: a program built with this header runs with every later library of the same soname.
 * Functions, constants and members keep their names, types, values and offsets. A release only adds to them:
 *   - A struct that the caller provides begins with `size`, which the caller sets to the size of the struct.
 *     New members are appended. Those that an older program lacks are zero, or not filled in. A newer
 *     program must not set a member that the library lacks: -E2BIG. If `size` is not set: -EINVAL.
 *   - struct xdptap_frame has a fixed size. New members take the place of reserved ones, and a bit in `mask`
 *     says that they are valid.
 *   - xdptap_error and xdptap_insn never change.
 *   - A function has the symbol version of the release that added it; the first ones have XDPTAP_0.2.
 */
#ifndef XDPTAP_TAP_H
#define XDPTAP_TAP_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default) /* the library hides everything else */

/* The version of this header; xdptap_version() is that of the library at run time. */
#define XDPTAP_VERSION_MAJOR 0
#define XDPTAP_VERSION_MINOR 2
#define XDPTAP_VERSION_MICRO 0

/* True if this header is of that version or a later one. Also for #if. */
#define XDPTAP_CHECK_VERSION(major, minor, micro)                                                  \
	(XDPTAP_VERSION_MAJOR > (major) ||                                                         \
	 (XDPTAP_VERSION_MAJOR == (major) &&                                                       \
	  (XDPTAP_VERSION_MINOR > (minor) ||                                                       \
	   (XDPTAP_VERSION_MINOR == (minor) && XDPTAP_VERSION_MICRO >= (micro)))))

struct xdptap;

#define XDPTAP_SNAPLEN_MAX 262144

/* Where to capture. */
enum xdptap_point {
	XDPTAP_AUTO, /* received frames, with the best view that disturbs nobody: XDP in native mode
	                      where the device's traffic does not notice; else in generic mode, or at
	                      tc where generic mode loses something (VLAN tags, LRO, hardware GRO).
	                      Traces an XDP program that is attached; at tc if it cannot be traced,
	                      and if the device has no Ethernet header */
	XDPTAP_XDP,  /* received frames, before the network stack */
	XDPTAP_TRACE, /* received frames at the entry or exit of the XDP program on the interface */
	XDPTAP_TC_INGRESS, /* received frames, after XDP */
	XDPTAP_TC_EGRESS,  /* sent frames, before the device segments them */
};

/*
 * How a program is attached at XDPTAP_XDP. For native mode many drivers set up their queues again, at the start
 * and at the end, and some take their link down meanwhile: struct xdptap_interface has the cost. In generic mode the
 * kernel turns off LRO and hardware GRO, and strips VLAN tags where the NIC would. Points at tc disturb nothing.
 * AUTO decides as `xdptap --mode auto` does, from what the kernel tells and from a list of drivers, which xdptap(1)
 * has, too ("DRIVERS"). A driver that is not listed counts as one that is disturbed.
 */
enum xdptap_mode {
	XDPTAP_MODE_AUTO, /* native where the traffic does not notice; else generic, or at XDPTAP_AUTO
	                        tc; on a bond never native. With XDPTAP_NIC_TIME: native */
	XDPTAP_MODE_NATIVE,  /* in the driver, before a socket buffer exists, whatever it costs */
	XDPTAP_MODE_GENERIC, /* in the receive path of the network stack: works on every device */
};

/* The sides of a traced program. */
enum xdptap_side {
	XDPTAP_ENTRY, /* frames as the program gets them */
	XDPTAP_EXIT,  /* frames as it leaves them, with its verdict */
	XDPTAP_BOTH,  /* two ids: the entry's, then the exit's */
};

/* An instruction of classic BPF, laid out as struct bpf_insn of libpcap and struct sock_filter. */
struct xdptap_insn {
	uint16_t code;
	uint8_t jt, jf;
	uint32_t k;
};

/* The last failure. */
struct xdptap_error {
	int code; /* the return value of the call; 0: no failure yet */
	char text[252];
};

struct xdptap_config { /* all zero but size: defaults */
	size_t size;   /* sizeof(struct xdptap_config) */
	size_t ring_size; /* bytes for each CPU, rounded up to a power of two: from a page to 1 GiB; 0: 8 MiB */
	uint32_t max_ids; /* how many ids there can be, at most 65534; 0: 1024 */
	uint32_t flags;	  /* 0: no bits yet */
	/* Gets each message, with its newline, in the thread of the call that causes it; it must not call
	   the library. NULL: nobody does */
	void (*log)(void *user, const char *text);
	void *user; /* for log */
};

/* Bits of xdptap_target.flags: receive all frames, as long as the tap is open (requires CAP_NET_RAW); */
#define XDPTAP_PROMISCUOUS (1u << 0)
/* time stamps of the NIC, whose PTP hardware clock is phc_fd: XDPTAP_XDP only. */
#define XDPTAP_NIC_TIME (1u << 1)

struct xdptap_target { /* all zero but size and interface or ifindex: frames received there */
	size_t size;   /* sizeof(struct xdptap_target) */
	const char *interface; /* a name or an alternative name, */
	uint32_t ifindex;      /* or else the index */
	enum xdptap_point point;
	enum xdptap_mode mode;
	uint32_t snaplen;		  /* bytes to keep of each frame; 0: XDPTAP_SNAPLEN_MAX */
	const struct xdptap_insn *filter; /* which frames to capture; NULL: all. Compile it for the
	                                     linktype of xdptap_query() */
	size_t n_filter;
	uint32_t flags; /* XDPTAP_PROMISCUOUS, XDPTAP_NIC_TIME */
	int phc_fd;	/* NIC_TIME: a descriptor of /dev/ptpN, which stays the caller's */
	/* For XDPTAP_TRACE: */
	uint32_t program_id;	 /* 0: the program on the interface */
	enum xdptap_side side;	 /* the sides to capture */
	enum xdptap_side judges; /* the side on which the filter judges a frame: ENTRY or EXIT */
	uint32_t verdicts;	 /* a bit for each verdict to capture: 1 << XDP_DROP; 0: all */
};

/* Bits of xdptap_frame.mask. */
#define XDPTAP_FRAME_HASH     (1u << 0) /* hash is valid */
#define XDPTAP_FRAME_SEGMENTS (1u << 1) /* several frames on the wire, one here (TSO, GRO) */
#define XDPTAP_FRAME_QUEUE    (1u << 2) /* queue is valid */
#define XDPTAP_FRAME_RUN      (1u << 3) /* run is valid */
#define XDPTAP_FRAME_VERDICT  (1u << 4) /* verdict is valid */
#define XDPTAP_FRAME_HOST     (1u << 5) /* ts_ns is the kernel's although XDPTAP_NIC_TIME was set */
#define XDPTAP_FRAME_PARTIAL  (1u << 6) /* its checksum is left to the NIC: the bytes lack it */
#define XDPTAP_FRAME_SENT     (1u << 7) /* it was sent, not received */

struct xdptap_frame {
	uint64_t ts_ns;	     /* CLOCK_REALTIME, nanoseconds since 1970; never less than the previous
	                        frame's, unless xdptap_follow_clock() was called */
	const uint8_t *data; /* valid until the callback returns */
	uint32_t len;	     /* length in bytes, without FCS */
	uint32_t caplen;     /* bytes at data, at most len */
	uint32_t lost;	     /* frames of this id lost since its previous one on the same CPU */
	uint32_t id;	     /* of xdptap_attach() */
	uint32_t mask;	     /* XDPTAP_FRAME_ */
	uint32_t queue;	     /* QUEUE: receive queue */
	uint32_t hash;	     /* HASH: Toeplitz hash over the flow, from the NIC */
	uint32_t generation; /* of the filter that accepted it: see xdptap_set_filter() */
	uint64_t run;	     /* RUN: the same at entry and exit of one run of the traced program */
	uint32_t verdict;    /* VERDICT: what the traced program returned: XDP_PASS and so on */
	uint32_t reserved[5];
};

/* Counters of an id. accepted = delivered + pending + the sum of lost_… */
struct xdptap_stats {
	size_t size;	       /* sizeof(struct xdptap_stats), set by the caller */
	uint64_t seen;	       /* frames that passed the program */
	uint64_t accepted;     /* of these, what the filter accepted */
	uint64_t delivered;    /* given out */
	uint64_t pending;      /* not given out yet; 0 after xdptap_end() */
	uint64_t lost_full;    /* the ring had no room */
	uint64_t lost_copy;    /* the kernel could not copy the bytes */
	uint64_t lost_missed;  /* a run of the traced program was not followed to its end */
	uint64_t lost_invalid; /* the record makes no sense, or never came */
};

/* What is attached under an id. */
struct xdptap_attachment {
	size_t size;	  /* sizeof(struct xdptap_attachment), set by the caller */
	uint32_t ifindex; /* 0 after xdptap_detach() */
	enum xdptap_point point;
	enum xdptap_mode mode; /* native or generic; AUTO where that means nothing */
	uint32_t linktype;     /* LINKTYPE_ of its frames, as pcapng and libpcap have it */
	uint32_t is_attached;  /* 0 once the interface, its qdisc or the traced program is gone */
	uint32_t reserved;
};

/* What an interface can do. */
struct xdptap_interface {
	size_t size; /* sizeof(struct xdptap_interface), set by the caller */
	uint32_t ifindex;
	uint32_t linktype; /* LINKTYPE_ of its frames; 1: Ethernet */
	uint32_t points; /* 1 << XDPTAP_…: points that can capture there now, as far as is known */
	uint32_t
		modes; /* 1 << XDPTAP_MODE_…: modes of XDPTAP_XDP that the driver supports, known from
	                      Linux 6.3 on; earlier, native is absent */
	uint32_t program_id; /* of the XDP program that is attached; 0: none */
	enum xdptap_mode program_mode;
	char name[16];
	char program_name[64]; /* empty if unknown: asking requires privilege */
	char obstacle[128];    /* why XDPTAP_XDP is absent from points, as a sentence; or empty */
	char cost[128]; /* what native mode does to the traffic, as a sentence: "igb takes its link
	                   down ..."; empty if it does nothing, or nothing that is known */
	char phc[32]; /* the NIC's PTP hardware clock, for XDPTAP_NIC_TIME: "/dev/ptp0"; empty: it has
	                 none, or its driver does not pass time stamps to XDP programs. Whether the
	                 NIC stamps frames is a setting: `hwstamp_ctl -i eth0 -r 1` */
};

/*
 * Gets n frames, in their order. They have been given out, whatever it returns. Anything but 0 ends the
 * batch; the other frames come with the next one. It may call any function but those that drain, detach or
 * close its tap.
 */
typedef int (*xdptap_frames_fn)(void *user, const struct xdptap_frame *frames, size_t n);

/*
 * Creates a tap: rings and counters. `config` may be NULL: defaults. *ret is untouched on failure;
 * xdptap_error(NULL) says why.
 */
int xdptap_open(const struct xdptap_config *config, struct xdptap **ret);

/*
 * Creates a tap and attaches it to an interface at XDPTAP_AUTO, both with the defaults; the program's id is 0.
 * On failure there is no tap, *ret is untouched, and xdptap_error(NULL) says why.
 */
int xdptap_open_on(const char *interface, struct xdptap **ret);

/* Detaches all programs and frees the tap (NULL: no-op). Frames that were not drained are gone. */
void xdptap_close(struct xdptap *t);

/*
 * Attaches a program. *ret_id (may be NULL) is its id: 0, 1, 2, ... An interface may have several. On
 * failure, nothing is attached and *ret_id is untouched.
 */
int xdptap_attach(struct xdptap *t, const struct xdptap_target *target, uint32_t *ret_id);

/*
 * Detaches one program, of XDPTAP_BOTH both sides. Frames in the rings still come, and its counters remain
 * readable.
 */
int xdptap_detach(struct xdptap *t, uint32_t id);

/*
 * Replaces the filter of an id (NULL: all frames) while it captures. Every frame meets either the old or the
 * new one, and those that the new one accepts carry its generation, 0 to 65535; that of xdptap_attach() is 0.
 * After a failure the old one stays. -ENOENT: the program was detached by somebody else.
 */
int xdptap_set_filter(struct xdptap *t, uint32_t id, const struct xdptap_insn *filter, size_t n,
		      uint32_t generation);

/*
 * Checks a filter, without a tap and without privileges. -EOPNOTSUPP: an instruction that libpcap does not
 * generate. *ret_culprit (may be NULL) is the instruction at fault.
 */
int xdptap_check_filter(const struct xdptap_insn *filter, size_t n, size_t *ret_culprit);

/*
 * Returns a descriptor for poll(2), which becomes readable when xdptap_drain() is due: within 10 ms
 * of a frame, and earlier if a ring fills up. An idle tap does not wake up. It belongs to the tap.
 */
int xdptap_fd(struct xdptap *t);

/*
 * Gives out the frames that are in the rings now, and releases them: a bounded batch, however fast frames
 * arrive. Does not block. Returns how many frames it gave out, or what `fn` returned if that is negative.
 */
int xdptap_drain(struct xdptap *t, xdptap_frames_fn fn, void *user);

/*
 * Detaches all programs, waits until none runs, and gives out all frames that are left, whatever `fn`
 * returns. Then the counters are exact. Returns as xdptap_drain(). Nothing can be attached any more.
 */
int xdptap_end(struct xdptap *t, xdptap_frames_fn fn, void *user);

/*
 * Waits and drains until SIGINT or SIGTERM arrives, and then ends the tap as xdptap_end() does: returns 0. Or until
 * `fn` returns anything but 0: returns that, and the tap goes on capturing. The signal is consumed, also if the program
 * has a handler for it; one that the program ignores stays ignored. Both are blocked in this thread meanwhile: programs with
 * several threads block them in all others, or write a loop of their own.
 */
int xdptap_run(struct xdptap *t, xdptap_frames_fn fn, void *user);

/* Reads the counters of an id. Before xdptap_end() each is read at its own moment. */
int xdptap_get_stats(struct xdptap *t, uint32_t id, struct xdptap_stats *ret);

/* Says what is attached under an id. */
int xdptap_get_attachment(struct xdptap *t, uint32_t id, struct xdptap_attachment *ret);

/*
 * Says what an interface can do, by its name or else its index, without a tap and without privileges. It
 * attaches nothing. -EOPNOTSUPP: the library does not know the frames of such a device, or it is a VRF, whose
 * frames pass at its ports.
 */
int xdptap_query(const char *interface, uint32_t ifindex, struct xdptap_interface *ret);

/*
 * Returns the capabilities that capturing at a point requires, as bits 1 << CAP_…; *ret_missing (may be NULL)
 * has those that the calling thread lacks. An unknown point requires none.
 */
uint64_t xdptap_capabilities(enum xdptap_point point, uint64_t *ret_missing);

/* Returns the time, as a frame would be stamped now. */
uint64_t xdptap_now_ns(struct xdptap *t);

/*
 * Time stamps stay ahead of a system clock that is set back, so that they do not go back. This lets them
 * follow it. Returns by how many nanoseconds they go back.
 */
uint64_t xdptap_follow_clock(struct xdptap *t);

/*
 * Returns the last failure of a call on `t`; for NULL, of xdptap_open(), xdptap_open_on(),
 * xdptap_query() and xdptap_check_filter() in this thread. Never NULL; valid until the next call.
 */
const struct xdptap_error *xdptap_error(const struct xdptap *t);

/* Returns the version of the library: "0.2.0". */
const char *xdptap_version(void);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif /* XDPTAP_TAP_H */
