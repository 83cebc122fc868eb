/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "tests/bpf/library/veth.h"

#define ETHERTYPE 0x88b5 /* for experiments, IEEE 802 */

/* One CPU, so that one ring has all frames: what is lost there is told by its next record. */
static void stay_on_this_cpu(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((unsigned int)sched_getcpu(), &set);
	g_assert_cmpint(sched_setaffinity(0, sizeof(set), &set), ==, 0);
}

bool veth_begin(void)
{
	static bool is_ready;

	if (is_ready)
		return true;
	if (unshare(CLONE_NEWNET) < 0) {
		g_assert_null(g_getenv("XDPTAP_TESTS_MUST_RUN"));
		g_test_skip("this user may not make network namespaces");
		return false;
	}
	veth_run(
		"for i in default all; do echo 1 >/proc/sys/net/ipv6/conf/$i/disable_ipv6; done; "
		"ip link add near type veth peer far && ip link set near up && ip link set far up");
	stay_on_this_cpu();
	is_ready = true;
	return true;
}

static void run_test(gconstpointer fn)
{
	if (veth_begin())
		((void (*)(void))fn)();
}

void veth_test(const char *path, void (*fn)(void))
{
	g_test_add_data_func(path, (gconstpointer)fn, run_test);
}

void veth_run(const char *command)
{
	g_assert_cmpint(system(command), ==, 0);
}

char *veth_ask(const char *command)
{
	const char *argv[] = { "sh", "-c", command, NULL };
	char *out = NULL;

	g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out,
				   NULL, NULL, NULL));
	return out;
}

/* Until then, which is a moment after the other end is up, frames are lost without a word. */
static void wait_for_carrier(int fd, const char *interface)
{
	struct ifreq ask = { 0 };

	g_strlcpy(ask.ifr_name, interface, sizeof(ask.ifr_name));
	for (int i = 0; i < 30000; i++) {
		g_assert_cmpint(ioctl(fd, SIOCGIFFLAGS, &ask), ==, 0);
		if (ask.ifr_flags & IFF_RUNNING)
			return;
		g_usleep(1000);
	}
	g_assert_not_reached();
}

void veth_send(const char *from, uint32_t first, uint32_t n)
{
	const struct sockaddr_ll on = { .sll_family = AF_PACKET,
					.sll_ifindex = (int)if_nametoindex(from) };
	uint8_t frame[FRAME] = { 0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2, 0x88, 0xb5 };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	g_assert_cmpint(bind(fd, (const struct sockaddr *)&on, sizeof(on)), ==, 0);
	wait_for_carrier(fd, from);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t number = htonl(first + i);

		memcpy(frame + 14, &number, sizeof(number));
		while (send(fd, frame, sizeof(frame), 0) < 0) { /* the receiver's ring is full */
			g_assert_cmpint(errno, ==, ENOBUFS);
			g_usleep(100);
		}
	}
	close(fd);
}

int veth_listen(const char *on)
{
	const struct sockaddr_ll address = { .sll_family = AF_PACKET,
					     .sll_protocol = htons(ETHERTYPE),
					     .sll_ifindex = (int)if_nametoindex(on) };
	const struct timeval patience = { .tv_sec = 30 };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	g_assert_cmpint(bind(fd, (const struct sockaddr *)&address, sizeof(address)), ==, 0);
	g_assert_cmpint(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), ==,
			0);
	return fd;
}

uint32_t veth_number(GBytes *frame)
{
	gsize len;
	const uint8_t *data = g_bytes_get_data(frame, &len);
	uint32_t number;

	if (len < 18 || (data[12] << 8 | data[13]) != ETHERTYPE)
		return UINT32_MAX;
	memcpy(&number, data + 14, sizeof(number));
	return ntohl(number);
}

struct near near_begin_as(const struct xdptap_config *config, const struct xdptap_target *target)
{
	struct near n = { .t = tap_open_or_fail(config) };

