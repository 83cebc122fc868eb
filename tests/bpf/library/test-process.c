/* SPDX-License-Identifier: MIT */
/*
 * What <xdptap/tap.h> says of processes, threads, memory, output and privileges. Here libbpf is linked, too: an
 * application may use it, and keeps its own messages.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bpf/library/veth.h"

#define BIT(n) (UINT64_C(1) << (n))

static GString *said;
static pid_t caller; /* the thread whose calls have something to say; 0: any */

static void keep(void *user, const char *text)
{
	g_assert_true(!caller || caller == gettid());
	g_string_append((GString *)user, text);
}

static bool has_program(void)
{
	g_autofree char *link = veth_ask("ip link show near");

	return strstr(link, "prog/xdp") != NULL;
}

/* Runs in a child process, which must end well. */
static void in_child(void (*fn)(struct xdptap *t), struct xdptap *t)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		fn(t);
		_exit(0);
	}
	g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
	g_assert_cmpint(status, ==, 0);
}

/* assert() does not report from a child. */
#define must(condition) must_at(__LINE__, condition)
static void must_at(int line, bool is_true)
{
	if (!is_true)
		_exit(line % 250 + 1);
}

static void use_as_child(struct xdptap *t)
{
	const struct xdptap_target target = { .size = sizeof(target), .interface = "far" };
	struct xdptap_stats s = { .size = sizeof(s) };
	struct xdptap_attachment a = { .size = sizeof(a) };
	struct xdptap *own = NULL;

	must(xdptap_fd(t) == -ECHILD);
	must(xdptap_drain(t, take, NULL) == -ECHILD);
	must(xdptap_end(t, take, NULL) == -ECHILD);
	must(xdptap_attach(t, &target, NULL) == -ECHILD);
	must(xdptap_detach(t, 0) == -ECHILD);
	must(xdptap_set_filter(t, 0, NULL, 0, 1) == -ECHILD);
	must(xdptap_get_stats(t, 0, &s) == -ECHILD);
	must(xdptap_get_attachment(t, 0, &a) == -ECHILD);
	must(strstr(xdptap_error(t)->text, "parent") != NULL);
	xdptap_close(t);
	must(xdptap_open(NULL, &own) == 0); /* one of its own works */
	must(xdptap_attach(own, &target, NULL) == 0);
	xdptap_close(own);
}

static void leave_open(struct xdptap *t)
{
	(void)t;
}

/* Whatever the child does with its copy, the parent captures on. */
static void test_fork(void)
{
	_cleanup_(taken_freep) struct taken *taken = NULL;
	struct xdptap *t;

	t = tap_on_near(XDPTAP_XDP);
	(void)tap_attach_or_fail(t, "near", XDPTAP_TC_INGRESS);
	taken = taken_new(t);
	veth_send("far", 0, 1);
	in_child(use_as_child, t);
	in_child(leave_open, t);
	veth_send("far", 1, 1);
	taken_wait(taken, 4);
	g_assert_cmpuint(attachment_of(t, 0).is_attached, ==, 1);
	g_assert_cmpuint(stats_of(t, 1).delivered, ==, 2);
	xdptap_close(t);
	g_assert_false(has_program());
}

/* A child that lives on does not keep the program attached. */
static void test_surviving_child(void)
{
	int fds[2];
	struct xdptap *t;
	char byte;
	pid_t pid;

	g_assert_cmpint(pipe(fds), ==, 0);
	t = tap_on_near(XDPTAP_XDP);
	pid = fork();
	if (pid == 0) {
		close(fds[1]);
		_exit(read(fds[0], &byte, 1) != 0);
	}
	g_assert_true(has_program());
	xdptap_close(t);
	g_assert_false(has_program());
	close(fds[1]);
	close(fds[0]);
	g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
}

