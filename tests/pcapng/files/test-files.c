/* SPDX-License-Identifier: MIT */
/* test-files.c - sets of files: limits, names, retention by number and size */
#include <errno.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pcapng/folder/pattern.h"
#include "tests/pcapng/files/capture.h"

static void test_bytes(void)
{
	struct capture c = { .config = { .max_bytes = 10000 } };

	capture_set_up(&c);
	capture_start(&c);
	capture_add_many(&c, 1000);
	capture_stop(&c);
	capture_check_all(&c, 0, 0);
	g_assert_cmpuint(c.finished, ==, c.opened);
	g_assert_cmpuint(c.finished, >=, 13);
	g_assert_cmpuint(c.finished, <=, 14);
	capture_tear_down(&c);
}

static void test_packets(void)
{
	struct capture c = { .config = { .max_packets = 100 } };

	capture_set_up(&c);
	capture_start(&c);
	capture_add_many(&c, 1000);
	capture_stop(&c);
	capture_check_all(&c, 0, 10);
	capture_tear_down(&c);
}

/* The last file of a limited number is complete, and no other is started. */
static void test_max_files(void)
{
	struct capture c = { .config = { .max_packets = 10, .max_files = 3 } };

	capture_set_up(&c);
	capture_start(&c);
	capture_add_many(&c, 30);
	g_assert_cmpint(pcapng_files_rotate(c.f), ==, -ESHUTDOWN);
	g_assert_cmpint(capture_settle(&c), ==, 0);
	g_assert_cmpint(pcapng_files_timeout_ms(c.f), ==, -1);
	g_assert_cmpint(pcapng_files_close(c.f), ==, -ESHUTDOWN);
	pcapng_files_free(g_steal_pointer(&c.f));
	capture_check_all(&c, 0, 3);
	capture_tear_down(&c);
}

/* Adds two interfaces, names and secrets; returns the length of the start of the file. */
static size_t add_preamble(struct capture *c)
{
	static const uint8_t address[4] = { 192, 0, 2, 1 };
	static const char *const names[] = { "example.com" };
	const struct pcapng_name record = { PCAPNG_NRB_IPV4, address, names, 1 };
	struct pcapng_writer *w = pcapng_files_writer(c->f);

	g_assert_cmpint(pcapng_files_add_interface(c->f,
						   &(struct pcapng_interface){ .linktype = 1 },
						   NULL),
			==, 0);
	g_assert_cmpint(pcapng_writer_add_names(w, &(struct pcapng_names){ .keep = true,
									   .records = &record,
									   .n_records = 1 }),
			==, 0);
	g_assert_cmpint(pcapng_writer_add_secrets(w,
						  &(struct pcapng_secrets){
							  .keep = true,
							  .type = PCAPNG_SECRETS_TLS,
							  .data = "CLIENT_RANDOM 00 00\n",
							  .len = 20,
						  }),
			==, 0);
	return pcapng_writer_bytes(w);
}

/* A new file on demand starts with the same bytes as the first. */
static void test_rotate(void)
{
	struct capture c = { 0 };
	g_autoptr(GPtrArray) paths = NULL;
	g_autofree char *first = NULL;
	size_t len;

	capture_set_up(&c);
	capture_start(&c);
	len = add_preamble(&c);
	for (int i = 0; i < 3; i++) {
		capture_add_many(&c, 10);
		g_assert_cmpint(pcapng_files_rotate(c.f), ==, 0);
		g_assert_cmpint(capture_settle(&c), ==, 0);
		g_assert_cmpuint(c.finished, ==, i + 1);
	}
	capture_stop(&c);
	capture_check_all(&c, 0, 4);
	paths = capture_list(&c, ".pcapng");
	g_assert_true(g_file_get_contents(paths->pdata[0], &first, NULL, NULL));
	for (unsigned int i = 1; i < paths->len; i++) {
		g_autofree char *content = NULL;

		g_assert_true(g_file_get_contents(paths->pdata[i], &content, NULL, NULL));
		g_assert_cmpmem(content, len, first, len);
	}
	capture_tear_down(&c);
}

