/* SPDX-License-Identifier: MIT */
/*
 * The path of a frame, from ring to encoded block, without kernel and interface: rings in plain memory,
 * full of records, stand for those of many CPUs. Everything else is what ships: tap.c, the merge,
 * stream.c, the sink and the writer, to /dev/null.
 *
 *	path [RINGS [LENGTH [BURST [ROUNDS]]]]
 *
 * Prints nanoseconds of CPU per frame, the minimum and median of ROUNDS. BURST is how many records of one
 * ring follow each other in time before the next ring has its turn. Each round reads MEMORY bytes of
 * records, as many as several CPUs leave between two looks.
 *
 * maps.c and its maps are replaced by the functions below: the linker takes them first.
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "bpf/maps.h"
#include "bpf/point-link.h"
#include "bpf/tap.h"
#include "extcap/capture/stream.h"
#include "extcap/sink/sink-files.h"

#define MEMORY	 (4u << 20)
#define RING_MIN 65536
#define ROUNDS	 41

static struct {
	unsigned int rings, len, burst, rounds;
} settings = { 1, 64, 32, ROUNDS };

static struct fake_ring {
	uint64_t *producer;
	uint8_t *data;
	uint64_t end; /* of the records */
} * fake_rings;

static uint64_t frames; /* of a round */

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static size_t record_bytes(void)
{
	size_t room = 64;

	while (room < settings.len)
		room *= 2;
	return BPF_RINGBUF_HDR_SZ + sizeof(struct wire_frame) + room;
}

/* A power of two with room for a burst. */
static size_t ring_bytes(void)
{
	size_t size = RING_MIN;

	while (size < MEMORY / settings.rings || size < settings.burst * record_bytes())
		size *= 2;
	return size;
}

/* The pages of a ring buffer map: the consumer's, the producer's, then the data twice. */
static int make_ring(struct fake_ring *ring, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), total = 2 * page + 2 * size;
	int fd = memfd_create("ring", MFD_CLOEXEC);
	uint8_t *all;

	if (fd < 0 || ftruncate(fd, (off_t)total) < 0)
		die("memfd");
	all = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (all == MAP_FAILED)
		die("mmap");
	ring->producer = (uint64_t *)(void *)(all + page);
	ring->data = all + 2 * page;
	return fd;
}

static void put_record(struct fake_ring *ring, uint64_t ts_ns)
{
	uint8_t *at = ring->data + ring->end;
	uint32_t len = (uint32_t)record_bytes() - BPF_RINGBUF_HDR_SZ;
	struct wire_frame *w = (void *)(at + BPF_RINGBUF_HDR_SZ);

	memcpy(at, &len, sizeof(len));
	*w = (struct wire_frame){
		.ts_ns = ts_ns,
		.len = settings.len,
		.caplen = settings.len,
		.slot = 0,
		.queue = (uint16_t)(ring - fake_rings),
		.flags = WIRE_QUEUE,
	};
	memcpy(w->data, "\x02\xde\xad\xbe\xef\x01\x02\xde\xad\xbe\xef\x02\x08", 13);
	ring->end += record_bytes();
}

/* A discarded record up to the end of the memory, so that each lap reads the same records. */
static void close_lap(struct fake_ring *ring, size_t size)
{
	uint32_t word = (uint32_t)(size - ring->end - BPF_RINGBUF_HDR_SZ) | BPF_RINGBUF_DISCARD_BIT;

	if (ring->end < size)
		memcpy(ring->data + ring->end, &word, sizeof(word));
	memcpy(ring->data + size, ring->data, size);
}

/* As many records as each ring can hold, the rings in turn. */
static void fill(size_t size)
{
	uint64_t ts_ns = 1;

	while (fake_rings[0].end + settings.burst * record_bytes() <= size)
		for (unsigned int i = 0; i < settings.rings; i++)
			for (unsigned int n = 0; n < settings.burst; n++, frames++)
				put_record(&fake_rings[i], ts_ns++);
	for (unsigned int i = 0; i < settings.rings; i++)
		close_lap(&fake_rings[i], size);
}

int maps_init(struct maps *m, size_t ring_size, uint32_t n_slots)
{
	size_t size = ring_bytes();

	*m = (struct maps){
		.n_rings = settings.rings,
		.n_cpus = settings.rings,
		.n_slots = n_slots,
		.ring_size = size,
		.ring_fds = calloc(settings.rings, sizeof(*m->ring_fds)),
		.cpu = calloc(settings.rings, sizeof(*m->cpu)),
	};
	fake_rings = calloc(settings.rings, sizeof(*fake_rings));
	if (!m->ring_fds || !m->cpu || !fake_rings)
		die("calloc");
	for (unsigned int i = 0; i < settings.rings; i++)
		m->ring_fds[i] = make_ring(&fake_rings[i], size);
	fill(size);
	return 0;
}

