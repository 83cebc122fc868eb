/* SPDX-License-Identifier: MIT */
/* test-retention.c - sets of files: which files stay */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/pcapng/files/capture.h"
#include "tests/pcapng/files/machine.h"

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

/* Never more than the limit, including the file being written, over two runs. */
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
	capture_add_many(&c, 10); /* this finishes the third */
	g_assert_cmpuint(c.deleted, ==, 0);
	passed_ms += 40000;
	capture_add_many(&c, 1);
	g_assert_cmpuint(c.deleted, ==, 2);
	capture_stop(&c);
	capture_check_all(&c, 20, 3);
	passed_ms = 0;
	capture_tear_down(&c);
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

/* The newest files stay, although older ones have later times. */
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

/* Recovered files count and go when they are the oldest; so do files whose name was taken. */
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
		capture_recover(&c);
		pcapng_files_free(c.f); /* like a crash */
	}
	capture_start(&c);
	capture_recover(&c);
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

/* Deletes an empty .part, unless it is locked or not of the set. */
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

/* All names of this second are taken: the next free one is used, and no file is replaced. */
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

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/retention/bytes", test_bytes);
	g_test_add_func("/retention/age", test_age);
	g_test_add_func("/retention/free", test_free);
	g_test_add_func("/retention/clock-back", test_clock_back);
	g_test_add_func("/retention/recovered", test_recovered_count);
	g_test_add_func("/retention/empty-parts", test_empty_parts);
	g_test_add_func("/retention/collisions", test_collisions);
	return g_test_run();
}
