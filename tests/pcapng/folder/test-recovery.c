/* SPDX-License-Identifier: MIT */
/*
 * test-recovery.c - sets of files: recovery beside the capture
 *
 * A huge .part is 1 GiB of blocks that are mostly holes. Other threads' reads take read_us each, so its
 * recovery takes at least 5 s unless it is stopped.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/pcapng/files/capture.h"

#define BLOCK_BYTES (1u << 20)
#define BLOCKS	    1000
#define SLOW_US	    5000

ssize_t __real_pread(int fd, void *data, size_t n, off_t at);
ssize_t __wrap_pread(int fd, void *data, size_t n, off_t at);
ssize_t __wrap_pread64(int fd, void *data, size_t n, off_t at);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *),
			  void *user);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *),
			  void *user);

static pthread_t owner;
static int read_us, create_error; /* atomic: read_us */

ssize_t __wrap_pread(int fd, void *data, size_t n, off_t at)
{
	int us = g_atomic_int_get(&read_us);

	if (us && !pthread_equal(pthread_self(), owner)) {
		sigset_t blocked;

		g_assert_cmpint(pthread_sigmask(SIG_BLOCK, NULL, &blocked), ==, 0);
		g_assert_true(sigismember(&blocked, SIGINT) && sigismember(&blocked, SIGTERM));
		g_usleep(us);
	}
	return __real_pread(fd, data, n, at);
}

ssize_t __wrap_pread64(int fd, void *data, size_t n, off_t at)
{
	return __wrap_pread(fd, data, n, at);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *),
			  void *user)
{
	return create_error ? create_error : __real_pthread_create(thread, attr, fn, user);
}

static uint64_t size_of(const char *path)
{
	struct stat st;

	g_assert_cmpint(stat(path, &st), ==, 0);
	return st.st_size;
}

/* Creates the .part of a capture that was killed after three packets, with the number `seq`. */
static char *plant(const struct capture *set, unsigned int seq)
{
	/* Another set, which recovers nothing of this one. */
	struct capture c = { .folder = set->folder,
			     .path = set->path,
			     .config = { .name = "other%{seq}.pcapng" } };
	g_autofree char *name = g_strdup_printf("cap_%05u_20260101000000.pcapng.part", seq);
	g_autofree char *other = g_build_filename(set->folder, "other00001.pcapng.part", NULL);
	char *path = g_build_filename(set->folder, name, NULL);

	capture_start(&c);
	capture_add_many(&c, 3);
	g_assert_cmpint(pcapng_files_flush(c.f), ==, 0);
	pcapng_files_free(c.f);
	g_assert_cmpint(g_rename(other, path), ==, 0);
	return path;
}

/* Appends blocks and a torn one. Returns the bytes of the complete ones. */
static uint64_t make_huge(const char *path)
{
	const uint32_t head[2] = { 0x0bad, BLOCK_BYTES };
	uint64_t end = size_of(path);
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	g_assert_cmpint(fd, >=, 0);
	for (int i = 0; i < BLOCKS; i++, end += BLOCK_BYTES) {
		g_assert_cmpint(pwrite(fd, head, sizeof(head), end), ==, sizeof(head));
		g_assert_cmpint(pwrite(fd, &head[1], 4, end + BLOCK_BYTES - 4), ==, 4);
	}
	g_assert_cmpint(pwrite(fd, head, sizeof(head), end), ==, sizeof(head));
	close(fd);
	return end;
}

static char *recovered_path(const char *part)
{
	g_autofree char *stem = g_strndup(part, strlen(part) - strlen(".pcapng.part"));

	return g_strconcat(stem, "-recovered.pcapng", NULL);
}

static bool is_there(const char *path)
{
	return g_file_test(path, G_FILE_TEST_EXISTS);
}

static void set_up(struct capture *c)
{
	capture_set_up(c);
	owner = pthread_self();
	create_error = 0;
	g_atomic_int_set(&read_us, 0);
}

/* Waits until the thread that recovers has locked it. */
static void wait_for_lock(const char *path)
{
	g_autofree char *inode = NULL, *locks = NULL;
	struct stat st;

	g_assert_cmpint(stat(path, &st), ==, 0);
	inode = g_strdup_printf(":%ju ", (uintmax_t)st.st_ino);
	for (int i = 0; i < 30000; i++) {
		g_clear_pointer(&locks, g_free);
		g_assert_true(g_file_get_contents("/proc/locks", &locks, NULL, NULL));
		if (strstr(locks, inode))
			return;
		g_usleep(1000);
	}
	g_assert_not_reached();
}

