/* SPDX-License-Identifier: MIT */
/* test-queue.c - sets of files with a queue, while the disk stands still */
#include <errno.h>
#include <time.h>

#include "tests/pcapng/files/capture.h"
#include "tests/pcapng/files/machine.h"

#define MIB 1048576u

/* A set with a queue whose thread is in a write that does not return. */
static void start_stalled(struct capture *c)
{
	capture_set_up(c);
	capture_start(c);
	machine_stall();
	capture_add_many(c, 1);
	g_assert_cmpint(pcapng_files_push(c->f), ==, 0);
	machine_wait_stalled();
}

static void stop(struct capture *c)
{
	machine_release();
	capture_stop(c);
	capture_check_all(c, 0, 0);
	capture_tear_down(c);
}

/* Nothing waits for the disk but those calls that say so, and nothing is lost. */
static void test_stall(gconstpointer data)
{
	struct capture c = { .config = { .queue_size = 64 * MIB,
					 .direct_io = GPOINTER_TO_INT(data),
					 .max_packets = 9000 } };

	start_stalled(&c);
	capture_add_many(&c, 20000);
	g_assert_cmpint(pcapng_files_push(c.f), ==, 0);
	g_assert_cmpint(pcapng_files_rotate(c.f), ==, 0);
	g_assert_cmpint(pcapng_files_tick(c.f), ==, 0);
	g_assert_cmpuint(pcapng_files_queued(c.f), >, 2 * MIB);
	g_assert_cmpuint(pcapng_files_packets(c.f, 0), ==, 0);
	g_assert_cmpuint(c.finished, ==, 0);
	capture_add_many(&c, 1);
	g_assert_cmpint(pcapng_files_end(c.f), ==, -ENOBUFS);
	g_assert_cmpint(pcapng_files_end(c.f), ==, -ENOBUFS);
	g_assert_cmpint(capture_add(&c), ==, -ESHUTDOWN);
	machine_release();
	g_assert_cmpint(pcapng_files_flush(c.f), ==, 0);
	g_assert_cmpint(pcapng_files_end(c.f), ==, 0);
	g_assert_cmpuint(pcapng_files_queued(c.f), ==, 0);
	g_assert_cmpuint(pcapng_files_packets(c.f, 0), ==, c.written);
	stop(&c);
}

/* What does not fit is refused, and only that is missing. */
static void test_too_small(gconstpointer data)
{
	struct capture c = { .config = { .queue_size = GPOINTER_TO_SIZE(data),
					 .max_bytes = 400000 } };
	unsigned int refused = 0;

	start_stalled(&c);
	for (int i = 0; i < 60000; i++) {
		int r = capture_add(&c);

		refused += r == -ENOBUFS;
		g_assert_true(r == 0 || r == -ENOBUFS);
	}
	g_assert_cmpuint(refused, >, 1000);
	g_assert_cmpuint(refused + c.written, ==, 60001);
	g_assert_cmpuint(pcapng_files_queue_peak(c.f), <=, c.config.queue_size + 2 * MIB);
	machine_release();
	g_assert_cmpint(pcapng_files_flush(c.f), ==, 0);
	g_assert_cmpuint(pcapng_files_packets(c.f, 0), ==, c.written);
	stop(&c);
}

/* Orders and small pushes take memory, too. */
static void test_memory(void)
{
	struct capture c = { .config = { .queue_size = 4 * MIB, .max_packets = 3 } };

	start_stalled(&c);
	buffer_bytes = 0;
	for (int i = 0; i < 100000; i++) {
		g_assert_cmpint(pcapng_files_push(c.f), ==, 0);
		passed_ms += 10;
		g_assert_cmpint(pcapng_files_tick(c.f), ==, 0);
	}
	g_assert_cmpuint(buffer_bytes, <, 65536);
	for (int i = 0; i < 20000; i++) { /* a file for each three packets */
		(void)capture_add(&c);
		(void)pcapng_files_push(c.f);
	}
	g_assert_cmpuint(buffer_bytes, <=, 6 * MIB);
	passed_ms = 0;
	stop(&c);
}

/* What a stall filled is given back when the queue is empty, but for a few buffers. */
static void test_given_back(gconstpointer data)
{
	size_t size = GPOINTER_TO_SIZE(data);
	struct capture c = { .config = { .queue_size = size } };

	g_assert_cmpuint(pages_bytes, ==, 0);
	start_stalled(&c);
	for (int round = 0; round < 2; round++) {
		while (capture_add(&c) == 0)
			;
		g_assert_cmpuint(pages_bytes, >=, size - 4 * MIB);
		g_assert_cmpuint(pages_bytes, <=, size + 4 * MIB);
		machine_release();
		g_assert_cmpint(pcapng_files_flush(c.f), ==, 0);
		g_assert_cmpuint(pages_bytes, <=, 6 * MIB);
		machine_stall();
	}
	machine_release();
	capture_stop(&c);
	capture_tear_down(&c);
	g_assert_cmpuint(pages_bytes, ==, 0);
}

