/* SPDX-License-Identifier: MIT */
/* sink.h - an output in memory that misbehaves on demand */
#ifndef TESTS_PCAPNG_SINK_H
#define TESTS_PCAPNG_SINK_H

#include <glib.h>

#include "pcapng/writer.h"

struct sink { /* all zero but bytes: accepts everything */
	GByteArray *bytes;
	size_t at_most;		/* bytes accepted per call; 0: all */
	size_t fail_at;		/* with fail_with: bytes accepted before the failure */
	int fail_with;		/* -errno; 0: never */
	bool is_blocked;	/* -EAGAIN */
	unsigned int interrupt; /* every this many calls -EINTR; 0: never */
	unsigned int calls;
};

/* pcapng_output_fn; `user` is a struct sink. */
ssize_t sink_output(void *user, const struct iovec *iov, int iovcnt);

/*
 * Saves the bytes to a file in a temporary folder. sinks_check() runs check_pcapng.py (found
 * through PCAPNG_CHECKER) on all saved files, removes them, and aborts if one is invalid. Call it
 * last.
 */
void sink_keep(const struct sink *s);
void sinks_check(void);

#endif /* TESTS_PCAPNG_SINK_H */
