/* SPDX-License-Identifier: MIT */
/* delivery.c - brings one chunk after another to the disk, and counts what arrived */
#include <errno.h>
#include <stdlib.h>

#include "pcapng/files/delivery.h"

/* Shorter writes go through the page cache: a disk writes them no faster, and a reader sees them. */
#define DIRECT_MIN (CHUNK_MIN / 4)
/* How much of a file may be in the page cache. */
#define CACHED_MAX (8u << 20)

void delivery_done(struct delivery *d)
{
	chunk_free(d->held);
	gzip_free(d->gzip);
}

/* What the file has of the chunk is counted if it is all of it. */
static void commit(struct delivery *d, const struct chunk *c)
{
	pthread_mutex_lock(d->lock);
	if (!d->is_frozen) {
		tally_commit(d->tally, c->counts, c->n_counts);
		d->disk->file.boundary = d->level ? d->disk->file.size : c->at + c->end;
	}
	pthread_mutex_unlock(d->lock);
}

/* A chunk whose last sector waits is counted when the next one has written it. */
static void note_put(struct delivery *d, struct chunk *c)
{
	if (d->held && d->disk->file.size >= d->held->at + d->held->end)
		commit(d, d->held);
	chunk_free(d->held);
	d->held = NULL;
	c->is_put = true;
	if (d->disk->file.size >= c->at + c->end) {
		commit(d, c);
		return;
	}
	d->held = calloc(1, sizeof(*c));
	if (!d->held)
		return; /* counted with the next one, or in the file */
	*d->held = (struct chunk){
		.at = c->at, .end = c->end, .counts = c->counts, .n_counts = c->n_counts
	};
	c->counts = NULL;
	c->n_counts = 0;
}

static int put_plain(struct delivery *d, struct chunk *c)
{
	const struct file_part part = { c->data, c->at, c->end };
	bool direct = chunk_len(c) >= DIRECT_MIN ||
		      d->disk->config->direct_io == PCAPNG_DIRECT_IO_ON;
	int r = disk_put(d->disk, &part, direct);

	if (r == 0 && !c->is_full)
		r = disk_put(d->disk, &part, false);
	if (r == 0)
		note_put(d, c);
	if (r < 0 || !d->disk->file.can_direct ||
	    d->disk->file.size - d->disk->file.passed_on <= CACHED_MAX)
		return r;
	r = file_pass_on(&d->disk->file);
	return r < 0 ? disk_fail(d->disk, r, "writing") : 0;
}

static int put_packed(struct delivery *d, struct chunk *c)
{
	int r = c->pack_error;

	if (r == 0 && !c->packed)
		r = chunk_pack(c, d->gzip);
	if (r < 0)
		return disk_fail(d->disk, r, "compressing");
	if (chunk_len(c))
		r = disk_append(d->disk, c->packed, c->packed_len);
	if (r < 0)
		return r;
	c->is_put = true;
	commit(d, c);
	return 0;
}

static void note_sync(struct delivery *d)
{
	pthread_mutex_lock(d->lock);
	tally_note_sync(d->tally);
	pthread_mutex_unlock(d->lock);
}

static int sync_all(struct delivery *d)
{
	int r = disk_sync(d->disk);

	if (r == 0)
		note_sync(d);
	return r;
}

static int end_file(struct delivery *d, const struct spool_order *order)
{
	uint64_t packets;
	int r = order->is_last ? 0 : disk_create_next(d->disk, order->now);

	pthread_mutex_lock(d->lock);
	packets = tally_in_file(d->tally);
	pthread_mutex_unlock(d->lock);
	if (r == 0)
		r = disk_end(d->disk, packets);
	if (r == 0 && d->disk->config->sync)
		note_sync(d);
	if (r < 0 || order->is_last)
		return r;
	fileset_make_room(&d->disk->set, 1);
	disk_begin_next(d->disk);
	pthread_mutex_lock(d->lock);
	tally_begin_file(d->tally);
	pthread_mutex_unlock(d->lock);
	return 0;
}

/* True: the caller was told where the file ends. */
static bool is_frozen(const struct delivery *d)
{
	bool yes;

	pthread_mutex_lock(d->lock);
	yes = d->is_frozen;
	pthread_mutex_unlock(d->lock);
	return yes;
}

int delivery_run(struct delivery *d, struct chunk *c)
{
	int r = 0;

	if (!c->is_put)
		r = d->level ? put_packed(d, c) : put_plain(d, c);
	if (r < 0 && !d->level)
		disk_hold(d->disk);
	if (r == 0 && is_frozen(d))
		return -ECANCELED;
	if (r == 0 && c->order.syncs)
		r = sync_all(d);
	if (r == 0)
		fileset_take_recovered(&d->disk->set);
	if (r == 0 && c->order.ends_file)
		r = end_file(d, &c->order);
	return r;
}
