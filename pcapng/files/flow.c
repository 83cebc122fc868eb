/* SPDX-License-Identifier: MIT */
/* flow.c - from the writer to the disk's side, directly or through a queue */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "pcapng/files/flow.h"

/* config.queue_delay_ms is 0. */
#define DEFAULT_DELAY_MS 100

ssize_t flow_output(void *user, const struct iovec *iov, int iovcnt)
{
	struct pcapng_files *f = user;
	ssize_t r = disk_write(&f->disk, iov, iovcnt);

	if (r > 0 && (size_t)r == staging_pending(&f->writer->staging)) {
		tally_commit(&f->tally, NULL, 0);
		f->disk.file.boundary = f->disk.file.size;
	}
	return r;
}

uint64_t flow_delay_ns(const struct pcapng_files *f)
{
	uint32_t ms = f->config.queue_delay_ms;

	return (ms ? ms : DEFAULT_DELAY_MS) * UINT64_C(1000000);
}

int flow_take(void *user, struct staging *s, bool must)
{
	struct pcapng_files *f = user;

	return spool_take(f->spool, s, must, flow_delay_ns(f));
}

void flow_on_event(void *user, const struct pcapng_files_event *event)
{
	struct pcapng_files *f = user;

	if (f->spool && spool_is_this_thread(f->spool))
		events_add(&f->events, event);
	else if (f->config.on_event)
		f->config.on_event(f->config.user, event);
}

void flow_tell_events(struct pcapng_files *f)
{
	if (f->spool)
		events_tell(&f->events, f->config.on_event, f->config.user);
}

/* After its error, the thread touches the disk no more. */
static bool is_of_disk(const struct pcapng_files *f, int r)
{
	return (!f->spool || spool_state(f->spool) == r) && f->disk.error.code == r;
}

int flow_stick(struct pcapng_files *f, int r)
{
	if (r == -EAGAIN && f->spool && !spool_disk_is_full(f->spool))
		return -ENOBUFS;
	if (r < 0 && r != -EAGAIN && r != -EINVAL) {
		if (f->error.code != r)
			f->error = is_of_disk(f, r) ? f->disk.error
						    : *pcapng_writer_error(f->writer);
		if (f->error.code != r) { /* neither of them knows */
			f->error = (struct pcapng_error){ .code = r };
			stpcpy(f->error.text,
			       r == -ENOMEM ? "out of memory" : "adding the statistics");
		}
		f->broken = r;
	}
	return r;
}

int flow_order(struct pcapng_files *f, const struct spool_order *order)
{
	struct staging *staging = &f->writer->staging;
	int r;

	do
		r = spool_order(f->spool, staging, order);
	while (r == -EAGAIN && (r = spool_wait_for_room(f->spool, staging)) == 0);
	return r < 0 || (order->ends_file && !order->is_last) ? r : spool_wait(f->spool);
}

int flow_wait_for_end(struct pcapng_files *f)
{
	int r = spool_wait(f->spool);

	return r == 0 && f->error.code == -ESHUTDOWN ? -ESHUTDOWN : r;
}

int flow_drain(struct pcapng_files *f)
{
	if (f->spool)
		return flow_order(f, &(struct spool_order){ 0 });
	f->disk.retry_ns = 0;
	return pcapng_writer_flush(f->writer);
}

int flow_add_end(struct pcapng_files *f)
{
	int r = 0;

	if (!f->has_stats && f->config.add_stats)
		r = f->config.add_stats(f->config.user, f->writer);
	f->has_stats |= r == 0;
	return r;
}

int flow_write_end(struct pcapng_files *f)
{
	int r = flow_drain(f);

	if (r == 0)
		r = flow_add_end(f);
	return r < 0 ? r : flow_drain(f);
}

void flow_begin_count(struct pcapng_files *f)
{
	f->packets = 0;
	f->has_stats = false;
	f->is_delayed = false;
	deadline_start(&f->deadline, &f->config);
}

void flow_begin_file(struct pcapng_files *f)
{
	disk_begin_next(&f->disk);
	tally_begin_file(&f->tally);
	flow_begin_count(f);
}

int flow_write_begin(struct pcapng_files *f)
{
	int r = flow_drain(f);

	return r == -EAGAIN ? 0 : r;
}

int flow_end_file(struct pcapng_files *f)
{
	struct file *file = &f->disk.file;
	int r = 0;

	if (file->size > file->boundary && !f->config.compression)
		r = tally_commit_rest(&f->tally, file->fd, file->boundary);
	if (r < 0)
		disk_fail(&f->disk, r, "counting its packets");
	r = disk_end(&f->disk, tally_in_file(&f->tally));
	if (r == 0 && f->config.sync)
		tally_note_sync(&f->tally);
	return r;
}
