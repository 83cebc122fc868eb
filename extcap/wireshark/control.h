/* SPDX-License-Identifier: MIT */
/*
 * The control pipes between Wireshark's toolbar and an extcap: messages, and two FIFOs that never block.
 * toolbar.h defines what the messages do.
 *
 * When a capture starts, Wireshark's window freezes until we open "in" for reading; if we exit before
 * that, it freezes for good. So we open that pipe before anything else, and close it only after Wireshark
 * has opened its end.
 */
#ifndef XDPTAP_EXTCAP_WIRESHARK_CONTROL_H
#define XDPTAP_EXTCAP_WIRESHARK_CONTROL_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum control_command {
	CONTROL_INITIALIZED, /* Wireshark has sent all values that the user set earlier */
	CONTROL_SET,	     /* a value; clears a logger first */
	CONTROL_ADD,	     /* a choice, or a line of a logger */
	CONTROL_REMOVE,
	CONTROL_ENABLE,
	CONTROL_DISABLE,
	CONTROL_STATUSBAR, /* a text; from here on, the control number is ignored */
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

/* Splits a stream of bytes into messages; initially all zero. */
struct control_parser {
	uint8_t data[4 + 2 + CONTROL_PAYLOAD_MAX]; /* the incomplete message */
	size_t n;
	size_t skip; /* remaining bytes of an unknown or oversized message */
};

/* Parses bytes, in chunks of any size, and calls fn for each complete message. */
void control_parse(struct control_parser *p, const uint8_t *data, size_t len, control_fn fn,
		   void *user);
/* Writes a message, truncating its payload to fit `size`, which is at least 6; returns its length. */
size_t control_format(uint8_t *to, size_t size, const struct control_message *message);

struct control {
	char *out_path;	     /* NULL: no toolbar */
	int in, out;	     /* -1: not open */
	bool has_met;	     /* Wireshark has opened its end of "in" */
	bool is_initialized; /* and has sent its initial values */
	struct control_parser parser;
};

/* Opens what can be opened now. A path may be NULL; an unusable one counts as NULL. */
struct control *control_open(const char *in, const char *out);
/* Closes and frees; accepts NULL. */
void control_free(struct control *c);
static inline void control_freep(struct control **c)
{
	control_free(*c);
}
/* Reads what is available. Returns false when Wireshark has closed its end. */
bool control_read(struct control *c, control_fn fn, void *user);
/* Sends a text (NULL: empty). Returns false if Wireshark is not there or does not read. */
bool control_send(struct control *c, uint8_t number, enum control_command command,
		  const char *text);
/* Likewise for a control that is on or off. */
bool control_send_switch(struct control *c, uint8_t number, bool is_on);
/*
 * Call this before a capture ends. Waits until Wireshark has opened its end of "in" and sent its initial
 * values, because its writes fail otherwise; for a few seconds at most, or until *n_signals is not zero.
 * Signals are handled meanwhile.
 */
void control_linger(struct control *c, const unsigned int *n_signals);

#endif
