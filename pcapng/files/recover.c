/* SPDX-License-Identifier: MIT */
/*
 * recover.c - where the last whole block of a file ends
 *
 * A crash leaves a file that ends within a block, or in zeros. It is walked from the front: a block
 * is whole if its two lengths agree. Byte order is that of the section header before it. The walk
 * reads twelve bytes of each block, never more than the file has, and believes nothing else. A
 * compressed file is cut behind the last member whose checksum is right.
 */
#include <byteswap.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pcapng/files.h"
#include "pcapng/files/gzip.h"
#include "pcapng/files/recover.h"

static bool read_at(int fd, uint64_t offset, void *data, size_t n)
{
	return pread(fd, data, n, offset) == (ssize_t)n;
}

static uint32_t in_order(uint32_t v, bool swap)
{
	return swap ? bswap_32(v) : v;
}

/* The length of the block at `at`, 0 if there is no whole one before `end`; `swap` by section. */
static uint64_t whole_block(int fd, uint64_t at, uint64_t end, bool *swap)
{
	uint32_t head[3], last, total;

	if (end - at < sizeof(head) || !read_at(fd, at, head, sizeof(head)))
		return 0;
	if (head[0] == PCAPNG_BLOCK_SHB) { /* the same in either byte order */
		*swap = head[2] == bswap_32(PCAPNG_MAGIC);
		if (!*swap && head[2] != PCAPNG_MAGIC)
			return 0;
	}
	total = in_order(head[1], *swap);
	if (total < sizeof(head) || total % 4 || total > end - at)
		return 0;
	if (!read_at(fd, at + total - sizeof(last), &last, sizeof(last)) || last != head[1])
		return 0;
	return total;
}

int recover_find_end(int fd, uint64_t *ret_end, uint64_t *ret_size)
{
	uint64_t at = 0, n;
	uint32_t type;
	bool swap = false;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	*ret_size = st.st_size;
	if (gzip_is_one(fd))
		return gzip_find_end(fd, ret_end);
	if (!read_at(fd, 0, &type, sizeof(type)) || type != PCAPNG_BLOCK_SHB)
		return -EINVAL;
	while ((n = whole_block(fd, at, st.st_size, &swap)) > 0)
		at += n;
	if (at == 0)
		return -EINVAL;
	*ret_end = at;
	return 0;
}

int recover_cut(int fd, uint64_t from, uint64_t *ret_end)
{
	uint64_t at = from, n;
	bool same = false, other = true;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	do {
		n = whole_block(fd, at, st.st_size, &same);
		if (!n)
			n = whole_block(fd, at, st.st_size, &other);
		at += n;
	} while (n);
	if (ftruncate(fd, at) < 0)
		return -errno;
	*ret_end = at;
	return 0;
}

int recover_fd(int fd, uint64_t *ret_bytes)
{
	uint64_t end, size;
	int r = recover_find_end(fd, &end, &size);

	if (r < 0)
		return r;
	if (end < size && (ftruncate(fd, end) < 0 || fsync(fd) < 0))
		return -errno;
	*ret_bytes = end;
	return 0;
}

int pcapng_recover(const char *path, uint64_t *ret_bytes)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW), r;
	uint64_t bytes;

	if (fd < 0)
		return -errno;
	r = recover_fd(fd, &bytes);
	if (r == 0 && ret_bytes)
		*ret_bytes = bytes;
	close(fd);
	return r;
}
