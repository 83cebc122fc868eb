/* SPDX-License-Identifier: MIT */
/* The pcapng writer on an output: a pipe, or standard output that the shell sent to a file. */
#include "extcap/system/error.h"
#include "extcap/sink/ledger.h"
#include "extcap/sink/sink.h"

#define BACKLOG_SIZE 4194304 /* how far a slow reader may fall behind before frames are dropped */
#define FILE_BUFFER  1048576 /* one write(2) of this size costs the least per frame */

struct sink_pcapng {
	struct sink sink;
	struct output *output;
	struct pcapng_writer *writer;
	struct ledger ledger;
	bool has_stats;
};

static struct sink_pcapng *self(struct sink *s)
{
	return (struct sink_pcapng *)s;
}

/* A block was added; `r` is the writer's answer, and ours. */
static int note(struct sink_pcapng *s, uint32_t interface, int r)
{
	if (r == 0)
		ledger_add(&s->ledger, interface, pcapng_writer_bytes(s->writer),
			   s->output->written);
	return r;
}

static int add_interface(struct sink *s, const struct pcapng_interface *interface)
{
	return note(self(s), LEDGER_NO_PACKET,
		    pcapng_writer_add_interface(self(s)->writer, interface, NULL));
}

static int add_packet(struct sink *s, const struct pcapng_packet *packet)
{
	return note(self(s), packet->interface, pcapng_writer_add_packet(self(s)->writer, packet));
}

static int add_secrets(struct sink *s, const struct pcapng_secrets *secrets)
{
	return note(self(s), LEDGER_NO_PACKET, pcapng_writer_add_secrets(self(s)->writer, secrets));
}

static int flush(struct sink *s)
{
	int r = pcapng_writer_flush(self(s)->writer);

	ledger_commit(&self(s)->ledger, self(s)->output->written);
	return r;
}

static int end(struct sink *s)
{
	int r = 0;

	if (!self(s)->has_stats)
		r = note(self(s), LEDGER_NO_PACKET,
			 s->owner.add_stats(s->owner.user, self(s)->writer));
	self(s)->has_stats |= r == 0;
	return r < 0 ? r : flush(s);
}

static void salvage(struct sink *s)
{
	struct sink_pcapng *p = self(s);

	ledger_commit(&p->ledger, p->output->written);
	output_truncate(p->output, p->ledger.end);
}

static uint64_t committed(const struct sink *s, uint32_t interface)
{
	return ledger_count(&((const struct sink_pcapng *)s)->ledger, interface);
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
	ledger_done(&self(s)->ledger);
	g_free(s);
}

struct sink *sink_pcapng_new(struct output *output, const struct pcapng_section *section,
			     GError **error)
{
	static const struct sink_ops ops = {
		.add_interface = add_interface,
		.add_packet = add_packet,
		.add_secrets = add_secrets,
		.flush = flush,
		.end = end,
		.salvage = salvage,
		.committed = committed,
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
