/* SPDX-License-Identifier: MIT */
/* opening.c - from a configuration to the first file */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "pcapng/config.h"
#include "pcapng/files/flow.h"

/* Also zlib's. */
#define DEFAULT_GZIP_LEVEL 6
/* Compression without a queue_size. */
#define GZIP_QUEUE_SIZE (8u << 20)

static int init_writer(struct pcapng_files *f, const struct pcapng_section *section,
		       const struct pcapng_writer_config *writer)
{
	struct pcapng_writer_config ours = { .size = sizeof(ours) };
	int r = writer ? config_read(&ours, sizeof(ours), writer) : 0;

	if (r < 0)
		return disk_fail(&f->disk, r, "the writer's config");
	if (f->config.queue_size)
		ours.copy_below = SIZE_MAX; /* the thread has no access to the caller's memory */
	ours.error = &f->error;
	return pcapng_writer_new(section, &ours, flow_output, f, &f->writer);
}

static int init_spool(struct pcapng_files *f)
{
	int r = spool_new(&f->disk, &f->tally, f->config.queue_size,
			  f->config.compression ? f->config.compression_level : 0, f->waits,
			  &f->spool);

	if (r == 0)
		r = spool_adopt(f->spool, &f->writer->staging, flow_take, f);
	return r;
}

static int files_init(struct pcapng_files *f, const struct pcapng_section *section,
		      const struct pcapng_writer_config *writer)
{
	int r;

	f->disk_config = f->config;
	f->disk_config.on_event = flow_on_event;
	f->disk_config.user = f;
	r = disk_init(&f->disk, &f->disk_config, section ? section->userappl : NULL);
	f->config.path = f->config.name = NULL; /* the caller's */
	f->disk_config.path = f->disk_config.name = NULL;
	f->waits = f->config.compression && !f->config.queue_size;
	if (f->waits)
		f->config.queue_size = GZIP_QUEUE_SIZE;
	if (r == 0)
		r = init_writer(f, section, writer);
	if (r == 0 && f->config.queue_size)
		r = init_spool(f);
	if (r == 0)
		r = disk_create_next(&f->disk, time(NULL));
	if (r < 0)
		return r;
	flow_begin_file(f);
	r = flow_write_begin(f);
	if (f->spool)
		spool_start(f->spool);
	return r;
}

CONFIG_ENDS_WITH(pcapng_files_config, on_rotate);

/* The caller's, complete and within its limits. 0 or -errno. */
static int read_config(struct pcapng_files_config *ours, const struct pcapng_files_config *theirs)
{
	int r = config_read(ours, sizeof(*ours), theirs);

	if (r < 0)
		return r;
	if (ours->compression > PCAPNG_COMPRESSION_GZIP)
		return -EOPNOTSUPP;
	if (!ours->path || ours->full > PCAPNG_FULL_DROP || ours->compression_level < 0 ||
	    ours->compression_level > (ours->compression ? 9 : 0) ||
	    ours->direct_io > PCAPNG_DIRECT_IO_OFF)
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
	f->config = ours;
	events_init(&f->events);
	r = files_init(f, section, writer);
	if (r < 0) {
		if (ours.error)
			*ours.error = f->error.code == r ? f->error : f->disk.error;
		pcapng_files_free(f);
		return r;
	}
	fileset_recover(&f->disk.set);
	*ret = f;
	return 0;
}
