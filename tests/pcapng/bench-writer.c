/* SPDX-License-Identifier: MIT */
/*
 * bench-writer.c - nanoseconds per packet, compared with other ways to write the same blocks
 *
 * One run measures all writers in turn, several times, and takes the median; only ratios within a
 * run are meaningful. Packets come from 16 MiB of memory, as from a ring. The file is in the
 * current folder. Exit status 1: the library breaks a promise (see promise()).
 *
 *	bench-writer [COPY_BELOW [BUFFER_SIZE]]    measures other settings, without promises
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pcapng/writer.h"

#define RING   (16 * 1024 * 1024)
#define ROUNDS 8
#define BUFFER (1024 * 1024)

static uint8_t *ring;
static struct pcapng_writer_config settings;

/* What each writer does. */
struct job {
	int fd; /* -1: nowhere, which stdio and writev cannot do */
	uint32_t len;
	unsigned int packets;
};

struct epb {
	uint32_t type, total, interface, ts_high, ts_low, caplen, len;
};

/*
 * As long as the section header and interface of our writer, so that all write files of the same
 * size.
 */
static const uint8_t preamble[60];

static struct epb make_head(uint32_t len, uint64_t ts)
{
	return (struct epb){
		.type = PCAPNG_BLOCK_EPB,
		.total = 32 + ((len + 3) & ~3u),
		.ts_high = ts >> 32,
		.ts_low = ts,
		.caplen = len,
		.len = len,
	};
}

static const uint8_t *next_packet(uint32_t len, size_t *at)
{
	const uint8_t *p = ring + *at;

	*at = *at + 2 * len < RING ? *at + len : 0;
	return p;
}

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static void write_all(int fd, const void *data, size_t n)
{
	if (fd >= 0 && write(fd, data, n) != (ssize_t)n)
		die("write");
}

static ssize_t output(void *user, const struct iovec *iov, int iovcnt)
{
	const struct job *job = user;
	ssize_t n = 0;

	if (job->fd >= 0) {
		n = writev(job->fd, iov, iovcnt);
		return n < 0 ? -errno : n;
	}
	for (int i = 0; i < iovcnt; i++)
		n += iov[i].iov_len;
	return n;
}

static void write_ours(const struct job *job)
{
	struct pcapng_packet p = { .caplen = job->len, .len = job->len };
	struct pcapng_writer *w;
	size_t at = 0;

	if (pcapng_writer_new(NULL, &settings, output, (void *)job, &w) < 0 ||
	    pcapng_writer_add_interface(w, &(struct pcapng_interface){ .linktype = 1 }, NULL) < 0)
		die("writer");
	for (unsigned int i = 0; i < job->packets; i++) {
		p.ts = i;
		p.data = next_packet(job->len, &at);
		if (pcapng_writer_add_packet(w, &p) < 0)
			die("packet");
	}
	if (pcapng_writer_flush(w) < 0)
		die("flush");
	pcapng_writer_free(w);
}

/* The loop that a programmer writes by hand: a buffer, memcpy, write when full. */
static void write_plain(const struct job *job)
{
	static uint8_t buffer[BUFFER];
	size_t used = sizeof(preamble), at = 0;

	for (unsigned int i = 0; i < job->packets; i++) {
		struct epb head = make_head(job->len, i);

		if (used + head.total > sizeof(buffer)) {
			write_all(job->fd, buffer, used);
			used = 0;
		}
		memcpy(buffer + used, &head, sizeof(head));
		memcpy(buffer + used + sizeof(head), next_packet(job->len, &at), job->len);
		memset(buffer + used + sizeof(head) + job->len, 0, -job->len & 3);
		memcpy(buffer + used + head.total - 4, &head.total, 4);
		used += head.total;
	}
	write_all(job->fd, buffer, used);
}

/* stdio: three calls per packet. */
static void write_stdio(const struct job *job)
{
	static const uint8_t zeros[4];
	FILE *file = fdopen(dup(job->fd), "w");
	size_t at = 0;

	fwrite(preamble, 1, sizeof(preamble), file);
	for (unsigned int i = 0; i < job->packets; i++) {
		struct epb head = make_head(job->len, i);

		fwrite(&head, 1, sizeof(head), file);
		fwrite(next_packet(job->len, &at), 1, job->len, file);
		fwrite(zeros, 1, -job->len & 3, file);
		fwrite(&head.total, 1, 4, file);
	}
	if (fclose(file) != 0)
		die("fclose");
}

