/* SPDX-License-Identifier: MIT */
/*
 * The engine with a fake tap: how captures begin, change and end, and that the books close however
 * they end. Each runs in a process and a network namespace of its own, as it gives up its privileges.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "extcap/capture/capture.h"
#include "fake-tap.h"
#include "pcapng/format.h"

#define SKIPPED 77

struct result {
	bool is_ok;
	char *message; /* of the error, or NULL */
	unsigned int n_counts;
	struct count counts[4];
	uint64_t written;
	struct reconfigure *reconfigure;
	GString *failures; /* of changes */
};

static struct config config;
static char *folder;	/* for the output */
static int requests[2]; /* a pipe to the parent, which may do what the sandbox forbids */
static struct result result;
static bool is_child; /* of Wireshark */

static bool run_ip(const char *arguments)
{
	g_autofree char *command = g_strconcat("ip ", arguments, NULL);
	int status;

	return g_spawn_command_line_sync(command, NULL, NULL, &status, NULL) && status == 0;
}

/* A cable between near and far, in a network namespace that ends with this process. */
static void set_up(void)
{
	int flags = geteuid() == 0 ? CLONE_NEWNET : CLONE_NEWUSER | CLONE_NEWNET;

	if (unshare(flags) < 0 || !run_ip("link add near type veth peer name far") ||
	    !run_ip("link set near up") || !run_ip("link set far up"))
		exit(SKIPPED);
	options_init(&config);
	config.output = g_build_filename(folder, "out.pcapng", NULL);
	g_ptr_array_add(config.interfaces, g_strdup("near"));
	fake_tap = (struct fake_tap){ .n_frames = 1000, .batch = 64 };
	result.failures = g_string_new(NULL);
}

static void on_started(const GPtrArray *names, struct reconfigure *reconfigure, void *user)
{
	g_assert_cmpuint(names->len, ==, 1);
	g_assert_cmpstr(names->pdata[0], ==, "near");
	result.reconfigure = reconfigure;
}

static void on_ended(const struct capture_status *status, void *user)
{
	g_assert_cmpuint(status->n, <=, G_N_ELEMENTS(result.counts));
	result.n_counts = status->n;
	memcpy(result.counts, status->counts, status->n * sizeof(*status->counts));
	result.written = status->written;
}

static void request(char what)
{
	g_assert_cmpint(write(requests[1], &what, 1), ==, 1);
}

static void interrupt(void)
{
	request('i');
}

/* seen = filtered out + written + lost by cause, for the tap's numbers and ours. */
static void check_books(void)
{
	uint64_t seen = 0, accepted = 0, kernel_seen = 0, kernel_accepted = 0, written = 0;

	for (unsigned int i = 0; i < result.n_counts; i++) {
		const struct count *c = &result.counts[i];

		g_assert_cmpuint(c->accepted, ==, c->written + count_lost(c));
		g_assert_cmpuint(c->seen, >=, c->accepted);
		seen += c->seen;
		accepted += c->accepted;
		written += c->written;
	}
	for (unsigned int i = 0; i < fake_tap.n_slots; i++) {
		kernel_seen += fake_tap.slots[i].stats.seen;
		kernel_accepted += fake_tap.slots[i].stats.accepted;
	}
	g_assert_cmpuint(written, ==, result.written);
	if (!config.count) {
		g_assert_cmpuint(seen, ==, kernel_seen);
		g_assert_cmpuint(accepted, ==, kernel_accepted);
	}
}

