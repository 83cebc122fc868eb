/* SPDX-License-Identifier: MIT */
/*
 * Many short connections, for the benchmark "process".
 *
 *	connections tcp|udp ADDRESS PORT COUNT	prints nanoseconds for each: socket, connect, send, close
 *	connections serve ADDRESS PORT		accepts connections and closes them, until it is killed
 *	connections connect ADDRESS PORT COUNT	prints the median and the 99th percentile of connect(2), in nanoseconds
 *	connections accept ADDRESS PORT COUNT	the same for accept(2) of a connection that is there, and what it reads first
 *	connections keep COUNT			makes so many UDP sockets, says so, and keeps them
 *
 * A TCP connection ends with a reset, so that its port is free at once.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int fail(const char *what)
{
	perror(what);
	return 1;
}

static int listen_to(const struct sockaddr_in *address)
{
	int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (const void *)address, sizeof(*address)) < 0 ||
	    listen(listener, 4096) < 0)
		return -1;
	puts("ready");
	fflush(stdout);
	return listener;
}

static int serve(const struct sockaddr_in *address)
{
	int fd, listener = listen_to(address);

	if (listener < 0)
		return fail("listen");
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

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void print_times(uint64_t *times, long count)
{
	qsort(times, (size_t)count, sizeof(*times), compare);
	printf("%llu %llu\n", (unsigned long long)times[count / 2],
	       (unsigned long long)times[count - 1 - count / 100]);
}

static int time_connect(const struct sockaddr_in *to, uint64_t *times, long count)
{
	const struct linger reset = { 1, 0 };

	for (long i = 0; i < count; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		uint64_t begin = now_ns();

		if (fd < 0 || connect(fd, (const void *)to, sizeof(*to)) < 0)
			return fail("connect");
		times[i] = now_ns() - begin;
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		close(fd);
	}
	print_times(times, count);
	return 0;
}

/* The client resets each connection at once, so that reading ends at once, too. */
static int time_accept(const struct sockaddr_in *address, uint64_t *times, long count)
{
	struct pollfd p = { .fd = listen_to(address), .events = POLLIN };
	char byte;

	if (p.fd < 0)
		return fail("listen");
	for (long i = 0; i < count; i++) {
		uint64_t begin;
		int fd;

		if (poll(&p, 1, -1) < 0)
			return fail("poll");
		begin = now_ns();
		fd = accept(p.fd, NULL, NULL);
		if (fd < 0)
			return fail("accept");
		(void)!recv(fd, &byte, 1, MSG_DONTWAIT);
		times[i] = now_ns() - begin;
		close(fd);
	}
	print_times(times, count);
	return 0;
}

/* Keeps as many as it may, and lets another process keep the others. */
static int keep(long count)
{
	struct rlimit limit;
	int ready[2];
	char byte;
	long own;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return fail("getrlimit");
	limit.rlim_cur = limit.rlim_max;
	own = (long)limit.rlim_max - 64;
	own = own < count ? own : count;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0 || own <= 0 || pipe(ready) < 0)
		return fail("setrlimit");
	if (own < count && fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(ready[1], STDOUT_FILENO);
		close(ready[0]);
		close(ready[1]);
		return keep(count - own);
	}
	close(ready[1]);
	for (long i = 0; i < own; i++)
		if (socket(AF_INET, SOCK_DGRAM, 0) < 0)
			return fail("socket");
	if (own < count && read(ready[0], &byte, 1) != 1)
		return 1;
	puts("ready");
	fflush(stdout);
	return pause();
}

static int run_timed(const char *what, const struct sockaddr_in *address, long count)
{
	uint64_t *times = count > 0 ? calloc((size_t)count, sizeof(*times)) : NULL;
	int status;

	if (!times)
		return 2;
	status = strcmp(what, "accept") == 0 ? time_accept(address, times, count)
					     : time_connect(address, times, count);
	free(times);
	return status;
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	long count = argc > 4 ? atol(argv[4]) : 0;

	if (argc == 3 && strcmp(argv[1], "keep") == 0)
		return keep(atol(argv[2]));
	if (argc < 4 || inet_pton(AF_INET, argv[2], &address.sin_addr) != 1)
		return 2;
	address.sin_port = htons((unsigned short)atoi(argv[3]));
	if (strcmp(argv[1], "serve") == 0)
		return serve(&address);
	if (strcmp(argv[1], "accept") == 0 || strcmp(argv[1], "connect") == 0)
		return run_timed(argv[1], &address, count);
	return run(strcmp(argv[1], "tcp") == 0 ? SOCK_STREAM : SOCK_DGRAM, &address, count);
}
