/* SPDX-License-Identifier: MIT */
/*
 * Where one capture goes, from its options: a pipe, which is opened before anything can fail, a file,
 * or files that follow each other. What writes there is a sink.
 */
#ifndef XDPTAP_EXTCAP_SINK_DESTINATION_H
#define XDPTAP_EXTCAP_SINK_DESTINATION_H

#include <glib.h>
#include <stdbool.h>

#include "extcap/config/options.h"
#include "extcap/sink/output.h"
#include "extcap/sink/sink-files.h"
#include "extcap/sink/sink.h"

struct destination {
	const struct config *config;
	bool never_ends_empty;
	struct output output; /* a pipe, or the file of --format pcap; else not open */
	uint64_t queue_size;  /* bytes that may wait for a disk; 0: a pipe */
	struct sink *sink;    /* until somebody owns it */
	struct sink *files;   /* the sink, if it writes files of pcapng; else NULL */
};

/*
 * The default of --queue-size: 1/32 of the memory, but at least 128 MiB, which one second at 1 Gbit/s
 * needs, and at most 1 GiB; in any case no more than an eighth of the memory.
 */
uint64_t destination_queue_size(uint64_t memory);
/*
 * never_ends_empty: a pipe to which nothing was written gets the header of a capture before it closes. If
 * a capture fails without one, Wireshark 4.0 keeps the toolbar's old pipes (its captureCaptureFailed() does
 * not stop the toolbars), and the toolbar of the next capture on the interface is dead. Without a toolbar,
 * an empty pipe is the clearer failure.
 */
void destination_init(struct destination *d, const struct config *config, bool never_ends_empty);
/*
 * Opens a pipe, waiting until it has a reader or *is_cancelled is set, and checks whether anything else
 * can be a file.
 */
bool destination_open_pipe(struct destination *d, const bool *is_cancelled, GError **error);
/*
 * Makes the sink, and with it the first file. Files that come later, too (-b, --compress, ...), must be
 * opened after privileges are given up: destination_is_late(); any other one before. The events of
 * files go to on_event with `user`.
 */
bool destination_open(struct destination *d, const struct pcapng_section *section,
		      void (*on_event)(void *user, const struct pcapng_files_event *event),
		      void *user, GError **error);
static inline bool destination_is_late(const struct destination *d)
{
	return sink_files_are_late(d->config);
}
struct sink_files_status destination_status(const struct destination *d);
/* Opens and closes a FIFO that was never opened, so that its reader stops waiting. */
void destination_refuse(struct destination *d);
/* Closes a pipe, and frees a sink that nobody owns. False where late errors come to light. */
bool destination_close(struct destination *d, GError **error);

#endif