/* Small pushes share buffers: they do not use up the queue. */
static void test_small_pushes(void)
{
	struct capture c = { .config = { .queue_size = 4 * MIB } };

	start_stalled(&c);
	for (int i = 0; i < 20000; i++) {
		g_assert_cmpint(capture_add(&c), ==, 0);
		g_assert_cmpint(pcapng_files_push(c.f), ==, 0);
	}
	stop(&c);
}

/* While the queue is full, what is due by time does not make the caller's loop spin. */
static void test_due_while_full(gconstpointer data)
{
	struct capture c = { .config = { .queue_size = MIB } };
	int r;

	if (data)
		c.config.sync_interval_ns = 1000000;
	else
		c.config.max_duration_ns = 1000000000;
	start_stalled(&c);
	while (capture_add(&c) == 0)
		;
	passed_ms += 5000;
	g_assert_cmpint(pcapng_files_timeout_ms(c.f), ==, 0);
	r = pcapng_files_tick(c.f);
	g_assert_cmpint(r, ==, data ? 0 : -ENOBUFS);
	g_assert_cmpint(pcapng_files_timeout_ms(c.f), >=, 10);
	machine_release();
	g_assert_cmpint(pcapng_files_flush(c.f), ==, 0);
	g_assert_cmpint(pcapng_files_tick(c.f), ==, 0);
	passed_ms = 0;
	stop(&c);
}

/* After the end nothing is due but the look at the queue. */
static void test_due_after_end(void)
{
	struct capture c = { .config = { .queue_size = MIB, .sync_interval_ns = 1000000 } };

	start_stalled(&c);
	g_assert_cmpint(pcapng_files_end(c.f), ==, -ENOBUFS);
	passed_ms += 5000;
	g_assert_cmpint(pcapng_files_timeout_ms(c.f), >=, 10);
	machine_release();
	g_assert_cmpint(pcapng_files_flush(c.f), ==, 0);
	g_assert_cmpint(pcapng_files_tick(c.f), ==, 0);
	g_assert_cmpint(pcapng_files_timeout_ms(c.f), ==, -1);
	g_assert_cmpint(pcapng_files_sync(c.f), ==, -ESHUTDOWN);
	g_assert_cmpint(pcapng_files_push(c.f), ==, -ESHUTDOWN);
	passed_ms = 0;
	stop(&c);
}

/* The same if the last of a limited number of files ended. */
static void test_after_last(void)
{
	struct capture c = { .config = { .queue_size = MIB, .max_packets = 10, .max_files = 1 } };

	capture_set_up(&c);
	capture_start(&c);
	capture_add_many(&c, 10);
	g_assert_cmpint(capture_add(&c), ==, -ESHUTDOWN);
	g_assert_cmpint(pcapng_files_flush(c.f), ==, -ESHUTDOWN);
	g_assert_cmpint(pcapng_files_sync(c.f), ==, -ESHUTDOWN);
	g_assert_cmpint(pcapng_files_close(c.f), ==, -ESHUTDOWN);
	g_assert_cmpuint(pcapng_files_packets(c.f, 0), ==, 10);
	pcapng_files_free(c.f);
	capture_check_all(&c, 0, 1);
	capture_tear_down(&c);
}

/* The longest delay is a long time-out, not a negative one. */
static void test_long_delay(void)
{
	struct capture c = { .config = { .queue_size = MIB, .queue_delay_ms = UINT32_MAX } };

	capture_set_up(&c);
	capture_start(&c);
	capture_add_many(&c, 1);
	g_assert_cmpint(pcapng_files_flush(c.f), ==, 0);
	(void)pcapng_files_tick(c.f);
	capture_add_many(&c, 1);
	g_assert_cmpint(pcapng_files_timeout_ms(c.f), >, 1000000);
	stop(&c);
}

static int stats_error;

static int fail_stats(void *user, struct pcapng_writer *w)
{
	(void)user;
	(void)w;
	return stats_error;
}

/* A failure of the caller's own statistics costs no packet. */
static void test_stats_fail(gconstpointer data)
{
	struct capture c = { .config = { .queue_size = 16 * MIB, .add_stats = fail_stats } };

	stats_error = GPOINTER_TO_INT(data);
	start_stalled(&c);
	capture_add_many(&c, 20000);
	machine_release();
	g_assert_cmpint(pcapng_files_close(c.f), ==, stats_error);
	g_assert_cmpuint(pcapng_files_packets(c.f, 0), ==, c.written);
	pcapng_files_free(c.f);
	capture_check_all(&c, 0, 1);
	capture_tear_down(&c);
}

