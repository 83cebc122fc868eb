/* SPDX-License-Identifier: MIT */
/*
 * From the tap's frames to packets in a sink, and the books: for each interface, every frame that the
 * kernel saw ends as exactly one of filtered out, written, or lost for one cause.
 */
#ifndef XDPTAP_EXTCAP_CAPTURE_STREAM_H
#define XDPTAP_EXTCAP_CAPTURE_STREAM_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "bpf/tap.h"
#include "extcap/capture/changes.h"
#include "extcap/sink/step.h"
#include "extcap/net/link.h"
#include "extcap/process/owners.h"
#include "extcap/secrets/secrets.h"
#include "extcap/sink/sink.h"

/* What became of the frames of one interface: each is filtered out, written, or lost for one cause. */
struct count {
	const char *name;   /* of the interface */
	uint64_t seen;	    /* accepted + those that the filter rejected */
	uint64_t accepted;  /* written + count_lost() */
	uint64_t written;   /* in the file, or handed to the reader of a pipe */
	uint64_t lost_ring; /* the kernel's ring was full */
	uint64_t lost_copy; /* the kernel could not copy or trace the frame, or it was too long */
	uint64_t lost_invalid; /* a record in the ring made no sense */
	uint64_t lost_queue;   /* the queue for the disk was full */
	uint64_t lost_backlog; /* the output was full or broken, or a pipe's reader slow */
};

static inline uint64_t count_lost(const struct count *c)
{
	return c->lost_ring + c->lost_copy + c->lost_invalid + c->lost_queue + c->lost_backlog;
}

/* One interface of the stream; its index is its id in the file. */
struct stream_iface {
	char *name;   /* in the file */
	char *device; /* the kernel's name */
	unsigned int ifindex;
	uint64_t address;      /* MAC address, see address_of(); UINT64_MAX: none */
	uint64_t written;      /* frames handed to the sink */
	uint64_t lost_queue;   /* frames dropped because the queue for the disk was full */
	uint64_t lost_backlog; /* likewise, the output was full, broken or a slow pipe */
	uint64_t left_out;     /* frames that arrived after the capture's end (-c, -a) */
	uint64_t gap;	       /* frames lost since the last one written */
	uint64_t unstamped;    /* frames written without the NIC's time stamp that was asked for */
	uint16_t linktype;
	bool is_loopback;
	bool is_software;    /* such devices may count frames that are others' */
	uint16_t generation; /* of the last frame written, see changes.h */
};

#define STREAM_PACKETS 32 /* go to the sink at a time; a capture on one interface fills them */

struct stream {
	struct sink *sink; /* owned */
	GArray *ifaces;	   /* of struct stream_iface */
	GArray *slots;	   /* of guint: the interface that each slot of the tap belongs to */
	struct tap *tap;   /* borrowed, for its counters and its clock */
	uint64_t written;
	uint64_t given_up; /* frames that the sink had accepted and, after a failure, not written */
	bool is_blocked; /* no room until stream_flush(): the reader is not asked for each frame */
	uint64_t started_ns; /* since the epoch */
	struct step step;
	struct pcapng_packet packets[STREAM_PACKETS]; /* n_packets are being added */
	size_t n_packets;
	struct pcapng_hash hashes[STREAM_PACKETS]; /* the packets' */
	uint32_t hash_bytes[STREAM_PACKETS];	   /* network order */
	uint64_t last_ns;			   /* of the last packet */
	const struct changes *changes;		   /* borrowed; NULL: nothing ever changes */
	struct pcapng_verdict verdict;
	GHashTable *drop_texts;
	struct secrets *secrets; /* owned, set before stream_init(); NULL: none */
	struct owners *owners;	 /* the same */
};

/* Describes an interface to the stream. */
struct stream_description {
	const struct link *iface;
	const char *name;   /* in the file; NULL: the interface's own */
	const char *driver; /* ethtool_driver(), NULL: unknown */
	const char *os;	    /* host_os() */
	uint64_t speed_bps; /* 0: unknown */
	uint32_t snaplen;
	const char *filter;   /* NULL: none */
	const char *comment;  /* capture points and modes */
	int linktype;	      /* 0: the interface's own */
	unsigned int n_slots; /* of the tap, following those of the interface added before */
};

/* Begins a stream into a sink, which it owns from now on. */
void stream_init(struct stream *s, struct sink *sink, struct tap *tap);
void stream_done(struct stream *s);
/* Adds an interface. */
bool stream_add(struct stream *s, const struct stream_description *description, GError **error);
/* The index of the interface with that ifindex and name in the file (NULL: its own name), or -1. */
int stream_find_iface(const struct stream *s, unsigned int ifindex, const char *name);
/* Gives the tap's next n slots to an interface. */
void stream_add_slots(struct stream *s, guint iface, unsigned int n);
/*
 * Writes some of `n` frames, at least the first; without room in the sink, that one is counted as lost.
 * How many; -ESHUTDOWN after the last file: the first frame is not part of the capture; or the sink's
 * -errno: the first frame is counted as lost.
 */
ssize_t stream_write(struct stream *s, const struct tap_frame *frames, size_t n);
/*
 * How many of `n` frames can be written now: it keeps copies of the others, which wait for a secret, and
 * secrets_release() passes them on later.
 */
size_t stream_hold(struct stream *s, const struct tap_frame *frames, size_t n);
/* Counts a frame as lost because the output failed. */
void stream_lose(struct stream *s, const struct tap_frame *frame);
/* Counts a frame as not part of the capture: it arrived after the capture's end. */
void stream_leave_out(struct stream *s, const struct tap_frame *frame);
/* Commits what there is. 0; -EAGAIN: the reader of a pipe is slow, the rest waits; or -errno. */
int stream_flush(struct stream *s);
/* Ends it, with the final counters. 0; -EAGAIN: to be called again; or -errno. */
int stream_end(struct stream *s);
/* After a failure: cuts the file to its last complete packet, and counts the others as lost. */
void stream_salvage(struct stream *s);
/*
 * The counters of an interface. While the capture runs, frames still in the rings are not part of them;
 * at the end, once the rings are empty, seen - accepted is what the filter rejected, and accepted is
 * written + the lost_… counters.
 */
struct count stream_count(const struct stream *s, guint iface);
/* The interface that a slot belongs to. */
const struct stream_iface *stream_slot_iface(const struct stream *s, guint slot);

#endif
