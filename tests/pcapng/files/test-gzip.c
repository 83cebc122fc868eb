/* SPDX-License-Identifier: MIT */
/* test-gzip.c - files that are compressed while they are written */
#include <errno.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/pcapng/files/capture.h"

/* Other readers: gzip -t accepts the file, and tshark sees `packets` packets. */
static void check_readers(const char *path, uint64_t packets)
{
	const char *const gzip[] = { "gzip", "-t", path, NULL };
	/* Twice: the second time, it seeks to each packet. */
	const char *const tshark[] = { "tshark", "-2", "-r",	       path, "-T",
				       "fields", "-e", "frame.number", NULL };
	g_autofree char *out = NULL;
	uint64_t lines = 0;
	int status;

	g_assert_true(g_spawn_sync(NULL, (char **)gzip, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL,
				   NULL, &status, NULL));
	g_assert_cmpint(status, ==, 0);
	if (!g_spawn_sync(NULL, (char **)tshark, NULL,
			  G_SPAWN_SEARCH_PATH | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, &out, NULL,
			  &status, NULL))
		return; /* tshark is not installed; gzip was */
	g_assert_cmpint(status, ==, 0);
	for (const char *at = out; (at = strchr(at, '\n')); at++)
		lines++;
	g_assert_cmpuint(lines, ==, packets);
}

/* Several members in a file, several files in a set. */
static void test_set(gconstpointer data)
{
	struct capture c = { .config = { .compression = PCAPNG_COMPRESSION_GZIP,
					 .compression_level = GPOINTER_TO_INT(data),
					 .max_bytes = 5000000 } };
	g_autoptr(GPtrArray) paths = NULL;

	capture_set_up(&c);
	capture_start(&c);
	capture_add_many(&c, 100000);
	capture_stop(&c);
	capture_check_all(&c, 0, 3);
	paths = capture_list(&c, ".pcapng.gz");
	g_assert_cmpuint(paths->len, ==, 3);
	g_assert_cmpuint(c.finished, ==, 3);
	check_readers(paths->pdata[2], c.written - c.first_of_last);
	capture_tear_down(&c);
}

/* Flushed data is in the file and can be read while the capture continues. */
static void test_flush(void)
{
	struct capture c = { .config = { .compression = PCAPNG_COMPRESSION_GZIP,
					 .compression_level = 1,
					 .single = true } };

	capture_set_up(&c);
	capture_start(&c);
	for (int i = 0; i < 20; i++) {
		capture_add_many(&c, 10 * i + 1);
		g_assert_cmpint(pcapng_files_flush(c.f), ==, 0);
		check_readers(c.path, c.written);
	}
	capture_stop(&c);
	check_readers(c.path, c.written);
	capture_check_all(&c, 0, 1);
	capture_tear_down(&c);
}

/* Truncated at any offset, the file keeps its complete members, never fewer than before. */
static void test_recover_everywhere(void)
{
	struct capture c = { .config = { .compression = PCAPNG_COMPRESSION_GZIP,
					 .compression_level = 9 } };

	capture_set_up(&c);
	capture_start(&c);
	for (int i = 0; i < 3; i++) {
		capture_add_many(&c, 3);
		g_assert_cmpint(pcapng_files_flush(c.f), ==, 0);
	}
	capture_stop(&c);
	/* The header, three flushes, the statistics; and a member whose checksum is wrong. */
	g_assert_cmpuint(capture_cut_everywhere(&c, 8), ==, 5);
	capture_tear_down(&c);
}

static void write_until_killed(struct capture *c, uint64_t *flushed)
{
	capture_start(c);
	for (;;) {
		capture_add(c);
		if (c->written % 100 == 0 && pcapng_files_flush(c->f) == 0)
			*flushed = c->written;
	}
}

/* A kill loses no flushed packet, and the next run recovers the file. */
static void test_killed(void)
{
	for (int round = 0; round < 8; round++) {
		struct capture c = { .config = { .compression = PCAPNG_COMPRESSION_GZIP,
						 .compression_level = 1,
						 .max_bytes = 60000 } };
		uint64_t next = 0, *flushed = mmap(NULL, sizeof(*flushed), PROT_READ | PROT_WRITE,
						   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		g_autoptr(GPtrArray) paths = NULL;
		pid_t child;

		capture_set_up(&c);
		child = fork();
		if (child == 0)
			write_until_killed(&c, flushed);
		while (!*(volatile uint64_t *)flushed)
			g_usleep(1000);
		g_usleep(3000 + round * 2000);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		capture_start(&c);
		capture_recover(&c);
		capture_stop(&c);
		g_assert_cmpuint(c.recovered, <=, 1);
		paths = capture_list(&c, ".pcapng.gz");
		capture_check(paths);
		for (unsigned int i = 0; i < paths->len; i++)
			capture_read_serials(paths->pdata[i], &next, 0);
		g_assert_cmpuint(next, >=, *flushed);
		munmap(flushed, sizeof(*flushed));
		capture_remove_parts(&c);
		capture_tear_down(&c);
	}
}

/* Compressed files of an earlier run count, too. */
static void test_adopt(void)
{
	struct capture c = { .config = { .compression = PCAPNG_COMPRESSION_GZIP,
					 .compression_level = 1,
					 .max_packets = 10,
					 .keep_files = 3 } };

	capture_set_up(&c);
	capture_start(&c);
	capture_add_many(&c, 50);
	capture_stop(&c);
	capture_start(&c);
	capture_add_many(&c, 10);
	capture_stop(&c);
	capture_check_all(&c, 30, 3);
	g_assert_cmpuint(c.deleted, ==, 3);
	capture_tear_down(&c);
}

static void test_wrong_level(void)
{
	static const struct {
		int compression, level, r;
	} cases[] = {
		{ PCAPNG_COMPRESSION_GZIP, 10, -EINVAL },
		{ PCAPNG_COMPRESSION_GZIP, -1, -EINVAL },
		{ PCAPNG_COMPRESSION_NONE, 1, -EINVAL },
		{ PCAPNG_COMPRESSION_GZIP + 1, 0, -EOPNOTSUPP },
	};
	struct capture c = { 0 };

	capture_set_up(&c);
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		c.config.compression = (enum pcapng_compression)cases[i].compression;
		c.config.compression_level = cases[i].level;
		g_assert_cmpint(capture_start_with(&c, NULL), ==, cases[i].r);
	}
	capture_tear_down(&c);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_data_func("/gzip/set-fast", GINT_TO_POINTER(1), test_set);
	g_test_add_data_func("/gzip/set-default", GINT_TO_POINTER(0), test_set);
	g_test_add_data_func("/gzip/set-small", GINT_TO_POINTER(9), test_set);
	g_test_add_func("/gzip/flush", test_flush);
	g_test_add_func("/gzip/recover-everywhere", test_recover_everywhere);
	g_test_add_func("/gzip/killed", test_killed);
	g_test_add_func("/gzip/adopt", test_adopt);
	g_test_add_func("/gzip/wrong-level", test_wrong_level);
	return g_test_run();
}
