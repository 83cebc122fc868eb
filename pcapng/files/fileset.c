/* SPDX-License-Identifier: MIT */
/*
 * fileset.c - the finished files of a set, oldest first, and which of them stay
 *
 * A set belongs to a pattern of names. What an earlier run left is taken over if its name fits the
 * pattern and its section header names the same program, so that a limit holds across restarts; any
 * other file in the folder is somebody else's. Files are opened and deleted relative to the folder
 * that was opened at the beginning: it may be renamed meanwhile.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "pcapng/files/file.h"
#include "pcapng/files/gzip.h"
#include "pcapng/files/recover.h"
#include "pcapng/files/fileset.h"

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

void fileset_tell(const struct fileset *s, enum pcapng_files_what what, const char *name,
		  uint64_t bytes, uint64_t packets)
{
	struct pcapng_files_event event = { .what = what, .bytes = bytes, .packets = packets };
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

/* File systems round times: files of the same moment go by name, and so by number. */
static int compare(const void *x, const void *y)
{
	const struct fileset_entry *a = x, *b = y;

	if (a->time_ns != b->time_ns)
		return a->time_ns < b->time_ns ? -1 : 1;
	return strcmp(a->name, b->name);
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
	s->entries[s->n++] = (struct fileset_entry){ copy, bytes, time_ns };
	s->bytes += bytes;
	return 0;
}

bool fileset_delete_oldest(struct fileset *s)
{
	struct fileset_entry entry;

	if (!s->n)
		return false;
	entry = s->entries[0];
	if (unlinkat(s->folder, entry.name, 0) < 0 && errno != ENOENT)
		return false;
	memmove(s->entries, s->entries + 1, (s->n - 1) * sizeof(entry));
	s->n--;
	s->bytes -= entry.bytes;
	fileset_tell(s, PCAPNG_FILES_DELETED, entry.name, entry.bytes, 0);
	free(entry.name);
	return true;
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

/* True: one more file would be beyond a limit. */
static bool is_too_much(const struct fileset *s)
{
	const struct pcapng_files_config *c = s->config;

	if (!s->n)
		return false;
	return (c->keep_files && s->n + 1 > c->keep_files) ||
	       (c->keep_bytes && s->bytes + c->max_bytes > c->keep_bytes) ||
	       (c->keep_age_ns && now_ns() - s->entries[0].time_ns > (int64_t)c->keep_age_ns) ||
	       (c->keep_free && free_bytes(s) < c->keep_free + c->max_bytes);
}

void fileset_make_room(struct fileset *s)
{
	while (is_too_much(s) && fileset_delete_oldest(s))
		;
}

/* True: the file begins with a section header that names `program`. */
static bool is_by_program(int fd, const char *program)
{
	uint32_t head[2] = { 0 };
	char text[2048];
	ssize_t n = gzip_is_one(fd) ? (ssize_t)gzip_read_start(fd, text, sizeof(text))
				    : pread(fd, text, sizeof(text), 0);

	if (n < (ssize_t)sizeof(head))
		return false;
	memcpy(head, text, sizeof(head));
	return head[0] == PCAPNG_BLOCK_SHB &&
	       (!program || memmem(text, n, program, strcspn(program, " ")));
}

static int adopt_finished(struct fileset *s, const char *name, int fd, uint32_t seq)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	if (seq > s->last_seq)
		s->last_seq = seq;
	return fileset_append(s, name, st.st_size,
			      (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec);
}

/* Takes "-recovered", or the "-2" of a name that was taken, from a name's stem. */
static bool strip_addition(char *name)
{
	size_t stem = file_stem(name), from = stem;

	while (from > 0 && name[from - 1] >= '0' && name[from - 1] <= '9')
		from--;
	if (from == stem)
		from = stem > 9 && !memcmp(name + stem - 9, "recovered", 9) ? stem - 9 : 0;
	if (from == 0 || name[from - 1] != '-')
		return false;
	memmove(name + from - 1, name + stem, strlen(name + stem) + 1);
	return true;
}

/* True: the name fits the pattern, as it is or without what may have been added. */
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

/* "cap.pcapng" to "cap-recovered.pcapng". */
static void recovered_name(const char *name, char out[NAME_MAX + 1])
{
	size_t stem = file_stem(name);

	stpcpy(stpcpy(stpncpy(out, name, stem), "-recovered"), name + stem);
}

/* A .part that nobody has locked; one without a whole section header is left as it is. */
static void recover_part(struct fileset *s, const char *part, const char *name, int fd)
{
	char recovered[NAME_MAX + 1] = { 0 };
	uint64_t bytes;

	if (flock(fd, LOCK_EX | LOCK_NB) < 0 || recover_fd(fd, &bytes) < 0)
		return;
	recovered_name(name, recovered);
	if (file_rename(s->folder, part, recovered) == 0)
		fileset_tell(s, PCAPNG_FILES_RECOVERED, recovered, bytes, 0);
}

/* A crash before the first byte leaves no more than a name. */
static bool delete_empty(struct fileset *s, const char *part, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size)
		return false;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 && !st.st_size)
		(void)unlinkat(s->folder, part, 0);
	return true;
}

/* `parts`: those that are to be recovered, or else the finished ones. */
static int adopt_one(struct fileset *s, const char *file, const char *program, bool parts)
{
	char name[NAME_MAX + 1];
	const char *dot = strrchr(file, '.');
	bool is_part = dot && !strcmp(dot, ".part");
	uint32_t seq = 0;
	int fd, r = 0;

	stpcpy(name, file);
	if (is_part)
		name[dot - file] = '\0';
	if (is_part != parts || !is_in_set(s, name, &seq))
		return 0;
	fd = openat(s->folder, file,
		    (is_part ? O_RDWR : O_RDONLY) | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return 0;
	if (is_part && delete_empty(s, file, fd))
		r = 0;
	else if (is_by_program(fd, program) && is_part)
		recover_part(s, file, name, fd);
	else if (is_by_program(fd, program))
		r = adopt_finished(s, file, fd, seq);
	close(fd);
	return r;
}

int fileset_adopt(struct fileset *s, const char *program)
{
	int fd = fcntl(s->folder, F_DUPFD_CLOEXEC, 0), r = 0;
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!folder) {
		r = -errno;
		if (fd >= 0)
			close(fd);
		return r;
	}
	while (r == 0 && (entry = readdir(folder)))
		r = adopt_one(s, entry->d_name, program, true);
	rewinddir(folder);
	while (r == 0 && (entry = readdir(folder)))
		r = adopt_one(s, entry->d_name, program, false);
	closedir(folder);
	if (s->n)
		qsort(s->entries, s->n, sizeof(*s->entries), compare);
	return r;
}
