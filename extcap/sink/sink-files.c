/* SPDX-License-Identifier: MIT */
/*
 * From the options to pcapng/files.h, which does the work: it begins, cuts, names and deletes files,
 * and counts the packets in them. Here is what it does not know: where the names of finished files go.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "extcap/system/error.h"
#include "extcap/sink/names.h"
#include "extcap/sink/sink-files.h"

#define FILE_BUFFER   1048576
#define NAMES_LAST_MS 1000 /* for the reader of printname: to read the rest at the end */
#define GZIP_LEVEL    1	   /* the next level costs a third more and saves a twentieth */

struct sink_files {
	struct sink sink;
	struct pcapng_files *files;
	void (*on_event)(void *user, const struct pcapng_files_event *event);
	void *user;
	struct names *names; /* of printname:, NULL: none */
	bool is_compressed;
	char *file; /* the one being written, by its final name, or written last */
	uint64_t n_finished, finished_bytes;
	uint64_t queue_size;
};

static struct sink_files *self(struct sink *s)
{
	return (struct sink_files *)s;
}

static void set_file(struct sink_files *s, const char *path)
{
	g_free(s->file);
	s->file = g_strdup(path);
}

static void print_name(struct sink_files *s, const char *path)
{
	if (s->names)
		names_add(s->names, path);
}

static void close_names(struct sink_files *s)
{
	guint64 missing = names_close(s->names, NAMES_LAST_MS);

	if (missing)
		g_warning("printname: %" G_GUINT64_FORMAT " file names were not delivered",
			  missing);
}

static void on_event(void *user, const struct pcapng_files_event *event)
{
	struct sink_files *s = user;

	switch (event->what) {
	case PCAPNG_FILES_OPENED: set_file(s, event->path); break;
	case PCAPNG_FILES_FINISHED:
		s->n_finished++;
		s->finished_bytes += event->bytes;
		set_file(s, event->path);
		print_name(s, event->path);
		break;
	case PCAPNG_FILES_DELETED: g_info("deleted %s", event->path); break;
	case PCAPNG_FILES_KEPT:
		g_warning("cannot delete %s: %s", event->path, g_strerror(event->error));
		break;
	case PCAPNG_FILES_RECOVERED: g_info("recovered %s", event->path); break;
	case PCAPNG_FILES_LEFT:
		g_warning("%s is not recovered: %s", event->path,
			  event->error == EINTR
				  ? "the capture ended first; the next one tries again"
				  : g_strerror(event->error));
		break;
	}
	s->on_event(s->user, event);
}

static void on_rotate(void *user)
{
	struct sink_files *s = user;

	if (s->sink.owner.begun)
		s->sink.owner.begun(s->sink.owner.user);
}

static int add_stats(void *user, struct pcapng_writer *w)
{
	struct sink_files *s = user;

	return s->sink.owner.add_stats ? s->sink.owner.add_stats(s->sink.owner.user, w) : 0;
}

static int add_interface(struct sink *s, const struct pcapng_interface *interface)
{
	return pcapng_files_add_interface(self(s)->files, interface, NULL);
}

static int add_packet(struct sink *s, const struct pcapng_packet *packet)
{
	return pcapng_files_add_packet(self(s)->files, packet);
}

static ssize_t add_packets(struct sink *s, const struct pcapng_packet *packets, size_t n)
{
	return pcapng_files_add_packets(self(s)->files, packets, n);
}

static int add_secrets(struct sink *s, const struct pcapng_secrets *secrets)
{
	return pcapng_writer_add_secrets(pcapng_files_writer(self(s)->files), secrets);
}

/* Does not wait for the disk: a buffer that is old enough joins the queue. */
static int flush(struct sink *s)
{
	return pcapng_writer_flush(pcapng_files_writer(self(s)->files));
}

static int push(struct sink *s)
{
	return pcapng_files_push(self(s)->files);
}

static int end(struct sink *s)
{
	int r = pcapng_files_end(self(s)->files);

	if (r == 0)
		r = pcapng_files_close(self(s)->files);
	return r == -ESHUTDOWN ? 0 : r;
}

static void give_up(struct sink *s)
{
	pcapng_files_give_up(self(s)->files);
}

