/* SPDX-License-Identifier: MIT */
/*
 * write-live.c - a live capture at the limits of what dumpcap reads from a pipe
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pcapng/writer.h"

/* The longest section header that the profile allows. */
#define APPLICATION_BYTES (2048 - 28 - 4 - 4)

static uint8_t data[300000];

static ssize_t output(void *user, const struct iovec *iov, int iovcnt)
{
	ssize_t n = writev(1, iov, iovcnt);

	return n < 0 ? -errno : n;
}

/* Packets of every size around the limit, then some with options, which leave less room. */
static int write_packets(struct pcapng_writer *w)
{
	static const char *const comments[] = { "as long as it may be" };
	struct pcapng_packet p = { .data = data };
	int r = 0;

	for (uint32_t len = 0; r == 0 && len <= sizeof(data); len += len < 262000 ? 26200 : 1) {
		p.caplen = p.len = len;
		p.ts++;
		r = pcapng_writer_add_packet(w, &p);
		if (r == 0)
			r = pcapng_writer_flush(w);
		if (len > 262200)
			break;
	}
	p.caplen = p.len = sizeof(data);
	p.options.comments = comments;
	p.options.n_comments = 1;
	p.mask = PCAPNG_PACKET_FLAGS | PCAPNG_PACKET_QUEUE;
	p.ts++;
	if (r == 0)
		r = pcapng_writer_add_packet(w, &p);
	return r < 0 ? r : pcapng_writer_flush(w);
}

int main(void)
{
	struct pcapng_writer_config config = { .size = sizeof(config),
					       .profile = PCAPNG_PROFILE_LIVE_PIPE };
	char application[APPLICATION_BYTES + 1];
	struct pcapng_section section = { .userappl = application };
	struct pcapng_writer *w;

	memset(application, 'x', APPLICATION_BYTES);
	application[APPLICATION_BYTES] = '\0';
	if (pcapng_writer_new(&section, &config, output, NULL, &w) < 0)
		return 1;
	if (pcapng_writer_add_interface(w, &(struct pcapng_interface){ .linktype = 1 }, NULL) < 0)
		return 2;
	if (write_packets(w) < 0)
		return 3;
	pcapng_writer_free(w);
	return 0;
}
