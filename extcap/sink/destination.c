/* SPDX-License-Identifier: MIT */
/* The order in which things are opened, which depends on what they are; see destination.h. */
#include "extcap/sink/destination.h"
#include "extcap/system/host.h"

#define MIB UINT64_C(1048576)

uint64_t destination_queue_size(uint64_t memory)
{
	return MIN(CLAMP(memory / 32, 128 * MIB, 1024 * MIB), memory / 8);
}

void destination_init(struct destination *d, const struct config *config)
{
	*d = (struct destination){
		.config = config,
		.output = OUTPUT_CLOSED,
		.queue_size = config->queue_bytes ? config->queue_bytes
						  : destination_queue_size(host_memory()),
	};
}

bool destination_open_pipe(struct destination *d, const bool *is_cancelled, GError **error)
{
	if (!destination_is_late(d) &&
	    !output_open(&d->output, d->config->output, is_cancelled, error))
		return false;
	return d->output.fd >= 0 || *is_cancelled || sink_files_check(d->config, error);
}

bool destination_open(struct destination *d, const struct pcapng_section *section,
		      void (*on_event)(void *user, const struct pcapng_files_event *event),
		      void *user, GError **error)
{
	bool is_output = d->output.fd >= 0 || d->config->format == FORMAT_PCAP;

	d->sink = is_output ? sink_output_new(d->config, section, &d->output, error)
			    : sink_files_new(d->config, d->queue_size, section, on_event, user,
					     error);
	d->files = is_output ? NULL : d->sink;
	return d->sink;
}

struct sink_files_status destination_status(const struct destination *d)
{
	const struct sink_files_status one = { .file = d->config->output,
					       .timeout_ms = -1,
					       .left_ns = UINT64_MAX };

	return d->files ? sink_files_status(d->files) : one;
}

bool destination_close(struct destination *d, GError **error)
{
	g_clear_pointer(&d->sink, sink_free);
	d->files = NULL;
	return output_close(&d->output, error);
}
