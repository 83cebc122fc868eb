/* SPDX-License-Identifier: MIT */
/*
 * The toolbar against a scripted Wireshark, many captures one after the other with a fake tap:
 * Wireshark opens the control pipe early or late, some captures fail to start, and none of that harms
 * the next one. Each capture runs in a process of its own, as it gives up its privileges.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "extcap/capture/fake-tap.h"
#include "extcap/system/log.h"
#include "extcap/wireshark/toolbar.h"

#ifdef __SANITIZE_THREAD__ /* ten times slower */
#define ROUNDS 40
#else
#define ROUNDS 60 /* a thousand with XDPTAP_TESTS_LONG=1 */
#endif
#define TIMEOUT_MS 30000
#define SKIPPED	   77

enum { FILTER, DIRECTION, PAUSE, LOG }; /* the controls, in the order of the toolbar */

struct wireshark {
	char *folder;
	char *to, *from, *capture; /* FIFOs: to the toolbar, from it, and frames */
	int to_fd, from_fd, capture_fd;
	struct control_parser parser;
	GString *texts; /* all that the toolbar said: "command:text\n" */
	pid_t child;
	bool is_patient; /* waits for the log, which comes twice a second */
};

static bool run_ip(const char *arguments)
{
	g_autofree char *command = g_strconcat("ip ", arguments, NULL);
	int status;

	return g_spawn_command_line_sync(command, NULL, NULL, &status, NULL) && status == 0;
}

static char *make_fifo(const char *folder, const char *name)
{
	char *path = g_build_filename(folder, name, NULL);

	g_assert_cmpint(mkfifo(path, 0600), ==, 0);
	return path;
}