static struct sink_queue queue(const struct sink *s)
{
	const struct sink_files *f = (const struct sink_files *)s;

	return (struct sink_queue){
		.size = f->queue_size,
		.now = pcapng_files_queued(f->files),
		.peak = pcapng_files_queue_peak(f->files),
	};
}

/* The library cuts the file, and gives it its name. */
static void salvage(struct sink *s)
{
	(void)pcapng_files_close(self(s)->files);
}

static uint64_t committed(const struct sink *s, uint32_t interface)
{
	return pcapng_files_packets(((const struct sink_files *)s)->files, interface);
}

static uint64_t synced(const struct sink *s)
{
	return pcapng_files_synced(((const struct sink_files *)s)->files);
}

static uint64_t bytes(const struct sink *s)
{
	return pcapng_writer_bytes(pcapng_files_writer(((const struct sink_files *)s)->files));
}

static const char *error_text(const struct sink *s)
{
	return pcapng_files_error(((const struct sink_files *)s)->files)->text;
}

static void free_sink(struct sink *s)
{
	struct sink_files *f = self(s);

	pcapng_files_free(f->files);
	close_names(f);
	g_free(f->file);
	g_free(f);
}

static const struct sink_ops ops = {
	.add_interface = add_interface,
	.add_packet = add_packet,
	.add_packets = add_packets,
	.add_secrets = add_secrets,
	.flush = flush,
	.push = push,
	.end = end,
	.give_up = give_up,
	.queue = queue,
	.salvage = salvage,
	.committed = committed,
	.synced = synced,
	.bytes = bytes,
	.error = error_text,
	.free = free_sink,
};

bool sink_files_are_late(const struct config *config)
{
	return limits_rotate(&config->rotate) || config->compression || config->disk_full ||
	       config->sync_ns;
}

bool sink_files_check(const struct config *config, GError **error)
{
	bool is_one = !limits_rotate(&config->rotate);
	g_autofree char *folder = g_path_get_dirname(config->output);
	struct stat st;
	bool exists = stat(config->output, &st) == 0;
	int r = 0;

	if (exists && S_ISFIFO(st.st_mode))
		return fail_usage(
			error,
			"-b, -C, --compress, --direct-io, --disk-full and --sync need a file, and \"%s\" is "
			"a FIFO",
			config->output);
	if (is_one && exists)
		r = S_ISDIR(st.st_mode) ? EISDIR : 0;
	else if (stat(folder, &st) < 0)
		r = errno;
	return r == 0 || fail_errno(error, r, "cannot write to \"%s\"", config->output);
}

/* A percentage of the file system that `path` is on, in bytes. */
static uint64_t free_bytes(const struct free_space *f, const char *path)
{
	g_autofree char *folder = g_path_get_dirname(path);
	struct statvfs fs;

	if (!f->percent || statvfs(folder, &fs) < 0)
		return f->bytes;
	return (uint64_t)fs.f_blocks * fs.f_frsize / 100 * f->percent;
}

/* A compressed file says so in its name, as the library does with those of -b; devices keep theirs. */
static char *make_path(const struct config *config, bool is_compressed)
{
	struct stat st;

	if (!is_compressed || limits_rotate(&config->rotate) ||
	    g_str_has_suffix(config->output, ".gz") ||
	    (stat(config->output, &st) == 0 && !S_ISREG(st.st_mode)))
		return g_strdup(config->output);
	return g_strconcat(config->output, ".gz", NULL);
}

/* "FOLDER/NAME_%{time}_%{seq}.SUFFIX" for nametimenum:2; NULL: the library's own order. */
static char *make_name(const struct config *config)
{
	g_autofree char *base = g_path_get_basename(config->output), *escaped = NULL;
	const char *suffix;
	GString *name;

	if (config->file_name)
		return g_strdup(config->file_name);
	if (config->rotate.name_order != 2)
		return NULL;
	name = g_string_new(base);
	g_string_replace(name, "%", "%%", 0);
	escaped = g_string_free(name, false);
	suffix = strrchr(escaped, '.');
	if (!suffix)
		suffix = escaped + strlen(escaped);
	return g_strdup_printf("%.*s_%%{time}_%%{seq}%s", (int)(suffix - escaped), escaped, suffix);
}

