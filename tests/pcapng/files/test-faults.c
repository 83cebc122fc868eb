/* SPDX-License-Identifier: MIT */
/* test-faults.c - sets of files while the clock is set and the disk fails */
#include <errno.h>
#include <glib/gstdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "tests/pcapng/files/capture.h"
#include "tests/pcapng/files/machine.h"

/* A file of one hour does not last three when the clock is set back. */
static void test_clock_back_interval(void)
{
	struct capture c = { .config = { .interval_ns = 3600 * UINT64_C(1000000000) } };

	capture_set_up(&c);
	capture_start(&c);
	capture_add_many(&c, 1);
	wall_s = -7200;
	passed_ms += 3599 * 1000;
	for (int i = 0; i < 3 && c.finished == 0; i++) {
		passed_ms += 1000 * 1000;
		g_assert_cmpint(pcapng_files_timeout_ms(c.f), <=, 3600 * 1000);
		g_assert_cmpint(capture_tick(&c), ==, 0);
	}
	g_assert_cmpuint(c.finished, ==, 1);
	wall_s = passed_ms = 0;
	capture_stop(&c);
	capture_check_all(&c, 0, 2);
	capture_tear_down(&c);
}

/* A clock that is set forward ends the interval within a second, not within the timer of before. */
static void test_clock_forward_interval(void)
{
	struct capture c = { .config = { .interval_ns = 3600 * UINT64_C(1000000000),
					 .skip_empty = false } };

	capture_set_up(&c);
	capture_start(&c);
	capture_add_many(&c, 1);
	g_assert_cmpint(pcapng_files_timeout_ms(c.f), <=, 1000);
	wall_s = 3600;
	g_assert_cmpint(pcapng_files_timeout_ms(c.f), ==, 0);
	g_assert_cmpint(capture_tick(&c), ==, 0);
	g_assert_cmpuint(c.finished, ==, 1);
	wall_s = 0;
	capture_stop(&c);
	capture_tear_down(&c);
}

/* Sixty days are more milliseconds than 32 bits hold. */
static void test_sixty_days(void)
{
	const int64_t day_ms = 24 * 3600 * 1000;
	struct capture c = { .config = { .max_duration_ns = 60 * 86400 * UINT64_C(1000000000) } };

	capture_set_up(&c);
	capture_start(&c);
	passed_ms = 59 * day_ms;
	g_assert_cmpint(pcapng_files_timeout_ms(c.f), ==, 1000);
	passed_ms = 60 * day_ms;
	g_assert_cmpint(pcapng_files_timeout_ms(c.f), ==, 0);
	passed_ms = 0;
	capture_stop(&c);
	capture_tear_down(&c);
}

/* A file system with room but without inodes: twelve files, then none. */
static bool mount_few(struct capture *c)
{
	if (!mount_small(c))
		return false;
	g_assert_cmpint(mount(NULL, c->folder, "tmpfs", MS_REMOUNT, "size=1m,nr_inodes=14"), ==, 0);
	return true;
}

static void test_inodes_prune(void)
{
	struct capture c = { .config = { .max_packets = 2, .full = PCAPNG_FULL_PRUNE } };

	if (!mount_few(&c))
		return;
	capture_start(&c);
	capture_add_many(&c, 100);
	g_assert_cmpuint(c.deleted, >, 30);
	capture_stop(&c);
	unmount_small(&c);
}

static void test_inodes_drop(void)
{
	struct capture c = { .config = { .max_packets = 2, .full = PCAPNG_FULL_DROP } };
	unsigned int refused = 0;
	g_autoptr(GPtrArray) paths = NULL;

	if (!mount_few(&c))
		return;
	capture_start(&c);
	for (int i = 0; i < 1000; i++) /* a queue is full, too */
		refused += capture_add(&c) == -EAGAIN;
	g_assert_cmpuint(refused, >, 60);
	paths = capture_list(&c, ".pcapng");
	g_assert_cmpint(g_unlink(paths->pdata[0]), ==, 0);
	if (c.settles) /* for all of the queue */
		g_assert_cmpint(mount(NULL, c.folder, "tmpfs", MS_REMOUNT,
				      "size=8m,nr_inodes=1014"),
				==, 0);
	if (c.settles)
		g_assert_cmpint(pcapng_files_flush(c.f), ==, 0);
	passed_ms += 101;
	g_assert_cmpint(capture_add(&c), ==, 0);
	passed_ms = 0;
	capture_stop(&c);
	capture_check_all(&c, 2, 0);
	unmount_small(&c);
}

