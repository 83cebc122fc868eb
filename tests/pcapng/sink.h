/* SPDX-License-Identifier: MIT */
/*
 * sink.h - an output in memory that can be made to misbehave
 */
#ifndef TESTS_PCAPNG_SINK_H
#define TESTS_PCAPNG_SINK_H

#include <glib.h>

#include "pcapng/writer.h"

struct sink { /* all zero but bytes: takes everything */
	GByteArray *bytes;
	size_t at_most;		/* bytes taken in each call; 0: all */
	size_t fail_at;		/* with fail_with: how many bytes are taken before that */
	int fail_with;		/* -errno; 0: never */
	bool is_blocked;	/* -EAGAIN */
	unsigned int interrupt; /* every so many calls -EINTR; 0: never */
	unsigned int calls;
};

/* pcapng_output_fn; `user` is a struct sink. */
ssize_t sink_output(void *user, const struct iovec *iov, int iovcnt);

/*
 * Keeps the bytes as a file in a temporary folder; sinks_check() has check_pcapng.py (found through
 * PCAPNG_CHECKER) look at all that were kept, removes them, and aborts if one is wrong. Call it last.
 */
void sink_keep(const struct sink *s);
void sinks_check(void);

#endif /* TESTS_PCAPNG_SINK_H */
