/* SPDX-License-Identifier: MIT */
/* What a capture tells the front end that started it, and the calls that do so. */
#ifndef XDPTAP_EXTCAP_CAPTURE_FRONT_END_H
#define XDPTAP_EXTCAP_CAPTURE_FRONT_END_H

#include <stdbool.h>
#include <stdint.h>

#include "extcap/capture/stream.h"
#include "extcap/capture/reconfigure.h"
#include "extcap/config/options.h"
#include "extcap/sink/sink-files.h"

/* The state of a capture, valid for the time of a call. */
struct capture_status {
	const struct count *counts; /* of each interface */
	unsigned int n;
	uint64_t written; /* frames, in all */
	uint64_t lost;
	uint64_t bytes; /* in the file being written, before compression */
	struct sink_files_status files;
	struct sink_queue queue;
};

/*
 * How a front end follows the capture. Every function may be NULL, is called from capture_run(), and
 * must not block.
 */
struct capture_front_end {
	bool is_child;	   /* of Wireshark: ends when the parent does */
	bool reconfigures; /* may call reconfigure_…() between started() and ended() */
	/*
	 * All programs are in place, frames arrive from now on. The names (char *) are the kernel's, one
	 * for each interface that was asked for.
	 */
	void (*started)(const GPtrArray *names, struct reconfigure *reconfigure, void *user);
	/* A file begins; path is its final name. */
	void (*begun)(const char *path, void *user);
	/* A file is finished and will not be written again. */
	void (*finished)(const char *path, void *user);
	/* About twice a second. */
	void (*progress)(const struct capture_status *status, void *user);
	/* SIGUSR1 asks for the counters. */
	void (*asked)(const struct capture_status *status, void *user);
	/*
	 * The capture is over, but the disk is slow: so many bytes still wait for it. About five times
	 * a second.
	 */
	void (*waiting)(uint64_t queued, void *user);
	/* The capture is over and the output complete. */
	void (*ended)(const struct capture_status *status, void *user);
	/* The output is about to be closed; called last, also after a capture that never started. */
	void (*closing)(void *user);
	/*
	 * The output is closed. Here a front end may wait, with an eye on *n_signals: the signals that
	 * ended the capture or came since; they are still handled.
	 */
	void (*closed)(const unsigned int *n_signals, void *user);
	void *user;
};

static inline void front_end_started(const struct capture_front_end *f, const GPtrArray *names,
				     struct reconfigure *reconfigure)
{
	if (f->started)
		f->started(names, reconfigure, f->user);
}

static inline void front_end_begun(const struct capture_front_end *f, const char *path)
{
	if (f->begun)
		f->begun(path, f->user);
}

static inline void front_end_finished(const struct capture_front_end *f, const char *path)
{
	if (f->finished)
		f->finished(path, f->user);
}

static inline void front_end_closing(const struct capture_front_end *f)
{
	if (f->closing)
		f->closing(f->user);
}

static inline void front_end_closed(const struct capture_front_end *f,
				    const unsigned int *n_signals)
{
	if (f->closed)
		f->closed(n_signals, f->user);
}

#endif
