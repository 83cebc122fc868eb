/* SPDX-License-Identifier: MIT */
/* test-queue-same.c - with a queue, the files have the same bytes as without; and after a kill */
#include <errno.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/pcapng/files/capture.h"
#include "tests/pcapng/files/machine.h"

#define MIB 1048576u

static const struct pcapng_section section = { .userappl = "test-queue 1" };
static uint8_t packet[300000];

static struct pcapng_files *start(const struct capture *c, const char *prefix, size_t queue,
				  enum pcapng_direct_io direct)
{
	g_autofree char *path = g_strconcat(c->folder, "/", prefix, ".pcapng", NULL);
	struct pcapng_files_config config = c->config;
	struct pcapng_files *f = NULL;

	config.size = sizeof(config);
	config.path = path;
	config.queue_size = queue;
	config.direct_io = direct;
	g_assert_cmpint(pcapng_files_new(&section, NULL, &config, &f), ==, 0);
	g_assert_cmpint(pcapng_files_add_interface(f, &(struct pcapng_interface){ .linktype = 1 },
						   NULL),
			==, 0);
	return f;
}

/* -ENOBUFS: the queue is full now, and the packet comes again. */
static void add(struct pcapng_files *f, const struct pcapng_packet *p)
{
	int r;

	while ((r = pcapng_files_add_packet(f, p)) == -ENOBUFS)
		g_assert_cmpint(pcapng_files_flush(f), ==, 0);
	g_assert_cmpint(r, ==, 0);
}

static uint32_t some_len(GRand *rand)
{
	switch (g_rand_int_range(rand, 0, 20)) {
	case 0: return g_rand_int_range(rand, 0, sizeof(packet));
	case 1 ... 4: return g_rand_int_range(rand, 0, 9000);
	default: return g_rand_int_range(rand, 0, 300);
	}
}

/* The same sequence for the same seed. Returns the packets. */
static uint64_t write_all(struct pcapng_files *f, unsigned int seed, unsigned int n)
{
	GRand *rand = g_rand_new_with_seed(seed);
	uint64_t packets = 0;
	int r;

	while (n--) {
		uint32_t len = some_len(rand);
		int what = g_rand_int_range(rand, 0, 60);

		add(f, &(struct pcapng_packet){ .data = packet + g_rand_int_range(rand, 0, 64),
						.caplen = len > 64 ? len - 64 : len,
						.len = sizeof(packet) });
		packets++;
		if (what < 3) {
			g_assert_cmpint(pcapng_files_push(f), >=, -ENOBUFS);
		} else if (what == 3) {
			g_assert_cmpint(pcapng_files_flush(f), ==, 0);
			g_assert_cmpuint(pcapng_files_packets(f, 0), ==, packets);
		} else if (what == 4) {
			g_assert_cmpint(pcapng_files_sync(f), ==, 0);
		} else if (what == 5) {
			while ((r = pcapng_files_rotate(f)) == -ENOBUFS)
				g_assert_cmpint(pcapng_files_flush(f), ==, 0);
			g_assert_cmpint(r, ==, 0);
		} else if (what == 6) {
			(void)pcapng_files_tick(f);
			(void)pcapng_writer_flush(pcapng_files_writer(f));
		}
	}
	g_rand_free(rand);
	return packets;
}

static void finish(struct pcapng_files *f, uint64_t packets)
{
	g_assert_cmpint(pcapng_files_close(f), ==, 0);
	g_assert_cmpuint(pcapng_files_packets(f, 0), ==, packets);
	pcapng_files_free(f);
}

/* The contents of "PREFIX_*", decompressed, one after another. */
static GByteArray *read_set(const struct capture *c, const char *prefix, const char *suffix)
{
	g_autofree char *start_of = g_strconcat("/", prefix, "_", NULL);
	g_autoptr(GPtrArray) paths = capture_list(c, "");
	GByteArray *all = g_byte_array_new();

	for (unsigned int i = 0; i < paths->len; i++) {
		g_autoptr(GByteArray) content = NULL;

		if (!strstr(paths->pdata[i], start_of))
			continue;
		g_assert_true(g_str_has_suffix(paths->pdata[i], suffix));
		content = capture_read(paths->pdata[i]);
		g_byte_array_append(all, content->data, content->len);
		g_unlink(paths->pdata[i]);
	}
	return all;
}

static void compare(const struct capture *c, unsigned int seed, unsigned int n)
{
	static const size_t queues[] = { 1, MIB, 3 * MIB + 5, 16 * MIB };
	struct pcapng_files *plain = start(c, "plain", 0, PCAPNG_DIRECT_IO_OFF);
	struct pcapng_files *queued = start(c, "queued", queues[seed % 4], seed / 4 % 3);
	g_autoptr(GByteArray) a = NULL, b = NULL;

	finish(plain, write_all(plain, seed, n));
	finish(queued, write_all(queued, seed, n));
	a = read_set(c, "plain", ".pcapng");
	b = read_set(c, "queued", ".pcapng");
	g_assert_cmpmem(a->data, a->len, b->data, b->len);
}

