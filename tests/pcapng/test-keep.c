/* SPDX-License-Identifier: MIT */
/*
 * test-keep.c - sets of files: which stay, what time it is, and what is said when it fails
 */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/pcapng/capture.h"

/* The library's clocks and writes go through these, see meson.build. */
int __real_clock_gettime(clockid_t id, struct timespec *ts);
int __wrap_clock_gettime(clockid_t id, struct timespec *ts);
time_t __wrap_time(time_t *ret);
ssize_t __real_writev(int fd, const struct iovec *iov, int iovcnt);
ssize_t __wrap_writev(int fd, const struct iovec *iov, int iovcnt);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __real_close(int fd);
int __wrap_close(int fd);

static int64_t wall_s;	  /* how far the wall clock was set */
static int64_t passed_ms; /* how much time passed on both clocks */
static unsigned int writes, syncs;
static int write_error, sync_error, close_error; /* errno, 0: none */

int __wrap_clock_gettime(clockid_t id, struct timespec *ts)
{
	int r = __real_clock_gettime(id, ts);

	ts->tv_sec += passed_ms / 1000 + (id == CLOCK_REALTIME ? wall_s : 0);
	ts->tv_nsec += passed_ms % 1000 * 1000000;
	ts->tv_sec += ts->tv_nsec / 1000000000;
	ts->tv_nsec %= 1000000000;
	return r;
}

time_t __wrap_time(time_t *ret)
{
	struct timespec now;

	__wrap_clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec;
}

ssize_t __wrap_writev(int fd, const struct iovec *iov, int iovcnt)
{
	writes++;
	if (write_error) {
		errno = write_error;
		return -1;
	}
	return __real_writev(fd, iov, iovcnt);
}

int __wrap_fdatasync(int fd)
{
	syncs++;
	if (sync_error) {
		errno = sync_error;
		return -1;
	}
	return __real_fdatasync(fd);
}

int __wrap_close(int fd)
{
	int r = __real_close(fd);

	if (close_error) {
		errno = close_error;
		return -1;
	}
	return r;
}

static uint64_t count_bytes(const struct capture *c)
{
	g_autoptr(GPtrArray) paths = capture_list(c, "");
	uint64_t bytes = 0;

	for (unsigned int i = 0; i < paths->len; i++) {
		struct stat st;

		g_assert_cmpint(stat(paths->pdata[i], &st), ==, 0);
		bytes += st.st_size;
	}
	return bytes;
}

static unsigned int count_files(const struct capture *c, const char *suffix)
{
	g_autoptr(GPtrArray) paths = capture_list(c, suffix);

	return paths->len;
}

/* At no moment more than the limit, with the file being written, and over two runs. */
static void test_bytes(void)
{
	struct capture c = { .config = { .max_bytes = 10000, .keep_bytes = 50000 } };

	capture_set_up(&c);
	for (int run = 0; run < 2; run++) {
		capture_start(&c);
		for (int i = 0; i < 100; i++) {
			capture_add_many(&c, 20);
			g_assert_cmpint(pcapng_files_flush(c.f), ==, 0);
			g_assert_cmpuint(count_bytes(&c), <=, 50000);
		}
		capture_stop(&c);
	}
	g_assert_cmpuint(count_bytes(&c), >, 30000);
	capture_tear_down(&c);
}

static void test_age(void)
{
	struct capture c = { .config = { .max_packets = 10,
					 .keep_age_ns = 60 * UINT64_C(1000000000) } };

	capture_set_up(&c);
	capture_start(&c);
	capture_add_many(&c, 30); /* two finished files and a full one */
	passed_ms += 40000;
	capture_add_many(&c, 10); /* the third is finished now */
	g_assert_cmpuint(c.deleted, ==, 0);
	passed_ms += 40000;
	capture_add_many(&c, 1);
	g_assert_cmpuint(c.deleted, ==, 2);
	capture_stop(&c);
	capture_check_all(&c, 20, 3);
	passed_ms = 0;
	capture_tear_down(&c);
}

/* 1 MiB of disk of our own, or a test that is skipped. */
static bool mount_small(struct capture *c)
{
	static bool done;

	capture_set_up(c);
	if ((done || unshare(CLONE_NEWNS) == 0) &&
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	    mount("tmpfs", c->folder, "tmpfs", 0, "size=1m") == 0) {
		done = true;
		return true;
	}
	g_test_skip("no permission to mount a small disk");
	capture_tear_down(c);
	return false;
}

