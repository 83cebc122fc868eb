/* SPDX-License-Identifier: MIT */
/* test-queue-end.c - sets of files with a queue, and how they end on a bad disk */
#include <errno.h>

#include "tests/pcapng/files/capture.h"
#include "tests/pcapng/files/machine.h"

#define MIB 1048576u

/* What a reader finds is what the library counted, in all files, and told of each. */
static void check_counts(struct capture *c, bool is_told)
{
	g_autoptr(GPtrArray) paths = capture_list(c, capture_suffix(c));
	g_autoptr(GPtrArray) parts = capture_list(c, ".part");
	uint64_t next = 0;

	g_assert_cmpuint(parts->len, ==, 0);
	capture_check(paths);
	for (unsigned int i = 0; i < paths->len; i++)
		(void)capture_read_serials(paths->pdata[i], &next, 0);
	g_assert_cmpuint(c->counted, ==, next);
	if (is_told) {
		g_assert_cmpuint(c->packets, ==, next);
		g_assert_cmpuint(c->finished, ==, paths->len);
		g_assert_cmpuint(c->opened, >=, c->finished);
	}
}

/* Closes with this result. */
static void close_with(struct capture *c, int r)
{
	g_assert_cmpint(pcapng_files_close(c->f), ==, r);
	c->counted = pcapng_files_packets(c->f, 0);
}

static void free_and_check(struct capture *c, bool is_told)
{
	pcapng_files_free(g_steal_pointer(&c->f));
	check_counts(c, is_told);
	capture_tear_down(c);
}

enum { PUSH, ROTATE, SYNC, DIRECT = 4, GZIP = 8 };

/* Compressed, or written with direct I/O, or neither. */
static void set_kind(struct capture *c, int kind)
{
	c->config.direct_io = kind & DIRECT ? PCAPNG_DIRECT_IO_ON : PCAPNG_DIRECT_IO_OFF;
	if (kind & GZIP) {
		c->config.compression = PCAPNG_COMPRESSION_GZIP;
		c->config.compression_level = 1;
	}
}

/* A write that does not return is given up: the file ends where it was said to end. */
static void test_stuck(gconstpointer data)
{
	int what = GPOINTER_TO_INT(data) % DIRECT;
	struct capture c = { .config = { .queue_size = 16 * MIB,
					 .sync_interval_ns = what == SYNC ? 1000000 : 0 } };

	set_kind(&c, GPOINTER_TO_INT(data));
	capture_set_up(&c);
	capture_start(&c);
	capture_add_many(&c, 100);
	g_assert_cmpint(pcapng_files_flush(c.f), ==, 0);
	machine_stall();
	capture_add_many(&c, 50);
	passed_ms += 10;
	if (what == ROTATE)
		g_assert_cmpint(pcapng_files_rotate(c.f), ==, 0);
	else if (what == SYNC)
		g_assert_cmpint(pcapng_files_tick(c.f), ==, 0);
	else
		g_assert_cmpint(pcapng_files_push(c.f), ==, 0);
	machine_wait_stalled();
	capture_add_many(&c, 20000);
	g_assert_cmpint(pcapng_files_push(c.f), ==, 0);
	passed_ms = -5000; /* the second that it waits is over */
	pcapng_files_give_up(c.f);
	pcapng_files_give_up(c.f);
	passed_ms = 0;
	g_assert_cmpint(capture_add(&c), ==, -ECANCELED);
	g_assert_cmpint(pcapng_files_flush(c.f), ==, -ECANCELED);
	close_with(&c, -ECANCELED);
	g_assert_cmpuint(c.counted, ==, 100);
	{
		g_autoptr(GPtrArray) parts = capture_list(&c, ".part");

		g_assert_cmpuint(parts->len, ==, 1);
	}
	machine_release();
	free_and_check(&c, false);
}

/* A disk that is full, but answers, is given up at once. */
static void test_give_up_full(void)
{
	struct capture c = {
		.config = { .queue_size = 4 * MIB, .full = PCAPNG_FULL_DROP, .max_bytes = 500000 }
	};
	int r;

	capture_set_up(&c);
	capture_start(&c);
	machine_set_room(2000001, ENOSPC);
	do
		r = capture_add(&c);
	while (r == 0 || (r == -ENOBUFS && pcapng_files_flush(c.f) == 0));
	g_assert_cmpint(pcapng_files_flush(c.f), ==, -EAGAIN);
	g_assert_cmpint(pcapng_files_end(c.f), ==, -EAGAIN);
	pcapng_files_give_up(c.f);
	close_with(&c, -ECANCELED);
	machine_set_room(UINT64_MAX, 0);
	g_assert_cmpuint(c.counted, >, 10000);
	g_assert_cmpuint(c.counted, <, c.written);
	free_and_check(&c, true);
}

static int fail_stats(void *user, struct pcapng_writer *w)
{
	(void)user;
	(void)w;
	return -EIO;
}

/* What has failed for another reason can be given up, too. */
static void test_give_up_failed(void)
{
	struct capture c = { .config = { .queue_size = 16 * MIB, .add_stats = fail_stats } };

	capture_set_up(&c);
	capture_start(&c);
	machine_stall();
	capture_add_many(&c, 5000);
	g_assert_cmpint(pcapng_files_end(c.f), ==, -EIO);
	g_assert_cmpint(pcapng_files_error(c.f)->code, ==, -EIO);
	g_assert_cmpstr(pcapng_files_error(c.f)->text, ==, "adding the statistics");
	machine_wait_stalled();
	passed_ms = -5000;
	pcapng_files_give_up(c.f);
	passed_ms = 0;
	close_with(&c, -EIO);
	g_assert_cmpuint(c.counted, ==, 0);
	machine_release();
	free_and_check(&c, false);
}

