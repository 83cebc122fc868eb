/* SPDX-License-Identifier: MIT */
/* Fills in the writer's structs: what a file of ours says is decided here. */
#include <errno.h>
#include <net/if_arp.h>
#include <string.h>

#include "extcap/drops/texts.h"
#include "extcap/system/error.h"
#include "extcap/capture/filter.h"
#include "extcap/capture/ifaces/statistics.h"
#include "extcap/capture/stream.h"

#define NO_ADDRESS UINT64_MAX
#define BROADCAST  UINT64_C(0xffffffffffff)
/* What only add_rare() writes. */
#define TAP_RARE (TAP_ID | TAP_VERDICT | TAP_HOST_TIME | TAP_DROPPED)

static struct stream_iface *iface(const struct stream *s, guint number)
{
	return &g_array_index(s->ifaces, struct stream_iface, number);
}

static void iface_clear(void *p)
{
	struct stream_iface *i = p;

	g_free(i->name);
	g_free(i->device);
}

/* By the clock of the frames' time stamps, which does not go back within a file. */
static uint64_t now_ns(const struct stream *s)
{
	return MAX(tap_now_ns(s->tap), s->last_ns);
}

/* Sums up the slots of an interface. */
static struct tap_stats read_kernel(const struct stream *s, guint number)
{
	struct tap_stats sum = { 0 };

	for (guint slot = 0; slot < s->slots->len; slot++) {
		struct tap_stats one = { 0 };

		if (g_array_index(s->slots, guint, slot) != number)
			continue;
		(void)tap_read_stats(s->tap, slot, &one);
		sum.seen += one.seen;
		sum.accepted += one.accepted;
		sum.lost_full += one.lost_full;
		sum.lost_copy += one.lost_copy + one.lost_long + one.lost_missed;
		sum.lost_invalid += one.lost_invalid;
	}
	return sum;
}

static uint64_t subtract(uint64_t from, uint64_t n)
{
	return from > n ? from - n : 0;
}

/*
 * What the kernel has counted and we have not read yet may get into another file, or, after the end of
 * the capture, into none. Each counter is read at its own moment, so on a running capture a difference
 * can be off by the frames in between, but it never wraps.
 */
struct count stream_count(const struct stream *s, guint number)
{
	const struct stream_iface *i = iface(s, number);
	struct tap_stats kernel = read_kernel(s, number);
	struct count c = {
		.name = i->name,
		.written = i->written,
		.lost_ring = kernel.lost_full,
		.lost_copy = kernel.lost_copy,
		.lost_invalid = kernel.lost_invalid,
		.lost_queue = i->lost_queue,
		.lost_backlog = i->lost_backlog,
	};
	uint64_t pending;

	c.accepted = c.written + count_lost(&c);
	pending = subtract(kernel.accepted, c.accepted + i->left_out);
	c.seen = MAX(subtract(kernel.seen, pending + i->left_out), c.accepted);
	return c;
}

static int add_stats(void *user, struct pcapng_writer *w)
{
	struct stream *s = user;
	int r = 0;

	(void)now_ns(s); /* looks at the clock */
	step_look(&s->step, tap_ahead_ns(s->tap));
	for (guint i = 0; i < s->ifaces->len && r == 0; i++)
		r = statistics_add(s, i, now_ns(s), w);
	return r;
}

/* In a new file time may go back, also that of the packets that are being added. */
static void begun(void *user)
{
	struct stream *s = user;
	uint64_t back = tap_follow_clock(s->tap);

	step_follow(&s->step, back);
	s->last_ns = subtract(s->last_ns, back);
	for (size_t n = 0; n < s->n_packets; n++)
		s->packets[n].ts = subtract(s->packets[n].ts, back);
	s->started_ns = subtract(s->started_ns, back);
	secrets_repeat(s->secrets, s->sink, back);
	owners_forget(s->owners);
}