/* A disk that is full of what a crash left: that is the oldest file, and deleted. */
static void test_prune_part(void)
{
	struct capture old = { 0 }, c;
	g_autoptr(GPtrArray) parts = NULL;
	int r;

	if (!mount_small(&old))
		return;
	capture_start(&old);
	while (capture_add(&old) == 0)
		;
	pcapng_files_free(g_steal_pointer(&old.f));
	c = (struct capture){ .folder = old.folder,
			      .path = old.path,
			      .config = { .max_bytes = 100000, .full = PCAPNG_FULL_STOP } };
	r = capture_start_with(&c, NULL);
	g_assert_cmpint(r, ==, -ENOSPC);
	pcapng_files_free(g_steal_pointer(&c.f));
	c.config.full = PCAPNG_FULL_PRUNE;
	capture_start(&c);
	g_assert_cmpuint(c.deleted, ==, 1);
	capture_add_many(&c, 3000);
	capture_stop(&c);
	g_assert_cmpuint(c.deleted, ==, 1);
	parts = capture_list(&c, ".part");
	g_assert_cmpuint(parts->len, ==, 0);
	capture_check_all(&c, 0, 0);
	unmount_small(&c);
}

/* Packets do not retry a full disk, but a flush does at once; also where calls do the work of the queue. */
static void test_back_off(void)
{
	struct capture c = { .config = { .full = PCAPNG_FULL_DROP,
					 .queue_size = g_getenv("PCAPNG_QUEUE") ? 1048576 : 0 } };
	unsigned int refused = 0;

	capture_set_up(&c);
	g_assert_cmpint(capture_start_with(&c,
					   &(struct pcapng_writer_config){ .buffer_size = 8192 }),
			==, 0);
	has_no_threads = true;
	write_error = ENOSPC;
	writes = 0;
	while (refused < 1000)
		refused += capture_add(&c) == -EAGAIN;
	g_assert_cmpuint(writes, <, 10); /* they need far less than a second */
	passed_ms += 101;
	g_assert_cmpint(capture_add(&c), ==, -EAGAIN);
	writes = 1;
	for (int i = 0; i < 5; i++) {
		passed_ms += 101;
		g_assert_cmpint(capture_add(&c), ==, -EAGAIN);
	}
	g_assert_cmpuint(writes, ==, 6);
	g_assert_cmpint(pcapng_files_flush(c.f), ==, -EAGAIN);
	g_assert_cmpuint(writes, ==, 7);
	write_error = 0;
	g_assert_cmpint(capture_add(&c), ==, -EAGAIN);
	g_assert_cmpint(pcapng_files_flush(c.f), ==, 0);
	g_assert_cmpint(capture_add(&c), ==, 0);
	capture_stop(&c);
	capture_check_all(&c, 0, 1);
	passed_ms = 0;
	has_no_threads = false;
	capture_tear_down(&c);
}

static void test_sync_interval(void)
{
	struct capture c = { .config = { .sync_interval_ns = UINT64_C(1000000000) } };

	capture_set_up(&c);
	capture_start(&c);
	syncs = 0;
	for (int i = 0; i < 100; i++) {
		capture_add_many(&c, 1);
		g_assert_cmpint(pcapng_files_timeout_ms(c.f), <=, 1000);
		passed_ms += 100;
		g_assert_cmpint(capture_tick(&c), ==, 0);
	}
	g_assert_cmpuint(syncs, >=, 9);
	g_assert_cmpuint(syncs, <=, 11);
	g_assert_cmpuint(pcapng_writer_pending(pcapng_files_writer(c.f)), <, 11 * 160);
	passed_ms = 0;
	capture_stop(&c);
	capture_tear_down(&c);
}

/* Each file is on the disk before it gets its final name. */
static void test_sync(void)
{
	struct capture c = { .config = { .max_packets = 10, .sync = true } };

	capture_set_up(&c);
	syncs = 0;
	capture_start(&c);
	capture_add_many(&c, 25);
	g_assert_cmpuint(syncs, ==, 2);
	capture_stop(&c);
	g_assert_cmpuint(syncs, ==, 3);
	capture_check_all(&c, 0, 3);
	capture_tear_down(&c);
}

