/* SPDX-License-Identifier: MIT */
/* Lines of a key log, and the file that programs append them to. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "extcap/secrets/keylog-line.h"
#include "extcap/secrets/keylog.h"

#define ID     "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define HALF   "0123456789abcdef0123456789abcdef" /* 16 bytes */
#define SECRET HALF HALF			  /* 32 bytes */

struct fixture {
	char *folder, *path;
	struct keylog *log;
	GString *lines; /* what it passed on, each with '|' after it */
};

static void set_up(struct fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	f->folder = g_dir_make_tmp("xdptap-XXXXXX", NULL);
	f->path = g_build_filename(f->folder, "keys", NULL);
	f->lines = g_string_new(NULL);
}

static void tear_down(struct fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	keylog_close(f->log);
	(void)g_remove(f->path);
	(void)g_rmdir(f->folder);
	g_string_free(f->lines, true);
	g_free(f->path);
	g_free(f->folder);
}

static void append(const struct fixture *f, const char *text)
{
	int fd = open(f->path, O_WRONLY | O_CREAT | O_APPEND, 0600);

	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(write(fd, text, strlen(text)), ==, (gssize)strlen(text));
	close(fd);
}

static void start(struct fixture *f)
{
	f->log = keylog_new(f->path);
	g_assert_true(keylog_open(f->log, NULL));
}

static void on_line(void *user, const char *line, gsize len)
{
	GString *lines = user;

	g_string_append_len(lines, line, (gssize)len);
	g_string_append_c(lines, '|');
}

/* What is new, since the last call. */
static const char *read_new(struct fixture *f)
{
	g_string_truncate(f->lines, 0);
	keylog_read(f->log, on_line, f->lines);
	return f->lines->str;
}

static void test_appended(struct fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	append(f, "old\nhalf");
	start(f);
	g_assert_cmpstr(read_new(f), ==, "");
	append(f, "1\n2\r\n\n3");
	g_assert_cmpstr(read_new(f), ==, "1|2||");
	append(f, "3\n");
	g_assert_cmpstr(read_new(f), ==, "33|");
}

/* What a program logs between the two belongs to a connection that is captured. */
static void test_opened_later(struct fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	append(f, "old\n");
	f->log = keylog_new(f->path);
	append(f, "new\n");
	g_assert_true(keylog_open(f->log, NULL));
	g_assert_cmpstr(read_new(f), ==, "new|");
}

static void test_not_there_yet(struct fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	start(f);
	g_assert_false(keylog_exists(f->log));
	g_assert_cmpstr(read_new(f), ==, "");
	append(f, "first\n");
	g_assert_cmpstr(read_new(f), ==, "first|");
	g_assert_true(keylog_exists(f->log));
}

static void test_emptied(struct fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	start(f);
	append(f, "first\nhalf");
	g_assert_cmpstr(read_new(f), ==, "first|");
	g_assert_cmpint(truncate(f->path, 0), ==, 0);
	append(f, "2nd\n");
	g_assert_cmpstr(read_new(f), ==, "2nd|");
}

/* The rest of the old file is read first; half a line of it does not become part of another. */
static void test_replaced(struct fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	append(f, "before\n");
	start(f);
	append(f, "rest\nhalf");
	(void)g_remove(f->path);
	append(f, "new\n");
	g_assert_cmpstr(read_new(f), ==, "rest|new|");
	(void)g_remove(f->path);
	g_assert_cmpstr(read_new(f), ==, "");
}

static void test_long_lines(struct fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *most = g_strnfill(KEYLOG_LINE_MAX, 'x');
	g_autofree char *expected = g_strconcat(most, "|next|", NULL);

	start(f);
	append(f, most);
	append(f, "\nnext\n");
	g_assert_cmpstr(read_new(f), ==, expected);
	append(f, most);
	append(f, "x\nnext\n");
	g_assert_cmpstr(read_new(f), ==, "next|");
	for (int i = 0; i < 100; i++) {
		append(f, most);
		g_assert_cmpstr(read_new(f), ==, "");
	}
	append(f, "\nlast\n");
	g_assert_cmpstr(read_new(f), ==, "last|");
}

