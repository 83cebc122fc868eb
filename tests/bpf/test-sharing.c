/* SPDX-License-Identifier: MIT */
/*
 * One program for several interfaces: each frame is counted where it was seen, whatever becomes of the others.
 * Without root it skips.
 */
#include <glib.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bpf/tap.h"

#define INTERFACES 2
#define HOOKS	   3

static const char *const names[INTERFACES] = { "near0", "near1" };
static const char *const peers[INTERFACES] = { "far0", "far1" };

/* XDP in generic mode, and tc both ways. */
static const struct point *const hooks[HOOKS] = { &point_xdp, &point_tc_ingress, &point_tc_egress };

static void run(const char *command)
{
	g_assert_cmpint(system(command), ==, 0);
}

/* The kernel itself sends nothing there. */
static bool can_run(void)
{
	static bool is_ready;

	if (is_ready)
		return true;
	if (unshare(CLONE_NEWNET) < 0) {
		g_assert_null(g_getenv("XDPTAP_TESTS_MUST_RUN"));
		g_test_skip("may not make network namespaces");
		return false;
	}
	run("for f in all default; do echo 1 >/proc/sys/net/ipv6/conf/$f/disable_ipv6; done");
	for (int i = 0; i < INTERFACES; i++) {
		g_autofree char *add = g_strdup_printf(
			"ip link add %s up type veth peer name %s && ip link set %s up", names[i],
			peers[i], peers[i]);

		run(add);
	}
	is_ready = true;
	return true;
}

static void attach(struct tap *tap, const char *name, const struct point *point)
{
	const struct tap_target target = { .ifindex = if_nametoindex(name),
					   .point = point,
					   .mode = TAP_MODE_GENERIC,
					   .snaplen = 64 };
	enum tap_mode mode;

	g_assert_cmpint(tap_attach(tap, &target, &mode), ==, 0);
}

static void attach_all(struct tap *tap, const char *name)
{
	for (int hook = 0; hook < HOOKS; hook++)
		attach(tap, name, hooks[hook]);
}

/* A tap on both interfaces: slots 0 to 2 and 3 to 5. */
static struct tap *begin(void)
{
	const struct tap_config config = { .ring_size = 4096, .has_many = true };
	struct tap *tap;

	g_assert_cmpint(tap_new(&config, &tap), ==, 0);
	for (int i = 0; i < INTERFACES; i++)
		attach_all(tap, names[i]);
	return tap;
}

static void send_frames(const char *from, int n)
{
	static const uint8_t frame[60] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5 };
	const struct sockaddr_ll to = { .sll_family = AF_PACKET,
					.sll_ifindex = (int)if_nametoindex(from) };
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	while (n--)
		g_assert_cmpint(sendto(fd, frame, sizeof(frame), 0, (const void *)&to, sizeof(to)),
				==, sizeof(frame));
	close(fd);
}

static uint64_t seen(const struct tap *tap, uint32_t slot)
{
	struct tap_stats stats;

	g_assert_cmpint(tap_read_stats(tap, slot, &stats), ==, 0);
	return stats.seen;
}

/* How many frames each slot has seen: those that are on their way are waited for. */
static void assert_seen(const struct tap *tap, const uint64_t *expected, uint32_t n)
{
	gint64 deadline = g_get_monotonic_time() + 30 * G_USEC_PER_SEC;

	for (uint32_t slot = 0; slot < n; slot++) {
		while (seen(tap, slot) < expected[slot] && g_get_monotonic_time() < deadline)
			g_usleep(1000);
		g_assert_cmpuint(seen(tap, slot), ==, expected[slot]);
	}
}

static uint32_t xdp_program(const char *name)
{
	struct tap_program p;

	g_assert_cmpint(tap_find_program(if_nametoindex(name), &p), ==, 0);
	return p.id;
}

static void test_each_has_its_counters(void)
{
	static const uint64_t expected[] = { 1, 1, 2, 3, 3, 4 };
	struct tap *tap;

	if (!can_run())
		return;
	tap = begin();
	g_assert_cmpuint(xdp_program("near0"), !=, 0);
	g_assert_cmpuint(xdp_program("near0"), ==, xdp_program("near1"));
	send_frames("far0", 1);
	send_frames("near0", 2);
	send_frames("far1", 3);
	send_frames("near1", 4);
	assert_seen(tap, expected, G_N_ELEMENTS(expected));
	tap_free(tap);
}

/* Frames go on in the new slots of the one, and the other has its own. */
static void test_moved_and_closed(void)
{
	static const uint64_t expected[] = { 1, 1, 0, 1, 1, 0, 2, 2, 0 };
	struct tap *tap;

	if (!can_run())
		return;
	tap = begin();
	send_frames("far0", 1);
	send_frames("far1", 1);
	assert_seen(tap, expected, 6);
	for (uint32_t slot = 0; slot < HOOKS; slot++)
		g_assert_cmpint(tap_move(tap, slot, NULL, 0, 1), ==, 0);
	for (uint32_t slot = HOOKS; slot < 2 * HOOKS; slot++)
		tap_close(tap, slot);
	send_frames("far0", 2);
	send_frames("far1", 2); /* nobody captures there */
	assert_seen(tap, expected, G_N_ELEMENTS(expected));
	tap_free(tap);
}

/* Another filter for one interface is no other filter for the other. */
static void test_filtered_alone(void)
{
	static const struct sock_filter nothing = { .code = BPF_RET | BPF_K };
	static const uint64_t expected[] = { 2, 2, 0, 3, 3, 0 };
	struct tap_stats stats;
	struct tap *tap;

	if (!can_run())
		return;
	tap = begin();
	for (uint32_t slot = 0; slot < HOOKS; slot++)
		g_assert_cmpint(tap_set_filter(tap, slot, &nothing, 1, 1), ==, 0);
	send_frames("far0", 2);
	send_frames("far1", 3);
	assert_seen(tap, expected, G_N_ELEMENTS(expected));
	for (uint32_t slot = 0; slot < 2 * HOOKS; slot++) {
		g_assert_cmpint(tap_read_stats(tap, slot, &stats), ==, 0);
		g_assert_cmpuint(stats.accepted, ==, slot < HOOKS ? 0 : expected[slot]);
	}
	tap_free(tap);
}

static int check_generation(void *n_seen, const struct tap_frame *frames, size_t n)
{
	for (size_t i = 0; i < n; i++)
		g_assert_cmpuint(frames[i].generation, ==, frames[i].slot < HOOKS ? 7 : 0);
	*(size_t *)n_seen += n;
	return 0;
}

/* What else the programs of two interfaces differ in, they do not share either. */
static void test_own_generation(void)
{
	static const uint64_t expected[] = { 1, 1, 0, 1, 1, 0 };
	struct tap *tap;
	size_t n = 0;

	if (!can_run())
		return;
	tap = begin();
	for (uint32_t slot = 0; slot < HOOKS; slot++)
		g_assert_cmpint(tap_set_filter(tap, slot, NULL, 0, 7), ==, 0);
	send_frames("far0", 1);
	send_frames("far1", 1);
	assert_seen(tap, expected, G_N_ELEMENTS(expected));
	tap_detach(tap);
	tap_drain_rest(tap, check_generation, &n);
	g_assert_cmpuint(n, ==, 4);
	tap_free(tap);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/sharing/each-has-its-counters", test_each_has_its_counters);
	g_test_add_func("/sharing/moved-and-closed", test_moved_and_closed);
	g_test_add_func("/sharing/filtered-alone", test_filtered_alone);
	g_test_add_func("/sharing/own-generation", test_own_generation);
	return g_test_run();
}