/* Killed at a random moment of its life, it leaves nothing. */
static void test_killed(void)
{
	for (int round = 0; round < 20; round++) {
		int fds[2];
		char byte;
		pid_t pid;

		g_assert_cmpint(pipe(fds), ==, 0);
		pid = fork();
		if (pid == 0) {
			struct xdptap *t = tap_open_or_fail(NULL);

			for (int n = 0;; n++) {
				const struct xdptap_target target = {
					.size = sizeof(target),
					.interface = "near",
					.flags = XDPTAP_PROMISCUOUS,
				};

				must(xdptap_attach(t, &target, NULL) == 0);
				must(write(fds[1], "", 1) == 1);
				must(xdptap_drain(t, take, NULL) >= 0);
				must(xdptap_detach(t, (uint32_t)n) == 0);
			}
		}
		for (int n = 0; n <= round; n++)
			g_assert_cmpint(read(fds[0], &byte, 1), ==, 1);
		g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
		g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
		close(fds[0]);
		close(fds[1]);
		veth_run(
			"for i in $(seq 500); do ip -d link show near | grep -q 'promiscuity 0' && "
			"! ip link show near | grep -q prog/xdp && exit 0; sleep 0.01; done; exit 1");
	}
}

static void test_two_taps_two_interfaces(void)
{
	_cleanup_(taken_freep) struct taken *one = NULL;
	_cleanup_(taken_freep) struct taken *other = NULL;
	struct xdptap *first, *second;
	unsigned int n[2] = { 0 };

	first = tap_on_near(XDPTAP_XDP);
	second = tap_open_or_fail(NULL);
	g_assert_cmpuint(tap_attach_or_fail(first, "far", XDPTAP_XDP), ==, 1);
	(void)tap_attach_or_fail(second, "near", XDPTAP_TC_INGRESS);
	one = taken_new(first);
	other = taken_new(second);
	for (unsigned int i = 0; i < 50; i++) {
		veth_send("far", i, 1);
		veth_send("near", i, 1);
	}
	taken_wait(one, 100);
	taken_wait(other, 50);
	for (unsigned int i = 0; i < 100; i++) /* in the order of time, over both interfaces */
		g_assert_cmpuint(veth_number(one->frames->pdata[i]), ==,
				 n[taken_head(one, i)->id]++);
	g_assert_cmpuint(n[0], ==, 50);
	xdptap_close(first);
	veth_send("far", 50, 1);
	taken_wait(other, 51);
	xdptap_close(second);
}

/* Each thread has taps of its own. */
static void *use_taps(void *interface)
{
	for (unsigned int i = 0; i < 20; i++) {
		struct xdptap *t = tap_open_or_fail(NULL);
		_cleanup_(taken_freep) struct taken *taken = taken_new(t);
		struct xdptap_interface found = { .size = sizeof(found) };

		(void)tap_attach_or_fail(t, interface, XDPTAP_XDP);
		(void)tap_attach_or_fail(t, interface, XDPTAP_TC_EGRESS);
		g_assert_cmpint(xdptap_set_filter(t, 0, NULL, 0, 9), ==, 0);
		veth_send(interface, i, 1);
		taken_wait(taken, 1);
		g_assert_cmpint(xdptap_query("nowhere", 0, &found), ==, -ENODEV);
		g_assert_nonnull(strstr(xdptap_error(NULL)->text, "nowhere"));
		g_assert_cmpint(xdptap_end(t, take, taken), >=, 0);
		xdptap_close(t);
	}
	return NULL;
}

static void test_threads(void)
{
	GThread *one, *other;

	one = g_thread_new("near", use_taps, (void *)"near");
	other = g_thread_new("far", use_taps, (void *)"far");
	g_thread_join(one);
	g_thread_join(other);
}

/* Which descriptors are open, up to the number 255; the rest is beyond this test. */
static unsigned int list_descriptors(bool is_open[256])
{
	unsigned int n = 0;

	for (int fd = 0; fd < 256; fd++) {
		is_open[fd] = fcntl(fd, F_GETFD) >= 0;
		n += is_open[fd];
	}
	return n;
}

