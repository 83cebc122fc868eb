/* SPDX-License-Identifier: MIT */
/*
 * The tc points as filters in clsact, as on kernels before 6.6: this process forbids itself BPF links, so
 * every kernel gets them. Strangers bind our locks, delete our qdisc and leave filters. Without root it
 * skips.
 */
#include <errno.h>
#include <glib.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bpf/tap.h"

#define NAMES 64 /* at least as many as point-tc.c has handles */

/* Makes bpf(BPF_LINK_CREATE) fail as on a kernel without tcx. */
static void refuse_links(void)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, BPF_LINK_CREATE, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = { G_N_ELEMENTS(insns), insns };

	g_assert_cmpint(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), ==, 0);
}

static bool can_run(void)
{
	static bool is_ready;

	if (is_ready)
		return true;
	if (unshare(CLONE_NEWNET) < 0 ||
	    system("ip link add near type veth peer name far && ip link set near up") != 0) {
		g_assert_null(g_getenv("XDPTAP_TESTS_MUST_RUN"));
		g_test_skip("may not make network namespaces");
		return false;
	}
	refuse_links();
	is_ready = true;
	return true;
}

static int filters(const char *direction)
{
	g_autofree char *command =
		g_strdup_printf("tc filter show dev near %s 2>/dev/null | grep -c handle",
				direction);
	g_autofree char *out = NULL;
	const char *argv[] = { "sh", "-c", command, NULL };

	g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out,
				   NULL, NULL, NULL));
	return atoi(out);
}

/* A tap at tc-ingress and tc-egress of "near": slots 0 and 1. */
static struct tap *attach(void)
{
	const struct tap_config config = { .ring_size = 4096 };
	struct tap_target target = { .ifindex = if_nametoindex("near"), .snaplen = 64 };
	enum tap_mode mode;
	struct tap *tap;

	g_assert_cmpint(tap_new(&config, &tap), ==, 0);
	target.point = &point_tc_ingress;
	g_assert_cmpint(tap_attach(tap, &target, &mode), ==, 0);
	target.point = &point_tc_egress;
	g_assert_cmpint(tap_attach(tap, &target, &mode), ==, 0);
	g_assert_true(tap_needs_netlink(tap));
	g_assert_true(tap_asks_netlink(tap));
	return tap;
}

static void assert_attached(const struct tap *tap, bool is_attached)
{
	for (uint32_t slot = 0; slot < 2; slot++)
		g_assert_cmpint(tap_is_attached(tap, slot), ==, is_attached);
}

static bool has_clsact(void)
{
	return system("tc qdisc show dev near | grep -q clsact") == 0;
}

static void assert_clean(void)
{
	g_assert_cmpint(filters("ingress"), ==, 0);
	g_assert_cmpint(filters("egress"), ==, 0);
	g_assert_false(has_clsact());
}

static void test_both_sides(void)
{
	struct tap *tap;

	if (!can_run())
		return;
	tap = attach();
	assert_attached(tap, true);
	g_assert_true(has_clsact());
	g_assert_cmpint(filters("ingress"), ==, 1);
	tap_detach(tap);
	assert_clean();
	tap_free(tap);
}

static void test_deleted(void)
{
	struct tap *tap;

	if (!can_run())
		return;
	tap = attach();
	assert_attached(tap, true);
	g_assert_cmpint(tap_set_filter(tap, 0, NULL, 0, 1), ==, 0);
	assert_attached(tap, true); /* the new program is ours, too */
	g_assert_cmpint(system("tc qdisc del dev near clsact"), ==, 0);
	assert_attached(tap, false);
	g_assert_cmpint(tap_set_filter(tap, 0, NULL, 0, 2), ==, -ENOENT);
	tap_free(tap);
	assert_clean();
}

/* We do not remove what somebody else has attached since. */
static void test_deleted_and_remade(void)
{
	struct tap *first, *second;

	if (!can_run())
		return;
	first = attach();
	g_assert_cmpint(system("tc qdisc del dev near clsact"), ==, 0);
	second = attach();
	assert_attached(first, false);
	assert_attached(second, true);
	tap_free(first);
	assert_attached(second, true);
	tap_free(second); /* it made the new clsact */
	assert_clean();
}

/* Binds the names of all our locks for a direction. */
static void squat(const char *direction, int fds[NAMES])
{
	for (int i = 0; i < NAMES; i++) {
		struct sockaddr_un name = { .sun_family = AF_UNIX };
		int len = g_snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1,
				     "xdptap-clsact-%u-%s-%x", if_nametoindex("near"), direction,
				     0x78647074 + i);

		fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		g_assert_cmpint(bind(fds[i], (struct sockaddr *)&name,
				     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
						 (size_t)len)),
				==, 0);
	}
}

static void test_squatted(void)
{
	int ingress[NAMES], egress[NAMES];
	struct tap *first, *second;

	if (!can_run())
		return;
	squat("ingress", ingress);
	squat("egress", egress);
	first = attach();
	second = attach();
	assert_attached(first, true);
	assert_attached(second, true);
	g_assert_cmpint(filters("ingress"), ==, 2);
	tap_free(second);
	assert_attached(first, true);
	tap_free(first);
	for (int i = 0; i < NAMES; i++) {
		close(ingress[i]);
		close(egress[i]);
	}
	assert_clean();
}

