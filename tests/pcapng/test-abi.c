/* SPDX-License-Identifier: MIT */
/*
 * test-abi.c - programs that are older or newer than the library, as writer.h promises
 *
 * Structs of an older program end at the end of mapped memory: reading past them crashes.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "pcapng/files.h"
#include "tests/pcapng/fixture.h"

/* Returns a copy of the first `len` bytes of `data` that ends at a page without access. */
static void *at_end_of_memory(const void *data, size_t len)
{
	size_t page = sysconf(_SC_PAGESIZE);
	uint8_t *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			      -1, 0);

	g_assert_true(pages != MAP_FAILED && len <= page);
	g_assert_cmpint(mprotect(pages + page, page, PROT_NONE), ==, 0);
	return memcpy(pages + page - len, data, len);
}

/* A struct from headers without the members from `member` on. */
#define OLDER(type, member, ...)                                                                   \
	at_end_of_memory(&(struct type){ .size = offsetof(struct type, member), __VA_ARGS__ },     \
			 offsetof(struct type, member))

/* Structs from newer headers. */
struct newer_writer {
	struct pcapng_writer_config config;
	uint64_t more[2];
};

struct newer_files {
	struct pcapng_files_config config;
	uint64_t more[2];
};

static int new_writer(const struct pcapng_writer_config *config)
{
	struct sink sink = { .bytes = g_byte_array_new() };
	struct pcapng_writer *w = NULL;
	int r = pcapng_writer_new(NULL, config, sink_output, &sink, &w);

	g_assert_true((r == 0) == (w != NULL));
	pcapng_writer_free(w);
	g_byte_array_unref(sink.bytes);
	return r;
}

static int new_files(const struct pcapng_files_config *config,
		     const struct pcapng_writer_config *writer)
{
	g_autofree char *folder = g_dir_make_tmp("abi-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(folder, "cap.pcapng", NULL);
	struct pcapng_files_config *ours = g_memdup2(config, MAX(config->size, sizeof(size_t)));
	struct pcapng_files *f = NULL;
	int r;

	if (ours->size > offsetof(struct pcapng_files_config, single)) {
		ours->path = path;
		ours->single = true;
	}
	r = pcapng_files_new(NULL, writer, ours, &f);
	g_assert_true((r == 0) == (f != NULL));
	if (f)
		g_assert_cmpint(pcapng_files_close(f), ==, 0);
	pcapng_files_free(f);
	unlink(path);
	rmdir(folder);
	g_free(ours);
	return r;
}

static void test_older_config(void)
{
	const struct pcapng_writer_config *writer = OLDER(pcapng_writer_config, copy_below,
							  .profile = PCAPNG_PROFILE_LIVE_PIPE);

	g_assert_cmpint(new_writer(writer), ==, 0);
	g_assert_cmpint(new_writer(OLDER(pcapng_writer_config, profile)), ==, 0);
	g_assert_cmpint(new_files(OLDER(pcapng_files_config, add_stats, .sync = true), writer), ==,
			0);
	/* It has no path. */
	g_assert_cmpint(new_files(OLDER(pcapng_files_config, path), NULL), ==, -EINVAL);
}

/* A newer program may have members that the library lacks, but must not set them. */
static void test_newer_config(void)
{
	struct newer_writer writer = { .config.size = sizeof(writer) };
	struct newer_files files = { .config.size = sizeof(files) };

	g_assert_cmpint(new_writer(&writer.config), ==, 0);
	g_assert_cmpint(new_files(&files.config, &writer.config), ==, 0);
	writer.more[1] = UINT64_C(1) << 56;
	g_assert_cmpint(new_writer(&writer.config), ==, -E2BIG);
	g_assert_cmpint(new_files(&files.config, &writer.config), ==, -E2BIG);
	files.more[0] = 1;
	g_assert_cmpint(new_files(&files.config, NULL), ==, -E2BIG);
}

static void test_config_without_size(void)
{
	const struct pcapng_files_config files = { .single = true };

	g_assert_cmpint(new_writer(&(struct pcapng_writer_config){ 0 }), ==, -EINVAL);
	g_assert_cmpint(new_writer(&(struct pcapng_writer_config){ .size = 7 }), ==, -EINVAL);
	g_assert_cmpint(new_writer(&(struct pcapng_writer_config){ .size = SIZE_MAX }), ==, -E2BIG);
	g_assert_cmpint(new_files(&files, NULL), ==, -EINVAL);
}

/* An unknown bit comes from a newer program: ignoring it would lose the member silently. */
static void test_unknown_bits(struct fixture *f, gconstpointer data)
{
	for (uint32_t bit = 2 * PCAPNG_STATS_USRDELIV; bit; bit <<= 1) {
		const struct pcapng_packet packet = { .mask = bit };
		const struct pcapng_interface interface = { .mask = bit };
		const struct pcapng_section section = { .mask = bit };
		const int results[] = {
			pcapng_writer_add_packet(f->w, &packet),
			(int)pcapng_writer_size_packet(f->w, &packet),
			pcapng_writer_add_simple_packet(f->w, &packet),
			pcapng_writer_add_stats(f->w, &(struct pcapng_stats){ .mask = bit }),
			pcapng_writer_add_interface(f->w, &interface, NULL),
			pcapng_writer_add_section(f->w, &section),
			pcapng_writer_add_names(f->w, &(struct pcapng_names){ .mask = bit }),
			pcapng_writer_add_secrets(f->w, &(struct pcapng_secrets){ .mask = bit }),
			pcapng_writer_add_custom(f->w, &(struct pcapng_custom){ .mask = bit }),
		};

		for (size_t i = 0; i < G_N_ELEMENTS(results); i++)
			g_assert_cmpint(results[i], ==, -EINVAL);
		g_assert_nonnull(strstr(pcapng_writer_error(f->w)->text, "custom block: mask"));
	}
	g_assert_cmpuint(pcapng_writer_pending(f->w), ==, 0);
	g_assert_cmpint(add(f, 60), ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/abi/older-config", test_older_config);
	g_test_add_func("/abi/newer-config", test_newer_config);
	g_test_add_func("/abi/config-without-size", test_config_without_size);
	ADD("abi/unknown-bits", test_unknown_bits);
	return g_test_run();
}