/* One that comes after the end does not kill. */
static bool is_harmless(int number)
{
	struct sigaction now;

	return sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

static void run(void)
{
	const struct capture_front_end front_end = {
		.reconfigures = true,
		.is_child = is_child,
		.started = on_started,
		.ended = on_ended,
	};
	g_autoptr(GError) error = NULL;

	result.is_ok = capture_run(&config, &front_end, &error);
	g_assert_true(is_harmless(SIGUSR1) && is_harmless(SIGUSR2));
	g_assert_true(is_harmless(SIGTERM) == is_child);
	result.message = error ? g_strdup(error->message) : NULL;
	g_assert_false(fake_tap.is_open);
	check_books();
}

/* Packets in the file, which must be complete to its last block. */
static unsigned int packets_in_file(void)
{
	g_autofree char *data = NULL;
	unsigned int packets = 0;
	uint32_t head[2];
	gsize len;

	g_assert_true(g_file_get_contents(config.output, &data, &len, NULL));
	for (gsize at = 0; at < len; at += head[1]) {
		g_assert_cmpuint(len - at, >=, sizeof(head));
		memcpy(head, data + at, sizeof(head));
		g_assert_cmpuint(head[1], <=, len - at);
		packets += head[0] == PCAPNG_BLOCK_EPB;
	}
	return packets;
}

/* The files cannot be removed here, where all privileges are given up. */
static void clean_up(void)
{
	g_free(result.message);
	g_string_free(result.failures, true);
	options_done(&config);
}

static void all_frames(void)
{
	fake_tap.idle = interrupt;
	fake_tap.lose_every = 10;
	run();
	g_assert_true(result.is_ok);
	g_assert_cmpuint(result.written, ==, 900);
	g_assert_cmpuint(result.counts[0].lost_ring, ==, 100);
	g_assert_cmpuint(packets_in_file(), ==, 900);
}

static void frames_left_in_the_rings(void)
{
	fake_tap.n_kept_back = 300;
	fake_tap.invalid = 7;
	fake_tap.idle = interrupt;
	run();
	g_assert_cmpuint(result.written, ==, 1000);
	g_assert_cmpuint(result.counts[0].lost_invalid, ==, 7);
	g_assert_cmpuint(packets_in_file(), ==, 1000);
}

/* What arrives after the end is neither captured nor lost. */
static void count(void)
{
	config.count = 10;
	fake_tap.n_kept_back = 300;
	run();
	g_assert_true(result.is_ok);
	g_assert_cmpuint(result.counts[0].seen, ==, 10);
	g_assert_cmpuint(count_lost(&result.counts[0]), ==, 0);
	g_assert_cmpuint(packets_in_file(), ==, 10);
}

static void child(void)
{
	is_child = true;
	fake_tap.idle = interrupt;
	run();
	g_assert_cmpuint(result.written, ==, 1000);
}

static void filter(void)
{
	config.filter = g_strdup("ether proto 0x88b5 and ether[14] = 0");
	fake_tap.idle = interrupt;
	run();
	g_assert_cmpuint(result.counts[0].seen, ==, 1000);
	g_assert_cmpuint(result.written, ==,
			 4); /* of 1000 numbers, those that end with a zero byte */
	g_assert_cmpuint(packets_in_file(), ==, 4);
}

static void filter_is_wrong(void)
{
	config.filter = g_strdup("no such words");
	run();
	g_assert_false(result.is_ok);
	g_assert_nonnull(strstr(result.message, "no such words"));
	g_assert_cmpint(access(config.output, F_OK), <, 0);
}

/* A file that was there is not harmed by a capture that cannot begin. */
static void attach_fails(void)
{
	static const int errors[] = { -EBUSY, -ENODEV, -EOPNOTSUPP, -E2BIG, -ENOSYS, -EINVAL };

	for (size_t i = 0; i < G_N_ELEMENTS(errors); i++) {
		g_assert_true(g_file_set_contents(config.output, "dear", 4, NULL));
		config.point = 1; /* xdp, the first of points[] */
		fake_tap.attach_error = errors[i];
		run();
		g_assert_false(result.is_ok);
		g_assert_nonnull(strstr(result.message, errors[i] == -E2BIG || errors[i] == -ENOSYS
								? "kernel"
								: "near"));
		g_clear_pointer(&result.message, g_free);
	}
	g_assert_cmpuint(fake_tap.n_slots, ==, 0);
	{
		g_autofree char *data = NULL;

		g_assert_true(g_file_get_contents(config.output, &data, NULL, NULL));
		g_assert_cmpstr(data, ==, "dear");
	}
}

static void disappear(void)
{
	for (unsigned int i = 0; i < fake_tap.n_slots; i++)
		fake_tap.slots[i].is_gone = true;
	request('d');
}

static void interface_is_deleted(void)
{
	fake_tap.idle = disappear;
	run();
	g_assert_false(result.is_ok);
	g_assert_nonnull(strstr(result.message, "near"));
	g_assert_cmpuint(packets_in_file(), ==, 1000);
}

/* The file fails within a block: what is in it counts as written, and nothing else. */
static void file_may_not_grow(void)
{
	const struct rlimit limit = { .rlim_cur = 100001, .rlim_max = RLIM_INFINITY };

	g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &limit), ==, 0);
	fake_tap.n_frames = 100000;
	fake_tap.n_kept_back = 50000;
	fake_tap.idle = interrupt;
	run();
	g_assert_false(result.is_ok);
	g_assert_nonnull(strstr(result.message, g_strerror(EFBIG)));
	g_assert_cmpuint(result.written, >, 100);
	g_assert_cmpuint(result.written, ==, packets_in_file());
	g_assert_cmpuint(result.counts[0].lost_backlog, ==, 100000 - result.written);
}

/* The number that is told is the number in the file; all others are lost to the output. */
static void disk_is_full(void)
{
	g_autofree char *path = g_path_get_dirname(config.output);

	g_assert_cmpint(unshare(CLONE_NEWNS), ==, 0);
	g_assert_cmpint(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), ==, 0);
	g_assert_cmpint(mount("none", path, "tmpfs", 0, "size=300k"), ==, 0);
	fake_tap.n_frames = 20000;
	fake_tap.n_kept_back = 5000;
	fake_tap.idle = interrupt;
	run();
	g_assert_false(result.is_ok);
	g_assert_nonnull(strstr(result.message, "full"));
	g_assert_cmpuint(result.written, >, 0);
	g_assert_cmpuint(result.written + result.counts[0].lost_backlog +
				 result.counts[1].lost_backlog,
			 ==, 20000);
	g_assert_cmpuint(packets_in_file(), ==, result.written);
}