/* The disk fails, or is full for good: all that it took counts, and the rest does not. */
static void test_fails(gconstpointer data)
{
	int error = GPOINTER_TO_INT(data) / 16;

	for (uint64_t room = 700001; room < 3000000; room += 333333) {
		struct capture c = { .config = { .queue_size = 2 * MIB, .max_bytes = 900000 } };
		int r;

		set_kind(&c, GPOINTER_TO_INT(data));
		capture_set_up(&c);
		capture_start(&c);
		machine_set_room(room, error);
		do
			r = capture_add(&c);
		while (r == 0 || r == -ENOBUFS);
		g_assert_cmpint(r, ==, -error);
		g_assert_nonnull(strstr(pcapng_files_error(c.f)->text, ": writing"));
		g_assert_cmpint(pcapng_files_tick(c.f), ==, -error);
		g_assert_cmpint(pcapng_files_timeout_ms(c.f), ==, -1);
		close_with(&c, -error);
		machine_set_room(UINT64_MAX, 0);
		g_assert_cmpuint(c.counted, >, 2000);
		free_and_check(&c, true);
	}
}

/* An error that the page cache knew of is not lost. */
static void test_late(void)
{
	struct capture c = { .config = { .queue_size = 64 * MIB } };
	int r = 0;

	if (!mount_ext4(&c, 64))
		return;
	capture_start(&c);
	range_error = EIO;
	for (int i = 0; r == 0 && i < 100000; i++) {
		r = capture_add(&c);
		if (r == 0 && i % 700 == 0)
			r = pcapng_files_flush(c.f);
	}
	range_error = 0;
	g_assert_cmpint(r, ==, -EIO);
	close_with(&c, -EIO);
	pcapng_files_free(g_steal_pointer(&c.f));
	check_counts(&c, true);
	unmount_small(&c);
}

/* A flush tries a full disk again, with a thread or without. */
static void test_full_again(gconstpointer data)
{
	struct capture c = { .config = { .queue_size = MIB + MIB / 2, .full = PCAPNG_FULL_DROP } };
	int r;

	has_no_threads = GPOINTER_TO_INT(data);
	capture_set_up(&c);
	capture_start(&c);
	machine_set_room(123456, ENOSPC);
	do
		r = capture_add(&c);
	while (r == 0 || (r == -ENOBUFS && pcapng_files_flush(c.f) == 0));
	buffer_bytes = 0;
	for (int i = 0; i < 100; i++) {
		unsigned int before = writes;

		g_assert_cmpint(pcapng_files_flush(c.f), ==, -EAGAIN);
		g_assert_cmpuint(writes, >, before);
	}
	g_assert_cmpuint(buffer_bytes, <, 3 * MIB);
	g_assert_cmpint(pcapng_files_sync(c.f), ==, -EAGAIN);
	g_assert_cmpint(capture_add(&c), ==, -EAGAIN);
	machine_set_room(UINT64_MAX, 0);
	g_assert_cmpint(pcapng_files_flush(c.f), ==, 0);
	g_assert_cmpuint(pcapng_files_packets(c.f, 0), ==, c.written);
	capture_add_many(&c, 100);
	close_with(&c, 0);
	free_and_check(&c, true);
	has_no_threads = false;
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_data_func("/queue-end/stuck", GINT_TO_POINTER(PUSH), test_stuck);
	g_test_add_data_func("/queue-end/stuck-rotation", GINT_TO_POINTER(ROTATE), test_stuck);
	g_test_add_data_func("/queue-end/stuck-sync", GINT_TO_POINTER(SYNC), test_stuck);
	g_test_add_data_func("/queue-end/stuck-direct", GINT_TO_POINTER(DIRECT + PUSH), test_stuck);
	g_test_add_data_func("/queue-end/stuck-rotation-direct", GINT_TO_POINTER(DIRECT + ROTATE),
			     test_stuck);
	g_test_add_func("/queue-end/give-up-full", test_give_up_full);
	g_test_add_func("/queue-end/give-up-failed", test_give_up_failed);
	g_test_add_data_func("/queue-end/stuck-gzip", GINT_TO_POINTER(GZIP + PUSH), test_stuck);
	g_test_add_data_func("/queue-end/stuck-rotation-gzip", GINT_TO_POINTER(GZIP + ROTATE),
			     test_stuck);
	g_test_add_data_func("/queue-end/stuck-sync-gzip", GINT_TO_POINTER(GZIP + SYNC),
			     test_stuck);
	g_test_add_data_func("/queue-end/fails", GINT_TO_POINTER(16 * EIO), test_fails);
	g_test_add_data_func("/queue-end/fails-direct", GINT_TO_POINTER(16 * EIO + DIRECT),
			     test_fails);
	g_test_add_data_func("/queue-end/fails-gzip", GINT_TO_POINTER(16 * EIO + GZIP), test_fails);
	g_test_add_data_func("/queue-end/full", GINT_TO_POINTER(16 * ENOSPC), test_fails);
	g_test_add_data_func("/queue-end/full-direct", GINT_TO_POINTER(16 * ENOSPC + DIRECT),
			     test_fails);
	g_test_add_data_func("/queue-end/full-gzip", GINT_TO_POINTER(16 * ENOSPC + GZIP),
			     test_fails);
	g_test_add_data_func("/queue-end/quota", GINT_TO_POINTER(16 * EDQUOT + DIRECT), test_fails);
	g_test_add_func("/queue-end/late", test_late);
	g_test_add_data_func("/queue-end/full-again", GINT_TO_POINTER(0), test_full_again);
	g_test_add_data_func("/queue-end/full-again-without-thread", GINT_TO_POINTER(1),
			     test_full_again);
	return g_test_run();
}
