/* SPDX-License-Identifier: MIT */
/* test-queue-gzip.c - compressed files with a queue: threads and memory */
#include <errno.h>

#include "tests/pcapng/files/capture.h"
#include "tests/pcapng/files/machine.h"

#define MIB 1048576u

/* With two processors there are always two chunks being compressed: nobody only waits for another's. */
static void test_both_compress(gconstpointer queue)
{
	struct capture c = { .config = { .compression = PCAPNG_COMPRESSION_GZIP,
					 .compression_level = 1,
					 .queue_size = GPOINTER_TO_SIZE(queue) } };

	n_processors = 2;
	capture_set_up(&c);
	capture_start(&c);
	machine_pack_in_pairs(6);
	while (!machine_packed_in_pairs() && c.written < 600000) {
		int r = capture_add(&c);

		if (r == -ENOBUFS)
			g_thread_yield();
		else
			g_assert_cmpint(r, ==, 0);
	}
	g_assert_true(machine_packed_in_pairs());
	capture_stop(&c);
	capture_check_all(&c, 0, 1);
	capture_tear_down(&c);
	n_processors = 0;
}

static void fill(struct capture *c)
{
	int r;

	do
		r = capture_add(c);
	while (r == 0);
	g_assert_cmpint(r, ==, -ENOBUFS);
}

/* Waits until no more than `bytes` are allocated. */
static void wait_for_memory(uint64_t bytes)
{
	for (int i = 0; i < 30000 && pages_bytes > bytes; i++)
		g_usleep(1000);
	g_assert_cmpuint(pages_bytes, <=, bytes);
}

/*
 * While the disk stands still, all that stays of a chunk is what it was compressed to, and what the stall
 * filled is given back after it. So memory is the same after each of them.
 */
static void test_memory(gconstpointer processors)
{
	struct capture c = { .config = { .compression = PCAPNG_COMPRESSION_GZIP,
					 .compression_level = 1,
					 .queue_size = 32 * MIB } };

	n_processors = GPOINTER_TO_INT(processors);
	g_assert_cmpuint(pages_bytes, ==, 0);
	capture_set_up(&c);
	capture_start(&c);
	for (int round = 0; round < 2; round++) {
		machine_stall();
		fill(&c);
		g_assert_cmpuint(pcapng_files_queued(c.f), >, 24 * MIB);
		wait_for_memory(38 * MIB);
		machine_release();
		g_assert_cmpint(pcapng_files_flush(c.f), ==, 0);
		g_assert_cmpuint(pages_bytes, <=, 6 * MIB);
		g_assert_cmpuint(pcapng_files_packets(c.f, 0), ==, c.written);
	}
	g_assert_cmpuint(pcapng_files_queue_peak(c.f), <=, 34 * MIB);
	capture_stop(&c);
	g_assert_cmpuint(pages_bytes, ==, 0);
	capture_tear_down(&c);
	n_processors = 0;
}

/* Nothing waits for the disk but those calls that say so, and what was lost was refused. */
static void test_stall(void)
{
	struct capture c = { .config = { .compression = PCAPNG_COMPRESSION_GZIP,
					 .compression_level = 1,
					 .queue_size = 16 * MIB,
					 .max_packets = 9000 } };

	capture_set_up(&c);
	capture_start(&c);
	machine_stall();
	capture_add_many(&c, 20000);
	g_assert_cmpint(pcapng_files_push(c.f), ==, 0);
	g_assert_cmpint(pcapng_files_rotate(c.f), ==, 0);
	g_assert_cmpint(pcapng_files_tick(c.f), ==, 0);
	machine_wait_stalled();
	g_assert_cmpuint(pcapng_files_packets(c.f, 0), ==, 0);
	g_assert_cmpuint(c.finished, ==, 0);
	capture_add_many(&c, 1);
	g_assert_cmpint(pcapng_files_end(c.f), ==, -ENOBUFS);
	g_assert_cmpint(capture_add(&c), ==, -ESHUTDOWN);
	machine_release();
	g_assert_cmpint(pcapng_files_flush(c.f), ==, 0);
	g_assert_cmpint(pcapng_files_end(c.f), ==, 0);
	g_assert_cmpuint(pcapng_files_packets(c.f, 0), ==, c.written);
	capture_stop(&c);
	capture_check_all(&c, 0, 4);
	capture_tear_down(&c);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_data_func("/queue-gzip/both-compress", GSIZE_TO_POINTER(0), test_both_compress);
	g_test_add_data_func("/queue-gzip/both-compress-with-queue", GSIZE_TO_POINTER(16 * MIB),
			     test_both_compress);
	g_test_add_data_func("/queue-gzip/memory", GINT_TO_POINTER(1), test_memory);
	g_test_add_data_func("/queue-gzip/memory-of-two", GINT_TO_POINTER(2), test_memory);
	g_test_add_func("/queue-gzip/stall", test_stall);
	return g_test_run();
}
