/* SPDX-License-Identifier: MIT */
/*
 * pcapng/files.h - a capture in files that can be trusted, one after the other if need be
 *
 *	struct pcapng_files_config config = {
 *		.size = sizeof(config),
 *		.path = "/var/tmp/cap.pcapng", .max_bytes = 100000000, .keep_files = 10,
 *	};
 *	r = pcapng_files_new(&section, NULL, &config, &f);
 *	r = pcapng_files_add_interface(f, &interface, &id);
 *	r = pcapng_files_add_packet(f, &packet);
 *	r = pcapng_files_close(f);
 *	pcapng_files_free(f);
 *
 * The file being written is NAME.part; it becomes NAME when it is whole, without ever replacing
 * another file. So whatever has its final name can be opened. Every file stands for itself: section
 * header, all interfaces with the same ids, kept name and secrets blocks, and statistics at its end.
 *
 * A full disk never leaves a torn file: it is cut back to its last whole block. Nor does a crash: the
 * .part that it leaves is cut to its last whole block by the next pcapng_files_new() and kept.
 *
 * Return values, threads and binary compatibility are as in pcapng/writer.h. Where nothing else is said, functions return
 * 0, -EAGAIN (config.full is PCAPNG_FULL_DROP and the disk is full), or -errno of a system call.
 */
#ifndef PCAPNG_FILES_H
#define PCAPNG_FILES_H

#include "pcapng/writer.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct pcapng_files;

/* What to do when the disk, or a quota, is full. The file stays whole in any case. */
enum pcapng_full {
	PCAPNG_FULL_STOP,  /* fail: -ENOSPC or -EDQUOT, which sticks */
	PCAPNG_FULL_PRUNE, /* delete the oldest finished file of the set and go on; else stop */
	PCAPNG_FULL_DROP,  /* -EAGAIN once the buffer is full, so that the caller counts losses;
	                      tried again ten times a second, by flush and by close */
};

enum pcapng_files_what {
	PCAPNG_FILES_OPENED,	/* the .part was begun; path is what it will be called */
	PCAPNG_FILES_FINISHED,	/* whole, under its name */
	PCAPNG_FILES_DELETED,	/* by retention or PCAPNG_FULL_PRUNE */
	PCAPNG_FILES_RECOVERED, /* an earlier run's, cut and kept as NAME-recovered */
};

struct pcapng_files_event {
	enum pcapng_files_what what;
	const char *path;
	uint64_t bytes;
	uint64_t packets; /* FINISHED only */
};

enum pcapng_compression {
	PCAPNG_COMPRESSION_NONE,
	PCAPNG_COMPRESSION_GZIP, /* levels 1 (fast) to 9 (small); 0: 6, as gzip(1) */
};

struct pcapng_files_config { /* all zero but size and path: one file of any size */
	size_t size;	     /* sizeof(struct pcapng_files_config) */
	/*
	 * Where: "FOLDER/PREFIX.SUFFIX" makes FOLDER/PREFIX_00001_20261123040000.SUFFIX, as dumpcap
	 * does. A `name` replaces that pattern by its own: text with %{seq} (five digits), %{time}
	 * (YYYYmmddHHMMSS, local), %{utc} (likewise, UTC) and %% for a percent sign. It must have
	 * %{seq}.
	 */
	const char *path;
	const char *name;
	bool single; /* one file, under `path` itself from the beginning, replacing what is there */

	/* A new file before this would be exceeded; 0: no limit. One block alone may exceed bytes. */
	uint64_t max_bytes;
	uint64_t max_packets;
	uint64_t max_duration_ns; /* since it was begun */
	uint64_t interval_ns;	  /* at multiples of this since 1970: 3600000000000 is each hour */
	bool skip_empty;	  /* a file without packets is not ended by time */
	uint32_t max_files; /* after so many it is as if closed: -ESHUTDOWN instead of the next */

	/*
	 * Which finished files stay: the oldest are deleted before a new one is begun. Files of
	 * earlier runs, recovered ones too, count if the name fits the pattern and the section header names the same
	 * program (userappl up to its first space); nothing else is ever touched. 0: no limit.
	 */
	uint32_t keep_files;  /* with the one being written */
	uint64_t keep_bytes;  /* likewise: max_bytes is set aside for it */
	uint64_t keep_age_ns; /* since their last change */
	uint64_t keep_free;   /* bytes that are to stay free on the file system */

