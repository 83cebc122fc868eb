/* SPDX-License-Identifier: MIT */
/*
 * files.c - writes a capture to one file after another
 *
 * It uses the public writer and is the writer's output. A rotation creates the next file, adds
 * statistics, flushes, renames the old file, applies retention, and calls pcapng_writer_restart().
 * pattern.c makes names, file.c writes one file, fileset.c decides which old ones stay, deadline.c
 * when a file ends by time.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pcapng/config.h"
#include "pcapng/files/deadline.h"
#include "pcapng/files/file.h"
#include "pcapng/files.h"
#include "pcapng/files/gzip.h"
#include "pcapng/files/fileset.h"
#include "pcapng/files/tally.h"

#define NS_PER_S UINT64_C(1000000000)
/* More than an Interface Statistics Block with all counters and both times requires. */
#define STATS_BYTES 160
/* How long a full disk is left alone by packets. */
#define RETRY_NS (NS_PER_S / 10)
/* Also zlib's. */
#define DEFAULT_GZIP_LEVEL 6

struct pcapng_files {
	struct pcapng_files_config config;
	struct pattern pattern;
	struct fileset set;
	struct file file, next; /* next: created, while the current one ends */
	struct gzip *gzip;	/* NULL: not compressed */
	struct pcapng_writer *writer;
	struct tally tally;
	int broken; /* the sticky error, 0: none */
	uint32_t seq;
	uint32_t interfaces;
	uint32_t finished; /* files */
	uint64_t packets;  /* in this file */
	struct deadline deadline;
	uint64_t retry_ns;	   /* monotonic; on a full disk: not before */
	bool has_stats;		   /* the file's end is written, only the output is slow */
	struct pcapng_error error; /* of what broke it */
};

