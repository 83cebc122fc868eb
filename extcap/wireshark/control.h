/* SPDX-License-Identifier: MIT */
/*
 * The control pipes between Wireshark's toolbar and an extcap: messages, and two FIFOs that are never
 * waited for. What the messages mean is toolbar.h's business.
 *
 * Wireshark's window stands still from the start of a capture until we have opened "in" for reading,
 * and it stays so if we end before it came. So that pipe is opened before anything else is tried, and
 * closed only when Wireshark was there.
 */
#ifndef XDPTAP_EXTCAP_WIRESHARK_CONTROL_H
#define XDPTAP_EXTCAP_WIRESHARK_CONTROL_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum control_command {
	CONTROL_INITIALIZED, /* Wireshark has said all that the user had set before */
	CONTROL_SET,	     /* a value; a logger begins anew with it */
	CONTROL_ADD,	     /* a choice; to a logger, a line */
	CONTROL_REMOVE,
	CONTROL_ENABLE,
	CONTROL_DISABLE,
	CONTROL_STATUSBAR, /* a text; from here on the number means nothing */
	CONTROL_INFO,	   /* a box with a text */
	CONTROL_WARNING,
	CONTROL_ERROR,
};

#define CONTROL_PAYLOAD_MAX 65535

struct control_message {
	uint8_t number;	 /* of the control */
	uint8_t command; /* enum control_command, or one of a later Wireshark */
	const uint8_t *payload;
	size_t len;
};

typedef void (*control_fn)(void *user, const struct control_message *message);

/* Cuts a stream of bytes into messages; all zero at first. */
struct control_parser {
	uint8_t data[4 + 2 + CONTROL_PAYLOAD_MAX]; /* the message that has begun */
	size_t n;
	size_t skip; /* bytes still to come of something that we do not know, or that is too long */
};

/* Takes any bytes, in pieces of any size, and calls fn for each whole message. */
void control_parse(struct control_parser *p, const uint8_t *data, size_t len, control_fn fn,
		   void *user);
/* Writes a message; the payload is cut to what fits. Its size. size is at least 6. */
size_t control_format(uint8_t *to, size_t size, const struct control_message *message);

struct control {
	char *out_path;	     /* NULL: no toolbar */
	int in, out;	     /* -1: not open, yet or any more */
	bool has_met;	     /* Wireshark has opened its end of "in" */
	bool is_initialized; /* and has sent all that it had to say at first */
	struct control_parser parser;
};

/* Opens what can be opened now; a path may be NULL, and one that cannot be used is like none. */
struct control *control_open(const char *in, const char *out);
/* Closes; NULL is fine. */
void control_free(struct control *c);
static inline void control_freep(struct control **c)
{
	control_free(*c);
}
/* Reads what there is. False when Wireshark has closed its end: nothing will come any more. */
bool control_read(struct control *c, control_fn fn, void *user);
/* Sends a text (NULL: none). False where it did not go: Wireshark is not there, or does not read. */
bool control_send(struct control *c, uint8_t number, enum control_command command,
		  const char *text);
/* The same for a control that is on or off. */
bool control_send_switch(struct control *c, uint8_t number, bool is_on);
/*
 * Before a capture ends: waits until Wireshark has opened its end of "in" and sent its first values, or
 * else its writes would fail; for some seconds at most, or until *n_signals is not zero. Signals
 * are handled meanwhile.
 */
void control_linger(struct control *c, const unsigned int *n_signals);

#endif
