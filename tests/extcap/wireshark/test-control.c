/* SPDX-License-Identifier: MIT */
/* The protocol of the toolbar's pipes, and pipes whose other end is late, slow or gone. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "extcap/system/cleanup.h"
#include "extcap/wireshark/control.h"

struct fixture {
	char *folder, *in, *out;
	struct control *control;
	GString *got; /* "number/command/length " of each message */
};

static void set_up(struct fixture *f, const void *unused)
{
	f->folder = g_dir_make_tmp("xdptap-test-XXXXXX", NULL);
	f->in = g_build_filename(f->folder, "in", NULL);
	f->out = g_build_filename(f->folder, "out", NULL);
	g_assert_cmpint(mkfifo(f->in, 0600), ==, 0);
	g_assert_cmpint(mkfifo(f->out, 0600), ==, 0);
	f->control = control_open(f->in, f->out);
	f->got = g_string_new(NULL);
}

static void tear_down(struct fixture *f, const void *unused)
{
	control_free(f->control);
	g_string_free(f->got, true);
	g_remove(f->in);
	g_remove(f->out);
	g_rmdir(f->folder);
	g_free(f->in);
	g_free(f->out);
	g_free(f->folder);
}

static void on_message(void *user, const struct control_message *m)
{
	g_string_append_printf(user, "%u/%u/%zu ", m->number, m->command, m->len);
}

/* What is read of bytes that come in pieces of every size. */
static void check_parse(const char *data, size_t len, const char *expected)
{
	g_autofree struct control_parser *p = g_new(struct control_parser, 1);

	for (size_t piece = 1; piece <= len; piece++) {
		g_autoptr(GString) got = g_string_new(NULL);

		memset(p, 0, sizeof(*p));
		for (size_t at = 0; at < len; at += piece)
			control_parse(p, (const uint8_t *)data + at, MIN(piece, len - at),
				      on_message, got);
		g_assert_cmpstr(got->str, ==, expected);
	}
}

#define CHECK_PARSE(data, expected) check_parse(data, sizeof(data) - 1, expected)

static void test_parse(void)
{
	CHECK_PARSE("T\0\0\2\0\0", "0/0/0 ");
	CHECK_PARSE("T\0\0\5\3\1tcpT\0\0\3\2\1\1", "3/1/3 2/1/1 ");
	CHECK_PARSE("T\0\0\2\377\377", "255/255/0 ");
	CHECK_PARSE("T\0\0\5\3\1tc", "");
}

/* An unknown message is skipped by its length, and the next one is read. */
static void test_skip(void)
{
	CHECK_PARSE("Q\0\0\4TTTTT\0\0\2\1\1", "1/1/0 ");
	CHECK_PARSE("Q\0\0\0T\0\0\2\1\1", "1/1/0 ");
	CHECK_PARSE("T\0\0\0T\0\0\1\7T\0\0\2\1\1", "1/1/0 ");
	CHECK_PARSE("T\377\377\377\0\1 a very long message", "");
}

static void test_longest(void)
{
	static uint8_t data[6 + CONTROL_PAYLOAD_MAX + 1], again[sizeof(data)];
	struct control_message m = { 7, CONTROL_SET, data, CONTROL_PAYLOAD_MAX + 1 };
	g_autofree struct control_parser *p = g_new0(struct control_parser, 1);
	g_autoptr(GString) got = g_string_new(NULL);

	g_assert_cmpuint(control_format(again, sizeof(again), &m), ==, 6 + CONTROL_PAYLOAD_MAX);
	control_parse(p, again, 6 + CONTROL_PAYLOAD_MAX, on_message, got);
	g_assert_cmpstr(got->str, ==, "7/1/65535 ");
	again[1]++; /* longer than any message may be: 65537 + 65536 bytes to skip */
	control_parse(p, again, 6 + CONTROL_PAYLOAD_MAX, on_message, got);
	g_assert_cmpuint(p->skip, ==, 65536);
	g_assert_cmpstr(got->str, ==, "7/1/65535 ");
}

static bool read_all(struct fixture *f)
{
	return control_read(f->control, on_message, f->got);
}

static void test_late_writer(struct fixture *f, const void *unused)
{
	int writer;

	g_assert_true(read_all(f));
	g_assert_false(f->control->has_met);
	writer = open(f->in, O_WRONLY | O_NONBLOCK); /* ENXIO were it not open already */
	g_assert_cmpint(writer, >=, 0);
	g_assert_true(read_all(f));
	g_assert_true(f->control->has_met);
	g_assert_cmpint(write(writer, "T\0\0\2\0\0T\0\0", 9), ==, 9);
	g_assert_true(read_all(f));
	g_assert_cmpstr(f->got->str, ==, "0/0/0 ");
	g_assert_cmpint(write(writer, "\3\2\1\1", 4), ==, 4);
	close(writer);
	g_assert_false(read_all(f)); /* and what came before is not lost */
	g_assert_cmpstr(f->got->str, ==, "0/0/0 2/1/1 ");
	g_assert_false(read_all(f));
}