/* The capture starts, writes and ends while a huge file is read. The next one recovers it. */
static void test_beside(void)
{
	struct capture c = { .config = { .max_packets = 10 } };
	g_autofree char *part = NULL, *recovered = NULL;
	uint64_t complete, whole, time;
	struct stat st;

	set_up(&c);
	part = plant(&c, 41);
	recovered = recovered_path(part);
	complete = make_huge(part);
	whole = size_of(part);
	g_assert_cmpint(stat(part, &st), ==, 0);
	time = st.st_mtim.tv_nsec;
	g_atomic_int_set(&read_us, SLOW_US);
	capture_start(&c);
	g_assert_cmpint(pcapng_files_timeout_ms(c.f), <=, 100);
	g_assert_cmpint(pcapng_files_timeout_ms(c.f), >=, 0);
	capture_add_many(&c, 25);
	g_assert_cmpint(pcapng_files_tick(c.f), ==, 0);
	capture_stop(&c);
	g_assert_cmpuint(c.recovered, ==, 0);
	g_assert_cmpuint(c.left, ==, 1);
	g_assert_cmpint(c.left_error, ==, EINTR);
	g_assert_cmpuint(size_of(part), ==, whole);
	{ /* its number was known from the start */
		g_autoptr(GPtrArray) files = capture_list(&c, ".pcapng");

		g_assert_cmpuint(files->len, ==, 3);
		g_assert_nonnull(strstr(files->pdata[0], "cap_00042_"));
	}
	g_atomic_int_set(&read_us, 0);
	capture_start(&c);
	g_assert_cmpuint(c.recovered, ==, 0);
	capture_recover(&c);
	g_assert_cmpuint(c.recovered, ==, 1);
	g_assert_cmpint(pcapng_files_timeout_ms(c.f), ==, -1);
	capture_stop(&c);
	g_assert_cmpuint(c.left, ==, 1);
	g_assert_cmpuint(size_of(recovered), ==, complete);
	g_assert_cmpint(stat(recovered, &st), ==, 0);
	g_assert_cmpuint(st.st_mtim.tv_nsec, ==, time);
	g_assert_false(is_there(part));
	capture_tear_down(&c);
}

/* The same without pcapng_files_close(). */
static void test_free(void)
{
	struct capture c = { 0 };
	g_autofree char *part = NULL;
	uint64_t whole;

	set_up(&c);
	part = plant(&c, 1);
	make_huge(part);
	whole = size_of(part);
	g_atomic_int_set(&read_us, SLOW_US);
	capture_start(&c);
	wait_for_lock(part);
	pcapng_files_free(c.f);
	g_assert_cmpuint(c.left, ==, 0); /* no events when all is freed */
	g_assert_cmpuint(size_of(part), ==, whole);
	capture_tear_down(&c);
}

/* A file that takes too long does not block the others. */
static void test_smallest_first(void)
{
	struct capture c = { 0 };
	g_autofree char *huge = NULL, *small = NULL, *recovered = NULL;

	set_up(&c);
	huge = plant(&c, 1);
	make_huge(huge);
	small = plant(&c, 2);
	recovered = recovered_path(small);
	g_atomic_int_set(&read_us, SLOW_US);
	capture_start(&c);
	for (int i = 0; i < 30000 && !c.recovered; i++) {
		g_usleep(1000);
		g_assert_cmpint(pcapng_files_tick(c.f), ==, 0);
	}
	g_assert_true(is_there(recovered));
	capture_stop(&c);
	g_assert_cmpuint(c.recovered, ==, 1);
	g_assert_cmpuint(c.left, ==, 1);
	g_assert_true(is_there(huge));
	capture_tear_down(&c);
}

/* A second set does not touch the .part that the first recovers. A later one recovers it. */
static void test_two_sets(void)
{
	struct capture c = { 0 }, other = { 0 };
	g_autofree char *part = NULL, *recovered = NULL;

	set_up(&c);
	part = plant(&c, 1);
	recovered = recovered_path(part);
	make_huge(part);
	g_atomic_int_set(&read_us, SLOW_US);
	capture_start(&c);
	wait_for_lock(part);
	other.folder = c.folder;
	other.path = c.path;
	capture_start(&other);
	capture_recover(&other);
	g_assert_cmpuint(other.recovered + other.left, ==, 0);
	capture_stop(&c);
	capture_stop(&other);
	g_atomic_int_set(&read_us, 0);
	capture_start(&other);
	capture_recover(&other);
	capture_stop(&other);
	g_assert_cmpuint(other.recovered, ==, 1);
	g_assert_cmpuint(c.recovered, ==, 0);
	g_assert_true(is_there(recovered));
	capture_tear_down(&c);
}

