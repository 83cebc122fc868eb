/* SPDX-License-Identifier: MIT */
/*
 * What <xdptap/tap.h> says of kernels: that are too old, without memory, with CPUs that come late, and what they
 * count. Here a part of the kernel is replaced: bpf(2) for the calls that a test refuses, and the list of CPUs.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "bpf/wire.h"
#include "tests/bpf/library/veth.h"

static enum bpf_cmd refused_call = (enum bpf_cmd) - 1;
static int refusal;		/* an errno */
static bool is_first_cpu_alone; /* the others are not online */

/* Of a kernel that does not know the helpers of its programs. */
static void fill_log(union bpf_attr *attr)
{
	if (refusal == EINVAL && attr->log_buf && attr->log_size > 30)
		strcpy((char *)(uintptr_t)attr->log_buf, "invalid func unknown#189\n");
}

/* Also what libbpf calls. */
long syscall(long number, ...)
{
	static long (*real)(long number, ...);
	va_list args;
	long a[6];

	va_start(args, number);
	for (size_t i = 0; i < G_N_ELEMENTS(a); i++)
		a[i] = va_arg(args, long);
	va_end(args);
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "syscall");
	if (number == SYS_bpf && refusal && a[0] == (long)refused_call &&
	    (a[0] != BPF_PROG_LOAD || ((union bpf_attr *)a[1])->prog_type == BPF_PROG_TYPE_XDP)) {
		if (a[0] == BPF_PROG_LOAD)
			fill_log((union bpf_attr *)a[1]);
		errno = refusal;
		return -1;
	}
	return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* This is fopen64(), since off_t has 64 bits. */
FILE *fopen(const char *path, const char *mode)
{
	static FILE *(*real)(const char *path, const char *mode);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "fopen64");
	if (is_first_cpu_alone && strcmp(path, "/sys/devices/system/cpu/online") == 0)
		return fmemopen((char *)"0\n", 2, "r");
	return real(path, mode);
}

static void refuse(enum bpf_cmd call, int error)
{
	refused_call = call;
	refusal = error;
}

/* The maps of a type that this process has; the last one's descriptor. */
static unsigned int find_maps(uint32_t type, uint32_t value_size, struct bpf_map_info *ret,
			      int *ret_fd)
{
	unsigned int n = 0;

	for (int fd = 0; fd < 256; fd++) {
		struct bpf_map_info info = { 0 };
		uint32_t size = sizeof(info);

		if (bpf_obj_get_info_by_fd(fd, &info, &size) < 0 || info.type != type ||
		    info.value_size != value_size)
			continue;
		n++;
		*ret = info;
		*ret_fd = fd;
	}
	return n;
}

static unsigned int count_rings(uint32_t *ret_size)
{
	struct bpf_map_info info = { 0 };
	unsigned int n;
	int fd;

	n = find_maps(BPF_MAP_TYPE_RINGBUF, 0, &info, &fd);
	*ret_size = info.max_entries;
	return n;
}

/* Without XDP's newer helpers, tc still works. */
static void test_too_old(void)
{
	const struct xdptap_target target = { .size = sizeof(target),
					      .interface = "near",
					      .point = XDPTAP_XDP };
	struct xdptap *t = tap_open_or_fail(NULL);
	uint32_t id = 77;

	refuse(BPF_PROG_LOAD, EINVAL);
	assert_failed(xdptap_attach(t, &target, &id), -ENOSYS, t, "requires Linux 5.18, tc 5.10");
	g_assert_cmpuint(id, ==, 77);
	g_assert_cmpuint(tap_attach_or_fail(t, "near", XDPTAP_TC_INGRESS), ==, 0);
	refuse((enum bpf_cmd) - 1, 0);
	xdptap_close(t);
}

