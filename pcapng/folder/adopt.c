/* SPDX-License-Identifier: MIT */
/*
 * adopt.c - takes over the files that earlier runs left in the folder
 *
 * A set belongs to a pattern of names. A file joins it if its name fits the pattern and its section
 * header names the same program, so that a limit holds across restarts; any other file belongs to
 * somebody else. Whoever can write to the folder can put any name and any content there: only
 * regular files are opened, names that were made longer than the pattern are bounded, and a .part
 * with a second hard link is left alone, for its content may be another file's.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pcapng/file/file.h"
#include "pcapng/folder/fileset.h"
#include "pcapng/file/recover.h"
#include "pcapng/folder/section.h"

/* A name that was taken gets -2 to -999. */
#define NUMBER_DIGITS 3
/* Recovery delays the capture: systemd waits 90 s, and a user less. */
#define RECOVER_NS UINT64_C(5000000000)

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

/* Removes "-recovered", or the "-2" of a name that was taken, from a name's stem. */
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

/* "cap.pcapng" to "cap-recovered.pcapng". False: too long, with room for a number. */
static bool recovered_name(const char *name, char out[NAME_MAX + 1])
{
	size_t stem = file_stem(name);

	if (strlen(name) + strlen("-recovered-999") > NAME_MAX)
		return false;
	memcpy(out, name, stem);
	stpcpy(stpcpy(out + stem, "-recovered"), name + stem);
	return true;
}

/* Recovers a .part that nobody has locked; leaves one without a complete section header as it is. */
static void recover_part(struct fileset *s, const char *part, const char *name, int fd)
{
	char recovered[NAME_MAX + 1];
	uint64_t bytes;

	if (!recovered_name(name, recovered) || flock(fd, LOCK_EX | LOCK_NB) < 0 ||
	    recover_fd(fd, s->deadline_ns, &bytes) < 0)
		return;
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

/* Opens a regular file, nothing else: opening a device can do something. -1: none of ours. */
static int open_file(const struct fileset *s, const char *file, bool is_part)
{
	int flags = (is_part ? O_RDWR : O_RDONLY) | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
	struct stat st;
	int fd;

	if (fstatat(s->folder, file, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return -1;
	fd = openat(s->folder, file, flags);
	if (fd >= 0 &&
	    (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (is_part && st.st_nlink > 1))) {
		close(fd);
		return -1;
	}
	return fd;
}

/* `parts`: only those, which are recovered; else only finished files. */
static int adopt_one(struct fileset *s, const char *file, const char *program, bool parts)
{
	char name[NAME_MAX + 1];
	const char *dot = strrchr(file, '.');
	bool is_part = dot && !strcmp(dot, ".part");
	uint32_t seq = 0;
	int fd, r = 0;

	if (is_part != parts || strlen(file) > NAME_MAX)
		return 0;
	stpcpy(name, file);
	if (is_part)
		name[dot - file] = '\0';
	fd = is_in_set(s, name, &seq) ? open_file(s, file, is_part) : -1;
	if (fd < 0)
		return 0;
	if (is_part && delete_empty(s, file, fd))
		r = 0;
	else if (section_is_by(fd, program) && is_part)
		recover_part(s, file, name, fd);
	else if (section_is_by(fd, program))
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
	s->deadline_ns = recover_now_ns() + RECOVER_NS;
	while (r == 0 && !recover_is_late(s->deadline_ns) && (entry = readdir(folder)))
		r = adopt_one(s, entry->d_name, program, true);
	rewinddir(folder);
	while (r == 0 && (entry = readdir(folder)))
		r = adopt_one(s, entry->d_name, program, false);
	closedir(folder);
	fileset_sort(s);
	return r;
}