static void test_time(gconstpointer data)
{
	bool interval = GPOINTER_TO_INT(data);
	struct capture c = { .config = { .interval_ns = interval ? 50000000 : 0,
					 .max_duration_ns = interval ? 0 : 50000000 } };
	int timeout;

	capture_set_up(&c);
	capture_start(&c);
	for (int i = 0; i < 4; i++) {
		capture_add_many(&c, 10);
		timeout = pcapng_files_timeout_ms(c.f);
		g_assert_cmpint(timeout, >=, 0);
		g_assert_cmpint(timeout, <=, 50);
		g_usleep(timeout * 1000 + 1000);
		g_assert_cmpint(pcapng_files_tick(c.f), ==, 0);
	}
	capture_stop(&c);
	capture_check_all(&c, 0, 5);
	capture_tear_down(&c);
}

static void test_skip_empty(void)
{
	struct capture c = { .config = { .max_duration_ns = 1000000, .skip_empty = true } };

	capture_set_up(&c);
	capture_start(&c);
	g_assert_cmpint(pcapng_files_timeout_ms(c.f), ==, -1);
	g_usleep(2000);
	g_assert_cmpint(pcapng_files_tick(c.f), ==, 0);
	capture_stop(&c);
	capture_check_all(&c, 0, 1);
	capture_tear_down(&c);
}

/* Files of two runs count together; files of strangers and other programs stay. */
static void test_keep_files(void)
{
	struct capture c = { .config = { .max_packets = 10, .keep_files = 3 } };
	g_autofree char *stranger = NULL, *other = NULL, *golden = NULL, *content = NULL;
	gsize len;

	capture_set_up(&c);
	stranger = g_build_filename(c.folder, "cap_00001_20200101000000.pcapng", NULL);
	other = g_build_filename(c.folder, "cap_other.pcapng", NULL);
	golden = g_build_filename(g_getenv("PCAPNG_GOLDEN"), "minimal.pcapng", NULL);
	g_assert_true(g_file_get_contents(golden, &content, &len, NULL));
	g_assert_true(g_file_set_contents(stranger, content, len, NULL));
	g_assert_true(g_file_set_contents(other, "not ours", -1, NULL));
	capture_start(&c);
	capture_add_many(&c, 50);
	capture_stop(&c);
	capture_start(&c);
	capture_add_many(&c, 10);
	capture_stop(&c);
	g_assert_cmpint(access(stranger, F_OK), ==, 0);
	g_assert_cmpint(access(other, F_OK), ==, 0);
	g_unlink(stranger);
	g_unlink(other);
	capture_check_all(&c, 30, 3);
	g_assert_cmpuint(c.deleted, ==, 3);
	capture_tear_down(&c);
}

/* Files of an earlier run count, however long their section's header is. */
static void test_keep_long_headers(void)
{
	g_autofree char *hardware = g_strnfill(20000, 'h');

	for (int compression = PCAPNG_COMPRESSION_NONE; compression <= PCAPNG_COMPRESSION_GZIP;
	     compression++) {
		struct capture c = { .hardware = hardware,
				     .config = {
					     .compression = (enum pcapng_compression)compression,
					     .max_packets = 10,
					     .keep_files = 3 } };

		capture_set_up(&c);
		for (int i = 0; i < 2; i++) {
			capture_start(&c);
			capture_add_many(&c, 30);
			capture_stop(&c);
		}
		capture_check_all(&c, 30, 3);
		g_assert_cmpuint(c.deleted, ==, 3);
		capture_tear_down(&c);
	}
}

static void test_keep_bytes(void)
{
	struct capture c = { .config = { .max_bytes = 10000, .keep_bytes = 35000 } };
	g_autoptr(GPtrArray) paths = NULL;
	uint64_t total = 0;

	capture_set_up(&c);
	capture_start(&c);
	capture_add_many(&c, 2000);
	capture_stop(&c);
	paths = capture_list(&c, "");
	for (unsigned int i = 0; i < paths->len; i++) {
		struct stat st;

		g_assert_cmpint(stat(paths->pdata[i], &st), ==, 0);
		total += st.st_size;
	}
	g_assert_cmpuint(total, <=, 35000);
	g_assert_cmpuint(paths->len, ==, 3);
	capture_tear_down(&c);
}

