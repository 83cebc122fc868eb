/* SPDX-License-Identifier: MIT */
/* closing.c - the end of the last file */
#include <errno.h>
#include <stdlib.h>

#include "pcapng/files/flow.h"

/* How long a write that stands still is waited for, after pcapng_files_give_up(). */
#define GIVE_UP_MS 1000

static const struct spool_order last = { .ends_file = true, .is_last = true };

/* The caller's own statistics may fail: what was captured is written all the same. */
static int order_end(struct pcapng_files *f)
{
	int r = flow_add_end(f), ordered;

	if (r == -EAGAIN)
		return r;
	ordered = spool_order(f->spool, &f->writer->staging, &last);
	f->has_ended = ordered == 0;
	return r < 0 ? r : ordered;
}

int pcapng_files_end(struct pcapng_files *f)
{
	int r = f->broken;

	f->is_ending = true;
	if (r == 0 && !f->spool) {
		r = flow_write_end(f);
		f->has_ended = r == 0;
	} else if (r == 0 && !f->has_ended) {
		r = order_end(f);
	}
	if (r == 0 && f->spool)
		r = spool_state(f->spool);
	r = flow_stick(f, r);
	flow_tell_events(f);
	return r;
}

/* Waits for everything. 0 or -errno. */
static int end_all(struct pcapng_files *f)
{
	int r = 0, failed = 0;

	if (!f->spool)
		return flow_write_end(f);
	while (r == 0 && !f->has_ended) {
		r = order_end(f);
		if (r == -EAGAIN) {
			r = spool_wait_for_room(f->spool, &f->writer->staging);
		} else if (r < 0) {
			failed = r;
			r = -ECANCELED;
		}
	}
	/* What waits is written whatever failed before the disk. */
	if (r != -EAGAIN)
		r = spool_wait(f->spool);
	return failed ? failed : r;
}

void pcapng_files_give_up(struct pcapng_files *f)
{
	if (f->is_given_up || f->is_closed || !f->spool ||
	    (f->has_ended && spool_state(f->spool) == 0))
		return;
	f->is_given_up = true;
	f->is_stuck = !spool_stop(f->spool, GIVE_UP_MS);
	if (f->broken)
		return;
	f->broken = -ECANCELED;
	f->error = (struct pcapng_error){ .code = -ECANCELED, .text = "given up" };
}

/* Cuts the current file after its last complete block, and names it. */
static int close_disk(struct pcapng_files *f)
{
	int cut = 0, r;

	fileset_stop_recovery(&f->disk.set);
	disk_discard_next(&f->disk);
	if (f->disk.file.fd < 0)
		return 0;
	if (f->spool && !f->config.compression)
		cut = file_hold(&f->disk.file);
	r = flow_end_file(f);
	return cut < 0 ? cut : r;
}

int pcapng_files_close(struct pcapng_files *f)
{
	int r = f->broken, named;

	if (f->is_closed)
		return r;
	f->is_closed = true;
	if (r == 0)
		r = end_all(f);
	else if (f->spool && !f->is_given_up)
		(void)spool_wait(f->spool);
	if (f->is_stuck)
		return r;
	if (f->spool)
		(void)spool_stop(f->spool, -1);
	if (r == -EAGAIN)
		r = disk_fail(&f->disk, -ENOSPC, "writing"); /* there is no later */
	(void)flow_stick(f, r);
	flow_tell_events(f); /* those of the thread come first */
	named = close_disk(f);
	if (r == 0)
		r = flow_stick(f, named);
	flow_tell_events(f);
	if (r == 0 && f->error.code == -ESHUTDOWN)
		r = -ESHUTDOWN;
	f->broken = r < 0 ? r : -ESHUTDOWN;
	return r;
}

/* The write that stood still is over: the file ends where it was said to end. */
static void end_stuck(struct pcapng_files *f)
{
	struct file *file = &f->disk.file;

	(void)spool_stop(f->spool, -1);
	f->config.on_event = NULL;
	if (file->fd >= 0 && file_truncate(file, file->boundary) == 0)
		(void)disk_end(&f->disk, tally_in_file(&f->tally));
}

void pcapng_files_free(struct pcapng_files *f)
{
	if (!f)
		return;
	if (f->is_stuck)
		end_stuck(f);
	spool_free(f->spool);
	tally_done(&f->tally);
	disk_done(&f->disk);
	events_done(&f->events);
	pcapng_writer_free(f->writer);
	free(f);
}
