/* SPDX-License-Identifier: MIT */
/*
 * write-files.c - writes numbered frames to a set of files
 *
 *	cc write-files.c $(pkg-config --cflags --libs pcapng-writer)
 *	./a.out /var/tmp/cap.pcapng 100000 1000000 3 6
 *
 * writes 100000 frames to /var/tmp/cap_00001_20261123040000.pcapng.gz and so on, a megabyte each, with
 * level 6 of gzip (without the last argument: uncompressed), and keeps the last three. It prints the
 * name of each finished file.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <pcapng/files.h>

struct counter {
	uint64_t packets, lost;
};

/* Whoever reads this line may open the file: it is complete. */
static void on_event(void *user, const struct pcapng_files_event *event)
{
	if (event->what == PCAPNG_FILES_FINISHED)
		printf("%s %llu\n", event->path, (unsigned long long)event->packets);
	fflush(stdout);
}

/* At the end of each file; the counters continue across files. */
static int add_stats(void *user, struct pcapng_writer *w)
{
	const struct counter *c = user;

	return pcapng_writer_add_stats(w, &(struct pcapng_stats){
						  .mask = PCAPNG_STATS_IFRECV | PCAPNG_STATS_OSDROP,
						  .ifrecv = c->packets + c->lost,
						  .osdrop = c->lost,
					  });
}

static int add_frame(struct pcapng_files *f, struct counter *c)
{
	uint8_t frame[60] = { 0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2, 0x88, 0xb5 };
	struct pcapng_packet packet = { .data = frame, .caplen = sizeof(frame), .len = 60 };
	struct timespec now;
	int r;

	memcpy(frame + 16, &c->packets, sizeof(c->packets));
	clock_gettime(CLOCK_REALTIME, &now);
	packet.ts = (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	r = pcapng_files_add_packet(f, &packet);
	*(r == 0 ? &c->packets : &c->lost) += 1;
	return r == -EAGAIN ? 0 : r; /* the disk is full for now: a loss */
}

static int write_frames(struct pcapng_files *f, struct counter *c, uint64_t packets)
{
	static const struct pcapng_interface eth0 = { .linktype = 1, .name = "eth0" };
	int r = pcapng_files_add_interface(f, &eth0, NULL), closed;

	while (r == 0 && c->packets + c->lost < packets) {
		r = add_frame(f, c);
		if (r == 0)
			r = pcapng_files_tick(
				f); /* a real program calls it when poll(2) times out */
	}
	closed = pcapng_files_close(f); /* also after a failure: the file gets its final name */
	return r < 0 ? r : closed;
}

int main(int argc, char **argv)
{
	struct counter counter = { 0 };
	struct pcapng_error error = { 0 };
	struct pcapng_section section = { .userappl = "write-files 1" };
	struct pcapng_files_config config = {
		.size = sizeof(config),
		.path = argc > 1 ? argv[1] : "cap.pcapng",
		.max_bytes = argc > 3 ? strtoull(argv[3], NULL, 0) : 1000000,
		.keep_files = argc > 4 ? strtoul(argv[4], NULL, 0) : 0,
		.compression = argc > 5 ? PCAPNG_COMPRESSION_GZIP : PCAPNG_COMPRESSION_NONE,
		.compression_level = argc > 5 ? atoi(argv[5]) : 0,
		.full = PCAPNG_FULL_DROP,
		.add_stats = add_stats,
		.on_event = on_event,
		.user = &counter,
		.error = &error,
	};
	struct pcapng_files *f = NULL;
	int r = pcapng_files_new(&section, NULL, &config, &f);

	if (r == 0) {
		r = write_frames(f, &counter, argc > 2 ? strtoull(argv[2], NULL, 0) : 100000);
		error = *pcapng_files_error(f);
	}
	if (r < 0)
		fprintf(stderr, "%s: %s\n", error.text, strerror(-r));
	pcapng_files_free(f);
	return r < 0;
}