void stream_init(struct stream *s, struct sink *sink, struct tap *tap)
{
	*s = (struct stream){ .sink = sink,
			      .tap = tap,
			      .verdict.kind = PCAPNG_VERDICT_EBPF_XDP,
			      .secrets = s->secrets,
			      .owners = s->owners };
	s->started_ns = tap_now_ns(tap);
	for (size_t n = 0; n < STREAM_PACKETS; n++) {
		s->hashes[n] = (struct pcapng_hash){ PCAPNG_HASH_TOEPLITZ, &s->hash_bytes[n],
						     sizeof(s->hash_bytes[n]) };
		s->packets[n].hashes = &s->hashes[n];
		s->packets[n].verdicts = &s->verdict;
	}
	s->ifaces = g_array_new(false, true, sizeof(struct stream_iface));
	g_array_set_clear_func(s->ifaces, iface_clear);
	s->slots = g_array_new(false, true, sizeof(guint));
	s->drop_texts = texts_new();
	sink->owner = (struct sink_owner){ add_stats, begun, s };
}

void stream_done(struct stream *s)
{
	sink_free(s->sink);
	secrets_free(s->secrets);
	owners_free(s->owners);
	g_clear_pointer(&s->ifaces, g_array_unref);
	g_clear_pointer(&s->slots, g_array_unref);
	g_clear_pointer(&s->drop_texts, g_hash_table_unref);
	*s = (struct stream){ 0 };
}

void stream_add_slots(struct stream *s, guint number, unsigned int n)
{
	while (n--)
		g_array_append_val(s->slots, number);
}

int stream_find_iface(const struct stream *s, unsigned int ifindex, const char *name)
{
	/* the latest: another may have been deleted */
	for (guint i = s->ifaces->len; i-- > 0;) {
		const struct stream_iface *one = iface(s, i);

		if (one->ifindex == ifindex && g_str_equal(one->name, name ? name : one->device))
			return (int)i;
	}
	return -1;
}

/* A MAC address as a number, for comparison only: the order of its bytes is the host's. */
static uint64_t address_of(const uint8_t *mac)
{
	uint32_t first;
	uint16_t last;

	memcpy(&first, mac, sizeof(first));
	memcpy(&last, mac + sizeof(first), sizeof(last));
	return (uint64_t)first << 16 | last;
}

bool stream_add(struct stream *s, const struct stream_description *d, GError **error)
{
	/* The kernel accepts any bytes in a name or an alias; the format requires UTF-8. */
	struct stream_iface new = {
		.name = g_utf8_make_valid(d->name ? d->name : d->iface->name, -1),
		.device = g_utf8_make_valid(d->iface->name, -1),
		.ifindex = d->iface->index,
		.linktype = (uint16_t)(d->linktype ? d->linktype : link_linktype(d->iface)),
	};
	g_autofree char *filter = filter_text(d->filter);
	g_autofree char *alias = d->iface->alias ? g_utf8_make_valid(d->iface->alias, -1) : NULL;
	const struct pcapng_interface interface = {
		.linktype = new.linktype,
		.snaplen = d->snaplen,
		.name = new.name,
		.description = alias,
		.mac = d->iface->has_mac ? d->iface->mac : NULL,
		.speed_bps = d->speed_bps,
		.filter = filter,
		.hardware = d->driver,
		.os = d->os,
		.options = { .comments = &d->comment, .n_comments = 1 },
	};
	int r = sink_add_interface(s->sink, &interface);

	new.address = d->iface->has_mac ? address_of(d->iface->mac) : NO_ADDRESS;
	new.is_loopback = d->iface->type == ARPHRD_LOOPBACK;
	new.is_software = d->iface->kind != NULL;
	stream_add_slots(s, s->ifaces->len, d->n_slots);
	g_array_append_val(s->ifaces, new);
	return r == 0 || fail(error, "cannot describe interface \"%s\" in the file: %s", new.name,
			      sink_error(s->sink));
}

/* How a frame was addressed: for a received one, whether it was for us. */
static inline uint32_t reception(const struct stream_iface *i, const struct tap_frame *f,
				 uint32_t direction)
{
	uint64_t address;

	if (f->caplen < 6 || i->linktype != LINK_LINKTYPE_ETHERNET)
		return 0;
	address = address_of(f->data);
	if (f->data[0] & 1)
		return address == BROADCAST ? PCAPNG_FLAG_BROADCAST : PCAPNG_FLAG_MULTICAST;
	if (address == i->address || direction == PCAPNG_FLAG_OUTBOUND)
		return PCAPNG_FLAG_UNICAST;
	return i->address == NO_ADDRESS || !direction ? 0 : PCAPNG_FLAG_PROMISCUOUS;
}

