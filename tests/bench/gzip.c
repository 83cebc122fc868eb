/* SPDX-License-Identifier: MIT */
/*
 * gzip.c - what compressed files take with one CPU and with two, and what zlib alone does with the same bytes
 *
 * usage: gzip [LEVEL [FOLDER]]
 *
 * Frames of an office: of their payload, a part is encrypted, the rest is text of protocols. All cases
 * take turns, five times; the figures are medians and ranges of a run's CPUs and bytes.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "pcapng/files.h"

#define FRAMES 60000
#define ROUNDS 5
#define MEMBER (1u << 20) /* as in the library */
#define LINK   66	  /* Ethernet, IP, TCP with time stamps */

struct frame {
	uint32_t len;
	uint8_t data[1514];
};

static struct frame frames[FRAMES];
static uint64_t total; /* bytes of frames */
static int level = 1;
static const char *folder = "/dev/shm";

static uint32_t next_random(void)
{
	static uint64_t state = 15;

	state = state * 6364136223846793005u + 1442695040888963407u;
	return state >> 33;
}

static size_t put_text(uint8_t *to, size_t room)
{
	static const char *const words[] = {
		"GET /api/v2/",
		"Host: www.example.com\r\n",
		"content-type: text/html\r\n",
		"accept-encoding: gzip, br\r\n",
		"cache-control: max-age=",
		"<div class=\"item\">",
		"</div>\n",
		"\"name\": \"",
		"\", \"value\": ",
		"user",
		"session",
		"error",
		"warning",
		"cookie: id=",
		"select * from orders where id = ",
		"the ",
		"and ",
		"of ",
		"status ",
	};
	char text[64];
	size_t n;

	if (next_random() % 4)
		n = (size_t)snprintf(text, sizeof(text), "%s",
				     words[next_random() % (sizeof(words) / sizeof(*words))]);
	else
		n = (size_t)snprintf(text, sizeof(text), "%x ", next_random());
	n = n < room ? n : room;
	memcpy(to, text, n);
	return n;
}

/* Connections of a small network: most of the header is as in another frame, counters are not. */
static void put_header(uint8_t *to)
{
	static uint32_t sequence;
	uint32_t connection = next_random() % 64;

	for (size_t i = 0; i < LINK; i++)
		to[i] = (uint8_t)(i * 37 + (i > 25 && i < 38 ? connection : 0));
	sequence += next_random() % 3000;
	memcpy(to + 18, &sequence, 2);
	memcpy(to + 38, &sequence, 4);
	memcpy(to + 58, &sequence, 4);
}

static void make_frame(struct frame *f)
{
	bool is_encrypted = next_random() % 100 < 60, is_long = next_random() % 2;

	f->len = is_long ? sizeof(f->data) : LINK + next_random() % 200;
	put_header(f->data);
	for (size_t at = LINK; at < f->len;) {
		if (is_encrypted)
			f->data[at++] = (uint8_t)next_random();
		else
			at += put_text(f->data + at, f->len - at);
	}
	total += f->len;
}

