/* SPDX-License-Identifier: MIT */
/*
 * fileset.c - the finished files of a set, oldest first, and which of them stay
 *
 * Files are deleted relative to the folder that was opened at the start: it may be renamed since. A
 * file that cannot be deleted is skipped: it does not count for the limits, and the next one goes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "pcapng/folder/fileset.h"

int fileset_init(struct fileset *s, const struct pattern *pattern,
		 const struct pcapng_files_config *config)
{
	const char *folder = *pattern->folder ? pattern->folder : ".";

	s->pattern = pattern;
	s->config = config;
	s->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return s->folder < 0 ? -errno : 0;
}

void fileset_done(struct fileset *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->entries[i].name);
	free(s->entries);
	if (s->folder >= 0)
		close(s->folder);
}

static void tell(const struct fileset *s, const char *name, struct pcapng_files_event event)
{
	char *path;

	if (!s->config->on_event)
		return;
	path = malloc(strlen(s->pattern->folder) + strlen(name) + 1);
	if (!path)
		return;
	stpcpy(stpcpy(path, s->pattern->folder), name);
	event.path = path;
	s->config->on_event(s->config->user, &event);
	free(path);
}

void fileset_tell(const struct fileset *s, enum pcapng_files_what what, const char *name,
		  uint64_t bytes, uint64_t packets)
{
	tell(s, name,
	     (struct pcapng_files_event){ .what = what, .bytes = bytes, .packets = packets });
}

static void tell_kept(const struct fileset *s, const char *name, uint64_t bytes, int error)
{
	tell(s, name,
	     (struct pcapng_files_event){
		     .what = PCAPNG_FILES_KEPT, .bytes = bytes, .error = error });
}

/* File systems round times: files of the same moment go by name, and so by number. */
static int compare(const void *x, const void *y)
{
	const struct fileset_entry *a = x, *b = y;

	if (a->time_ns != b->time_ns)
		return a->time_ns < b->time_ns ? -1 : 1;
	return strcmp(a->name, b->name);
}

void fileset_sort(struct fileset *s)
{
	if (s->n)
		qsort(s->entries, s->n, sizeof(*s->entries), compare);
}

int fileset_append(struct fileset *s, const char *name, uint64_t bytes, int64_t time_ns)
{
	char *copy = strdup(name);

	if (copy && s->n == s->size) {
		size_t size = s->size ? 2 * s->size : 16;
		struct fileset_entry *entries = reallocarray(s->entries, size, sizeof(*entries));

		if (entries) {
			s->entries = entries;
			s->size = size;
		}
	}
	if (!copy || s->n == s->size) {
		free(copy);
		return -ENOMEM;
	}
	s->entries[s->n++] = (struct fileset_entry){ copy, bytes, time_ns, false };
	s->bytes += bytes;
	return 0;
}

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static uint64_t free_bytes(const struct fileset *s)
{
	struct statvfs fs;

	return fstatvfs(s->folder, &fs) < 0 ? UINT64_MAX : (uint64_t)fs.f_bavail * fs.f_frsize;
}

static void remove_entry(struct fileset *s, size_t i)
{
	memmove(s->entries + i, s->entries + i + 1, (s->n - i - 1) * sizeof(*s->entries));
	s->n--;
}

/* Skips the entry from now on, and tells it once for each reason. */
static void keep_entry(struct fileset *s, struct fileset_entry *e, int error)
{
	if (!e->is_kept) {
		s->n_kept++;
		s->bytes -= e->bytes;
	}
	e->is_kept = true;
	if (error == s->kept_error)
		return;
	s->kept_error = error;
	tell_kept(s, e->name, e->bytes, error);
}

static bool delete_entry(struct fileset *s, size_t i)
{
	struct fileset_entry entry = s->entries[i];

	if (unlinkat(s->folder, entry.name, 0) < 0 && errno != ENOENT) {
		keep_entry(s, &s->entries[i], errno);
		return false;
	}
	remove_entry(s, i);
	if (entry.is_kept)
		s->n_kept--;
	else
		s->bytes -= entry.bytes;
	fileset_tell(s, PCAPNG_FILES_DELETED, entry.name, entry.bytes, 0);
	free(entry.name);
	return true;
}

bool fileset_delete_oldest(struct fileset *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (delete_entry(s, i))
			return true;
	return false;
}

/* True: `more` files would exceed a limit. */
static bool is_too_much(const struct fileset *s, uint32_t more)
{
	const struct pcapng_files_config *c = s->config;

	if (s->n == s->n_kept)
		return false;
	return (c->keep_files && s->n - s->n_kept + more > c->keep_files) ||
	       (c->keep_bytes && s->bytes + more * c->max_bytes > c->keep_bytes) ||
	       (c->keep_free && free_bytes(s) < c->keep_free + c->max_bytes);
}

/* A time in the future, after the clock was wrong, starts to count now. */
static void delete_expired(struct fileset *s)
{
	int64_t now = now_ns();

	if (!s->config->keep_age_ns)
		return;
	for (size_t i = 0; i < s->n;) {
		struct fileset_entry *e = &s->entries[i];

		if (e->time_ns > now)
			e->time_ns = now;
		if ((uint64_t)(now - e->time_ns) <= s->config->keep_age_ns || !delete_entry(s, i))
			i++;
	}
}

void fileset_make_room(struct fileset *s, uint32_t more)
{
	delete_expired(s);
	while (is_too_much(s, more) && fileset_delete_oldest(s))
		;
}
