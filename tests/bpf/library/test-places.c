/* SPDX-License-Identifier: MIT */
/* What <xdptap/tap.h> says of points, modes, interfaces and refusals. */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bpf/library/veth.h"

#define BIT(n) (1u << (n))

static bool kernel_is(unsigned int major, unsigned int minor)
{
	unsigned int here[2];
	struct utsname name;

	g_assert_cmpint(uname(&name), ==, 0);
	g_assert_cmpint(sscanf(name.release, "%u.%u", &here[0], &here[1]), ==, 2);
	return here[0] > major || (here[0] == major && here[1] >= minor);
}

static struct xdptap_interface query(const char *name, uint32_t ifindex)
{
	struct xdptap_interface i = { .size = sizeof(i) };

	if (xdptap_query(name, ifindex, &i) < 0)
		g_error("%s", xdptap_error(NULL)->text);
	return i;
}

/* The network stack behind it has got the same bytes, and closes the socket. */
static void assert_passed_on(int fd, GBytes *captured)
{
	uint8_t data[FRAME + 1];
	ssize_t n = recv(fd, data, sizeof(data), 0);

	g_assert_cmpmem(data, (gsize)n, g_bytes_get_data(captured, NULL),
			g_bytes_get_size(captured));
	close(fd);
}

/*
 * What is sent on "near" is sent there, and received on "far". It continues, unchanged. A new tap has nothing that
 * earlier ones left.
 */
static void test_points(void)
{
	static const enum xdptap_point points[] = { XDPTAP_AUTO, XDPTAP_XDP, XDPTAP_TC_INGRESS,
						    XDPTAP_TC_EGRESS };
	for (size_t i = 0; i < G_N_ELEMENTS(points); i++) {
		bool is_sent = points[i] == XDPTAP_TC_EGRESS;
		struct xdptap *t = tap_open_or_fail(NULL);
		_cleanup_(taken_freep) struct taken *taken = taken_new(t);
		struct xdptap_attachment a;
		uint32_t id = tap_attach_or_fail(t, "near", points[i]);
		int fd;

		a = attachment_of(t, id);
		g_assert_cmpuint(a.point, ==, points[i] ? points[i] : XDPTAP_XDP);
		g_assert_cmpuint(a.ifindex, ==, if_nametoindex("near"));
		g_assert_cmpuint(a.linktype, ==, 1);
		g_assert_cmpuint(a.is_attached, ==, 1);
		g_assert_true((a.mode == XDPTAP_MODE_AUTO) == (a.point != XDPTAP_XDP));
		veth_send(is_sent ? "far" : "near", 90, 1); /* the other way: not captured */
		fd = veth_listen(is_sent ? "far" : "near");
		veth_send(is_sent ? "near" : "far", 1, 1);
		taken_wait(taken, 1);
		g_assert_cmpuint(veth_number(taken->frames->pdata[0]), ==, 1);
		assert_passed_on(fd, taken->frames->pdata[0]);
		g_assert_true(!(taken_head(taken, 0)->mask & XDPTAP_FRAME_SENT) == !is_sent);
		xdptap_close(t);
	}
}

static void test_modes(void)
{
	for (enum xdptap_mode mode = XDPTAP_MODE_AUTO; mode <= XDPTAP_MODE_GENERIC; mode++) {
		const struct xdptap_target target = { .size = sizeof(target),
						      .interface = "near",
						      .mode = mode };
		struct xdptap *t = tap_open_or_fail(NULL);
		g_autofree char *link = NULL;

		g_assert_cmpint(xdptap_attach(t, &target, NULL), ==, 0);
		g_assert_cmpuint(attachment_of(t, 0).mode, ==, mode ? mode : XDPTAP_MODE_NATIVE);
		link = veth_ask("ip link show near");
		g_assert_nonnull(strstr(link, mode == XDPTAP_MODE_GENERIC ? "xdpgeneric" : "xdp "));
		xdptap_close(t);
	}
}

