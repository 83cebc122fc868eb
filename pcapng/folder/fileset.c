/* SPDX-License-Identifier: MIT */
/*
 * fileset.c - the finished files of a set, oldest first, and which of them stay
 *
 * A file belongs to the set if its name matches the pattern and its section header names the same
 * program, so limits hold across restarts. Any other file belongs to somebody else. Anybody who can
 * write to the folder can create any name with any content, so the scan opens only regular files,
 * bounds what may be appended to a name, and leaves a .part with a second hard link alone: its content
 * may be another file's. recovery.c recovers the .part files while the capture runs; this file takes
 * in its results.
 *
 * Files are deleted relative to the folder as it was opened, because it may be renamed later. A file
 * that cannot be deleted no longer counts for the limits, and the next oldest is deleted instead.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "pcapng/clock.h"
#include "pcapng/file/file.h"
#include "pcapng/folder/fileset.h"
#include "pcapng/folder/recovery.h"
#include "pcapng/folder/section.h"

/* If a name exists, the file gets -2 to -999. */
#define NUMBER_DIGITS 3
/* How often the caller looks for recovered files. */
#define RECOVERY_MS 100

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
	recovery_free(s->recovery);
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

void fileset_tell_error(const struct fileset *s, enum pcapng_files_what what, const char *name,
			uint64_t bytes, int error)
{
	tell(s, name, (struct pcapng_files_event){ .what = what, .bytes = bytes, .error = error });
}

/* File systems round times: equal times are ordered by name, and so by number. */
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
	s->n_earlier = s->n;
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

int fileset_insert(struct fileset *s, const char *name, uint64_t bytes, int64_t time_ns)
{
	int r = fileset_append(s, name, bytes, time_ns);
	struct fileset_entry entry;
	size_t i = s->n_earlier;

	if (r < 0)
		return r;
	entry = s->entries[s->n - 1];
	while (i > 0 && compare(&entry, &s->entries[i - 1]) < 0)
		i--;
	memmove(s->entries + i + 1, s->entries + i, (s->n - 1 - i) * sizeof(entry));
	s->entries[i] = entry;
	s->n_earlier++;
	return 0;
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
	s->n_earlier -= i < s->n_earlier;
}

/* Skips the entry from now on, and reports each reason once. */
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
	fileset_tell_error(s, PCAPNG_FILES_KEPT, e->name, e->bytes, error);
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

/*
 * True: `more` files would exceed a limit. A .part counts while it waits for recovery, but only while
 * there are files of earlier runs to delete: they are older. No file of this run is deleted for it.
 */
static bool is_too_much(const struct fileset *s, uint32_t more)
{
	const struct pcapng_files_config *c = s->config;
	size_t n = s->n - s->n_kept + more + (s->n_earlier ? s->n_parts : 0);
	uint64_t bytes = s->bytes + more * c->max_bytes + (s->n_earlier ? s->part_bytes : 0);

	if (s->n == s->n_kept)
		return false;
	return (c->keep_files && n > c->keep_files) || (c->keep_bytes && bytes > c->keep_bytes) ||
	       (c->keep_free && free_bytes(s) < c->keep_free + c->max_bytes);
}

/* A time in the future, from a clock that was wrong, counts as now. */
static void delete_expired(struct fileset *s)
{
	int64_t now = (int64_t)clock_ns(CLOCK_REALTIME);

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

/* Removes "-recovered", or a number such as "-2", from a name's stem. */
static bool strip_addition(char *name)
{
	size_t stem = file_stem(name), from = stem;

	while (from > 0 && name[from - 1] >= '0' && name[from - 1] <= '9')
		from--;
	if (stem - from > NUMBER_DIGITS)
		return false;
	if (from == stem)
		from = stem > 9 && !memcmp(name + stem - 9, "recovered", 9) ? stem - 9 : 0;
	if (from == 0 || name[from - 1] != '-')
		return false;
	memmove(name + from - 1, name + stem, strlen(name + stem) + 1);
	return true;
}

/* True: the name matches the pattern, as it is or without such additions. */
static bool is_in_set(const struct fileset *s, const char *file, uint32_t *ret_seq)
{
	char name[NAME_MAX + 1];
	bool matches;

	stpcpy(name, file);
	matches = pattern_matches(s->pattern, name, ret_seq);
	for (int i = 0; i < 2 && !matches && strip_addition(name); i++)
		matches = pattern_matches(s->pattern, name, ret_seq);
	return matches;
}

/* A crash before the first byte leaves an empty file. */
static bool delete_empty(struct fileset *s, const char *part, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size)
		return false;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 && !st.st_size)
		(void)unlinkat(s->folder, part, 0);
	return true;
}

/* No new file gets this number, whether or not the .part is recovered. */
static void count_seq(struct fileset *s, uint32_t seq)
{
	if (seq > s->last_seq)
		s->last_seq = seq;
}

static int64_t time_of(const struct stat *st)
{
	return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

static int adopt_finished(struct fileset *s, const char *name, int fd, uint32_t seq)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return 0;
	count_seq(s, seq);
	return fileset_append(s, name, st.st_size, time_of(&st));
}

