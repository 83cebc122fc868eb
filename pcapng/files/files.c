/* SPDX-License-Identifier: MIT */
/*
 * files.c - writes a capture to one file after another
 *
 * It uses the public writer, counts packets and time, and decides when the next file begins. flow.c
 * passes on what the writer has encoded.
 */
#include <errno.h>
#include <limits.h>
#include <time.h>

#include "pcapng/files/flow.h"

/* More than an Interface Statistics Block with all counters and both times requires. */
#define STATS_BYTES 160
/* While the disk is busy, or full. */
#define BUSY_MS 100

static bool is_last(const struct pcapng_files *f)
{
	return f->config.max_files && f->finished + 1 >= f->config.max_files;
}

static int begin_next(struct pcapng_files *f)
{
	int r = pcapng_writer_restart(f->writer);

	if (r == 0 && f->config.on_rotate)
		f->config.on_rotate(f->config.user);
	return r;
}

static int rotate_directly(struct pcapng_files *f)
{
	/* First: without room for the next file, this one goes on. */
	int r = is_last(f) ? 0 : disk_create_next(&f->disk, time(NULL));

	if (r == 0)
		r = flow_write_end(f);
	if (r < 0)
		return r;
	r = flow_end_file(f);
	f->finished += r == 0;
	if (r == 0 && f->disk.next.fd < 0)
		r = disk_fail(&f->disk, -ESHUTDOWN, "it was the last");
	if (r < 0)
		return r;
	fileset_take_recovered(&f->disk.set);
	fileset_make_room(&f->disk.set, 1);
	flow_begin_file(f);
	r = begin_next(f);
	return r < 0 ? r : flow_write_begin(f);
}

/* Without room for the end of this file, it goes on, and its statistics come later. */
static int find_room_for_end(struct pcapng_files *f)
{
	if (f->waits)
		return flow_drain(f);
	return spool_has_room(f->spool, &f->writer->staging) ? 0 : spool_state(f->spool);
}

/* The thread ends the file when it comes to it. */
static int order_rotation(struct pcapng_files *f)
{
	const struct spool_order order = { .ends_file = true,
					   .is_last = is_last(f),
					   .now = time(NULL) };
	int r = find_room_for_end(f);

	if (r == 0)
		r = flow_add_end(f);
	if (r == 0)
		r = spool_order(f->spool, &f->writer->staging, &order);
	if (r == 0)
		f->finished++;
	if (r == 0 && order.is_last) {
		f->has_ended = true;
		f->error = (struct pcapng_error){ .code = -ESHUTDOWN, .text = "it was the last" };
	}
	return r;
}

static int rotate_in_queue(struct pcapng_files *f)
{
	int r = order_rotation(f);

	if (r == 0 && !f->has_ended) {
		flow_begin_count(f);
		r = begin_next(f);
	}
	if (r == 0 && f->waits) {
		r = spool_wait(f->spool);
		r = r == -EAGAIN ? 0 : r;
	}
	return r == 0 && f->has_ended ? -ESHUTDOWN : r;
}

int pcapng_files_rotate(struct pcapng_files *f)
{
	int r;

	if (f->broken || f->config.single)
		return f->broken ? f->broken : -EINVAL;
	if (f->has_ended)
		return -ESHUTDOWN;
	r = f->spool ? rotate_in_queue(f) : rotate_directly(f);
	if (r != -ESHUTDOWN || !f->spool)
		r = flow_stick(f, r);
	flow_tell_events(f);
	return r;
}

static uint64_t stats_bytes(const struct pcapng_files *f)
{
	if (!f->config.add_stats)
		return 0;
	return f->config.stats_bytes ? f->config.stats_bytes : f->interfaces * STATS_BYTES;
}

/* True: the file has packets and has no room for this one within its limits. */
static bool needs_new_file(struct pcapng_files *f, const struct pcapng_packet *p)
{
	uint64_t limit = f->config.max_bytes, used;
	ssize_t size;

	if (f->config.single || !f->packets)
		return false;
	if (f->config.max_packets && f->packets >= f->config.max_packets)
		return true;
	if (!limit)
		return false;
	used = pcapng_writer_bytes(f->writer) + stats_bytes(f);
	if (!p->n_frags && p->caplen + used + 4096 < limit && !p->options.n_comments &&
	    !p->options.n_custom && !p->options.n_extra && !p->n_hashes && !p->n_verdicts)
		return false; /* far from it: no need to measure */
	size = pcapng_writer_size_packet(f->writer, p);
	return size > 0 && used + size > limit;
}