/* Each is closed by exec, and all of them by the end. */
static void test_descriptors(void)
{
	bool before[256], during[256], after[256];
	unsigned int n;
	struct xdptap *t;

	n = list_descriptors(before);
	t = tap_on_near(XDPTAP_XDP);
	(void)tap_attach_or_fail(t, "near", XDPTAP_TC_EGRESS);
	g_assert_cmpuint(list_descriptors(during), >, n + 4);
	for (int fd = 0; fd < 256; fd++)
		if (during[fd] && !before[fd])
			g_assert_cmpint(fcntl(fd, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
	xdptap_close(t);
	g_assert_cmpuint(list_descriptors(after), ==, n);
}

static int application(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level, (void)format, (void)args;
	g_string_append(said, "application");
	return 0;
}

static void drop_capabilities(uint64_t dropped)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	must(syscall(SYS_capget, &header, data) == 0);
	for (int i = 0; i < 2; i++)
		data[i].effective &= ~(uint32_t)(dropped >> 32 * i);
	must(syscall(SYS_capset, &header, data) == 0);
}

/* Nothing on stderr or stdout; libbpf's messages in the log; the application's stay its own. */
static void say_something(struct xdptap *t)
{
	const struct xdptap_target target = { .size = sizeof(target),
					      .interface = "near",
					      .point = XDPTAP_TC_INGRESS };
	int fd = memfd_create("output", 0);

	must(dup2(fd, 1) == 1 && dup2(fd, 2) == 2);
	libbpf_set_print(application);
	drop_capabilities(BIT(CAP_BPF) | BIT(CAP_SYS_ADMIN));
	must(xdptap_attach(t, &target, NULL) == -EPERM);
	must(strstr(xdptap_error(t)->text, "CAP_BPF is missing") != NULL);
	must(strstr(said->str, "libbpf: ") != NULL && said->str[said->len - 1] == '\n');
	must(strstr(said->str, "application") == NULL);
	must(libbpf_set_print(NULL) == application);
	must(lseek(fd, 0, SEEK_END) == 0);
}

static void refuse_open(struct xdptap *unused)
{
	struct xdptap *t = (struct xdptap *)1;
	uint64_t missing;

	(void)unused;
	drop_capabilities(BIT(CAP_BPF) | BIT(CAP_PERFMON) | BIT(CAP_NET_ADMIN) |
			  BIT(CAP_SYS_ADMIN));
	must(xdptap_open(NULL, &t) == -EPERM);
	must(t == (struct xdptap *)1);
	must(xdptap_error(NULL)->code == -EPERM);
	must(strstr(xdptap_error(NULL)->text,
		    "CAP_NET_ADMIN, CAP_BPF and CAP_PERFMON are missing") != NULL);
	must(xdptap_capabilities(XDPTAP_XDP, &missing) == missing);
	must(missing == (BIT(CAP_BPF) | BIT(CAP_PERFMON) | BIT(CAP_NET_ADMIN)));
	must(xdptap_capabilities(XDPTAP_TRACE, &missing) & BIT(CAP_SYS_ADMIN));
	must(xdptap_check_filter(NULL, 0, NULL) == 0);
}

/* Exactly these capabilities are enough. */
static void capture_with_few(struct xdptap *unused)
{
	static const enum xdptap_point points[] = { XDPTAP_AUTO, XDPTAP_XDP, XDPTAP_TC_INGRESS,
						    XDPTAP_TC_EGRESS };
	const struct xdptap_target promiscuous = { .size = sizeof(promiscuous),
						   .interface = "near",
						   .flags = XDPTAP_PROMISCUOUS };
	struct xdptap *t = NULL;
	uint64_t missing;

	(void)unused;
	for (size_t i = 0; i < G_N_ELEMENTS(points); i++) {
		drop_capabilities(~xdptap_capabilities(points[i], NULL));
		must(xdptap_capabilities(points[i], &missing) && missing == 0);
		must(xdptap_open(NULL, &t) == 0);
		must(tap_attach_or_fail(t, "near", points[i]) == 0);
		xdptap_close(t);
	}
	must(xdptap_capabilities((enum xdptap_point)99, &missing) == 0 && missing == 0);
	must(xdptap_open(NULL, &t) == 0);
	must(xdptap_attach(t, &promiscuous, NULL) == -EPERM);
	must(strstr(xdptap_error(t)->text, "CAP_NET_RAW") != NULL);
	xdptap_close(t);
}

static void query_without_any(struct xdptap *unused)
{
	struct xdptap_interface i = { .size = sizeof(i) };

	(void)unused;
	drop_capabilities(UINT64_MAX);
	must(xdptap_query("near", 0, &i) == 0);
	must(i.points & 1u << XDPTAP_TC_INGRESS);
	must(i.program_id && !*i.program_name); /* asking for the name requires privilege */
}

static void test_output(void)
{
	struct xdptap_config config = { .size = sizeof(config), .log = keep };
	struct xdptap *t;

	config.user = said = g_string_new(NULL);
	caller = gettid();
	t = tap_open_or_fail(&config);
	in_child(refuse_open, NULL);
	in_child(capture_with_few, NULL);
	(void)tap_attach_or_fail(t, "near", XDPTAP_XDP);
	in_child(query_without_any, NULL);
	g_assert_cmpstr(said->str, ==, "");
	(void)tap_attach_or_fail(t, "near", XDPTAP_AUTO); /* in use: it says what it does instead */
	g_assert_nonnull(strstr(said->str, "XDP program"));
	g_assert_cmpint(said->str[said->len - 1], ==, '\n');
	xdptap_close(t);
	caller = 0;
	g_string_free(said, true);
}

/* A process that opens one itself, with few privileges. */
static void open_and_say(struct xdptap *unused)
{
	struct xdptap_config config = { .size = sizeof(config), .log = keep };
	struct xdptap *t;

	(void)unused;
	config.user = said = g_string_new(NULL);
	t = tap_open_or_fail(&config);
	say_something(t);
}

static void test_libbpf(void)
{
	if (veth_begin())
		in_child(open_and_say, NULL);
}

#ifdef COUNT_ALLOCATIONS
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
static _Thread_local unsigned long allocations;

/* Also what the library calls. */
void *malloc(size_t size)
{
	allocations++;
	return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	allocations++;
	return __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	allocations++;
	return __libc_realloc(p, size);
}

static int count(void *user, const struct xdptap_frame *frames, size_t n)
{
	(void)frames;
	*(size_t *)user += n;
	return 0;
}

static void test_allocations(void)
{
	struct xdptap *t;
	size_t n = 0;

	t = tap_on_near(XDPTAP_AUTO);
	veth_send("far", 0, 1000);
	allocations = 0;
	while (n < 1000)
		g_assert_cmpint(xdptap_drain(t, count, &n), >=, 0);
	g_assert_cmpuint(allocations, ==, 0);
	xdptap_close(t);
	xdptap_close(tap_open_or_fail(NULL));
	g_assert_cmpuint(allocations, >, 0);
}
#endif

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	veth_test("/library/fork", test_fork);
	veth_test("/library/surviving-child", test_surviving_child);
	veth_test("/library/killed", test_killed);
	veth_test("/library/two-taps-two-interfaces", test_two_taps_two_interfaces);
	veth_test("/library/threads", test_threads);
	veth_test("/library/descriptors", test_descriptors);
	veth_test("/library/output", test_output);
	veth_test("/library/libbpf", test_libbpf);
#ifdef COUNT_ALLOCATIONS
	veth_test("/library/allocations", test_allocations);
#endif
	return g_test_run();
}
