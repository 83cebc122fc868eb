/* SPDX-License-Identifier: MIT */
/* When to look at the rings. */
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bpf/rings/reader.h"

#define TICK_MS 10
#define HELD_MS 2 /* sooner, while frames are held back for their order */

int reader_init(struct reader *r, struct wire_cpu *cpu, unsigned int n_cpus)
{
	*r = (struct reader){ .cpu = cpu, .n_cpus = n_cpus };
	r->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return r->epoll_fd < 0 ? -errno : 0;
}

void reader_done(struct reader *r)
{
	merge_done(&r->merge);
	if (r->epoll_fd >= 0)
		close(r->epoll_fd);
	r->epoll_fd = -1;
}

int reader_add(struct reader *r, int ring_fd, size_t size)
{
	/* Edge-triggered: only wake-ups count. A ring that holds data must not keep us awake. */
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	struct ring ring;
	int e = ring_init(&ring, ring_fd, size);

	if (e < 0)
		return e;
	e = epoll_ctl(r->epoll_fd, EPOLL_CTL_ADD, ring_fd, &event) < 0 ? -errno : 0;
	if (e == 0)
		e = merge_add(&r->merge, &ring);
	if (e < 0)
		ring_done(&ring);
	return e;
}

void reader_wake(struct reader *r)
{
	struct epoll_event event[16];

	while (epoll_wait(r->epoll_fd, event, 16, 0) == 16)
		;
}

/* Asks each CPU to wake us with its next record, or not. */
static void arm(struct reader *r, bool armed)
{
	for (unsigned int i = 0; i < r->n_cpus; i++)
		if (r->cpu[i].armed != armed)
			__atomic_store_n(&r->cpu[i].armed, armed, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* before the next look at the rings */
}

/*
 * Arming precedes sleep by one look: a CPU that read the word just before we wrote it has its record
 * in the ring long before that look.
 */
void reader_note_look(struct reader *r, bool was_empty)
{
	if (!was_empty) {
		if (r->empty_looks)
			arm(r, false);
		r->empty_looks = 0;
	} else if (r->empty_looks < 2 && !merge_is_pending(&r->merge)) {
		if (++r->empty_looks == 1)
			arm(r, true);
	}
}

int reader_wait_ms(const struct reader *r)
{
	if (merge_is_pending(&r->merge))
		return HELD_MS;
	return r->empty_looks < 2 ? TICK_MS : -1;
}