static void unmount_small(struct capture *c)
{
	umount2(c->folder, MNT_DETACH);
	capture_tear_down(c);
}

static void test_free(void)
{
	struct capture c = { .config = { .max_bytes = 100000, .keep_free = 400000 } };

	if (!mount_small(&c))
		return;
	capture_start(&c);
	for (int i = 0; i < 200; i++) {
		capture_add_many(&c, 100);
		g_assert_cmpint(pcapng_files_flush(c.f), ==, 0);
		g_assert_cmpuint(count_bytes(&c), <=, (1 << 20) - 400000);
	}
	capture_stop(&c);
	g_assert_cmpuint(c.deleted, >, 10);
	g_assert_cmpuint(count_files(&c, ".pcapng"), >=, 4);
	unmount_small(&c);
}

/* The newest files stay, although older ones look younger. */
static void test_clock_back(void)
{
	struct capture c = { .config = { .max_packets = 10, .keep_files = 3 } };

	capture_set_up(&c);
	capture_start(&c);
	capture_add_many(&c, 35);
	wall_s = -7200;
	capture_add_many(&c, 30);
	capture_stop(&c);
	g_assert_cmpuint(count_files(&c, ""), ==, 3);
	capture_check_all(&c, 40, 3);
	wall_s = 0;
	capture_tear_down(&c);
}

/* A file of an hour does not become one of three. */
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
		g_assert_cmpint(pcapng_files_tick(c.f), ==, 0);
	}
	g_assert_cmpuint(c.finished, ==, 1);
	wall_s = passed_ms = 0;
	capture_stop(&c);
	capture_check_all(&c, 0, 2);
	capture_tear_down(&c);
}

/* What a crash left counts, and goes when it is the oldest; so do files whose name was taken. */
static void test_recovered_count(void)
{
	struct capture c = { .config = { .max_packets = 10, .keep_files = 3 } };
	g_autoptr(GPtrArray) parts = NULL;
	char *name;

	capture_set_up(&c);
	for (int run = 0; run < 2; run++) {
		capture_start(&c);
		capture_add_many(&c, 5);
		g_assert_cmpint(pcapng_files_flush(c.f), ==, 0);
		pcapng_files_free(c.f); /* as a crash does */
	}
	capture_start(&c);
	g_assert_cmpuint(c.recovered, ==, 2);
	g_assert_cmpuint(count_files(&c, "-recovered.pcapng"), ==, 2);
	parts = capture_list(&c, ".part");
	name = parts->pdata[0];
	name[strlen(name) - strlen(".part")] = '\0';
	g_assert_true(g_file_set_contents(name, "theirs", -1, NULL));
	capture_add_many(&c, 10); /* NAME-2.pcapng */
	capture_stop(&c);
	g_assert_cmpuint(count_files(&c, "-2.pcapng"), ==, 1);
	g_unlink(name);
	capture_check_all(&c, 0, 3);
	capture_start(&c);
	g_assert_cmpuint(c.deleted, ==, 1);
	capture_add_many(&c, 21);
	capture_stop(&c);
	capture_check_all(&c, 20, 3);
	g_assert_cmpuint(c.deleted, ==, 3);
	capture_tear_down(&c);
}

/* What a crash before the first byte left goes, unless somebody still has it, or it is not of the set. */
static void test_empty_parts(void)
{
	static const char *const names[] = {
		"cap_00007_20260101000000.pcapng.part",
		"cap_00008_20260101000000.pcapng.part", /* locked */
		"cap_00009_2026.pcapng.part",
		"cap_00010_20260101000000.pcapng",
	};
	struct capture c = { .config = { .keep_files = 3 } };
	int fd = -1;

	capture_set_up(&c);
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *path = g_build_filename(c.folder, names[i], NULL);

		g_assert_true(g_file_set_contents(path, "", 0, NULL));
		if (i == 1)
			fd = open(path, O_RDWR | O_CLOEXEC);
	}
	g_assert_cmpint(flock(fd, LOCK_EX), ==, 0);
	capture_start(&c);
	capture_add_many(&c, 3);
	capture_stop(&c);
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *path = g_build_filename(c.folder, names[i], NULL);

		g_assert_cmpint(g_file_test(path, G_FILE_TEST_EXISTS), ==, i > 0);
		g_unlink(path);
	}
	close(fd);
	capture_check_all(&c, 0, 1);
	capture_tear_down(&c);
}