	enum pcapng_full full;
	bool sync;		   /* fdatasync before a file gets its name */
	uint64_t sync_interval_ns; /* and this often, by pcapng_files_tick(); 0: not */
	/*
	 * Files are compressed while they are written, by a thread that pcapng_files_new() starts.
	 * Names end in .gz (`single`: the name is as you give it). tshark reads such files, libpcap
	 * does not. max_bytes counts bytes before compression, keep_bytes bytes after it. A crash
	 * loses what was not flushed, 10 MB at most. When the thread is that far behind, calls wait
	 * for it, as they do for a disk.
	 */
	enum pcapng_compression compression;
	int compression_level; /* 0: the usual one of the method */
	mode_t mode;	       /* of new files; 0: 0640 */

	/*
	 * Called before a file is ended, with the writer, to add the statistics of every interface;
	 * all count from the capture's start. At most 160 bytes for each interface, or else
	 * `stats_bytes` for all; that much is kept free below max_bytes. NULL: none.
	 */
	int (*add_stats)(void *user, struct pcapng_writer *w);
	uint64_t stats_bytes;
	void (*on_event)(void *user, const struct pcapng_files_event *event); /* NULL: not asked */
	void *user;
	struct pcapng_error *error; /* borrowed, written only by a failing pcapng_files_new() */
};

/*
 * Recovers and adopts what earlier runs left in the folder, and begins the first file. A .part of the
 * set that is empty, which a crash at the wrong moment leaves, is deleted. Strings of
 * `config` are copied; `section` and `writer` (NULL: defaults) are as for pcapng_writer_new().
 * -EINVAL: config. -EOPNOTSUPP: the library does not know this compression. *ret is untouched on
 * failure.
 */
int pcapng_files_new(const struct pcapng_section *section,
		     const struct pcapng_writer_config *writer,
		     const struct pcapng_files_config *config, struct pcapng_files **ret);

/* Releases `f` (NULL: nothing to do). A file that was not closed stays as NAME.part. */
void pcapng_files_free(struct pcapng_files *f);

int pcapng_files_add_interface(struct pcapng_files *f, const struct pcapng_interface *interface,
			       uint32_t *ret_id);

/* As pcapng_writer_add_packet(), after beginning a new file if a limit asks for it. */
int pcapng_files_add_packet(struct pcapng_files *f, const struct pcapng_packet *packet);

/* Ends the file and begins the next, now. */
int pcapng_files_rotate(struct pcapng_files *f);

/* Does what is due by time; call it when pcapng_files_timeout_ms() says so, without traffic too. */
int pcapng_files_tick(struct pcapng_files *f);

/* Milliseconds until pcapng_files_tick() has something to do; -1: never. For poll(2). */
int pcapng_files_timeout_ms(const struct pcapng_files *f);

/*
 * As pcapng_writer_flush(): no packet data is referenced any more. All is in the file; with gzip that
 * means to wait for the thread and begins another member, so not after each packet. There
 * pcapng_writer_flush(pcapng_files_writer(f)) gives packet data back without waiting.
 */
int pcapng_files_flush(struct pcapng_files *f);

/*
 * Ends the last file: statistics, flush, sync, name. After a failure the file is whole up to its
 * last block nevertheless, and has its name; the failure is returned. Only free may follow.
 */
int pcapng_files_close(struct pcapng_files *f);

/*
 * The last failure in words, -EAGAIN apart: the writer's, or "cap_00001_20261123040000.pcapng:
 * writing", which error.code explains. Never NULL; belongs to `f`.
 */
const struct pcapng_error *pcapng_files_error(const struct pcapng_files *f);

/* For other blocks, which count for max_bytes from the next packet on. Belongs to `f`. */
struct pcapng_writer *pcapng_files_writer(struct pcapng_files *f);

/*
 * Cuts the file at `path` behind its last whole block, if it does not end there already; for what a
 * crash of any program left. *ret_bytes (NULL: not asked) is its size then. -EINVAL: it does not
 * begin with a whole section header, and was not touched.
 */
int pcapng_recover(const char *path, uint64_t *ret_bytes);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif /* PCAPNG_FILES_H */
