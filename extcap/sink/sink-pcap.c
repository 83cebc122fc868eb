/* SPDX-License-Identifier: MIT */
/*
 * The classic format, with nanoseconds: magic a1b23c4d, version 2.4, and 16 bytes before each packet.
 * [draft-ietf-opsawg-pcap §4, §5]
 */
#include <errno.h>
#include <string.h>

#include "extcap/sink/sink.h"

#define MAGIC	    0xa1b23c4d
#define BUFFER_SIZE 4194304
#define NS_PER_S    1000000000

struct file_header {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t reserved[2];
	uint32_t snaplen;
	uint32_t linktype;
};

struct record_header {
	uint32_t seconds, nanoseconds;
	uint32_t caplen, len;
};

struct sink_pcap {
	struct sink sink;
	struct output *output;
	uint64_t whole_bytes; /* that the output had taken when all was whole */
	size_t used, sent;    /* bytes of the buffer that are filled, and of these given away */
	uint32_t snaplen;
	bool has_header;
	uint8_t buffer[BUFFER_SIZE];
};

static struct sink_pcap *self(struct sink *s)
{
	return (struct sink_pcap *)s;
}

static void append(struct sink_pcap *p, const void *data, size_t len)
{
	memcpy(p->buffer + p->used, data, len);
	p->used += len;
}

/* All interfaces that are captured on are Ethernet: there is one header for all. */
static int add_interface(struct sink *s, const struct pcapng_interface *interface)
{
	struct sink_pcap *p = self(s);
	const struct file_header header = {
		.magic = MAGIC,
		.major = 2,
		.minor = 4,
		.snaplen = p->snaplen,
		.linktype = interface->linktype,
	};

	if (!p->has_header)
		append(p, &header, sizeof(header));
	p->has_header = true;
	return 0;
}

static int send_some(struct sink_pcap *p)
{
	struct iovec piece = { p->buffer + p->sent, p->used - p->sent };
	ssize_t r = 0;

	while (piece.iov_len && r >= 0) {
		r = output_write(p->output, &piece, 1);
		if (r < 0)
			break;
		p->sent += (size_t)r;
		piece = (struct iovec){ p->buffer + p->sent, p->used - p->sent };
	}
	if (!piece.iov_len)
		p->used = p->sent = 0;
	return r < 0 ? (int)r : 0;
}

/* What a slow reader left lying moves to the front, but not for each packet. */
static int make_room(struct sink_pcap *p)
{
	int r = send_some(p);

	if (p->sent >= BUFFER_SIZE / 2) {
		p->used -= p->sent;
		memmove(p->buffer, p->buffer + p->sent, p->used);
		p->sent = 0;
	}
	return r;
}

static int add_packet(struct sink *s, const struct pcapng_packet *packet)
{
	struct sink_pcap *p = self(s);
	const struct record_header header = {
		.seconds = (uint32_t)(packet->ts / NS_PER_S),
		.nanoseconds = (uint32_t)(packet->ts % NS_PER_S),
		.caplen = packet->caplen,
		.len = packet->len,
	};
	size_t size = sizeof(header) + packet->caplen;
	int r = 0;

	if (size > BUFFER_SIZE - p->used)
		r = make_room(p);
	if (r < 0 && r != -EAGAIN)
		return r;
	if (size > BUFFER_SIZE - p->used)
		return -EAGAIN;
	append(p, &header, sizeof(header));
	append(p, packet->data, packet->caplen);
	return 0;
}

static int flush(struct sink *s)
{
	struct sink_pcap *p = self(s);
	int r = send_some(p);

	if (r == 0) {
		p->whole_bytes = p->output->taken;
		s->owner.on_whole(s->owner.user);
	}
	return r;
}

/* Whose packets are in the last, torn batch cannot be told from it: it goes as a whole. */
static void salvage(struct sink *s)
{
	output_cut(self(s)->output, self(s)->whole_bytes);
}

static uint64_t bytes(const struct sink *s)
{
	const struct sink_pcap *p = (const struct sink_pcap *)s;

	return p->output->taken + p->used - p->sent;
}

static const char *error_text(const struct sink *s)
{
	return "writing";
}

static void free_sink(struct sink *s)
{
	g_free(s);
}

struct sink *sink_pcap_new(struct output *output, uint32_t snaplen)
{
	static const struct sink_ops ops = {
		.add_interface = add_interface,
		.add_packet = add_packet,
		.flush = flush,
		.end = flush,
		.salvage = salvage,
		.bytes = bytes,
		.error = error_text,
		.free = free_sink,
	};
	struct sink_pcap *p = g_new0(struct sink_pcap, 1);

	p->sink.ops = &ops;
	p->output = output;
	p->snaplen = snaplen;
	return &p->sink;
}