int pcapng_files_add_packet(struct pcapng_files *f, const struct pcapng_packet *packet)
{
	int r;

	if (f->broken || f->has_ended || f->is_ending)
		return f->broken ? f->broken : -ESHUTDOWN;
	if (f->has_stats || needs_new_file(f, packet)) {
		r = pcapng_files_rotate(f);
		if (r < 0)
			return r;
	}
	r = pcapng_writer_add_packet(f->writer, packet);
	if (r < 0)
		return flow_stick(f, r);
	tally_add(&f->tally, packet->interface, 1);
	f->packets++;
	return 0;
}

/* Bytes up to the limit of this file. */
static uint64_t bytes_left(const struct pcapng_files *f)
{
	uint64_t limit = f->config.max_bytes, used;

	if (f->config.single || !limit)
		return UINT64_MAX;
	used = pcapng_writer_bytes(f->writer) + stats_bytes(f);
	return used < limit ? limit - used : 0;
}

/* Of `n` packets, those that this file has room for within its other limit; the first has an exception. */
static size_t packets_left(const struct pcapng_files *f, size_t n)
{
	uint64_t limit = f->config.max_packets;

	if (f->broken || f->has_ended || f->is_ending || f->has_stats || !f->packets)
		return 0;
	if (f->config.single || !limit)
		return n;
	return limit - f->packets < n ? limit - f->packets : n;
}

/* They are usually of the same interface. */
static void count_packets(struct pcapng_files *f, const struct pcapng_packet *packets, size_t n)
{
	const struct pcapng_packet *p = packets, *end = packets + n, *first;

	while (p < end) {
		for (first = p; p < end && p->interface == first->interface; p++)
			;
		tally_add(&f->tally, first->interface, p - first);
	}
	f->packets += n;
}

ssize_t pcapng_files_add_packets(struct pcapng_files *f, const struct pcapng_packet *packets,
				 size_t n)
{
	size_t some = packets_left(f, n);
	int r;

	if (some)
		some = state_add_plain(f->writer, packets, some, bytes_left(f));
	if (some || !n) {
		count_packets(f, packets, some);
		return (ssize_t)some;
	}
	r = pcapng_files_add_packet(f, packets);
	return r < 0 ? r : 1;
}

uint64_t pcapng_files_packets(struct pcapng_files *f, uint32_t interface)
{
	uint64_t n;

	if (f->spool)
		spool_lock(f->spool);
	n = tally_committed(&f->tally, interface);
	if (f->spool)
		spool_unlock(f->spool);
	return n;
}

uint64_t pcapng_files_synced(struct pcapng_files *f)
{
	uint64_t n;

	if (f->spool)
		spool_lock(f->spool);
	n = f->tally.synced;
	if (f->spool)
		spool_unlock(f->spool);
	return n;
}

static int count_interface(struct pcapng_files *f)
{
	int r;

	if (f->spool)
		spool_lock(f->spool);
	r = tally_add_interface(&f->tally);
	if (f->spool)
		spool_unlock(f->spool);
	return r;
}

int pcapng_files_add_interface(struct pcapng_files *f, const struct pcapng_interface *interface,
			       uint32_t *ret_id)
{
	int r = f->broken ? f->broken : f->has_ended ? -ESHUTDOWN : 0;

	/* Room for its count first: an interface that the writer has cannot be taken back. */
	if (r == 0 && f->tally.n == f->interfaces)
		r = count_interface(f);
	if (r == 0)
		r = pcapng_writer_add_interface(f->writer, interface, ret_id);
	f->interfaces += r == 0;
	return flow_stick(f, r);
}

uint64_t pcapng_files_time_left_ns(const struct pcapng_files *f)
{
	bool never = f->config.single || f->has_ended || (f->config.skip_empty && !f->packets);

	return never ? UINT64_MAX : deadline_left(&f->deadline, &f->config);
}

static int sync_in_queue(struct pcapng_files *f)
{
	int r = spool_order(f->spool, &f->writer->staging, &(struct spool_order){ .syncs = true });

	if (r == 0)
		deadline_synced(&f->deadline);
	return r;
}

static int sync_file(struct pcapng_files *f)
{
	int r;

	if (f->has_ended && f->spool) {
		r = flow_wait_for_end(f);
		return r < 0 ? r : -ESHUTDOWN; /* it is closed */
	}
	deadline_synced(&f->deadline);
	if (f->spool)
		return flow_order(f, &(struct spool_order){ .syncs = true });
	r = flow_drain(f);
	if (r == 0)
		r = disk_sync(&f->disk);
	if (r == 0)
		tally_note_sync(&f->tally);
	return r;
}