/* A dropped one may be on its way in or out, and sometimes nothing tells which. */
static inline uint32_t direction_of(const struct tap_frame *f)
{
	if (f->mask & TAP_DROPPED)
		return f->direction;
	return f->point->is_egress ? PCAPNG_FLAG_OUTBOUND : PCAPNG_FLAG_INBOUND;
}

static inline uint32_t flags(const struct stream_iface *i, const struct tap_frame *f)
{
	uint32_t direction = direction_of(f), value = direction | reception(i, f, direction);

	if (!(f->mask & (TAP_SEGMENTS | TAP_PARTIAL)))
		return value;
	if (f->mask & TAP_SEGMENTS)
		value |= PCAPNG_FLAG_SEGMENTED;
	/* Segmentation offload always fills in the checksums later. */
	if ((f->mask & TAP_PARTIAL) || direction == PCAPNG_FLAG_OUTBOUND)
		value |= PCAPNG_FLAG_CSUM_NOT_READY;
	return value;
}

static void lose(struct stream_iface *i, int r)
{
	if (r == -ENOBUFS)
		i->lost_queue++;
	else
		i->lost_backlog++;
	i->gap++;
}

static void note_unstamped(struct stream_iface *i)
{
	if (i->unstamped++ == 0)
		g_warning("%s: the NIC gave no time stamp for a frame; such frames get the host's",
			  i->name);
}

/* The first frame after a change says so. NULL: nothing to say. */
static const char *comment_of(const struct stream *s, const struct stream_iface *i,
			      const struct tap_frame *f)
{
	if (!s->changes || !changes_is_later(f->generation, i->generation))
		return NULL;
	return changes_find(s->changes, f->generation);
}

static guint iface_of(const struct stream *s, const struct tap_frame *f)
{
	return g_array_index(s->slots, guint, f->slot);
}

/* The structs are reused, as zeroing costs as much as the rest; what only add_rare() sets is empty. */
static inline __attribute__((always_inline)) void fill(struct stream *s, size_t n,
						       const struct tap_frame *f)
{
	struct pcapng_packet *packet = &s->packets[n];

	packet->interface = iface_of(s, f);
	packet->len = f->len;
	packet->ts = f->ts_ns;
	packet->data = f->data;
	packet->caplen = f->caplen;
	packet->mask = PCAPNG_PACKET_FLAGS | (f->mask & TAP_QUEUE ? PCAPNG_PACKET_QUEUE : 0);
	packet->flags = flags(iface(s, packet->interface), f);
	packet->queue = f->queue;
	packet->n_hashes = f->mask & TAP_HASH;
	s->hash_bytes[n] = GUINT32_TO_BE(f->hash);
}

/* The packets of as many frames as there is nothing special to say about. Returns how many. */
static size_t fill_common(struct stream *s, const struct tap_frame *frames, size_t n)
{
	size_t i;

	for (i = 0; i < MIN(n, STREAM_PACKETS); i++) {
		const struct tap_frame *f = &frames[i];
		const struct stream_iface *of = iface(s, iface_of(s, f));

		if (f->lost || of->gap || f->generation != of->generation || (f->mask & TAP_RARE))
			break;
		fill(s, i, f);
		if (s->owners && !owners_add(s->owners, of->linktype, f, &s->packets[i]))
			break;
	}
	return s->n_packets = i;
}

static void add_comment(const char *comments[], size_t *n, const char *text)
{
	if (text)
		comments[(*n)++] = text;
}