/* A sync is of all files, also of those that ended without one; what it reached stays known. */
static void test_synced(void)
{
	struct capture c = { .config = { .max_packets = 10 } };

	capture_set_up(&c);
	capture_start(&c);
	g_assert_cmpuint(pcapng_files_synced(c.f), ==, 0);
	capture_add_many(&c, 25);
	g_assert_cmpuint(pcapng_files_synced(c.f), ==, 0);
	fs_syncs = 0;
	g_assert_cmpint(pcapng_files_sync(c.f), ==, 0);
	g_assert_cmpint(pcapng_files_sync(c.f), ==, 0);
	g_assert_cmpuint(fs_syncs, ==, 1);
	g_assert_cmpuint(pcapng_files_synced(c.f), ==, 25);
	capture_add_many(&c, 2);
	g_assert_cmpint(pcapng_files_flush(c.f), ==, 0);
	sync_error = EIO;
	g_assert_cmpint(pcapng_files_sync(c.f), ==, -EIO);
	g_assert_cmpint(pcapng_files_close(c.f), ==, -EIO);
	sync_error = 0;
	g_assert_cmpuint(pcapng_files_synced(c.f), ==, 25);
	g_assert_cmpuint(pcapng_files_packets(c.f, 0), ==, 27);
	g_assert_nonnull(strstr(pcapng_files_error(c.f)->text, ".pcapng: fdatasync"));
	pcapng_files_free(c.f);
	capture_check_all(&c, 0, 3);
	capture_tear_down(&c);
}

/* Files that are synced when they end need no other sync. */
static void test_synced_files(void)
{
	struct capture c = { .config = { .max_packets = 10, .sync = true } };

	capture_set_up(&c);
	fs_syncs = 0;
	capture_start(&c);
	capture_add_many(&c, 25);
	g_assert_cmpuint(pcapng_files_synced(c.f), ==, 20);
	g_assert_cmpint(pcapng_files_sync(c.f), ==, 0);
	g_assert_cmpuint(pcapng_files_synced(c.f), ==, 25);
	capture_add_many(&c, 2);
	g_assert_cmpint(pcapng_files_close(c.f), ==, 0);
	g_assert_cmpuint(pcapng_files_synced(c.f), ==, 27);
	g_assert_cmpuint(fs_syncs, ==, 0);
	pcapng_files_free(c.f);
	capture_tear_down(&c);
}

/*
 * A disk that is read-only all of a sudden does not truncate either: the error says what the file looks like, the
 * count is right all the same, and recovery makes it good.
 */
static void test_torn(void)
{
	for (uint64_t room = 20000; room < 20400; room += 37) {
		struct capture c = { .config = { .name = "x%{seq}.pcapng" } };
		g_autoptr(GPtrArray) paths = NULL;
		const char *torn = ", and it ends within a block";
		uint64_t bytes, counted, next = 0;
		struct stat st;
		int r;

		capture_set_up(&c);
		capture_start(&c);
		machine_set_room(room, EROFS);
		truncate_error = EROFS;
		do
			r = capture_add(&c);
		while (r == 0 && (c.settles || pcapng_files_flush(c.f) == 0));
		g_assert_cmpint(pcapng_files_close(c.f), ==, -EROFS);
		machine_set_room(UINT64_MAX, 0);
		truncate_error = 0;
		counted = pcapng_files_packets(c.f, 0);
		paths = capture_list(&c, ".pcapng");
		g_assert_cmpint(stat(paths->pdata[0], &st), ==, 0);
		g_assert_cmpint(pcapng_recover(paths->pdata[0], &bytes), ==, 0);
		g_assert_true(g_str_has_suffix(pcapng_files_error(c.f)->text, torn) ==
			      (bytes < (uint64_t)st.st_size));
		pcapng_files_free(c.f);
		capture_check(paths);
		capture_read_serials(paths->pdata[0], &next, 0);
		g_assert_cmpuint(next, ==, counted);
		g_assert_cmpuint(next, >, 80);
		capture_tear_down(&c);
	}
}

/* The last error of the disk is reported: some file systems report a write error only at close. */
static void test_late_error(gconstpointer data)
{
	struct capture c = { .config = { .name = "x%{seq}.pcapng", .sync = true } };
	_Atomic int *error = (void *)data;

	capture_set_up(&c);
	capture_start(&c);
	capture_add_many(&c, 10);
	*error = EIO;
	g_assert_cmpint(pcapng_files_close(c.f), ==, -EIO);
	*error = 0;
	g_assert_cmpstr(pcapng_files_error(c.f)->text, ==, "x00001.pcapng: ending it");
	pcapng_files_free(c.f);
	capture_check_all(&c, 0, 1);
	capture_tear_down(&c);
}

