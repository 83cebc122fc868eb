/* SPDX-License-Identifier: MIT */
/*
 * disk.c - the disk's side of a capture: one file after another, and what happens when it is full
 *
 * pattern.c makes names, file.c writes one file, fileset.c decides which old ones stay.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pcapng/clock.h"
#include "pcapng/files/disk.h"

/* How long a full disk is left alone by packets. */
#define RETRY_NS (CLOCK_NS_PER_S / 10)

static bool is_full(ssize_t r)
{
	return r == -ENOSPC || r == -EDQUOT || r == -EFBIG;
}

static const char torn_text[] = ", and it ends within a block";

int disk_fail(struct disk *d, int r, const char *step)
{
	const char *name = *d->file.name ? d->file.name : d->pattern.name;

	d->error = (struct pcapng_error){ .code = r, .offset = d->file.size };
	snprintf(d->error.text, sizeof(d->error.text), "%.80s: %s%s", name ? name : "path", step,
		 d->file.is_torn ? torn_text : "");
	return r;
}

void disk_hold(struct disk *d)
{
	size_t n = strlen(d->error.text);

	if (file_hold(&d->file) < 0 && d->file.is_torn)
		snprintf(d->error.text + n, sizeof(d->error.text) - n, "%s", torn_text);
}

/* A single file's name is no pattern. */
static int init_names(struct disk *d)
{
	int r;

	if (d->config->single)
		return pattern_init_fixed(&d->pattern, d->config->path);
	r = pattern_init(&d->pattern, d->config->path, d->config->name);
	return r < 0 || !d->config->compression ? r : pattern_add_gz(&d->pattern);
}

int disk_init(struct disk *d, const struct pcapng_files_config *config, const char *program)
{
	int r;

	*d = (struct disk){ .config = config, .file.fd = -1, .next.fd = -1, .set.folder = -1 };
	r = init_names(d);
	if (r < 0)
		return disk_fail(d, r, "no such name");
	r = fileset_init(&d->set, &d->pattern, config);
	if (r == 0 && !config->single)
		r = fileset_adopt(&d->set, program);
	if (r < 0)
		return disk_fail(d, r, "opening its folder");
	d->seq = d->set.last_seq;
	fileset_make_room(&d->set, 1);
	return 0;
}

void disk_done(struct disk *d)
{
	file_abandon(&d->file);
	disk_discard_next(d);
	fileset_done(&d->set);
	pattern_done(&d->pattern);
}

/* Something that needs room on the disk. */
struct attempt {
	ssize_t (*run)(struct disk *d, const struct attempt *a);
	const char *step; /* in words */
	const struct iovec *iov;
	int iovcnt;
	const struct file_part *part;
	bool direct;
	time_t now;
};

/*
 * Tries it, as often as there is something to delete. -EAGAIN: there is no room, and it will be tried
 * again. RLIMIT_FSIZE (EFBIG) is a limit of this file: deleting others does not help.
 */
static ssize_t try(struct disk *d, const struct attempt *a)
{
	enum pcapng_full full = d->config->full;
	ssize_t r;

	if (d->retry_ns && clock_ns(CLOCK_MONOTONIC) < d->retry_ns)
		return -EAGAIN;
	r = a->run(d, a);
	while (is_full(r) && r != -EFBIG && full == PCAPNG_FULL_PRUNE && fileset_prune(&d->set))
		r = a->run(d, a);
	d->retry_ns = 0;
	if (is_full(r) && full == PCAPNG_FULL_DROP && d->file.fd >= 0) {
		d->retry_ns = clock_ns(CLOCK_MONOTONIC) + RETRY_NS;
		return -EAGAIN;
	}
	return r < 0 && r != -EAGAIN && r != -ENOMEM ? disk_fail(d, r, a->step) : r;
}

static ssize_t run_write(struct disk *d, const struct attempt *a)
{
	return file_write(&d->file, a->iov, a->iovcnt);
}

ssize_t disk_write(struct disk *d, const struct iovec *iov, int iovcnt)
{
	return try(d, &(struct attempt){ run_write, "writing", .iov = iov, .iovcnt = iovcnt });
}

static ssize_t run_append(struct disk *d, const struct attempt *a)
{
	return file_append(&d->file, a->iov->iov_base, a->iov->iov_len);
}

int disk_append(struct disk *d, const void *data, size_t len)
{
	const struct iovec iov = { (void *)data, len };

	return try(d, &(struct attempt){ run_append, "writing", .iov = &iov });
}

static ssize_t run_put(struct disk *d, const struct attempt *a)
{
	return file_put(&d->file, a->part, a->direct);
}

int disk_put(struct disk *d, const struct file_part *part, bool direct)
{
	return try(d, &(struct attempt){ run_put, "writing", .part = part, .direct = direct });
}

/* The first free name; names of the same second differ by their number. */
static ssize_t run_begin(struct disk *d, const struct attempt *a)
{
	mode_t mode = d->config->mode;
	char name[NAME_MAX + 1];
	int r = -EEXIST;

	if (d->config->single)
		return file_begin(&d->next, d->set.folder, d->pattern.name, true, mode);
	for (int tries = 0; r == -EEXIST && tries < 1000; tries++) {
		pattern_format(&d->pattern, ++d->seq, a->now, name);
		r = file_begin(&d->next, d->set.folder, name, false, mode);
	}
	return r;
}

int disk_create_next(struct disk *d, time_t now)
{
	if (d->next.fd >= 0)
		return 0;
	return try(d, &(struct attempt){ run_begin, "beginning it", .now = now });
}

void disk_begin_next(struct disk *d)
{
	d->file = d->next;
	d->next.fd = -1;
	if (d->config->direct_io != PCAPNG_DIRECT_IO_OFF)
		file_allow_direct(&d->file, d->config->direct_io == PCAPNG_DIRECT_IO_ON);
	fileset_tell(&d->set, PCAPNG_FILES_OPENED, d->file.name, 0, 0);
}

void disk_discard_next(struct disk *d)
{
	if (d->next.fd >= 0 && !d->config->single)
		file_discard(&d->next);
	file_abandon(&d->next);
}

/* The name of a new file is in its folder, which fdatasync() does not look at. */
int disk_sync(struct disk *d)
{
	if (d->has_unsynced && syncfs(d->set.folder) < 0)
		return disk_fail(d, -errno, "syncfs");
	if (fdatasync(d->file.fd) < 0)
		return disk_fail(d, -errno, "fdatasync");
	if (!d->file.is_listed)
		(void)fsync(d->set.folder); /* not every file system can */
	d->file.is_listed = true;
	d->has_unsynced = false;
	return 0;
}

int disk_end(struct disk *d, uint64_t packets)
{
	uint64_t bytes = d->file.size;
	int r;

	/* Not even a header had room: nothing that a name could promise. */
	if (!bytes && !d->config->single) {
		file_discard(&d->file);
		return 0;
	}
	r = file_end(&d->file, d->config->sync);
	if (r < 0)
		return disk_fail(d, r, "ending it");
	d->has_unsynced |= !d->config->sync;
	fileset_tell(&d->set, PCAPNG_FILES_FINISHED, d->file.name, bytes, packets);
	if (!d->config->single)
		r = fileset_append(&d->set, d->file.name, bytes, clock_ns(CLOCK_REALTIME));
	return r;
}
