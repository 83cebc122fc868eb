/* SPDX-License-Identifier: MIT */
/* The captured interfaces: programs attach to all of them before a file begins. */
#ifndef XDPTAP_EXTCAP_CAPTURE_CAPTURE_IFACES_H
#define XDPTAP_EXTCAP_CAPTURE_CAPTURE_IFACES_H

#include <glib.h>
#include <stdbool.h>

#include "bpf/tap.h"
#include "extcap/config/options.h"
#include "extcap/capture/stream.h"

struct capture_ifaces {
	const struct config *config; /* borrowed, as is the tap */
	struct tap *tap;
	GPtrArray *list; /* of struct captured, in the order of the command line */
	GPtrArray *
		names; /* of char *, for messages: for each name of the command line the kernel's */
	int links_fd;  /* tells when links change */
	int promisc_fd; /* -1: none is in promiscuous mode */
	guint n_gone;	/* programs found missing by the last capture_ifaces_follow() */
	char *loss;	/* what happened to the last of them, in words; or NULL */
};

void capture_ifaces_init(struct capture_ifaces *m, const struct config *config);
/* Attaches the tap to all of them. */
bool capture_ifaces_attach(struct capture_ifaces *m, struct filter *filter, struct tap *tap,
			   GError **error);
/* Adds all of them to a stream; os is host_os(). Makes no system call. */
bool capture_ifaces_describe(const struct capture_ifaces *m, const char *os, struct stream *stream,
			     GError **error);
/*
 * Once links_fd is readable, or after a while if tap_asks_netlink(): whether programs of the tap are still
 * attached. Warns when there are fewer than before.
 */
bool capture_ifaces_follow(struct capture_ifaces *m, const struct stream *stream);
/* Ends promiscuous mode. */
void capture_ifaces_release(struct capture_ifaces *m);
/* The same, and frees. */
void capture_ifaces_done(struct capture_ifaces *m);

#endif