/* The loopback device has no native mode. */
static void test_native_refused(void)
{
	const struct xdptap_target native = { .size = sizeof(native),
					      .interface = "lo",
					      .mode = XDPTAP_MODE_NATIVE };
	struct xdptap *t;

	t = tap_open_or_fail(NULL);
	assert_failed(xdptap_attach(t, &native, NULL), -EOPNOTSUPP, t, "native mode");
	g_assert_cmpuint(tap_attach_or_fail(t, "lo", XDPTAP_AUTO), ==, 0);
	g_assert_cmpuint(attachment_of(t, 0).mode, ==, XDPTAP_MODE_GENERIC);
	g_assert_false(query("lo", 0).modes & BIT(XDPTAP_MODE_NATIVE));
	xdptap_close(t);
}

static void test_query(void)
{
	g_autofree char *long_name = g_strnfill(300, 'x');
	struct xdptap_interface i = { .size = sizeof(i) };

	i = query("near", 0);
	g_assert_cmpuint(i.ifindex, ==, if_nametoindex("near"));
	g_assert_cmpuint(i.linktype, ==, 1);
	g_assert_cmpstr(i.name, ==, "near");
	g_assert_cmpuint(i.points, ==,
			 BIT(XDPTAP_AUTO) | BIT(XDPTAP_XDP) | BIT(XDPTAP_TC_INGRESS) |
				 BIT(XDPTAP_TC_EGRESS));
	g_assert_cmpuint(i.modes & BIT(XDPTAP_MODE_GENERIC), !=, 0);
	g_assert_true(!(i.modes & BIT(XDPTAP_MODE_NATIVE)) == !kernel_is(6, 3));
	g_assert_cmpuint(i.program_id, ==, 0);
	g_assert_cmpstr(i.obstacle, ==, "");
	g_assert_cmpstr(query(NULL, i.ifindex).name, ==, "near");
	veth_run("ip link property add dev near altname an-alternative-name-of-near");
	g_assert_cmpuint(query("an-alternative-name-of-near", 0).ifindex, ==, i.ifindex);
	assert_failed(xdptap_query("nowhere", 0, &i), -ENODEV, NULL, "\"nowhere\"");
	assert_failed(xdptap_query("", 0, &i), -ENODEV, NULL, "no interface");
	assert_failed(xdptap_query(NULL, 0, &i), -ENODEV, NULL, "index 0");
	assert_failed(xdptap_query(NULL, 4711, &i), -ENODEV, NULL, "index 4711");
	assert_failed(xdptap_query(long_name, 0, &i), -ENODEV, NULL, "no interface \"xxx");
	g_assert_cmpuint(strlen(xdptap_error(NULL)->text), <, sizeof(xdptap_error(NULL)->text));
}

/* A second tap: at the hook that the first one has, and beside it. */
static void test_busy(void)
{
	struct xdptap_target target = { .size = sizeof(target),
					.interface = "near",
					.point = XDPTAP_XDP };
	_cleanup_(taken_freep) struct taken *one = NULL;
	_cleanup_(taken_freep) struct taken *other = NULL;
	struct xdptap_interface i;
	struct xdptap *first, *second;
	uint32_t id = 77;

	first = tap_on_near(XDPTAP_XDP);
	second = tap_open_or_fail(NULL);
	assert_failed(xdptap_attach(second, &target, &id), -EBUSY, second, "\"tap_xdp");
	g_assert_cmpuint(id, ==, 77);
	i = query("near", 0);
	g_assert_false(i.points & BIT(XDPTAP_XDP));
	g_assert_true(i.points & BIT(XDPTAP_TRACE));
	g_assert_cmpuint(i.program_id, !=, 0);
	g_assert_cmpuint(i.program_mode, ==, XDPTAP_MODE_NATIVE);
	g_assert_nonnull(strstr(i.program_name, "tap_xdp"));
	g_assert_nonnull(strstr(i.obstacle, "is attached to \"near\""));
	target.point = XDPTAP_AUTO;
	g_assert_cmpint(xdptap_attach(second, &target, &id), ==, 0);
	g_assert_cmpuint(id, ==, 0);
	g_assert_cmpuint(attachment_of(second, 0).point, !=, XDPTAP_XDP);
	one = taken_new(first);
	other = taken_new(second);
	veth_send("far", 0, 10);
	taken_wait(one, 10);
	taken_wait(other, 10);
	xdptap_close(first);
	g_assert_cmpuint(query("near", 0).program_id, ==, 0);
	xdptap_close(second);
}

