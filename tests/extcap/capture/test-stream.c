/* SPDX-License-Identifier: MIT */
/* Frames into a pipe that is read or not: every one of them is written or counted. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "extcap/capture/ending.h"
#include "extcap/capture/stream.h"
#include "fake-tap.h"
#include "pcapng/format.h"

struct fixture {
	int reader;
	struct output output;
	struct stream stream;
	uint8_t data[1000];
};

static void set_up(struct fixture *f, const void *unused)
{
	const struct link link = { .index = 1, .name = "eth\xff", .type = 1, .has_mac = true };
	const struct stream_description described = {
		.iface = &link, .snaplen = TAP_SNAPLEN_MAX, .comment = "at xdp", .n_slots = 2
	};
	const struct pcapng_section section = { 0 };
	int fds[2];

	fake_tap = (struct fake_tap){ 0 };
	g_assert_cmpint(pipe2(fds, O_NONBLOCK | O_CLOEXEC), ==, 0);
	f->reader = fds[0];
	f->output = (struct output){ .fd = fds[1], .is_pipe = true };
	stream_init(&f->stream, sink_pcapng_new(&f->output, &section, NULL), NULL);
	g_assert_true(stream_add(&f->stream, &described, NULL));
	g_assert_cmpint(stream_flush(&f->stream), ==, 0);
}

static void tear_down(struct fixture *f, const void *unused)
{
	stream_done(&f->stream);
	close(f->reader);
	close(f->output.fd);
}

static struct stream_iface *iface(struct fixture *f)
{
	return &g_array_index(f->stream.ifaces, struct stream_iface, 0);
}

static int write_frame(struct fixture *f, uint32_t slot, uint32_t lost)
{
	const struct tap_frame frame = {
		.ts_ns = 1700000000000000000,
		.data = f->data,
		.caplen = sizeof(f->data),
		.len = sizeof(f->data),
		.slot = slot,
		.point = &point_xdp,
		.lost = lost,
	};

	return (int)stream_write(&f->stream, &frame, 1);
}

/* Reads all there is; how many packets are whole in it, and how many of them tell of a loss. */
static guint read_packets(struct fixture *f, guint *ret_told)
{
	g_autoptr(GByteArray) all = g_byte_array_new();
	uint8_t part[65536];
	uint32_t head[2];
	guint packets = 0;
	ssize_t n;
	int r;

	do {
		while ((n = read(f->reader, part, sizeof(part))) > 0)
			g_byte_array_append(all, part, (guint)n);
		r = stream_flush(&f->stream);
	} while (r == -EAGAIN || n > 0);
	while ((n = read(f->reader, part, sizeof(part))) > 0)
		g_byte_array_append(all, part, (guint)n);
	for (guint at = 0; at < all->len; at += head[1]) {
		g_assert_cmpuint(all->len - at, >=, sizeof(head));
		memcpy(head, all->data + at, sizeof(head));
		packets += head[0] == PCAPNG_BLOCK_EPB;
		*ret_told += head[0] == PCAPNG_BLOCK_EPB && head[1] > 32 + 1000 + 12;
	}
	return packets;
}

static void test_written(struct fixture *f, const void *unused)
{
	guint told = 0;

	for (int i = 0; i < 100; i++)
		g_assert_cmpint(write_frame(f, (uint32_t)i % 2, 0), ==, 1);
	g_assert_cmpuint(read_packets(f, &told), ==, 100);
	g_assert_cmpuint(told, ==, 0);
	g_assert_cmpuint(iface(f)->written, ==, 100);
	g_assert_cmpuint(iface(f)->lost_backlog, ==, 0);
	g_assert_cmpuint(f->stream.written, ==, 100);
}

static void test_name(struct fixture *f, const void *unused)
{
	g_assert_true(g_utf8_validate(iface(f)->name, -1, NULL));
	g_assert_cmpstr(stream_slot_iface(&f->stream, 1)->device, ==, iface(f)->name);
}

/* The first frame after a loss in the ring reports it, whatever slot it came from. */
static void test_lost_in_the_ring(struct fixture *f, const void *unused)
{
	guint told = 0;

	g_assert_cmpint(write_frame(f, 0, 0), ==, 1);
	g_assert_cmpint(write_frame(f, 1, 7), ==, 1);
	g_assert_cmpint(write_frame(f, 0, 0), ==, 1);
	g_assert_cmpuint(read_packets(f, &told), ==, 3);
	g_assert_cmpuint(told, ==, 1);
}

