/* SPDX-License-Identifier: MIT */
/* capture.c - a set of files in a temporary folder, and its invariants */
#include <errno.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "tests/pcapng/files/capture.h"

static void on_event(void *user, const struct pcapng_files_event *e)
{
	struct capture *c = user;

	g_assert_true(c->thread == g_thread_self());
	c->packets += e->packets;
	c->opened += e->what == PCAPNG_FILES_OPENED;
	c->finished += e->what == PCAPNG_FILES_FINISHED;
	c->deleted += e->what == PCAPNG_FILES_DELETED;
	c->recovered += e->what == PCAPNG_FILES_RECOVERED;
	c->kept += e->what == PCAPNG_FILES_KEPT;
	c->left += e->what == PCAPNG_FILES_LEFT;
	if (e->what == PCAPNG_FILES_LEFT)
		c->left_error = e->error;
	/* A reader that opens a file when it is announced sees all of it. */
	if (e->what == PCAPNG_FILES_FINISHED && !c->settles)
		g_assert_cmpint(access(e->path, R_OK), ==, 0);
}

static int add_stats(void *user, struct pcapng_writer *w)
{
	struct capture *c = user;

	return pcapng_writer_add_stats(w, &(struct pcapng_stats){
						  .mask = PCAPNG_STATS_USRDELIV,
						  .usrdeliv = c->written,
					  });
}

void capture_set_up(struct capture *c)
{
	c->folder = g_dir_make_tmp("files-XXXXXX", NULL);
	c->path = g_build_filename(c->folder, "cap.pcapng", NULL);
}

int capture_settle(struct capture *c)
{
	int r = c->settles ? pcapng_files_flush(c->f) : 0;

	return r == -EAGAIN || r == -ESHUTDOWN ? 0 : r;
}

int capture_start_with(struct capture *c, const struct pcapng_writer_config *writer)
{
	const struct pcapng_section section = { .hardware = c->hardware,
						.userappl = "test-files 1" };
	struct pcapng_writer_config sized = writer ? *writer : (struct pcapng_writer_config){ 0 };
	const char *queue = g_getenv("PCAPNG_QUEUE");
	int r;

	if (queue && !c->config.queue_size && !c->config.compression) {
		c->config.queue_size = strtoul(queue, NULL, 0);
		c->settles = true;
		c->config.direct_io = g_getenv("PCAPNG_DIRECT") ? PCAPNG_DIRECT_IO_ON
								: PCAPNG_DIRECT_IO_OFF;
	}
	sized.size = sizeof(sized);
	c->config.size = sizeof(c->config);
	c->config.path = c->path;
	c->config.add_stats = c->config.add_stats ? c->config.add_stats : add_stats;
	c->config.on_event = on_event;
	c->thread = g_thread_self();
	c->config.user = c;
	r = pcapng_files_new(&section, &sized, &c->config, &c->f);
	if (r < 0)
		return r;
	r = pcapng_files_add_interface(c->f, &(struct pcapng_interface){ .linktype = 1 }, NULL);
	return r < 0 ? r : capture_settle(c);
}

void capture_start(struct capture *c)
{
	g_assert_cmpint(capture_start_with(c, NULL), ==, 0);
}

int capture_add(struct capture *c)
{
	uint64_t data[16] = { c->written, c->written * 0x9e3779b97f4a7c15u };
	uint32_t len = 64 + c->written % 60;
	struct pcapng_packet packet;
	int r;

	for (int i = 2; i < 16; i++) /* nothing that compresses well */
		data[i] = (data[i - 1] ^ data[i - 1] >> 29) * 0xbf58476d1ce4e5b9u;
	packet = (struct pcapng_packet){ .data = data, .caplen = len, .len = len };
	r = pcapng_files_add_packet(c->f, &packet);
	if (r == -ENOBUFS && c->settles && pcapng_files_flush(c->f) == 0)
		r = pcapng_files_add_packet(c->f, &packet);
	c->written += r == 0;
	return r < 0 ? r : capture_settle(c);
}

void capture_add_many(struct capture *c, unsigned int n)
{
	while (n--)
		g_assert_cmpint(capture_add(c), ==, 0);
}

int capture_tick(struct capture *c)
{
	int r = pcapng_files_tick(c->f);

	return r < 0 ? r : capture_settle(c);
}

void capture_recover(struct capture *c)
{
	for (int i = 0; i < 10000; i++) {
		int ms = pcapng_files_timeout_ms(c->f);

		g_assert_cmpint(pcapng_files_tick(c->f), ==, 0);
		if (ms < 0 || ms > 100)
			return;
		g_usleep(1000);
	}
	g_assert_not_reached();
}

void capture_stop(struct capture *c)
{
	g_assert_cmpint(pcapng_files_close(c->f), ==, 0);
	pcapng_files_free(c->f);
	c->f = NULL;
}

