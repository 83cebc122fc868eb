/* SPDX-License-Identifier: MIT */
/*
 * Opens and closes a tap many times, and attaches each STEP times, as loading takes long (leak N STEP): a sanitizer or
 * Valgrind tells what is left in memory, and this program what is left of descriptors.
 */
#include <dirent.h>
#include <stdlib.h>

#include "tests/bpf/library/veth.h"

static unsigned int count_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	unsigned int n = 0;

	while (readdir(folder))
		n++;
	closedir(folder);
	return n;
}

static int ignore(void *user, const struct xdptap_frame *frames, size_t n)
{
	(void)user, (void)frames, (void)n;
	return 0;
}

static void use_once(unsigned int number, unsigned int step)
{
	static const enum xdptap_point points[] = { XDPTAP_XDP, XDPTAP_TC_INGRESS,
						    XDPTAP_TC_EGRESS };
	const struct xdptap_insn all = { 0x06, 0, 0, 262144 };
	struct xdptap_config config = { .size = sizeof(config), .ring_size = 4096 };
	struct xdptap_target nowhere = {
		.size = sizeof(nowhere), .interface = "nowhere", .filter = &all, .n_filter = 1
	};
	struct xdptap *t = tap_open_or_fail(&config);

	if (number % step == 0) {
		g_assert_cmpint(xdptap_attach(t, &nowhere, NULL), <, 0);
		(void)tap_attach_or_fail(t, "near", points[number / step % 3]);
		g_assert_cmpint(xdptap_set_filter(t, 0, &all, 1, 1), ==, 0);
		veth_send("far", 0, 1);
		g_assert_cmpint(xdptap_drain(t, ignore, NULL), >=, 0);
		if (number / step % 2 == 0)
			g_assert_cmpint(xdptap_end(t, ignore, NULL), >=, 0);
	}
	xdptap_close(t);
}

int main(int argc, char **argv)
{
	unsigned int n = argc > 1 ? (unsigned int)atoi(argv[1]) : 1000;
	unsigned int step = argc > 2 ? (unsigned int)atoi(argv[2]) : 10, before;

	if (!g_getenv("XDPTAP_TESTS_MUST_RUN") && geteuid() != 0)
		return 77;
	if (!veth_begin())
		return 77;
	use_once(0, step);
	before = count_descriptors();
	for (unsigned int i = 0; i < n; i++)
		use_once(i, step);
	g_assert_cmpuint(count_descriptors(), ==, before);
	return 0;
}
