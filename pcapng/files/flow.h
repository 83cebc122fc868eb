/* SPDX-License-Identifier: MIT */
/*
 * flow.h - from the writer to the disk's side, directly or through a queue
 *
 * The state of a set of files, and the steps that opening.c, files.c and closing.c share.
 *
 *	add_packet ─▶ writer ─▶ staging ─▶ flow_output() ─────────────▶ disk, file
 *	                                └▶ flow_take() ─▶ spool, thread ─┘
 */
#ifndef PCAPNG_FILES_FLOW_H
#define PCAPNG_FILES_FLOW_H

#include "pcapng/files.h"
#include "pcapng/files/deadline.h"
#include "pcapng/files/disk.h"
#include "pcapng/files/events.h"
#include "pcapng/files/spool.h"
#include "pcapng/files/tally.h"
#include "pcapng/state.h"

struct pcapng_files {
	struct pcapng_files_config config;
	struct pcapng_files_config disk_config; /* its events come here first */
	struct disk disk;
	struct spool *spool; /* NULL: no queue */
	struct events events;
	struct pcapng_writer *writer;
	struct tally tally;
	int broken; /* the sticky error, 0: none */
	uint32_t interfaces;
	uint32_t finished; /* files */
	uint64_t packets;  /* in this file */
	struct deadline deadline;
	bool waits;	 /* calls wait for the queue, as if there was none */
	bool has_stats;	 /* the file's end is encoded, only the output is slow */
	bool is_ending;	 /* pcapng_files_end() was called */
	bool has_ended;	 /* nothing can be added */
	bool is_delayed; /* what is due by time waits for room */
	bool is_closed;
	bool is_given_up;
	bool is_stuck;		   /* the thread did not end in time: the disk is not ours */
	struct pcapng_error error; /* of what broke it */
};

/* The writer's output, without a queue: pcapng_output_fn. */
ssize_t flow_output(void *user, const struct iovec *iov, int iovcnt);

/* The writer's output, with a queue: staging_take_fn. */
int flow_take(void *user, struct staging *s, bool must);

/* Passes on an event of the disk's side; that of a thread waits for flow_tell_events(). */
void flow_on_event(void *user, const struct pcapng_files_event *event);
void flow_tell_events(struct pcapng_files *f);

/* Waits for everything after the end: 0, -ESHUTDOWN if the last file was full, or -errno. */
int flow_wait_for_end(struct pcapng_files *f);

/* Returns `r`, but -ENOBUFS if the queue is full and the disk is not; all but these two stick. */
int flow_stick(struct pcapng_files *f, int r);

/* Hands everything over with this order, waiting for room and, unless a next file follows, for the disk. */
int flow_order(struct pcapng_files *f, const struct spool_order *order);

/* Everything, into the file, also if the disk was full just now: 0 or -errno. */
int flow_drain(struct pcapng_files *f);

/* Adds statistics at the end, once, however many calls the output requires. */
int flow_add_end(struct pcapng_files *f);
int flow_write_end(struct pcapng_files *f);

/* What was created is the current file, without a packet. */
void flow_begin_file(struct pcapng_files *f);
void flow_begin_count(struct pcapng_files *f);

/* The section header at once, so that what a crash leaves can be told to be ours. */
int flow_write_begin(struct pcapng_files *f);

/* The file and its count end with its last complete block. */
int flow_end_file(struct pcapng_files *f);

/* How long a buffer may wait that is not full. */
uint64_t flow_delay_ns(const struct pcapng_files *f);

#endif /* PCAPNG_FILES_FLOW_H */
