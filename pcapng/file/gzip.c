/* SPDX-License-Identifier: MIT */
/*
 * gzip.c - compressed files: members that follow each other
 *
 * The only file that knows zlib.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "pcapng/format.h"
#include "pcapng/file/gzip.h"
#include "pcapng/file/recover.h"

/* zlib: 15 is the largest window, 16 more mean gzip's header and checksum. */
#define WINDOW_BITS (15 + 16)

struct gzip {
	z_stream stream;
	struct memory member;
};

int gzip_new(int level, struct gzip **ret)
{
	struct gzip *z = calloc(1, sizeof(*z));

	if (!z)
		return -ENOMEM;
	if (deflateInit2(&z->stream, level, Z_DEFLATED, WINDOW_BITS, 9, Z_DEFAULT_STRATEGY) !=
	    Z_OK) {
		free(z);
		return level < 1 || level > 9 ? -EINVAL : -ENOMEM;
	}
	*ret = z;
	return 0;
}

void gzip_free(struct gzip *z)
{
	if (!z)
		return;
	deflateEnd(&z->stream);
	memory_done(&z->member);
	free(z);
}

int gzip_pack(struct gzip *z, const void *data, size_t len, const struct memory **ret)
{
	struct memory *member = &z->member;
	int r;

	deflateReset(&z->stream);
	r = memory_reserve(member, deflateBound(&z->stream, len));
	if (r < 0)
		return r;
	z->stream.next_in = (Bytef *)data;
	z->stream.avail_in = len;
	z->stream.next_out = member->data;
	z->stream.avail_out = member->size;
	if (deflate(&z->stream, Z_FINISH) != Z_STREAM_END)
		return -EIO;
	member->len = member->size - z->stream.avail_out;
	*ret = member;
	return 0;
}

bool gzip_is_one(int fd)
{
	uint8_t magic[2];

	return pread(fd, magic, sizeof(magic), 0) == sizeof(magic) && magic[0] == 0x1f &&
	       magic[1] == 0x8b;
}

struct reader {
	int fd;
	uint64_t at; /* of the byte after `in` */
	z_stream stream;
	uint8_t in[65536];
};

/* NULL: no memory. */
static struct reader *reader_new(int fd)
{
	struct reader *r = calloc(1, sizeof(*r));

	if (r && inflateInit2(&r->stream, WINDOW_BITS) != Z_OK) {
		free(r);
		return NULL;
	}
	if (r)
		r->fd = fd;
	return r;
}

static void reader_free(struct reader *r)
{
	inflateEnd(&r->stream);
	free(r);
}

/* Z_OK, Z_STREAM_END: a member ended; any other: here the file ends or is wrong. */
static int reader_step(struct reader *r, void *data, size_t n)
{
	ssize_t got;

	if (!r->stream.avail_in) {
		got = pread(r->fd, r->in, sizeof(r->in), r->at);
		if (got <= 0)
			return Z_BUF_ERROR;
		r->at += got;
		r->stream.next_in = r->in;
		r->stream.avail_in = got;
	}
	r->stream.next_out = data;
	r->stream.avail_out = n;
	return inflate(&r->stream, Z_NO_FLUSH);
}

size_t gzip_read_start(int fd, void *data, size_t n)
{
	struct reader *r = reader_new(fd);
	size_t len = 0;
	int z = Z_OK;

	if (!r)
		return 0;
	/* Nothing of ours needs as much: a stream may have any number of blocks without content. */
	while (z == Z_OK && len < n && r->at < 4 * sizeof(r->in) + n) {
		z = reader_step(r, (uint8_t *)data + len, n - len);
		if (z == Z_OK || z == Z_STREAM_END)
			len = n - r->stream.avail_out;
	}
	reader_free(r);
	return len;
}

int gzip_find_end(int fd, const atomic_bool *stop, uint64_t *ret_end)
{
	struct reader *r;
	uint32_t type = 0;
	uint8_t out[65536];
	int z = Z_OK;

	*ret_end = 0;
	if (gzip_read_start(fd, &type, sizeof(type)) < sizeof(type) || type != PCAPNG_BLOCK_SHB)
		return -EINVAL;
	r = reader_new(fd);
	if (!r)
		return -ENOMEM;
	while ((z == Z_OK || z == Z_STREAM_END)) {
		if (recover_is_stopped(stop)) {
			reader_free(r);
			return -EINTR;
		}
		z = reader_step(r, out, sizeof(out));
		if (z == Z_STREAM_END) {
			*ret_end = r->at - r->stream.avail_in;
			inflateReset(&r->stream);
		}
	}
	reader_free(r);
	return *ret_end ? 0 : -EINVAL;
}