static double seconds(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(const char *what, int r)
{
	fprintf(stderr, "%s: %s\n", what, strerror(-r));
	exit(1);
}

/* All frames into one file. Returns its size. */
static uint64_t run_library(void)
{
	char path[4096];
	struct pcapng_files_config config = {
		.size = sizeof(config),
		.path = path,
		.single = true,
		.compression = PCAPNG_COMPRESSION_GZIP,
		.compression_level = level,
	};
	struct pcapng_files *f;
	struct stat st;
	int r;

	snprintf(path, sizeof(path), "%s/xdptap-bench-gzip.%d", folder, getpid());
	r = pcapng_files_new(NULL, NULL, &config, &f);
	if (r == 0)
		r = pcapng_files_add_interface(f, &(struct pcapng_interface){ .linktype = 1 },
					       NULL);
	for (size_t i = 0; i < FRAMES && r == 0; i++)
		r = pcapng_files_add_packet(f, &(struct pcapng_packet){ .ts = i,
									.data = frames[i].data,
									.caplen = frames[i].len,
									.len = frames[i].len });
	if (r == 0)
		r = pcapng_files_close(f);
	if (r < 0)
		fail(path, r);
	pcapng_files_free(f);
	if (stat(path, &st) < 0)
		fail(path, -errno);
	unlink(path);
	return (uint64_t)st.st_size;
}

/* The same bytes, nothing else: members of a stream, in memory. */
struct part {
	size_t from, to; /* frames */
	uint64_t size;
};

static uint64_t pack(z_stream *z, const uint8_t *data, size_t len)
{
	static _Thread_local uint8_t out[2 * MEMBER];

	deflateReset(z);
	z->next_in = (uint8_t *)data;
	z->avail_in = (uInt)len;
	z->next_out = out;
	z->avail_out = sizeof(out);
	if (deflate(z, Z_FINISH) != Z_STREAM_END)
		fail("deflate", -EIO);
	return sizeof(out) - z->avail_out;
}

static void *run_part(void *user)
{
	static _Thread_local uint8_t in[MEMBER];
	struct part *p = user;
	z_stream z = { 0 };
	size_t n = 0;

	if (deflateInit2(&z, level, Z_DEFLATED, 31, 9, Z_DEFAULT_STRATEGY) != Z_OK)
		fail("deflateInit2", -ENOMEM);
	for (size_t i = p->from; i < p->to; i++) {
		if (n + frames[i].len > sizeof(in)) {
			p->size += pack(&z, in, n);
			n = 0;
		}
		memcpy(in + n, frames[i].data, frames[i].len);
		n += frames[i].len;
	}
	p->size += pack(&z, in, n);
	deflateEnd(&z);
	return NULL;
}

static uint64_t run_zlib(unsigned int threads)
{
	struct part parts[2] = { { 0, FRAMES / threads, 0 }, { FRAMES / threads, FRAMES, 0 } };
	pthread_t second;

	if (threads == 2 && pthread_create(&second, NULL, run_part, &parts[1]) != 0)
		fail("pthread_create", -EAGAIN);
	run_part(&parts[0]);
	if (threads == 2)
		pthread_join(second, NULL);
	return parts[0].size + parts[1].size;
}

static uint64_t run_zlib_once(void)
{
	return run_zlib(1);
}

static uint64_t run_zlib_twice(void)
{
	return run_zlib(2);
}

static struct run {
	const char *name;
	uint64_t (*fn)(void);
	int n_cpus;
	double rates[ROUNDS], cpus[ROUNDS]; /* bytes a second; CPU time for a byte, in ns */
	uint64_t size;
} runs[] = {
	{ "zlib alone, one thread", run_zlib_once, 2, { 0 }, { 0 }, 0 },
	{ "zlib alone, two threads", run_zlib_twice, 2, { 0 }, { 0 }, 0 },
	{ "library, one CPU", run_library, 1, { 0 }, { 0 }, 0 },
	{ "library, two CPUs", run_library, 2, { 0 }, { 0 }, 0 },
};

static void allow_cpus(int n)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (int cpu = 0; cpu < n; cpu++)
		CPU_SET(cpu, &set);
	(void)sched_setaffinity(0, sizeof(set), &set);
}

static void measure(struct run *r, unsigned int round)
{
	double wall, cpu;

	allow_cpus(r->n_cpus);
	wall = seconds(CLOCK_MONOTONIC);
	cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
	r->size = r->fn();
	r->rates[round] = (double)total / (seconds(CLOCK_MONOTONIC) - wall);
	r->cpus[round] = (seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu) * 1e9 / (double)total;
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

int main(int argc, char **argv)
{
	const size_t n = sizeof(runs) / sizeof(*runs);

	level = argc > 1 ? atoi(argv[1]) : 1;
	folder = argc > 2 ? argv[2] : folder;
	for (size_t i = 0; i < FRAMES; i++)
		make_frame(&frames[i]);
	for (unsigned int round = 0; round < ROUNDS; round++)
		for (size_t i = 0; i < n; i++)
			measure(&runs[i], round);
	printf("%d frames, %.0f bytes each in the mean, level %d\n", FRAMES, (double)total / FRAMES,
	       level);
	for (struct run *r = runs; r < runs + n; r++) {
		qsort(r->rates, ROUNDS, sizeof(*r->rates), compare);
		qsort(r->cpus, ROUNDS, sizeof(*r->cpus), compare);
		printf("%-24s %6.1f MB/s (%.1f to %.1f), %5.2f ns of CPU a byte, to %.2f of the size\n",
		       r->name, r->rates[ROUNDS / 2] / 1e6, r->rates[0] / 1e6,
		       r->rates[ROUNDS - 1] / 1e6, r->cpus[ROUNDS / 2],
		       (double)r->size / (double)total);
	}
	return 0;
}