/* One system call per packet. */
static void write_writev(const struct job *job)
{
	size_t at = 0;

	write_all(job->fd, preamble, sizeof(preamble));
	for (unsigned int i = 0; i < job->packets; i++) {
		struct epb head = make_head(job->len, i);
		struct iovec iov[] = {
			{ &head, sizeof(head) },
			{ (void *)next_packet(job->len, &at), job->len },
			{ &head.total, 4 },
		};

		if (writev(job->fd, iov, 3) < 0)
			die("writev");
	}
}

static int compare(const void *a, const void *b)
{
	double d = *(const double *)a - *(const double *)b;

	return (d > 0) - (d < 0);
}

struct writer {
	const char *name;
	void (*write)(const struct job *job);
	bool needs_fd;
};

static const struct writer writers[] = {
	{ "ours", write_ours, false },
	{ "plain buffer", write_plain, false },
	{ "stdio", write_stdio, true },
	{ "writev each", write_writev, true },
};
#define WRITERS (sizeof(writers) / sizeof(writers[0]))

static double measure(const struct writer *writer, const struct job *job)
{
	struct timespec start, end;

	if (job->fd >= 0 && (lseek(job->fd, 0, SEEK_SET) < 0))
		die("lseek");
	clock_gettime(CLOCK_MONOTONIC, &start);
	writer->write(job);
	clock_gettime(CLOCK_MONOTONIC, &end);
	return ((end.tv_sec - start.tv_sec) * 1e9 + (end.tv_nsec - start.tv_nsec)) / job->packets;
}

/*
 * Stores medians in ns[], 0 for a writer that cannot do the job. Each round starts with another
 * writer, because the first one to write a file pays for its clean pages. The first round does not
 * count.
 */
static void measure_all(const struct job *job, double *ns)
{
	double rounds[WRITERS][ROUNDS + 1] = { 0 };

	for (size_t round = 0; round <= ROUNDS; round++) {
		for (size_t i = 0; i < WRITERS; i++) {
			size_t n = (i + round) % WRITERS;

			if (job->fd >= 0 || !writers[n].needs_fd)
				rounds[n][round] = measure(&writers[n], job);
		}
	}
	for (size_t i = 0; i < WRITERS; i++) {
		qsort(rounds[i] + 1, ROUNDS, sizeof(double), compare);
		ns[i] = rounds[i][1 + ROUNDS / 2];
	}
}

static void print_row(const char *name, const struct job *job, const double *ns)
{
	printf("%-9s %5u", name, job->len);
	for (size_t i = 0; i < WRITERS; i++)
		printf(" %13.1f", ns[i]);
	printf("\n");
}

static int broken;

static void promise(bool kept, const char *what)
{
	if (kept)
		return;
	printf("BROKEN: %s\n", what);
	broken = 1;
}

static void bench(int fd, const char *name, bool promises)
{
	static const struct {
		uint32_t len;
		unsigned int packets;
	} sizes[] = { { 64, 500000 }, { 512, 100000 }, { 1500, 40000 }, { 9000, 8000 } };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct job job = { fd, sizes[i].len, sizes[i].packets };
		double ns[WRITERS];

		measure_all(&job, ns);
		print_row(name, &job, ns);
		if (!promises)
			continue;
		if (fd < 0 && job.len == 64)
			promise(ns[0] <= 12, "64 bytes to nowhere in 12 ns");
		if (fd >= 0 && strcmp(name, "file") == 0) {
			promise(ns[0] <= 1.2 * ns[1], "1.2 times the plain buffer, to a file");
			promise(ns[0] < ns[2], "faster than stdio, to a file");
			promise(ns[0] < ns[3], "faster than writev, to a file");
		}
	}
}

int main(int argc, char **argv)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	int file = open("bench-writer.tmp", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	settings.size = sizeof(settings);
	settings.copy_below = argc > 1 ? strtoul(argv[1], NULL, 0) : 0;
	settings.buffer_size = argc > 2 ? strtoul(argv[2], NULL, 0) : 0;
	ring = malloc(RING);
	if (null < 0 || file < 0 || !ring)
		die("set up");
	unlink("bench-writer.tmp");
	memset(ring, 1, RING);
	printf("%-9s %5s", "to", "bytes");
	for (size_t i = 0; i < WRITERS; i++)
		printf(" %13s", writers[i].name);
	printf("   ns per packet\n");
	bench(-1, "nowhere", argc == 1);
	bench(null, "/dev/null", false);
	bench(file, "file", argc == 1);
	return broken;
}