/* Nobody reads: what the backlog cannot hold is counted, and told of when there is room again. */
static void test_backlog(struct fixture *f, const void *unused)
{
	guint told = 0, sent = 20000;

	for (guint i = 0; i < sent; i++)
		g_assert_cmpint(write_frame(f, 0, 0), ==, 1);
	g_assert_cmpuint(iface(f)->lost_backlog, >, 0);
	g_assert_cmpuint(iface(f)->written + iface(f)->lost_backlog, ==, sent);
	g_assert_cmpuint(read_packets(f, &told), ==, iface(f)->written);
	g_assert_cmpuint(told, ==, 0);
	g_assert_cmpint(write_frame(f, 0, 0), ==, 1);
	g_assert_cmpuint(read_packets(f, &told), ==, 1);
	g_assert_cmpuint(told, ==, 1);
	g_assert_cmpuint(iface(f)->written + iface(f)->lost_backlog, ==, sent + 1);
}

static const struct tap_frame frame_left = { .slot = 0, .point = &point_xdp };

/* Frames in the rings are not counted; once read, each is lost or, after the end, left out. */
static void test_count(struct fixture *f, const void *unused)
{
	struct count c;

	for (int i = 0; i < 10; i++)
		g_assert_cmpint(write_frame(f, 0, 0), ==, 1);
	fake_tap.slots[0].stats =
		(struct tap_stats){ .seen = 100, .accepted = 30, .lost_full = 5, .lost_long = 1 };
	c = stream_count(&f->stream, 0);
	g_assert_cmpuint(c.written, ==, 10);
	g_assert_cmpuint(c.lost_ring + c.lost_copy, ==, 6);
	g_assert_cmpuint(c.accepted, ==, 16);
	g_assert_cmpuint(c.seen, ==, 86);
	for (int i = 0; i < 8; i++)
		stream_lose(&f->stream, &frame_left);
	for (int i = 0; i < 4; i++)
		stream_leave_out(&f->stream, &frame_left);
	fake_tap.slots[0].stats.lost_invalid = 2;
	c = stream_count(&f->stream, 0);
	g_assert_cmpuint(c.lost_backlog, ==, 8);
	g_assert_cmpuint(c.lost_invalid, ==, 2);
	g_assert_cmpuint(c.accepted, ==, 26);
	g_assert_cmpuint(c.seen, ==, 96);
}

/* The kernel's counters are read while they move: nothing wraps below zero. */
static void test_counters_lag(struct fixture *f, const void *unused)
{
	struct count c;

	for (int i = 0; i < 10; i++)
		g_assert_cmpint(write_frame(f, 0, 0), ==, 1);
	fake_tap.slots[0].stats = (struct tap_stats){ .seen = 3, .accepted = 2, .lost_full = 1 };
	c = stream_count(&f->stream, 0);
	g_assert_cmpuint(c.accepted, ==, 11);
	g_assert_cmpuint(c.seen, ==, 11);
	stream_leave_out(&f->stream, &frame_left);
	c = stream_count(&f->stream, 0);
	g_assert_cmpuint(c.seen, ==, 11);
}

static void test_reader_is_gone(struct fixture *f, const void *unused)
{
	g_autoptr(GError) error = NULL;

	close(f->reader);
	f->reader = -1;
	g_assert_cmpint(write_frame(f, 0, 0), ==, 1);
	g_assert_cmpint(stream_flush(&f->stream), ==, -EPIPE);
	g_assert_true(ending_explain(&f->stream, -EPIPE, &error));
	g_assert_no_error(error);
	g_assert_false(ending_explain(&f->stream, -ENOSPC, &error));
	g_assert_nonnull(strstr(error->message, "full"));
}

#define ADD(name, function) g_test_add(name, struct fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	g_test_init(&argc, &argv, NULL);
	ADD("/stream/written", test_written);
	ADD("/stream/name", test_name);
	ADD("/stream/lost-in-the-ring", test_lost_in_the_ring);
	ADD("/stream/backlog", test_backlog);
	ADD("/stream/count", test_count);
	ADD("/stream/counters-lag", test_counters_lag);
	ADD("/stream/reader-is-gone", test_reader_is_gone);
	return g_test_run();
}
