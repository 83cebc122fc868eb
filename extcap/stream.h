/* SPDX-License-Identifier: MIT */
/*
 * From the tap's frames to pcapng on an output, and the bookkeeping that goes with it: for every
 * interface, what was written and what was lost on the way.
 */
#ifndef XDPTAP_EXTCAP_STREAM_H
#define XDPTAP_EXTCAP_STREAM_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "bpf/tap.h"
#include "extcap/iface.h"
#include "extcap/notes.h"
#include "extcap/output.h"
#include "pcapng/writer.h"

/* One interface of the stream; its number is its id in the file. */
struct stream_port {
	char *name;
	bool has_mac;
	uint8_t mac[6];
	uint64_t written;      /* frames handed to the output, or waiting in the backlog for it */
	uint64_t whole;	       /* of these, before stream.whole_bytes */
	uint64_t lost_backlog; /* frames dropped because the backlog was full */
	uint64_t gap;	       /* frames lost since the last one written */
	bool is_loopback;
	uint16_t mark; /* of the last frame written, see notes.h */
};

struct stream {
	struct output *output; /* borrowed */
	struct pcapng_writer *writer;
	GArray *ports; /* of struct stream_port */
	GArray *slots; /* of guint: the port that each slot of the tap belongs to */
	uint64_t written;
	bool is_blocked; /* no room until stream_flush(): the reader is not asked for each frame */
	uint64_t whole_bytes; /* the output ended with a whole block when it had taken so many */
	uint64_t started_ns;  /* since the epoch */
	struct pcapng_packet packet;
	struct pcapng_hash hash;
	uint32_t hash_bytes;	   /* network order */
	const struct notes *notes; /* borrowed; NULL: nothing is ever changed */
};

/* What is to be said of an interface. */
struct stream_interface {
	const struct iface *iface;
	uint32_t snaplen;
	const char *filter;   /* NULL: none */
	const char *comment;  /* capture points and modes */
	unsigned int n_slots; /* it has in the tap, directly behind those of the interface before */
};

/* Begins a stream. Nothing goes to the output yet but by stream_flush(). */
bool stream_init(struct stream *s, struct output *output, GError **error);
void stream_done(struct stream *s);
/* Adds an interface. */
bool stream_add(struct stream *s, const struct stream_interface *interface, GError **error);
/* The tap's next slots belong to that port, too. */
void stream_add_slots(struct stream *s, guint port, unsigned int n);
/* Writes one frame, or counts it as lost where the backlog is full. 0, or the output's -errno. */
int stream_write(struct stream *s, const struct tap_frame *frame);
/* Hands over what there is. 0; -EAGAIN: the reader of a pipe is slow, the rest waits; or -errno. */
int stream_flush(struct stream *s);
/* After a failure: cuts the torn block off the end of a file, and counts what goes with it as lost. */
void stream_cut(struct stream *s);
/* The final counters of a port; stats as of the end of the capture, of all its slots. 0 or -errno. */
int stream_write_stats(struct stream *s, guint port, const struct tap_stats *stats);
/* Whether an interface of that name is in the stream already. */
bool stream_has(const struct stream *s, const char *name);
/* The name of the interface that a slot belongs to. */
const char *stream_slot_name(const struct stream *s, guint slot);
/* Whether bytes wait for the reader of the pipe. */
bool stream_is_pending(const struct stream *s);
/* Why it failed: true when only the reader went away, which is no error, else sets *error. */
bool stream_explain(const struct stream *s, int err, GError **error);

#endif
