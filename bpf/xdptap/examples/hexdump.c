/* SPDX-License-Identifier: MIT */
/*
 * hexdump.c - prints the frames that an interface receives, as they come
 *
 *	cc hexdump.c $(pkg-config --cflags --libs xdptap) && sudo ./a.out eth0
 */
#include <poll.h>
#include <stdio.h>

#include <xdptap/tap.h>

static int dump(void *user, const struct xdptap_frame *frames, size_t n)
{
	for (const struct xdptap_frame *f = frames; f < frames + n; f++) {
		printf("%.9f: %u bytes", (double)f->ts_ns / 1e9, f->len);
		for (uint32_t i = 0; i < f->caplen; i++)
			printf("%s%02x", i % 16 ? " " : "\n\t", f->data[i]);
		printf("\n");
	}
	return fflush(stdout);
}

int main(int argc, char **argv)
{
	struct xdptap_target target = { .size = sizeof(target), .interface = argv[argc - 1] };
	struct xdptap *t = NULL;
	int r = xdptap_open(NULL, &t);

	if (r == 0)
		r = xdptap_attach(t, &target, NULL);
	while (r >= 0 && poll(&(struct pollfd){ xdptap_fd(t), POLLIN, 0 }, 1, -1) > 0)
		r = xdptap_drain(t, dump, NULL);
	if (r < 0)
		fprintf(stderr, "%s\n", xdptap_error(t)->text);
	xdptap_close(t);
	return r < 0;
}