static void test_single(void)
{
	struct capture c = { .config = { .single = true } };

	capture_set_up(&c);
	g_assert_true(g_file_set_contents(c.path, "old", -1, NULL));
	capture_start(&c);
	capture_add_many(&c, 10);
	g_assert_cmpint(pcapng_files_rotate(c.f), ==, -EINVAL);
	capture_stop(&c);
	capture_check_all(&c, 0, 1);
	g_assert_cmpint(access(c.path, F_OK), ==, 0);
	capture_tear_down(&c);
}

/* Whoever takes the name in the meantime keeps it. */
static void test_never_replace(void)
{
	struct capture c = { 0 };
	g_autoptr(GPtrArray) parts = NULL;
	g_autofree char *content = NULL;
	char *name;

	capture_set_up(&c);
	capture_start(&c);
	capture_add_many(&c, 10);
	parts = capture_list(&c, ".part");
	g_assert_cmpuint(parts->len, ==, 1);
	name = parts->pdata[0];
	name[strlen(name) - strlen(".part")] = '\0';
	g_assert_true(g_file_set_contents(name, "theirs", -1, NULL));
	capture_stop(&c);
	g_assert_true(g_file_get_contents(name, &content, NULL, NULL));
	g_assert_cmpstr(content, ==, "theirs");
	g_unlink(name);
	capture_check_all(&c, 0, 1);
	capture_tear_down(&c);
}

static void test_folder_gone(void)
{
	struct capture c = { .config = { .max_packets = 10 } };
	g_autoptr(GPtrArray) paths = NULL;

	capture_set_up(&c);
	capture_start(&c);
	capture_add_many(&c, 10);
	paths = capture_list(&c, "");
	g_unlink(paths->pdata[0]);
	g_rmdir(c.folder);
	g_assert_cmpint(capture_add(&c), ==, -ENOENT);
	g_assert_cmpint(capture_add(&c), ==, -ENOENT);
	g_assert_cmpint(pcapng_files_close(c.f), <, 0);
	pcapng_files_free(c.f);
	g_assert_cmpint(capture_start_with(&c, NULL), ==, -ENOENT);
	g_free(c.folder);
	g_free(c.path);
}

static void test_pattern(void)
{
	static const char *const wrong[] = { "a", "%{seq}/b", "%{seq}%x", "%{seq}%", "%{what}" };
	struct pattern p = { 0 };
	char name[NAME_MAX + 1];
	uint32_t seq = 0;

	g_setenv("TZ", "UTC", TRUE);
	g_assert_cmpint(pattern_init(&p, "/tmp/100%.pcapng", NULL), ==, 0);
	pattern_format(&p, 42, 1795406400, name);
	g_assert_cmpstr(name, ==, "100%_00042_20261123040000.pcapng");
	g_assert_true(pattern_matches(&p, name, &seq));
	g_assert_cmpuint(seq, ==, 42);
	g_assert_false(pattern_matches(&p, "100%_0042_20261123040000.pcapng", &seq));
	g_assert_false(pattern_matches(&p, "100%_00042_20261123040000.pcapng2", &seq));
	g_assert_false(pattern_matches(&p, "100%_00042_20261123040000", &seq));
	g_assert_false(pattern_matches(&p, "", &seq));
	pattern_done(&p);
	for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
		p = (struct pattern){ 0 };
		g_assert_cmpint(pattern_init(&p, "x", wrong[i]), ==, -EINVAL);
		pattern_done(&p);
	}
	p = (struct pattern){ 0 };
	g_assert_cmpint(pattern_init(&p, "tmp/", NULL), ==, -EINVAL);
	pattern_done(&p);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/files/pattern", test_pattern);
	g_test_add_func("/files/bytes", test_bytes);
	g_test_add_func("/files/packets", test_packets);
	g_test_add_func("/files/rotate", test_rotate);
	g_test_add_data_func("/files/duration", GINT_TO_POINTER(false), test_time);
	g_test_add_data_func("/files/interval", GINT_TO_POINTER(true), test_time);
	g_test_add_func("/files/max-files", test_max_files);
	g_test_add_func("/files/skip-empty", test_skip_empty);
	g_test_add_func("/files/keep-files", test_keep_files);
	g_test_add_func("/files/keep-long-headers", test_keep_long_headers);
	g_test_add_func("/files/keep-bytes", test_keep_bytes);
	g_test_add_func("/files/single", test_single);
	g_test_add_func("/files/never-replace", test_never_replace);
	g_test_add_func("/files/folder-gone", test_folder_gone);
	return g_test_run();
}
