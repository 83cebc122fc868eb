/* SPDX-License-Identifier: MIT */
/*
 * recover.c - where the last complete block of a file ends
 *
 * A crash leaves a file that ends within a block, or in zeros. The walk starts at the front: a block
 * is complete if its two lengths agree. The byte order is that of the section header before it. The
 * walk looks at three words of each block and trusts nothing else. A compressed file is truncated
 * after the last member whose checksum is right.
 */
#include <byteswap.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pcapng/files.h"
#include "pcapng/file/gzip.h"
#include "pcapng/file/recover.h"

static bool read_at(int fd, uint64_t offset, void *data, size_t n)
{
	return pread(fd, data, n, offset) == (ssize_t)n;
}

static uint32_t in_order(uint32_t v, bool swap)
{
	return swap ? bswap_32(v) : v;
}

/* Bytes per read. The fuzzers make it small, to reach its edges. */
#ifndef WINDOW_BYTES
#define WINDOW_BYTES (1u << 20)
#endif
/* Bytes synced per call before the final fsync(2). */
#define SYNC_BYTES (UINT64_C(8) << 20)

/* A buffer, because blocks may be as small as 12 bytes. */
struct window {
	int fd;
	uint64_t start; /* of data, in the file */
	size_t len;
	uint8_t data[WINDOW_BYTES];
};

/* `n` bytes at `at`; NULL: the file does not have them. Valid until the next call. */
static const uint8_t *window_get(struct window *w, uint64_t at, size_t n)
{
	size_t len = 0;

	if (at >= w->start && at + n <= w->start + w->len)
		return w->data + (at - w->start);
	while (len < n) {
		ssize_t got = pread(w->fd, w->data + len, sizeof(w->data) - len, at + len);

		if (got <= 0)
			break;
		len += got;
	}
	w->start = at;
	w->len = len;
	return len < n ? NULL : w->data;
}

/* True: the block's second length is `total` (in the file's byte order). */
static bool ends_with(struct window *w, uint64_t at, uint32_t total)
{
	uint32_t last;

	if (at + sizeof(last) <= w->start + w->len)
		memcpy(&last, w->data + (at - w->start), sizeof(last));
	else if (!read_at(w->fd, at, &last, sizeof(last)))
		return false;
	return last == total;
}

/* The length of the block at `at`, 0 if no complete one ends by `end`; `swap` by section. */
static uint64_t complete_block(struct window *w, uint64_t at, uint64_t end, bool *swap)
{
	const uint8_t *data = end - at < 12 ? NULL : window_get(w, at, 12);
	uint32_t head[3], total;

	if (!data)
		return 0;
	memcpy(head, data, sizeof(head));
	if (head[0] == PCAPNG_BLOCK_SHB) { /* the same in either byte order */
		*swap = head[2] == bswap_32(PCAPNG_MAGIC);
		if (!*swap && head[2] != PCAPNG_MAGIC)
			return 0;
	}
	total = in_order(head[1], *swap);
	if (total < sizeof(head) || total % 4 || total > end - at)
		return 0;
	return ends_with(w, at + total - 4, head[1]) ? total : 0;
}

static struct window *window_new(int fd)
{
	struct window *w = malloc(sizeof(*w));

	if (w) {
		w->fd = fd;
		w->start = 0;
		w->len = 0;
	}
	return w;
}

/* The end of the last complete block: 0, or -EINTR. */
static int walk(struct window *w, uint64_t size, const atomic_bool *stop, uint64_t *ret_end)
{
	uint64_t at = 0, n = 0;
	bool swap = false;

	do {
		at += n;
		/* Within the window, at most the end of a block is read. */
		if (at + 12 > w->start + w->len && recover_is_stopped(stop))
			return -EINTR;
		n = complete_block(w, at, size, &swap);
	} while (n > 0);
	*ret_end = at;
	return 0;
}

