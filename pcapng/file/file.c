/* SPDX-License-Identifier: MIT */
/*
 * file.c - one capture file: starts as NAME.part, ends as NAME, complete at any time
 *
 * write(2) may accept less than it is given and fail later, usually on a full disk. The file then
 * ends within a block. It is truncated after the last complete one, and only that much is reported
 * as written, so that the writer keeps the rest and may offer it again. recover.c knows the format.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pcapng/file/file.h"
#include "pcapng/file/recover.h"
#include "pcapng/symlink.h"

/* [linux/magic.h] ext2, ext3, ext4; XFS */
#define MAGIC_EXT     0xef53
#define MAGIC_XFS     0x58465342
#define LOCK_TRIES    100
#define LOCK_RETRY_US 1000

void file_part_name(const char *name, char out[NAME_MAX + 1])
{
	size_t len = strnlen(name, NAME_MAX - strlen(".part"));

	memcpy(out, name, len);
	stpcpy(out + len, ".part");
}

static bool is_there(int folder, const char *name)
{
	struct stat st;

	return fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Tells recovery that the file is in use; not every file system has locks. A recovery that holds the
 * lock is done soon. */
static void lock(int fd)
{
	for (int i = 0; i < LOCK_TRIES; i++)
		if (flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK ||
		    usleep(LOCK_RETRY_US) < 0)
			return;
}

/* True: before we had the lock, a recovery took the empty file for an orphan. */
static bool is_deleted(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_nlink == 0;
}

/* Overrides the umask and an existing file's mode; devices and other users' files stay as they are. */
static void set_mode(int fd, mode_t mode)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
	    (st.st_mode & 07777) != mode)
		(void)fchmod(fd, mode);
}

int file_begin(struct file *f, int folder, const char *name, bool single, mode_t mode)
{
	int flags = O_RDWR | O_CREAT | O_CLOEXEC | (single ? 0 : O_EXCL | O_NOFOLLOW);
	mode_t new_mode = mode ? mode : 0640;
	char part[NAME_MAX + 1];
	int r;

	file_part_name(name, part);
	if (!single && is_there(folder, name))
		return -EEXIST;
	/* No recovery looks at a single file, which may be a device, or have no name any more. */
	for (f->fd = -1; f->fd < 0 || (!single && is_deleted(f->fd));) {
		if (f->fd >= 0)
			close(f->fd);
		r = single ? symlink_open(folder, name, flags, new_mode)
			   : openat(folder, part, flags, new_mode);
		f->fd = r < 0 ? -1 : r;
		if (r < 0)
			return single ? r : -errno;
		if (!single)
			lock(f->fd);
	}
	if (mode)
		set_mode(f->fd, mode);
	*f = (struct file){ .fd = f->fd, .folder = folder, .is_fresh = single, .single = single };
	stpcpy(f->name, name);
	return 0;
}

void file_allow_direct(struct file *f, bool always)
{
	struct statfs fs;
	struct stat st;

	f->can_direct = fstat(f->fd, &st) == 0 && S_ISREG(st.st_mode) &&
			(always || (fstatfs(f->fd, &fs) == 0 &&
				    (fs.f_type == MAGIC_EXT || fs.f_type == MAGIC_XFS)));
}

/* Buffered reads and writes need neither alignment nor whole sectors. */
static int set_direct(struct file *f, bool direct)
{
	int flags = direct == f->is_direct ? 0 : fcntl(f->fd, F_GETFL);

	if (direct == f->is_direct)
		return 0;
	if (flags < 0 || fcntl(f->fd, F_SETFL, direct ? flags | O_DIRECT : flags & ~O_DIRECT) < 0)
		return -errno;
	f->is_direct = direct;
	return 0;
}

/* Skips `n` bytes of the list. */
static void skip(struct iovec **iov, int *iovcnt, size_t n)
{
	while (*iovcnt > 0 && n >= (*iov)->iov_len) {
		n -= (*iov)->iov_len;
		++*iov;
		--*iovcnt;
	}
	if (n > 0) {
		(*iov)->iov_base = (char *)(*iov)->iov_base + n;
		(*iov)->iov_len -= n;
	}
}

