/* SPDX-License-Identifier: MIT */
/*
 * Programs that are older or newer than the library, as <xdptap/tap.h> promises. Structs of an older program
 * end at the end of mapped memory: whatever reads or writes past them crashes.
 */
#include <errno.h>
#include <pcap/pcap.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/bpf/library/veth.h"

static void *at_end_of_memory(const void *data, size_t len)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			      -1, 0);

	g_assert_true(pages != MAP_FAILED && len <= page);
	g_assert_cmpint(mprotect(pages + page, page, PROT_NONE), ==, 0);
	return memcpy(pages + page - len, data, len);
}

/* A struct from a header without the members from `member` on. */
#define OLDER(type, member, ...)                                                                   \
	at_end_of_memory(&(struct type){ .size = offsetof(struct type, member), __VA_ARGS__ },     \
			 offsetof(struct type, member))

static void test_older(void)
{
	const struct xdptap_config *config = OLDER(xdptap_config, max_ids, .ring_size = 8192);
	struct xdptap_stats *stats = OLDER(xdptap_stats, delivered, .seen = 77);
	struct xdptap_interface *i = OLDER(xdptap_interface, points, .ifindex = 77);
	struct xdptap_attachment *a = OLDER(xdptap_attachment, mode, .ifindex = 77);
	struct xdptap *t;

	t = tap_open_or_fail(config);
	g_assert_cmpint(xdptap_attach(t, OLDER(xdptap_target, ifindex, .interface = "near"), NULL),
			==, 0);
	g_assert_cmpint(xdptap_get_stats(t, 0, stats), ==, 0);
	g_assert_cmpuint(stats->seen, ==, 0);
	g_assert_cmpint(xdptap_query("near", 0, i), ==, 0);
	g_assert_cmpuint(i->linktype, ==, 1);
	g_assert_cmpint(xdptap_get_attachment(t, 0, a), ==, 0);
	g_assert_cmpuint(a->ifindex, ==, i->ifindex);
	g_assert_cmpuint(a->size, ==, offsetof(struct xdptap_attachment, mode));
	xdptap_close(t);
}

/* It may have members that the library lacks, but must not set them; it gets them as zero. */
static void test_newer(void)
{
	struct {
		struct xdptap_config config;
		uint64_t more[2];
	} config = { .config.size = sizeof(config) };
	struct {
		struct xdptap_target target;
		uint64_t more[2];
	} target = { .target = { .size = sizeof(target), .interface = "near" } };
	struct {
		struct xdptap_stats stats;
		uint64_t more[2];
	} stats = { .stats.size = sizeof(stats), .more = { 1, 1 } };
	struct xdptap *t = NULL;

	config.more[1] = UINT64_C(1) << 56;
	assert_failed(xdptap_open(&config.config, &t), -E2BIG, NULL, "xdptap_config");
	g_assert_null(t);
	config.more[1] = 0;
	t = tap_open_or_fail(&config.config);
	target.more[0] = 1;
	assert_failed(xdptap_attach(t, &target.target, NULL), -E2BIG, t, "xdptap_target");
	target.more[0] = 0;
	g_assert_cmpint(xdptap_attach(t, &target.target, NULL), ==, 0);
	g_assert_cmpint(xdptap_get_stats(t, 0, &stats.stats), ==, 0);
	g_assert_cmpuint(stats.more[0] | stats.more[1], ==, 0);
	xdptap_close(t);
}

static void test_without_size(void)
{
	struct xdptap_config config = { .size = 0 };
	struct xdptap *t = NULL;

	assert_failed(xdptap_open(&config, &t), -EINVAL, NULL, "xdptap_config is not set");
	config.size = 7;
	assert_failed(xdptap_open(&config, &t), -EINVAL, NULL, "xdptap_config is not set");
	config.size = SIZE_MAX;
	assert_failed(xdptap_open(&config, &t), -EINVAL, NULL, "xdptap_config is not set");
	config = (struct xdptap_config){ .size = sizeof(config), .flags = 1 };
	assert_failed(xdptap_open(&config, &t), -EINVAL, NULL, "unknown flags");
	config = (struct xdptap_config){ .size = sizeof(config), .ring_size = (1u << 30) + 1 };
	assert_failed(xdptap_open(&config, &t), -EINVAL, NULL, "a ring has at most");
	config = (struct xdptap_config){ .size = sizeof(config), .max_ids = 65535 };
	assert_failed(xdptap_open(&config, &t), -EINVAL, NULL, "at most 65534");
	t = tap_on_near(XDPTAP_AUTO);
	assert_failed(xdptap_attach(t, &(struct xdptap_target){ .interface = "near" }, NULL),
		      -EINVAL, t, "xdptap_target is not set");
	assert_failed(xdptap_get_stats(t, 0, &(struct xdptap_stats){ 0 }), -EINVAL, t,
		      "xdptap_stats is not set");
	assert_failed(xdptap_get_attachment(t, 0, &(struct xdptap_attachment){ 0 }), -EINVAL, t,
		      "xdptap_attachment is not set");
	assert_failed(xdptap_query("near", 0, &(struct xdptap_interface){ 0 }), -EINVAL, NULL,
		      "xdptap_interface is not set");
	xdptap_close(t);
}

/* What libpcap compiles can be passed on as it is. */
static void test_libpcap(void)
{
	pcap_t *dead = pcap_open_dead(1, XDPTAP_SNAPLEN_MAX);
	struct xdptap_target target = { .size = sizeof(target), .interface = "near" };
	struct bpf_program program;
	_cleanup_(taken_freep) struct taken *taken = NULL;
	struct xdptap *t;

	if (veth_begin()) {
		g_assert_cmpint(pcap_compile(dead, &program, "ether[17] = 7", 1, 0), ==, 0);
		target.filter = (const struct xdptap_insn *)program.bf_insns;
		target.n_filter = program.bf_len;
		t = tap_open_or_fail(NULL);
		g_assert_cmpint(xdptap_attach(t, &target, NULL), ==, 0);
		pcap_freecode(&program);
		taken = taken_new(t);
		veth_send("far", 0, 20);
		taken_wait(taken, 1);
		g_assert_cmpint(xdptap_end(t, take, taken), >=, 0);
		g_assert_cmpuint(taken->frames->len, ==, 1);
		g_assert_cmpuint(veth_number(taken->frames->pdata[0]), ==, 7);
		xdptap_close(t);
	}
	pcap_close(dead);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	veth_test("/library/older", test_older);
	veth_test("/library/newer", test_newer);
	veth_test("/library/without-size", test_without_size);
	veth_test("/library/libpcap", test_libpcap);
	return g_test_run();
}
