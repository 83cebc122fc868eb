/* SPDX-License-Identifier: MIT */
/*
 * The system clock is set back during a capture: time does not go back within a file, is right again in
 * the next one, and the files and a warning say what happened.
 */
#include <glib/gstdio.h>
#include <string.h>

#include "extcap/capture/stream.h"
#include "extcap/sink/sink-files.h"
#include "fake-tap.h"
#include "pcapng/format.h"

#define SECOND UINT64_C(1000000000)
#define START  (UINT64_C(1700000000) * SECOND)
#define HOUR   (3600 * SECOND)

struct fixture {
	char *folder;
	struct config config;
	struct stream stream;
	GPtrArray *files; /* names of the finished ones */
	guint warnings;
	uint8_t data[60];
};

static struct fixture *now; /* the one that runs */

static GLogWriterOutput count_warnings(GLogLevelFlags level, const GLogField *fields, gsize n,
				       gpointer unused)
{
	now->warnings += level == G_LOG_LEVEL_WARNING;
	return G_LOG_WRITER_HANDLED;
}

static void on_file(void *user, const struct pcapng_files_event *event)
{
	struct fixture *f = user;

	if (event->what == PCAPNG_FILES_FINISHED)
		g_ptr_array_add(f->files, g_strdup(event->path));
}

/* Files of two packets each, or one file if that is 0. */
static void set_up(struct fixture *f, const void *packets)
{
	const struct link link = { .index = 1, .name = "near", .type = 1 };
	const struct stream_description described = {
		.iface = &link, .snaplen = TAP_SNAPLEN_MAX, .comment = "at xdp", .n_slots = 1
	};
	const struct pcapng_section section = { .userappl = "xdptap" };
	GError *error = NULL;
	struct sink *sink;

	now = f;
	fake_tap = (struct fake_tap){ .now_ns = START };
	f->files = g_ptr_array_new_with_free_func(g_free);
	f->folder = g_dir_make_tmp("xdptap-XXXXXX", NULL);
	options_init(&f->config);
	f->config.output = g_build_filename(f->folder, "cap.pcapng", NULL);
	f->config.rotate.packets = GPOINTER_TO_UINT(packets);
	sink = sink_files_new(&f->config, 1 << 20, &section, on_file, f, &error);
	g_assert_no_error(error);
	stream_init(&f->stream, sink, NULL);
	g_assert_true(stream_add(&f->stream, &described, NULL));
}

static void tear_down(struct fixture *f, const void *unused)
{
	for (guint i = 0; i < f->files->len; i++)
		g_assert_cmpint(g_unlink(f->files->pdata[i]), ==, 0);
	g_assert_cmpint(g_rmdir(f->folder), ==, 0);
	g_ptr_array_unref(f->files);
	g_free(f->folder);
	options_done(&f->config);
}

/* A second passes, and a frame arrives. */
static void write_frame(struct fixture *f)
{
	struct tap_frame frame = {
		.data = f->data,
		.caplen = sizeof(f->data),
		.len = sizeof(f->data),
		.point = &point_xdp,
	};

	fake_tap.now_ns += SECOND;
	frame.ts_ns = fake_tap.now_ns;
	g_assert_cmpint(stream_write(&f->stream, &frame, 1), ==, 1);
	g_assert_cmpint(stream_flush(&f->stream), ==, 0);
}

/* The system clock is set back: the tap's does not follow. */
static void set_back(uint64_t ns)
{
	fake_tap.ahead_ns += ns;
}

static void end(struct fixture *f)
{
	int r;

	do
		r = stream_end(&f->stream);
	while (sink_is_busy(r));
	g_assert_cmpint(r, ==, 0);
	stream_done(&f->stream);
}

/* What a file says: the times of its packets, and the times and comments of its statistics. */
struct contents {
	uint64_t packets[8];
	guint n;
	uint64_t start, end, ts;
	char *comment; /* the only one, or NULL */
};

static uint64_t read_time(const uint8_t *at)
{
	uint32_t half[2];

	memcpy(half, at, sizeof(half));
	return (uint64_t)half[0] << 32 | half[1];
}

static void read_stats(struct contents *c, const uint8_t *block, uint32_t len)
{
	uint16_t option[2];

	c->ts = read_time(block + 12);
	for (uint32_t at = 20; at + 4 < len; at += 4 + (option[1] + 3u) / 4 * 4) {
		const uint8_t *value = block + at + 4;

		memcpy(option, block + at, sizeof(option));
		if (option[0] == PCAPNG_OPT_COMMENT &&
		    !g_str_has_prefix((const char *)value, "at most")) {
			g_assert_null(c->comment);
			c->comment = g_strndup((const char *)value, option[1]);
		} else if (option[0] == PCAPNG_ISB_STARTTIME) {
			c->start = read_time(value);
		} else if (option[0] == PCAPNG_ISB_ENDTIME) {
			c->end = read_time(value);
		} else if (option[0] == 0) {
			break;
		}
	}
}

static struct contents read_file(const struct fixture *f, guint number)
{
	struct contents c = { 0 };
	g_autofree char *data = NULL;
	uint32_t head[2];
	gsize len;