static void disk_is_full_from_the_start(void)
{
	g_free(config.output);
	config.output = g_strdup("/dev/full");
	run();
	g_assert_false(result.is_ok);
	g_assert_nonnull(strstr(result.message, "full"));
	g_assert_cmpuint(result.n_counts, ==, 0); /* it has not begun */
	g_free(config.output);
	config.output = g_strdup("/nowhere/at/all");
}

static void on_failed(void *user, const char *message)
{
	g_string_append_printf(result.failures, "%s\n", message);
}

static void after_change(void)
{
	for (unsigned int i = 0; i < fake_tap.n_slots; i++)
		g_assert_cmpuint(fake_tap.slots[i].n_changes, ==, 1);
	interrupt();
}

static void wait_for_change(void)
{
	bool is_done = true;

	for (unsigned int i = 0; i < fake_tap.n_slots; i++)
		is_done &= fake_tap.slots[i].n_changes == 1;
	if (is_done)
		fake_tap_add_frames(1000, after_change);
	else
		fake_tap.idle = wait_for_change;
}

static void change_filter(void)
{
	reconfigure_set_filter(result.reconfigure, "ether proto 0x88b6");
	fake_tap.idle = wait_for_change;
}

/* No frame of the second thousand matches the new filter; all of them were seen. */
static void filter_is_changed(void)
{
	fake_tap.idle = change_filter;
	run();
	g_assert_true(result.is_ok);
	g_assert_cmpuint(result.written, ==, 1000);
	g_assert_cmpuint(result.counts[0].seen, ==, 2000);
	g_assert_cmpuint(packets_in_file(), ==, 1000);
}

static void wait_for_failure(void)
{
	if (!result.failures->len) {
		fake_tap.idle = wait_for_failure;
		return;
	}
	fake_tap.filter_error = 0;
	fake_tap_add_frames(1000, interrupt);
}

static void fail_to_change(void)
{
	reconfigure_listen(result.reconfigure, on_failed, NULL);
	fake_tap.filter_error = -ENOMEM;
	reconfigure_set_filter(result.reconfigure, "no such words");
	reconfigure_set_filter(result.reconfigure, "ether proto 0x88b6");
	fake_tap.idle = wait_for_failure;
}

/* The previous state comes back: all frames are captured. */
static void change_fails(void)
{
	fake_tap.idle = fail_to_change;
	run();
	g_assert_true(result.is_ok);
	g_assert_cmpuint(result.written, ==, 2000);
}

static void run_in_child(void (*function)(void))
{
	g_log_set_always_fatal(G_LOG_FATAL_MASK); /* a capture may warn */
	set_up();
	function();
	clean_up();
	exit(0);
}

static void remove_folder(void)
{
	g_autofree char *file = g_build_filename(folder, "out.pcapng", NULL);

	unlink(file);
	rmdir(folder);
	g_clear_pointer(&folder, g_free);
}

/* "i": the user types ^C; "d": the administrator takes the interface down. */
static void serve(pid_t child, char what)
{
	g_autofree char *command =
		g_strdup_printf("nsenter --target %d --net %s ip link set near down", (int)child,
				geteuid() ? "--user --preserve-credentials" : "");

	if (what == 'i')
		kill(child, SIGINT);
	else
		g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
}

static void run_case(const void *user)
{
	void (*const *function)(void) = user;
	int status;
	char what;
	pid_t child;

	folder = g_dir_make_tmp("test-capture-XXXXXX", NULL);
	g_assert_nonnull(folder);
	g_assert_cmpint(pipe(requests), ==, 0);
	child = fork();
	if (child == 0)
		run_in_child(*function);
	close(requests[1]);
	while (read(requests[0], &what, 1) == 1)
		serve(child, what);
	close(requests[0]);
	g_assert_cmpint(waitpid(child, &status, 0), ==, child);
	remove_folder();
	if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED && geteuid() != 0)
		g_test_skip("needs network namespaces");
	else
		g_assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

#define ADD(function)                                                                              \
	do {                                                                                       \
		static void (*const pointer)(void) = function;                                     \
		g_test_add_data_func("/capture/" #function, &pointer, run_case);                   \
	} while (0)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD(all_frames);
	ADD(frames_left_in_the_rings);
	ADD(child);
	ADD(count);
	ADD(filter);
	ADD(filter_is_wrong);
	ADD(attach_fails);
	ADD(interface_is_deleted);
	ADD(file_may_not_grow);
	ADD(disk_is_full);
	ADD(disk_is_full_from_the_start);
	ADD(filter_is_changed);
	ADD(change_fails);
	return g_test_run();
}
