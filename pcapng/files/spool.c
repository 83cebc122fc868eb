/* SPDX-License-Identifier: MIT */
/*
 * spool.c - a bounded queue of buffers and the thread that writes them to disk
 *
 *	staging ─▶ [chunk][chunk]...[chunk] ─▶ thread: (compress,) write, sync, end the file
 *	             ▲        ▲ packers: compress, each another chunk
 *
 * `lock` guards the queue and the tally. The disk belongs to the thread that carries out the first
 * chunk: that of run(), or the caller's as long as there is none. A chunk stays the first until all
 * that it orders is done, however often that has to be tried; what was done is in its state.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>

#include "pcapng/clock.h"
#include "pcapng/files/delivery.h"
#include "pcapng/files/spool.h"
#include "pcapng/pages.h"

#define PACKERS_MAX 3 /* beside the thread that writes */
/* How long a full disk is left alone; disk.c asks for no less. */
#define RETRY_NS (CLOCK_NS_PER_S / 10)

struct spool {
	struct delivery
		delivery; /* used by one thread at a time: ours, or the caller's before it */
	bool waits;
	uint64_t at;	   /* of the staging buffer's first byte, in the file; the caller's */
	uint64_t taken_ns; /* when a buffer was taken last; the caller's */
	bool tail_waits;   /* the last bytes taken may fill no sector and wait; the caller's */

	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct chunks chunks;
	bool is_full; /* the disk */
	bool is_busy; /* somebody is at work on the first chunk */
	bool retries; /* somebody waits for it: try it now */
	int error;    /* sticks: the disk's, or of compression */
	bool quit;
	bool may_start, is_started, has_ended;
	pthread_t thread;
	pthread_t packers[PACKERS_MAX];
	unsigned int n_packers;
};

/* Waits for a change until then: false if it is later. UINT64_MAX: however long. */
static bool wait_until(struct spool *s, uint64_t end_ns)
{
	struct timespec end = { end_ns / CLOCK_NS_PER_S, end_ns % CLOCK_NS_PER_S };

	if (end_ns == UINT64_MAX)
		return pthread_cond_wait(&s->changed, &s->lock) == 0;
	return pthread_cond_timedwait(&s->changed, &s->lock, &end) == 0;
}

void spool_lock(struct spool *s)
{
	pthread_mutex_lock(&s->lock);
}

void spool_unlock(struct spool *s)
{
	pthread_mutex_unlock(&s->lock);
}

static struct chunk *find_raw(struct spool *s)
{
	for (struct chunk *c = s->chunks.first; c; c = c->next)
		if (c->state == CHUNK_RAW && chunk_len(c))
			return c;
	return NULL;
}

/* Compresses the oldest that nobody has begun. False: there is none. */
static bool pack_one(struct spool *s, struct gzip *gzip)
{
	struct chunk *c = find_raw(s);

	if (!c)
		return false;
	c->state = CHUNK_PACKING;
	spool_unlock(s);
	c->pack_error = chunk_pack(c, gzip);
	spool_lock(s);
	c->state = CHUNK_READY;
	if (!c->pack_error)
		chunks_drop_raw(&s->chunks, c);
	pthread_cond_broadcast(&s->changed);
	return true;
}

/* No packer touches the first chunk any more. Until then, there is other work. */
static void wait_for_packer(struct spool *s)
{
	while (s->chunks.first->state == CHUNK_PACKING && !s->quit)
		if (!pack_one(s, s->delivery.gzip))
			wait_until(s, UINT64_MAX);
	if (s->delivery.level && s->chunks.first->state == CHUNK_RAW)
		s->chunks.first->state = CHUNK_READY;
}

/* Does what can be done about the first chunk. The lock is held, but not meanwhile. */
static void step(struct spool *s)
{
	struct chunk *c = s->chunks.first;
	int r;

	wait_for_packer(s);
	if (s->quit && s->is_started)
		return;
	if (s->retries)
		s->delivery.disk->retry_ns = 0;
	s->retries = false;
	s->is_busy = true;
	spool_unlock(s);
	r = delivery_run(&s->delivery, c);
	spool_lock(s);
	s->is_busy = false;
	s->is_full = r == -EAGAIN;
	if (r == 0)
		chunks_retire(&s->chunks);
	else if (r != -EAGAIN)
		s->error = r;
	pthread_cond_broadcast(&s->changed);
}

static void wait_for_disk(struct spool *s)
{
	uint64_t end = clock_ns(CLOCK_MONOTONIC) + RETRY_NS;

	while (!s->quit && !s->retries && wait_until(s, end))
		;
	s->delivery.disk->retry_ns = 0;
}

