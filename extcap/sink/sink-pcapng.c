/* SPDX-License-Identifier: MIT */
/* The writer on an output. What was torn by a full disk is cut off there again. */
#include "extcap/system/cleanup.h"
#include "extcap/system/error.h"
#include "extcap/sink/sink.h"

#define BACKLOG_SIZE 4194304 /* what a slow reader may leave lying before frames are dropped */
#define FILE_BUFFER  1048576 /* one write(2) of this size costs the least for each frame */

struct sink_pcapng {
	struct sink sink;
	struct output *output;
	struct pcapng_writer *writer;
	uint64_t whole_bytes; /* the output ended with a whole block when it had taken so many */
	bool has_stats;
};

static struct sink_pcapng *self(struct sink *s)
{
	return (struct sink_pcapng *)s;
}

static int add_interface(struct sink *s, const struct pcapng_interface *interface)
{
	return pcapng_writer_add_interface(self(s)->writer, interface, NULL);
}

static int add_packet(struct sink *s, const struct pcapng_packet *packet)
{
	return pcapng_writer_add_packet(self(s)->writer, packet);
}

static int flush(struct sink *s)
{
	int r = pcapng_writer_flush(self(s)->writer);

	if (r == 0) {
		self(s)->whole_bytes = self(s)->output->taken;
		s->owner.on_whole(s->owner.user);
	}
	return r;
}

static int end(struct sink *s)
{
	int r = 0;

	if (!self(s)->has_stats)
		r = s->owner.add_stats(s->owner.user, self(s)->writer);
	self(s)->has_stats |= r == 0;
	return r < 0 ? r : flush(s);
}

static void salvage(struct sink *s)
{
	struct output *o = self(s)->output;
	uint64_t start;
	_cleanup_(close_fdp) int fd = output_open_reader(o, &start);

	if (fd >= 0)
		output_cut(o, sink_scan(s, fd, start + self(s)->whole_bytes) - start);
}

static uint64_t bytes(const struct sink *s)
{
	return pcapng_writer_bytes(((const struct sink_pcapng *)s)->writer);
}

static const char *error_text(const struct sink *s)
{
	return pcapng_writer_error(((const struct sink_pcapng *)s)->writer)->text;
}

static void free_sink(struct sink *s)
{
	pcapng_writer_free(self(s)->writer);
	g_free(s);
}

struct sink *sink_pcapng_new(struct output *output, const struct pcapng_section *section,
			     GError **error)
{
	static const struct sink_ops ops = {
		.add_interface = add_interface,
		.add_packet = add_packet,
		.flush = flush,
		.end = end,
		.salvage = salvage,
		.bytes = bytes,
		.error = error_text,
		.free = free_sink,
	};
	const struct pcapng_writer_config config = {
		.size = sizeof(config),
		.profile = output->is_pipe ? PCAPNG_PROFILE_LIVE_PIPE : PCAPNG_PROFILE_STRICT,
		.buffer_size = output->is_pipe ? BACKLOG_SIZE : FILE_BUFFER,
	};
	struct sink_pcapng *s = g_new0(struct sink_pcapng, 1);
	int r = pcapng_writer_new(section, &config, output_write, output, &s->writer);

	s->sink.ops = &ops;
	s->output = output;
	if (r == 0)
		return &s->sink;
	fail_errno(error, -r, "cannot begin the capture");
	g_free(s);
	return NULL;
}