/* The .part that another set is writing does not wait for recovery, and does not count. */
static void test_live(void)
{
	struct capture c = { 0 }, other = { .config = { .keep_files = 2 } };

	set_up(&c);
	capture_start(&c);
	capture_add_many(&c, 10);
	capture_stop(&c);
	capture_start(&c);
	capture_add_many(&c, 5);
	g_assert_cmpint(pcapng_files_flush(c.f), ==, 0);
	other.folder = c.folder;
	other.path = c.path;
	capture_start(&other);
	capture_recover(&other);
	g_assert_cmpuint(other.deleted + other.recovered + other.left, ==, 0);
	capture_stop(&other);
	capture_stop(&c);
	capture_tear_down(&c);
}

/* Retention does not touch the .part. Once recovered, it is the oldest and is deleted first. */
static void test_retention(void)
{
	struct capture c = { .config = { .max_packets = 10, .keep_files = 3 } };
	g_autofree char *part = NULL, *recovered = NULL;
	g_autoptr(GPtrArray) before = NULL, after = NULL;
	unsigned int deleted;

	set_up(&c);
	part = plant(&c, 1);
	recovered = recovered_path(part);
	make_huge(part);
	g_atomic_int_set(&read_us, SLOW_US);
	capture_start(&c);
	for (int i = 0; i < 100; i++) {
		capture_add_many(&c, 1);
		g_assert_cmpint(pcapng_files_tick(c.f), ==, 0);
	}
	g_assert_cmpuint(c.recovered, ==, 0);
	g_assert_true(is_there(part));
	deleted = c.deleted;
	before = capture_list(&c, ".pcapng");
	g_assert_cmpuint(before->len, ==, 2);
	g_atomic_int_set(&read_us, 0);
	capture_recover(&c);
	g_assert_cmpuint(c.recovered, ==, 1);
	g_assert_cmpuint(c.deleted, ==, deleted + 1);
	after = capture_list(&c, ".pcapng");
	g_assert_cmpuint(after->len, ==, 2);
	g_assert_false(is_there(recovered));
	capture_stop(&c);
	capture_tear_down(&c);
}

/* A waiting .part counts: older files are deleted for it, and the limit is never exceeded. */
static void test_waiting_counts(void)
{
	struct capture c = { .config = { .max_packets = 10, .keep_files = 3 } };
	g_autofree char *part = NULL;
	g_autoptr(GPtrArray) files = NULL;

	set_up(&c);
	capture_start(&c);
	capture_add_many(&c, 20);
	capture_stop(&c);
	part = plant(&c, 3);
	make_huge(part);
	g_atomic_int_set(&read_us, SLOW_US);
	capture_start(&c);
	files = capture_list(&c, "");
	g_assert_cmpuint(files->len, ==, 3);
	capture_add_many(&c, 45);
	g_assert_cmpuint(c.deleted, ==, 4); /* two of four are left, and the one being written */
	g_assert_true(is_there(part));
	g_atomic_int_set(&read_us, 0);
	capture_recover(&c);
	g_assert_cmpuint(c.deleted, ==, 5);
	capture_stop(&c);
	capture_tear_down(&c);
}

/* Of two recovered files, the older is deleted first. */
static void test_order(void)
{
	struct capture c = { .config = { .max_packets = 10, .keep_files = 3 } };
	g_autofree char *older = NULL, *newer = NULL;
	g_autofree char *older_recovered = NULL, *newer_recovered = NULL;

	set_up(&c);
	older = plant(&c, 1);
	older_recovered = recovered_path(older);
	newer = plant(&c, 2);
	newer_recovered = recovered_path(newer);
	make_huge(newer);
	capture_start(&c);
	capture_recover(&c);
	g_assert_cmpuint(c.recovered, ==, 2);
	g_assert_cmpuint(c.deleted, ==, 0);
	capture_add_many(&c, 11);
	g_assert_false(is_there(older_recovered));
	g_assert_true(is_there(newer_recovered));
	capture_stop(&c);
	capture_tear_down(&c);
}

/* A rotation reports recovered files, too. */
static void test_rotation(void)
{
	struct capture c = { 0 };
	g_autofree char *part = NULL, *recovered = NULL;

	set_up(&c);
	part = plant(&c, 1);
	recovered = recovered_path(part);
	capture_start(&c);
	for (int i = 0; i < 30000 && !is_there(recovered); i++)
		g_usleep(1000);
	g_usleep(50000);
	g_assert_cmpuint(c.recovered, ==, 0);
	g_assert_cmpint(pcapng_files_rotate(c.f), ==, 0);
	g_assert_cmpuint(c.recovered, ==, 1);
	capture_stop(&c);
	capture_tear_down(&c);
}

