/* SPDX-License-Identifier: MIT */
/* Receives with an AF_XDP socket of libxdp, if that was there at the build. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/bench/library/count.h"

#ifdef HAS_LIBXDP
#include <xdp/xsk.h>

#define N     (2 * XSK_RING_PROD__DEFAULT_NUM_DESCS)
#define BATCH 64

struct xsk {
	struct xsk_ring_prod fill;
	struct xsk_ring_cons complete, rx;
	struct xsk_umem *umem;
	struct xsk_socket *socket;
	uint8_t *memory;
};

static int open_xsk(struct xsk *x, const char *interface)
{
	const struct xsk_umem_config umem = { .fill_size = N,
					      .comp_size = XSK_RING_CONS__DEFAULT_NUM_DESCS,
					      .frame_size = XSK_UMEM__DEFAULT_FRAME_SIZE };
	const struct xsk_socket_config config = { .rx_size = N };
	size_t size = (size_t)N * XSK_UMEM__DEFAULT_FRAME_SIZE;
	uint32_t at;
	int r;

	x->memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	r = xsk_umem__create(&x->umem, x->memory, size, &x->fill, &x->complete, &umem);
	if (r == 0)
		r = xsk_socket__create(&x->socket, interface, 0, x->umem, &x->rx, NULL, &config);
	if (r < 0 || xsk_ring_prod__reserve(&x->fill, N, &at) != N)
		return r < 0 ? r : -ENOBUFS;
	for (uint32_t i = 0; i < N; i++)
		*xsk_ring_prod__fill_addr(&x->fill, at + i) = (uint64_t)i *
							      XSK_UMEM__DEFAULT_FRAME_SIZE;
	xsk_ring_prod__submit(&x->fill, N);
	return 0;
}

/* Gives each frame's memory back at once. */
static void receive(struct xsk *x)
{
	uint32_t n, from, to;

	while ((n = xsk_ring_cons__peek(&x->rx, BATCH, &from)) > 0) {
		while (xsk_ring_prod__reserve(&x->fill, n, &to) != n)
			;
		for (uint32_t i = 0; i < n; i++) {
			const struct xdp_desc *d = xsk_ring_cons__rx_desc(&x->rx, from + i);

			bytes += d->len;
			*xsk_ring_prod__fill_addr(&x->fill, to + i) =
				d->addr & ~(uint64_t)(XSK_UMEM__DEFAULT_FRAME_SIZE - 1);
		}
		frames += n;
		xsk_ring_prod__submit(&x->fill, n);
		xsk_ring_cons__release(&x->rx, n);
	}
}

int count_xsk(const char *interface)
{
	struct pollfd p = { .events = POLLIN };
	struct xsk x = { 0 };
	int r = open_xsk(&x, interface);

	if (r < 0)
		return fail("AF_XDP", strerror(-r));
	p.fd = xsk_socket__fd(x.socket);
	ready();
	while (!is_over && (poll(&p, 1, -1) > 0 || errno == EINTR))
		receive(&x);
	xsk_socket__delete(x.socket);
	(void)xsk_umem__delete(x.umem);
	return 0;
}
#else
int count_xsk(const char *interface)
{
	(void)interface;
	return fail("AF_XDP", "built without libxdp");
}
#endif
