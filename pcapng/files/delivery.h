/* SPDX-License-Identifier: MIT */
/*
 * delivery.h - brings one chunk after another to the disk, and counts what arrived
 */
#ifndef PCAPNG_FILES_DELIVERY_H
#define PCAPNG_FILES_DELIVERY_H

#include <pthread.h>

#include "pcapng/file/gzip.h"
#include "pcapng/files/chunk.h"

struct delivery {
	struct disk *disk;     /* borrowed */
	struct tally *tally;   /* borrowed; `lock` guards it */
	pthread_mutex_t *lock; /* borrowed */
	int level;	       /* 0: not compressed */
	struct gzip *gzip;     /* owned; NULL: not compressed */
	struct chunk *held;    /* whose last bytes fill no sector and come with the next */
	bool is_frozen;	       /* nothing is counted any more; `lock` guards it */
};

/*
 * Does all that the chunk orders, from wherever it stopped. 0; -EAGAIN: the disk is full, call it again
 * later; or -errno. Then the file ends with a complete block.
 */
int delivery_run(struct delivery *d, struct chunk *c);

void delivery_done(struct delivery *d);

#endif /* PCAPNG_FILES_DELIVERY_H */
