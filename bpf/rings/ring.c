/* SPDX-License-Identifier: MIT */
/*
 * The user side of a BPF ring buffer; the kernel's side is kernel/bpf/ringbuf.c.
 *
 * The map offers one writable page with the consumer's position, one read-only page with the
 * producer's, and the data, mapped twice in a row so that a record that wraps around is contiguous. A
 * record is an 8-byte header (a length with two flag bits, then a page offset that only the kernel
 * uses) and its bytes, padded to 8.
 */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bpf/rings/ring.h"

int ring_init(struct ring *r, int fd, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *consumer, *producer;
	int e;

	consumer = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (consumer == MAP_FAILED)
		return -errno;
	producer = mmap(NULL, page + 2 * size, PROT_READ, MAP_SHARED, fd, (off_t)page);
	if (producer == MAP_FAILED) {
		e = -errno;
		munmap(consumer, page);
		return e;
	}
	*r = (struct ring){
		.size = size,
		.consumer = consumer,
		.producer = producer,
		.data = (const uint8_t *)producer + page,
	};
	return 0;
}

void ring_done(struct ring *r)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (!r->consumer)
		return;
	munmap(r->consumer, page);
	munmap(r->producer, page + 2 * r->size);
	*r = (struct ring){ 0 };
}

void ring_refresh(struct ring *r)
{
	r->end = __atomic_load_n(r->producer, __ATOMIC_ACQUIRE);
}

void ring_release(struct ring *r)
{
	__atomic_store_n(r->consumer, r->pos, __ATOMIC_RELEASE);
}
