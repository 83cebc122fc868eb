/* SPDX-License-Identifier: MIT */
/*
 * pcapng/files.h - writes a capture to files that are always complete, one or a set
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
 * The file being written is NAME.part. Once complete, it is renamed to NAME, and never replaces another
 * file. So every file under its final name can be opened. Each file is complete by itself: it has the
 * section header, all interfaces with the same ids, the kept name and secrets blocks, and statistics
 * at its end.
 *
 * A full disk never leaves a torn file: the library truncates it after its last complete block. Nor
 * does a crash: while the next capture runs, a thread truncates the .part after its last complete
 * block and keeps it. A disk that fails, or becomes read-only while data arrives, may refuse to truncate: then
 * the file ends within a block, and pcapng_files_error() says so. A set recovers it, as after a crash;
 * for a single file pcapng_recover() does the same.
 *
 * Return values, threads and binary compatibility are as in pcapng/writer.h. Unless noted otherwise,
 * functions return 0, -EAGAIN (config.full is PCAPNG_FULL_DROP and the disk is full), -ENOBUFS (the
 * queue is full), or the -errno of a system call. Events are told by calls, in the caller's thread.
 */
#ifndef PCAPNG_FILES_H
#define PCAPNG_FILES_H

#include "pcapng/writer.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct pcapng_files;

/*
 * What to do if the disk, a quota or RLIMIT_FSIZE is exhausted, also when a file is started. The file
 * stays complete in any case. The first file fails unless PCAPNG_FULL_PRUNE finds one to delete.
 */
enum pcapng_full {
	PCAPNG_FULL_STOP, /* fail: -ENOSPC, -EDQUOT or -EFBIG, which sticks */
	PCAPNG_FULL_PRUNE, /* delete the oldest file of the set, also one of an earlier run that waits for
	                      recovery, and continue; else, and at RLIMIT_FSIZE, stop */
	PCAPNG_FULL_DROP, /* -EAGAIN once the buffer is full, so that the caller counts losses;
	                      retried ten times a second, by flush and by close */
};

enum pcapng_files_what {
	PCAPNG_FILES_OPENED,   /* the .part was created; path is its final name */
	PCAPNG_FILES_FINISHED, /* complete, under its final name */
	PCAPNG_FILES_DELETED, /* by retention or PCAPNG_FULL_PRUNE; this one also deletes NAME.part */
	PCAPNG_FILES_RECOVERED, /* of an earlier run; truncated and kept as NAME-recovered */
	PCAPNG_FILES_KEPT,	/* cannot be deleted (error says why): the next oldest is, and this
	                      one does not count any more. Told once for each reason in a row */
	PCAPNG_FILES_LEFT,	/* of an earlier run; not recovered (error says why; EINTR: closed
	                      before; EACCES: another user's): stays NAME.part for the next start */
};

struct pcapng_files_event {
	enum pcapng_files_what what;
	const char *path;
	uint64_t bytes;
	uint64_t packets; /* FINISHED only: as pcapng_files_packets() counts them */
	int error;	  /* KEPT, LEFT: an errno */
};

enum pcapng_compression {
	PCAPNG_COMPRESSION_NONE,
	PCAPNG_COMPRESSION_GZIP, /* levels 1 (fast) to 9 (small); 0: 6, as gzip(1) */
};

enum pcapng_direct_io {
	PCAPNG_DIRECT_IO_AUTO, /* on ext4 and XFS, when there is much to write at once */
	PCAPNG_DIRECT_IO_ON,   /* wherever the file system accepts it */
	PCAPNG_DIRECT_IO_OFF,
};

struct pcapng_files_config { /* all zero but size and path: one file of any size */
	size_t size;	     /* sizeof(struct pcapng_files_config) */
	/*
	 * Where: "FOLDER/PREFIX.SUFFIX" creates FOLDER/PREFIX_00001_20261123040000.SUFFIX, as
	 * dumpcap does. `name` replaces this pattern: text with %{seq} (five digits), %{time}
	 * (YYYYmmddHHMMSS, local), %{utc} (the same in UTC) and %% for a percent sign. It must have
	 * %{seq}.
	 */
	const char *path;
	const char *name;
	/*
	 * One file, named `path` from the start. It may be a device or a symbolic link of root or of
	 * this user; -ELOOP: it is another user's link. An existing file is truncated when its first
	 * block is written.
	 */
	bool single;

	/*
	 * Limits of a file; 0: none. The next file starts before a limit would be exceeded; a
	 * single block may exceed max_bytes.
	 */
	uint64_t max_bytes;
	uint64_t max_packets;
	uint64_t max_duration_ns; /* since the file was started */
	uint64_t interval_ns;	  /* at multiples since 1970, UTC: 3600000000000 is each hour */
	bool skip_empty;	  /* a file without packets does not end by time */
	uint32_t max_files;	  /* after this many files, calls fail with -ESHUTDOWN */