void maps_done(struct maps *m)
{
	free(m->ring_fds);
	free(m->cpu);
}

int maps_allow_sharing(struct maps *m)
{
	return -ENOSYS;
}

int maps_find_busy(const struct maps *m)
{
	return -1;
}

int maps_add_ring(struct maps *m, unsigned int cpu)
{
	return -ENOSYS;
}

int maps_share(const struct maps *m, struct bpf_object *object)
{
	return -ENOSYS;
}

int maps_synchronize(const struct maps *m)
{
	return 0;
}

int maps_read_count(const struct maps *m, uint32_t slot, struct wire_count *ret)
{
	*ret = (struct wire_count){ 0 };
	return 0;
}

/* A memory file cannot be polled; nothing here sleeps. */
int epoll_ctl(int fd, int operation, int other, struct epoll_event *event)
{
	return 0;
}

static int attach(const struct point_target *target, struct point_link **ret)
{
	static struct point_link link = { .n_slots = 1 };

	*ret = &link;
	return 0;
}

static void detach(struct point_link *link)
{
}

static const struct point point = {
	.name = "none", .attach = attach, .detach = detach, .free = detach
};

static void on_event(void *user, const struct pcapng_files_event *event)
{
}

static void begin_stream(struct stream *s, struct tap *tap)
{
	const struct link link = { .index = 1,
				   .name = "eth0",
				   .type = 1,
				   .has_mac = true,
				   .mac = { 2, 0xde, 0xad, 0xbe, 0xef, 1 } };
	const struct stream_description description = {
		.iface = &link,
		.snaplen = TAP_SNAPLEN_MAX,
		.comment = "bench",
		.n_slots = 1,
	};
	const struct config config = { .output = (char *)"/dev/null" };
	const struct pcapng_section section = { .userappl = "path" };
	g_autoptr(GError) error = NULL;
	struct sink *sink = sink_files_new(&config, 128 << 20, &section, on_event, NULL, &error);

	if (!sink)
		die(error->message);
	stream_init(s, sink, tap);
	if (!stream_add(s, &description, &error))
		die(error->message);
}

static int on_frames(void *user, const struct tap_frame *batch, size_t n)
{
	ssize_t r;

	for (size_t done = 0; done < n; done += (size_t)r) {
		r = stream_write(user, batch + done, n - done);
		if (r < 0)
			return (int)r;
	}
	return 0;
}

static double cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Nanoseconds per frame of one batch. */
static double run_round(struct tap *tap, struct stream *stream)
{
	uint64_t before = stream->written;
	double start;

	for (unsigned int i = 0; i < settings.rings; i++)
		__atomic_fetch_add(fake_rings[i].producer, ring_bytes(), __ATOMIC_RELEASE);
	start = cpu_ns();
	tap_drain(tap, on_frames, stream);
	if (stream_flush(stream) < 0)
		die("flush");
	tap_release(tap);
	if (stream->written - before != frames) {
		fprintf(stderr, "%" PRIu64 " of %" PRIu64 " frames\n", stream->written - before,
			frames);
		exit(1);
	}
	return (cpu_ns() - start) / (double)frames;
}

static int compare(const void *a, const void *b)
{
	double d = *(const double *)a - *(const double *)b;

	return (d > 0) - (d < 0);
}

static void read_settings(int argc, char **argv)
{
	unsigned int *values[] = { &settings.rings, &settings.len, &settings.burst,
				   &settings.rounds };

	for (int i = 1; i < argc && i <= 4; i++)
		*values[i - 1] = (unsigned int)strtoul(argv[i], NULL, 0);
	if (!settings.rings || settings.len < 14 || !settings.burst || !settings.rounds) {
		fprintf(stderr, "usage: path [RINGS [LENGTH [BURST [ROUNDS]]]]\n");
		exit(2);
	}
}

int main(int argc, char **argv)
{
	const struct tap_config config = { .ring_size = MEMORY };
	const struct tap_target target = { .ifindex = 1,
					   .point = &point,
					   .snaplen = TAP_SNAPLEN_MAX };
	struct stream stream;
	enum tap_mode mode;
	struct tap *tap = NULL;
	double *ns;

	read_settings(argc, argv);
	ns = calloc(settings.rounds, sizeof(*ns));
	if (!ns || tap_new(&config, &tap) < 0 || tap_attach(tap, &target, &mode) < 0)
		die("tap");
	begin_stream(&stream, tap);
	for (unsigned int i = 0; i < settings.rounds; i++)
		ns[i] = run_round(tap, &stream);
	qsort(ns, settings.rounds, sizeof(*ns), compare);
	printf("%u rings, %u B, bursts of %u: %.1f ns per frame at least, %.1f in the median\n",
	       settings.rings, settings.len, settings.burst, ns[0], ns[settings.rounds / 2]);
	stream_done(&stream);
	tap_free(tap);
	free(ns);
	return 0;
}