/* The FIFO has no reader, then one that does not read, then none again. */
static void test_reader(struct fixture *f, const void *unused)
{
	uint8_t data[65536];
	unsigned int sent = 0;
	int reader;

	g_assert_false(control_send(f->control, 0, CONTROL_STATUSBAR, "nobody"));
	reader = open(f->out, O_RDONLY | O_NONBLOCK);
	while (control_send(f->control, 1, CONTROL_STATUSBAR, "text"))
		sent++;
	g_assert_cmpuint(sent, >, 100);
	for (unsigned int i = 0; i < sent; i++) {
		g_assert_cmpint(read(reader, data, 10), ==, 10);
		g_assert_cmpmem(data, 10, "T\0\0\6\1\6text", 10);
	}
	g_assert_cmpint(read(reader, data, 1), ==, -1);
	g_assert_true(control_send_switch(f->control, 2, true));
	g_assert_cmpint(read(reader, data, sizeof(data)), ==, 7);
	g_assert_cmpmem(data, 7, "T\0\0\3\2\1\1", 7);
	close(reader);
	g_assert_false(control_send(f->control, 0, CONTROL_STATUSBAR, "gone"));
	g_assert_cmpint(f->control->out, ==, -1);
}

/* A long text goes in one piece, cut between two characters. */
static void test_long_text(struct fixture *f, const void *unused)
{
	uint8_t data[65536];
	int reader = open(f->out, O_RDONLY | O_NONBLOCK);

	for (unsigned int shift = 0; shift < 4; shift++) {
		g_autoptr(GString) text = g_string_new("abcd");
		ssize_t n;

		g_string_truncate(text, shift);
		for (int i = 0; i < 5000; i++)
			g_string_append(text, "\xc3\xbc");
		g_assert_true(control_send(f->control, 0, CONTROL_INFO, text->str));
		n = read(reader, data, sizeof(data));
		g_assert_cmpint(n, >, PIPE_BUF - 3);
		g_assert_cmpint(n, <=, PIPE_BUF);
		g_assert_cmpint(data[2] << 8 | data[3], ==, n - 4);
		g_assert_true(g_utf8_validate((char *)data + 6, n - 6, NULL));
	}
	close(reader);
}

static gboolean open_writer(void *user)
{
	struct fixture *f = user;
	int fd = open(f->in, O_WRONLY | O_NONBLOCK);

	g_assert_cmpint(fd, >=, 0);
	close(fd);
	return G_SOURCE_REMOVE;
}

static gboolean cancel(void *user)
{
	*(unsigned int *)user = 1;
	return G_SOURCE_REMOVE;
}

/* It ends when the other end came, even for a moment, or when it need not wait any more. */
static void test_linger(struct fixture *f, const void *unused)
{
	unsigned int n_signals = 0;

	g_timeout_add(20, open_writer, f);
	control_linger(f->control, &n_signals);
	g_assert_cmpuint(n_signals, ==, 0);
	control_free(f->control);
	f->control = control_open(f->in, f->out);
	g_timeout_add(20, cancel, &n_signals);
	control_linger(f->control, &n_signals);
	g_assert_cmpuint(n_signals, ==, 1);
	control_linger(NULL, &n_signals);
}

/* Nothing but a FIFO is opened. */
static void test_no_fifo(void)
{
	struct control *c = control_open("/nowhere/at/all", "/dev/null");

	g_assert_cmpint(c->in, ==, -1);
	g_assert_false(control_read(c, on_message, NULL));
	g_assert_false(control_send(c, 0, CONTROL_INFO, "text"));
	control_linger(c, &(unsigned int){ 0 });
	control_free(c);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	signal(SIGPIPE, SIG_IGN);
	g_test_add_func("/control/parse", test_parse);
	g_test_add_func("/control/skip", test_skip);
	g_test_add_func("/control/longest", test_longest);
	g_test_add("/control/late-writer", struct fixture, NULL, set_up, test_late_writer,
		   tear_down);
	g_test_add("/control/reader", struct fixture, NULL, set_up, test_reader, tear_down);
	g_test_add("/control/long-text", struct fixture, NULL, set_up, test_long_text, tear_down);
	g_test_add("/control/linger", struct fixture, NULL, set_up, test_linger, tear_down);
	g_test_add_func("/control/no-fifo", test_no_fifo);
	return g_test_run();
}