/* Statistics are the end of a file also if the queue was full when it was due. */
static void test_stats_last(void)
{
	struct capture c = { .config = { .queue_size = MIB } };
	g_autoptr(GPtrArray) paths = NULL;
	g_autofree char *content = NULL;
	uint32_t total, type;
	gsize len;

	start_stalled(&c);
	while (capture_add(&c) == 0)
		;
	g_assert_cmpint(pcapng_files_rotate(c.f), ==, -ENOBUFS);
	machine_release();
	g_assert_cmpint(pcapng_files_flush(c.f), ==, 0);
	capture_add_many(&c, 1);
	g_assert_cmpint(pcapng_files_rotate(c.f), ==, 0);
	g_assert_cmpint(pcapng_files_flush(c.f), ==, 0);
	paths = capture_list(&c, ".pcapng");
	g_assert_true(g_file_get_contents(paths->pdata[0], &content, &len, NULL));
	memcpy(&total, content + len - 4, 4);
	memcpy(&type, content + len - total, 4);
	g_assert_cmpuint(type, ==, PCAPNG_BLOCK_ISB);
	stop(&c);
}

/* The start of a file may be longer than a buffer. */
static void test_long_header(void)
{
	g_autofree char *comment = g_strnfill(60000, 'x');
	const char *comments[40];
	const struct pcapng_section section = { .options = { .comments = comments,
							     .n_comments = 40 } };
	struct capture c = { .config = { .queue_size = 16 * MIB, .size = sizeof(c.config) } };

	for (int i = 0; i < 40; i++)
		comments[i] = comment;
	capture_set_up(&c);
	c.config.path = c.path;
	g_assert_cmpint(pcapng_files_new(&section, NULL, &c.config, &c.f), ==, 0);
	for (int i = 0; i < 3; i++)
		g_assert_cmpint(pcapng_files_rotate(c.f), ==, 0);
	capture_stop(&c);
	capture_check_all(&c, 0, 4);
	capture_tear_down(&c);
}

/* Calls do the thread's work if there is none. */
static void test_no_thread(void)
{
	struct capture c = { .config = { .queue_size = MIB, .max_packets = 1000 } };

	has_no_threads = true;
	capture_set_up(&c);
	capture_start(&c);
	capture_add_many(&c, 3500);
	g_assert_cmpuint(c.finished, ==, 3);
	g_assert_cmpint(pcapng_files_sync(c.f), ==, 0);
	g_assert_cmpuint(pcapng_files_packets(c.f, 0), ==, 3500);
	g_assert_cmpuint(pcapng_files_queued(c.f), ==, 0);
	stop(&c);
	has_no_threads = false;
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_data_func("/queue/stall", GINT_TO_POINTER(PCAPNG_DIRECT_IO_OFF), test_stall);
	g_test_add_data_func("/queue/stall-direct", GINT_TO_POINTER(PCAPNG_DIRECT_IO_ON),
			     test_stall);
	g_test_add_data_func("/queue/too-small", GSIZE_TO_POINTER(4 * MIB), test_too_small);
	g_test_add_data_func("/queue/far-too-small", GSIZE_TO_POINTER(1), test_too_small);
	g_test_add_func("/queue/memory", test_memory);
	g_test_add_data_func("/queue/given-back", GSIZE_TO_POINTER(16 * MIB), test_given_back);
	g_test_add_data_func("/queue/given-back-small", GSIZE_TO_POINTER(6 * MIB), test_given_back);
	g_test_add_func("/queue/small-pushes", test_small_pushes);
	g_test_add_data_func("/queue/rotation-due", NULL, test_due_while_full);
	g_test_add_data_func("/queue/sync-due", GINT_TO_POINTER(1), test_due_while_full);
	g_test_add_func("/queue/due-after-end", test_due_after_end);
	g_test_add_func("/queue/after-last", test_after_last);
	g_test_add_func("/queue/long-delay", test_long_delay);
	g_test_add_data_func("/queue/stats-fail", GINT_TO_POINTER(-EIO), test_stats_fail);
	g_test_add_data_func("/queue/stats-invalid", GINT_TO_POINTER(-EINVAL), test_stats_fail);
	g_test_add_func("/queue/stats-last", test_stats_last);
	g_test_add_func("/queue/long-header", test_long_header);
	g_test_add_func("/queue/no-thread", test_no_thread);
	return g_test_run();
}
