/* SPDX-License-Identifier: MIT */
/* consumer.c - somebody else's program: only the installed headers, in strict C11 or C++ */
#include <pcapng/files.h>
#include <pcapng/format.h>
#include <pcapng/writer.h>

#include <stdio.h>
#include <string.h>

#if !PCAPNG_WRITER_CHECK_VERSION(0, 1, 0)
#error "these are not the headers that were installed"
#endif

static ssize_t output(void *user, const struct iovec *iov, int iovcnt)
{
	ssize_t n = 0;

	for (int i = 0; i < iovcnt; i++)
		n += (ssize_t)fwrite(iov[i].iov_base, 1, iov[i].iov_len, (FILE *)user);
	return n;
}

int main(void)
{
	static const char frame[60] = "consumer";
	struct pcapng_writer_config config;
	struct pcapng_section section;
	struct pcapng_interface interface;
	struct pcapng_packet packet;
	struct pcapng_writer *w;
	int r;

	memset(&config, 0, sizeof(config));
	config.size = sizeof(config);
	memset(&section, 0, sizeof(section));
	section.userappl = "consumer";
	memset(&interface, 0, sizeof(interface));
	interface.linktype = PCAPNG_LINKTYPE_ETHERNET;
	memset(&packet, 0, sizeof(packet));
	packet.data = frame;
	packet.caplen = packet.len = sizeof(frame);

	if (strcmp(pcapng_writer_version(), EXPECTED_VERSION) != 0)
		return 2;
	if (pcapng_writer_new(&section, &config, output, stdout, &w) < 0)
		return 1;
	r = pcapng_writer_add_interface(w, &interface, &packet.interface);
	if (r == 0)
		r = pcapng_writer_add_packet(w, &packet);
	if (r == 0)
		r = pcapng_writer_flush(w);
	pcapng_writer_free(w);
	return r < 0;
}
