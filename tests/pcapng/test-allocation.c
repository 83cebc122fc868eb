/* SPDX-License-Identifier: MIT */
/*
 * test-allocation.c - packets cost no allocation
 *
 * Linked with --wrap: calls of the library come here first.
 */
#include <stdlib.h>

#include "tests/pcapng/fixture.h"

static unsigned int allocations;

void *__real_malloc(size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_realloc(void *old, size_t size);

void *__wrap_malloc(size_t size)
{
	allocations++;
	return __real_malloc(size);
}

void *__wrap_realloc(void *old, size_t size)
{
	allocations++;
	return __real_realloc(old, size);
}

static ssize_t null_output(void *user, const struct iovec *iov, int iovcnt)
{
	ssize_t n = 0;

	for (int i = 0; i < iovcnt; i++)
		n += iov[i].iov_len;
	return n;
}

static void test_allocation(void)
{
	const char *const comments[] = { "comment" };
	struct pcapng_packet p = {
		.data = payload,
		.mask = PCAPNG_PACKET_FLAGS | PCAPNG_PACKET_QUEUE,
		.options = { .comments = comments, .n_comments = 1 },
	};
	struct pcapng_writer *w;

	g_assert_cmpint(pcapng_writer_new(NULL, NULL, null_output, NULL, &w), ==, 0);
	g_assert_cmpint(pcapng_writer_add_interface(w, &(struct pcapng_interface){ 0 }, NULL), ==,
			0);
	g_assert_cmpuint(allocations, >, 0);
	allocations = 0;
	for (uint32_t i = 0; i < 100000; i++) {
		p.caplen = p.len = i % 2000;
		g_assert_cmpint(pcapng_writer_add_packet(w, &p), ==, 0);
	}
	g_assert_cmpint(pcapng_writer_add_stats(w, &(struct pcapng_stats){ 0 }), ==, 0);
	g_assert_cmpint(pcapng_writer_flush(w), ==, 0);
	g_assert_cmpuint(allocations, ==, 0);
	pcapng_writer_free(w);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/allocation/packets", test_allocation);
	return g_test_run();
}
