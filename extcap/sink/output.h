/* SPDX-License-Identifier: MIT */
/*
 * Where a stream goes: Wireshark's FIFO or standard output; and a file for the one format that
 * pcapng/files.h does not write. The capture never waits for the reader of a pipe: what the reader
 * does not accept stays with the sink. It does wait for a file.
 */
#ifndef XDPTAP_EXTCAP_SINK_OUTPUT_H
#define XDPTAP_EXTCAP_SINK_OUTPUT_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct output {
	int fd;		  /* -1: closed */
	bool is_pipe;	  /* FIFO, pipe or socket: has a reader, does not block */
	uint64_t written; /* bytes that output_write() wrote */
};

#define OUTPUT_CLOSED                                                                              \
	{                                                                                          \
		.fd = -1                                                                           \
	}

/*
 * Opens standard output (`path` is "-") or a FIFO for writing. Waits until a FIFO has a reader,
 * handling signals meanwhile, or until *is_cancelled is set: then it returns true and fd stays -1.
 * So it does where `path` is neither: the file is opened later, by whoever writes it.
 */
bool output_open(struct output *o, const char *path, const bool *is_cancelled, GError **error);
/* Opens a file and empties it. It gets `mode`, unless it is a device or another user's. */
bool output_create(struct output *o, const char *path, mode_t mode, GError **error);
/*
 * Opens a FIFO only to close it again: Wireshark waits for ever for an extcap that does not even do
 * that. Gives up after 5 s without a reader, and leaves anything but a FIFO alone: fd is -1.
 */
void output_open_in_time(struct output *o, const char *path);
/* A pcapng_output_fn; user is a struct output. */
ssize_t output_write(void *user, const struct iovec *iov, int n);
/* Cuts a file back to the first `size` bytes that output_write() wrote. A pipe keeps what it has. */
void output_truncate(struct output *o, uint64_t size);
/* Waits until a pipe accepts bytes again; false after timeout_ms or when the reader is gone. */
bool output_wait(const struct output *o, int timeout_ms);
/* Bytes in a pipe that its reader has not read yet; 0 if the reader is gone, or nobody can tell. */
int output_unread(const struct output *o);
bool output_close(struct output *o, GError **error);

#endif
