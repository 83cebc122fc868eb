/* SPDX-License-Identifier: MIT */
/* Names of finished files, for readers that are there, late, slow, stopped or gone. */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <pty.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "extcap/sink/names.h"

#define DEADLINE_S 10 /* what blocks ends by SIGALRM */
#define WAIT_MS	   300

struct place {
	char *folder, *path;
};

static void set_up(struct place *p, const void *unused)
{
	p->folder = g_dir_make_tmp("xdptap-XXXXXX", NULL);
	p->path = g_build_filename(p->folder, "names", NULL);
	alarm(DEADLINE_S);
}

static void tear_down(struct place *p, const void *unused)
{
	alarm(0);
	g_unlink(p->path);
	g_rmdir(p->folder);
	g_free(p->folder);
	g_free(p->path);
}

/* Reads lines as the main context delivers them, until `expected` is there. */
static void read_until(int fd, const char *expected)
{
	g_autoptr(GString) text = g_string_new(NULL);

	while (text->len < strlen(expected)) {
		char bytes[4096];
		ssize_t n = read(fd, bytes, sizeof(bytes));

		if (n > 0)
			g_string_append_len(text, bytes, n);
		else
			g_main_context_iteration(NULL, true); /* the next try */
	}
	g_assert_cmpstr(text->str, ==, expected);
}

static void assert_file(const char *path, const char *expected)
{
	g_autofree char *text = NULL;

	g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
	g_assert_cmpstr(text, ==, expected);
}

static void test_file(struct place *p, const void *unused)
{
	struct names *n;

	g_assert_true(g_file_set_contents(p->path, "old and longer than the new", -1, NULL));
	n = names_open(p->path, NULL);
	names_add(n, "one");
	assert_file(p->path, "one\n");
	names_add(n, "two");
	g_assert_cmpuint(names_close(n, WAIT_MS), ==, 0);
	assert_file(p->path, "one\ntwo\n");
}

static void test_fifo_without_reader(struct place *p, const void *unused)
{
	gint64 before;
	struct names *n;

	g_assert_cmpint(mkfifo(p->path, 0600), ==, 0);
	n = names_open(p->path, NULL);
	g_assert_nonnull(n);
	names_add(n, "one");
	names_add(n, "two");
	before = g_get_monotonic_time();
	g_assert_cmpuint(names_close(n, WAIT_MS), ==, 2);
	g_assert_cmpint(g_get_monotonic_time() - before, >=, WAIT_MS * 1000);
	g_assert_cmpuint(names_close(NULL, WAIT_MS), ==, 0);
}

/* Names wait for the first reader, and for the next when one has left. */
static void test_late_readers(struct place *p, const void *unused)
{
	struct names *n;
	int fd;

	g_assert_cmpint(mkfifo(p->path, 0600), ==, 0);
	n = names_open(p->path, NULL);
	names_add(n, "one");
	names_add(n, "two");
	fd = open(p->path, O_RDONLY | O_NONBLOCK);
	read_until(fd, "one\ntwo\n");
	names_add(n, "three");
	read_until(fd, "three\n");
	close(fd);
	names_add(n, "four");
	fd = open(p->path, O_RDONLY | O_NONBLOCK);
	read_until(fd, "four\n");
	g_assert_cmpuint(names_close(n, WAIT_MS), ==, 0);
	close(fd);
}

/* More than a pipe holds: what it does not hold waits, and what is too much is dropped and counted. */
static void test_slow_reader(struct place *p, const void *unused)
{
	const guint64 n_names = NAMES_WAITING_MAX + 3000;
	char bytes[65536];
	guint64 n_read = 0, missing;
	struct names *n;
	ssize_t r;
	int fd;

	g_assert_cmpint(mkfifo(p->path, 0600), ==, 0);
	fd = open(p->path, O_RDONLY | O_NONBLOCK);
	n = names_open(p->path, NULL);
	for (guint64 i = 0; i < n_names; i++)
		names_add(n, "/var/capture/cap_00001_20261123040000.pcapng");
	missing = names_close(n, WAIT_MS);
	while ((r = read(fd, bytes, sizeof(bytes))) > 0)
		for (ssize_t i = 0; i < r; i++)
			n_read += bytes[i] == '\n';
	g_assert_cmpuint(n_read, >, 0);
	g_assert_cmpuint(n_read + missing, ==, n_names);
	g_assert_cmpuint(missing, >=, NAMES_WAITING_MAX);
	close(fd);
}

/* Gives this process another descriptor for a moment; a descriptor for restore(). */
static int replace(int fd, int with)
{
	int saved = dup(fd);

	g_assert_cmpint(dup2(with, fd), ==, fd);
	return saved;
}

static void restore(int fd, int saved)
{
	dup2(saved, fd);
	close(saved);
}

/* Ctrl-S; and standard error stays as it was: others write to it, too. */
static void test_stopped_terminal(struct place *p, const void *unused)
{
	int terminal, end, saved;
	char text[64] = "";
	guint64 missing;
	struct names *n;

	g_assert_cmpint(openpty(&terminal, &end, NULL, NULL, NULL), ==, 0);
	g_assert_cmpint(write(terminal, "\x13", 1), ==, 1);
	saved = replace(STDERR_FILENO, end);
	n = names_open("stderr", NULL);
	names_add(n, "one");
	missing = names_close(n, WAIT_MS);
	n = names_open("stderr", NULL);
	g_assert_cmpint(write(terminal, "\x11", 1), ==, 1);
	names_add(n, "two");
	g_assert_cmpuint(names_close(n, WAIT_MS), ==, 0);
	g_assert_false(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK);
	restore(STDERR_FILENO, saved);
	g_assert_cmpuint(missing, ==, 1);
	g_assert_cmpint(read(terminal, text, sizeof(text) - 1), ==, 5);
	g_assert_cmpstr(text, ==, "two\r\n");
	close(terminal);
	close(end);
}

/* Without a reader at all, every name is missing; nothing else happens. */
static void test_pipe_is_closed(struct place *p, const void *unused)
{
	int fds[2], saved;
	guint64 missing;
	struct names *n;

	g_assert_cmpint(pipe(fds), ==, 0);
	saved = replace(STDOUT_FILENO, fds[1]);
	n = names_open("-", NULL);
	close(fds[0]);
	names_add(n, "one");
	names_add(n, "two");
	missing = names_close(n, WAIT_MS);
	restore(STDOUT_FILENO, saved);
	close(fds[1]);
	g_assert_cmpuint(missing, ==, 2);
}

static void test_nowhere(struct place *p, const void *unused)
{
	g_autofree char *path = g_build_filename(p->path, "below", NULL);
	g_autoptr(GError) error = NULL;

	g_assert_null(names_open(path, &error));
	g_assert_nonnull(strstr(error->message, path));
}

#define ADD(name, function) g_test_add(name, struct place, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	g_test_init(&argc, &argv, NULL);
	ADD("/names/file", test_file);
	ADD("/names/fifo-without-reader", test_fifo_without_reader);
	ADD("/names/late-readers", test_late_readers);
	ADD("/names/slow-reader", test_slow_reader);
	ADD("/names/stopped-terminal", test_stopped_terminal);
	ADD("/names/pipe-is-closed", test_pipe_is_closed);
	ADD("/names/nowhere", test_nowhere);
	return g_test_run();
}
