/* SPDX-License-Identifier: MIT */
/*
 * Opening and feeding an output. The delicate part is Wireshark's FIFO: it exists before its reader
 * opens it, the reader may never come, and it must not be created, only opened.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "extcap/system/cleanup.h"
#include "extcap/system/error.h"
#include "extcap/system/path.h"
#include "extcap/sink/output.h"

#define READER_RETRY_US 2000
#define IN_TIME_MS	5000	/* dumpcap comes within 25 ms, or not at all */
#define PIPE_SIZE	1048576 /* the most that an unprivileged process may ask for by default */

/* open(2) of a FIFO for writing does not wait with O_NONBLOCK: ENXIO says that nobody reads yet. */
static int open_fifo(const char *path, const bool *is_cancelled)
{
	int fd = -1;

	while (!*is_cancelled) {
		fd = path_open_fifo(path, O_WRONLY);
		if (fd >= 0 || (errno != ENXIO && errno != EINTR))
			break;
		g_usleep(READER_RETRY_US);
		while (g_main_context_iteration(NULL, false))
			;
	}
	return fd;
}

/*
 * Standard output may be shared with others, who would not expect it to become non-blocking: a
 * pipe is opened anew, for us alone.
 */
static int open_stdout(bool is_pipe)
{
	int fd = is_pipe ? open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_CLOEXEC) : -1;

	if (fd >= 0)
		return fd;
	fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	if (fd >= 0 && is_pipe)
		(void)fcntl(fd, F_SETFL, O_WRONLY | O_NONBLOCK);
	return fd;
}

static bool is_fifo(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISFIFO(st.st_mode);
}

static bool open_standard(struct output *o, GError **error)
{
	struct stat st = { 0 };

	if (isatty(STDOUT_FILENO))
		return fail_usage(error,
				  "standard output is a terminal; send it to a pipe or file");
	(void)fstat(STDOUT_FILENO, &st);
	o->is_pipe = S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode);
	o->fd = open_stdout(o->is_pipe);
	return o->fd >= 0 || fail_errno(error, errno, "cannot write to standard output");
}

bool output_open(struct output *o, const char *path, const bool *is_cancelled, GError **error)
{
	*o = (struct output)OUTPUT_CLOSED;
	if (g_str_equal(path, "-") && !open_standard(o, error))
		return false;
	if (o->fd < 0 && is_fifo(path)) {
		o->is_pipe = true;
		o->fd = open_fifo(path, is_cancelled);
		if (o->fd < 0 && !*is_cancelled)
			return fail_errno(error, errno, "cannot write to \"%s\"", path);
	}
	if (o->is_pipe && o->fd >= 0)
		(void)fcntl(o->fd, F_SETPIPE_SZ, PIPE_SIZE); /* faster and steadier, not needed */
	return true;
}

/* Overrides the umask and an existing file's mode; devices and other users' files stay as they are. */
static void set_mode(int fd, mode_t mode)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
	    (st.st_mode & 07777) != mode)
		(void)fchmod(fd, mode);
}

bool output_create(struct output *o, const char *path, mode_t mode, GError **error)
{
	*o = (struct output)OUTPUT_CLOSED;
	o->fd = path_open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	if (o->fd < 0)
		return fail_errno(error, errno, "cannot write to \"%s\"", path);
	set_mode(o->fd, mode);
	return true;
}

static gboolean give_up(void *is_cancelled)
{
	*(bool *)is_cancelled = true;
	return G_SOURCE_CONTINUE;
}

void output_open_in_time(struct output *o, const char *path)
{
	bool is_cancelled = false;
	guint timeout = g_timeout_add(IN_TIME_MS, give_up, &is_cancelled);

	*o = (struct output)OUTPUT_CLOSED;
	if (is_fifo(path))
		o->fd = open_fifo(path, &is_cancelled);
	o->is_pipe = o->fd >= 0;
	g_source_remove(timeout);
}

ssize_t output_write(void *user, const struct iovec *iov, int n)
{
	struct output *o = user;
	ssize_t r = writev(o->fd, iov, n);

	if (r < 0)
		return -errno;
	o->written += (uint64_t)r;
	return r;
}

/* Our first byte may be anywhere in a file: the shell, or >>, decides where standard output begins. */
void output_truncate(struct output *o, uint64_t size)
{
	off_t end = lseek(o->fd, 0, SEEK_CUR) - (off_t)(o->written - size);
	struct stat st;

	if (fstat(o->fd, &st) < 0 || !S_ISREG(st.st_mode) || ftruncate(o->fd, end) < 0)
		return;
	(void)lseek(o->fd, end, SEEK_SET);
	o->written = size;
}

bool output_wait(const struct output *o, int timeout_ms)
{
	struct pollfd p = { .fd = o->fd, .events = POLLOUT };

	return poll(&p, 1, timeout_ms) == 1 && !(p.revents & (POLLERR | POLLNVAL));
}

int output_unread(const struct output *o)
{
	struct pollfd p = { .fd = o->fd }; /* asks for nothing but POLLERR */
	int n;

	return poll(&p, 1, 0) == 0 && ioctl(o->fd, FIONREAD, &n) == 0 ? n : 0;
}

bool output_close(struct output *o, GError **error)
{
	int r = o->fd >= 0 ? close(steal_fd(&o->fd)) : 0;

	return r == 0 || fail_errno(error, errno, "cannot finish the output file");
}
