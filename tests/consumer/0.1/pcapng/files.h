/* SPDX-License-Identifier: MIT */
/* pcapng/files.h of release 0.1, without its comments; never changed. See test_consumer.py. */
#ifndef PCAPNG_FILES_H
#define PCAPNG_FILES_H

#include "pcapng/writer.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct pcapng_files;

enum pcapng_full {
	PCAPNG_FULL_STOP,
	PCAPNG_FULL_PRUNE,
	PCAPNG_FULL_DROP,
};

enum pcapng_files_what {
	PCAPNG_FILES_OPENED,
	PCAPNG_FILES_FINISHED,
	PCAPNG_FILES_DELETED,
	PCAPNG_FILES_RECOVERED,
};

struct pcapng_files_event {
	enum pcapng_files_what what;
	const char *path;
	uint64_t bytes;
	uint64_t packets;
};

enum pcapng_compression {
	PCAPNG_COMPRESSION_NONE,
	PCAPNG_COMPRESSION_GZIP,
};

struct pcapng_files_config {
	size_t size;

	const char *path;
	const char *name;
	bool single;

	uint64_t max_bytes;
	uint64_t max_packets;
	uint64_t max_duration_ns;
	uint64_t interval_ns;
	bool skip_empty;
	uint32_t max_files;

	uint32_t keep_files;
	uint64_t keep_bytes;
	uint64_t keep_age_ns;
	uint64_t keep_free;

	enum pcapng_full full;
	bool sync;
	uint64_t sync_interval_ns;

	enum pcapng_compression compression;
	int compression_level;
	mode_t mode;

	int (*add_stats)(void *user, struct pcapng_writer *w);
	uint64_t stats_bytes;
	void (*on_event)(void *user, const struct pcapng_files_event *event);
	void *user;
	struct pcapng_error *error;
};

int pcapng_files_new(const struct pcapng_section *section,
		     const struct pcapng_writer_config *writer,
		     const struct pcapng_files_config *config, struct pcapng_files **ret);

void pcapng_files_free(struct pcapng_files *f);

int pcapng_files_add_interface(struct pcapng_files *f, const struct pcapng_interface *interface,
			       uint32_t *ret_id);

int pcapng_files_add_packet(struct pcapng_files *f, const struct pcapng_packet *packet);

int pcapng_files_rotate(struct pcapng_files *f);

int pcapng_files_tick(struct pcapng_files *f);

int pcapng_files_timeout_ms(const struct pcapng_files *f);

int pcapng_files_flush(struct pcapng_files *f);

int pcapng_files_close(struct pcapng_files *f);

const struct pcapng_error *pcapng_files_error(const struct pcapng_files *f);

struct pcapng_writer *pcapng_files_writer(struct pcapng_files *f);

int pcapng_recover(const char *path, uint64_t *ret_bytes);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