/* Without a thread the capture runs anyway, and the .part stays. */
static void test_no_thread(void)
{
	struct capture c = { 0 };
	g_autofree char *part = NULL;

	set_up(&c);
	part = plant(&c, 1);
	create_error = EAGAIN;
	capture_start(&c);
	create_error = 0;
	capture_recover(&c);
	g_assert_cmpuint(c.left, ==, 1);
	g_assert_cmpint(c.left_error, ==, EAGAIN);
	capture_stop(&c);
	g_assert_true(is_there(part));
	capture_tear_down(&c);
}

/* A disk that is full of such a file: PCAPNG_FULL_PRUNE deletes it, while it is read, before anything newer. */
static void test_prune(void)
{
	struct capture c = { .config = { .max_bytes = 300000, .full = PCAPNG_FULL_PRUNE } };
	g_autofree char *part = NULL;

	set_up(&c);
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", c.folder, "tmpfs", 0, "size=12m") < 0) {
		g_test_skip("no permission to mount a small disk");
		capture_tear_down(&c);
		return;
	}
	part = plant(&c, 1);
	make_huge(part);
	g_atomic_int_set(&read_us, SLOW_US);
	capture_start(&c);
	while (!c.deleted)
		capture_add_many(&c, 100);
	g_atomic_int_set(&read_us, 0);
	g_assert_false(is_there(part));
	g_assert_cmpuint(c.deleted, ==, 1);
	g_assert_cmpuint(c.recovered, ==, 0);
	capture_stop(&c);
	g_assert_cmpuint(c.left, ==, 0);
	capture_check_all(&c, 0, 0);
	umount2(c.folder, MNT_DETACH);
	capture_tear_down(&c);
}

/* One that is of another user, whether or not we may read it, is told once, unless it is in use. */
static void test_another_user(void)
{
	struct capture c = { 0 };
	g_autofree char *closed = NULL, *read_only = NULL, *used = NULL, *strange = NULL;
	const uid_t user = geteuid();
	int fd;

	set_up(&c);
	closed = plant(&c, 1);
	read_only = plant(&c, 2);
	used = plant(&c, 3);
	strange = plant(&c, 4);
	g_assert_true(g_file_set_contents(strange, "another program's", -1, NULL));
	fd = open(used, O_RDONLY | O_CLOEXEC);
	g_assert_cmpint(flock(fd, LOCK_EX), ==, 0);
	g_assert_cmpint(g_chmod(closed, 0), ==, 0);
	g_assert_cmpint(g_chmod(read_only, 0444), ==, 0);
	g_assert_cmpint(g_chmod(used, 0444), ==, 0);
	g_assert_cmpint(g_chmod(strange, 0444), ==, 0);
	g_assert_cmpint(g_chmod(c.folder, 0777), ==, 0);
	g_assert_cmpint(user == 0 ? seteuid(65534) : 0, ==, 0);
	capture_start(&c);
	capture_add_many(&c, 3);
	capture_recover(&c);
	g_assert_cmpint(pcapng_files_rotate(c.f), ==, 0);
	capture_stop(&c);
	g_assert_cmpint(user == 0 ? seteuid(0) : 0, ==, 0);
	close(fd);
	g_assert_cmpuint(c.left, ==, 2);
	g_assert_cmpint(c.left_error, ==, EACCES);
	g_assert_cmpuint(c.recovered, ==, 0);
	g_assert_true(is_there(closed) && is_there(read_only) && is_there(used));
	capture_tear_down(&c);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/recovery/beside", test_beside);
	g_test_add_func("/recovery/free", test_free);
	g_test_add_func("/recovery/smallest-first", test_smallest_first);
	g_test_add_func("/recovery/two-sets", test_two_sets);
	g_test_add_func("/recovery/live", test_live);
	g_test_add_func("/recovery/retention", test_retention);
	g_test_add_func("/recovery/waiting-counts", test_waiting_counts);
	g_test_add_func("/recovery/order", test_order);
	g_test_add_func("/recovery/rotation", test_rotation);
	g_test_add_func("/recovery/no-thread", test_no_thread);
	g_test_add_func("/recovery/prune", test_prune);
	g_test_add_func("/recovery/another-user", test_another_user);
	return g_test_run();
}