static void test_no_memory(void)
{
	const struct xdptap_target target = { .size = sizeof(target),
					      .interface = "near",
					      .point = XDPTAP_XDP };
	struct xdptap *t = NULL;

	refuse(BPF_MAP_CREATE, ENOMEM);
	assert_failed(xdptap_open(NULL, &t), -ENOMEM, NULL, "rings of 8388608 bytes per CPU");
	g_assert_null(t);
	refuse((enum bpf_cmd) - 1, 0);
	t = tap_open_or_fail(NULL);
	refuse(BPF_PROG_LOAD, ENOMEM);
	assert_failed(xdptap_attach(t, &target, NULL), -ENOMEM, t, "no memory");
	refuse(BPF_PROG_LOAD, EMFILE);
	assert_failed(xdptap_attach(t, &target, NULL), -EMFILE, t, "too many open files");
	refuse((enum bpf_cmd) - 1, 0);
	g_assert_cmpuint(tap_attach_or_fail(t, "near", XDPTAP_XDP), ==, 0);
	xdptap_close(t);
}

static void test_rings(void)
{
	const struct xdptap_config config = { .size = sizeof(config), .ring_size = 5000 };
	struct xdptap *t = tap_open_or_fail(&config);
	uint32_t size;

	g_assert_cmpuint(count_rings(&size), ==, (uint32_t)sysconf(_SC_NPROCESSORS_ONLN));
	g_assert_cmpuint(size, ==, MAX(8192, (uint32_t)sysconf(_SC_PAGESIZE)));
	xdptap_close(t);
	t = tap_open_or_fail(NULL);
	g_assert_cmpuint(count_rings(&size), ==, (uint32_t)sysconf(_SC_NPROCESSORS_ONLN));
	g_assert_cmpuint(size, ==, 8 << 20);
	xdptap_close(t);
}

static void run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	g_assert_cmpint(sched_setaffinity(0, sizeof(set), &set), ==, 0);
}

static void keep(void *user, const char *text)
{
	g_string_append(user, text);
}

/* A CPU that was not there at first gets a ring with the next call; no frame is lost before or after it. */
static void capture_late(bool has_memory)
{
	const struct xdptap_target target = { .size = sizeof(target), .interface = "near" };
	g_autoptr(GString) said = g_string_new(NULL);
	const struct xdptap_config config = {
		.size = sizeof(config), .ring_size = 65536, .log = keep, .user = said
	};
	struct near n;
	uint32_t size;

	is_first_cpu_alone = true;
	n = near_begin_as(&config, &target);
	g_assert_cmpuint(count_rings(&size), ==, 1);
	if (!has_memory)
		refuse(BPF_MAP_CREATE, ENOMEM);
	for (int i = 0; i < 10; i++) {
		run_on(i % 2);
		veth_send("far", 5 * i, 5);
		taken_wait(n.taken, 5 * i + 5);
	}
	refuse((enum bpf_cmd) - 1, 0);
	is_first_cpu_alone = false;
	g_assert_cmpuint(count_rings(&size), ==, has_memory ? 2 : 1);
	g_assert_cmpuint(size, ==, 65536);
	g_assert_true(has_memory == !strstr(said->str, "shares another's ring: Cannot allocate"));
	for (unsigned int i = 0; i < 50; i++)
		g_assert_cmpuint(veth_number(n.taken->frames->pdata[i]), ==, i);
	near_end(&n);
}

static void test_late_cpu(void)
{
	cpu_set_t before;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		g_test_skip("this machine has one CPU");
		return;
	}
	g_assert_cmpint(sched_getaffinity(0, sizeof(before), &before), ==, 0);
	capture_late(true);
	capture_late(false);
	g_assert_cmpint(sched_setaffinity(0, sizeof(before), &before), ==, 0);
}

/* Adds to what the kernel's program has counted for id 0 on the first CPU. */
static void add_counts(uint64_t accepted, uint64_t full, uint64_t copy, uint64_t missed)
{
	g_autofree struct wire_count *all = g_new0(struct wire_count, 1024);
	struct bpf_map_info info;
	uint32_t id = 0, n;
	int fd;

	n = find_maps(BPF_MAP_TYPE_PERCPU_ARRAY, sizeof(*all), &info, &fd);
	g_assert_cmpuint(n, >, 0);
	g_assert_cmpint(bpf_map_lookup_elem(fd, &id, all), ==, 0);
	all->seen += accepted;
	all->accepted += accepted;
	all->lost[WIRE_LOST_FULL] += full;
	all->lost[WIRE_LOST_COPY] += copy;
	all->lost[WIRE_LOST_EXIT] += missed;
	g_assert_cmpint(bpf_map_update_elem(fd, &id, all, BPF_ANY), ==, 0);
}

