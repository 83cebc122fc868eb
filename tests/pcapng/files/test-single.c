/* SPDX-License-Identifier: MIT */
/* test-single.c - one file by its own name: links, whoever made them, and the mode */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "tests/pcapng/files/capture.h"

#define NOBODY	65534
#define RACE_US 3000000

static void set_up(struct capture *c, const void *unused)
{
	capture_set_up(c);
	c->config.single = true;
}

static void tear_down(struct capture *c, const void *unused)
{
	capture_tear_down(c);
}

/* Another path in the folder. */
static char *beside(const struct capture *c, const char *name)
{
	return g_build_filename(c->folder, name, NULL);
}

static void record(struct capture *c)
{
	capture_start(c);
	capture_add_many(c, 10);
	capture_stop(c);
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	g_assert_cmpint(stat(path, &st), ==, 0);
	return st.st_mode & 07777;
}

static void assert_text(const char *path, const char *expected)
{
	g_autofree char *text = NULL;

	g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
	g_assert_cmpstr(text, ==, expected);
}

/* A chain of them, relative and absolute, that ends at no file yet. */
static void test_links(struct capture *c, const void *unused)
{
	g_autofree char *middle = beside(c, "middle"), *below = beside(c, "below");
	g_autofree char *last = beside(c, "below/last"), *target = beside(c, "target");

	g_assert_cmpint(g_mkdir(below, 0700), ==, 0);
	g_assert_cmpint(symlink("middle", c->path), ==, 0);
	g_assert_cmpint(symlink(last, middle), ==, 0);
	g_assert_cmpint(symlink("../target", last), ==, 0);
	record(c);
	g_assert_true(g_file_test(c->path, G_FILE_TEST_IS_SYMLINK));
	g_assert_false(g_file_test(target, G_FILE_TEST_IS_SYMLINK));
	g_unlink(c->path);
	g_unlink(last);
	g_rmdir(below);
	g_unlink(middle);
	g_assert_cmpint(g_rename(target, c->path), ==, 0);
	capture_check_all(c, 0, 1);
}

static void test_endless_link(struct capture *c, const void *unused)
{
	g_assert_cmpint(symlink("cap.pcapng", c->path), ==, 0);
	g_assert_cmpint(capture_start_with(c, NULL), ==, -ELOOP);
	g_unlink(c->path);
}

/* Of a descriptor of this process, which may be a file without a name. */
static void test_magic_link(struct capture *c, const void *unused)
{
	int fd = open(c->path, O_RDWR | O_CREAT, 0600);
	g_autofree char *proc = g_strdup_printf("/proc/self/fd/%d", fd);
	struct stat st;

	g_unlink(c->path);
	g_assert_cmpint(symlink(proc, c->path), ==, 0);
	record(c);
	g_unlink(c->path);
	g_assert_cmpint(fstat(fd, &st), ==, 0);
	g_assert_cmpint(st.st_size, >, 500);
	close(fd);
}

static bool is_root(void)
{
	if (geteuid() != 0)
		g_test_skip("needs root");
	return geteuid() == 0;
}

/* The link itself, or one that it leads to. */
static void test_foreign_link(struct capture *c, const void *unused)
{
	g_autofree char *dear = beside(c, "dear"), *middle = beside(c, "middle");

	if (!is_root())
		return;
	g_assert_true(g_file_set_contents(dear, "dear", -1, NULL));
	g_assert_cmpint(symlink("middle", c->path), ==, 0);
	g_assert_cmpint(symlink("dear", middle), ==, 0);
	g_assert_cmpint(lchown(middle, NOBODY, NOBODY), ==, 0);
	g_assert_cmpint(capture_start_with(c, NULL), ==, -ELOOP);
	g_assert_cmpint(lchown(middle, 0, 0), ==, 0);
	g_assert_cmpint(lchown(c->path, NOBODY, NOBODY), ==, 0);
	g_assert_cmpint(capture_start_with(c, NULL), ==, -ELOOP);
	assert_text(dear, "dear");
	g_unlink(c->path);
	g_unlink(middle);
	g_unlink(dear);
}

static int stop;

/* Ours and the other user's link, one after the other, under the same name. */
static void *exchange(void *data)
{
	struct capture *c = data;
	g_autofree char *new = beside(c, "new");

	for (int i = 0; !g_atomic_int_get(&stop); i++) {
		g_assert_cmpint(symlink(i % 2 ? "dear" : "ours", new), ==, 0);
		g_assert_cmpint(lchown(new, i % 2 ? NOBODY : 0, i % 2 ? NOBODY : 0), ==, 0);
		g_assert_cmpint(g_rename(new, c->path), ==, 0);
	}
	return NULL;
}

