/* SPDX-License-Identifier: MIT */
/*
 * pcapng in files: the one of a plain -w FILE, or those that follow each other with -b. The library
 * keeps them readable whatever happens, see pcapng/files.h; the sink turns options into its words.
 */
#ifndef XDPTAP_EXTCAP_SINK_SINK_FILES_H
#define XDPTAP_EXTCAP_SINK_SINK_FILES_H

#include "extcap/config/options.h"
#include "extcap/sink/sink.h"
#include "pcapng/files.h"

/* How the files stand; strings belong to the sink. */
struct sink_files_status {
	const char *file; /* the one being written, or written last */
	uint64_t n_finished;
	uint64_t finished_bytes; /* of these, on the disk */
	int timeout_ms;		 /* until sink_files_tick() has something to do; -1: never */
	uint64_t left_ns;	 /* until the file ends by time; UINT64_MAX: it does not */
};

/*
 * Whether the sink must be made after privileges_drop(), because it starts a thread or opens more
 * files while it runs; any other opens its only file when it is made.
 */
bool sink_files_are_late(const struct config *config);
/* Whether config->output can be a file, as far as that shows before anything is opened. */
bool sink_files_check(const struct config *config, GError **error);
/*
 * Begins the first file, replacing an existing one if there is no -b; `queue_size` bytes may wait for the
 * disk. Events go to on_event with
 * `user`, from now on and out of any function here.
 */
struct sink *sink_files_new(const struct config *config, uint64_t queue_size,
			    const struct pcapng_section *section,
			    void (*on_event)(void *user, const struct pcapng_files_event *event),
			    void *user, GError **error);
struct sink_files_status sink_files_status(const struct sink *s);
/* Begins a new file if it is time to. 0, -EAGAIN, -ESHUTDOWN after the last file, or -errno. */
int sink_files_tick(struct sink *s);
/* Begins a new file now. Likewise. */
int sink_files_rotate(struct sink *s);

#endif
