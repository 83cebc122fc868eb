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
#include "extcap/output.h"

struct pcapng_writer;

/* One interface of the stream; its number is its id in the file and its slot in the tap. */
struct stream_port {
	char *name;
	bool has_mac;
	uint8_t mac[6];
	uint64_t written;      /* frames handed to the output, or waiting in the backlog for it */
	uint64_t lost_backlog; /* frames dropped because the backlog was full */
	uint64_t gap;	       /* frames lost since the last one written */
};

struct stream {
	struct output *output; /* borrowed */
	struct pcapng_writer *writer;
	GArray *ports; /* of struct stream_port */
	uint64_t written;
	uint64_t started_ns; /* since the epoch */
};

/* What is to be said of an interface. */
struct stream_interface {
	const struct iface *iface;
	uint32_t snaplen;
	const char *filter;  /* NULL: none */
	const char *comment; /* capture point and mode */
};

/* Begins a stream. Nothing goes to the output yet but by stream_flush(). */
bool stream_init(struct stream *s, struct output *output, GError **error);
void stream_done(struct stream *s);
/* Adds an interface, in the order of the tap's slots. */
bool stream_add(struct stream *s, const struct stream_interface *interface, GError **error);
/* Writes one frame, or counts it as lost where the backlog is full. 0, or the output's -errno. */
int stream_write(struct stream *s, const struct tap_frame *frame);
/* Hands over what there is. 0; -EAGAIN: the reader of a pipe is slow, the rest waits; or -errno. */
int stream_flush(struct stream *s);
/* The final counters of an interface; stats as of the end of the capture. 0 or -errno. */
int stream_write_stats(struct stream *s, uint32_t slot, const struct tap_stats *stats);
/* Whether bytes wait for the reader of the pipe. */
bool stream_is_pending(const struct stream *s);
/* Why it failed: true when only the reader went away, which is no error, else sets *error. */
bool stream_explain(const struct stream *s, int err, GError **error);

#endif
