/* SPDX-License-Identifier: MIT */
/* events.h - what happened in another thread, until the caller's can be told */
#ifndef PCAPNG_FILES_EVENTS_H
#define PCAPNG_FILES_EVENTS_H

#include <pthread.h>

#include "pcapng/files.h"

struct events {
	pthread_mutex_t lock;
	struct events_entry *first, **last;
};

void events_init(struct events *e);
void events_done(struct events *e);

/* Copies the event. Without memory it is lost. */
void events_add(struct events *e, const struct pcapng_files_event *event);

/* Calls `fn` for each event, in order, without the lock, and forgets it. */
void events_tell(struct events *e, void (*fn)(void *user, const struct pcapng_files_event *event),
		 void *user);

bool events_are_empty(struct events *e);

#endif /* PCAPNG_FILES_EVENTS_H */
