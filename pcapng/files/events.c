/* SPDX-License-Identifier: MIT */
/* events.c - what happened in another thread, until the caller's can be told */
#include <stdlib.h>
#include <string.h>

#include "pcapng/files/events.h"

struct events_entry {
	struct events_entry *next;
	struct pcapng_files_event event;
	char path[];
};

void events_init(struct events *e)
{
	pthread_mutex_init(&e->lock, NULL);
	e->first = NULL;
	e->last = &e->first;
}

static struct events_entry *take_first(struct events *e)
{
	struct events_entry *entry;

	pthread_mutex_lock(&e->lock);
	entry = e->first;
	if (entry)
		e->first = entry->next;
	if (!e->first)
		e->last = &e->first;
	pthread_mutex_unlock(&e->lock);
	return entry;
}

void events_done(struct events *e)
{
	struct events_entry *entry;

	while ((entry = take_first(e)))
		free(entry);
	pthread_mutex_destroy(&e->lock);
}

void events_add(struct events *e, const struct pcapng_files_event *event)
{
	struct events_entry *entry = malloc(sizeof(*entry) + strlen(event->path) + 1);

	if (!entry)
		return;
	entry->next = NULL;
	entry->event = *event;
	stpcpy(entry->path, event->path);
	entry->event.path = entry->path;
	pthread_mutex_lock(&e->lock);
	*e->last = entry;
	e->last = &entry->next;
	pthread_mutex_unlock(&e->lock);
}

void events_tell(struct events *e, void (*fn)(void *user, const struct pcapng_files_event *event),
		 void *user)
{
	struct events_entry *entry;

	while ((entry = take_first(e))) {
		if (fn)
			fn(user, &entry->event);
		free(entry);
	}
}

bool events_are_empty(struct events *e)
{
	bool are_empty;

	pthread_mutex_lock(&e->lock);
	are_empty = !e->first;
	pthread_mutex_unlock(&e->lock);
	return are_empty;
}