static void *run(void *user)
{
	struct spool *s = user;

	spool_lock(s);
	while (!s->quit) {
		if (!s->chunks.first || s->error)
			wait_until(s, UINT64_MAX);
		else
			step(s);
		if (s->is_full)
			wait_for_disk(s);
	}
	s->has_ended = true;
	pthread_cond_broadcast(&s->changed);
	spool_unlock(s);
	return NULL;
}

static void *run_packer(void *user)
{
	struct spool *s = user;
	struct gzip *gzip = NULL;
	int r = gzip_new(s->delivery.level, &gzip);

	spool_lock(s);
	while (r == 0 && !s->quit)
		if (!pack_one(s, gzip))
			wait_until(s, UINT64_MAX);
	spool_unlock(s);
	gzip_free(gzip);
	return NULL;
}

static unsigned int count_packers(const struct spool *s)
{
	cpu_set_t cpus;
	int n = sched_getaffinity(0, sizeof(cpus), &cpus) == 0 ? CPU_COUNT(&cpus) : 1;

	if (!s->delivery.level)
		return 0;
	return n > PACKERS_MAX ? PACKERS_MAX : n - 1;
}

/* Signals go to the program's own threads. They wait for the lock, which is held. */
static void start(struct spool *s)
{
	sigset_t all, old;

	s->may_start = false;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	s->is_started = pthread_create(&s->thread, NULL, run, s) == 0;
	for (unsigned int n = s->is_started ? count_packers(s) : 0; n; n--) {
		if (pthread_create(&s->packers[s->n_packers], NULL, run_packer, s) != 0)
			break;
		s->n_packers++;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

int spool_new(struct disk *disk, struct tally *tally, size_t size, int level, bool waits,
	      struct spool **ret)
{
	struct spool *s = calloc(1, sizeof(*s));
	pthread_condattr_t monotonic;
	int r;

	if (!s)
		return -ENOMEM;
	*s = (struct spool){ .delivery = { disk, tally, &s->lock, level },
			     .chunks.limit = size,
			     .chunks.size = chunk_size(size),
			     .waits = waits };
	r = level ? gzip_new(level, &s->delivery.gzip) : 0;
	if (r < 0) {
		free(s);
		return r;
	}
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&s->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	*ret = s;
	return 0;
}

void spool_free(struct spool *s)
{
	if (!s)
		return;
	(void)spool_stop(s, -1);
	chunks_done(&s->chunks);
	delivery_done(&s->delivery);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

void spool_start(struct spool *s)
{
	s->may_start = true;
}

int spool_adopt(struct spool *s, struct staging *st, staging_take_fn take, void *user)
{
	size_t n = staging_pending(st), size = n > s->chunks.size ? n : s->chunks.size;
	uint8_t *buf = pages_new(size);

	if (!buf)
		return -ENOMEM;
	staging_take_buffers(st, take, user, buf, size);
	s->at = 0;
	return 0;
}

/* How much of the buffer's end the next one begins with. */
static size_t count_kept(const struct spool *s, size_t end, const struct spool_order *order)
{
	size_t n = (s->at + end) % FILE_ALIGN;

	return s->delivery.level || order->ends_file || n > end ? 0 : n;
}

/* The file's offset of the next staging buffer. */
static void move_on(struct spool *s, size_t end, size_t kept, const struct spool_order *order)
{
	s->at = order->ends_file ? 0 : s->at + end - kept;
	s->taken_ns = clock_ns(CLOCK_MONOTONIC);
}

/* Appends a chunk. 0 or -ENOMEM. */
static int append(struct spool *s, struct staging *st, const struct spool_order *order,
		  bool is_full)
{
	size_t end = st->tail, kept = count_kept(s, end, order);
	struct chunk *c = chunk_new(s->delivery.tally, order);

	if (!c || chunks_append(&s->chunks, c, st, kept) < 0) {
		chunk_free(c);
		return -ENOMEM;
	}
	c->at = s->at;
	c->is_full = is_full;
	move_on(s, end, kept, order);
	return 0;
}

/*
 * Lets little, or an order alone, travel with the newest chunk, so that a caller who pushes each packet, or
 * syncs while the disk stands still, does not fill the queue with next to nothing. False: not possible.
 */
static bool join(struct spool *s, struct staging *st, const struct spool_order *order, bool is_full)
{
	size_t n = staging_pending(st), end = st->tail, kept = count_kept(s, end, order);

	if (!n && !order->syncs && !order->adopts && !order->ends_file && !s->tail_waits)
		return true; /* nothing is left to do */
	/* A packer may be at work on any of them. */
	if ((s->delivery.level && n) ||
	    !chunks_join(&s->chunks, st, kept, s->delivery.tally, order))
		return false;
	s->chunks.newest->is_full = is_full;
	move_on(s, end, kept, order);
	return true;
}

/* Waits for room, if that is how it is; 0, -EAGAIN or the sticky -errno. */
static int find_room(struct spool *s, const struct staging *st)
{
	while (!s->error && s->waits && s->is_started &&
	       !chunks_have_room(&s->chunks, st, s->delivery.tally->n) && !s->is_full)
		wait_until(s, UINT64_MAX);
	if (s->error)
		return s->error;
	return chunks_have_room(&s->chunks, st, s->delivery.tally->n) ? 0 : -EAGAIN;
}

/* Without a thread, the caller does its work. */
static void work(struct spool *s)
{
	if (s->is_started)
		return;
	s->is_full = false;
	while (s->chunks.first && !s->error && !s->is_full)
		step(s);
}

static int hand_over(struct spool *s, struct staging *st, const struct spool_order *order,
		     bool is_full)
{
	int r;

	spool_lock(s);
	if (s->may_start)
		start(s);
	work(s);
	r = s->error;
	if (r == 0 && !join(s, st, order, is_full)) {
		r = find_room(s, st);
		if (r == 0)
			r = append(s, st, order, is_full);
	}
	if (r == 0) {
		s->tail_waits = is_full;
		pthread_cond_broadcast(&s->changed);
		work(s);
	}
	spool_unlock(s);
	return r;
}

int spool_order(struct spool *s, struct staging *st, const struct spool_order *order)
{
	return hand_over(s, st, order, false);
}

int spool_take(struct spool *s, struct staging *st, bool must, uint64_t delay_ns)
{
	static const struct spool_order none;
	int r = spool_state(s);

	if (r < 0 && r != -EAGAIN)
		return r;
	if (!must && spool_due_ns(s, delay_ns))
		return 0;
	return hand_over(s, st, &none, must);
}

uint64_t spool_due_ns(struct spool *s, uint64_t delay_ns)
{
	uint64_t age = clock_ns(CLOCK_MONOTONIC) - s->taken_ns;

	/* A compressed file gets nothing small. While the disk is busy, a buffer had better be full. */
	if (s->delivery.level)
		return UINT64_MAX;
	if (spool_state(s) != 0)
		return delay_ns;
	return age < delay_ns ? delay_ns - age : 0;
}

bool spool_has_room(struct spool *s, const struct staging *st)
{
	bool yes;

	spool_lock(s);
	work(s);
	yes = chunks_have_room(&s->chunks, st, s->delivery.tally->n);
	spool_unlock(s);
	return yes;
}

/* NULL: for an empty queue. */
int spool_wait_for_room(struct spool *s, const struct staging *st)
{
	int r;

	spool_lock(s);
	s->retries = true; /* what was begun before does not count */
	work(s);
	pthread_cond_broadcast(&s->changed);
	while (!s->error && s->chunks.first &&
	       !(st && chunks_have_room(&s->chunks, st, s->delivery.tally->n)) &&
	       (s->retries || s->is_busy || !s->is_full) && s->is_started)
		wait_until(s, UINT64_MAX);
	r = s->error;
	if (r == 0 && s->chunks.first &&
	    !(st && chunks_have_room(&s->chunks, st, s->delivery.tally->n)))
		r = -EAGAIN;
	spool_unlock(s);
	return r;
}

int spool_wait(struct spool *s)
{
	return spool_wait_for_room(s, NULL);
}

int spool_state(struct spool *s)
{
	int r;

	spool_lock(s);
	r = s->error ? s->error : s->chunks.first ? -EAGAIN : 0;
	spool_unlock(s);
	return r;
}

bool spool_stop(struct spool *s, int timeout_ms)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC);
	uint64_t end = timeout_ms < 0 ? UINT64_MAX : now + (uint64_t)timeout_ms * 1000000;
	bool has_ended;

	spool_lock(s);
	s->quit = true;
	pthread_cond_broadcast(&s->changed);
	while (s->is_started && !s->has_ended && wait_until(s, end))
		;
	has_ended = !s->is_started || s->has_ended;
	s->delivery.is_frozen = !has_ended;
	spool_unlock(s);
	if (!has_ended)
		return false;
	if (s->is_started)
		pthread_join(s->thread, NULL);
	while (s->n_packers)
		pthread_join(s->packers[--s->n_packers], NULL);
	s->is_started = false;
	while (s->chunks.first)
		chunks_retire(&s->chunks);
	return true;
}

bool spool_is_this_thread(const struct spool *s)
{
	return s->is_started && pthread_equal(pthread_self(), s->thread);
}

bool spool_disk_is_full(struct spool *s)
{
	bool is_full;

	spool_lock(s);
	is_full = s->is_full;
	spool_unlock(s);
	return is_full;
}

struct spool_bytes spool_bytes(struct spool *s)
{
	struct spool_bytes bytes;

	spool_lock(s);
	bytes = (struct spool_bytes){ s->chunks.queued, s->chunks.peak };
	spool_unlock(s);
	return bytes;
}
