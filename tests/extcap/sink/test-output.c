/* SPDX-License-Identifier: MIT */
/* Where a stream goes: existing and new files, and pipes with and without readers. */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "extcap/sink/output.h"
#include "extcap/system/path.h"

struct place {
	char *folder, *path;
};

static void set_up(struct place *p, const void *unused)
{
	p->folder = g_dir_make_tmp("xdptap-XXXXXX", NULL);
	p->path = g_build_filename(p->folder, "out", NULL);
}

static void tear_down(struct place *p, const void *unused)
{
	g_unlink(p->path);
	g_rmdir(p->folder);
	g_free(p->folder);
	g_free(p->path);
}

static ssize_t put(struct output *o, const char *text)
{
	const struct iovec iov = { .iov_base = (void *)text, .iov_len = strlen(text) };

	return output_write(o, &iov, 1);
}

static char *contents(const char *path)
{
	char *text;

	g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
	return text;
}

static void test_create(struct place *p, const void *unused)
{
	g_autofree char *text = NULL;
	struct output o;
	struct stat st;

	g_assert_true(output_create(&o, p->path, 0600, NULL));
	g_assert_cmpint(put(&o, "first"), ==, 5);
	g_assert_cmpuint(o.written, ==, 5);
	output_truncate(&o, 3);
	g_assert_cmpint(put(&o, "m"), ==, 1);
	g_assert_true(output_close(&o, NULL));
	text = contents(p->path);
	g_assert_cmpstr(text, ==, "firm");
	g_assert_cmpint(stat(p->path, &st), ==, 0);
	g_assert_cmpint(st.st_mode & 0777, ==, 0600);
}

static void test_old_file(struct place *p, const void *unused)
{
	g_autofree char *text = NULL;
	struct output o;

	g_assert_true(g_file_set_contents(p->path, "old and long", -1, NULL));
	g_assert_true(output_create(&o, p->path, 0600, NULL));
	g_assert_cmpint(put(&o, "new"), ==, 3);
	g_assert_true(output_close(&o, NULL));
	text = contents(p->path);
	g_assert_cmpstr(text, ==, "new");
}

/* Ours has the mode that it should, whatever it had and the umask is; another user's keeps its own. */
static void test_mode(struct place *p, const void *unused)
{
	mode_t before = umask(077);
	struct output o;
	struct stat st;

	g_assert_true(output_create(&o, p->path, 0640, NULL));
	g_assert_true(output_close(&o, NULL));
	g_assert_cmpint(stat(p->path, &st), ==, 0);
	g_assert_cmpint(st.st_mode & 07777, ==, 0640);
	g_assert_cmpint(g_chmod(p->path, 0644), ==, 0);
	g_assert_true(output_create(&o, p->path, 0600, NULL));
	g_assert_true(output_close(&o, NULL));
	g_assert_cmpint(stat(p->path, &st), ==, 0);
	g_assert_cmpint(st.st_mode & 07777, ==, 0600);
	umask(before);
	if (geteuid() != 0)
		return;
	g_assert_cmpint(chown(p->path, 65534, 65534), ==, 0);
	g_assert_cmpint(g_chmod(p->path, 0644), ==, 0);
	g_assert_true(output_create(&o, p->path, 0600, NULL));
	g_assert_true(output_close(&o, NULL));
	g_assert_cmpint(stat(p->path, &st), ==, 0);
	g_assert_cmpint(st.st_mode & 07777, ==, 0644);
}

/* What is, or may become, a file is left to whoever writes it. */
static void test_file_is_not_opened(struct place *p, const void *unused)
{
	bool is_cancelled = false;
	g_autofree char *text = NULL;
	struct output o;

	g_assert_true(output_open(&o, p->path, &is_cancelled, NULL));
	g_assert_cmpint(o.fd, ==, -1);
	g_assert_false(g_file_test(p->path, G_FILE_TEST_EXISTS));

	g_assert_true(g_file_set_contents(p->path, "old", -1, NULL));
	g_assert_true(output_open(&o, p->path, &is_cancelled, NULL));
	g_assert_cmpint(o.fd, ==, -1);
	text = contents(p->path);
	g_assert_cmpstr(text, ==, "old");
}

static gboolean cancel(void *is_cancelled)
{
	*(bool *)is_cancelled = true;
	return G_SOURCE_REMOVE;
}