	g_assert_cmpuint(number, <, f->files->len);
	g_assert_true(g_file_get_contents(f->files->pdata[number], &data, &len, NULL));
	for (gsize at = 0; at < len; at += head[1]) {
		const uint8_t *block = (const uint8_t *)data + at;

		memcpy(head, block, sizeof(head));
		if (head[0] == PCAPNG_BLOCK_EPB)
			c.packets[c.n++] = read_time(block + 12);
		else if (head[0] == PCAPNG_BLOCK_ISB)
			read_stats(&c, block, head[1]);
	}
	return c;
}

static void check(const struct fixture *f, guint number, const uint64_t *times, guint n,
		  const char *comment)
{
	struct contents c = read_file(f, number);

	g_assert_cmpuint(c.n, ==, n);
	for (guint i = 0; i < n; i++)
		g_assert_cmpuint(c.packets[i], ==, times[i]);
	g_assert_cmpuint(c.start, <=, c.packets[0]);
	g_assert_cmpuint(c.end, >=, c.packets[n - 1]);
	g_assert_cmpuint(c.ts, ==, c.end);
	if (comment)
		g_assert_cmpstr(c.comment, ==, comment);
	else
		g_assert_null(c.comment);
	g_free(c.comment);
}

#define CHECK(number, comment, ...)                                                                \
	check(f, number, (const uint64_t[]){ __VA_ARGS__ },                                        \
	      G_N_ELEMENTS(((const uint64_t[]){ __VA_ARGS__ })), comment)

#define T(n) (START + (n)*SECOND)

static void test_no_step(struct fixture *f, const void *unused)
{
	for (int i = 0; i < 4; i++)
		write_frame(f);
	end(f);
	CHECK(0, NULL, T(1), T(2));
	CHECK(1, NULL, T(3), T(4));
	g_assert_cmpuint(f->warnings, ==, 0);
}

/* The first packet of the new file already has its true time, although it was stamped before. */
static void test_next_file(struct fixture *f, const void *unused)
{
	write_frame(f);
	set_back(HOUR);
	for (int i = 0; i < 4; i++)
		write_frame(f);
	end(f);
	g_assert_cmpuint(f->files->len, ==, 3);
	CHECK(0, "time stamps are up to 3600.000 s ahead: the clock was set back", T(1), T(2));
	CHECK(1, "before this file the clock was set back by 3600.000 s", T(3) - HOUR, T(4) - HOUR);
	CHECK(2, NULL, T(5) - HOUR);
	g_assert_cmpuint(f->warnings, ==, 1);
}

/* Between the last look at the clock and the new file. */
static void test_just_before(struct fixture *f, const void *unused)
{
	write_frame(f);
	write_frame(f);
	set_back(HOUR);
	write_frame(f);
	end(f);
	CHECK(1, "before this file the clock was set back by 3600.000 s", T(3) - HOUR);
	g_assert_cmpuint(f->warnings, ==, 1);
}

static void test_one_file(struct fixture *f, const void *unused)
{
	write_frame(f);
	set_back(HOUR);
	write_frame(f);
	write_frame(f);
	end(f);
	g_assert_cmpuint(f->files->len, ==, 1);
	CHECK(0, "time stamps are up to 3600.000 s ahead: the clock was set back", T(1), T(2),
	      T(3));
	g_assert_cmpuint(f->warnings, ==, 1);
}

/* Each step is told, and the statistics tell the most; without frames in between, too. */
static void test_several(struct fixture *f, const void *unused)
{
	write_frame(f);
	set_back(HOUR);
	g_assert_cmpint(stream_flush(&f->stream), ==, 0);
	g_assert_cmpint(stream_flush(&f->stream), ==, 0);
	set_back(SECOND / 2);
	g_assert_cmpint(stream_flush(&f->stream), ==, 0);
	g_assert_cmpuint(f->warnings, ==, 2);
	fake_tap.ahead_ns = 0; /* set forward again */
	write_frame(f);
	set_back(2 * SECOND);
	end(f);
	CHECK(0, "time stamps are up to 3600.500 s ahead: the clock was set back", T(1), T(2));
	g_assert_cmpuint(f->warnings, ==, 3);
}

/* What time synchronization does is not told, unless it adds up. */
static void test_small(struct fixture *f, const void *unused)
{
	write_frame(f);
	set_back(400000);
	g_assert_cmpint(stream_flush(&f->stream), ==, 0);
	set_back(400000);
	g_assert_cmpint(stream_flush(&f->stream), ==, 0);
	g_assert_cmpuint(f->warnings, ==, 0);
	set_back(400000);
	end(f);
	CHECK(0, "time stamps are up to 0.001 s ahead: the clock was set back", T(1));
	g_assert_cmpuint(f->warnings, ==, 1);
}

#define ADD(name, packets, function)                                                               \
	g_test_add(name, struct fixture, GUINT_TO_POINTER(packets), set_up, function, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_log_set_always_fatal(G_LOG_FATAL_MASK);		/* not warnings, as in tests */
	g_log_set_default_handler(g_log_default_handler, NULL); /* not that of g_test_init() */
	g_log_set_writer_func(count_warnings, NULL, NULL);
	ADD("/steps/no-step", 2, test_no_step);
	ADD("/steps/next-file", 2, test_next_file);
	ADD("/steps/just-before", 2, test_just_before);
	ADD("/steps/one-file", 0, test_one_file);
	ADD("/steps/several", 0, test_several);
	ADD("/steps/small", 0, test_small);
	return g_test_run();
}