	/*
	 * Retention: the oldest finished files are deleted before a new one starts. Files of
	 * earlier runs, including those that wait for recovery, count if their name fits the pattern and their
	 * section header names the same program (shb_userappl up to its first space; without a
	 * userappl of yours, files without one). No other file is ever touched. A time of last
	 * change in the future counts as now. 0: no limit.
	 */
	uint32_t keep_files;  /* including the one being written */
	uint64_t keep_bytes;  /* the same; max_bytes is set aside for it */
	uint64_t keep_age_ns; /* since the last change */
	uint64_t keep_free;   /* bytes to keep free on the file system */

	enum pcapng_full full;
	bool sync;		   /* fdatasync before a file gets its final name */
	uint64_t sync_interval_ns; /* and at this interval, by pcapng_files_tick(); 0: never */
	/*
	 * Files are compressed while they are written, by one thread for each processor but four at
	 * most. Names end in .gz (`single`: the name is as you give it). tshark reads such files,
	 * libpcap does not. max_bytes counts bytes before compression, keep_bytes bytes after it. A
	 * crash loses what was not flushed: the queue, and one buffer of 2 MiB.
	 */
	enum pcapng_compression compression;
	int compression_level; /* 0: the default of the method */
	/*
	 * Of the files, whatever the umask is; an existing `single` file gets it, too, if it is this
	 * user's. 0: 0640 less the umask, for new files only.
	 */
	mode_t mode;

	/*
	 * Called before a file ends, to add the statistics of every interface to the writer; they
	 * count from the start of the capture. They take at most 160 bytes per interface, or
	 * `stats_bytes` in total; that much stays free below max_bytes. NULL: no statistics.
	 */
	int (*add_stats)(void *user, struct pcapng_writer *w);
	uint64_t stats_bytes;
	void (*on_event)(void *user, const struct pcapng_files_event *event); /* may be NULL */
	void *user;
	struct pcapng_error *error; /* borrowed, written only if pcapng_files_new() fails */

	/*
	 * Bytes of blocks that may wait in memory for the disk. A thread writes them, so that no call
	 * waits for a disk that is slow or stands still, except pcapng_files_flush(),
	 * pcapng_files_sync() and pcapng_files_close(). Memory grows only while the disk is behind. If
	 * the queue is full, packets are refused with -ENOBUFS; what is pushed in small pieces counts
	 * as whole pages. Errors of the disk are returned by a later call. What packets refer to is
	 * always copied. A crash loses the queue. The thread starts with the first block after
	 * pcapng_files_new() and blocks all signals; without it, for want of resources, calls write
	 * themselves. 0: no queue, and calls write themselves; with compression, 8 MiB, and calls
	 * wait for room.
	 */
	size_t queue_size;
	/*
	 * Only with a queue and without compression. Data then bypasses the page cache, which costs a
	 * fraction of the CPU and leaves the cache to others. Files have their true length when they
	 * are flushed, synced or end; before that, up to 4095 bytes may be missing.
	 */
	enum pcapng_direct_io direct_io;
	/* A buffer that is not full is written after this time, by pcapng_files_tick(); 0: 100. */
	uint32_t queue_delay_ms;

	/*
	 * Called by the call that ends a file, when the next one has its section header, interfaces and
	 * kept blocks; its PCAPNG_FILES_OPENED may come later if there is a queue. It may add blocks
	 * with pcapng_files_writer(), which then precede all packets, and change the packets that are
	 * being added. May be NULL.
	 */
	void (*on_rotate)(void *user);
};

/*
 * Adopts the finished files that earlier runs left in the folder, and starts the first file. If
 * earlier runs also left .part files, it starts a thread that recovers them beside the capture, small
 * ones first; pcapng_files_tick() and pcapng_files_rotate() report each one, and from then on it
 * counts for retention. Deletes an empty .part of the set, which a crash can leave. Strings of
 * `config` are copied;
 * `section` and `writer` (NULL: defaults) are as for pcapng_writer_new(). -EINVAL: config is
 * invalid. -EOPNOTSUPP: the library does not know the compression. *ret is untouched on failure.
 */
int pcapng_files_new(const struct pcapng_section *section,
		     const struct pcapng_writer_config *writer,
		     const struct pcapng_files_config *config, struct pcapng_files **ret);

/* Frees `f` (NULL: no-op). A file that was not closed stays as NAME.part. Ends recovery. */
void pcapng_files_free(struct pcapng_files *f);

int pcapng_files_add_interface(struct pcapng_files *f, const struct pcapng_interface *interface,
			       uint32_t *ret_id);

