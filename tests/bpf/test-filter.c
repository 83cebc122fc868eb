/* SPDX-License-Identifier: MIT */
/*
 * Filters in the capture points themselves, on a pair of interfaces in a network namespace of our own:
 * what is counted and captured, also while one filter replaces another. Without root it skips.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <glib.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bpf/tap.h"
#include "tests/bpf/old.h"
#include "tests/bpf/filter/oracle.h"

#define FRAMES 20000

struct fixture {
	struct tap *tap;
	struct tap *traced; /* the other tap, whose program is traced; or NULL */
	const struct point *point;
	int socket;		/* send() makes the point see a frame */
	uint64_t taken, marked; /* marked: with the generation of the last filter */
	uint16_t generation;
	gint is_sending;
};

static bool skip(const char *why)
{
	if (g_getenv("XDPTAP_TESTS_MUST_RUN") && !g_str_has_prefix(why, "this kernel "))
		g_error("this test must run: %s", why);
	g_test_skip(why);
	return false;
}

static bool enter_namespace(void)
{
	static bool is_done;

	if (is_done)
		return true;
	if (unshare(CLONE_NEWNET) < 0)
		return skip("may not make network namespaces");
	if (system("ip link add near type veth peer name far && ip link set near up && "
		   "ip link set far up && echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6") != 0)
		return skip("cannot make a pair of interfaces");
	is_done = true;
	return true;
}

static int open_socket(const char *interface)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET,
				       .sll_ifindex = (int)if_nametoindex(interface) };
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(bind(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
	return fd;
}

static void send_frame(struct fixture *f, uint16_t type)
{
	uint8_t frame[60] = {
		2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, (uint8_t)(type >> 8), (uint8_t)type
	};

	while (send(f->socket, frame, sizeof(frame), 0) < 0)
		g_assert_cmpint(errno, ==, ENOBUFS);
}

/* The filter is freed after the call: the point must not keep it. */
static int set_filter(struct fixture *f, const char *expression)
{
	const char *error = NULL;
	size_t n = 0;
	g_autofree struct sock_filter *filter = oracle_compile(expression, &n, &error);

	g_assert_nonnull(filter);
	return tap_set_filter(f->tap, 0, filter, n, ++f->generation);
}

/* Attaches the program to trace: another tap's. */
static void put_traced(struct fixture *f, const struct tap_config *config,
		       struct tap_target *target)
{
	const struct tap_target xdp = { .ifindex = target->ifindex,
					.point = &point_xdp,
					.snaplen = 64 };
	struct tap_program program;
	enum tap_mode mode;

	g_assert_cmpint(tap_new(config, &f->traced), ==, 0);
	g_assert_cmpint(tap_attach(f->traced, &xdp, &mode), ==, 0);
	g_assert_cmpint(tap_find_program(target->ifindex, &program), ==, 0);
	target->trace = (struct point_trace){ .program_id = program.id,
					      .at = POINT_AT_ENTRY,
					      .filter_at = POINT_AT_ENTRY,
					      .verdicts = UINT32_MAX };
}

static void teardown(struct fixture *f)
{
	if (f->socket)
		close(f->socket);
	tap_free(f->tap);
	tap_free(f->traced);
}

static bool setup(struct fixture *f, const struct point *point)
{
	const struct tap_config config = { .ring_size = 16 << 20 };
	struct tap_target target = { .point = point, .snaplen = 64 };
	enum tap_mode mode;
	int r;

	*f = (struct fixture){ .point = point };
	if ((point == &point_xdp || point == &point_trace) && skip_if_old())
		return false;
	if (!enter_namespace())
		return false;
	if (tap_new(&config, &f->tap) == -EPERM)
		return skip("may not load BPF programs");
	target.ifindex = if_nametoindex("near");
	if (point == &point_trace)
		put_traced(f, &config, &target);
	r = tap_attach(f->tap, &target, &mode);
	if (r == -EOPNOTSUPP && point == &point_trace) {
		teardown(f);
		return skip("this kernel refuses to trace programs");
	}
	g_assert_cmpint(r, ==, 0);
	f->socket = open_socket(point->is_egress ? "near" : "far");
	return true;
}

static int on_frames(void *user, const struct tap_frame *frames, size_t n)
{
	struct fixture *f = user;

	for (const struct tap_frame *frame = frames; frame < frames + n; frame++) {
		f->taken += frame->len == 60;
		f->marked += frame->len == 60 && frame->generation == f->generation;
	}
	return 0;
}

static struct tap_stats stats(struct fixture *f)
{
	struct tap_stats s;

	g_assert_cmpint(tap_read_stats(f->tap, 0, &s), ==, 0);
	return s;
}

/* One filter after another: each judges the frames that arrive after it was set. */
static void test_change(const void *point)
{
	static const struct {
		const char *expression;
		uint64_t accepted; /* of one 0x88b5 and one 0x88b6 */
	} steps[] = { { "ether proto 0x88b5", 1 },
		      { "ether proto 0x88b6", 1 },
		      { "ether proto 0x88b5 or ether proto 0x88b6", 2 },
		      { "len > 60", 0 },
		      { "vlan", 0 },
		      { "ether[59] = 0 and not vlan", 2 } };
	uint64_t expected = 0;
	struct fixture f;

	if (!setup(&f, point))
		return;
	for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
		g_assert_cmpint(set_filter(&f, steps[i].expression), ==, 0);
		send_frame(&f, 0x88b5);
		send_frame(&f, 0x88b6);
		expected += steps[i].accepted;
		g_assert_cmpuint(stats(&f).seen, ==, 2 * (i + 1));
		g_assert_cmpuint(stats(&f).accepted, ==, expected);
	}
	g_assert_cmpint(tap_set_filter(f.tap, 0, NULL, 0, f.generation = 65535), ==, 0);
	send_frame(&f, 0x88b7);
	tap_detach(f.tap);
	tap_drain_rest(f.tap, on_frames, &f);
	g_assert_cmpuint(f.taken, ==, expected + 1);
	g_assert_cmpuint(f.marked, ==, 1);
	teardown(&f);
}

