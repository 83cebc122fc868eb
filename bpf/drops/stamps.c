/* SPDX-License-Identifier: MIT */
/* Any socket that asks for time stamps will do: the kernel does not know yet whose a packet will be. */
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bpf/drops/stamps.h"

bool stamps_start(struct stamps *s)
{
	const int on = 1;

	if (s->fd >= 0)
		return true;
	if (getrandom(s->secret, sizeof(s->secret), GRND_NONBLOCK) != sizeof(s->secret))
		return false;
	s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s->fd >= 0 && setsockopt(s->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) < 0)
		stamps_done(s);
	return s->fd >= 0;
}

void stamps_done(struct stamps *s)
{
	if (s->fd >= 0)
		close(s->fd);
	*s = STAMPS_OFF;
}
