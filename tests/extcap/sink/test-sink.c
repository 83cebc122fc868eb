/* SPDX-License-Identifier: MIT */
/* Sinks that fail in the middle: what they count as committed is what the output has. */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "extcap/sink/ledger.h"
#include "extcap/sink/sink.h"
#include "pcapng/format.h"

#define LIMIT 100001 /* bytes that a file may have: within a block, and within a record */

static void test_ledger(void)
{
	struct ledger l = { 0 };

	ledger_commit(&l, 100);
	g_assert_cmpuint(ledger_count(&l, 0), ==, 0);
	for (uint32_t i = 0; i < 5000; i++)
		ledger_add(&l, i % 3 ? i % 3 : LEDGER_NO_PACKET, 10 * (i + 1), 0);
	ledger_commit(&l, 29);
	g_assert_cmpuint(l.end, ==, 20);
	g_assert_cmpuint(ledger_count(&l, 1), ==, 1);
	g_assert_cmpuint(ledger_count(&l, 2), ==, 0);
	ledger_commit(&l, 30);
	g_assert_cmpuint(ledger_count(&l, 2), ==, 1);
	ledger_commit(&l, 50000);
	g_assert_cmpuint(l.end, ==, 50000);
	g_assert_cmpuint(ledger_count(&l, 1), ==, 1667);
	g_assert_cmpuint(ledger_count(&l, 2), ==, 1666);
	g_assert_cmpuint(ledger_count(&l, 3), ==, 0);
	ledger_done(&l);
}

/* It holds no more than what is not committed. */
static void test_ledger_is_bounded(void)
{
	struct ledger l = { 0 };

	for (uint64_t i = 1; i <= 1000000; i++)
		ledger_add(&l, 0, i, i - 1);
	g_assert_cmpuint(l.size, <=, 1024);
	ledger_commit(&l, 1000000);
	g_assert_cmpuint(ledger_count(&l, 0), ==, 1000000);
	ledger_done(&l);
}

static int add_stats(void *user G_GNUC_UNUSED, struct pcapng_writer *w)
{
	return pcapng_writer_add_stats(w, &(struct pcapng_stats){ .interface = 0, .ts = 1 });
}

/* As many packets as it accepts, of two interfaces; -errno. */
static int fill(struct sink *s)
{
	static const uint8_t data[3000];
	int r = 0;

	s->owner.add_stats = add_stats;
	for (int i = 0; i < 2; i++)
		g_assert_cmpint(sink_add_interface(s, &(struct pcapng_interface){ .linktype = 1 }),
				==, 0);
	for (uint32_t i = 0; r == 0 && i < 10000; i++) {
		uint32_t len = 60 + i * 37 % 2900;

		r = sink_add_packet(s, &(struct pcapng_packet){ .interface = i % 2,
								.ts = i,
								.data = data,
								.len = len,
								.caplen = len });
		if (r == 0 && i % 100 == 99)
			r = sink_flush(s);
	}
	return r;
}

/* Packets of each interface in a pcapng file that ends with a whole block. */
static void count_blocks(const char *path, uint64_t counts[2])
{
	g_autofree char *text = NULL;
	uint32_t head[3];
	gsize len;

	g_assert_true(g_file_get_contents(path, &text, &len, NULL));
	for (gsize at = 0; at < len; at += head[1]) {
		g_assert_cmpuint(len - at, >=, sizeof(head));
		memcpy(head, text + at, sizeof(head));
		g_assert_cmpuint(head[1], <=, len - at);
		counts[0] += head[0] == PCAPNG_BLOCK_EPB && head[2] == 0;
		counts[1] += head[0] == PCAPNG_BLOCK_EPB && head[2] == 1;
	}
}

/* Records of a pcap file that ends with a whole one. */
static uint64_t count_records(const char *path)
{
	g_autofree char *text = NULL;
	uint32_t head[4];
	uint64_t n = 0;
	gsize len;

	g_assert_true(g_file_get_contents(path, &text, &len, NULL));
	for (gsize at = 24; at < len; at += sizeof(head) + head[2], n++) {
		g_assert_cmpuint(len - at, >=, sizeof(head));
		memcpy(head, text + at, sizeof(head));
		g_assert_cmpuint(sizeof(head) + head[2], <=, len - at);
	}
	return n;
}

struct place {
	char *folder, *path;
	struct output output;
	struct rlimit before;
};

/* A file that fails with EFBIG. */
static void set_up(struct place *p, const void *unused)
{
	struct rlimit limit;

	p->folder = g_dir_make_tmp("xdptap-XXXXXX", NULL);
	p->path = g_build_filename(p->folder, "out", NULL);
	g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &p->before), ==, 0);
	limit = p->before;
	limit.rlim_cur = LIMIT;
	g_assert_true(output_create(&p->output, p->path, 0600, NULL));
	g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &limit), ==, 0);
}

static void tear_down(struct place *p, const void *unused)
{
	(void)setrlimit(RLIMIT_FSIZE, &p->before);
	g_unlink(p->path);
	g_rmdir(p->folder);
	g_free(p->folder);
	g_free(p->path);
}

static void test_pcapng(struct place *p, const void *unused)
{
	struct sink *s = sink_pcapng_new(&p->output, &(struct pcapng_section){ 0 }, NULL);
	uint64_t counts[2] = { 0 };

	g_assert_cmpint(fill(s), ==, -EFBIG);
	sink_salvage(s);
	(void)output_close(&p->output, NULL);
	count_blocks(p->path, counts);
	g_assert_cmpuint(counts[0] + counts[1], >, 50);
	g_assert_cmpuint(sink_committed(s, 0), ==, counts[0]);
	g_assert_cmpuint(sink_committed(s, 1), ==, counts[1]);
	sink_free(s);
}

static void test_pcap(struct place *p, const void *unused)
{
	struct sink *s = sink_pcap_new(&p->output, 262144);
	uint64_t n;

	g_assert_cmpint(fill(s), ==, -EFBIG);
	sink_salvage(s);
	(void)output_close(&p->output, NULL);
	n = count_records(p->path);
	g_assert_cmpuint(n, >, 50);
	g_assert_cmpuint(sink_committed(s, 0), ==, (n + 1) / 2);
	g_assert_cmpuint(sink_committed(s, 1), ==, n / 2);
	sink_free(s);
}

/* The shell has written to the file before: that stays. */
static void test_appended(struct place *p, const void *unused)
{
	struct sink *s = sink_pcap_new(&p->output, 262144);
	g_autofree char *text = NULL;
	gsize len;

	g_assert_cmpint(write(p->output.fd, "head", 4), ==, 4);
	g_assert_cmpint(fill(s), ==, -EFBIG);
	sink_salvage(s);
	g_assert_true(g_file_get_contents(p->path, &text, &len, NULL));
	g_assert_cmpmem(text, 4, "head", 4);
	g_assert_cmpuint(len, ==, 4 + p->output.written);
	sink_free(s);
	(void)output_close(&p->output, NULL);
}

#define ADD(name, function) g_test_add(name, struct place, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
	signal(SIGXFSZ, SIG_IGN);
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/sink/ledger", test_ledger);
	g_test_add_func("/sink/ledger-is-bounded", test_ledger_is_bounded);
	ADD("/sink/pcapng", test_pcapng);
	ADD("/sink/pcap", test_pcap);
	ADD("/sink/appended", test_appended);
	return g_test_run();
}
