/* SPDX-License-Identifier: MIT */
/* Messages to systemd's service manager; see sd_notify(3). */
#ifndef XDPTAP_EXTCAP_TERMINAL_NOTIFY_H
#define XDPTAP_EXTCAP_TERMINAL_NOTIFY_H

#include <stdbool.h>

struct notify {
	int fd; /* -1: nobody listens */
	bool has_watchdog;
};

/* Opens the socket that the environment names, and unsets it for our children. */
void notify_open(struct notify *n);
/* Sends "READY=1", "WATCHDOG=1", "STATUS=…", separated by newlines. */
void notify_send(const struct notify *n, const char *state);
void notify_close(struct notify *n);

#endif