/* An error of a periodic sync is returned by the call that syncs, and sticks. */
static void test_sync_interval_error(void)
{
	struct capture c = { .config = { .sync_interval_ns = UINT64_C(1000000000) } };

	capture_set_up(&c);
	capture_start(&c);
	capture_add_many(&c, 1);
	passed_ms += 1001;
	sync_error = EIO;
	g_assert_cmpint(capture_tick(&c), ==, -EIO);
	sync_error = 0;
	g_assert_cmpint(capture_add(&c), ==, -EIO);
	g_assert_cmpint(pcapng_files_close(c.f), ==, -EIO);
	pcapng_files_free(c.f);
	capture_check_all(&c, 0, 1);
	passed_ms = 0;
	capture_tear_down(&c);
}

static void test_error_text(void)
{
	struct pcapng_error error = { 0 };
	struct capture c = { .config = { .name = "x%{seq}.pcapng", .error = &error } };

	capture_set_up(&c);
	capture_start(&c);
	g_assert_cmpint(pcapng_files_error(c.f)->code, ==, 0);
	g_assert_cmpint(pcapng_files_add_packet(c.f, &(struct pcapng_packet){ .interface = 7 }), ==,
			-EINVAL);
	g_assert_cmpstr(pcapng_files_error(c.f)->text, ==, "EPB: no interface has this id");
	g_assert_cmpint(pcapng_files_error(c.f)->code, ==, -EINVAL);
	write_error = EIO;
	(void)capture_add(&c);
	g_assert_cmpint(pcapng_files_flush(c.f), ==, -EIO);
	g_assert_cmpstr(pcapng_files_error(c.f)->text, ==, "x00001.pcapng: writing");
	g_assert_cmpint(pcapng_files_close(c.f), ==, -EIO);
	g_assert_cmpint(pcapng_files_error(c.f)->code, ==, -EIO);
	write_error = 0;
	pcapng_files_free(c.f);
	c.config.name = "%{seq}/";
	g_assert_cmpint(capture_start_with(&c, NULL), ==, -EINVAL);
	g_assert_cmpstr(error.text, ==, "%{seq}/: no such name");
	g_assert_cmpint(error.code, ==, -EINVAL);
	capture_tear_down(&c);
}

/* On a read-only disk no file is started, and the error says why. */
static void test_read_only(void)
{
	struct pcapng_error error = { 0 };
	struct capture c = { .config = { .name = "x%{seq}.pcapng", .error = &error } };

	if (!mount_small(&c))
		return;
	capture_start(&c);
	capture_add_many(&c, 10);
	capture_stop(&c);
	g_assert_cmpint(mount(NULL, c.folder, NULL, MS_REMOUNT | MS_RDONLY, NULL), ==, 0);
	g_assert_cmpint(capture_start_with(&c, NULL), ==, -EROFS);
	g_assert_cmpint(error.code, ==, -EROFS);
	g_assert_cmpstr(error.text, ==, "x%{seq}.pcapng: beginning it");
	capture_check_all(&c, 0, 1);
	unmount_small(&c);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/faults/clock-back-interval", test_clock_back_interval);
	g_test_add_func("/faults/back-off", test_back_off);
	g_test_add_func("/faults/clock-forward-interval", test_clock_forward_interval);
	g_test_add_func("/faults/sixty-days", test_sixty_days);
	g_test_add_func("/faults/inodes-prune", test_inodes_prune);
	g_test_add_func("/faults/inodes-drop", test_inodes_drop);
	g_test_add_func("/faults/sync-interval", test_sync_interval);
	g_test_add_func("/faults/prune-part", test_prune_part);
	g_test_add_func("/faults/sync", test_sync);
	g_test_add_func("/faults/synced", test_synced);
	g_test_add_func("/faults/synced-files", test_synced_files);
	g_test_add_func("/faults/torn", test_torn);
	g_test_add_data_func("/faults/sync-error", &sync_error, test_late_error);
	g_test_add_data_func("/faults/close-error", &close_error, test_late_error);
	g_test_add_func("/faults/sync-interval-error", test_sync_interval_error);
	g_test_add_func("/faults/error-text", test_error_text);
	g_test_add_func("/faults/read-only", test_read_only);
	return g_test_run();
}
