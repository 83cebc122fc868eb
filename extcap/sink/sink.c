/* SPDX-License-Identifier: MIT */
#include <sys/stat.h>
#include <unistd.h>

#include "extcap/sink/sink.h"
#include "pcapng/format.h"

struct sink *sink_output_new(const struct config *config, const struct pcapng_section *section,
			     struct output *output, GError **error)
{
	if (config->format == FORMAT_PCAP)
		return sink_pcap_new(output, (uint32_t)config->snaplen);
	return sink_pcapng_new(output, section, error);
}

uint64_t sink_scan(struct sink *s, int fd, uint64_t from)
{
	uint32_t head[3]; /* type, length, interface */
	struct stat st;

	if (fstat(fd, &st) < 0)
		return from;
	while (pread(fd, head, sizeof(head), (off_t)from) == sizeof(head)) {
		if (head[1] < sizeof(head) || head[1] > (uint64_t)st.st_size - from)
			break;
		if (head[0] == PCAPNG_BLOCK_EPB)
			s->owner.on_saved(s->owner.user, head[2]);
		from += head[1];
	}
	return from;
}
