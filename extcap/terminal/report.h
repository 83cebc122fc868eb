/* SPDX-License-Identifier: MIT */
/* What the standalone front end prints about a capture on stderr, in dumpcap's words. */
#ifndef XDPTAP_EXTCAP_TERMINAL_REPORT_H
#define XDPTAP_EXTCAP_TERMINAL_REPORT_H

#include "extcap/capture/capture.h"

struct report {
	bool is_counting;    /* the running count is displayed in the last line */
	unsigned int column; /* how much of that line is in use */
	uint64_t last_written;
	int64_t last_us; /* monotonic */
};

/* Names the captured interfaces. */
void report_started(struct report *r, const GPtrArray *names);
void report_file(struct report *r, const char *path);
/* The running count. */
void report_progress(struct report *r, const struct capture_status *status);
/* Shows how much still waits for the disk at the end, in place of the count. */
void report_waiting(struct report *r, uint64_t queued);
/* Prints the counters of each interface; waits at most wait_ms for the reader of stderr. */
void report_counts(struct report *r, const struct capture_status *status, int wait_ms);
/* Prints a separate line; the text may be untrusted. */
void report_line(struct report *r, const char *format, ...) G_GNUC_PRINTF(2, 3);

#endif
