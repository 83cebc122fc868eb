/* SPDX-License-Identifier: MIT */
/* Fills in the writer's structs; all knowledge of what a file of ours says is here. */
#include <errno.h>
#include <net/if_arp.h>
#include <string.h>
#include <time.h>

#include "extcap/error.h"
#include "extcap/host.h"
#include "extcap/stream.h"

#define BACKLOG_SIZE 4194304 /* what a slow reader may leave lying before frames are dropped */
#define FILE_BUFFER  1048576 /* one write(2) of this size costs the least for each frame */

static struct stream_port *port(struct stream *s, guint number)
{
	return &g_array_index(s->ports, struct stream_port, number);
}

static void port_clear(void *p)
{
	g_free(((struct stream_port *)p)->name);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

bool stream_init(struct stream *s, struct output *output, GError **error)
{
	g_autofree char *hardware = host_hardware(), *os = host_os();
	const struct pcapng_section section = {
		.hardware = hardware,
		.os = os,
		.userappl = "xdptap " XDPTAP_VERSION,
	};
	const struct pcapng_writer_config config = {
		.profile = output->is_pipe ? PCAPNG_PROFILE_LIVE_PIPE : PCAPNG_PROFILE_STRICT,
		.buffer_size = output->is_pipe ? BACKLOG_SIZE : FILE_BUFFER,
	};
	int r;

	*s = (struct stream){ .output = output, .started_ns = now_ns() };
	s->hash = (struct pcapng_hash){ PCAPNG_HASH_TOEPLITZ, &s->hash_bytes,
					sizeof(s->hash_bytes) };
	s->packet.hashes = &s->hash;
	s->ports = g_array_new(false, true, sizeof(struct stream_port));
	g_array_set_clear_func(s->ports, port_clear);
	s->slots = g_array_new(false, true, sizeof(guint));
	r = pcapng_writer_new(&section, &config, output_write, output, &s->writer);
	return r == 0 || fail_errno(error, -r, "cannot begin the capture file");
}

void stream_done(struct stream *s)
{
	pcapng_writer_free(s->writer);
	g_clear_pointer(&s->ports, g_array_unref);
	g_clear_pointer(&s->slots, g_array_unref);
	*s = (struct stream){ 0 };
}

void stream_add_slots(struct stream *s, guint port, unsigned int n)
{
	while (n--)
		g_array_append_val(s->slots, port);
}

bool stream_add(struct stream *s, const struct stream_interface *i, GError **error)
{
	/* The kernel takes any bytes for a name or an alias; the format takes UTF-8 only. */
	struct stream_port new = { .name = g_utf8_make_valid(i->iface->name, -1) };
	g_autofree char *alias = i->iface->alias ? g_utf8_make_valid(i->iface->alias, -1) : NULL;
	g_autofree char *driver = iface_driver(i->iface), *os = host_os();
	const struct pcapng_interface interface = {
		.linktype = (uint16_t)iface_linktype(i->iface),
		.snaplen = i->snaplen,
		.name = new.name,
		.description = alias,
		.mac = i->iface->has_mac ? i->iface->mac : NULL,
		.speed_bps = iface_speed_bps(i->iface),
		.filter = i->filter,
		.hardware = driver,
		.os = os,
		.options = { .comments = &i->comment, .n_comments = 1 },
	};
	int r = pcapng_writer_add_interface(s->writer, &interface, NULL);

	new.has_mac = i->iface->has_mac;
	memcpy(new.mac, i->iface->mac, sizeof(new.mac));
	new.is_loopback = i->iface->type == ARPHRD_LOOPBACK;
	stream_add_slots(s, s->ports->len, i->n_slots);
	g_array_append_val(s->ports, new);
	return r == 0 || fail(error, "cannot describe interface \"%s\" in the file: %s", new.name,
			      pcapng_writer_error(s->writer)->text);
}

/* How a frame was addressed: for a received one, whether it was for us. */
static uint32_t reception(const struct stream_port *p, const struct tap_frame *f)
{
	static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

	if (f->caplen < 6)
		return 0;
	if (memcmp(f->data, broadcast, 6) == 0)
		return PCAPNG_FLAG_BROADCAST;
	if (f->data[0] & 1)
		return PCAPNG_FLAG_MULTICAST;
	if (f->point->is_egress)
		return PCAPNG_FLAG_UNICAST;
	if (!p->has_mac)
		return 0;
	return memcmp(f->data, p->mac, 6) == 0 ? PCAPNG_FLAG_UNICAST : PCAPNG_FLAG_PROMISCUOUS;
}

static uint32_t flags(const struct stream_port *p, const struct tap_frame *f)
{
	uint32_t direction = f->point->is_egress ? PCAPNG_FLAG_OUTBOUND : PCAPNG_FLAG_INBOUND;
	/* What is still to be cut up has its checksums filled in then. */
	uint32_t offload = f->is_segments ? PCAPNG_FLAG_SEGMENTED : 0;

	if (f->is_segments && f->point->is_egress)
		offload |= PCAPNG_FLAG_CSUM_NOT_READY;
	return direction | reception(p, f) | offload;
}

/* The backlog has no room: the reader is too slow for this frame. */
static int drop(struct stream_port *p)
{
	p->lost_backlog++;
	p->gap++;
	return 0;
}

/* The first frame under a change says so. */
static const char *note(const struct stream *s, const struct stream_port *p,
			const struct tap_frame *f)
{
	if (f->mark == p->mark || !s->notes || !notes_is_later(f->mark, p->mark))
		return NULL;
	return notes_find(s->notes, f->mark);
}

/* In a packet that stays: to zero a new one would cost as much as all the rest here. */
static int put(struct stream *s, guint number, const struct tap_frame *f)
{
	struct stream_port *p = port(s, number);
	struct pcapng_packet *packet = &s->packet;
	const char *comment = note(s, p, f);

	packet->interface = number;
	packet->ts = f->ts_ns;
	packet->len = f->len;
	packet->data = f->data;
	packet->caplen = f->caplen;
	packet->set = PCAPNG_PACKET_FLAGS | (f->has_queue ? PCAPNG_PACKET_QUEUE : 0) |
		      (p->gap ? PCAPNG_PACKET_DROPCOUNT : 0);
	packet->flags = flags(p, f);
	packet->queue = f->queue;
	packet->dropcount = p->gap;
	packet->n_hashes = f->has_hash;
	s->hash_bytes = GUINT32_TO_BE(f->hash);
	packet->options.comments = &comment;
	packet->options.n_comments = comment != NULL;
	return pcapng_writer_add_packet(s->writer, packet);
}

int stream_write(struct stream *s, const struct tap_frame *f)
{
	guint number = g_array_index(s->slots, guint, f->slot);
	struct stream_port *p = port(s, number);
	int r;

	p->gap += f->lost;
	if (s->is_blocked)
		return drop(p);
	r = put(s, number, f);
	if (r == -EAGAIN) {
		s->is_blocked = true;
		return drop(p);
	}
	if (r == 0) {
		p->gap = 0;
		if (notes_is_later(f->mark, p->mark))
			p->mark = f->mark;
		p->written++;
		s->written++;
	}
	return r;
}

int stream_flush(struct stream *s)
{
	int r;

	s->is_blocked = false;
	r = pcapng_writer_flush(s->writer);
	if (r == 0) {
		s->whole_bytes = s->output->taken;
		for (guint i = 0; i < s->ports->len; i++)
			port(s, i)->whole = port(s, i)->written;
	}
	return r;
}

/*
 * Goes over the blocks behind the last moment at which all was whole, a batch at the most, up to the
 * torn one; their packets did reach the file.
 */
static void find_torn(struct stream *s)
{
	uint64_t size = s->output->taken - s->whole_bytes;
	g_autofree uint8_t *tail = g_malloc(size);
	size_t n = output_read(s->output, s->whole_bytes, tail, size), at = 0;
	uint32_t head[3];

	while (n - at >= sizeof(head)) {
		memcpy(head, tail + at, sizeof(head));
		if (head[1] < sizeof(head) || head[1] > n - at)
			break;
		if (head[0] == PCAPNG_BLOCK_EPB && head[2] < s->ports->len)
			port(s, head[2])->whole++;
		at += head[1];
	}
	s->whole_bytes += at;
}

void stream_cut(struct stream *s)
{
	find_torn(s);
	output_cut(s->output, s->whole_bytes);
	for (guint i = 0; i < s->ports->len; i++) {
		struct stream_port *p = port(s, i);

		p->lost_backlog += p->written - p->whole;
		p->written = p->whole;
	}
}

bool stream_has(const struct stream *s, const char *name)
{
	for (guint i = 0; i < s->ports->len; i++)
		if (g_str_equal(g_array_index(s->ports, struct stream_port, i).name, name))
			return true;
	return false;
}

const char *stream_slot_name(const struct stream *s, guint slot)
{
	guint number = g_array_index(s->slots, guint, slot);

	return g_array_index(s->ports, struct stream_port, number).name;
}

bool stream_is_pending(const struct stream *s)
{
	return pcapng_writer_pending(s->writer) > 0;
}

int stream_write_stats(struct stream *s, guint number, const struct tap_stats *stats)
{
	g_autofree char *changes = s->notes ? notes_summary(s->notes) : NULL;
	const char *comment = changes;
	const struct pcapng_stats isb = {
		.interface = number,
		.set = PCAPNG_STATS_STARTTIME | PCAPNG_STATS_ENDTIME | PCAPNG_STATS_IFRECV |
		       PCAPNG_STATS_IFDROP | PCAPNG_STATS_FILTERACCEPT | PCAPNG_STATS_OSDROP |
		       PCAPNG_STATS_USRDELIV,
		.ts = now_ns(),
		.starttime = s->started_ns,
		.endtime = now_ns(),
		.ifrecv = stats->seen,
		.filteraccept = stats->accepted,
		.osdrop = stats->accepted - port(s, number)->written,
		.usrdeliv = port(s, number)->written,
		.options = { .comments = &comment, .n_comments = changes != NULL },
	};

	return pcapng_writer_add_stats(s->writer, &isb);
}

bool stream_explain(const struct stream *s, int err, GError **error)
{
	if (err == -EPIPE || err == -ECONNRESET)
		return true;
	if (err == -ENOSPC || err == -EDQUOT)
		return fail(error, "the disk is full: the capture was stopped, what was written "
				   "before is complete");
	return fail_errno(error, -err, "cannot write the capture");
}