/* As pcapng_writer_add_packet(); starts a new file first if a limit requires it. */
int pcapng_files_add_packet(struct pcapng_files *f, const struct pcapng_packet *packet);

/*
 * As pcapng_writer_add_packets(); only the first packet starts a new file if a limit requires it.
 */
ssize_t pcapng_files_add_packets(struct pcapng_files *f, const struct pcapng_packet *packets,
				 size_t n);

/* Ends the file and starts the next one. */
int pcapng_files_rotate(struct pcapng_files *f);

/*
 * Does what is due by time, and reports recovered files. Call it when pcapng_files_timeout_ms() says
 * so, even without traffic.
 */
int pcapng_files_tick(struct pcapng_files *f);

/* Returns the milliseconds until pcapng_files_tick() is due; -1: never. For poll(2). */
int pcapng_files_timeout_ms(const struct pcapng_files *f);

/* Returns the nanoseconds until the file ends by time; UINT64_MAX: it does not. */
uint64_t pcapng_files_time_left_ns(const struct pcapng_files *f);

/*
 * As pcapng_writer_flush(): no packet data is referenced any more. Everything is in the file. With a
 * queue, this waits for the disk; with compression, it ends a gzip member. Do not call it for each
 * packet then: pcapng_writer_flush(pcapng_files_writer(f)) never waits, and lets a buffer go that is
 * older than config.queue_delay_ms.
 */
int pcapng_files_flush(struct pcapng_files *f);

/* As pcapng_files_flush(), but with a queue it does not wait: the thread writes everything soon. */
int pcapng_files_push(struct pcapng_files *f);

/*
 * As pcapng_files_flush(), and all files are on the disk: a crash of the machine does not lose them.
 * -ESHUTDOWN: with a queue, the last file has ended.
 */
int pcapng_files_sync(struct pcapng_files *f);

/*
 * Begins to end the last file, and does not wait. 0: only pcapng_files_close() is left, and does not
 * wait either. -ENOBUFS: the queue is not empty yet; -EAGAIN: nor will it be before the disk has room;
 * call it again. Nothing can be added any more.
 */
int pcapng_files_end(struct pcapng_files *f);

/*
 * Gives up what still waits in the queue: pcapng_files_close() then ends the file after what was
 * written, and returns -ECANCELED. Waits a second at most for the write that is under way; if that
 * does not end, its blocks count as not written, pcapng_files_close() leaves the file as NAME.part, and
 * pcapng_files_free() waits for it, truncates it and gives it its name.
 */
void pcapng_files_give_up(struct pcapng_files *f);

/* Returns the bytes that wait in the queue now; 0 without a queue. */
uint64_t pcapng_files_queued(const struct pcapng_files *f);

/* Returns the most that ever waited in it. */
uint64_t pcapng_files_queue_peak(const struct pcapng_files *f);

/*
 * Ends recovery, which takes one read of a file at most, and the last file: statistics, flush, sync,
 * rename. Even after a failure the file is complete up to its last block and has its final name; the
 * failure is returned. Waits for the queue. Only pcapng_files_packets(), pcapng_files_error() and
 * pcapng_files_free() may follow.
 */
int pcapng_files_close(struct pcapng_files *f);

/*
 * Returns how many packets of `interface` are completely in the files, in all of them and up to now.
 * Packets that still wait in the writer's buffer or in the queue do not count. After
 * pcapng_files_close(), even one that failed, it is the number that a reader finds in the files,
 * provided that no packets were added through pcapng_files_writer(). An unknown interface has none.
 */
uint64_t pcapng_files_packets(struct pcapng_files *f, uint32_t interface);

/*
 * Returns how many packets, of all interfaces together, are on the disk for certain, so that a crash of
 * the machine does not lose them: those before the last pcapng_files_sync(), or sync by config.sync and
 * config.sync_interval_ns, that succeeded. After an error of the disk such as EIO, no other packet is.
 */
uint64_t pcapng_files_synced(struct pcapng_files *f);

/*
 * Returns the last failure, except -EAGAIN: that of the writer, or
 * "cap_00001_20261123040000.pcapng: writing", which error.code explains. It says so if the file could not be
 * truncated and ends within a block. Never NULL; belongs to `f`.
 */
const struct pcapng_error *pcapng_files_error(const struct pcapng_files *f);

/*
 * Returns the writer, for other blocks; they count for max_bytes from the next packet on. Belongs
 * to `f`.
 */
struct pcapng_writer *pcapng_files_writer(struct pcapng_files *f);

/*
 * Truncates the file at `path` after its last complete block, unless it ends there; for files that
 * a crash of any program left. *ret_bytes (may be NULL) is its size afterwards. -EINVAL: it does
 * not start with a complete section header, and was not touched.
 */
int pcapng_recover(const char *path, uint64_t *ret_bytes);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif /* PCAPNG_FILES_H */