/* A tun: its frames begin with their network header. */
static void test_headerless(void)
{
	struct xdptap_target xdp = { .size = sizeof(xdp), .interface = "t0", .point = XDPTAP_XDP };
	struct xdptap_interface i;
	struct xdptap *t;

	veth_run("ip tuntap add t0 mode tun && ip link set t0 up");
	i = query("t0", 0);
	g_assert_cmpuint(i.linktype, ==, 101);
	g_assert_cmpuint(i.points, ==,
			 BIT(XDPTAP_AUTO) | BIT(XDPTAP_TC_INGRESS) | BIT(XDPTAP_TC_EGRESS));
	g_assert_cmpuint(i.modes, ==, 0);
	g_assert_nonnull(strstr(i.obstacle, "no Ethernet header"));
	t = tap_open_or_fail(NULL);
	assert_failed(xdptap_attach(t, &xdp, NULL), -EOPNOTSUPP, t, "no Ethernet header");
	(void)tap_attach_or_fail(t, "t0", XDPTAP_AUTO);
	g_assert_cmpuint(attachment_of(t, 0).point, ==, XDPTAP_TC_INGRESS);
	g_assert_cmpuint(attachment_of(t, 0).linktype, ==, 101);
	xdptap_close(t);
	veth_run("ip link del t0");
}

/* A device of a type that the library does not know: amateur radio. */
static void test_unknown_type(void)
{
	struct ifreq about = { .ifr_name = "t1", .ifr_flags = IFF_TUN | IFF_NO_PI };
	struct xdptap_target target = { .size = sizeof(target), .interface = "t1" };
	struct xdptap_interface i = { .size = sizeof(i) };
	struct xdptap *t = tap_open_or_fail(NULL);
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	g_assert_cmpint(ioctl(fd, TUNSETIFF, &about), ==, 0);
	g_assert_cmpint(ioctl(fd, TUNSETLINK, 3), ==, 0);
	assert_failed(xdptap_query("t1", 0, &i), -EOPNOTSUPP, NULL, "type 3, are unknown");
	assert_failed(xdptap_attach(t, &target, NULL), -EOPNOTSUPP, t, "type 3, are unknown");
	close(fd);
	xdptap_close(t);
}

/* What is no clock is refused, and stays the caller's. */
static void test_no_clock(void)
{
	const struct xdptap_target target = { .size = sizeof(target),
					      .interface = "near",
					      .point = XDPTAP_XDP,
					      .flags = XDPTAP_NIC_TIME,
					      .phc_fd = open("/dev/null", O_RDONLY | O_CLOEXEC) };
	struct xdptap *t = tap_open_or_fail(NULL);

	g_assert_cmpint(xdptap_attach(t, &target, NULL), <, 0);
	xdptap_close(t);
	g_assert_cmpint(close(target.phc_fd), ==, 0);
	g_assert_cmpstr(query("near", 0).phc, ==, "");
}

/* Killed, it leaves nothing; before Linux 6.6 a program at tc, until the next tap comes. */
static void test_killed_at_tc(void)
{
	const char *list =
		"tc filter show dev near egress 2>&1; tc filter show dev near ingress 2>&1";
	g_autofree char *left = NULL, *in_the_end = NULL;
	struct xdptap *t;
	pid_t pid = fork();

	if (pid == 0) {
		t = tap_on_near(XDPTAP_TC_EGRESS);
		kill(getpid(), SIGKILL);
	}
	g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
	left = veth_ask(list);
	g_assert_true(!strstr(left, "tap_tc") == kernel_is(6, 6));
	t = tap_on_near(XDPTAP_TC_EGRESS);
	veth_send("near", 0, 1);
	g_assert_cmpuint(stats_of(t, 0).seen, ==, 1);
	xdptap_close(t);
	in_the_end = veth_ask(list);
	g_assert_null(strstr(in_the_end, "tap_tc"));
}

