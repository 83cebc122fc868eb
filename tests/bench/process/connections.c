/* SPDX-License-Identifier: MIT */
/*
 * Many short connections, for the benchmark "process".
 *
 *	connections tcp|udp ADDRESS PORT COUNT	prints nanoseconds for each: socket, connect, send, close
 *	connections serve ADDRESS PORT		accepts connections and closes them, until it is killed
 *	connections keep ADDRESS PORT COUNT	makes so many UDP sockets, says so, and keeps them
 *
 * A TCP connection ends with a reset, so that its port is free at once.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int fail(const char *what)
{
	perror(what);
	return 1;
}

static int serve(const struct sockaddr_in *address)
{
	int one = 1, fd, listener = socket(AF_INET, SOCK_STREAM, 0);

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (const void *)address, sizeof(*address)) < 0 ||
	    listen(listener, 4096) < 0)
		return fail("listen");
	puts("ready");
	fflush(stdout);
	while ((fd = accept(listener, NULL, NULL)) >= 0)
		close(fd);
	return fail("accept");
}

static int connect_once(int type, const struct sockaddr_in *to)
{
	const struct linger reset = { 1, 0 };
	int fd = socket(AF_INET, type, 0);

	if (fd < 0 || connect(fd, (const void *)to, sizeof(*to)) < 0)
		return -1;
	if (type == SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	else if (send(fd, "", 1, 0) < 0 &&
		 send(fd, "", 1, 0) < 0) /* the first may tell of a refusal */
		return -1;
	return close(fd);
}

static int run(int type, const struct sockaddr_in *to, long count)
{
	struct timespec begin, end;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (long i = 0; i < count; i++)
		if (connect_once(type, to) < 0)
			return fail("connect");
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("%.0f\n",
	       ((double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec)) /
		       (double)count);
	return 0;
}

static int keep(const struct sockaddr_in *to, long count)
{
	const struct rlimit limit = { (rlim_t)count + 64, (rlim_t)count + 64 };

	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		return fail("setrlimit");
	for (long i = 0; i < count; i++)
		if (socket(AF_INET, SOCK_DGRAM, 0) < 0)
			return fail("socket");
	(void)to;
	puts("ready");
	fflush(stdout);
	return pause();
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	long count = argc > 4 ? atol(argv[4]) : 0;

	if (argc < 4 || inet_pton(AF_INET, argv[2], &address.sin_addr) != 1)
		return 2;
	address.sin_port = htons((unsigned short)atoi(argv[3]));
	if (strcmp(argv[1], "serve") == 0)
		return serve(&address);
	if (strcmp(argv[1], "keep") == 0)
		return keep(&address, count);
	return run(strcmp(argv[1], "tcp") == 0 ? SOCK_STREAM : SOCK_DGRAM, &address, count);
}
