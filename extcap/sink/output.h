/* SPDX-License-Identifier: MIT */
/*
 * Where the stream goes: Wireshark's FIFO, standard output or a file. A pipe is never waited for
 * (what its reader does not take stays with the writer); a file is.
 */
#ifndef XDPTAP_EXTCAP_SINK_OUTPUT_H
#define XDPTAP_EXTCAP_SINK_OUTPUT_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct output {
	int fd;		/* -1: closed */
	bool is_pipe;	/* FIFO, pipe or socket: has a reader, does not block */
	uint64_t taken; /* bytes that output_write() took */
	bool is_old;	/* a file that was there before, not emptied yet */
	char *made;	/* path of a file that we made, nothing in it yet */
};

#define OUTPUT_CLOSED                                                                              \
	{                                                                                          \
		.fd = -1                                                                           \
	}

/*
 * Opens "path" ("-" is standard output) for writing; an existing file is left as it is until
 * output_begin(), a new one gets "mode". A FIFO is waited for until it has a reader or *is_cancelled is
 * set (then true is returned and fd stays -1); signals are handled meanwhile.
 */
bool output_open(struct output *o, const char *path, mode_t mode, const bool *is_cancelled,
		 GError **error);
/* Whether "path" is or would become a file: it is neither standard output nor a FIFO. */
bool output_is_file(const char *path);
/*
 * Tells the reader of a FIFO that nothing will come, by opening and closing it; Wireshark waits for
 * ever for an extcap that does not even do that. Anything else than a FIFO is left alone.
 */
void output_refuse(const char *path);
/* The capture runs: empties an existing file. */
bool output_begin(struct output *o, GError **error);
/* A pcapng_output_fn; user is a struct output. */
ssize_t output_write(void *user, const struct iovec *iov, int n);
/* For reading a file anew; *ret_start is where what output_write() took begins. -1: not a file. */
int output_open_reader(const struct output *o, uint64_t *ret_start);
/* Cuts a file back to the first "size" bytes that output_write() took. */
void output_cut(struct output *o, uint64_t size);
/* Waits until a pipe takes bytes again; false after timeout_ms or when the reader is gone. */
bool output_wait(const struct output *o, int timeout_ms);
/* Closes, and removes a file that was made for a capture that never began. */
bool output_close(struct output *o, GError **error);

#endif
