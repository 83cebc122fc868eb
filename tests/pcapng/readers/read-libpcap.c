/* SPDX-License-Identifier: MIT */
/*
 * read-libpcap.c - prints what libpcap reads: nanoseconds, captured length, length on the wire,
 * data
 */
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdio.h>

static void print_packet(const struct pcap_pkthdr *h, const uint8_t *data)
{
	uint64_t ns = (uint64_t)h->ts.tv_sec * 1000000000 + h->ts.tv_usec;

	printf("%" PRIu64 " %u %u ", ns, h->caplen, h->len);
	for (uint32_t i = 0; i < h->caplen; i++)
		printf("%02x", data[i]);
	putchar('\n');
}

int main(int argc, char **argv)
{
	char why[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *h;
	const uint8_t *data;
	pcap_t *pcap;
	int r;

	if (argc != 2)
		return 2;
	pcap = pcap_open_offline_with_tstamp_precision(argv[1], PCAP_TSTAMP_PRECISION_NANO, why);
	if (!pcap) {
		fprintf(stderr, "%s\n", why);
		return 1;
	}
	while ((r = pcap_next_ex(pcap, &h, &data)) == 1)
		print_packet(h, data);
	if (r != PCAP_ERROR_BREAK)
		fprintf(stderr, "%s\n", pcap_geterr(pcap));
	pcap_close(pcap);
	return r != PCAP_ERROR_BREAK;
}