/* A filter that cannot be translated leaves the previous one in place. */
static void test_refused(const void *point)
{
	struct fixture f;

	if (!setup(&f, point))
		return;
	g_assert_cmpint(set_filter(&f, "ether proto 0x88b5"), ==, 0);
	g_assert_cmpint(set_filter(&f, "ip6 protochain 6"), ==, -ELOOP);
	g_assert_cmpint(tap_set_filter(f.tap, 1, NULL, 0, 1), ==, -EINVAL);
	send_frame(&f, 0x88b5);
	send_frame(&f, 0x88b6);
	g_assert_cmpuint(stats(&f).accepted, ==, 1);
	teardown(&f);
}

static gpointer send_many(gpointer user)
{
	struct fixture *f = user;

	for (int i = 0; i < FRAMES; i++)
		send_frame(f, 0x88b5);
	g_atomic_int_set(&f->is_sending, 0);
	return NULL;
}

/* While frames arrive, filters that accept all of them replace each other: no frame is missed. */
static void test_no_gap(const void *point)
{
	static const char *const both[] = { "ether proto 0x88b5", "not ip and greater 60" };
	unsigned int changes = 0;
	struct fixture f;
	GThread *thread;

	if (!setup(&f, point))
		return;
	g_assert_cmpint(set_filter(&f, both[0]), ==, 0);
	f.is_sending = 1;
	thread = g_thread_new("sender", send_many, &f);
	while (g_atomic_int_get(&f.is_sending))
		g_assert_cmpint(set_filter(&f, both[++changes % 2]), ==, 0);
	g_thread_join(thread);
	tap_detach(f.tap);
	tap_drain_rest(f.tap, on_frames, &f);
	g_test_message("%u changes while %u frames came", changes, FRAMES);
	g_assert_cmpuint(changes, >, 0);
	g_assert_cmpuint(stats(&f).seen, ==, FRAMES);
	g_assert_cmpuint(stats(&f).accepted, ==, FRAMES);
	g_assert_cmpuint(f.taken, ==, FRAMES);
	teardown(&f);
}

static int on_frames_and_stop(void *user, const struct tap_frame *frames, size_t n)
{
	(void)on_frames(user, frames, n);
	return 1;
}

/* How many descriptors of ours are maps, programs and links. */
static unsigned int count_bpf(void)
{
	g_autoptr(GDir) fds = g_dir_open("/proc/self/fd", 0, NULL);
	unsigned int n = 0;
	const char *name;

	while ((name = g_dir_read_name(fds))) {
		g_autofree char *path = g_build_filename("/proc/self/fd", name, NULL);
		g_autofree char *to = g_file_read_link(path, NULL);

		n += to && strstr(to, "bpf");
	}
	return n;
}

