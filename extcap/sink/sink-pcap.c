/* SPDX-License-Identifier: MIT */
/*
 * The classic format with nanoseconds: magic a1b23c4d, version 2.4, and 16 bytes before each packet.
 * [draft-ietf-opsawg-pcap §4, §5]
 */
#include <errno.h>
#include <string.h>

#include "extcap/sink/ledger.h"
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
	struct ledger ledger;
	size_t used; /* bytes of the buffer that are filled */
	size_t sent; /* of these, bytes that the output has */
	uint32_t snaplen;
	bool has_header;
	uint8_t buffer[BUFFER_SIZE];
};

static struct sink_pcap *self(struct sink *s)
{
	return (struct sink_pcap *)s;
}

static uint64_t size(const struct sink_pcap *p)
{
	return p->output->written + p->used - p->sent;
}

static void append(struct sink_pcap *p, const void *data, size_t len)
{
	memcpy(p->buffer + p->used, data, len);
	p->used += len;
}

/* All captured interfaces have one linktype, so one header serves them all. */
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

	if (!p->has_header) {
		append(p, &header, sizeof(header));
		ledger_add(&p->ledger, LEDGER_NO_PACKET, size(p), 0);
	}
	p->has_header = true;
	return 0;
}

static int send_some(struct sink_pcap *p)
{
	ssize_t r = 0;

	while (p->sent < p->used && (r >= 0 || r == -EINTR)) {
		struct iovec rest = { p->buffer + p->sent, p->used - p->sent };

		r = output_write(p->output, &rest, 1);
		if (r > 0)
			p->sent += (size_t)r;
	}
	if (p->sent == p->used)
		p->used = p->sent = 0;
	return r < 0 ? (int)r : 0;
}

/* What a slow reader has left moves to the front, but not for each packet. */
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
	size_t need = sizeof(header) + packet->caplen;
	int r = 0;

	if (need > BUFFER_SIZE - p->used)
		r = make_room(p);
	if (r < 0 && r != -EAGAIN)
		return r;
	if (need > BUFFER_SIZE - p->used)
		return -EAGAIN;
	append(p, &header, sizeof(header));
	append(p, packet->data, packet->caplen);
	ledger_add(&p->ledger, packet->interface, size(p), p->output->written);
	return 0;
}

static int flush(struct sink *s)
{
	struct sink_pcap *p = self(s);
	int r = send_some(p);

	ledger_commit(&p->ledger, p->output->written);
	return r;
}

static void salvage(struct sink *s)
{
	struct sink_pcap *p = self(s);

	ledger_commit(&p->ledger, p->output->written);
	output_truncate(p->output, p->ledger.end);
}

static uint64_t committed(const struct sink *s, uint32_t interface)
{
	return ledger_count(&((const struct sink_pcap *)s)->ledger, interface);
}

static uint64_t bytes(const struct sink *s)
{
	return size((const struct sink_pcap *)s);
}

static const char *error_text(const struct sink *s)
{
	return "writing";
}

static void free_sink(struct sink *s)
{
	ledger_done(&self(s)->ledger);
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
		.committed = committed,
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
