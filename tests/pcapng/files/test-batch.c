/* SPDX-License-Identifier: MIT */
/* test-batch.c - packets that are added together give the same files as one by one */
#include <errno.h>
#include <glib/gstdio.h>

#include "tests/pcapng/files/capture.h"

#define PACKETS	   20000
#define TOGETHER   40
#define INTERFACES 3
#define SNAPLEN	   2000 /* of the last interface */

static uint8_t data[3000];
static const char *const comments[] = { "a comment" };
static struct iovec frags[] = { { data, 10 }, { data + 50, 21 } };
static uint32_t toeplitz = 0x01020304;
static const struct pcapng_hash hash = { PCAPNG_HASH_TOEPLITZ, &toeplitz, sizeof(toeplitz) };

/* A set of files, and how it is filled. */
struct set {
	struct pcapng_files *f;
	struct pcapng_files_config config;
	size_t together;	    /* packets in a call; 0: one, by pcapng_files_add_packet() */
	uint64_t added[INTERFACES]; /* as far as the calls have returned */
	uint64_t refused;
};

/* At each rotation the caller knows of each packet in the files, and of no other. */
static int add_stats(void *user, struct pcapng_writer *w)
{
	struct set *set = user;
	int r = 0;

	for (uint32_t i = 0; i < INTERFACES && r == 0; i++)
		r = pcapng_writer_add_stats(w,
					    &(struct pcapng_stats){ .interface = i,
								    .mask = PCAPNG_STATS_USRDELIV,
								    .usrdeliv = set->added[i] });
	return r;
}

/* Most are plain; some have more, and some are invalid. */
static struct pcapng_packet make(GRand *rand, uint64_t serial)
{
	struct pcapng_packet p = {
		.ts = serial,
		.interface = (uint32_t)g_rand_int_range(rand, 0, 8) ? 0 : serial % INTERFACES,
		.data = data + serial % 7,
		.caplen = (uint32_t)g_rand_int_range(rand, 0, serial % 50 ? 200 : 2900),
		.len = sizeof(data),
		.mask = PCAPNG_PACKET_FLAGS | PCAPNG_PACKET_QUEUE,
		.flags = PCAPNG_FLAG_INBOUND,
		.queue = (uint32_t)serial,
	};

	switch (g_rand_int_range(rand, 0, 100)) {
	case 0: p.options.comments = comments, p.options.n_comments = 1; break;
	case 1: p.data = NULL, p.caplen = 0, p.frags = frags, p.n_frags = 2; break;
	case 2: p.interface = INTERFACES; break; /* there is no such one */
	case 3: p.flags = 3; break;		 /* in- and outbound */
	case 4: p.len = p.caplen / 2; break;
	case 5 ... 20: p.hashes = &hash, p.n_hashes = 1; break;
	case 21: p.mask |= PCAPNG_PACKET_DROPCOUNT, p.dropcount = serial; break;
	case 22 ... 40: p.mask |= PCAPNG_PACKET_PROCESS, p.pid = 7, p.tid = (uint32_t)serial; break;
	}
	return p;
}

/* -ENOBUFS: the queue is full now. What is invalid is left out. Returns how many are done. */
static size_t add_some(struct set *set, const struct pcapng_packet *p, size_t n)
{
	ssize_t r;

	do
		r = set->together ? pcapng_files_add_packets(set->f, p, n)
				  : pcapng_files_add_packet(set->f, p);
	while (r == -ENOBUFS && pcapng_files_flush(set->f) == 0);
	if (!set->together && r == 0)
		r = 1;
	g_assert_cmpint(r, !=, 0);
	g_assert_true(r > 0 ? (size_t)r <= n : r == -EINVAL);
	for (ssize_t i = 0; i < r; i++)
		set->added[p[i].interface]++;
	set->refused += r < 0;
	return r < 0 ? 1 : (size_t)r;
}