static bool begin(struct sink_files *s, const struct config *config,
		  const struct pcapng_section *section, GError **error)
{
	static const enum pcapng_full full[] = {
		[DISK_FULL_STOP] = PCAPNG_FULL_STOP,
		[DISK_FULL_PRUNE] = PCAPNG_FULL_PRUNE,
		[DISK_FULL_DROP] = PCAPNG_FULL_DROP,
	};
	const struct pcapng_writer_config writer = { .size = sizeof(writer),
						     .buffer_size = FILE_BUFFER };
	g_autofree char *name = make_name(config), *path = make_path(config, s->is_compressed);
	struct pcapng_error reason = { 0 };
	const struct pcapng_files_config files = {
		.size = sizeof(files),
		.path = path,
		.name = name,
		.single = !limits_rotate(&config->rotate),
		.max_bytes = config->rotate.bytes,
		.max_packets = config->rotate.packets,
		.max_duration_ns = config->rotate.duration_ns,
		.interval_ns = config->rotate.interval_ns,
		.max_files = (uint32_t)config->stop.files,
		.keep_files = (uint32_t)config->rotate.files,
		.keep_bytes = config->keep_bytes,
		.keep_age_ns = config->keep_age_ns,
		.keep_free = free_bytes(&config->keep_free, config->output),
		.full = full[config->disk_full],
		.sync = config->sync_ns,
		.sync_interval_ns = config->sync_ns,
		.compression = s->is_compressed ? PCAPNG_COMPRESSION_GZIP : PCAPNG_COMPRESSION_NONE,
		.compression_level = s->is_compressed ? GZIP_LEVEL : 0,
		.mode = config->is_for_group ? 0640 : 0600,
		.queue_size = s->queue_size,
		.direct_io = (enum pcapng_direct_io)config->direct_io,
		.add_stats = add_stats,
		.on_event = on_event,
		.on_rotate = on_rotate,
		.user = s,
		.error = &reason,
	};
	int r;

	r = pcapng_files_new(section, &writer, &files, &s->files);
	if (r == -EINVAL && config->file_name)
		return fail_usage(error,
				  "--file-name \"%s\" cannot be the name of files: it needs "
				  "%%{seq}, and %%%% for each other %%",
				  config->file_name);
	if (r == -ELOOP)
		return fail(error, "cannot write to \"%s\": it is another user's symbolic link",
			    path);
	if ((r == -ENOSPC || r == -EDQUOT) && config->disk_full == DISK_FULL_PRUNE)
		return fail(
			error,
			"cannot begin the capture file \"%s\": the disk is full, and not with files "
			"that this capture may delete",
			path);
	if (r == -ENOSPC || r == -EDQUOT)
		return fail(error, "cannot begin the capture file \"%s\": the disk is full", path);
	return r == 0 || fail_errno(error, -r, "cannot begin the capture file \"%s\"", path);
}

/* A device never keeps anybody waiting as a disk does. */
static bool is_device(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode));
}

struct sink *sink_files_new(const struct config *config, uint64_t queue_size,
			    const struct pcapng_section *section,
			    void (*fn)(void *user, const struct pcapng_files_event *event),
			    void *user, GError **error)
{
	const char *names = config->rotate.print_name;
	struct sink_files *s = g_new0(struct sink_files, 1);

	s->sink.ops = &ops;
	s->on_event = fn;
	s->user = user;
	s->is_compressed = config->compression == COMPRESSION_GZIP;
	s->queue_size = is_device(config->output) ? 0 : queue_size;
	if ((!names || (s->names = names_open(names, error))) && begin(s, config, section, error))
		return &s->sink;
	free_sink(&s->sink);
	return NULL;
}

struct sink_files_status sink_files_status(const struct sink *s)
{
	const struct sink_files *f = (const struct sink_files *)s;

	return (struct sink_files_status){
		.file = f->file,
		.n_finished = f->n_finished,
		.finished_bytes = f->finished_bytes,
		.timeout_ms = pcapng_files_timeout_ms(f->files),
		.left_ns = pcapng_files_time_left_ns(f->files),
	};
}

int sink_files_tick(struct sink *s)
{
	return pcapng_files_tick(self(s)->files);
}

int sink_files_rotate(struct sink *s)
{
	return pcapng_files_rotate(self(s)->files);
}