static void test_exchanged_links(struct capture *c, const void *unused)
{
	g_autofree char *dear = beside(c, "dear"), *ours = beside(c, "ours");
	gint64 end = g_get_monotonic_time() + RACE_US;
	unsigned int refused = 0, written = 0;
	GThread *thread;

	if (!is_root())
		return;
	g_assert_true(g_file_set_contents(dear, "dear", -1, NULL));
	g_assert_cmpint(symlink("ours", c->path), ==, 0);
	g_atomic_int_set(&stop, 0);
	thread = g_thread_new("other", exchange, c);
	while (g_get_monotonic_time() < end) {
		int r = capture_start_with(c, NULL);

		if (r == 0)
			capture_stop(c);
		else
			g_assert_cmpint(r, ==, -ELOOP);
		refused += r < 0;
		written += r == 0;
		assert_text(dear, "dear");
	}
	g_atomic_int_set(&stop, 1);
	g_thread_join(thread);
	g_test_message("%u refused, %u written", refused, written);
	g_assert_cmpuint(refused, >, 0);
	g_assert_cmpuint(written, >, 0);
	g_unlink(c->path);
	g_unlink(dear);
	g_unlink(ours);
}

/* Exactly what was asked for, with any umask and for an old file; without a wish, less the umask. */
static void test_mode(struct capture *c, const void *unused)
{
	static const mode_t modes[] = { 0600, 0640, 0644 };
	static const mode_t masks[] = { 0, 022, 077 };
	mode_t before = umask(0);

	for (size_t i = 0; i < G_N_ELEMENTS(modes); i++)
		for (size_t k = 0; k < G_N_ELEMENTS(masks); k++) {
			umask(masks[k]);
			c->config.mode = modes[i];
			record(c);
			g_assert_cmpint(mode_of(c->path), ==, modes[i]);
			g_chmod(c->path, 0666);
			record(c);
			g_assert_cmpint(mode_of(c->path), ==, modes[i]);
			g_chmod(c->path, 0606);
			c->config.mode = 0;
			record(c);
			g_assert_cmpint(mode_of(c->path), ==, 0606);
			g_unlink(c->path);
			record(c);
			g_assert_cmpint(mode_of(c->path), ==, 0640 & ~masks[k]);
			g_unlink(c->path);
		}
	umask(before);
}

static void test_mode_of_many(struct capture *c, const void *unused)
{
	mode_t before = umask(077);
	GPtrArray *paths;

	c->config.single = false;
	c->config.max_packets = 3;
	c->config.mode = 0640;
	record(c);
	paths = capture_list(c, ".pcapng");
	g_assert_cmpuint(paths->len, ==, 4);
	for (guint i = 0; i < paths->len; i++)
		g_assert_cmpint(mode_of(paths->pdata[i]), ==, 0640);
	g_ptr_array_unref(paths);
	umask(before);
}

static void test_not_ours(struct capture *c, const void *unused)
{
	if (!is_root())
		return;
	c->config.mode = 0600;
	g_assert_true(g_file_set_contents(c->path, "", 0, NULL));
	g_assert_cmpint(chown(c->path, NOBODY, NOBODY), ==, 0);
	g_chmod(c->path, 0644);
	record(c);
	g_assert_cmpint(mode_of(c->path), ==, 0644);
	g_unlink(c->path);
	if (mknod(c->path, 0666 | S_IFCHR, makedev(1, 3)) < 0) /* /dev/null */
		return;
	g_chmod(c->path, 0666);
	record(c);
	g_assert_cmpint(mode_of(c->path), ==, 0666);
	g_unlink(c->path);
}

#define ADD(name, function) g_test_add(name, struct capture, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("/single/links", test_links);
	ADD("/single/endless-link", test_endless_link);
	ADD("/single/magic-link", test_magic_link);
	ADD("/single/foreign-link", test_foreign_link);
	ADD("/single/exchanged-links", test_exchanged_links);
	ADD("/single/mode", test_mode);
	ADD("/single/mode-of-many", test_mode_of_many);
	ADD("/single/not-ours", test_not_ours);
	return g_test_run();
}