static void fill(struct set *set)
{
	GRand *rand = g_rand_new_with_seed(1);
	struct pcapng_packet p[TOGETHER];
	size_t n = set->together ? set->together : 1;

	for (uint64_t serial = 0; serial < PACKETS; serial += n) {
		for (size_t i = 0; i < n; i++)
			p[i] = make(rand, serial + i);
		for (size_t done = 0; done < n;)
			done += add_some(set, p + done, n - done);
	}
	g_rand_free(rand);
}

/* The contents of the files, which differ only in their names. */
static GPtrArray *read_files(const struct capture *c)
{
	g_autoptr(GPtrArray) paths = capture_list(c, "");
	GPtrArray *contents = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);

	for (unsigned int i = 0; i < paths->len; i++) {
		char *content;
		gsize len;

		g_assert_true(g_file_get_contents(paths->pdata[i], &content, &len, NULL));
		g_ptr_array_add(contents, g_bytes_new_take(content, len));
		g_unlink(paths->pdata[i]);
	}
	return contents;
}

static GPtrArray *write_set(struct capture *c, const struct pcapng_files_config *config,
			    enum pcapng_order order, size_t together)
{
	const struct pcapng_section section = { .userappl = "test-batch 1", .order = order };
	struct set set = { .config = *config, .together = together };

	set.config.size = sizeof(set.config);
	set.config.path = c->path;
	set.config.add_stats = add_stats;
	set.config.user = &set;
	g_assert_cmpint(pcapng_files_new(&section, NULL, &set.config, &set.f), ==, 0);
	for (uint32_t i = 0; i < INTERFACES; i++)
		g_assert_cmpint(pcapng_files_add_interface(
					set.f,
					&(struct pcapng_interface){
						.linktype = 1,
						.snaplen = i == INTERFACES - 1 ? SNAPLEN : 0 },
					NULL),
				==, 0);
	g_assert_cmpint(pcapng_files_add_packets(set.f, NULL, 0), ==, 0);
	fill(&set);
	g_assert_cmpuint(set.refused, >, PACKETS / 50);
	g_assert_cmpint(pcapng_files_close(set.f), ==, 0);
	for (uint32_t i = 0; i < INTERFACES; i++)
		g_assert_cmpuint(pcapng_files_packets(set.f, i), ==, set.added[i]);
	pcapng_files_free(set.f);
	return read_files(c);
}

static void test_same(gconstpointer data_of)
{
	static const size_t together[] = { 1, 2, 8, TOGETHER };
	const struct pcapng_files_config *config = data_of;
	struct capture c = { 0 };

	capture_set_up(&c);
	for (enum pcapng_order order = PCAPNG_ORDER_LITTLE; order <= PCAPNG_ORDER_BIG; order++) {
		g_autoptr(GPtrArray) one_by_one = write_set(&c, config, order, 0);

		for (size_t i = 0; i < G_N_ELEMENTS(together); i++) {
			g_autoptr(GPtrArray) files = write_set(&c, config, order, together[i]);

			g_assert_cmpuint(files->len, ==, one_by_one->len);
			for (unsigned int n = 0; n < files->len; n++)
				g_assert_true(g_bytes_equal(files->pdata[n], one_by_one->pdata[n]));
		}
	}
	capture_tear_down(&c);
}

int main(int argc, char **argv)
{
	static const struct pcapng_files_config no_limit,
		packets = { .max_packets = 1000 }, bytes = { .max_bytes = 100000 },
		queue = { .queue_size = 4 << 20, .max_bytes = 300000 };

	g_test_init(&argc, &argv, NULL);
	g_test_add_data_func("/batch/no-limit", &no_limit, test_same);
	g_test_add_data_func("/batch/packets", &packets, test_same);
	g_test_add_data_func("/batch/bytes", &bytes, test_same);
	g_test_add_data_func("/batch/queue", &queue, test_same);
	return g_test_run();
}