	if (xdptap_attach(n.t, target, NULL) < 0)
		g_error("%s", xdptap_error(n.t)->text);
	n.taken = taken_new(n.t);
	return n;
}

struct near near_begin(enum xdptap_point point)
{
	struct near n = { .t = tap_on_near(point) };

	n.taken = taken_new(n.t);
	return n;
}

void near_end(struct near *n)
{
	xdptap_close(n->t);
	taken_freep(&n->taken);
}

struct xdptap *tap_open_or_fail(const struct xdptap_config *config)
{
	struct xdptap *t = NULL;

	if (xdptap_open(config, &t) < 0)
		g_error("%s", xdptap_error(NULL)->text);
	return t;
}

uint32_t tap_attach_or_fail(struct xdptap *t, const char *interface, enum xdptap_point point)
{
	const struct xdptap_target target = { .size = sizeof(target),
					      .interface = interface,
					      .point = point };
	uint32_t id;

	if (xdptap_attach(t, &target, &id) < 0)
		g_error("%s", xdptap_error(t)->text);
	return id;
}

struct xdptap *tap_on_near(enum xdptap_point point)
{
	struct xdptap *t = tap_open_or_fail(NULL);

	g_assert_cmpuint(tap_attach_or_fail(t, "near", point), ==, 0);
	return t;
}

struct taken *taken_new(struct xdptap *t)
{
	struct taken *taken = g_new0(struct taken, 1);

	taken->tap = t;
	taken->frames = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
	taken->heads = g_array_new(false, false, sizeof(struct xdptap_frame));
	return taken;
}

void taken_freep(struct taken **taken)
{
	if (!*taken)
		return;
	g_ptr_array_unref((*taken)->frames);
	g_array_unref((*taken)->heads);
	g_free(*taken);
}

int take(void *user, const struct xdptap_frame *frames, size_t n)
{
	struct taken *taken = user;

	g_assert_cmpuint(n, >, 0);
	for (size_t i = 0; i < n; i++) {
		g_ptr_array_add(taken->frames, g_bytes_new(frames[i].data, frames[i].caplen));
		g_array_append_val(taken->heads, frames[i]);
	}
	if (taken->inside)
		taken->inside(taken->tap);
	return taken->answer;
}

void taken_wait(struct taken *taken, unsigned int n)
{
	struct pollfd p = { xdptap_fd(taken->tap), POLLIN, 0 };

	while (taken->frames->len < n) {
		if (poll(&p, 1, 30000) != 1)
			g_error("%u of %u frames", taken->frames->len, n);
		g_assert_cmpint(xdptap_drain(taken->tap, take, taken), >=, 0);
	}
}

const struct xdptap_frame *taken_head(const struct taken *taken, unsigned int i)
{
	g_assert_cmpuint(i, <, taken->heads->len);
	return &g_array_index(taken->heads, struct xdptap_frame, i);
}

struct xdptap_stats stats_of(struct xdptap *t, uint32_t id)
{
	struct xdptap_stats s = { .size = sizeof(s) };

	g_assert_cmpint(xdptap_get_stats(t, id, &s), ==, 0);
	g_assert_cmpuint(s.accepted, ==,
			 s.delivered + s.pending + s.lost_full + s.lost_copy + s.lost_missed +
				 s.lost_invalid);
	g_assert_cmpuint(s.seen, >=, s.accepted);
	return s;
}

struct xdptap_attachment attachment_of(struct xdptap *t, uint32_t id)
{
	struct xdptap_attachment a = { .size = sizeof(a) };

	g_assert_cmpint(xdptap_get_attachment(t, id, &a), ==, 0);
	return a;
}

void assert_failed(int r, int code, const struct xdptap *t, const char *words)
{
	const struct xdptap_error *error = xdptap_error(t);

	g_assert_cmpint(r, ==, code);
	g_assert_cmpint(error->code, ==, code);
	if (!strstr(error->text, words))
		g_error("\"%s\" does not say \"%s\"", error->text, words);
}