/* Compressed by two threads; 0: without a queue, calls wait for room. */
static void compare_gzip(const struct capture *c, unsigned int seed, unsigned int n)
{
	static const size_t queues[] = { 0, 1, 2 * MIB, 5 * MIB };
	struct capture gzip = *c;
	struct pcapng_files *plain = start(c, "plain", 0, PCAPNG_DIRECT_IO_OFF), *packed;
	g_autoptr(GByteArray) a = NULL, b = NULL;

	gzip.config.compression = PCAPNG_COMPRESSION_GZIP;
	gzip.config.compression_level = 1;
	packed = start(&gzip, "packed", queues[seed % 4], PCAPNG_DIRECT_IO_OFF);
	finish(plain, write_all(plain, seed, n));
	finish(packed, write_all(packed, seed, n));
	a = read_set(c, "plain", ".pcapng");
	b = read_set(c, "packed", ".pcapng.gz");
	g_assert_cmpmem(a->data, a->len, b->data, b->len);
}

static void compare_many(struct capture *c, unsigned int first)
{
	bool is_long = g_getenv("XDPTAP_TESTS_LONG");
	unsigned int n = is_long ? 3000 : 48;

	for (unsigned int seed = first; seed < first + n; seed++) {
		c->config.max_bytes = seed % 5 ? 0 : 700000;
		compare(c, seed, seed % 16 ? 150 : 1500);
	}
	c->config.max_bytes = 0;
}

static void test_same(void)
{
	struct capture c = { 0 };

	capture_set_up(&c);
	compare_many(&c, 1);
	capture_tear_down(&c);
}

static void test_same_ext4(void)
{
	struct capture c = { 0 };

	if (!mount_ext4(&c, 256))
		return;
	compare_many(&c, 100000);
	unmount_small(&c);
}

static void test_same_tmpfs(void)
{
	struct capture c = { 0 };

	if (!mount_small(&c))
		return;
	for (unsigned int seed = 200000; seed < 200040; seed++)
		compare(&c, seed, 8);
	unmount_small(&c);
}

static void test_same_gzip(void)
{
	struct capture c = { 0 };

	capture_set_up(&c);
	for (n_processors = 1; n_processors <= 4; n_processors++)
		for (unsigned int seed = 400000; seed < 400008; seed++) {
			c.config.max_bytes = seed % 5 ? 0 : 700000;
			compare_gzip(&c, seed, seed % 8 ? 150 : 1500);
		}
	n_processors = 0;
	c.config.max_bytes = 0;
	capture_tear_down(&c);
}

/* Without a thread, the calls do the same. */
static void test_same_without_thread(void)
{
	struct capture c = { 0 };

	has_no_threads = true;
	capture_set_up(&c);
	for (unsigned int seed = 300000; seed < 300012; seed++) {
		compare(&c, seed, 150);
		compare_gzip(&c, seed, 150);
	}
	capture_tear_down(&c);
	has_no_threads = false;
}

/* Killed at any moment, no packet that was synced or flushed is lost. */
static void kill_one(struct capture *c, unsigned int round)
{
	uint64_t *synced = mmap(NULL, sizeof(*synced), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	g_autoptr(GPtrArray) paths = NULL;
	uint64_t next = 0;
	pid_t child;

	*synced = 0;
	c->written = 0;
	child = fork();
	if (child == 0) {
		capture_start(c);
		for (;;) {
			for (unsigned int i = 0; i < round % 7 * 400 + 1; i++)
				while (capture_add(c) == -ENOBUFS)
					(void)pcapng_files_flush(c->f);
			if (pcapng_files_sync(c->f) == 0)
				*synced = MAX(c->written, pcapng_files_synced(c->f));
		}
	}
	while (!*(volatile uint64_t *)synced)
		g_usleep(1000);
	g_usleep(round * 1237 % 25000);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	capture_start(c);
	capture_recover(c);
	capture_stop(c);
	capture_remove_parts(c);
	paths = capture_list(c, capture_suffix(c));
	capture_check(paths);
	for (unsigned int i = 0; i < paths->len; i++) {
		capture_read_serials(paths->pdata[i], &next, 0);
		g_unlink(paths->pdata[i]);
	}
	g_assert_cmpuint(next, >=, *synced);
	munmap(synced, sizeof(*synced));
}

static void test_killed(gconstpointer gzip)
{
	unsigned int rounds = g_getenv("XDPTAP_TESTS_LONG") ? 400 : 14;
	struct capture c = { .config = { .queue_size = 4 * MIB,
					 .direct_io = PCAPNG_DIRECT_IO_ON,
					 .max_bytes = 3000000,
					 .compression = GPOINTER_TO_INT(gzip),
					 .compression_level = GPOINTER_TO_INT(gzip) } };

	if (!mount_ext4(&c, 128))
		return;
	for (unsigned int round = 0; round < rounds; round++)
		kill_one(&c, round);
	unmount_small(&c);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (size_t i = 0; i < sizeof(packet); i++)
		packet[i] = i * 2654435761u >> 24;
	g_test_add_func("/queue-same/files", test_same);
	g_test_add_func("/queue-same/ext4", test_same_ext4);
	g_test_add_func("/queue-same/tmpfs", test_same_tmpfs);
	g_test_add_func("/queue-same/without-thread", test_same_without_thread);
	g_test_add_func("/queue-same/gzip", test_same_gzip);
	g_test_add_data_func("/queue-same/killed", GINT_TO_POINTER(PCAPNG_COMPRESSION_NONE),
			     test_killed);
	g_test_add_data_func("/queue-same/killed-gzip", GINT_TO_POINTER(PCAPNG_COMPRESSION_GZIP),
			     test_killed);
	return g_test_run();
}
