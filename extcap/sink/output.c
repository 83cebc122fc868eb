/* SPDX-License-Identifier: MIT */
/*
 * Opening and feeding the output. The delicate part is Wireshark's FIFO: it is there before its
 * reader is, the reader may never come, and it must not be created, only opened.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "extcap/system/cleanup.h"
#include "extcap/system/error.h"
#include "extcap/sink/output.h"

#define READER_RETRY_US 2000
#define REFUSE_MS	5000	/* dumpcap comes within 25 ms, or not at all */
#define PIPE_SIZE	1048576 /* what an unprivileged process may ask for by default */

/* open(2) of a FIFO for writing does not wait with O_NONBLOCK: ENXIO says that nobody reads yet. */
static int open_fifo(const char *path, const bool *is_cancelled)
{
	int fd = -1;

	while (!*is_cancelled) {
		fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
		if (fd >= 0 || (errno != ENXIO && errno != EINTR))
			break;
		g_usleep(READER_RETRY_US);
		while (g_main_context_iteration(NULL, false))
			;
	}
	return fd;
}

static int open_file(struct output *o, const char *path, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);

	if (fd >= 0)
		o->made = g_strdup(path);
	else if (errno == EEXIST)
		fd = open(path, O_WRONLY | O_CLOEXEC);
	o->is_old = !o->made;
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

bool output_open(struct output *o, const char *path, mode_t mode, const bool *is_cancelled,
		 GError **error)
{
	bool is_stdout = g_str_equal(path, "-");
	struct stat st = { 0 };
	int r = is_stdout ? fstat(STDOUT_FILENO, &st) : stat(path, &st);

	*o = (struct output)OUTPUT_CLOSED;
	if (is_stdout && isatty(STDOUT_FILENO))
		return fail_usage(error,
				  "standard output is a terminal; send it to a pipe or file");
	o->is_pipe = S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode);
	if (is_stdout)
		o->fd = open_stdout(o->is_pipe);
	else if (r == 0 && S_ISFIFO(st.st_mode))
		o->fd = open_fifo(path, is_cancelled);
	else
		o->fd = open_file(o, path, mode);
	if (o->fd < 0 && !*is_cancelled)
		return fail_errno(error, errno, "cannot write to \"%s\"", path);
	if (o->fd >= 0 && S_ISFIFO(st.st_mode))
		(void)fcntl(o->fd, F_SETPIPE_SZ, PIPE_SIZE); /* faster and steadier, not needed */
	return true;
}

bool output_is_file(const char *path)
{
	struct stat st;

	return !g_str_equal(path, "-") && !(stat(path, &st) == 0 && S_ISFIFO(st.st_mode));
}

static gboolean give_up(void *is_cancelled)
{
	*(bool *)is_cancelled = true;
	return G_SOURCE_CONTINUE;
}

void output_refuse(const char *path)
{
	bool is_cancelled = false;
	guint timeout = g_timeout_add(REFUSE_MS, give_up, &is_cancelled);
	struct stat st;
	int fd = -1;

	if (stat(path, &st) == 0 && S_ISFIFO(st.st_mode))
		fd = open_fifo(path, &is_cancelled);
	if (fd >= 0)
		close(fd);
	g_source_remove(timeout);
}

bool output_begin(struct output *o, GError **error)
{
	struct stat st;

	g_clear_pointer(&o->made, g_free);
	if (o->is_old && fstat(o->fd, &st) == 0 && S_ISREG(st.st_mode) && ftruncate(o->fd, 0) < 0)
		return fail_errno(error, errno, "cannot empty the output file");
	o->is_old = false;
	return true;
}

ssize_t output_write(void *user, const struct iovec *iov, int n)
{
	struct output *o = user;
	ssize_t r = writev(o->fd, iov, n);

	if (r < 0)
		return -errno;
	o->taken += (uint64_t)r;
	return r;
}

/* Where in the file our first byte is: standard output may have begun anywhere. */
static off_t start_of(const struct output *o)
{
	return lseek(o->fd, 0, SEEK_CUR) - (off_t)o->taken;
}

int output_open_reader(const struct output *o, uint64_t *ret_start)
{
	g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", o->fd);
	struct stat st;

	if (fstat(o->fd, &st) < 0 || !S_ISREG(st.st_mode) || start_of(o) < 0)
		return -1;
	*ret_start = (uint64_t)start_of(o);
	return open(path, O_RDONLY | O_CLOEXEC);
}

void output_cut(struct output *o, uint64_t size)
{
	struct stat st;

	if (fstat(o->fd, &st) == 0 && S_ISREG(st.st_mode) && start_of(o) >= 0)
		(void)ftruncate(o->fd, start_of(o) + (off_t)size);
}

bool output_wait(const struct output *o, int timeout_ms)
{
	struct pollfd p = { .fd = o->fd, .events = POLLOUT };

	return poll(&p, 1, timeout_ms) == 1 && !(p.revents & (POLLERR | POLLNVAL));
}

bool output_close(struct output *o, GError **error)
{
	int r = o->fd >= 0 ? close(steal_fd(&o->fd)) : 0;

	if (o->made)
		(void)unlink(o->made);
	g_clear_pointer(&o->made, g_free);
	return r == 0 || fail_errno(error, errno, "cannot finish the output file");
}
