/* SPDX-License-Identifier: MIT */
/* test-count.c - the library counts exactly the packets that are in the files */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

#include "pcapng/file/file.h"
#include "tests/pcapng/files/capture.h"
#include "tests/pcapng/files/machine.h"

/* Fills the disk, closes, and compares the count with what a reader finds. */
static void check_full(struct capture *c)
{
	g_autoptr(GPtrArray) paths = NULL;
	uint64_t next = 0;
	unsigned int found = 0;
	int r = 0;

	if (!mount_small(c))
		return;
	capture_start(c);
	while (r == 0) {
		r = capture_add(c);
		if (r == 0 && c->written % 500 == 0) /* ends a gzip member */
			r = pcapng_files_flush(c->f);
	}
	g_assert_cmpint(r, ==, -ENOSPC);
	g_assert_cmpint(pcapng_files_close(c->f), ==, -ENOSPC);
	paths = capture_list(c, "");
	capture_check(paths);
	for (unsigned int i = 0; i < paths->len; i++)
		found += capture_read_serials(paths->pdata[i], &next, 0);
	g_assert_cmpuint(found, >, 1000);
	g_assert_cmpuint(pcapng_files_packets(c->f, 0), ==, found);
	g_assert_cmpuint(pcapng_files_packets(c->f, 1), ==, 0);
	g_assert_cmpuint(pcapng_files_packets(c->f, UINT32_MAX), ==, 0);
	pcapng_files_free(c->f);
	unmount_small(c);
}

static void test_set(void)
{
	check_full(&(struct capture){ .config = { .max_bytes = 100000 } });
}

static void test_single(void)
{
	check_full(&(struct capture){ .config = { .single = true } });
}

static void test_gzip(void)
{
	check_full(&(struct capture){
		.config = { .compression = PCAPNG_COMPRESSION_GZIP, .single = true } });
}

/* What is there stays until the first block, through a link; a device takes everything. */
static void test_replace(void)
{
	struct capture c = { .config = { .single = true } };
	struct file f = { .fd = -1 };
	struct iovec block = { (void *)"block", 5 };
	g_autofree char *text = NULL, *link = NULL;
	int folder;

	capture_set_up(&c);
	link = g_build_filename(c.folder, "link", NULL);
	g_assert_true(g_file_set_contents(c.path, "what was there", -1, NULL));
	g_assert_cmpint(symlink(c.path, link), ==, 0);
	folder = open(c.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	g_assert_cmpint(file_begin(&f, folder, "link", true, 0640), ==, 0);
	g_assert_true(g_file_get_contents(c.path, &text, NULL, NULL));
	g_assert_cmpstr(text, ==, "what was there");
	g_free(text);
	g_assert_cmpint(file_write(&f, &block, 1), ==, 5);
	g_assert_cmpint(file_end(&f, false), ==, 0);
	g_assert_true(g_file_get_contents(c.path, &text, NULL, NULL));
	g_assert_cmpstr(text, ==, "block");
	close(folder);
	capture_tear_down(&c);

	capture_set_up(&c);
	g_free(c.path);
	c.path = g_strdup("/dev/null");
	capture_start(&c);
	capture_add_many(&c, 10);
	g_assert_cmpint(pcapng_files_flush(c.f), ==, 0);
	g_assert_cmpuint(pcapng_files_packets(c.f, 0), ==, 10);
	capture_stop(&c);
	capture_tear_down(&c);
}

static void test_progress(void)
{
	struct capture c = { .config = { .max_packets = 10 } };

	capture_set_up(&c);
	capture_start(&c);
	capture_add_many(&c, 25);
	g_assert_cmpuint(pcapng_files_packets(c.f, 0), ==, c.settles ? 25 : 20);
	g_assert_cmpint(pcapng_files_flush(c.f), ==, 0);
	g_assert_cmpuint(pcapng_files_packets(c.f, 0), ==, 25);
	g_assert_cmpint(pcapng_files_add_packet(c.f, &(struct pcapng_packet){ .interface = 7 }), ==,
			-EINVAL);
	capture_stop(&c);
	capture_check_all(&c, 0, 3);
	capture_tear_down(&c);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/count/set", test_set);
	g_test_add_func("/count/single", test_single);
	g_test_add_func("/count/gzip", test_gzip);
	g_test_add_func("/count/replace", test_replace);
	g_test_add_func("/count/progress", test_progress);
	return g_test_run();
}