/* A frame that there is more to say about: a loss before it, a change of the filter, a traced run. */
static int add_rare(struct stream *s, struct stream_iface *i, const struct tap_frame *f)
{
	struct pcapng_packet *packet = &s->packets[0];
	const char *comments[3];
	int r;

	fill(s, 0, f);
	packet->mask |= (i->gap ? PCAPNG_PACKET_DROPCOUNT : 0) |
			(f->mask & TAP_ID ? PCAPNG_PACKET_PACKETID : 0);
	packet->dropcount = i->gap;
	packet->packetid = f->id;
	packet->options.comments = comments;
	if (f->mask & TAP_DROPPED)
		add_comment(comments, &packet->options.n_comments, texts_find(s->drop_texts, f));
	add_comment(comments, &packet->options.n_comments, comment_of(s, i, f));
	packet->n_verdicts = (f->mask & TAP_VERDICT) != 0;
	s->verdict.value = f->verdict;
	s->n_packets = 1;
	owners_tell(s->owners, s->tap, i->linktype, f, packet, comments);
	r = sink_add_packet(s->sink, packet);
	owners_told(s->owners, r);
	packet->options.n_comments = packet->n_verdicts = 0;
	if (r < 0)
		return r;
	i->gap = 0;
	if (changes_is_later(f->generation, i->generation))
		i->generation = f->generation;
	if (f->mask & TAP_HOST_TIME)
		note_unstamped(i);
	return 0;
}

/* What became of a frame that the sink did not accept. */
static int note_refused(struct stream *s, struct stream_iface *i, int r)
{
	if (r == -ESHUTDOWN)
		i->left_out++;
	else
		lose(i, r);
	s->is_blocked |= r == -EAGAIN;
	return sink_is_busy(r) ? 0 : r;
}

static void note_written(struct stream *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		iface(s, s->packets[i].interface)->written++;
	s->written += n;
	s->last_ns = s->packets[n - 1].ts;
}

/* A frame that no others go with: 1, or -errno as stream_write(). */
static __attribute__((noinline)) int write_one(struct stream *s, const struct tap_frame *f)
{
	struct stream_iface *i = iface(s, iface_of(s, f));
	int r;

	i->gap += f->lost;
	r = s->is_blocked ? -EAGAIN : add_rare(s, i, f);
	if (r < 0)
		r = note_refused(s, i, r);
	else
		note_written(s, 1);
	return r < 0 ? r : 1;
}

/* How many of fill_common() were written. A file that begins with the first one tells its process again. */
static ssize_t write_common(struct stream *s, const struct tap_frame *frames, size_t n)
{
	const char *comment;
	ssize_t r;

	owners_tell(s->owners, s->tap, iface(s, s->packets->interface)->linktype, frames,
		    s->packets, &comment);
	r = sink_add_packets(s->sink, s->packets, n);
	owners_told(s->owners, r > 0 ? 0 : -1);
	if (r > 0)
		note_written(s, (size_t)r);
	return r;
}

ssize_t stream_write(struct stream *s, const struct tap_frame *frames, size_t n)
{
	size_t some;
	ssize_t r;

	secrets_before(s->secrets, s->sink, s->tap, frames + n - 1);
	some = s->is_blocked ? 0 : fill_common(s, frames, n);
	r = some ? write_common(s, frames, some) : 0;
	return r > 0 ? r : write_one(s, frames);
}

size_t stream_hold(struct stream *s, const struct tap_frame *frames, size_t n)
{
	size_t free = 0;

	if (!s->secrets)
		return n;
	for (size_t i = 0; i < n; i++)
		if (!secrets_hold(s->secrets, s->sink, s->tap,
				  iface(s, iface_of(s, frames + i))->linktype, frames + i))
			free++;
	return free;
}

void stream_lose(struct stream *s, const struct tap_frame *f)
{
	lose(iface(s, iface_of(s, f)), -EIO);
}

void stream_leave_out(struct stream *s, const struct tap_frame *f)
{
	iface(s, iface_of(s, f))->left_out++;
}

int stream_flush(struct stream *s)
{
	s->is_blocked = false;
	step_look(&s->step, tap_ahead_ns(s->tap));
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
	for (guint n = 0; n < s->ifaces->len; n++) {
		struct stream_iface *i = iface(s, n);
		uint64_t offered = i->written + i->lost_backlog;
		uint64_t committed = MIN(sink_committed(s->sink, n), offered);

		s->given_up += i->written - MIN(committed, i->written);
		i->lost_backlog = offered - committed;
		i->written = committed;
		s->written += committed;
	}
}

const struct stream_iface *stream_slot_iface(const struct stream *s, guint slot)
{
	return iface(s, g_array_index(s->slots, guint, slot));
}
