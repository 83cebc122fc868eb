/* SPDX-License-Identifier: MIT */
/*
 * hexdump.c - prints the frames that an interface receives, as they come
 *
 *	cc hexdump.c $(pkg-config --cflags --libs xdptap) && sudo ./a.out eth0
 */
#include <stdio.h>

#include <xdptap/tap.h>

static int dump(void *user, const struct xdptap_frame *frames, size_t n)
{
	for (const struct xdptap_frame *f = frames; f < frames + n; f++) {
		printf("%.9f: %u bytes\n", (double)f->ts_ns / 1e9, f->len);
		for (uint32_t i = 1; i <= f->caplen; i++)
			printf("%02x%c", f->data[i - 1], i % 16 && i < f->caplen ? ' ' : '\n');
	}
	return fflush(stdout);
}

int main(int argc, char **argv)
{
	struct xdptap *t = NULL;
	int failed = xdptap_open_on(argv[argc - 1], &t) < 0 || xdptap_run(t, dump, NULL) < 0;

	if (failed)
		fprintf(stderr, "%s\n", xdptap_error(t)->text);
	xdptap_close(t);
	return failed;
}
