/* SPDX-License-Identifier: MIT */
/* test-writer.c - new files, new sections, sizes */
#include "tests/pcapng/fixture.h"

/* A new file starts with the same bytes, and with the blocks marked `keep`. */
static void test_restart(struct fixture *f, gconstpointer data)
{
	const struct pcapng_secrets secrets = {
		.keep = true,
		.type = PCAPNG_SECRETS_TLS,
		.data = "CLIENT_RANDOM 00 00\n",
		.len = 20,
	};
	size_t first_len;

	g_assert_cmpint(pcapng_writer_add_secrets(f->w, &secrets), ==, 0);
	g_assert_cmpint(pcapng_writer_restart(f->w), ==, -EBUSY);
	g_assert_cmpint(pcapng_writer_flush(f->w), ==, 0);
	first_len = f->sink.bytes->len;
	g_assert_cmpint(add(f, 60), ==, 0);
	g_assert_cmpint(pcapng_writer_flush(f->w), ==, 0);
	sink_keep(&f->sink);

	g_assert_cmpint(pcapng_writer_restart(f->w), ==, 0);
	g_assert_cmpuint(pcapng_writer_bytes(f->w), ==, first_len);
	g_byte_array_set_size(f->sink.bytes, 0);
	g_assert_cmpint(add(f, 60), ==, 0);
	g_assert_cmpint(pcapng_writer_flush(f->w), ==, 0);
	g_assert_cmpuint(f->sink.bytes->len, ==, first_len + 92);
	sink_keep(&f->sink);

	pcapng_writer_forget(f->w);
	g_assert_cmpint(pcapng_writer_restart(f->w), ==, 0);
	g_assert_cmpuint(pcapng_writer_bytes(f->w), <, first_len);
}

/* After an output error, a restart discards the pending bytes. */
static void test_restart_after_error(struct fixture *f, gconstpointer data)
{
	g_assert_cmpint(add(f, 60), ==, 0);
	f->sink.fail_with = -EIO;
	g_assert_cmpint(pcapng_writer_flush(f->w), ==, -EIO);
	f->sink.fail_with = 0;
	g_assert_cmpint(pcapng_writer_restart(f->w), ==, 0);
	g_byte_array_set_size(f->sink.bytes, 0);
	g_assert_cmpint(pcapng_writer_flush(f->w), ==, 0);
	g_assert_cmpuint(f->sink.bytes->len, ==, 28 + 32);
	sink_keep(&f->sink);
}

/* Sections of both byte orders in one stream, each with its own interfaces. */
static void test_sections(struct fixture *f, gconstpointer data)
{
	const struct pcapng_section big = { .order = PCAPNG_ORDER_BIG, .os = "big" };
	uint32_t id = 7;

	g_assert_cmpint(add(f, 60), ==, 0);
	g_assert_cmpint(pcapng_writer_add_section(f->w, &big), ==, 0);
	g_assert_cmpint(add(f, 60), ==, -EINVAL);
	g_assert_cmpint(pcapng_writer_add_interface(f->w,
						    &(struct pcapng_interface){ .linktype = 1 },
						    &id),
			==, 0);
	g_assert_cmpuint(id, ==, 0);
	g_assert_cmpint(add(f, 61), ==, 0);
	g_assert_cmpint(pcapng_writer_flush(f->w), ==, 0);
	sink_keep(&f->sink);

	g_assert_cmpint(pcapng_writer_restart(f->w), ==, 0);
	g_byte_array_set_size(f->sink.bytes, 0);
	g_assert_cmpint(add(f, 61), ==, 0);
	g_assert_cmpint(pcapng_writer_flush(f->w), ==, 0);
	g_assert_cmpuint(f->sink.bytes->data[8], ==, 0x1a);
	sink_keep(&f->sink);
}

/* The bytes that a packet becomes, contiguous or in a fragment. */
static GBytes *write_packet(struct pcapng_packet p, enum pcapng_order order, bool in_fragments)
{
	const struct pcapng_writer_config config = { .size = sizeof(config),
						     .copy_below = SIZE_MAX };
	const struct pcapng_section section = { .order = order };
	const struct pcapng_interface interface = { .linktype = 1 };
	const struct iovec frag = { (void *)p.data, p.caplen };
	struct sink sink = { .bytes = g_byte_array_new() };
	struct pcapng_writer *w = NULL;

	if (in_fragments) {
		p.frags = &frag;
		p.n_frags = 1;
		p.data = NULL;
		p.caplen = 0;
	}
	g_assert_cmpint(pcapng_writer_new(&section, &config, sink_output, &sink, &w), ==, 0);
	g_assert_cmpint(pcapng_writer_add_interface(w, &interface, NULL), ==, 0);
	g_assert_cmpint(pcapng_writer_add_packet(w, &p), ==, 0);
	g_assert_cmpint(pcapng_writer_flush(w), ==, 0);
	pcapng_writer_free(w);
	return g_byte_array_free_to_bytes(sink.bytes);
}