/* Each cause of a loss has its counter, and what never comes is one of them at the end. */
static void test_causes(void)
{
	struct near n = near_begin(XDPTAP_XDP);
	struct xdptap_stats s;

	veth_send("far", 0, 3);
	taken_wait(n.taken, 3);
	add_counts(2 + 5 + 4, 2, 5, 4);
	s = stats_of(n.t, 0);
	g_assert_cmpuint(s.seen, ==, 14);
	g_assert_cmpuint(s.lost_full, ==, 2);
	g_assert_cmpuint(s.lost_copy, ==, 5);
	g_assert_cmpuint(s.lost_missed, ==, 4);
	g_assert_cmpuint(s.pending + s.lost_invalid, ==, 0);
	add_counts(7, 0, 0, 0);
	g_assert_cmpuint(stats_of(n.t, 0).pending, ==, 7);
	g_assert_cmpint(xdptap_end(n.t, take, n.taken), ==, 0);
	s = stats_of(n.t, 0);
	g_assert_cmpuint(s.pending, ==, 0);
	g_assert_cmpuint(s.lost_invalid, ==, 7);
	g_assert_cmpuint(s.delivered, ==, 3);
	near_end(&n);
}

/* Nanoseconds until the tap's timer; 0: it sleeps. */
static uint64_t timer_ns(int *ret_fd)
{
	for (int fd = 3; fd < 256; fd++) {
		g_autofree char *path = g_strdup_printf("/proc/self/fdinfo/%d", fd);
		g_autofree char *text = NULL;
		unsigned long long s, ns;
		const char *at;

		if (!g_file_get_contents(path, &text, NULL, NULL))
			continue;
		at = strstr(text, "it_value: (");
		if (at && sscanf(at, "it_value: (%llu, %llu)", &s, &ns) == 2) {
			*ret_fd = fd;
			return s * 1000000000 + ns;
		}
	}
	g_error("there is no timer");
}

static bool is_readable(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };
	int r = poll(&p, 1, 0);

	g_assert_cmpint(r, >=, 0);
	return r > 0;
}

/* Readable within 10 ms of a frame by its timer; by a ring that fills up, without it; and for neither, not at all. */
static void test_wake(void)
{
	const struct xdptap_config config = { .size = sizeof(config), .ring_size = 65536 };
	const struct xdptap_target target = { .size = sizeof(target), .interface = "near" };
	const struct itimerspec never = { .it_value.tv_nsec = 0 };
	struct near n = near_begin_as(&config, &target);
	struct pollfd p = { xdptap_fd(n.t), POLLIN, 0 };
	int timer;

	for (int i = 0; i < 20; i++) {
		veth_send("far", i, 1);
		taken_wait(n.taken, i + 1);
		g_assert_cmpuint(timer_ns(&timer), <=, 10000000);
	}
	veth_send("far", 20, 1);
	g_assert_cmpint(xdptap_drain(n.t, take, n.taken), >=, 0);
	/* frames come: it looks again soon, or on a slow machine already should */
	g_assert_true(timer_ns(&timer) > 0 || is_readable(timer));
	g_assert_cmpint(timerfd_settime(timer, 0, &never, NULL), ==, 0);
	veth_send("far", 21, 1);
	g_assert_false(is_readable(p.fd));
	veth_send("far", 22, 1000);
	g_assert_cmpint(poll(&p, 1, 30000), ==, 1);
	near_end(&n);
}

/* Attaches a program of two instructions to near, without BTF. Returns its link. */
static int attach_strange(enum xdp_action verdict)
{
	const struct bpf_insn program[] = { { .code = 0xb7, .imm = verdict }, { .code = 0x95 } };
	int link, fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "strange", "MIT", program, 2, NULL);

	g_assert_cmpint(fd, >=, 0);
	link = bpf_link_create(fd, (int)if_nametoindex("near"), BPF_XDP, NULL);
	g_assert_cmpint(link, >=, 0);
	close(fd);
	return link;
}