/* All names of this second are taken: one is found, and nothing is replaced. */
static void test_collisions(void)
{
	struct capture c = { .config = { .max_packets = 1, .name = "x%{seq}.pcapng" } };

	capture_set_up(&c);
	for (int i = 1; i <= 50; i++) {
		g_autofree char *path = g_strdup_printf("%s/x%05d.pcapng", c.folder, i);

		g_assert_true(g_file_set_contents(path, "theirs", -1, NULL));
	}
	capture_start(&c);
	capture_add_many(&c, 20);
	capture_stop(&c);
	g_assert_cmpuint(count_files(&c, ".pcapng"), ==, 70);
	for (int i = 1; i <= 50; i++) {
		g_autofree char *path = g_strdup_printf("%s/x%05d.pcapng", c.folder, i);
		struct stat st;

		g_assert_cmpint(stat(path, &st), ==, 0);
		g_assert_cmpint(st.st_size, ==, 6);
		g_unlink(path);
	}
	capture_check_all(&c, 0, 20);
	capture_tear_down(&c);
}

/* A full disk is not asked by each packet, but as soon as the caller wants to know. */
static void test_back_off(void)
{
	struct capture c = { .config = { .full = PCAPNG_FULL_DROP } };
	unsigned int refused = 0;

	capture_set_up(&c);
	g_assert_cmpint(capture_start_with(&c,
					   &(struct pcapng_writer_config){ .buffer_size = 8192 }),
			==, 0);
	write_error = ENOSPC;
	writes = 0;
	for (int i = 0; i < 1000; i++)
		refused += capture_add(&c) == -EAGAIN;
	g_assert_cmpuint(refused, >, 900);
	g_assert_cmpuint(writes, ==, 1); /* they take far less than 100 ms */
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
		g_assert_cmpint(pcapng_files_tick(c.f), ==, 0);
	}
	g_assert_cmpuint(syncs, >=, 9);
	g_assert_cmpuint(syncs, <=, 11);
	g_assert_cmpuint(pcapng_writer_pending(pcapng_files_writer(c.f)), <, 11 * 160);
	passed_ms = 0;
	capture_stop(&c);
	capture_tear_down(&c);
}

/* Each file is on the disk before it has its name. */
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

/* What the disk says last is told, too: some file systems keep an error until then. */
static void test_late_error(gconstpointer data)
{
	struct capture c = { .config = { .name = "x%{seq}.pcapng", .sync = true } };
	int *error = (int *)data;

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

/* An error while it is synced by time is told by the call that does it, and sticks. */
static void test_sync_interval_error(void)
{
	struct capture c = { .config = { .sync_interval_ns = UINT64_C(1000000000) } };

	capture_set_up(&c);
	capture_start(&c);
	capture_add_many(&c, 1);
	passed_ms += 1001;
	sync_error = EIO;
	g_assert_cmpint(pcapng_files_tick(c.f), ==, -EIO);
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
	g_assert_cmpstr(pcapng_files_error(c.f)->text, ==,
			"EPB: there is no interface with this id");
	g_assert_cmpint(pcapng_files_error(c.f)->code, ==, -EINVAL);
	write_error = EIO;
	capture_add_many(&c, 1);
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

/* A disk that cannot be written any more: nothing is begun, and why is said. */
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
	g_test_add_func("/keep/bytes", test_bytes);
	g_test_add_func("/keep/age", test_age);
	g_test_add_func("/keep/free", test_free);
	g_test_add_func("/keep/clock-back", test_clock_back);
	g_test_add_func("/keep/clock-back-interval", test_clock_back_interval);
	g_test_add_func("/keep/recovered", test_recovered_count);
	g_test_add_func("/keep/empty-parts", test_empty_parts);
	g_test_add_func("/keep/collisions", test_collisions);
	g_test_add_func("/keep/back-off", test_back_off);
	g_test_add_func("/keep/sync-interval", test_sync_interval);
	g_test_add_func("/keep/sync", test_sync);
	g_test_add_data_func("/keep/sync-error", &sync_error, test_late_error);
	g_test_add_data_func("/keep/close-error", &close_error, test_late_error);
	g_test_add_func("/keep/sync-interval-error", test_sync_interval_error);
	g_test_add_func("/keep/error-text", test_error_text);
	g_test_add_func("/keep/read-only", test_read_only);
	return g_test_run();
}