static void test_bond_and_vrf(void)
{
	struct xdptap_interface i = { .size = sizeof(i) };
	struct xdptap_target target = { .size = sizeof(target), .interface = "vrf0" };
	struct xdptap *t;

	t = tap_open_or_fail(NULL);
	if (system("ip link add bond0 type bond 2>/dev/null") == 0) {
		(void)tap_attach_or_fail(t, "bond0", XDPTAP_AUTO);
		g_assert_cmpuint(attachment_of(t, 0).point, ==, XDPTAP_TC_INGRESS);
		(void)tap_attach_or_fail(t, "bond0", XDPTAP_XDP);
		g_assert_cmpuint(attachment_of(t, 1).mode, ==, XDPTAP_MODE_GENERIC);
	}
	if (system("ip link add vrf0 type vrf table 10 2>/dev/null") == 0) {
		assert_failed(xdptap_query("vrf0", 0, &i), -EOPNOTSUPP, NULL, "belong to it");
		assert_failed(xdptap_attach(t, &target, NULL), -EOPNOTSUPP, t, "belong to it");
	}
	xdptap_close(t);
}

static void test_promiscuous(void)
{
	const struct xdptap_target target = { .size = sizeof(target),
					      .interface = "near",
					      .flags = XDPTAP_PROMISCUOUS };
	g_autofree char *before = NULL, *after = NULL;
	struct xdptap *t;

	t = tap_open_or_fail(NULL);
	g_assert_cmpint(xdptap_attach(t, &target, NULL), ==, 0);
	before = veth_ask("ip -d link show near");
	g_assert_nonnull(strstr(before, "promiscuity 1"));
	xdptap_close(t);
	after = veth_ask("ip -d link show near");
	g_assert_nonnull(strstr(after, "promiscuity 0"));
}

static void test_gone(void)
{
	struct xdptap *t;

	veth_run("ip link add gone type veth peer gone-too");
	t = tap_open_or_fail(NULL);
	(void)tap_attach_or_fail(t, "gone", XDPTAP_XDP);
	(void)tap_attach_or_fail(t, "gone", XDPTAP_TC_EGRESS);
	(void)tap_attach_or_fail(t, "near", XDPTAP_XDP);
	veth_run("ip link del gone");
	g_assert_cmpuint(attachment_of(t, 0).is_attached, ==, 0);
	g_assert_cmpuint(attachment_of(t, 1).is_attached, ==, 0);
	g_assert_cmpuint(attachment_of(t, 2).is_attached, ==, 1);
	assert_failed(xdptap_set_filter(t, 0, NULL, 0, 1), -ENOENT, t, "detached");
	xdptap_close(t);
}

/* One of two goes: the other captures, and the first one's frames still come. */
static void test_detach(void)
{
	_cleanup_(taken_freep) struct taken *taken = NULL;
	struct xdptap *t;

	t = tap_on_near(XDPTAP_XDP);
	(void)tap_attach_or_fail(t, "near", XDPTAP_TC_INGRESS);
	taken = taken_new(t);
	veth_send("far", 0, 1);
	g_assert_cmpint(xdptap_detach(t, 0), ==, 0);
	g_assert_cmpint(xdptap_detach(t, 0), ==, 0);
	veth_send("far", 1, 1);
	taken_wait(taken, 3);
	g_assert_cmpuint(stats_of(t, 0).delivered, ==, 1);
	g_assert_cmpuint(stats_of(t, 1).delivered, ==, 2);
	g_assert_cmpuint(attachment_of(t, 0).ifindex, ==, 0);
	g_assert_cmpuint(attachment_of(t, 0).is_attached, ==, 0);
	assert_failed(xdptap_set_filter(t, 0, NULL, 0, 1), -EINVAL, t, "is detached");
	g_assert_cmpuint(tap_attach_or_fail(t, "near", XDPTAP_XDP), ==, 2);
	assert_failed(xdptap_detach(t, 3), -EINVAL, t, "no id 3");
	xdptap_close(t);
}

