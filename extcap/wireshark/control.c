/* SPDX-License-Identifier: MIT */
/*
 * The protocol, and the two pipes. A message is
 *
 *	'T'  length, 3 bytes, big endian  control  command  payload
 *	     |                            |<---- length ------------>|
 *
 * Messages with an indicator other than 'T', from later versions of Wireshark, are skipped by length.
 *
 * A pipe accepts a message of at most PIPE_BUF bytes completely or not at all, so nothing is kept for a
 * slow reader: a message that does not fit is lost, and the capture is not held up.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "extcap/system/cleanup.h"
#include "extcap/system/path.h"
#include "extcap/wireshark/control.h"

#define HEAD	   4 /* indicator and length */
#define INDICATOR  'T'
#define LINGER_MS  5000
#define INITIAL_MS 500 /* for the initial values, once Wireshark has opened the pipe */
#define RETRY_US   2000
#define READ_MAX   16 /* reads in a row: a flood of messages does not hold up the capture */

static size_t length_of(const struct control_parser *p)
{
	return (size_t)p->data[1] << 16 | (size_t)p->data[2] << 8 | p->data[3];
}

/* Whether the message that this header starts is one to deliver. */
static bool is_message(const struct control_parser *p)
{
	return p->data[0] == INDICATOR && length_of(p) >= 2 &&
	       length_of(p) <= sizeof(p->data) - HEAD;
}

static void deliver(const struct control_parser *p, control_fn fn, void *user)
{
	const struct control_message m = {
		.number = p->data[HEAD],
		.command = p->data[HEAD + 1],
		.payload = p->data + HEAD + 2,
		.len = length_of(p) - 2,
	};

	fn(user, &m);
}

/* Consumes some of the bytes; returns how many. */
static size_t take(struct control_parser *p, const uint8_t *data, size_t len, control_fn fn,
		   void *user)
{
	size_t wanted = p->n < HEAD ? HEAD : HEAD + length_of(p);
	size_t n = MIN(len, wanted - p->n);

	memcpy(p->data + p->n, data, n);
	p->n += n;
	if (p->n == HEAD && !is_message(p)) {
		p->skip = length_of(p);
		p->n = 0;
	} else if (p->n > HEAD && p->n == wanted) {
		deliver(p, fn, user);
		p->n = 0;
	}
	return n;
}

void control_parse(struct control_parser *p, const uint8_t *data, size_t len, control_fn fn,
		   void *user)
{
	while (len) {
		size_t n = MIN(len, p->skip);

		p->skip -= n;
		if (!n)
			n = take(p, data, len, fn, user);
		data += n;
		len -= n;
	}
}

size_t control_format(uint8_t *to, size_t size, const struct control_message *m)
{
	size_t len = MIN(m->len, MIN(size - HEAD - 2, CONTROL_PAYLOAD_MAX)), length = len + 2;
	const uint8_t head[] = { INDICATOR,
				 (uint8_t)(length >> 16),
				 (uint8_t)(length >> 8),
				 (uint8_t)length,
				 m->number,
				 m->command };

	memcpy(to, head, sizeof(head));
	if (len)
		memcpy(to + sizeof(head), m->payload, len);
	return sizeof(head) + len;
}

static int open_fifo(const char *path, int mode)
{
	return path ? path_open_fifo(path, mode) : -1;
}

struct control *control_open(const char *in, const char *out)
{
	struct control *c = g_new0(struct control, 1);

	c->in = open_fifo(in, O_RDONLY);
	c->out = -1;
	c->out_path = g_strdup(out);
	return c;
}

void control_free(struct control *c)
{
	if (!c)
		return;
	close_fdp(&c->in);
	close_fdp(&c->out);
	g_free(c->out_path);
	g_free(c);
}

/* read(2) also reports end of file before a writer opens the FIFO, not only after it closes it. */
static bool has_left(const struct control *c)
{
	struct pollfd p = { .fd = c->in };

	return poll(&p, 1, 0) > 0 && p.revents & (POLLHUP | POLLERR | POLLNVAL);
}

struct receiver {
	struct control *control;
	control_fn fn;
	void *user;
};

static void receive(void *user, const struct control_message *m)
{
	struct receiver *r = user;

	r->control->is_initialized |= m->command == CONTROL_INITIALIZED;
	r->fn(r->user, m);
}

bool control_read(struct control *c, control_fn fn, void *user)
{
	struct receiver receiver = { c, fn, user };
	uint8_t data[4096];

	for (int i = 0; i < READ_MAX && c->in >= 0; i++) {
		ssize_t n = read(c->in, data, sizeof(data));

		c->has_met |= n > 0 || (n < 0 && errno == EAGAIN);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		if (n == 0)
			return !has_left(c);
		control_parse(&c->parser, data, (size_t)n, receive, &receiver);
	}
	return c->in >= 0;
}

static bool send_message(struct control *c, const struct control_message *m)
{
	uint8_t data[PIPE_BUF];
	size_t size = control_format(data, sizeof(data), m);
	ssize_t n;

	if (c->out < 0)
		c->out = open_fifo(c->out_path, O_WRONLY); /* ENXIO: nobody reads yet */
	n = c->out < 0 ? -1 : write(c->out, data, size);
	if (n < 0 && c->out >= 0 && errno == EPIPE)
		close(steal_fd(&c->out));
	return n == (ssize_t)size;
}

bool control_send(struct control *c, uint8_t number, enum control_command command, const char *text)
{
	/* Truncated between characters only, and valid UTF-8, as Wireshark expects. */
	g_autofree char *valid = g_utf8_make_valid(text ? text : "", -1);
	size_t max = PIPE_BUF - HEAD - 2, len = strlen(valid);
	struct control_message m = { number, (uint8_t)command, (const uint8_t *)valid, len };

	if (len > max)
		m.len = (size_t)(g_utf8_find_prev_char(valid, valid + max + 1) - valid);
	return send_message(c, &m);
}

bool control_send_switch(struct control *c, uint8_t number, bool is_on)
{
	uint8_t value = is_on;

	return send_message(c, &(struct control_message){ number, CONTROL_SET, &value, 1 });
}

static void ignore(void *user, const struct control_message *message)
{
}

void control_linger(struct control *c, const unsigned int *n_signals)
{
	gint64 now = g_get_monotonic_time(), end = now + LINGER_MS * 1000;
	gint64 met_end = end;

	while (c && c->in >= 0 && control_read(c, ignore, NULL) && !c->is_initialized &&
	       !*n_signals && now < MIN(end, met_end)) {
		if (!c->has_met)
			met_end = now + INITIAL_MS * 1000;
		g_usleep(RETRY_US);
		now = g_get_monotonic_time();
		while (g_main_context_iteration(NULL, false))
			;
	}
}
