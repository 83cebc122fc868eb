/* SPDX-License-Identifier: MIT */
/*
 * Counts the frames that an interface receives, as an application of one of three libraries would.
 *
 *	count libxdptap|libpcap|AF_XDP INTERFACE
 *
 * Prints "ready", and after SIGTERM how many frames it got. count-xsk.c has AF_XDP.
 */
#include <errno.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xdptap/tap.h>

#include "tests/bench/library/count.h"

#define BUFFER (64 << 20) /* of libpcap, as the other benchmarks have it */

volatile sig_atomic_t is_over;
uint64_t frames, bytes;

static void stop(int number)
{
	is_over = number;
}

int fail(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	return 1;
}

void ready(void)
{
	puts("ready");
	fflush(stdout);
}

static int add(void *user, const struct xdptap_frame *f, size_t n)
{
	frames += n;
	for (size_t i = 0; i < n; i++)
		bytes += f[i].caplen;
	return 0;
}

static int count_tap(const char *interface)
{
	struct xdptap_target target = { .size = sizeof(target), .interface = interface };
	struct xdptap *t = NULL;
	struct pollfd p = { .events = POLLIN };

	if (xdptap_open(NULL, &t) < 0 || xdptap_attach(t, &target, NULL) < 0)
		return fail("libxdptap", xdptap_error(t)->text);
	p.fd = xdptap_fd(t);
	ready();
	while (!is_over && (poll(&p, 1, -1) > 0 || errno == EINTR))
		(void)xdptap_drain(t, add, NULL);
	(void)xdptap_end(t, add, NULL);
	xdptap_close(t);
	return 0;
}

static void add_packet(u_char *user, const struct pcap_pkthdr *h, const u_char *data)
{
	frames++;
	bytes += h->caplen;
}

static int count_pcap(const char *interface)
{
	char why[PCAP_ERRBUF_SIZE];
	pcap_t *p = pcap_create(interface, why);
	struct pollfd wait = { .events = POLLIN };
	int r = 0;

	if (!p)
		return fail("libpcap", why);
	if (pcap_set_snaplen(p, 262144) < 0 || pcap_set_buffer_size(p, BUFFER) < 0 ||
	    pcap_set_timeout(p, 10) < 0 || pcap_activate(p) < 0 ||
	    pcap_setdirection(p, PCAP_D_IN) < 0 || pcap_setnonblock(p, 1, why) < 0)
		return fail("libpcap", pcap_geterr(p));
	wait.fd = pcap_get_selectable_fd(p);
	ready();
	while (!is_over && r >= 0 && (poll(&wait, 1, -1) > 0 || errno == EINTR))
		r = pcap_dispatch(p, -1, add_packet, NULL);
	if (r < 0 || pcap_dispatch(p, -1, add_packet, NULL) < 0)
		return fail("libpcap", pcap_geterr(p));
	pcap_close(p);
	return 0;
}

int main(int argc, char **argv)
{
	int r;

	if (argc != 3)
		return fail("usage", "count libxdptap|libpcap|AF_XDP INTERFACE");
	(void)sigaction(SIGTERM, &(struct sigaction){ .sa_handler = stop }, NULL);
	if (strcmp(argv[1], "libxdptap") == 0)
		r = count_tap(argv[2]);
	else
		r = strcmp(argv[1], "libpcap") == 0 ? count_pcap(argv[2]) : count_xsk(argv[2]);
	printf("%llu\n", (unsigned long long)frames);
	return r;
}
