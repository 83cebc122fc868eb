/* SPDX-License-Identifier: MIT */
/*
 * A stopped terminal (Ctrl-S) and a full pipe block a write(2). We must not set O_NONBLOCK on standard
 * error itself, because the shell and other processes share it. So we open it again for ourselves;
 * where that is impossible, we ask poll(2) first and write little.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "extcap/terminal/console.h"

static int own_fd = -1; /* -1: standard error itself */

/* Standard output is opened read-only, so that "-w -" fails instead of vanishing. */
static void fill_standard_descriptors(void)
{
	static const int flags[] = { O_RDONLY, O_RDONLY, O_WRONLY };

	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			(void)!open("/dev/null", flags[fd]); /* the lowest free one: fd */
}

void console_init(void)
{
	struct stat st;

	fill_standard_descriptors();
	/* A file opened again would have an offset of its own. */
	if (fstat(STDERR_FILENO, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)))
		own_fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

void console_print(const char *text, int wait_ms)
{
	gint64 end = g_get_monotonic_time() + (gint64)wait_ms * 1000;
	struct pollfd p = { .fd = own_fd >= 0 ? own_fd : STDERR_FILENO, .events = POLLOUT };
	size_t left = strlen(text);

	while (left) {
		gint64 left_ms = (end - g_get_monotonic_time()) / 1000;
		ssize_t n;

		if (poll(&p, 1, (int)MAX(left_ms, 0)) != 1 || !(p.revents & POLLOUT))
			return;
		n = write(p.fd, text, MIN(left, PIPE_BUF));
		if (n < 0 && (errno != EAGAIN || left_ms <= 0))
			return;
		text += MAX(n, 0);
		left -= (size_t)MAX(n, 0);
	}
}

/* Prints, and begins no new line: GLib counts the two separators among the printable characters. */
static bool is_harmless(gunichar c)
{
	return (g_unichar_isprint(c) && c != 0x2028 && c != 0x2029) || c == 0xFFFD;
}

char *console_text(const char *text)
{
	g_autofree char *valid = g_utf8_make_valid(text, -1);
	GString *safe = g_string_new(NULL);

	for (const char *p = valid; *p; p = g_utf8_next_char(p)) {
		gunichar c = g_utf8_get_char(p);

		g_string_append_unichar(safe, is_harmless(c) ? c : '?');
	}
	return g_string_free(safe, false);
}