/* What time makes due: 0 or -errno. */
static int tick(struct pcapng_files *f)
{
	int r;

	f->is_delayed = false;
	if (pcapng_files_time_left_ns(f) == 0) {
		r = f->spool ? rotate_in_queue(f) : rotate_directly(f);
		f->is_delayed = r == -EAGAIN;
		return r;
	}
	if (deadline_sync_left(&f->deadline, &f->config) == 0) {
		r = f->spool ? sync_in_queue(f) : sync_file(f);
		f->is_delayed = r == -EAGAIN;
		return r == -EAGAIN ? 0 : r;
	}
	if (!f->spool)
		return 0;
	/* The thread takes in recovered files with any order. */
	return fileset_timeout_ms(&f->disk.set, -1) >= 0
		       ? spool_order(f->spool, &f->writer->staging,
				     &(struct spool_order){ .adopts = true })
		       : pcapng_writer_flush(f->writer);
}

int pcapng_files_tick(struct pcapng_files *f)
{
	int r = f->broken;

	if (!f->spool)
		fileset_take_recovered(&f->disk.set);
	if (r == 0 && !f->has_ended)
		r = tick(f);
	if (r != -ESHUTDOWN || !f->spool)
		r = flow_stick(f, r);
	if (r == 0 && f->spool) {
		r = spool_state(f->spool);
		r = r == -EAGAIN ? 0 : flow_stick(f, r);
	}
	flow_tell_events(f);
	return r;
}

/* When a queue needs a look: a buffer is old enough, or something has happened. -1: never. */
static int queue_timeout_ms(const struct pcapng_files *f)
{
	uint64_t ms;

	if (!events_are_empty((struct events *)&f->events))
		return 0;
	if (spool_state(f->spool) != 0)
		return BUSY_MS;
	if (!staging_pending(&f->writer->staging) || f->config.compression)
		return -1;
	ms = spool_due_ns(f->spool, flow_delay_ns(f)) / 1000000 + 1;
	return ms < INT_MAX ? ms : INT_MAX;
}

/* When something is due by time; -1: never. What had to wait for room is not tried all the time. */
static int due_timeout_ms(const struct pcapng_files *f)
{
	int ms;

	if (f->has_ended)
		return -1;
	ms = deadline_timeout_ms(&f->deadline, &f->config, pcapng_files_time_left_ns(f));
	return f->is_delayed && ms >= 0 && ms < BUSY_MS ? BUSY_MS : ms;
}

int pcapng_files_timeout_ms(const struct pcapng_files *f)
{
	int ms, queue;

	if (f->broken)
		return -1;
	ms = due_timeout_ms(f);
	queue = f->spool ? queue_timeout_ms(f) : -1;
	return fileset_timeout_ms(&f->disk.set, queue < 0 || (ms >= 0 && ms < queue) ? ms : queue);
}

/* A call that waits for a queue with room stops at nothing but a full disk. */
static int finish_wait(struct pcapng_files *f, int r)
{
	if (r != -EAGAIN && (r != -ESHUTDOWN || !f->spool))
		r = flow_stick(f, r);
	flow_tell_events(f);
	return r;
}

int pcapng_files_flush(struct pcapng_files *f)
{
	if (f->broken)
		return finish_wait(f, f->broken);
	return finish_wait(f, f->has_ended && f->spool ? flow_wait_for_end(f) : flow_drain(f));
}

int pcapng_files_push(struct pcapng_files *f)
{
	int r = f->broken;

	if (r == 0 && f->has_ended)
		return -ESHUTDOWN;
	if (r == 0)
		r = f->spool
			    ? spool_order(f->spool, &f->writer->staging, &(struct spool_order){ 0 })
			    : flow_drain(f);
	return flow_stick(f, r);
}

int pcapng_files_sync(struct pcapng_files *f)
{
	return finish_wait(f, f->broken ? f->broken : sync_file(f));
}

uint64_t pcapng_files_queued(const struct pcapng_files *f)
{
	return f->spool ? spool_bytes(f->spool).queued : 0;
}

uint64_t pcapng_files_queue_peak(const struct pcapng_files *f)
{
	return f->spool ? spool_bytes(f->spool).peak : 0;
}

const struct pcapng_error *pcapng_files_error(const struct pcapng_files *f)
{
	return f->error.code ? &f->error : pcapng_writer_error(f->writer);
}

struct pcapng_writer *pcapng_files_writer(struct pcapng_files *f)
{
	return f->writer;
}