/* The next tap removes the filters of a killed process, and leaves those of a live one alone. */
static void test_stale(void)
{
	struct tap *live, *tap;
	int ready[2];
	char byte;
	pid_t pid;

	if (!can_run())
		return;
	live = attach();
	g_assert_cmpint(pipe(ready), ==, 0);
	pid = fork();
	if (pid == 0) {
		tap = attach();
		g_assert_cmpint(write(ready[1], "", 1), ==, 1);
		pause();
	}
	g_assert_cmpint(read(ready[0], &byte, 1), ==, 1);
	g_assert_cmpint(filters("ingress"), ==, 2);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	g_assert_cmpint(filters("ingress"), ==, 2);
	tap = attach();
	g_assert_cmpint(filters("ingress"), ==, 2);
	g_assert_cmpint(filters("egress"), ==, 2);
	assert_attached(live, true);
	assert_attached(tap, true);
	tap_free(tap);
	tap_free(live);
	assert_clean();
}

static void run(const char *command)
{
	g_assert_cmpint(system(command), ==, 0);
}

/* The neighbour of a slot: "tc filter "u32" (pref 1)", or nothing. */
static const char *neighbour(const struct tap *tap, uint32_t slot, enum point_order order)
{
	static struct point_neighbour found;
	const struct tap_place place = tap_find_place(tap, slot);

	return place.point->find_neighbour(place.link, order, &found) ? found.what : NULL;
}

/* The first of the filters that received frames meet, as tc shows it. */
static void assert_first(const char *direction, const char *words)
{
	g_autofree char *command = g_strdup_printf(
		"tc filter show dev near %s | grep -v 'bpf chain 0 $' | head -n 1 | grep -q '%s'",
		direction, words);

	run(command);
}

/* Another filter at these priorities is behind ours on the way in, and before it on the way out. */
static void test_order(void)
{
	static const unsigned int priorities[] = { 1, 2, 7, 100, 49152, 65535 };

	if (!can_run())
		return;
	run("tc qdisc add dev near clsact");
	for (size_t i = 0; i < G_N_ELEMENTS(priorities); i++)
		for (int is_egress = 0; is_egress < 2; is_egress++) {
			const char *direction = is_egress ? "egress" : "ingress";
			g_autofree char *add = g_strdup_printf(
				"tc filter add dev near %s pref %u protocol ip u32 match u32 0 0 "
				"flowid 1:1",
				direction, priorities[i]);
			g_autofree char *del = g_strdup_printf("tc filter del dev near %s pref %u",
							       direction, priorities[i]);
			bool is_before = is_egress ? priorities[i] < 65535 : priorities[i] == 1;
			struct tap *tap;

			run(add);
			tap = attach();
			g_assert_cmpint(!neighbour(tap, (uint32_t)is_egress, POINT_BEFORE), ==,
					!is_before);
			g_assert_cmpint(!neighbour(tap, (uint32_t)is_egress, POINT_AFTER), ==,
					is_before || !is_egress);
			assert_first(direction, is_before ? "u32" : "tap_tc");
			tap_free(tap);
			run(del);
		}
	run("tc qdisc del dev near clsact");
	assert_clean();
}

/* A tap's own filters are nobody's neighbours. */
static void test_several(void)
{
	struct tap *first, *second;

	if (!can_run())
		return;
	first = attach();
	second = attach();
	for (uint32_t slot = 0; slot < 2; slot++)
		for (enum point_order order = POINT_BEFORE; order <= POINT_AFTER; order++) {
			g_assert_null(neighbour(first, slot, order));
			g_assert_null(neighbour(second, slot, order));
		}
	tap_free(first);
	tap_free(second);
	assert_clean();
}

/* The forerunner of clsact: it would run the program for sent frames on received ones. */
static void test_ingress_qdisc(void)
{
	const struct tap_config config = { .ring_size = 4096 };
	struct tap_target target = { .point = &point_tc_ingress, .snaplen = 64 };
	enum tap_mode mode;
	struct tap *tap;

	if (!can_run())
		return;
	run("tc qdisc add dev near ingress");
	target.ifindex = if_nametoindex("near");
	g_assert_cmpint(tap_new(&config, &tap), ==, 0);
	g_assert_cmpint(tap_attach(tap, &target, &mode), ==, 0);
	target.point = &point_tc_egress;
	g_assert_cmpint(tap_attach(tap, &target, &mode), ==, -EOPNOTSUPP);
	tap_free(tap);
	g_assert_cmpint(filters("ingress"), ==, 0);
	run("tc qdisc del dev near ingress");
	assert_clean();
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/tc/both-sides", test_both_sides);
	g_test_add_func("/tc/deleted", test_deleted);
	g_test_add_func("/tc/deleted-and-remade", test_deleted_and_remade);
	g_test_add_func("/tc/squatted", test_squatted);
	g_test_add_func("/tc/stale", test_stale);
	g_test_add_func("/tc/order", test_order);
	g_test_add_func("/tc/several", test_several);
	g_test_add_func("/tc/ingress-qdisc", test_ingress_qdisc);
	return g_test_run();
}