/* Without rings and maps, the counters are what they were. */
static void check_freed(struct fixture *f)
{
	struct tap_stats before = stats(f), after;

	g_clear_pointer(&f->traced, tap_free);
	g_assert_cmpuint(count_bpf(), >, 0);
	tap_free_rings(f->tap);
	g_assert_cmpuint(count_bpf(), ==, 0);
	after = stats(f);
	g_assert_cmpmem(&before, sizeof(before), &after, sizeof(after));
	g_assert_cmpuint(tap_now_ns(f->tap), >, 0);
	tap_free_rings(f->tap);
}

/* At the end every frame is given out, even if the callback asks to stop. */
static void test_rest(void)
{
	struct fixture f;

	if (!setup(&f, &point_tc_ingress))
		return;
	for (int i = 0; i < 3 * TAP_FRAMES; i++)
		send_frame(&f, 0x88b5);
	g_assert_cmpuint(stats(&f).pending, ==, 3 * TAP_FRAMES);
	tap_drain(f.tap, on_frames_and_stop, &f);
	tap_release(f.tap);
	g_assert_cmpuint(f.taken, ==, TAP_FRAMES);
	g_assert_cmpuint(stats(&f).pending, ==, 2 * TAP_FRAMES);
	tap_detach(f.tap);
	tap_drain_rest(f.tap, on_frames_and_stop, &f);
	g_assert_cmpuint(f.taken, ==, 3 * TAP_FRAMES);
	g_assert_cmpuint(stats(&f).pending, ==, 0);
	g_assert_cmpuint(stats(&f).lost_invalid, ==, 0);
	check_freed(&f);
	teardown(&f);
}

/* The newest map of that name. */
static int open_map(const char *name)
{
	uint32_t id = 0;
	int found = -1;

	while (bpf_map_get_next_id(id, &id) == 0) {
		int fd = bpf_map_get_fd_by_id(id);
		struct bpf_map_info info = { 0 };
		uint32_t size = sizeof(info);

		if (fd < 0)
			continue;
		if (bpf_obj_get_info_by_fd(fd, &info, &size) == 0 && g_str_equal(info.name, name)) {
			if (found >= 0)
				close(found);
			found = fd;
		} else {
			close(fd);
		}
	}
	return found;
}

/* Pretends that a run of the traced program did not end, on each CPU. Returns how many that are. */
static uint64_t leave_marks(void)
{
	struct bpf_map_info info = { 0 };
	uint32_t size = sizeof(info), zero = 0;
	int fd = open_map("runs"), n_cpus = libbpf_num_possible_cpus();
	g_autofree uint64_t *runs = NULL;

	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(bpf_obj_get_info_by_fd(fd, &info, &size), ==, 0);
	runs = g_malloc0_n((gsize)n_cpus, info.value_size);
	for (int cpu = 0; cpu < n_cpus; cpu++)
		runs[(gsize)cpu * info.value_size / sizeof(*runs)] = 1;
	g_assert_cmpint(bpf_map_update_elem(fd, &zero, runs, BPF_ANY), ==, 0);
	close(fd);
	return (uint64_t)n_cpus;
}

/* They count as lost, at the next run on the CPU or at the end. */
static void test_unfinished(void)
{
	uint64_t left;
	struct fixture f;

	if (!setup(&f, &point_trace))
		return;
	send_frame(&f, 0x88b5);
	g_assert_cmpuint(stats(&f).lost_missed, ==, 0);
	left = leave_marks();
	send_frame(&f, 0x88b5);
	g_assert_cmpuint(stats(&f).lost_missed, ==, 1);
	tap_detach(f.tap);
	tap_drain_rest(f.tap, on_frames, &f);
	g_assert_cmpuint(stats(&f).lost_missed, ==, left);
	g_assert_cmpuint(stats(&f).accepted, ==, 2 + left);
	g_assert_cmpuint(stats(&f).lost_invalid, ==, 0);
	g_assert_cmpuint(f.taken, ==, 2);
	check_freed(&f);
	teardown(&f);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (size_t i = 0; points[i]; i++) {
		g_autofree char *change = g_strdup_printf("/filter/%s/change", points[i]->name);
		g_autofree char *refused = g_strdup_printf("/filter/%s/refused", points[i]->name);
		g_autofree char *no_gap = g_strdup_printf("/filter/%s/no-gap", points[i]->name);

		g_test_add_data_func(change, points[i], test_change);
		g_test_add_data_func(refused, points[i], test_refused);
		g_test_add_data_func(no_gap, points[i], test_no_gap);
	}
	g_test_add_func("/filter/rest", test_rest);
	g_test_add_func("/filter/trace/unfinished", test_unfinished);
	return g_test_run();
}