/* The fast path for common packets writes the same bytes as the general one. */
static void test_short_way(struct fixture *f, gconstpointer data)
{
	const uint8_t bytes[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
	const struct pcapng_hash hash = { PCAPNG_HASH_TOEPLITZ, bytes, 4 };

	for (uint32_t n = 0; n < 2 * 2 * 16 * sizeof(bytes); n++) {
		enum pcapng_order order = n & 1 ? PCAPNG_ORDER_BIG : PCAPNG_ORDER_LITTLE;
		struct pcapng_packet p = {
			.ts = 0x1122334455667788,
			.len = 60,
			.data = bytes,
			.caplen = n / 64,
			.mask = n >> 2 & 15,
			.flags = PCAPNG_FLAG_INBOUND | PCAPNG_FLAG_BROADCAST,
			.dropcount = 0x0102030405060708,
			.packetid = 42,
			.queue = 3,
			.hashes = &hash,
			.n_hashes = n >> 1 & 1,
		};
		g_autoptr(GBytes) one = write_packet(p, order, false);
		g_autoptr(GBytes) other = write_packet(p, order, true);

		g_assert_true(g_bytes_equal(one, other));
	}
}

/* The same for random numbers and lengths, with and without padding. */
static void test_short_way_random(struct fixture *f, gconstpointer data)
{
	uint8_t bytes[300];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)g_test_rand_int();
	for (int n = 0; n < 2000; n++) {
		const struct pcapng_hash hash = { PCAPNG_HASH_TOEPLITZ, bytes + n % 256, 4 };
		const struct pcapng_packet p = {
			.ts = (uint64_t)g_test_rand_int() << 32 | (uint32_t)g_test_rand_int(),
			.len = 300 + g_test_rand_int_range(0, 3000),
			.data = bytes,
			.caplen = g_test_rand_int_range(0, 301),
			.mask = g_test_rand_int_range(0, 16),
			.flags = (uint32_t)g_test_rand_int() &
				 (PCAPNG_FLAG_INBOUND | PCAPNG_FLAG_MULTICAST | 0xffff01e0),
			.dropcount = (uint32_t)g_test_rand_int(),
			.packetid = (uint32_t)g_test_rand_int(),
			.queue = (uint32_t)g_test_rand_int(),
			.hashes = &hash,
			.n_hashes = g_test_rand_bit(),
		};
		enum pcapng_order order = g_test_rand_bit() ? PCAPNG_ORDER_BIG
							    : PCAPNG_ORDER_LITTLE;
		g_autoptr(GBytes) one = write_packet(p, order, false);
		g_autoptr(GBytes) other = write_packet(p, order, true);

		g_assert_true(g_bytes_equal(one, other));
	}
}

static void test_size_packet(struct fixture *f, gconstpointer data)
{
	for (uint32_t len = 0; len < 70; len++) {
		const char *const comments[] = { "x" };
		const struct pcapng_packet p = {
			.data = payload,
			.caplen = len,
			.len = len,
			.options = { .comments = comments, .n_comments = len % 2 },
		};
		uint64_t before = pcapng_writer_bytes(f->w);

		g_assert_cmpint(pcapng_writer_add_packet(f->w, &p), ==, 0);
		g_assert_cmpint(pcapng_writer_size_packet(f->w, &p), ==,
				pcapng_writer_bytes(f->w) - before);
	}
}

int main(int argc, char **argv)
{
	int r;

	g_test_init(&argc, &argv, NULL);
	ADD("writer/restart", test_restart);
	ADD("writer/restart-after-error", test_restart_after_error);
	ADD("writer/sections", test_sections);
	ADD("writer/short-way", test_short_way);
	ADD("writer/short-way-random", test_short_way_random);
	ADD("writer/size-packet", test_size_packet);
	r = g_test_run();
	sinks_check();
	return r;
}