static void test_fifo(struct fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_assert_cmpint(mkfifo(f->path, 0600), ==, 0);
	start(f);
	g_assert_cmpstr(read_new(f), ==, "");
	append(f, "1\n2");
	g_assert_cmpstr(read_new(f), ==, "1|");
	append(f, "2\n");
	g_assert_cmpstr(read_new(f), ==, "22|");
}

static void test_refused(struct fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) error = NULL;

	f->log = keylog_new(f->folder);
	g_assert_false(keylog_open(f->log, &error));
	g_assert_nonnull(strstr(error->message, f->folder));
	keylog_close(f->log);
	g_clear_error(&error);
	f->log = keylog_new("/dev/zero");
	g_assert_false(keylog_open(f->log, &error));
}

static bool is_valid(const char *text)
{
	struct keylog_line parts = { 0 };
	bool ok = keylog_line_parse(text, strlen(text), &parts);

	g_assert_true(!ok || (parts.id > text && parts.id + parts.id_len < text + strlen(text)));
	return ok;
}

static void test_lines(void)
{
	static const char *const good[] = {
		"CLIENT_RANDOM " ID " " SECRET HALF,
		"CLIENT_TRAFFIC_SECRET_0 " ID " " SECRET,
		"SERVER_TRAFFIC_SECRET_123 " ID " " SECRET HALF,
		"EXPORTER_SECRET " ID " " SECRET SECRET,
		"QUIC_SERVER_HANDSHAKE_TRAFFIC_SECRET " ID " " SECRET,
		"ECH_CONFIG " ID " 0011aabb",
		"RSA 0123456789abcdef " SECRET HALF,
	};
	static const char *const bad[] = {
		"",
		" ",
		"CLIENT_RANDOM",
		"CLIENT_RANDOM ",
		"CLIENT_RANDOM " ID,
		"CLIENT_RANDOM " ID " ",
		"CLIENT_RANDOM " ID " " SECRET,
		"CLIENT_RANDOM " ID " " SECRET SECRET,
		"CLIENT_RANDOM  " ID " " SECRET HALF,
		"CLIENT_RANDOM " ID "  " SECRET HALF,
		"CLIENT_RANDOM " ID " " SECRET HALF " ",
		"client_random " ID " " SECRET HALF,
		"CLIENT_RANDOM 0" ID " " SECRET HALF,
		"CLIENT_RANDOM_ " ID " " SECRET HALF,
		"CLIENT_TRAFFIC_SECRET_ " ID " " SECRET,
		"CLIENT_TRAFFIC_SECRET_x " ID " " SECRET,
		"CLIENT_TRAFFIC_SECRET_0123456789 " ID " " SECRET,
		"EXPORTER_SECRET " ID " " SECRET "0",
		"# EXPORTER_SECRET " ID " " SECRET,
		"ECH_SECRET " ID " " SECRET "xy",
		"RSA " ID " " SECRET HALF,
	};

	for (gsize i = 0; i < G_N_ELEMENTS(good); i++)
		g_assert_true(is_valid(good[i]));
	for (gsize i = 0; i < G_N_ELEMENTS(bad); i++)
		g_assert_false(is_valid(bad[i]));
}

/* It reads no byte behind the given length. */
static void test_bounds(void)
{
	static const char line[] = "CLIENT_RANDOM " ID " " SECRET HALF;
	struct keylog_line parts;

	for (gsize n = 0; n <= strlen(line); n++) {
		g_autofree char *copy = g_memdup2(line, n ? n : 1);

		g_assert_cmpint(keylog_line_parse(copy, n, &parts), ==, n == strlen(line));
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/line/forms", test_lines);
	g_test_add_func("/line/bounds", test_bounds);
#define ADD(name) g_test_add("/log/" #name, struct fixture, NULL, set_up, test_##name, tear_down)
	ADD(appended);
	ADD(opened_later);
	ADD(not_there_yet);
	ADD(emptied);
	ADD(replaced);
	ADD(long_lines);
	ADD(fifo);
	ADD(refused);
	return g_test_run();
}