int recover_find_end(int fd, const atomic_bool *stop, uint64_t *ret_end, uint64_t *ret_size)
{
	uint32_t type;
	struct window *w;
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	*ret_size = st.st_size;
	if (gzip_is_one(fd))
		return gzip_find_end(fd, stop, ret_end);
	if (!read_at(fd, 0, &type, sizeof(type)) || type != PCAPNG_BLOCK_SHB)
		return -EINVAL;
	w = window_new(fd);
	if (!w)
		return -ENOMEM;
	r = walk(w, st.st_size, stop, ret_end);
	free(w);
	return r == 0 && *ret_end == 0 ? -EINVAL : r;
}

/* A block of ours in either byte order: the section header is not looked at. 0: none is complete. */
static uint64_t any_block(struct window *w, uint64_t at, uint64_t end, bool *ret_swap)
{
	bool same = false, other = true;
	uint64_t n = complete_block(w, at, end, &same);

	*ret_swap = n == 0 || same;
	return n ? n : complete_block(w, at, end, &other);
}

struct packets {
	void (*on_packet)(void *user, uint32_t interface); /* NULL: not asked for */
	void *user;
};

/* The block at `at`, which window_get() has just returned. */
static void tell_packet(struct window *w, uint64_t at, bool swap, const struct packets *p)
{
	const uint8_t *data = window_get(w, at, 12);
	uint32_t head[3];

	if (!p->on_packet || !data)
		return;
	memcpy(head, data, sizeof(head));
	if (in_order(head[0], swap) == PCAPNG_BLOCK_EPB)
		p->on_packet(p->user, in_order(head[2], swap));
}

static int walk_after(int fd, uint64_t from, const struct packets *packets, uint64_t *ret_end)
{
	struct window *w;
	struct stat st;
	uint64_t n = 0;
	bool swap;

	if (fstat(fd, &st) < 0)
		return -errno;
	w = window_new(fd);
	if (!w)
		return -ENOMEM;
	do {
		from += n;
		n = any_block(w, from, st.st_size, &swap);
		if (n)
			tell_packet(w, from, swap, packets);
	} while (n);
	free(w);
	*ret_end = from;
	return 0;
}

int recover_end_after(int fd, uint64_t from, uint64_t *ret_end)
{
	return walk_after(fd, from, &(struct packets){ 0 }, ret_end);
}

int recover_packets(int fd, uint64_t from, void (*on_packet)(void *user, uint32_t interface),
		    void *user)
{
	uint64_t end;

	return walk_after(fd, from, &(struct packets){ on_packet, user }, &end);
}

/* fsync(2) that can be interrupted: after a crash, gigabytes may be dirty. 0 or -errno. */
static int sync_file(int fd, uint64_t size, const atomic_bool *stop)
{
	const unsigned int flags = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
				   SYNC_FILE_RANGE_WAIT_AFTER;

	for (uint64_t at = 0; at < size; at += SYNC_BYTES) {
		if (recover_is_stopped(stop))
			return -EINTR;
		if (sync_file_range(fd, at, SYNC_BYTES, flags) < 0)
			break; /* fsync() returns the error */
	}
	return fsync(fd) < 0 ? -errno : 0;
}

int recover_fd(int fd, const atomic_bool *stop, uint64_t *ret_bytes)
{
	uint64_t end, size;
	int r = recover_find_end(fd, stop, &end, &size);

	if (r == 0 && end < size)
		r = ftruncate(fd, end) < 0 ? -errno : sync_file(fd, end, stop);
	if (r < 0)
		return r;
	*ret_bytes = end;
	return 0;
}

int pcapng_recover(const char *path, uint64_t *ret_bytes)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW), r;
	uint64_t bytes;

	if (fd < 0)
		return -errno;
	r = recover_fd(fd, NULL, &bytes);
	if (r == 0 && ret_bytes)
		*ret_bytes = bytes;
	close(fd);
	return r;
}
