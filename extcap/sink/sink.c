/* SPDX-License-Identifier: MIT */
/* Which sink writes to an output. */
#include <inttypes.h>

#include "extcap/sink/sink.h"

char *sink_queue_text(const struct sink *s)
{
	struct sink_queue q = sink_queue(s);

	if (!q.size)
		return NULL;
	return g_strdup_printf("at most %" PRIu64 " of %" PRIu64 " bytes waited for the disk",
			       q.peak, q.size);
}

struct sink *sink_output_new(const struct config *config, const struct pcapng_section *section,
			     struct output *output, GError **error)
{
	if (output->fd < 0 &&
	    !output_create(output, config->output, config->is_for_group ? 0640 : 0600, error))
		return NULL;
	if (config->format == FORMAT_PCAP)
		return sink_pcap_new(output, (uint32_t)config->snaplen);
	return sink_pcapng_new(output, section, error);
}
