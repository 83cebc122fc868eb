/* SPDX-License-Identifier: MIT */
/*
 * write-one-packet.c - the smallest program that writes a capture: an ARP request to standard
 * output
 *
 *	cc write-one-packet.c $(pkg-config --cflags --libs pcapng-writer) && ./a.out | tshark -r -
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <pcapng/writer.h>

/* ARP: who has 192.0.2.2? */
static const uint8_t frame[] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0x00, 0x00, 0x00, 0x00, 0x01, 0x08, 0x06,
	0x00, 0x01, 0x08, 0x00, 0x06, 0x04, 0x00, 0x01, 0x02, 0x00, 0x00, 0x00, 0x00, 0x01,
	0xc0, 0x00, 0x02, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xc0, 0x00, 0x02, 0x02,
};

/* The output: a file descriptor. The writer offers again what writev() did not write. */
static ssize_t output(void *user, const struct iovec *iov, int iovcnt)
{
	ssize_t n = writev(*(int *)user, iov, iovcnt);

	return n < 0 ? -errno : n;
}

int main(void)
{
	int fd = 1, r;
	struct timespec now;
	struct pcapng_writer *w;
	struct pcapng_section section = { .userappl = "write-one-packet" };
	struct pcapng_interface eth0 = { .linktype = 1, .snaplen = 262144, .name = "eth0" };
	struct pcapng_packet packet = {
		.data = frame,
		.caplen = sizeof(frame),
		.len = sizeof(frame),
		.mask = PCAPNG_PACKET_FLAGS,
		.flags = PCAPNG_FLAG_INBOUND | PCAPNG_FLAG_BROADCAST,
	};

	clock_gettime(CLOCK_REALTIME, &now);
	packet.ts = (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;

	r = pcapng_writer_new(&section, NULL, output, &fd, &w);
	if (r < 0) {
		fprintf(stderr, "%s\n", strerror(-r));
		return 1;
	}
	r = pcapng_writer_add_interface(w, &eth0, &packet.interface);
	if (r == 0)
		r = pcapng_writer_add_packet(w, &packet);
	if (r == 0)
		r = pcapng_writer_flush(w);
	if (r < 0)
		fprintf(stderr, "%s: %s\n", pcapng_writer_error(w)->text, strerror(-r));
	pcapng_writer_free(w);
	return r < 0;
}