static int adopt_part(struct fileset *s, const char *part, int fd, uint32_t seq)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return 0;
	count_seq(s, seq);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return 0; /* another process is writing or recovering it */
	s->n_parts++;
	s->part_bytes += st.st_size;
	return recovery_add(s->recovery, part, st.st_size, time_of(&st));
}

/*
 * A .part that we may not write, because another user ran the capture, or it is immutable: this is told, unless it
 * is in use or, as far as it can be read, another program's.
 */
static void tell_closed(struct fileset *s, const char *part, const char *program, int error)
{
	int fd = section_open(s->folder, part, false);
	bool is_ours = fd < 0 || (section_is_by(fd, program) &&
				  !(flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK));
	struct stat st = { 0 };

	if (fd >= 0)
		close(fd);
	if (!is_ours || fstatat(s->folder, part, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	fileset_tell_error(s, PCAPNG_FILES_LEFT, part, st.st_size, error);
}

static int adopt_one(struct fileset *s, const char *file, const char *program)
{
	char name[NAME_MAX + 1];
	const char *dot = strrchr(file, '.');
	bool is_part = dot && !strcmp(dot, ".part");
	uint32_t seq = 0;
	int fd, r = 0;

	if (strlen(file) > NAME_MAX)
		return 0;
	stpcpy(name, file);
	if (is_part)
		name[dot - file] = '\0';
	if (!is_in_set(s, name, &seq))
		return 0;
	fd = section_open(s->folder, file, is_part);
	if (is_part && (fd == -EACCES || fd == -EPERM || fd == -EROFS))
		tell_closed(s, file, program, -fd);
	if (fd < 0)
		return 0;
	if (!(is_part && delete_empty(s, file, fd)) && section_is_by(fd, program))
		r = is_part ? adopt_part(s, file, fd, seq) : adopt_finished(s, file, fd, seq);
	close(fd);
	return r;
}

int fileset_adopt(struct fileset *s, const char *program)
{
	int r = recovery_new(s->folder, program, &s->recovery);
	int fd = r < 0 ? -1 : fcntl(s->folder, F_DUPFD_CLOEXEC, 0);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!folder) {
		r = r < 0 ? r : -errno;
		if (fd >= 0)
			close(fd);
		return r;
	}
	while (r == 0 && (entry = readdir(folder)))
		r = adopt_one(s, entry->d_name, program);
	closedir(folder);
	fileset_sort(s);
	return r;
}

void fileset_recover(struct fileset *s)
{
	if (s->recovery)
		recovery_start(s->recovery);
}

/* EBUSY: another process is writing it, which is no news. */
static void take_recovered(struct fileset *s, const struct recovery_file *f)
{
	s->n_parts--;
	s->part_bytes -= f->part_bytes;
	if (f->error && f->error != EBUSY)
		fileset_tell_error(s, PCAPNG_FILES_LEFT, f->part, f->bytes, f->error);
	if (f->error)
		return;
	fileset_tell(s, PCAPNG_FILES_RECOVERED, f->name, f->bytes, 0);
	/* Without memory it counts only from the next start. */
	(void)fileset_insert(s, f->name, f->bytes, f->time_ns);
}

/* True: there were some. */
static bool take_all_recovered(struct fileset *s)
{
	const struct recovery_file *f;
	bool any = false;

	while (s->recovery && (f = recovery_next(s->recovery))) {
		take_recovered(s, f);
		any = true;
	}
	return any;
}

void fileset_take_recovered(struct fileset *s)
{
	if (take_all_recovered(s))
		fileset_make_room(s, 1);
}

static bool discard_part(struct fileset *s)
{
	const struct recovery_file *f = recovery_discard(s->recovery);

	if (!f)
		return false;
	s->n_parts--;
	s->part_bytes -= f->part_bytes;
	fileset_tell(s, PCAPNG_FILES_DELETED, f->part, f->part_bytes, 0);
	return true;
}

static bool delete_earlier(struct fileset *s)
{
	for (size_t i = 0; i < s->n_earlier; i++)
		if (delete_entry(s, i))
			return true;
	return false;
}

/* What recovery has finished meanwhile is an earlier file. */
static bool prune_parts(struct fileset *s)
{
	bool is_done;

	recovery_pause(s->recovery);
	(void)take_all_recovered(s);
	is_done = delete_earlier(s) || discard_part(s);
	recovery_resume(s->recovery);
	return is_done;
}

bool fileset_prune(struct fileset *s)
{
	return delete_earlier(s) || (s->n_parts && prune_parts(s)) || fileset_delete_oldest(s);
}

int fileset_timeout_ms(const struct fileset *s, int ms)
{
	bool later = ms < 0 || ms > RECOVERY_MS;

	return s->recovery && recovery_is_active(s->recovery) && later ? RECOVERY_MS : ms;
}

void fileset_stop_recovery(struct fileset *s)
{
	if (s->recovery)
		recovery_stop(s->recovery);
	fileset_take_recovered(s);
}
