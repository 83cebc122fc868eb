/* SPDX-License-Identifier: MIT */
/*
 * sink.c - an output in memory that can be made to misbehave
 */
#include <errno.h>

#include "tests/pcapng/sink.h"

/* How many bytes this call may take, or -errno. */
static ssize_t sink_allowance(struct sink *s)
{
	size_t allowed = s->at_most ? s->at_most : SIZE_MAX / 2;

	s->calls++;
	if (s->interrupt && s->calls % s->interrupt == 0)
		return -EINTR;
	if (s->is_blocked)
		return -EAGAIN;
	if (s->fail_with) {
		size_t left = s->fail_at > s->bytes->len ? s->fail_at - s->bytes->len : 0;

		if (!left)
			return s->fail_with;
		allowed = MIN(allowed, left);
	}
	return allowed;
}

ssize_t sink_output(void *user, const struct iovec *iov, int iovcnt)
{
	struct sink *s = user;
	ssize_t allowed = sink_allowance(s), taken = 0;

	g_assert_cmpint(iovcnt, >, 0);
	g_assert_cmpint(iovcnt, <=, 1024);
	for (int i = 0; i < iovcnt && taken < allowed; i++) {
		size_t n = MIN(iov[i].iov_len, (size_t)(allowed - taken));

		g_assert_cmpuint(iov[i].iov_len, >, 0);
		g_byte_array_append(s->bytes, iov[i].iov_base, n);
		taken += n;
	}
	return allowed < 0 ? allowed : taken;
}
