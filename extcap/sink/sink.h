/* SPDX-License-Identifier: MIT */
/*
 * What a stream writes to: pcapng on an output, pcapng in files, or pcap on an output. All of them take
 * interfaces and packets as pcapng/writer.h describes them; return values are the writer's: 0, -EAGAIN
 * (no room until sink_flush()), or -errno.
 */
#ifndef XDPTAP_EXTCAP_SINK_SINK_H
#define XDPTAP_EXTCAP_SINK_SINK_H

#include <glib.h>
#include <stdint.h>

#include "extcap/config/options.h"
#include "extcap/sink/output.h"
#include "pcapng/writer.h"

struct sink;

/* What the owner of the frames knows and a sink needs. */
struct sink_owner {
	/* Adds the statistics of every interface, as a file ends. 0 or -errno. */
	int (*add_stats)(void *user, struct pcapng_writer *w);
	/* All packets so far are where they should be, whatever happens now. */
	void (*on_whole)(void *user);
	/* In sink_salvage(): a packet of this interface is there after all. */
	void (*on_saved)(void *user, uint32_t interface);
	void *user;
};

struct sink_ops {
	int (*add_interface)(struct sink *s, const struct pcapng_interface *interface);
	int (*add_packet)(struct sink *s, const struct pcapng_packet *packet);
	int (*flush)(struct sink *s);
	int (*end)(struct sink *s);
	void (*salvage)(struct sink *s);
	uint64_t (*bytes)(const struct sink *s);
	const char *(*error)(const struct sink *s);
	void (*free)(struct sink *s);
};

struct sink {
	const struct sink_ops *ops;
	struct sink_owner owner;
};

/* pcapng or pcap, as configured, on an output, which is borrowed. */
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

/* Hands over what there is. -EAGAIN: the reader of a pipe is slow, the rest waits. */
static inline int sink_flush(struct sink *s)
{
	return s->ops->flush(s);
}

/* Statistics, and all that is left: after that it is complete. To be called again after -EAGAIN. */
static inline int sink_end(struct sink *s)
{
	return s->ops->end(s);
}

/* After a failure: makes whole what is there, and tells what became of packets since on_whole(). */
static inline void sink_salvage(struct sink *s)
{
	s->ops->salvage(s);
}

/* Size of the file being written, with what waits to be, before compression. */
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

/*
 * Goes over the blocks of a file from an offset on, and tells the owner of each whole packet. The
 * offset behind the last whole block.
 */
uint64_t sink_scan(struct sink *s, int fd, uint64_t from);

#endif