/* An existing file is replaced when there is something to write; a device is not truncated. */
static int replace_content(struct file *f)
{
	struct stat st;

	if (fstat(f->fd, &st) < 0 || (S_ISREG(st.st_mode) && ftruncate(f->fd, 0) < 0))
		return -errno;
	f->is_fresh = false;
	return 0;
}

/* Writes until done or failed: 0 or -errno; f->size counts what is in the file. */
static int write_out(struct file *f, struct iovec *iov, int iovcnt)
{
	int r = f->is_fresh ? replace_content(f) : 0;

	while (r == 0 && iovcnt > 0) {
		ssize_t n = writev(f->fd, iov, iovcnt);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		f->size += n;
		skip(&iov, &iovcnt, n);
	}
	return r;
}

int file_truncate(struct file *f, uint64_t end)
{
	f->is_torn = ftruncate(f->fd, end) < 0;
	if (f->is_torn || lseek(f->fd, end, SEEK_SET) < 0)
		return -errno;
	f->size = end;
	return 0;
}

/* Truncates after the last complete block that follows `start`; 0 or -errno. */
static int cut_back(struct file *f, uint64_t start)
{
	uint64_t end;
	int r = recover_end_after(f->fd, start, &end);

	return r < 0 ? r : file_truncate(f, end);
}

ssize_t file_write(struct file *f, const struct iovec *iov, int iovcnt)
{
	struct iovec copy[1024]; /* IOV_MAX; skip() changes it */
	uint64_t start = f->size;
	int r, cut;

	memcpy(copy, iov, iovcnt * sizeof(*iov));
	r = write_out(f, copy, iovcnt);
	if (r < 0) {
		cut = f->size > start ? cut_back(f, start) : 0;
		if (cut < 0)
			return cut;
		if (f->size == start)
			return r;
	}
	return f->size - start;
}

int file_append(struct file *f, const void *data, size_t len)
{
	struct iovec iov = { (void *)data, len };
	uint64_t start = f->size;
	int r = write_out(f, &iov, 1);

	int cut = r < 0 && f->size > start ? file_truncate(f, start) : 0;

	return cut < 0 ? cut : r;
}

/* The sectors that the part fills. -EINVAL: not on this file system. */
static int put_sectors(struct file *f, const struct file_part *part)
{
	uint64_t from = f->size & ~(uint64_t)(FILE_ALIGN - 1);
	uint64_t end = (part->at + part->len) & ~(uint64_t)(FILE_ALIGN - 1);
	int r = f->is_fresh ? replace_content(f) : 0;

	if (r == 0)
		r = set_direct(f, true);
	while (r == 0 && from < end) {
		ssize_t n = pwrite(f->fd, part->data + (from - part->at), end - from, from);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		from += n;
		if (from > f->size)
			f->size = from;
		if (from % FILE_ALIGN) /* there is no room for more: the page cache tells why */
			break;
	}
	f->passed_on = f->size;
	return r;
}

static bool is_aligned(const struct file_part *part)
{
	return !((uintptr_t)part->data % FILE_ALIGN) && !(part->at % FILE_ALIGN);
}

/* Puts back what file_hold() took out. */
static int put_torn(struct file *f)
{
	int r = f->torn.len ? file_append(f, f->torn.data, f->torn.len) : 0;

	if (r == 0)
		memory_reset(&f->torn);
	return r;
}

int file_put(struct file *f, const struct file_part *part, bool direct)
{
	uint64_t end = part->at + part->len;
	struct iovec rest;
	int r;

	if (direct && f->can_direct && is_aligned(part) && !f->torn.len) {
		r = put_sectors(f, part);
		f->can_direct &= r != -EINVAL;
		if (r < 0 && r != -EINVAL)
			return r;
		if (r == 0 && f->size >= (end & ~(uint64_t)(FILE_ALIGN - 1)))
			return 0;
	}
	r = set_direct(f, false);
	if (r == 0)
		r = put_torn(f);
	if (r < 0 || f->size >= end)
		return r;
	if (lseek(f->fd, f->size, SEEK_SET) < 0 && errno != ESPIPE)
		return -errno;
	rest = (struct iovec){ (void *)(part->data + (f->size - part->at)), end - f->size };
	return write_out(f, &rest, 1);
}