/* A program that drops everything: XDPTAP_TC_INGRESS comes after it. It stays, whatever is tried. */
static void test_after_xdp(void)
{
	struct xdptap_target target = { .size = sizeof(target),
					.interface = "near",
					.point = XDPTAP_XDP };
	struct xdptap_interface before = { .size = sizeof(before) }, after = before;
	int link = attach_strange(XDP_DROP);
	struct near n;

	g_assert_cmpint(xdptap_query("near", 0, &before), ==, 0);
	g_assert_cmpstr(before.program_name, ==, "strange");
	g_assert_false(before.points & (1u << XDPTAP_TRACE | 1u << XDPTAP_XDP));
	n = near_begin(XDPTAP_AUTO); /* it cannot be traced */
	g_assert_cmpuint(attachment_of(n.t, 0).point, ==, XDPTAP_TC_INGRESS);
	assert_failed(xdptap_attach(n.t, &target, NULL), -EBUSY, n.t, "\"strange\"");
	target.point = XDPTAP_TRACE;
	assert_failed(xdptap_attach(n.t, &target, NULL), -EOPNOTSUPP, n.t, "has no BTF");
	veth_send("far", 0, 5);
	g_assert_cmpuint(stats_of(n.t, 0).seen, ==, 0);
	g_assert_cmpint(xdptap_query("near", 0, &after), ==, 0);
	g_assert_cmpuint(after.program_id, ==, before.program_id);
	close(link);
	veth_send("far", 5, 1);
	taken_wait(n.taken, 1);
	near_end(&n);
}

/* Sends one TCP packet of several segments, whose checksums are left to the device. */
static void send_segments(const char *from)
{
	const struct sockaddr_ll on = { .sll_family = AF_PACKET,
					.sll_protocol = htons(ETH_P_IP),
					.sll_ifindex = (int)if_nametoindex(from) };
	struct {
		struct virtio_net_hdr head;
		uint8_t data[14 + 20 + 20 + 4000];
	} packet = { .head = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
			       .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
			       .hdr_len = 54,
			       .gso_size = 1000,
			       .csum_start = 34,
			       .csum_offset = 16 } };
	static const uint8_t headers[] = {
		0x02, 0, 0,    0,    0, 1,    0x02, 0, 0, 0, 0, 2, 0x08, 0, /* Ethernet */
		0x45, 0, 0x0f, 0xc8, 0, 0,    0,    0, 1, 6, 0, 0, 10,	 9, 0, 1,    10,
		9,    0, 2,    0x04, 0, 0x04, 0,    0, 0, 0, 0, 0, 0,	 0, 0, 0x50, 0x10, /* TCP */
	};
	int one = 1, fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	memcpy(packet.data, headers, sizeof(headers));
	g_assert_cmpint(setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)), ==, 0);
	g_assert_cmpint(bind(fd, (const struct sockaddr *)&on, sizeof(on)), ==, 0);
	g_assert_cmpint(send(fd, &packet, sizeof(packet), 0), ==, sizeof(packet));
	close(fd);
}

/* Sent frames are as they are before the device segments them, and the mask says so. */
static void test_segments(void)
{
	const uint32_t bits = XDPTAP_FRAME_SENT | XDPTAP_FRAME_SEGMENTS | XDPTAP_FRAME_PARTIAL;
	struct near n = near_begin(XDPTAP_TC_EGRESS);

	send_segments("near");
	veth_send("near", 0, 1);
	taken_wait(n.taken, 2);
	g_assert_cmpuint(taken_head(n.taken, 0)->len, ==, 4054);
	g_assert_cmpuint(taken_head(n.taken, 0)->mask & bits, ==, bits);
	g_assert_cmpuint(taken_head(n.taken, 1)->mask & bits, ==, XDPTAP_FRAME_SENT);
	near_end(&n);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	veth_test("/library/kernel/too-old", test_too_old);
	veth_test("/library/kernel/no-memory", test_no_memory);
	veth_test("/library/kernel/rings", test_rings);
	veth_test("/library/kernel/late-cpu", test_late_cpu);
	veth_test("/library/kernel/causes", test_causes);
	veth_test("/library/kernel/wake", test_wake);
	veth_test("/library/kernel/after-xdp", test_after_xdp);
	veth_test("/library/kernel/segments", test_segments);
	return g_test_run();
}
