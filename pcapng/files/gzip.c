/* SPDX-License-Identifier: MIT */
/*
 * gzip.c - compresses blocks, in a thread of its own, on their way to a file
 *
 *	gzip_write() ─▶ slots: [full][full][being filled][free] ─▶ thread: deflate, append to the file
 *
 * The only file that knows zlib. `lock` guards all but the file and the stream: those are the
 * thread's while there is a full slot and no error, and nobody's else. A member that the file has no
 * room for stays, compressed, until it is tried again.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "pcapng/format.h"
#include "pcapng/files/gzip.h"
#include "pcapng/files/recover.h"
#include "pcapng/memory.h"

/* What goes into a member, and how many the caller may be ahead: with that much, 8 MiB of memory. */
#define MEMBER_BYTES (2u << 20)
#define SLOTS	     4
/* zlib: 15 is the largest window, 16 more mean gzip's header and checksum. */
#define WINDOW_BITS (15 + 16)

struct gzip {
	struct file *file;
	z_stream stream;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct memory slots[SLOTS]; /* slots[first] is the oldest full one */
	unsigned int first, full;   /* slots[first + full] is being filled, if full < SLOTS */
	struct memory member;	    /* slots[first], compressed; empty: not yet */
	int error;		    /* of the last write; the thread waits until it is cleared */
	uint64_t committed;	    /* bytes before compression that are in the file */
	bool quit;
};

static int compress_slot(struct gzip *z, const struct memory *slot)
{
	int r;

	deflateReset(&z->stream);
	r = memory_reserve(&z->member, deflateBound(&z->stream, slot->len));
	if (r < 0)
		return r;
	z->stream.next_in = slot->data;
	z->stream.avail_in = slot->len;
	z->stream.next_out = z->member.data;
	z->stream.avail_out = z->member.size;
	if (deflate(&z->stream, Z_FINISH) != Z_STREAM_END)
		return -EIO;
	z->member.len = z->member.size - z->stream.avail_out;
	return 0;
}

static int write_slot(struct gzip *z, const struct memory *slot)
{
	int r = z->member.len ? 0 : compress_slot(z, slot);

	if (r == 0)
		r = file_append(z->file, z->member.data, z->member.len);
	if (r == 0)
		memory_reset(&z->member);
	return r;
}

static void *run(void *user)
{
	struct gzip *z = user;
	int r;

	pthread_mutex_lock(&z->lock);
	while (!z->quit) {
		if (!z->full || z->error) {
			pthread_cond_wait(&z->changed, &z->lock);
			continue;
		}
		pthread_mutex_unlock(&z->lock);
		r = write_slot(z, &z->slots[z->first]);
		pthread_mutex_lock(&z->lock);
		z->error = r;
		if (r == 0) {
			z->committed += z->slots[z->first].len;
			memory_reset(&z->slots[z->first]);
			z->first = (z->first + 1) % SLOTS;
			z->full--;
		}
		pthread_cond_broadcast(&z->changed);
	}
	pthread_mutex_unlock(&z->lock);
	return NULL;
}

/* The program's own threads handle signals. */
static int start_thread(struct gzip *z)
{
	sigset_t all, old;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&z->thread, NULL, run, z);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -r;
}

int gzip_new(int level, struct file *f, struct gzip **ret)
{
	struct gzip *z = calloc(1, sizeof(*z));
	int r;

	if (!z)
		return -ENOMEM;
	z->file = f;
	if (deflateInit2(&z->stream, level, Z_DEFLATED, WINDOW_BITS, 9, Z_DEFAULT_STRATEGY) !=
	    Z_OK) {
		free(z);
		return level < 1 || level > 9 ? -EINVAL : -ENOMEM;
	}
	pthread_mutex_init(&z->lock, NULL);
	pthread_cond_init(&z->changed, NULL);
	r = start_thread(z);
	if (r < 0) {
		deflateEnd(&z->stream);
		free(z);
		return r;
	}
	*ret = z;
	return 0;
}

void gzip_free(struct gzip *z)
{
	if (!z)
		return;
	pthread_mutex_lock(&z->lock);
	z->quit = true;
	pthread_cond_broadcast(&z->changed);
	pthread_mutex_unlock(&z->lock);
	pthread_join(z->thread, NULL);
	pthread_cond_destroy(&z->changed);
	pthread_mutex_destroy(&z->lock);
	deflateEnd(&z->stream);
	for (int i = 0; i < SLOTS; i++)
		memory_done(&z->slots[i]);
	memory_done(&z->member);
	free(z);
}

/* Waits until at most `full` slots are, or the file takes no more: 0 or -errno. */
static int wait_for(struct gzip *z, unsigned int full)
{
	if (z->full > full && z->error) {
		z->error = 0; /* that write is tried again */
		pthread_cond_broadcast(&z->changed);
	}
	while (z->full > full && !z->error)
		pthread_cond_wait(&z->changed, &z->lock);
	return z->full > full ? z->error : 0;
}

static struct memory *filling(struct gzip *z)
{
	return &z->slots[(z->first + z->full) % SLOTS];
}

/* The member that is being filled is the thread's now. */
static void end_member(struct gzip *z)
{
	z->full++;
	pthread_cond_broadcast(&z->changed);
}

/* Room for `n` bytes in the member that is being filled: 0 or -errno. */
static int make_room(struct gzip *z, size_t n)
{
	int r = wait_for(z, SLOTS - 1);

	if (r == 0 && filling(z)->len && filling(z)->len + n > MEMBER_BYTES) {
		end_member(z);
		r = wait_for(z, SLOTS - 1);
	}
	return r < 0 ? r : memory_reserve(filling(z), n < MEMBER_BYTES ? MEMBER_BYTES : n);
}

ssize_t gzip_write(struct gzip *z, const struct iovec *iov, int iovcnt)
{
	ssize_t n = 0, r;

	for (int i = 0; i < iovcnt; i++)
		n += iov[i].iov_len;
	pthread_mutex_lock(&z->lock);
	r = make_room(z, n);
	for (int i = 0; r == 0 && i < iovcnt; i++)
		(void)memory_append(filling(z), iov[i].iov_base, iov[i].iov_len); /* reserved */
	pthread_mutex_unlock(&z->lock);
	return r < 0 ? r : n;
}

int gzip_flush(struct gzip *z)
{
	int r;

	pthread_mutex_lock(&z->lock);
	r = wait_for(z, SLOTS - 1);
	if (r == 0 && filling(z)->len)
		end_member(z);
	if (r == 0)
		r = wait_for(z, 0);
	pthread_mutex_unlock(&z->lock);
	return r;
}

uint64_t gzip_committed(struct gzip *z)
{
	uint64_t committed;

	pthread_mutex_lock(&z->lock);
	committed = z->committed;
	pthread_mutex_unlock(&z->lock);
	return committed;
}

void gzip_restart(struct gzip *z)
{
	pthread_mutex_lock(&z->lock);
	z->committed = 0;
	pthread_mutex_unlock(&z->lock);
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
