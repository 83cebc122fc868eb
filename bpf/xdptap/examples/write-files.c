/* SPDX-License-Identifier: MIT */
/*
 * write-files.c - captures an Ethernet interface to rotated pcapng files, until SIGINT or SIGTERM
 *
 *	cc write-files.c $(pkg-config --cflags --libs xdptap pcapng-writer)
 *	sudo ./a.out eth0 /var/tmp/cap.pcapng
 *
 * writes /var/tmp/cap_00001_20261128040000.pcapng and so on, a megabyte each, and keeps the last ten.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <pcapng/files.h>
#include <xdptap/tap.h>

static volatile sig_atomic_t is_over;

static void stop(int number)
{
	is_over = number;
}

static int add(void *files, const struct xdptap_frame *f, size_t n)
{
	int r = 0;

	for (const struct xdptap_frame *end = f + n; r == 0 && f < end; f++) {
		struct pcapng_packet packet = {
			.ts = f->ts_ns, .data = f->data, .caplen = f->caplen, .len = f->len
		};

		r = pcapng_files_add_packet(files, &packet);
	}
	return r;
}

/* The counters, at the end of each file. */
static int add_stats(void *tap, struct pcapng_writer *w)
{
	struct xdptap_stats s = { .size = sizeof(s) };
	struct pcapng_stats stats = { .mask = PCAPNG_STATS_IFRECV | PCAPNG_STATS_OSDROP };
	int r = xdptap_get_stats(tap, 0, &s);

	stats.ifrecv = s.seen;
	stats.osdrop = s.accepted - s.delivered - s.pending;
	return r < 0 ? r : pcapng_writer_add_stats(w, &stats);
}

/* Until the signal, and then what is left in the rings. */
static int capture(struct xdptap *t, struct pcapng_files *f)
{
	struct pollfd p = { xdptap_fd(t), POLLIN, 0 };
	int r = 0;

	while (r >= 0 && !is_over)
		r = poll(&p, 1, -1) > 0 ? xdptap_drain(t, add, f) : 0;
	return r < 0 ? r : xdptap_end(t, add, f);
}

int main(int argc, char **argv)
{
	struct xdptap *t = NULL;
	struct xdptap_target target = { .size = sizeof(target), .interface = argv[argc - 2] };
	struct pcapng_interface eth0 = { .linktype = 1, .name = argv[argc - 2] };
	struct pcapng_writer_config copy = { .size = sizeof(copy), .copy_below = SIZE_MAX };
	struct pcapng_files_config set = { .size = sizeof(set),
					   .path = argv[argc - 1],
					   .max_bytes = 1000000,
					   .keep_files = 10,
					   .add_stats = add_stats };
	struct pcapng_files *f = NULL;
	int closed, r = xdptap_open(NULL, &t);

	set.user = t;
	signal(SIGINT, stop);
	signal(SIGTERM, stop);
	if (r == 0)
		r = xdptap_attach(t, &target, NULL);
	if (r == 0)
		r = pcapng_files_new(NULL, &copy, &set, &f);
	if (r == 0)
		r = pcapng_files_add_interface(f, &eth0, NULL);
	if (r == 0)
		r = capture(t, f);
	closed = f ? pcapng_files_close(f) : 0;
	if (r < 0 || closed < 0)
		fprintf(stderr, "%s %s\n", strerror(r < 0 ? -r : -closed), xdptap_error(t)->text);
	pcapng_files_free(f);
	xdptap_close(t);
	return r < 0 || closed < 0;
}
