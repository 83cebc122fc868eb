/* SPDX-License-Identifier: MIT */
/* machine.c - a machine whose clocks can be set and whose disk can fail */
#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <time.h>
#include <unistd.h>

#include "tests/pcapng/files/machine.h"

int __real_clock_gettime(clockid_t id, struct timespec *ts);
int __wrap_clock_gettime(clockid_t id, struct timespec *ts);
time_t __wrap_time(time_t *ret);
ssize_t __real_writev(int fd, const struct iovec *iov, int iovcnt);
ssize_t __wrap_writev(int fd, const struct iovec *iov, int iovcnt);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __real_close(int fd);
int __wrap_close(int fd);

int64_t wall_s;
int64_t passed_ms;
unsigned int writes, syncs;
int write_error, sync_error, close_error;

int __wrap_clock_gettime(clockid_t id, struct timespec *ts)
{
	int r = __real_clock_gettime(id, ts);

	ts->tv_sec += passed_ms / 1000 + (id == CLOCK_REALTIME ? wall_s : 0);
	ts->tv_nsec += passed_ms % 1000 * 1000000;
	ts->tv_sec += ts->tv_nsec / 1000000000;
	ts->tv_nsec %= 1000000000;
	return r;
}

time_t __wrap_time(time_t *ret)
{
	struct timespec now;

	__wrap_clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec;
}

ssize_t __wrap_writev(int fd, const struct iovec *iov, int iovcnt)
{
	writes++;
	if (write_error) {
		errno = write_error;
		return -1;
	}
	return __real_writev(fd, iov, iovcnt);
}

int __wrap_fdatasync(int fd)
{
	syncs++;
	if (sync_error) {
		errno = sync_error;
		return -1;
	}
	return __real_fdatasync(fd);
}

int __wrap_close(int fd)
{
	int r = __real_close(fd);

	if (close_error) {
		errno = close_error;
		return -1;
	}
	return r;
}

bool mount_small(struct capture *c)
{
	static bool done;

	capture_set_up(c);
	if ((done || unshare(CLONE_NEWNS) == 0) &&
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	    mount("tmpfs", c->folder, "tmpfs", 0, "size=1m") == 0) {
		done = true;
		return true;
	}
	g_test_skip("no permission to mount a small disk");
	capture_tear_down(c);
	return false;
}

void unmount_small(struct capture *c)
{
	umount2(c->folder, MNT_DETACH);
	capture_tear_down(c);
}
