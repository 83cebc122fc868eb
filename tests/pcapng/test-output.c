/* SPDX-License-Identifier: MIT */
/* test-output.c - outputs that are short, slow, full or broken; referenced memory */
#include "tests/pcapng/fixture.h"

/* Wherever the output fails: it has a prefix of the bytes, and the error sticks. */
static void test_fail_everywhere(void)
{
	struct fixture complete = { 0 };

	set_up_with(&complete, NULL);
	g_assert_cmpint(add(&complete, 61), ==, 0);
	g_assert_cmpint(add(&complete, 3000), ==, 0);
	g_assert_cmpint(add_stats(&complete), ==, 0);
	g_assert_cmpint(pcapng_writer_flush(complete.w), ==, 0);
	for (size_t at = 60; at < complete.sink.bytes->len; at++) {
		struct fixture f = { .sink = { .fail_at = at, .fail_with = -ENOSPC } };

		set_up_with(&f, NULL);
		g_assert_cmpint(add(&f, 61), ==, 0);
		g_assert_cmpint(add(&f, 3000), ==, 0);
		g_assert_cmpint(add_stats(&f), ==, 0);
		g_assert_cmpint(pcapng_writer_flush(f.w), ==, -ENOSPC);
		g_assert_cmpmem(f.sink.bytes->data, f.sink.bytes->len, complete.sink.bytes->data,
				at);
		g_assert_cmpuint(pcapng_writer_pending(f.w), ==, complete.sink.bytes->len - at);
		f.sink.fail_with = 0;
		g_assert_cmpint(add(&f, 60), ==, -ENOSPC);
		g_assert_cmpint(add_stats(&f), ==, -ENOSPC);
		g_assert_cmpint(pcapng_writer_flush(f.w), ==, -ENOSPC);
		g_assert_cmpstr(pcapng_writer_error(f.w)->text, ==, "the output failed");
		g_assert_cmpuint(f.sink.bytes->len, ==, at);
		tear_down(&f, NULL);
	}
	tear_down(&complete, NULL);
}

/* An output that accepts little, with pauses and interruptions, gets the same bytes. */
static void test_short_writes(void)
{
	struct fixture complete = { 0 };

	set_up_with(&complete, NULL);
	for (uint32_t i = 0; i < 200; i++)
		g_assert_cmpint(add(&complete, i * 13), ==, 0);
	g_assert_cmpint(pcapng_writer_flush(complete.w), ==, 0);
	for (size_t at_most = 1; at_most < 3000; at_most = at_most * 3 / 2 + 1) {
		struct fixture f = { .sink = { .at_most = at_most, .interrupt = 3 } };

		set_up_with(&f, &(struct pcapng_writer_config){ .buffer_size = 8192 });
		for (uint32_t i = 0; i < 200; i++) {
			f.sink.is_blocked = i % 2;
			if (add(&f, i * 13) == -EAGAIN) {
				f.sink.is_blocked = false;
				g_assert_cmpint(add(&f, i * 13), ==, 0);
			}
		}
		f.sink.is_blocked = false;
		g_assert_cmpint(pcapng_writer_flush(f.w), ==, 0);
		g_assert_cmpmem(f.sink.bytes->data, f.sink.bytes->len, complete.sink.bytes->data,
				complete.sink.bytes->len);
		tear_down(&f, NULL);
	}
	tear_down(&complete, NULL);
}

/*
 * A full backlog refuses packets but still accepts statistics; then everything comes out complete.
 */
static void test_backlog(void)
{
	struct fixture f = { 0 };
	unsigned int accepted = 0;
	size_t pending;

	set_up_with(&f, &(struct pcapng_writer_config){ .buffer_size = 65536 });
	f.sink.is_blocked = true;
	while (add(&f, accepted % 3 ? 1400 : 64) == 0)
		accepted++;
	pending = pcapng_writer_pending(f.w);
	g_assert_cmpuint(pending, <=, 65536 - 4096);
	g_assert_cmpuint(pending, >, 65536 - 4096 - 1500);
	g_assert_cmpint(add(&f, 1400), ==, -EAGAIN);
	g_assert_cmpuint(pcapng_writer_pending(f.w), ==, pending);
	for (int i = 0; i < 50; i++)
		g_assert_cmpint(add_stats(&f), ==, 0);
	g_assert_cmpint(pcapng_writer_flush(f.w), ==, -EAGAIN);
	f.sink.is_blocked = false;
	f.sink.at_most = 1000;
	g_assert_cmpint(pcapng_writer_flush(f.w), ==, 0);
	g_assert_cmpuint(pcapng_writer_pending(f.w), ==, 0);
	g_assert_cmpuint(pcapng_writer_bytes(f.w), ==, f.sink.bytes->len);
	sink_keep(&f.sink);
	tear_down(&f, NULL);
}