static uint64_t clock_ns(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static bool is_full(ssize_t r)
{
	return r == -ENOSPC || r == -EDQUOT || r == -EFBIG;
}

/* Records the file and the step; the code says why. Returns `r`. */
static int fail(struct pcapng_files *f, int r, const char *step)
{
	const char *name = *f->file.name ? f->file.name : f->pattern.name;

	f->error = (struct pcapng_error){ .code = r, .offset = f->file.size };
	snprintf(f->error.text, sizeof(f->error.text), "%.90s: %s", name ? name : "path", step);
	return r;
}

/* No pieces: what was compressed goes to the file. */
static ssize_t output_once(struct pcapng_files *f, const struct iovec *iov, int iovcnt)
{
	if (!f->gzip)
		return file_write(&f->file, iov, iovcnt);
	return iovcnt ? gzip_write(f->gzip, iov, iovcnt) : gzip_flush(f->gzip);
}

/* The bytes of the writer's stream that are in this file. */
static uint64_t committed_bytes(const struct pcapng_files *f)
{
	return f->gzip ? gzip_committed(f->gzip) : f->file.size;
}

static ssize_t files_output(void *user, const struct iovec *iov, int iovcnt)
{
	struct pcapng_files *f = user;
	ssize_t r;

	if (f->retry_ns && clock_ns(CLOCK_MONOTONIC) < f->retry_ns)
		return -EAGAIN;
	r = output_once(f, iov, iovcnt);
	/* RLIMIT_FSIZE (EFBIG) is a limit of this file: deleting others does not help. */
	while (is_full(r) && r != -EFBIG && f->config.full == PCAPNG_FULL_PRUNE &&
	       fileset_delete_oldest(&f->set))
		r = output_once(f, iov, iovcnt);
	f->retry_ns = 0;
	if (is_full(r) && f->config.full == PCAPNG_FULL_DROP) {
		f->retry_ns = clock_ns(CLOCK_MONOTONIC) + RETRY_NS;
		return -EAGAIN;
	}
	return r < 0 && r != -EAGAIN && r != -ENOMEM ? fail(f, r, "writing") : r;
}

/* Everything, into the file, also if the disk was full just now: 0 or -errno. */
static int drain(struct pcapng_files *f)
{
	int r;

	f->retry_ns = 0;
	r = pcapng_writer_flush(f->writer);
	return r < 0 || !f->gzip ? r : (int)files_output(f, NULL, 0);
}

/* The first free name; names of the same second differ by their number. */
static int begin_named(struct pcapng_files *f, struct file *file)
{
	mode_t mode = f->config.mode ? f->config.mode : 0640;
	char name[NAME_MAX + 1];
	int r = -EEXIST;

	if (f->config.single)
		return file_begin(file, f->set.folder, f->pattern.name, true, mode);
	for (int tries = 0; r == -EEXIST && tries < 1000; tries++) {
		pattern_format(&f->pattern, ++f->seq, time(NULL), name);
		r = file_begin(file, f->set.folder, name, false, mode);
	}
	return r;
}

/* Creates the next file, unless it is there. A disk without inodes is full, too. 0 or -errno. */
static int create_next(struct pcapng_files *f)
{
	int r;

	if (f->next.fd >= 0)
		return 0;
	if (f->retry_ns && clock_ns(CLOCK_MONOTONIC) < f->retry_ns)
		return -EAGAIN;
	r = begin_named(f, &f->next);
	while (is_full(r) && f->config.full == PCAPNG_FULL_PRUNE && fileset_delete_oldest(&f->set))
		r = begin_named(f, &f->next);
	f->retry_ns = 0;
	if (is_full(r) && f->config.full == PCAPNG_FULL_DROP && f->file.fd >= 0) {
		f->retry_ns = clock_ns(CLOCK_MONOTONIC) + RETRY_NS;
		return -EAGAIN;
	}
	return r < 0 ? fail(f, r, "beginning it") : 0;
}

/* The file that create_next() created is the current one now. */
static void begin_file(struct pcapng_files *f)
{
	f->file = f->next;
	f->next.fd = -1;
	if (f->gzip)
		gzip_restart(f->gzip);
	f->packets = 0;
	f->has_stats = false;
	deadline_start(&f->deadline, &f->config);
	fileset_tell(&f->set, PCAPNG_FILES_OPENED, f->file.name, 0, 0);
}

/* The section header at once, so that what a crash leaves can be told to be ours. */
static int write_begin(struct pcapng_files *f)
{
	int r = drain(f);

	return r == -EAGAIN ? 0 : r;
}

/* Adds statistics at the end, once, however many calls the output requires. */
static int write_end(struct pcapng_files *f)
{
	int r = drain(f);

	if (r < 0)
		return r;
	if (!f->has_stats && f->config.add_stats)
		r = f->config.add_stats(f->config.user, f->writer);
	f->has_stats = r == 0;
	return r < 0 ? r : drain(f);
}

static int name_file(struct pcapng_files *f)
{
	uint64_t bytes;
	int r;

	if (f->gzip)
		(void)gzip_flush(f->gzip); /* who cares has asked already; the file is ours now */
	bytes = f->file.size;
	tally_commit(&f->tally, committed_bytes(f));
	if (!bytes && !f->config.single) {
		file_discard(
			&f->file); /* not even a header had room: nothing that a name could promise */
		return 0;
	}
	r = file_end(&f->file, f->config.sync);
	if (r < 0)
		return fail(f, r, "ending it");
	f->finished++;
	fileset_tell(&f->set, PCAPNG_FILES_FINISHED, f->file.name, bytes, f->packets);
	if (f->config.single)
		return 0;
	return fileset_append(&f->set, f->file.name, bytes, clock_ns(CLOCK_REALTIME));
}

static int stick(struct pcapng_files *f, int r)
{
	if (r < 0 && r != -EAGAIN && r != -EINVAL) {
		if (f->error.code != r)
			f->error = *pcapng_writer_error(f->writer);
		f->broken = r;
	}
	return r;
}

static bool is_last(const struct pcapng_files *f)
{
	return f->config.max_files && f->finished + 1 >= f->config.max_files;
}

int pcapng_files_rotate(struct pcapng_files *f)
{
	int r;

	if (f->broken || f->config.single)
		return f->broken ? f->broken : -EINVAL;
	/* First: without room for the next file, this one goes on. */
	r = is_last(f) ? 0 : create_next(f);
	if (r == 0)
		r = write_end(f);
	if (r < 0)
		return stick(f, r);
	r = name_file(f);
	if (r == 0 && f->next.fd < 0)
		r = fail(f, -ESHUTDOWN, "it was the last");
	if (r < 0)
		return stick(f, r);
	fileset_take_recovered(&f->set);
	fileset_make_room(&f->set, 1);
	begin_file(f);
	r = pcapng_writer_restart(f->writer);
	if (r == 0)
		r = write_begin(f);
	return stick(f, r);
}

static uint64_t stats_bytes(const struct pcapng_files *f)
{
	if (!f->config.add_stats)
		return 0;
	return f->config.stats_bytes ? f->config.stats_bytes : f->interfaces * STATS_BYTES;
}

/* True: the file has packets and has no room for this one within its limits. */
static bool needs_new_file(struct pcapng_files *f, const struct pcapng_packet *p)
{
	uint64_t limit = f->config.max_bytes, used = pcapng_writer_bytes(f->writer);
	ssize_t size;

	if (f->config.single || !f->packets)
		return false;
	if (f->config.max_packets && f->packets >= f->config.max_packets)
		return true;
	if (!limit)
		return false;
	used += stats_bytes(f);
	if (!p->n_frags && p->caplen + used + 4096 < limit && !p->options.n_comments &&
	    !p->options.n_custom && !p->options.n_extra && !p->n_hashes && !p->n_verdicts)
		return false; /* far from it: no need to measure */
	size = pcapng_writer_size_packet(f->writer, p);
	return size > 0 && used + size > limit;
}

int pcapng_files_add_packet(struct pcapng_files *f, const struct pcapng_packet *packet)
{
	int r;

	if (f->broken)
		return f->broken;
	if (needs_new_file(f, packet)) {
		r = pcapng_files_rotate(f);
		if (r < 0)
			return r;
	}
	r = packet->interface >= f->interfaces /* the writer refuses it */
		    ? 0
		    : tally_reserve(&f->tally, packet->interface, committed_bytes(f));
	if (r < 0)
		return r;
	r = pcapng_writer_add_packet(f->writer, packet);
	if (r < 0)
		return stick(f, r);
	tally_add(&f->tally, packet->interface, pcapng_writer_bytes(f->writer));
	f->packets++;
	return 0;
}

uint64_t pcapng_files_packets(struct pcapng_files *f, uint32_t interface)
{
	if (f->file.fd >= 0)
		tally_commit(&f->tally, committed_bytes(f));
	return tally_committed(&f->tally, interface);
}

int pcapng_files_add_interface(struct pcapng_files *f, const struct pcapng_interface *interface,
			       uint32_t *ret_id)
{
	int r = f->broken ? f->broken : pcapng_writer_add_interface(f->writer, interface, ret_id);

	f->interfaces += r == 0;
	return stick(f, r);
}

/* Nanoseconds until the file ends by time, UINT64_MAX: never. */
static uint64_t time_left(const struct pcapng_files *f)
{
	bool never = f->config.single || (f->config.skip_empty && !f->packets);

	return never ? UINT64_MAX : deadline_left(&f->deadline, &f->config);
}

static int sync_file(struct pcapng_files *f)
{
	int r = drain(f);

	deadline_synced(&f->deadline);
	if (r == 0 && fdatasync(f->file.fd) < 0)
		r = fail(f, -errno, "fdatasync");
	return r == -EAGAIN ? 0 : r;
}

int pcapng_files_tick(struct pcapng_files *f)
{
	fileset_take_recovered(&f->set);
	if (f->broken)
		return f->broken;
	if (time_left(f) == 0)
		return pcapng_files_rotate(f);
	return deadline_sync_left(&f->deadline, &f->config) == 0 ? stick(f, sync_file(f)) : 0;
}

int pcapng_files_timeout_ms(const struct pcapng_files *f)
{
	int ms = f->broken ? -1 : deadline_timeout_ms(&f->deadline, &f->config, time_left(f));

	return fileset_timeout_ms(&f->set, ms);
}

int pcapng_files_flush(struct pcapng_files *f)
{
	return f->broken ? f->broken : stick(f, drain(f));
}

static void discard_next(struct pcapng_files *f)
{
	if (f->next.fd >= 0 && !f->config.single)
		file_discard(&f->next);
	file_abandon(&f->next);
}

int pcapng_files_close(struct pcapng_files *f)
{
	int r = f->broken, named;

	fileset_stop_recovery(&f->set);
	discard_next(f);
	if (f->file.fd < 0)
		return r;
	if (r == 0)
		r = write_end(f);
	if (r == -EAGAIN)
		r = fail(f, -ENOSPC, "writing"); /* there is no later */
	(void)stick(f, r);
	named = name_file(f);
	if (r == 0)
		r = stick(f, named);
	f->broken = r < 0 ? r : -ESHUTDOWN;
	return r;
}

const struct pcapng_error *pcapng_files_error(const struct pcapng_files *f)
{
	return f->error.code ? &f->error : pcapng_writer_error(f->writer);
}

struct pcapng_writer *pcapng_files_writer(struct pcapng_files *f)
{
	return f->writer;
}

void pcapng_files_free(struct pcapng_files *f)
{
	if (!f)
		return;
	gzip_free(f->gzip);
	tally_done(&f->tally);
	file_abandon(&f->file);
	discard_next(f);
	pcapng_writer_free(f->writer);
	fileset_done(&f->set);
	pattern_done(&f->pattern);
	free(f);
}

/* A single file's name is no pattern. */
static int init_names(struct pcapng_files *f, const char *path, const char *name)
{
	int r;

	if (f->config.single)
		return pattern_init_fixed(&f->pattern, path);
	r = pattern_init(&f->pattern, path, name);
	return r < 0 || !f->config.compression ? r : pattern_add_gz(&f->pattern);
}

static int files_init(struct pcapng_files *f, const struct pcapng_section *section,
		      const struct pcapng_writer_config *writer)
{
	struct pcapng_writer_config with_error = { .size = sizeof(with_error) };
	int r = init_names(f, f->config.path, f->config.name);

	f->config.path = f->config.name = NULL; /* the caller's */
	if (r < 0)
		return fail(f, r, "no such name");
	r = fileset_init(&f->set, &f->pattern, &f->config);
	if (r == 0 && !f->config.single)
		r = fileset_adopt(&f->set, section ? section->userappl : NULL);
	if (r < 0)
		return fail(f, r, "opening its folder");
	f->seq = f->set.last_seq;
	r = writer ? config_read(&with_error, sizeof(with_error), writer) : 0;
	if (r < 0)
		return fail(f, r, "the writer's config");
	with_error.error = &f->error;
	r = pcapng_writer_new(section, &with_error, files_output, f, &f->writer);
	if (r == 0 && f->config.compression)
		r = gzip_new(f->config.compression_level, &f->file, &f->gzip);
	if (r < 0)
		return r;
	fileset_make_room(&f->set, 1);
	r = create_next(f);
	if (r < 0)
		return r;
	begin_file(f);
	return write_begin(f);
}

CONFIG_ENDS_WITH(pcapng_files_config, error);

/* The caller's, complete and within its limits. 0 or -errno. */
static int read_config(struct pcapng_files_config *ours, const struct pcapng_files_config *theirs)
{
	int r = config_read(ours, sizeof(*ours), theirs);

	if (r < 0)
		return r;
	if (ours->compression > PCAPNG_COMPRESSION_GZIP)
		return -EOPNOTSUPP;
	if (!ours->path || ours->full > PCAPNG_FULL_DROP || ours->compression_level < 0 ||
	    ours->compression_level > (ours->compression ? 9 : 0))
		return -EINVAL;
	if (!ours->compression_level)
		ours->compression_level = DEFAULT_GZIP_LEVEL;
	return 0;
}

int pcapng_files_new(const struct pcapng_section *section,
		     const struct pcapng_writer_config *writer,
		     const struct pcapng_files_config *config, struct pcapng_files **ret)
{
	struct pcapng_files_config ours;
	struct pcapng_files *f;
	int r = read_config(&ours, config);

	if (r < 0)
		return r;
	f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	f->file.fd = f->next.fd = -1;
	f->set.folder = -1;
	f->config = ours;
	r = files_init(f, section, writer);
	if (r < 0) {
		if (ours.error)
			*ours.error = f->error;
		pcapng_files_free(f);
		return r;
	}
	fileset_recover(&f->set);
	*ret = f;
	return 0;
}
