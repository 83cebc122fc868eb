/* SPDX-License-Identifier: MIT */
/*
 * A fast source of frames without pktgen: BPF_PROG_TEST_RUN runs live frames through a program that
 * redirects them to an interface. Run it in the namespace of one end of a veth pair; the other end
 * receives the frames on the same CPU.
 *
 *	flood INTERFACE LENGTH COUNT [PER-SECOND]
 *
 * Prints frames per second. Every frame is UDP to an address that nobody has, so the stack drops it early.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "flood.skel.h"

#define AT_ONCE (1u << 19)

static int load(unsigned int ifindex, uint64_t per_second)
{
	struct flood_bpf *skel = flood_bpf__open();

	if (!skel)
		return -1;
	skel->rodata->ifindex = ifindex;
	skel->rodata->gap_ns = per_second ? 1000000000 / per_second : 0;
	if (flood_bpf__load(skel) < 0)
		return -1;
	return bpf_program__fd(skel->progs.flood);
}

static void fill(uint8_t *frame, uint32_t len)
{
	struct ethhdr *eth = (void *)frame;
	struct iphdr *ip = (void *)(eth + 1);
	struct udphdr *udp = (void *)(ip + 1);

	memset(frame, 0, len);
	memcpy(eth->h_dest, "\x02\xde\xad\xbe\xef\x01", 6);
	memcpy(eth->h_source, "\x02\xde\xad\xbe\xef\x02", 6);
	eth->h_proto = htons(ETH_P_IP);
	*ip = (struct iphdr){ .version = 4, .ihl = 5, .ttl = 64, .protocol = 17 };
	ip->tot_len = htons((uint16_t)(len - sizeof(*eth)));
	ip->saddr = htonl(0xc6120001);
	ip->daddr = htonl(0xc6120002);
	udp->source = udp->dest = htons(9);
	udp->len = htons((uint16_t)(len - sizeof(*eth) - sizeof(*ip)));
}

int main(int argc, char **argv)
{
	unsigned int ifindex = argc >= 4 ? if_nametoindex(argv[1]) : 0;
	uint32_t len = argc >= 4 ? (uint32_t)atoi(argv[2]) : 0;
	uint64_t count = argc >= 4 ? strtoull(argv[3], NULL, 10) : 0;
	uint64_t per_second = argc == 5 ? strtoull(argv[4], NULL, 10) : 0;
	uint8_t *frame = malloc(65536);
	struct xdp_md context = { .data_end = len, .ingress_ifindex = ifindex };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = len,
		    .ctx_in = &context, .ctx_size_in = sizeof(context),
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = 64);
	struct timespec from, to;
	int fd;

	if (!frame || !ifindex || len < 60 || len > 3000 || !count) {
		fprintf(stderr, "usage: flood INTERFACE LENGTH COUNT [PER-SECOND]\n");
		return 2;
	}
	fill(frame, len);
	fd = load(ifindex, per_second);
	if (fd < 0) {
		fprintf(stderr, "flood: cannot load its program: %s\n", strerror(errno));
		return 1;
	}
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (uint64_t left = count; left;) {
		opts.repeat = (int)(left < AT_ONCE ? left : AT_ONCE);
		if (bpf_prog_test_run_opts(fd, &opts) < 0) {
			fprintf(stderr, "flood: %s\n", strerror(errno));
			return 1;
		}
		left -= (uint64_t)opts.repeat;
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	printf("%.0f\n", (double)count / ((double)(to.tv_sec - from.tv_sec) +
					  (double)(to.tv_nsec - from.tv_nsec) / 1e9));
	return 0;
}