int file_hold(struct file *f)
{
	uint64_t end, size = f->size;
	int r = set_direct(f, false);

	if (r < 0 || size == f->boundary)
		return r;
	r = recover_end_after(f->fd, f->boundary, &end);
	if (r == 0)
		r = memory_reserve(&f->torn, size - end);
	if (r < 0 || end == size)
		return r;
	if (pread(f->fd, f->torn.data, size - end, end) != (ssize_t)(size - end))
		return -EIO;
	r = file_truncate(f, end);
	if (r == 0)
		f->torn.len = size - end;
	return r;
}

int file_pass_on(struct file *f)
{
	uint64_t from = f->passed_on, n = f->size - from;

	f->passed_on = f->size;
	if (sync_file_range(f->fd, from, n,
			    SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
				    SYNC_FILE_RANGE_WAIT_AFTER) < 0)
		/* Not every file has pages to write. */
		return errno == EIO || errno == ENOSPC || errno == EDQUOT ? -errno : 0;
	(void)posix_fadvise(f->fd, from, n, POSIX_FADV_DONTNEED);
	return 0;
}

size_t file_stem(const char *name)
{
	size_t len = strlen(name), end = len;

	if (len > 3 && !strcmp(name + len - 3, ".gz"))
		end -= 3;
	for (size_t i = end; i > 1; i--)
		if (name[i - 1] == '.')
			return i - 1;
	return end < len ? end : len;
}

#ifndef RENAME_NOREPLACE /* musl has neither this nor renameat2() */
#define RENAME_NOREPLACE 1
#endif

/*
 * Renames without ever replacing: with the flag, else by link(2). Some file systems have neither
 * (vfat, exFAT, 9p, many of FUSE, some of NFS): there, all that can be done is to look first.
 */
static int rename_noreplace(int folder, const char *from, const char *to)
{
	if (syscall(SYS_renameat2, folder, from, folder, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	if (linkat(folder, from, folder, to, 0) == 0)
		return unlinkat(folder, from, 0) < 0 ? -errno : 0;
	if (errno == EEXIST || is_there(folder, to))
		return -EEXIST;
	return renameat(folder, from, folder, to) < 0 ? -errno : 0;
}

/* "cap.pcapng", 2: "cap-2.pcapng". */
static void number_name(const char *name, unsigned int n, char out[NAME_MAX + 1])
{
	size_t stem = file_stem(name);

	snprintf(out, NAME_MAX + 1, "%.*s-%u%s", (int)stem, name, n, name + stem);
}

int file_rename(int folder, const char *from, char to[NAME_MAX + 1])
{
	char other[NAME_MAX + 1];
	int r = rename_noreplace(folder, from, to);

	for (unsigned int n = 2; r == -EEXIST && n < 1000; n++) {
		number_name(to, n, other);
		r = rename_noreplace(folder, from, other);
		if (r == 0)
			stpcpy(to, other);
	}
	return r;
}

int file_end(struct file *f, bool sync)
{
	char part[NAME_MAX + 1];
	int r = 0;

	if (sync && fdatasync(f->fd) < 0)
		r = -errno;
	file_part_name(f->name, part);
	if (!f->single) {
		int named = file_rename(f->folder, part, f->name);

		r = r < 0 ? r : named;
	}
	if (close(f->fd) < 0 && r == 0)
		r = -errno;
	f->fd = -1;
	memory_done(&f->torn);
	f->torn = (struct memory){ 0 };
	if (sync)
		(void)fsync(f->folder); /* the name itself; not every file system can */
	return r;
}

void file_discard(struct file *f)
{
	char part[NAME_MAX + 1];

	file_part_name(f->name, part);
	(void)unlinkat(f->folder, part, 0);
	file_abandon(f);
}

void file_abandon(struct file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	memory_done(&f->torn);
	f->torn = (struct memory){ 0 };
}
