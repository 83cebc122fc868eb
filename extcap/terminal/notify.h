/* SPDX-License-Identifier: MIT */
/* What systemd's service manager wants to hear; see sd_notify(3). */
#ifndef XDPTAP_EXTCAP_TERMINAL_NOTIFY_H
#define XDPTAP_EXTCAP_TERMINAL_NOTIFY_H

#include <stdbool.h>

struct notify {
	int fd; /* -1: nobody listens */
	bool has_watchdog;
};

/* Opens what the environment names, and takes it out of there: it is not for our children. */
void notify_open(struct notify *n);
/* "READY=1", "WATCHDOG=1", "STATUS=…": lines with a newline between. */
void notify_send(const struct notify *n, const char *state);
void notify_close(struct notify *n);

#endif
