/* SPDX-License-Identifier: MIT */
/* machine.c - a machine whose clocks can be set and whose disk can fail */
#include <errno.h>
#include <glib/gstdio.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "pcapng/file/file.h"
#include "pcapng/file/gzip.h"
#include "tests/pcapng/files/machine.h"

/* How long one waits for another at most. */
#define PAIR_S 30

int __real_clock_gettime(clockid_t id, struct timespec *ts);
int __wrap_clock_gettime(clockid_t id, struct timespec *ts);
time_t __wrap_time(time_t *ret);
ssize_t __real_writev(int fd, const struct iovec *iov, int iovcnt);
ssize_t __wrap_writev(int fd, const struct iovec *iov, int iovcnt);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __real_syncfs(int fd);
int __wrap_syncfs(int fd);
int __real_close(int fd);
int __wrap_close(int fd);

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *user),
			  void *user);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *user),
			  void *user);
int __real_posix_memalign(void **ret, size_t alignment, size_t size);
int __wrap_posix_memalign(void **ret, size_t alignment, size_t size);
uint8_t *__real_pages_new(size_t size);
uint8_t *__wrap_pages_new(size_t size);
void __real_pages_free(uint8_t *pages, size_t size);
void __wrap_pages_free(uint8_t *pages, size_t size);
int __real_sync_file_range(int fd, off_t from, off_t n, unsigned int flags);
int __wrap_sync_file_range(int fd, off_t from, off_t n, unsigned int flags);
ssize_t __wrap_pwrite(int fd, const void *data, size_t n, off_t at);
int __wrap_ftruncate(int fd, off_t end);
int __real_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set);
int __wrap_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set);
int __real_gzip_pack(struct gzip *z, const void *data, size_t len, const struct memory **ret);
int __wrap_gzip_pack(struct gzip *z, const void *data, size_t len, const struct memory **ret);
int __wrap_ftruncate64(int fd, off_t end);
ssize_t __wrap_pwrite64(int fd, const void *data, size_t n, off_t at);

_Atomic int64_t wall_s;
_Atomic int64_t passed_ms;
_Atomic unsigned int writes, syncs, fs_syncs;
_Atomic int write_error, sync_error, close_error, range_error, truncate_error;
_Atomic bool has_no_threads;
_Atomic uint64_t buffer_bytes, pages_bytes;
_Atomic int n_processors;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool stalls;
static unsigned int stalled;
static uint64_t room = UINT64_MAX;
static int room_error;
static unsigned int pairs_left, n_paired;
static bool waits_for_other, waited_in_vain;

void machine_set_room(uint64_t bytes, int error)
{
	pthread_mutex_lock(&lock);
	room = bytes;
	room_error = error;
	pthread_mutex_unlock(&lock);
}

static void set_stalls(bool on)
{
	pthread_mutex_lock(&lock);
	stalls = on;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

void machine_stall(void)
{
	set_stalls(true);
}

void machine_release(void)
{
	set_stalls(false);
}

void machine_wait_stalled(void)
{
	pthread_mutex_lock(&lock);
	while (!stalled)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

/* Waits while the disk stands still; then takes up to `n` bytes of its room. 0: there is none. */
static size_t take_room(size_t n, size_t step)
{
	pthread_mutex_lock(&lock);
	stalled++;
	pthread_cond_broadcast(&changed);
	while (stalls)
		pthread_cond_wait(&changed, &lock);
	stalled--;
	if (n > room)
		n = room / step * step;
	if (room != UINT64_MAX)
		room -= n;
	errno = room_error;
	pthread_mutex_unlock(&lock);
	return n;
}

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

/* No more than `n` bytes of them. */
static ssize_t write_some(int fd, const struct iovec *iov, int iovcnt, size_t n)
{
	ssize_t done = 0;

	for (int i = 0; i < iovcnt && n; i++) {
		size_t len = iov[i].iov_len < n ? iov[i].iov_len : n;
		ssize_t r = write(fd, iov[i].iov_base, len);

		if (r < 0)
			return done ? done : r;
		done += r;
		n -= len;
	}
	return done;
}

ssize_t __wrap_writev(int fd, const struct iovec *iov, int iovcnt)
{
	size_t len = 0, n;

	for (int i = 0; i < iovcnt; i++)
		len += iov[i].iov_len;
	writes++;
	n = take_room(len, 1);
	if (write_error)
		errno = write_error;
	if (write_error || (len && !n))
		return -1;
	return n < len ? write_some(fd, iov, iovcnt, n) : __real_writev(fd, iov, iovcnt);
}

/* Direct I/O: whole sectors. */
ssize_t __wrap_pwrite64(int fd, const void *data, size_t n, off_t at)
{
	writes++;
	n = take_room(n, FILE_ALIGN);
	if (write_error)
		errno = write_error;
	return write_error || !n ? -1 : syscall(SYS_pwrite64, fd, data, n, at);
}

ssize_t __wrap_pwrite(int fd, const void *data, size_t n, off_t at)
{
	return __wrap_pwrite64(fd, data, n, at);
}

int __wrap_sync_file_range(int fd, off_t from, off_t n, unsigned int flags)
{
	if (range_error) {
		errno = range_error;
		return -1;
	}
	return __real_sync_file_range(fd, from, n, flags);
}

int __wrap_ftruncate64(int fd, off_t end)
{
	if (truncate_error) {
		errno = truncate_error;
		return -1;
	}
	return (int)syscall(SYS_ftruncate, fd, end);
}

int __wrap_ftruncate(int fd, off_t end)
{
	return __wrap_ftruncate64(fd, end);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *user),
			  void *user)
{
	return has_no_threads ? EAGAIN : __real_pthread_create(thread, attr, run, user);
}

int __wrap_posix_memalign(void **ret, size_t alignment, size_t size)
{
	buffer_bytes += (size + alignment - 1) / alignment * alignment;
	return __real_posix_memalign(ret, alignment, size);
}

static size_t whole_pages(size_t size)
{
	return (size + FILE_ALIGN - 1) / FILE_ALIGN * FILE_ALIGN;
}

uint8_t *__wrap_pages_new(size_t size)
{
	buffer_bytes += whole_pages(size);
	pages_bytes += whole_pages(size);
	return __real_pages_new(size);
}

void __wrap_pages_free(uint8_t *pages, size_t size)
{
	pages_bytes -= pages ? whole_pages(size) : 0;
	__real_pages_free(pages, size);
}

int __wrap_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set)
{
	if (!n_processors)
		return __real_sched_getaffinity(pid, size, set);
	CPU_ZERO_S(size, set);
	for (int cpu = 0; cpu < n_processors; cpu++)
		CPU_SET_S((size_t)cpu, size, set);
	return 0;
}