static void wireshark_init(struct wireshark *w)
{
	*w = (struct wireshark){ .to_fd = -1, .texts = g_string_new(NULL) };
	w->folder = g_dir_make_tmp("test-toolbar-XXXXXX", NULL);
	g_assert_nonnull(w->folder);
	w->to = make_fifo(w->folder, "to");
	w->from = make_fifo(w->folder, "from");
	w->capture = make_fifo(w->folder, "capture");
	w->from_fd = open(w->from, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	w->capture_fd = open(w->capture, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
}

static void wireshark_done(struct wireshark *w)
{
	char *const paths[] = { w->to, w->from, w->capture };
	const int fds[] = { w->to_fd, w->from_fd, w->capture_fd };

	for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		unlink(paths[i]);
		g_free(paths[i]);
	}
	rmdir(w->folder);
	g_free(w->folder);
	g_string_free(w->texts, true);
}

static void run_capture(const struct wireshark *w, int attach_error)
{
	char *argv[] = { NULL };
	struct control *control = control_open(w->to, w->from);
	g_autoptr(GError) error = NULL;
	struct config config;
	bool ok;

	g_log_set_always_fatal(G_LOG_FATAL_MASK);		/* a rejected filter is a warning */
	g_log_set_default_handler(g_log_default_handler, NULL); /* not that of g_test_init() */
	log_init();
	g_assert_true(log_open(NULL, LOG_INFO, argv, NULL));
	fake_tap = (struct fake_tap){ .attach_error = attach_error, .n_frames = 10 };
	options_init(&config);
	config.output = g_strdup(w->capture);
	g_ptr_array_add(config.interfaces, g_strdup("near"));
	ok = toolbar_run(control, &config, &error);
	control_free(control);
	options_done(&config);
	exit(ok ? 0 : 1);
}

static void start(struct wireshark *w, int attach_error)
{
	w->child = fork();
	if (w->child == 0)
		run_capture(w, attach_error);
}

/* As Wireshark does it: without waiting, again and again until the toolbar has opened its end. */
static void open_pipe(struct wireshark *w)
{
	gint64 end = g_get_monotonic_time() + TIMEOUT_MS * 1000;

	while (w->to_fd < 0 && g_get_monotonic_time() < end) {
		w->to_fd = open(w->to, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
		if (w->to_fd < 0)
			g_usleep(200);
	}
	g_assert_cmpint(w->to_fd, >=, 0);
}

static void say(const struct wireshark *w, uint8_t number, enum control_command command,
		const char *text)
{
	const struct control_message m = { number, (uint8_t)command, (const uint8_t *)text,
					   strlen(text) };
	uint8_t data[256];
	size_t len = control_format(data, sizeof(data), &m);

	g_assert_cmpint(write(w->to_fd, data, len), ==, len);
}

static void say_first_values(const struct wireshark *w)
{
	say(w, FILTER, CONTROL_SET, "");
	say(w, DIRECTION, CONTROL_SET, "both");
	say(w, FILTER, CONTROL_INITIALIZED, "");
}

static void on_message(void *user, const struct control_message *m)
{
	struct wireshark *w = user;

	g_string_append_printf(w->texts, "%u:%.*s\n", m->command, (int)m->len,
			       (const char *)m->payload);
}

static void wait_for(struct wireshark *w, const char *text)
{
	gint64 end = g_get_monotonic_time() + TIMEOUT_MS * 1000;
	uint8_t data[4096];
	ssize_t n;

	while (!strstr(w->texts->str, text)) {
		struct pollfd p = { .fd = w->from_fd, .events = POLLIN };

		if (g_get_monotonic_time() > end)
			g_error("still waiting for \"%s\" after \"%s\"", text, w->texts->str);
		(void)poll(&p, 1, 10);
		n = read(w->from_fd, data, sizeof(data));
		if (n > 0)
			control_parse(&w->parser, data, (size_t)n, on_message, w);
	}
}

static void end(struct wireshark *w, int expected)
{
	int status;

	g_assert_cmpint(waitpid(w->child, &status, 0), ==, w->child);
	g_assert_true(WIFEXITED(status));
	g_assert_cmpint(WEXITSTATUS(status), ==, expected);
}

/* Its values come back, a filter takes effect, a wrong one is refused. */
static void use(struct wireshark *w)
{
	say_first_values(w);
	wait_for(w, "1:both\n");
	say(w, FILTER, CONTROL_SET, "no such words");
	wait_for(w, "capture filter \"no such words\": ");
	say(w, FILTER, CONTROL_SET, "ether proto 0x88b6");
	if (w->is_patient)
		wait_for(w, "the change is in effect");
	kill(w->child, SIGINT);
}

static void early(struct wireshark *w)
{
	start(w, 0);
	open_pipe(w);
	use(w);
	end(w, 0);
}

static void wait_for_frames(const struct wireshark *w)
{
	struct pollfd p = { .fd = w->capture_fd, .events = POLLIN };

	g_assert_cmpint(poll(&p, 1, TIMEOUT_MS), ==, 1);
}

/* The capture runs already. */
static void late(struct wireshark *w)
{
	start(w, 0);
	wait_for_frames(w);
	open_pipe(w);
	use(w);
	end(w, 0);
}

/* What Wireshark writes at first is taken, or it believes that its toolbar is broken. */
static void failed(struct wireshark *w)
{
	start(w, -EOPNOTSUPP);
	open_pipe(w);
	g_usleep(1000);
	say_first_values(w);
	end(w, 1);
}

/* Wireshark is killed, or changes its mind. */
static void gone(struct wireshark *w)
{
	start(w, 0);
	wait_for_frames(w);
	open_pipe(w);
	close(w->to_fd);
	w->to_fd = -1;
	kill(w->child, SIGTERM);
	end(w, 0);
}

static void test_rounds(void)
{
	static void (*const kinds[])(struct wireshark * w) = { early,  failed, late,
							       failed, early,  gone };

	unsigned int rounds = g_getenv("XDPTAP_TESTS_LONG") ? 1000 : ROUNDS;

	for (unsigned int i = 0; i < rounds; i++) {
		struct wireshark w;

		wireshark_init(&w);
		w.is_patient = i % 50 == 0;
		kinds[i % G_N_ELEMENTS(kinds)](&w);
		wireshark_done(&w);
	}
}

int main(int argc, char **argv)
{
	int flags = geteuid() == 0 ? CLONE_NEWNET : CLONE_NEWUSER | CLONE_NEWNET;

	g_test_init(&argc, &argv, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (unshare(flags) < 0 || !run_ip("link add near type veth peer name far") ||
	    !run_ip("link set near up"))
		return SKIPPED;
	g_test_add_func("/toolbar/rounds", test_rounds);
	return g_test_run();
}
