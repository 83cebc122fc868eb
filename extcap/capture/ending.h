/* SPDX-License-Identifier: MIT */
/* The end of a stream, which may have to wait: for the reader of a pipe, or for a slow disk. */
#ifndef XDPTAP_EXTCAP_CAPTURE_ENDING_H
#define XDPTAP_EXTCAP_CAPTURE_ENDING_H

#include "extcap/capture/front-end.h"
#include "extcap/capture/stream.h"
#include "extcap/sink/output.h"

struct ending {
	struct stream *stream;
	const struct output *output;   /* of a pipe; else not open */
	const unsigned int *n_signals; /* so far; another one ends the wait for a disk */
	const struct capture_front_end *front_end;
};

/*
 * Writes what is left, and the counters. A reader, or a full disk, gets a moment, a slow disk as long as
 * it takes. 0; -EAGAIN: the moment was not enough; -ECANCELED: a signal ended the wait; or -errno.
 */
int ending_run(const struct ending *e);
/* Logs the counters, a line for each interface. */
void ending_log_counts(const struct stream *s);
/* Why the stream failed: true if only the reader went away, which is no error, else sets *error. */
bool ending_explain(const struct stream *s, int err, GError **error);

#endif