static void test_senseless(void)
{
	static const struct {
		struct xdptap_target target;
		int code;
		const char *words;
	} cases[] = {
		{ { .interface = "near", .point = (enum xdptap_point)99 }, -EINVAL, "no point 99" },
		{ { .interface = "near", .mode = (enum xdptap_mode)3 }, -EINVAL, "no mode 3" },
		{ { .interface = "near", .flags = 4 }, -EINVAL, "unknown flags 0x4" },
		{ { .interface = "near", .side = XDPTAP_EXIT }, -EINVAL, "XDPTAP_TRACE" },
		{ { .interface = "near", .point = XDPTAP_TRACE, .side = (enum xdptap_side)3 },
		  -EINVAL,
		  "no such side" },
		{ { .interface = "near", .point = XDPTAP_TRACE, .judges = XDPTAP_BOTH },
		  -EINVAL,
		  "no such side" },
		{ { .interface = "near", .point = XDPTAP_TC_EGRESS, .mode = XDPTAP_MODE_NATIVE },
		  -EINVAL,
		  "modes" },
		{ { .interface = "near", .flags = XDPTAP_NIC_TIME }, -EINVAL, "time stamps" },
		{ { .interface = "near",
		    .point = XDPTAP_XDP,
		    .flags = XDPTAP_NIC_TIME,
		    .phc_fd = -1 },
		  -EINVAL,
		  "PTP hardware clock" },
		{ { .interface = "nowhere" }, -ENODEV, "no interface \"nowhere\"" },
		{ { .ifindex = 4711 }, -ENODEV, "index 4711" },
		{ { .n_filter = 0 }, -ENODEV, "index 0" },
		{ { .interface = "near", .n_filter = 1 }, -EINVAL, "is NULL" },
	};
	struct xdptap *t;
	uint32_t id = 77;

	t = tap_open_or_fail(NULL);
	g_assert_cmpint(xdptap_error(t)->code, ==, 0);
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct xdptap_target target = cases[i].target;

		target.size = sizeof(target);
		assert_failed(xdptap_attach(t, &target, &id), cases[i].code, t, cases[i].words);
	}
	g_assert_cmpuint(query("near", 0).program_id, ==, 0);
	g_assert_cmpuint(id, ==, 77);
	g_assert_cmpuint(tap_attach_or_fail(t, "near", XDPTAP_XDP), ==, 0);
	xdptap_close(t);
}

static void test_ids(void)
{
	const struct xdptap_config config = { .size = sizeof(config), .max_ids = 2 };
	const struct xdptap_target target = { .size = sizeof(target),
					      .interface = "near",
					      .point = XDPTAP_TC_INGRESS };
	struct xdptap *t;

	t = tap_open_or_fail(&config);
	g_assert_cmpuint(tap_attach_or_fail(t, "near", XDPTAP_TC_INGRESS), ==, 0);
	g_assert_cmpuint(tap_attach_or_fail(t, "near", XDPTAP_TC_EGRESS), ==, 1);
	assert_failed(xdptap_attach(t, &target, NULL), -ENOSPC, t, "as many programs");
	xdptap_close(t);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	veth_test("/library/points", test_points);
	veth_test("/library/modes", test_modes);
	veth_test("/library/native-refused", test_native_refused);
	veth_test("/library/query", test_query);
	veth_test("/library/busy", test_busy);
	veth_test("/library/headerless", test_headerless);
	veth_test("/library/unknown-type", test_unknown_type);
	veth_test("/library/no-clock", test_no_clock);
	veth_test("/library/killed-at-tc", test_killed_at_tc);
	veth_test("/library/bond-and-vrf", test_bond_and_vrf);
	veth_test("/library/promiscuous", test_promiscuous);
	veth_test("/library/gone", test_gone);
	veth_test("/library/detach", test_detach);
	veth_test("/library/senseless", test_senseless);
	veth_test("/library/ids", test_ids);
	return g_test_run();
}
