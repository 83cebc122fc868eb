/* SPDX-License-Identifier: MIT */
/* Fills in the writer's structs; all knowledge of what a file of ours says is here. */
#include <errno.h>
#include <inttypes.h>
#include <net/if_arp.h>
#include <string.h>
#include <time.h>

#include "extcap/system/error.h"
#include "extcap/system/host.h"
#include "extcap/capture/stream.h"

static struct stream_port *port(const struct stream *s, guint number)
{
	return &g_array_index(s->ports, struct stream_port, number);
}

static void port_clear(void *p)
{
	struct stream_port *port = p;

	g_free(port->name);
	g_free(port->device);
}

static uint64_t clock_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* As the times of frames it never goes back, although the machine's clock may be set. */
static uint64_t now_ns(const struct stream *s)
{
	uint64_t passed = clock_ns(CLOCK_MONOTONIC) - s->started_mono_ns;
	uint64_t now = MAX(clock_ns(CLOCK_REALTIME), s->started_ns + passed);

	return MAX(now, s->packet.ts);
}

void stream_section_init(struct stream_section *s)
{
	s->hardware = host_hardware();
	s->os = host_os();
	s->section = (struct pcapng_section){
		.hardware = s->hardware,
		.os = s->os,
		.userappl = "xdptap " XDPTAP_VERSION,
	};
}

void stream_section_done(struct stream_section *s)
{
	g_free(s->hardware);
	g_free(s->os);
}

/* The sum over the slots of a port. */
static struct tap_stats read_port(const struct stream *s, guint number)
{
	struct tap_stats sum = { 0 };

	for (guint slot = 0; slot < s->slots->len; slot++) {
		struct tap_stats one = { 0 };

		if (g_array_index(s->slots, guint, slot) != number)
			continue;
		s->read(s->user, slot, &one);
		sum.seen += one.seen;
		sum.accepted += one.accepted;
		sum.lost_full += one.lost_full;
		sum.lost_copy += one.lost_copy + one.lost_long + one.lost_missed;
	}
	return sum;
}

/*
 * What the kernel has counted and we have not come to yet is not part of it: it may get into another
 * file, or, with --count, into none.
 */
struct count stream_count(const struct stream *s, guint number)
{
	const struct stream_port *p = port(s, number);
	struct tap_stats kernel = read_port(s, number);
	struct count c = {
		.name = p->name,
		.written = p->written,
		.lost_ring = kernel.lost_full,
		.lost_copy = kernel.lost_copy,
		.lost_backlog = p->lost_backlog,
	};
	uint64_t known = c.written + c.lost_ring + c.lost_copy + c.lost_backlog;
	uint64_t behind = kernel.accepted > known ? kernel.accepted - known : 0;

	if (s->is_failed)
		c.lost_backlog += behind;
	else
		kernel.seen -= behind;
	c.accepted = c.written + c.lost_ring + c.lost_copy + c.lost_backlog;
	c.seen = MAX(kernel.seen, c.accepted);
	return c;
}

/* Those among them whose times are not what was wanted; NULL: none. */
static char *unstamped_text(const struct stream_port *p)
{
	if (!p->unstamped)
		return NULL;
	return g_strdup_printf("%" PRIu64 " frames have the system's time, as the card gave none",
			       p->unstamped);
}

static int add_port_stats(const struct stream *s, guint number, struct pcapng_writer *w)
{
	g_autofree char *changes = s->notes ? changes_summary(s->notes) : NULL;
	g_autofree char *unstamped = unstamped_text(port(s, number));
	const char *comments[] = { changes ? changes : unstamped, unstamped };
	struct count count = stream_count(s, number);
	uint64_t now = now_ns(s);
	const struct pcapng_stats isb = {
		.interface = number,
		.set = PCAPNG_STATS_STARTTIME | PCAPNG_STATS_ENDTIME | PCAPNG_STATS_IFRECV |
		       PCAPNG_STATS_IFDROP | PCAPNG_STATS_FILTERACCEPT | PCAPNG_STATS_OSDROP |
		       PCAPNG_STATS_USRDELIV,
		.ts = now,
		.starttime = s->started_ns,
		.endtime = now,
		.ifrecv = count.seen,
		.filteraccept = count.accepted,
		.osdrop = count.accepted - count.written,
		.usrdeliv = count.written,
		.options = { .comments = comments,
			     .n_comments = (changes != NULL) + (unstamped != NULL) },
	};

	return pcapng_writer_add_stats(w, &isb);
}

static int add_stats(void *user, struct pcapng_writer *w)
{
	const struct stream *s = user;
	int r = 0;

	for (guint i = 0; i < s->ports->len && r == 0; i++)
		r = add_port_stats(s, i, w);
	return r;
}

void stream_init(struct stream *s, struct sink *sink, stream_read_fn read, void *user)
{
	*s = (struct stream){ .sink = sink, .read = read, .user = user };
	s->started_ns = clock_ns(CLOCK_REALTIME);
	s->started_mono_ns = clock_ns(CLOCK_MONOTONIC);
	s->hash = (struct pcapng_hash){ PCAPNG_HASH_TOEPLITZ, &s->hash_bytes,
					sizeof(s->hash_bytes) };
	s->packet.hashes = &s->hash;
	s->verdict = (struct pcapng_verdict){ .kind = PCAPNG_VERDICT_EBPF_XDP };
	s->packet.verdicts = &s->verdict;
	s->ports = g_array_new(false, true, sizeof(struct stream_port));
	g_array_set_clear_func(s->ports, port_clear);
	s->slots = g_array_new(false, true, sizeof(guint));
	sink->owner = (struct sink_owner){ add_stats, s };
}