/* A backlog that drains slowly accepts packets again, and in the end all of them come out. */
static void test_slow_drain(void)
{
	struct fixture f = { 0 };
	unsigned int accepted = 0, refused = 0;

	set_up_with(&f, &(struct pcapng_writer_config){ .buffer_size = 16384 });
	for (int i = 0; i < 1000; i++) {
		int r;

		f.sink.is_blocked = i % 3 != 0;
		f.sink.at_most = 700;
		f.sink.interrupt = 2;
		r = add(&f, 900 + i % 300);
		g_assert_true(r == 0 || r == -EAGAIN);
		*(r == 0 ? &accepted : &refused) += 1;
	}
	f.sink.is_blocked = false;
	g_assert_cmpint(pcapng_writer_flush(f.w), ==, 0);
	g_assert_cmpuint(accepted, >, 300);
	g_assert_cmpuint(refused, >, 0);
	g_assert_cmpuint(pcapng_writer_bytes(f.w), ==, f.sink.bytes->len);
	sink_keep(&f.sink);
	tear_down(&f, NULL);
}

/* Like add(), but the bytes tell where they belong; packets above 2047 bytes are referenced. */
static int add_marked(struct fixture *f, uint32_t i)
{
	static uint8_t marked[6000];
	const uint32_t len = i * 37 % 3000;

	for (size_t at = 0; at < sizeof(marked) && !marked[1]; at++)
		marked[at] = at ^ at >> 8;
	return pcapng_writer_add_packet(f->w, &(struct pcapng_packet){
						      .data = marked + i % 3000,
						      .caplen = len,
						      .len = len,
						      .ts = i,
					      });
}

/* An output that accepts k bytes at a time, like a slow pipe, gets exactly what was added. */
static void test_trickle(gconstpointer data)
{
	const size_t k = GPOINTER_TO_UINT(data);
	struct fixture f = { 0 }, complete = { 0 };
	unsigned int accepted = 0;

	set_up_with(&f, &(struct pcapng_writer_config){ .buffer_size = 8192 });
	set_up_with(&complete, NULL);
	f.sink.fail_with = -EAGAIN;
	for (uint32_t i = 0; i < 3000; i++) {
		f.sink.fail_at = f.sink.bytes->len + k;
		if (add_marked(&f, i) == 0) {
			g_assert_cmpint(add_marked(&complete, i), ==, 0);
			accepted++;
		}
		if (i % 10 == 0 && add_stats(&f) == 0)
			g_assert_cmpint(add_stats(&complete), ==, 0);
		if (i % 7 == 0)
			(void)pcapng_writer_flush(f.w);
	}
	f.sink.fail_with = 0;
	g_assert_cmpint(pcapng_writer_flush(f.w), ==, 0);
	g_assert_cmpint(pcapng_writer_flush(complete.w), ==, 0);
	g_assert_cmpuint(accepted, >, 4);
	g_assert_cmpmem(f.sink.bytes->data, f.sink.bytes->len, complete.sink.bytes->data,
			complete.sink.bytes->len);
	sink_keep(&f.sink);
	tear_down(&f, NULL);
	tear_down(&complete, NULL);
}

/* Small packets are copied by the call, large ones are read at flush. */
static void test_references(struct fixture *f, gconstpointer data)
{
	uint8_t small[64] = { 1 }, large[4096] = { 1 };
	const struct iovec frags[] = { { small, sizeof(small) }, { large, sizeof(large) } };
	const uint8_t *written;
	size_t before = f->sink.bytes->len;

	g_assert_cmpint(pcapng_writer_add_packet(f->w,
						 &(struct pcapng_packet){
							 .frags = frags,
							 .n_frags = 2,
							 .len = 4160,
						 }),
			==, 0);
	small[0] = 2;
	large[0] = 2;
	g_assert_cmpint(pcapng_writer_flush(f->w), ==, 0);
	written = f->sink.bytes->data + before + 28;
	g_assert_cmpuint(written[0], ==, 1);
	g_assert_cmpuint(written[sizeof(small)], ==, 2);
}

