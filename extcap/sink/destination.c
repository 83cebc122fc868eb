/* SPDX-License-Identifier: MIT */
/* The order in which things are opened, which depends on what they are; see destination.h. */
#include "extcap/sink/destination.h"
#include "extcap/system/host.h"
#include "pcapng/format.h"

#define MIB UINT64_C(1048576)

uint64_t destination_queue_size(uint64_t memory)
{
	return MIN(CLAMP(memory / 32, 128 * MIB, 1024 * MIB), memory / 8);
}

void destination_init(struct destination *d, const struct config *config, bool never_ends_empty)
{
	*d = (struct destination){
		.config = config,
		.never_ends_empty = never_ends_empty,
		.output = OUTPUT_CLOSED,
	};
}

/* Call it while the control group's files can be read. */
static uint64_t queue_size(const struct config *config)
{
	return config->queue_bytes ? config->queue_bytes : destination_queue_size(host_memory());
}

bool destination_open_pipe(struct destination *d, const bool *is_cancelled, GError **error)
{
	if (!destination_is_late(d) &&
	    !output_open(&d->output, d->config->output, is_cancelled, error))
		return false;
	if (d->output.fd >= 0 || *is_cancelled)
		return true;
	d->queue_size = queue_size(d->config);
	return sink_files_check(d->config, error);
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

/* Writes the header of a capture without packets, if the reader accepts that much. */
static void write_head(struct destination *d)
{
	const struct pcapng_section section = { .userappl = "xdptap" };
	const struct pcapng_interface interface = { .linktype = PCAPNG_LINKTYPE_ETHERNET };
	struct sink *head = sink_output_new(d->config, &section, &d->output, NULL);

	if (head && sink_add_interface(head, &interface) == 0)
		(void)sink_flush(head);
	sink_free(head);
}

bool destination_close(struct destination *d, GError **error)
{
	g_clear_pointer(&d->sink, sink_free);
	d->files = NULL;
	if (d->never_ends_empty && d->output.is_pipe && d->output.fd >= 0 && !d->output.written)
		write_head(d);
	return output_close(&d->output, error);
}

void destination_refuse(struct destination *d)
{
	output_open_in_time(&d->output, d->config->output);
	(void)destination_close(d, NULL);
}
