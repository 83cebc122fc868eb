/* SPDX-License-Identifier: MIT */
/*
 * test-golden.c - the samples, byte for byte
 *
 * PCAPNG_GOLDEN is the folder of the golden files. PCAPNG_GOLDEN_UPDATE=1 writes them instead;
 * review the difference with check_pcapng.py --dump before you commit it.
 */
#include "tests/pcapng/blocks/samples.h"
#include "tests/pcapng/sink.h"

static GByteArray *write_sample(const struct sample *sample, size_t at_most)
{
	struct sink sink = { .bytes = g_byte_array_new(), .at_most = at_most };
	struct pcapng_writer *w;

	g_assert_cmpint(pcapng_writer_new(sample->section, NULL, sink_output, &sink, &w), ==, 0);
	sample->write(w);
	g_assert_cmpint(pcapng_writer_flush(w), ==, 0);
	g_assert_cmpuint(pcapng_writer_bytes(w), ==, sink.bytes->len);
	pcapng_writer_free(w);
	return sink.bytes;
}

static void test_golden(gconstpointer data)
{
	const struct sample *sample = data;
	g_autofree char *name = g_strconcat(sample->name, ".pcapng", NULL);
	g_autofree char *path = g_build_filename(g_getenv("PCAPNG_GOLDEN"), name, NULL);
	g_autoptr(GByteArray) bytes = write_sample(sample, 0);
	g_autofree char *golden = NULL;
	gsize len;

	if (g_getenv("PCAPNG_GOLDEN_UPDATE"))
		g_assert_true(g_file_set_contents(path, (char *)bytes->data, bytes->len, NULL));
	g_assert_true(g_file_get_contents(path, &golden, &len, NULL));
	g_assert_cmpmem(bytes->data, bytes->len, golden, len);
}

/* An output that accepts one byte at a time gets the same bytes. */
static void test_trickle(gconstpointer data)
{
	g_autoptr(GByteArray) complete = write_sample(data, 0);
	g_autoptr(GByteArray) trickle = write_sample(data, 1);

	g_assert_cmpmem(trickle->data, trickle->len, complete->data, complete->len);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (const struct sample *s = samples; s->name; s++) {
		g_autofree char *golden = g_strconcat("/golden/", s->name, NULL);
		g_autofree char *trickle = g_strconcat("/trickle/", s->name, NULL);

		g_test_add_data_func(golden, s, test_golden);
		g_test_add_data_func(trickle, s, test_trickle);
	}
	return g_test_run();
}