void stream_done(struct stream *s)
{
	sink_free(s->sink);
	g_clear_pointer(&s->ports, g_array_unref);
	g_clear_pointer(&s->slots, g_array_unref);
	*s = (struct stream){ 0 };
}

void stream_add_slots(struct stream *s, guint port, unsigned int n)
{
	while (n--)
		g_array_append_val(s->slots, port);
}

int stream_find_port(const struct stream *s, unsigned int ifindex, const char *name)
{
	for (guint i = 0; i < s->ports->len; i++) {
		const struct stream_port *p = port(s, i);

		if (p->ifindex == ifindex && g_str_equal(p->name, name ? name : p->device))
			return (int)i;
	}
	return -1;
}

bool stream_add(struct stream *s, const struct stream_interface *i, GError **error)
{
	/* The kernel takes any bytes for a name or an alias; the format takes UTF-8 only. */
	struct stream_port new = {
		.name = g_utf8_make_valid(i->name ? i->name : i->iface->name, -1),
		.device = g_utf8_make_valid(i->iface->name, -1),
		.ifindex = i->iface->index,
	};
	g_autofree char *alias = i->iface->alias ? g_utf8_make_valid(i->iface->alias, -1) : NULL;
	const struct pcapng_interface interface = {
		.linktype = (uint16_t)link_linktype(i->iface),
		.snaplen = i->snaplen,
		.name = new.name,
		.description = alias,
		.mac = i->iface->has_mac ? i->iface->mac : NULL,
		.speed_bps = i->speed_bps,
		.filter = i->filter,
		.hardware = i->driver,
		.os = i->os,
		.options = { .comments = &i->comment, .n_comments = 1 },
	};
	int r = sink_add_interface(s->sink, &interface);

	new.has_mac = i->iface->has_mac;
	memcpy(new.mac, i->iface->mac, sizeof(new.mac));
	new.is_loopback = i->iface->type == ARPHRD_LOOPBACK;
	stream_add_slots(s, s->ports->len, i->n_slots);
	g_array_append_val(s->ports, new);
	return r == 0 || fail(error, "cannot describe interface \"%s\" in the file: %s", new.name,
			      sink_error(s->sink));
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
	if (f->mark == p->mark || !s->notes || !changes_is_later(f->mark, p->mark))
		return NULL;
	return changes_find(s->notes, f->mark);
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
		      (p->gap ? PCAPNG_PACKET_DROPCOUNT : 0) |
		      (f->has_id ? PCAPNG_PACKET_PACKETID : 0);
	packet->flags = flags(p, f);
	packet->queue = f->queue;
	packet->dropcount = p->gap;
	packet->n_hashes = f->has_hash;
	s->hash_bytes = GUINT32_TO_BE(f->hash);
	packet->options.comments = &comment;
	packet->options.n_comments = comment != NULL;
	packet->packetid = f->id;
	packet->n_verdicts = f->has_verdict;
	s->verdict.value = f->verdict;
	return sink_add_packet(s->sink, packet);
}

static void note_unstamped(struct stream_port *p)
{
	if (p->unstamped++ == 0)
		g_warning("%s: the card gave no time for a frame; the system's is taken then",
			  p->name);
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
		if (changes_is_later(f->mark, p->mark))
			p->mark = f->mark;
		if (f->lacks_card_time)
			note_unstamped(p);
		p->written++;
		s->written++;
	}
	return r;
}

int stream_flush(struct stream *s)
{
	s->is_blocked = false;
	return sink_flush(s->sink);
}

int stream_end(struct stream *s)
{
	return sink_end(s->sink);
}

void stream_salvage(struct stream *s)
{
	sink_salvage(s->sink);
	s->written = 0;
	for (guint i = 0; i < s->ports->len; i++) {
		struct stream_port *p = port(s, i);
		uint64_t committed = MIN(sink_committed(s->sink, i), p->written);

		p->lost_backlog += p->written - committed;
		p->written = committed;
		s->written += committed;
	}
}

const char *stream_slot_name(const struct stream *s, guint slot)
{
	guint number = g_array_index(s->slots, guint, slot);

	return g_array_index(s->ports, struct stream_port, number).device;
}

void stream_log_counts(const struct stream *s)
{
	for (guint i = 0; i < s->ports->len; i++) {
		struct count count = stream_count(s, i);

		g_info("%s: seen %" PRIu64 ", accepted %" PRIu64 ", written %" PRIu64, count.name,
		       count.seen, count.accepted, count.written);
	}
}

bool stream_explain(const struct stream *s, int err, GError **error)
{
	if (err == -EPIPE || err == -ECONNRESET)
		return true;
	if (err == -ENOSPC || err == -EDQUOT)
		return fail(error, "the disk is full: the capture was stopped, what was written "
				   "before is complete");
	return fail_errno(error, -err,
			  "cannot write the capture (%s); what was written before is complete",
			  sink_error(s->sink));
}