static int compare(gconstpointer a, gconstpointer b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The paths of the files in the folder, sorted; only those with `suffix`. */
GPtrArray *capture_list(const struct capture *c, const char *suffix)
{
	GPtrArray *paths = g_ptr_array_new_with_free_func(g_free);
	GDir *folder = g_dir_open(c->folder, 0, NULL);
	const char *name;

	while ((name = g_dir_read_name(folder)))
		if (g_str_has_suffix(name, suffix))
			g_ptr_array_add(paths, g_build_filename(c->folder, name, NULL));
	g_dir_close(folder);
	g_ptr_array_sort(paths, compare);
	return paths;
}

/* Runs the strict checker on all of them. */
void capture_check(GPtrArray *paths)
{
	g_autoptr(GPtrArray) argv = g_ptr_array_new();
	int status;

	g_ptr_array_add(argv, (char *)g_getenv("PCAPNG_CHECKER"));
	for (unsigned int i = 0; i < paths->len; i++)
		g_ptr_array_add(argv, paths->pdata[i]);
	g_ptr_array_add(argv, NULL);
	if (paths->len == 0)
		return;
	g_assert_true(g_spawn_sync(NULL, (char **)argv->pdata, NULL, G_SPAWN_DEFAULT, NULL, NULL,
				   NULL, NULL, &status, NULL));
	g_assert_cmpint(status, ==, 0);
}

/* The content of the file, decompressed if need be. */
GByteArray *capture_read(const char *path)
{
	GByteArray *content = g_byte_array_new();
	uint8_t buf[65536];
	gzFile file = gzopen(path, "rb");
	int n;

	g_assert_nonnull(file);
	while ((n = gzread(file, buf, sizeof(buf))) > 0)
		g_byte_array_append(content, buf, n);
	g_assert_cmpint(n, ==, 0);
	g_assert_cmpint(gzclose(file), ==, Z_OK);
	return content;
}

/* Checks that the serial numbers in the file continue from *next; returns their count. */
unsigned int capture_read_serials(const char *path, uint64_t *next, uint64_t max_bytes)
{
	g_autoptr(GByteArray) content = capture_read(path);
	unsigned int n = 0;

	if (max_bytes)
		g_assert_cmpuint(content->len, <=, max_bytes);
	for (size_t at = 0; at < content->len;) {
		uint32_t head[2];
		uint64_t serial = 0;

		memcpy(head, content->data + at, sizeof(head));
		if (head[1] >= 28 + sizeof(serial))
			memcpy(&serial, content->data + at + 28, sizeof(serial));
		if (head[0] == PCAPNG_BLOCK_EPB) {
			g_assert_cmpuint(serial, ==, *next);
			++*next;
			n++;
		}
		at += head[1];
	}
	return n;
}

const char *capture_suffix(const struct capture *c)
{
	return c->config.compression && !c->config.single ? ".pcapng.gz" : ".pcapng";
}

/* Every file is valid, no .part is left, and all numbers from `first` to the last are there. */
void capture_check_all(struct capture *c, uint64_t first, unsigned int files)
{
	g_autoptr(GPtrArray) paths = capture_list(c, capture_suffix(c));
	g_autoptr(GPtrArray) parts = capture_list(c, ".part");
	uint64_t next = first;

	g_assert_cmpuint(parts->len, ==, 0);
	if (files)
		g_assert_cmpuint(paths->len, ==, files);
	capture_check(paths);
	for (unsigned int i = 0; i < paths->len; i++) {
		c->first_of_last = next;
		capture_read_serials(paths->pdata[i], &next, c->config.max_bytes);
	}
	g_assert_cmpuint(next, ==, c->written);
}

unsigned int capture_cut_everywhere(const struct capture *c, size_t wrong)
{
	g_autofree char *path = g_build_filename(c->folder, "torn", NULL), *whole = NULL;
	g_autoptr(GPtrArray) paths = capture_list(c, "");
	uint64_t last = 0, bytes = 0;
	unsigned int steps = 0;
	gsize len;

	g_assert_true(g_file_get_contents(paths->pdata[0], &whole, &len, NULL));
	for (gsize n = 0; n <= len; n++) {
		int r;

		g_assert_true(g_file_set_contents(path, whole, n, NULL));
		r = pcapng_recover(path, &bytes);
		g_assert_cmpint(r, ==, last || r == 0 ? 0 : -EINVAL);
		if (r < 0)
			continue;
		g_assert_cmpuint(bytes, <=, n);
		g_assert_cmpuint(bytes, >=, last);
		steps += bytes > last;
		last = bytes;
	}
	g_assert_cmpuint(last, ==, len);
	whole[len - wrong] ^= 1;
	g_assert_true(g_file_set_contents(path, whole, len, NULL));
	g_assert_cmpint(pcapng_recover(path, &bytes), ==, 0);
	g_assert_cmpuint(bytes, <, len);
	return steps;
}

void capture_remove_parts(const struct capture *c)
{
	g_autoptr(GPtrArray) parts = capture_list(c, ".part");

	for (unsigned int i = 0; i < parts->len; i++) {
		struct stat st;

		g_assert_cmpint(stat(parts->pdata[i], &st), ==, 0);
		g_assert_cmpuint(st.st_size, ==, 0);
		g_unlink(parts->pdata[i]);
	}
}

void capture_tear_down(struct capture *c)
{
	g_autoptr(GPtrArray) paths = capture_list(c, "");

	for (unsigned int i = 0; i < paths->len; i++)
		g_unlink(paths->pdata[i]);
	g_rmdir(c->folder);
	g_free(c->folder);
	g_free(c->path);
}