void machine_pack_in_pairs(unsigned int n)
{
	pthread_mutex_lock(&lock);
	pairs_left = n;
	waited_in_vain = false;
	pthread_mutex_unlock(&lock);
}

bool machine_packed_in_pairs(void)
{
	bool yes;

	pthread_mutex_lock(&lock);
	yes = !pairs_left && !waited_in_vain;
	pthread_mutex_unlock(&lock);
	return yes;
}

/* The lock is held. */
static void wait_for_other(void)
{
	unsigned int before = n_paired;
	struct timespec end;

	__real_clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += PAIR_S;
	waits_for_other = true;
	while (before == n_paired && !waited_in_vain)
		waited_in_vain = pthread_cond_timedwait(&changed, &lock, &end) != 0;
	waits_for_other = false;
	if (waited_in_vain)
		pairs_left = 0;
}

int __wrap_gzip_pack(struct gzip *z, const void *data, size_t len, const struct memory **ret)
{
	pthread_mutex_lock(&lock);
	if (pairs_left && waits_for_other) {
		waits_for_other = false;
		pairs_left--;
		n_paired++;
		pthread_cond_broadcast(&changed);
	} else if (pairs_left) {
		wait_for_other();
	}
	pthread_mutex_unlock(&lock);
	return __real_gzip_pack(z, data, len, ret);
}

int __wrap_fdatasync(int fd)
{
	syncs++;
	(void)take_room(0, 1);
	if (sync_error) {
		errno = sync_error;
		return -1;
	}
	return __real_fdatasync(fd);
}

int __wrap_syncfs(int fd)
{
	fs_syncs++;
	return __real_syncfs(fd);
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

/* Mounts are ours alone. */
static bool can_mount(void)
{
	static bool done;

	done = done || (unshare(CLONE_NEWNS) == 0 &&
			mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	return done;
}

static bool skip_mount(struct capture *c)
{
	g_test_skip("no permission to mount a small disk");
	capture_tear_down(c);
	return false;
}

bool mount_small(struct capture *c)
{
	capture_set_up(c);
	return (can_mount() && mount("tmpfs", c->folder, "tmpfs", 0, "size=1m") == 0) ||
	       skip_mount(c);
}

bool mount_ext4(struct capture *c, unsigned int megabytes)
{
	g_autofree char *command = NULL, *image = NULL;
	int status = 1;

	capture_set_up(c);
	image = g_strdup_printf("%s.ext4", c->folder);
	command = g_strdup_printf("sh -c 'truncate -s %uM %s && mkfs.ext4 -q -F %s && "
				  "mount -o loop %s %s && rmdir %s/lost+found'",
				  megabytes, image, image, image, c->folder, c->folder);
	if (!can_mount() || !g_spawn_command_line_sync(command, NULL, NULL, &status, NULL) ||
	    status != 0) {
		g_unlink(image);
		return skip_mount(c);
	}
	g_unlink(image); /* the loop device has it open */
	return true;
}

void unmount_small(struct capture *c)
{
	umount2(c->folder, MNT_DETACH);
	capture_tear_down(c);
}
