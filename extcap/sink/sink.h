/* SPDX-License-Identifier: MIT */
/*
 * What a stream writes to: pcapng in files, pcapng to an output, or pcap to an output. All of them
 * accept interfaces and packets as pcapng/writer.h describes them; return values are the writer's: 0,
 * -EAGAIN (no room until sink_flush()), -ENOBUFS (the queue of a file is full), or -errno.
 */
#ifndef XDPTAP_EXTCAP_SINK_SINK_H
#define XDPTAP_EXTCAP_SINK_SINK_H

#include <errno.h>
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "extcap/config/options.h"
#include "extcap/sink/output.h"
#include "pcapng/writer.h"

struct sink;

/* What the owner of the frames knows and a sink needs. */
struct sink_owner {
	/* Adds the statistics of every interface, as a file ends. 0 or -errno. */
	int (*add_stats)(void *user, struct pcapng_writer *w);
	/*
	 * The next file has begun, perhaps while a packet is added. That one goes into the new file as it
	 * is when this returns, after what this adds. NULL: nobody cares.
	 */
	void (*begun)(void *user);
	void *user;
};

/* What waits in memory for the disk, in bytes. */
struct sink_queue {
	uint64_t size; /* 0: there is no queue */
	uint64_t now, peak;
};

struct sink_ops {
	int (*add_interface)(struct sink *s, const struct pcapng_interface *interface);
	int (*add_packet)(struct sink *s, const struct pcapng_packet *packet);
	/* NULL: add_packet() for each. */
	ssize_t (*add_packets)(struct sink *s, const struct pcapng_packet *packets, size_t n);
	int (*add_secrets)(struct sink *s, const struct pcapng_secrets *secrets); /* NULL: pcap */
	int (*flush)(struct sink *s);
	int (*push)(struct sink *s); /* NULL: as flush */
	int (*end)(struct sink *s);
	void (*give_up)(struct sink *s); /* like queue, NULL if nothing waits for a disk */
	struct sink_queue (*queue)(const struct sink *s);
	void (*salvage)(struct sink *s);
	uint64_t (*committed)(const struct sink *s, uint32_t interface);
	uint64_t (*synced)(const struct sink *s); /* NULL: it never syncs */
	uint64_t (*bytes)(const struct sink *s);
	const char *(*error)(const struct sink *s);
	void (*free)(struct sink *s);
};

struct sink {
	const struct sink_ops *ops;
	struct sink_owner owner;
};

/*
 * pcapng or pcap, as configured, to an output, which is borrowed. One that is not open becomes the
 * file config->output, emptied if it exists.
 */
struct sink *sink_output_new(const struct config *config, const struct pcapng_section *section,
			     struct output *output, GError **error);
/* The two of them. */
struct sink *sink_pcapng_new(struct output *output, const struct pcapng_section *section,
			     GError **error);
struct sink *sink_pcap_new(struct output *output, uint32_t snaplen);

static inline int sink_add_interface(struct sink *s, const struct pcapng_interface *interface)
{
	return s->ops->add_interface(s, interface);
}

static inline int sink_add_packet(struct sink *s, const struct pcapng_packet *packet)
{
	return s->ops->add_packet(s, packet);
}

/* Adds some of `n` packets, at least the first: how many; or -errno: the first was refused. */
static inline ssize_t sink_add_packets(struct sink *s, const struct pcapng_packet *packets,
				       size_t n)
{
	size_t done = 0;
	int r = 0;

	if (s->ops->add_packets)
		return s->ops->add_packets(s, packets, n);
	while (done < n && (r = s->ops->add_packet(s, packets + done)) == 0)
		done++;
	return done ? (ssize_t)done : r;
}

/* Only a pcapng sink has room for them: -ENOTSUP. */
static inline int sink_add_secrets(struct sink *s, const struct pcapng_secrets *secrets)
{
	return s->ops->add_secrets ? s->ops->add_secrets(s, secrets) : -ENOTSUP;
}

/* Hands over what is pending. -EAGAIN: the reader of a pipe is slow, the rest waits. */
static inline int sink_flush(struct sink *s)
{
	return s->ops->flush(s);
}

/* Likewise, and a file gets it at once. */
static inline int sink_push(struct sink *s)
{
	return s->ops->push ? s->ops->push(s) : s->ops->flush(s);
}

/* There is no room now; a later call finds some. */
static inline bool sink_is_busy(int r)
{
	return r == -EAGAIN || r == -ENOBUFS;
}

/*
 * Adds the statistics and hands over all that is pending. Call it again after -EAGAIN (the reader of a
 * pipe is slow, or the disk is full) and -ENOBUFS (the disk is slow).
 */
static inline int sink_end(struct sink *s)
{
	return s->ops->end(s);
}

/* How close that queue was to being full; NULL: there is none. Owned by the caller. */
char *sink_queue_text(const struct sink *s);

static inline struct sink_queue sink_queue(const struct sink *s)
{
	return s->ops->queue ? s->ops->queue(s) : (struct sink_queue){ 0 };
}

/* What still waits for the disk will not be written; sink_salvage() must follow. */
static inline void sink_give_up(struct sink *s)
{
	if (s->ops->give_up)
		s->ops->give_up(s);
}

/* After a failure: cuts a file back to its last complete packet. Only committed and free may follow. */
static inline void sink_salvage(struct sink *s)
{
	s->ops->salvage(s);
}

/*
 * Packets of this interface that are completely in the output, since the capture began: exact after
 * sink_end() or sink_salvage(), before that possibly less.
 */
static inline uint64_t sink_committed(const struct sink *s, uint32_t interface)
{
	return s->ops->committed(s, interface);
}

/* Packets of all interfaces that a sync has brought to the disk. */
static inline uint64_t sink_synced(const struct sink *s)
{
	return s->ops->synced ? s->ops->synced(s) : 0;
}

/* Size of the file being written, pending data included, before compression. */
static inline uint64_t sink_bytes(const struct sink *s)
{
	return s->ops->bytes(s);
}

/* The last failure in words; never NULL, belongs to the sink. */
static inline const char *sink_error(const struct sink *s)
{
	return s->ops->error(s);
}

static inline void sink_free(struct sink *s)
{
	if (s)
		s->ops->free(s);
}

#endif
