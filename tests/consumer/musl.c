/* SPDX-License-Identifier: MIT */
/*
 * musl.c - a program of another C library, in the sandbox that xdptap's captures run in
 *
 *	musl SET none|gzip
 *
 * recovers what an earlier run left, and makes a set of files as a capture does: rotated, through the queue,
 * synchronized, the oldest ones deleted.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

#include "extcap/system/sandbox.h"
#include "pcapng/files.h"

static int add_frames(struct pcapng_files *f)
{
	static const struct pcapng_interface eth0 = { .linktype = 1, .name = "eth0" };
	char frame[60] = "musl";
	struct timespec now;
	int r = pcapng_files_add_interface(f, &eth0, NULL);

	for (int i = 0; r == 0 && i < 5000; i++) {
		clock_gettime(CLOCK_REALTIME, &now);
		r = pcapng_files_add_packet(f, &(struct pcapng_packet){
						       .data = frame,
						       .caplen = sizeof(frame),
						       .len = sizeof(frame),
						       .ts = (uint64_t)now.tv_sec * 1000000000 +
							     (uint64_t)now.tv_nsec,
					       });
		if (r == 0)
			r = pcapng_files_tick(f);
	}
	return r;
}

int main(int argc, char **argv)
{
	const struct pcapng_section section = { .userappl = "musl" };
	struct pcapng_error error = { 0 };
	struct pcapng_files_config config = {
		.size = sizeof(config),
		.path = argv[1],
		.max_packets = 500,
		.keep_files = 25,
		.keep_free = 1,
		.sync = true,
		.sync_interval_ns = 20000000,
		.queue_size = 64 << 20,
		.error = &error,
	};
	struct pcapng_files *f;
	int r;

	if (argc != 3 || prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) != 0)
		return 2;
	if (strcmp(argv[2], "gzip") == 0) { /* which has a queue that waits for room */
		config.compression = PCAPNG_COMPRESSION_GZIP;
		config.queue_size = 0;
	}
	sandbox_enter(SANDBOX_READING | SANDBOX_FILES);
	if (socket(AF_INET, SOCK_DGRAM, 0) >= 0 || errno != ENOSYS) /* there is no sandbox */
		return 3;
	r = pcapng_files_new(&section, NULL, &config, &f);
	if (r < 0) {
		fprintf(stderr, "%s: %s\n", error.text, strerror(-r));
		return 1;
	}
	r = add_frames(f);
	if (pcapng_files_close(f) < 0 || r < 0)
		fprintf(stderr, "%s: %s\n", pcapng_files_error(f)->text, strerror(-r));
	pcapng_files_free(f);
	return r < 0;
}
