/* SPDX-License-Identifier: MIT */
/*
 * tap.c - somebody else's program: only the installed header of libxdptap, in strict C11 or C++
 *
 * Captures a datagram that it sends to itself through "lo". Without the privilege to capture it checks that
 * the library says so.
 */
#include <xdptap/tap.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#if !XDPTAP_CHECK_VERSION(0, 2, 0)
#error "this is not the header that was installed"
#endif

static const char text[] = "a datagram for a consumer";

static void send_datagram(void)
{
	struct sockaddr_in to;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	memset(&to, 0, sizeof(to));
	to.sin_family = AF_INET;
	to.sin_port = htons(9);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	(void)sendto(fd, text, sizeof(text), 0, (const struct sockaddr *)&to, sizeof(to));
	close(fd);
}

static int find(void *user, const struct xdptap_frame *frames, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (frames[i].caplen > sizeof(text) &&
		    memcmp(frames[i].data + frames[i].caplen - sizeof(text), text, sizeof(text)) ==
			    0)
			*(int *)user += 1;
	return 0;
}

static int capture(struct xdptap *t)
{
	struct xdptap_target target;
	struct xdptap_stats stats;
	uint32_t id = 99;
	int found = 0;

	memset(&target, 0, sizeof(target));
	target.size = sizeof(target);
	target.interface = "lo";
	if (xdptap_attach(t, &target, &id) < 0 || id != 0)
		return 1;
	send_datagram();
	for (int i = 0; i < 100 && !found; i++) {
		struct pollfd p;

		p.fd = xdptap_fd(t);
		p.events = POLLIN;
		if (poll(&p, 1, 10000) != 1 || xdptap_drain(t, find, &found) < 0)
			return 1;
	}
	memset(&stats, 0, sizeof(stats));
	stats.size = sizeof(stats);
	if (xdptap_end(t, find, &found) < 0 || xdptap_get_stats(t, id, &stats) < 0)
		return 1;
	return found && stats.delivered ? 0 : 1; /* the answer of a closed port quotes it, too */
}

int main(void)
{
	struct xdptap_config config;
	struct xdptap *t = NULL;
	uint64_t missing = 0;
	int r;

	if (strcmp(xdptap_version(), EXPECTED_VERSION) != 0)
		return 2;
	memset(&config, 0, sizeof(config));
	config.size = sizeof(config);
	(void)xdptap_capabilities(XDPTAP_XDP, &missing);
	r = xdptap_open(&config, &t);
	if (r == -EPERM)
		return missing && strstr(xdptap_error(NULL)->text, "missing") ? 0 : 3;
	r = r < 0 ? 1 : capture(t);
	if (r)
		fprintf(stderr, "%s\n", xdptap_error(t)->text);
	xdptap_close(t);
	return r;
}