static void test_fifo_without_reader(struct place *p, const void *unused)
{
	bool is_cancelled = false;
	struct output o;

	g_assert_cmpint(mkfifo(p->path, 0600), ==, 0);
	g_idle_add(cancel, &is_cancelled);
	g_assert_true(output_open(&o, p->path, &is_cancelled, NULL));
	g_assert_cmpint(o.fd, ==, -1);
	g_assert_true(output_close(&o, NULL));
	g_assert_true(g_file_test(p->path, G_FILE_TEST_EXISTS)); /* it is the reader's */
}

static void test_fifo(struct place *p, const void *unused)
{
	char block[4096], text[4096];
	const struct iovec iov = { .iov_base = block, .iov_len = sizeof(block) };
	bool is_cancelled = false;
	struct output o;
	ssize_t r;
	int fd;

	memset(block, 'x', sizeof(block));
	g_assert_cmpint(mkfifo(p->path, 0600), ==, 0);
	fd = open(p->path, O_RDONLY | O_NONBLOCK);
	g_assert_true(output_open(&o, p->path, &is_cancelled, NULL));
	g_assert_true(o.is_pipe);
	do
		r = output_write(&o, &iov, 1);
	while (r > 0);
	g_assert_cmpint(r, ==, -EAGAIN);
	g_assert_false(output_wait(&o, 1));
	g_assert_cmpint(read(fd, text, sizeof(text)), ==, sizeof(text));
	g_assert_true(output_wait(&o, 1000));
	close(fd);
	g_assert_cmpint(output_write(&o, &iov, 1), ==, -EPIPE);
	g_assert_true(output_close(&o, NULL));
}

static void test_nowhere(struct place *p, const void *unused)
{
	g_autofree char *path = g_build_filename(p->path, "below", NULL);
	g_autoptr(GError) error = NULL;
	struct output o;

	g_assert_false(output_create(&o, path, 0600, &error));
	g_assert_nonnull(strstr(error->message, path));
}

/* The owner of the folder has put a link there: ours and root's are followed, another user's is not. */
static void test_foreign_link(struct place *p, const void *unused)
{
	g_autofree char *link = g_build_filename(p->folder, "link", NULL);
	g_autofree char *chain = g_build_filename(p->folder, "chain", NULL);
	bool is_cancelled = false;
	struct output o;

	g_assert_true(g_file_set_contents(p->path, "dear", -1, NULL));
	g_assert_cmpint(symlink(p->path, link), ==, 0);
	g_assert_cmpint(symlink("link", chain), ==, 0);
	g_assert_true(output_create(&o, link, 0600, NULL));
	g_assert_true(output_close(&o, NULL));
	g_assert_true(output_create(&o, chain, 0600, NULL));
	g_assert_true(output_close(&o, NULL));
	if (geteuid() == 0) {
		g_assert_cmpint(lchown(link, 65534, 65534), ==, 0);
		g_assert_false(output_create(&o, link, 0600, NULL));
		g_assert_false(output_create(&o, chain, 0600, NULL));
		g_assert_cmpint(g_unlink(p->path), ==, 0);
		g_assert_cmpint(mkfifo(p->path, 0600), ==, 0);
		g_assert_false(output_open(&o, link, &is_cancelled, NULL));
	}
	g_unlink(link);
	g_unlink(chain);
}

/* What stat(2) saw as a FIFO is a file when it is opened: nothing is written to it. */
static void test_not_a_fifo(struct place *p, const void *unused)
{
	g_assert_true(g_file_set_contents(p->path, "dear", -1, NULL));
	g_assert_cmpint(path_open_fifo(p->path, O_WRONLY), ==, -1);
	g_assert_cmpint(errno, ==, EPERM);
}

#define ADD(name, function) g_test_add(name, struct place, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	g_test_init(&argc, &argv, NULL);
	ADD("/output/create", test_create);
	ADD("/output/file-is-not-opened", test_file_is_not_opened);
	ADD("/output/old-file", test_old_file);
	ADD("/output/fifo-without-reader", test_fifo_without_reader);
	ADD("/output/fifo", test_fifo);
	ADD("/output/mode", test_mode);
	ADD("/output/nowhere", test_nowhere);
	ADD("/output/foreign-link", test_foreign_link);
	ADD("/output/not-a-fifo", test_not_a_fifo);
	return g_test_run();
}
