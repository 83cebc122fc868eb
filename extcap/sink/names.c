/* SPDX-License-Identifier: MIT */
/*
 * A queue of lines for a descriptor that does not block. Standard output and standard error are shared with
 * other processes, which do not expect them to become non-blocking, so we open a pipe or terminal again for
 * ourselves; where that is impossible, we ask poll(2) first and write little.
 *
 * A FIFO without a reader cannot be opened (ENXIO), and a reader may leave (EPIPE), so a FIFO is opened again
 * whenever there is something to write.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "extcap/sink/names.h"
#include "extcap/system/cleanup.h"
#include "extcap/system/error.h"
#include "extcap/system/gsource.h"
#include "extcap/system/path.h"

#define RETRY_MS 100

struct names {
	int fd;		/* -1: a FIFO that nobody reads */
	char *fifo;	/* its path; NULL: not a FIFO */
	bool is_shared; /* standard output or error itself: not ours to close */
	GQueue lines;	/* of char *: each with its newline */
	size_t sent;	/* bytes of the first line */
	guint64 n_dropped;
	GSource *retry;
};

static bool is_stream(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode));
}

/* A file opened again would have an offset of its own. */
static void open_standard(struct names *n, int fd)
{
	g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);

	if (is_stream(fd))
		n->fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	n->is_shared = n->fd < 0;
	if (n->is_shared)
		n->fd = fd;
}

static bool is_fifo(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISFIFO(st.st_mode);
}

static bool open_path(struct names *n, const char *path)
{
	n->fifo = is_fifo(path) ? g_strdup(path) : NULL;
	if (n->fifo)
		n->fd = path_open_fifo(path, O_WRONLY);
	else
		n->fd = path_open(path,
				  O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
				  0666);
	return n->fd >= 0 || (n->fifo && errno == ENXIO);
}

static bool has_room(const struct names *n)
{
	struct pollfd p = { .fd = n->fd, .events = POLLOUT };

	return poll(&p, 1, 0) == 1 && p.revents & (POLLOUT | POLLERR | POLLHUP);
}

/* The reader of a FIFO has left. The next one gets this line from its start. */
static void lose_reader(struct names *n)
{
	close(steal_fd(&n->fd));
	n->sent = 0;
}

/* Writes part of the first line; true if it is complete. A pipe accepts all of it or nothing. */
static bool write_line(struct names *n, const char *line)
{
	size_t left = strlen(line) - n->sent;
	ssize_t r;

	if (n->fd < 0)
		n->fd = path_open_fifo(n->fifo, O_WRONLY);
	if (n->fd < 0 || !has_room(n))
		return false;
	r = write(n->fd, line + n->sent, MIN(left, PIPE_BUF));
	if (r < 0 && errno == EPIPE && n->fifo)
		lose_reader(n);
	n->sent += (size_t)MAX(r, 0);
	return (size_t)MAX(r, 0) == left;
}

static void write_lines(struct names *n)
{
	while (!g_queue_is_empty(&n->lines) && write_line(n, g_queue_peek_head(&n->lines))) {
		g_free(g_queue_pop_head(&n->lines));
		n->sent = 0;
	}
	gsource_set_ms(n->retry, g_queue_is_empty(&n->lines) ? -1 : RETRY_MS);
}

static gboolean on_retry(void *user)
{
	write_lines(user);
	return G_SOURCE_CONTINUE;
}

struct names *names_open(const char *to, GError **error)
{
	struct names *n = g_new0(struct names, 1);

	n->fd = -1;
	g_queue_init(&n->lines);
	n->retry = gsource_add(on_retry, n);
	if (g_str_equal(to, "-") || g_str_equal(to, "stdout"))
		open_standard(n, STDOUT_FILENO);
	else if (g_str_equal(to, "stderr"))
		open_standard(n, STDERR_FILENO);
	else if (!open_path(n, to)) {
		fail_errno(error, errno, "cannot write the names of files to \"%s\"", to);
		names_close(n, 0);
		return NULL;
	}
	return n;
}

void names_add(struct names *n, const char *name)
{
	if (g_queue_get_length(&n->lines) < NAMES_WAITING_MAX)
		g_queue_push_tail(&n->lines, g_strconcat(name, "\n", NULL));
	else
		n->n_dropped++;
	write_lines(n);
}

guint64 names_close(struct names *n, int wait_ms)
{
	gint64 end = g_get_monotonic_time() + (gint64)wait_ms * 1000;
	guint64 missing;

	if (!n)
		return 0;
	for (write_lines(n); !g_queue_is_empty(&n->lines) && g_get_monotonic_time() < end;
	     write_lines(n))
		g_usleep(RETRY_MS / 10 * 1000);
	missing = n->n_dropped + g_queue_get_length(&n->lines);
	g_source_destroy(n->retry);
	g_queue_clear_full(&n->lines, g_free);
	if (!n->is_shared)
		close_fdp(&n->fd);
	g_free(n->fifo);
	g_free(n);
	return missing;
}
