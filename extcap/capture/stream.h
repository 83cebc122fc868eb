/* SPDX-License-Identifier: MIT */
/*
 * From the tap's frames to pcapng on an output, and the bookkeeping that goes with it: for every
 * interface, what was written and what was lost on the way.
 */
#ifndef XDPTAP_EXTCAP_CAPTURE_STREAM_H
#define XDPTAP_EXTCAP_CAPTURE_STREAM_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "bpf/tap.h"
#include "extcap/capture/count.h"
#include "extcap/net/link.h"
#include "extcap/capture/changes.h"
#include "extcap/sink/sink.h"

/* One interface of the stream; its number is its id in the file. */
struct stream_port {
	char *name;   /* in the file */
	char *device; /* as the kernel has it */
	unsigned int ifindex;
	bool has_mac;
	uint8_t mac[6];
	uint64_t written;      /* frames handed to the sink */
	uint64_t lost_backlog; /* frames dropped because the output was too slow, or full */
	uint64_t gap;	       /* frames lost since the last one written */
	uint64_t unstamped;    /* of those written, without the time of the card that was wanted */
	bool is_loopback;
	uint16_t mark; /* of the last frame written, see changes.h */
};

/* The kernel's counters of a slot of the tap. */
typedef void (*stream_read_fn)(void *user, unsigned int slot, struct tap_stats *ret);

struct stream {
	struct sink *sink; /* owned */
	GArray *ports;	   /* of struct stream_port */
	GArray *slots;	   /* of guint: the port that each slot of the tap belongs to */
	stream_read_fn read;
	void *user;
	uint64_t written;
	bool is_blocked; /* no room until stream_flush(): the reader is not asked for each frame */
	bool is_failed;	 /* what the kernel still has is lost */
	uint64_t started_ns; /* since the epoch */
	uint64_t started_mono_ns;
	struct pcapng_packet packet;
	struct pcapng_hash hash;
	uint32_t hash_bytes;	     /* network order */
	const struct changes *notes; /* borrowed; NULL: nothing is ever changed */
	struct pcapng_verdict verdict;
};

/* What is to be said of an interface. */
struct stream_interface {
	const struct link *iface;
	const char *name;   /* in the file; NULL: the interface's own */
	const char *driver; /* link_driver(), NULL: unknown */
	const char *os;	    /* host_os() */
	uint64_t speed_bps; /* 0: unknown */
	uint32_t snaplen;
	const char *filter;   /* NULL: none */
	const char *comment;  /* capture points and modes */
	unsigned int n_slots; /* it has in the tap, directly behind those of the one added before */
};

/* What every section of ours begins with: program and machine. The strings are owned by the caller. */
struct stream_section {
	char *hardware, *os;
	struct pcapng_section section;
};
void stream_section_init(struct stream_section *s);
void stream_section_done(struct stream_section *s);

/* Begins a stream into a sink that it owns from now on. */
void stream_init(struct stream *s, struct sink *sink, stream_read_fn read, void *user);
void stream_done(struct stream *s);
/* Adds an interface. */
bool stream_add(struct stream *s, const struct stream_interface *interface, GError **error);
/* The number of the port of an interface that bears that name in the file (NULL: its own), or -1. */
int stream_find_port(const struct stream *s, unsigned int ifindex, const char *name);
/* The tap's next slots belong to that port, too. */
void stream_add_slots(struct stream *s, guint port, unsigned int n);
/* Writes one frame, or counts it as lost where the sink has no room. 0, or its -errno. */
int stream_write(struct stream *s, const struct tap_frame *frame);
/* Hands over what there is. 0; -EAGAIN: the reader of a pipe is slow, the rest waits; or -errno. */
int stream_flush(struct stream *s);
/* Ends it, with the final counters. 0; -EAGAIN: to be called again; or -errno. */
int stream_end(struct stream *s);
/* After a failure: cuts the file to its last complete packet, and counts the others as lost. */
void stream_salvage(struct stream *s);
/* The counters of a port, as of the frame written last. */
struct count stream_count(const struct stream *s, guint port);
/* A line in the log for each port. */
void stream_log_counts(const struct stream *s);
/* The name of the interface that a slot belongs to. */
const char *stream_slot_name(const struct stream *s, guint slot);
/* Why it failed: true when only the reader went away, which is no error, else sets *error. */
bool stream_explain(const struct stream *s, int err, GError **error);

#endif
