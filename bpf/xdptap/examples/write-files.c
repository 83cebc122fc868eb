/* SPDX-License-Identifier: MIT */
/*
 * write-files.c - captures an interface to rotated pcapng files, until SIGINT or SIGTERM
 *
 *	cc write-files.c $(pkg-config --cflags --libs xdptap pcapng-writer)
 *	sudo ./a.out eth0 /var/tmp/cap.pcapng
 *
 * writes /var/tmp/cap_00001_20261128040000.pcapng and so on, a megabyte each, and keeps the last ten. Frames that
 * were lost are told by the next one.
 */
#include <stdio.h>
#include <string.h>

#include <pcapng/files.h>
#include <xdptap/tap.h>

static int add(void *files, const struct xdptap_frame *f, size_t n)
{
	int r = 0;

	for (const struct xdptap_frame *end = f + n; r == 0 && f < end; f++) {
		struct pcapng_packet p = { .ts = f->ts_ns, .data = f->data, .len = f->len };

		p.caplen = f->caplen;
		p.mask = f->lost ? PCAPNG_PACKET_DROPCOUNT : 0;
		p.dropcount = f->lost;
		r = pcapng_files_add_packet(files, &p);
	}
	return r;
}

int main(int argc, char **argv)
{
	struct xdptap_attachment at = { .size = sizeof(at) };
	struct pcapng_interface interface = { .name = argv[1] };
	struct pcapng_writer_config copy = { .size = sizeof(copy), .copy_below = SIZE_MAX };
	struct pcapng_files_config c = { .size = sizeof(c), .path = argv[2], .max_bytes = 1000000 };
	struct pcapng_files *f = NULL;
	struct xdptap *t = NULL;
	int closed = 0, r = xdptap_open_on(argv[1], &t);

	c.keep_files = 10;
	if (r == 0)
		r = pcapng_files_new(NULL, &copy, &c, &f);
	if (r == 0 && xdptap_get_attachment(t, 0, &at) == 0) {
		interface.linktype = (uint16_t)at.linktype;
		pcapng_files_add_interface(f, &interface, NULL); /* if it fails, so do packets */
		r = xdptap_run(t, add, f);
		closed = pcapng_files_close(f);
	}
	if (r < 0 || closed < 0)
		fprintf(stderr, "%s %s\n", strerror(r < 0 ? -r : -closed), xdptap_error(t)->text);
	pcapng_files_free(f);
	xdptap_close(t);
	return r < 0 || closed < 0;
}
