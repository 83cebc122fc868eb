/* SPDX-License-Identifier: MIT */
/* Standard error that is full, stopped or closed, and texts with control characters. */
#include <fcntl.h>
#include <glib.h>
#include <pty.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "extcap/terminal/console.h"

#define WAIT_MS	   200
#define DEADLINE_S 5

/* Prints in a child with this standard error (-1: closed); a print that blocks ends by SIGALRM. */
static void check(int stderr_fd, int wait_ms)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		alarm(DEADLINE_S);
		if (stderr_fd >= 0)
			dup2(stderr_fd, STDERR_FILENO);
		else
			close(STDERR_FILENO);
		console_init();
		for (int i = 0; i < 3; i++)
			console_print("\rPackets: 1", wait_ms);
		_exit(fcntl(STDERR_FILENO, F_GETFD) < 0);
	}
	g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
	g_assert_cmpint(status, ==, 0);
}

static void test_full_pipe(void)
{
	char bytes[4096] = "";
	int fds[2];

	g_assert_cmpint(pipe(fds), ==, 0);
	g_assert_cmpint(fcntl(fds[1], F_SETPIPE_SZ, sizeof(bytes)), >=, (int)sizeof(bytes));
	g_assert_cmpint(fcntl(fds[1], F_SETFL, O_NONBLOCK), ==, 0);
	while (write(fds[1], bytes, sizeof(bytes)) > 0)
		;
	g_assert_cmpint(fcntl(fds[1], F_SETFL, 0), ==, 0);
	check(fds[1], 0);
	check(fds[1], WAIT_MS);
	close(fds[0]);
	close(fds[1]);
}

/* Ctrl-S. */
static void test_stopped_terminal(void)
{
	int terminal, end;

	g_assert_cmpint(openpty(&terminal, &end, NULL, NULL, NULL), ==, 0);
	g_assert_cmpint(write(terminal, "\x13", 1), ==, 1);
	check(end, 0);
	check(end, WAIT_MS);
	close(terminal);
	close(end);
}

static void test_closed(void)
{
	check(-1, 0);
}

static void test_pipe(void)
{
	char bytes[64] = "";
	int fds[2];

	g_assert_cmpint(pipe(fds), ==, 0);
	check(fds[1], 0);
	g_assert_cmpint(read(fds[0], bytes, sizeof(bytes) - 1), ==, 3 * 11);
	g_assert_true(g_str_has_prefix(bytes, "\rPackets: 1\rPackets: 1"));
	close(fds[0]);
	close(fds[1]);
}

static void check_text(const char *text, const char *expected)
{
	g_autofree char *safe = console_text(text);

	g_assert_cmpstr(safe, ==, expected);
}

static void test_text(void)
{
	check_text("eth0 ü →", "eth0 ü →");
	check_text("a\x1b[31mb\n\tc\x7f", "a?[31mb??c?");
	check_text("a\xc2\x9b"
		   "31m",
		   "a?31m"); /* CSI in 8 bits, as UTF-8 */
	check_text("a\x9b"
		   "31m",
		   "a\xef\xbf\xbd"
		   "31m"); /* and as a byte */
	check_text("a\xe2\x80\xae"
		   "b",
		   "a?b"); /* text that turns round */
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/console/full-pipe", test_full_pipe);
	g_test_add_func("/console/stopped-terminal", test_stopped_terminal);
	g_test_add_func("/console/closed", test_closed);
	g_test_add_func("/console/pipe", test_pipe);
	g_test_add_func("/console/text", test_text);
	return g_test_run();
}