/* After a flush that failed or wrote nothing, the memory belongs to the caller again. */
static void test_references_end(gconstpointer data)
{
	struct fixture f = { 0 };
	uint8_t *large = g_malloc0(4096);
	int error = GPOINTER_TO_INT(data);

	set_up_with(&f, NULL);
	f.sink.fail_with = error;
	f.sink.fail_at = f.sink.bytes->len + 100;
	g_assert_cmpint(pcapng_writer_add_packet(f.w, &(struct pcapng_packet){ .data = large,
									       .caplen = 4096,
									       .len = 4096 }),
			==, 0);
	g_assert_cmpint(pcapng_writer_flush(f.w), ==, error);
	memset(large, 0xff, 4096);
	g_free(large);
	f.sink.fail_with = 0;
	if (error == -EAGAIN) {
		g_assert_cmpint(pcapng_writer_flush(f.w), ==, 0);
		for (size_t i = 0; i < 4096; i++)
			g_assert_cmpuint(f.sink.bytes->data[60 + 28 + i], ==, 0);
	}
	tear_down(&f, NULL);
}

/* More references than one output call can pass. */
static void test_many_references(void)
{
	struct fixture fixture = { 0 }, *f = &fixture;
	struct iovec frags[600];

	set_up_with(f, &(struct pcapng_writer_config){ .copy_below = 1024 });
	for (size_t i = 0; i < G_N_ELEMENTS(frags); i++)
		frags[i] = (struct iovec){ payload + i, 1024 };
	for (int i = 0; i < 700; i++)
		g_assert_cmpint(add(f, 1024), ==, 0);
	g_assert_cmpint(pcapng_writer_add_packet(f->w,
						 &(struct pcapng_packet){
							 .frags = frags,
							 .n_frags = G_N_ELEMENTS(frags),
							 .len = 600 * 1024,
						 }),
			==, 0);
	g_assert_cmpint(pcapng_writer_flush(f->w), ==, 0);
	sink_keep(&f->sink);
	tear_down(f, NULL);
}

/* A block larger than the buffer is accepted. */
static void test_large_block(void)
{
	struct fixture f = { 0 };

	set_up_with(&f, &(struct pcapng_writer_config){ .buffer_size = 4096 });
	g_assert_cmpint(add(&f, 1000), ==, 0);
	g_assert_cmpint(add(&f, sizeof(payload)), ==, 0);
	g_assert_cmpint(add(&f, 1000), ==, 0);
	g_assert_cmpint(pcapng_writer_flush(f.w), ==, 0);
	sink_keep(&f.sink);
	tear_down(&f, NULL);
}

static ssize_t lying_output(void *user, const struct iovec *iov, int iovcnt)
{
	return 1 << 30;
}

static void test_lying_output(void)
{
	struct pcapng_writer *w;

	g_assert_cmpint(pcapng_writer_new(NULL, NULL, lying_output, NULL, &w), ==, 0);
	g_assert_cmpint(pcapng_writer_flush(w), ==, -EPROTO);
	g_assert_cmpint(pcapng_writer_flush(w), ==, -EPROTO);
	pcapng_writer_free(w);
	pcapng_writer_free(NULL);
	g_assert_cmpint(pcapng_writer_new(NULL, NULL, NULL, NULL, &w), ==, -EINVAL);
}

int main(int argc, char **argv)
{
	int r;

	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/output/fail-everywhere", test_fail_everywhere);
	g_test_add_func("/output/short-writes", test_short_writes);
	g_test_add_func("/output/backlog", test_backlog);
	g_test_add_func("/output/slow-drain", test_slow_drain);
	g_test_add_data_func("/output/trickle-1", GUINT_TO_POINTER(1), test_trickle);
	g_test_add_data_func("/output/trickle-100", GUINT_TO_POINTER(100), test_trickle);
	g_test_add_data_func("/output/trickle-900", GUINT_TO_POINTER(900), test_trickle);
	g_test_add_data_func("/output/trickle-5000", GUINT_TO_POINTER(5000), test_trickle);
	g_test_add_func("/output/lies", test_lying_output);
	ADD("references/read-at-flush", test_references);
	g_test_add_data_func("/references/end-when-blocked", GINT_TO_POINTER(-EAGAIN),
			     test_references_end);
	g_test_add_data_func("/references/end-when-failed", GINT_TO_POINTER(-ENOSPC),
			     test_references_end);
	g_test_add_func("/references/many", test_many_references);
	g_test_add_func("/output/large-block", test_large_block);
	r = g_test_run();
	sinks_check();
	return r;
}
