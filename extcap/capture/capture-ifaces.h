/* SPDX-License-Identifier: MIT */
/* The interfaces of a capture: programs are put on all of them before a file is begun. */
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
	GPtrArray *list; /* of struct member, in the order of the command line */
	int promisc_fd;	 /* -1: none is in promiscuous mode */
	guint n_gone; /* programs that were not in place when capture_ifaces_look() was called last */
	char *loss;   /* what became of the last of them, in words; or NULL */
};

void capture_ifaces_init(struct capture_ifaces *m, const struct config *config);
/* Puts the tap on all of them. */
bool capture_ifaces_attach(struct capture_ifaces *m, struct tap *tap, GError **error);
/* Adds all of them to a stream; os is host_os(). Asks the system for nothing any more. */
bool capture_ifaces_describe(const struct capture_ifaces *m, const char *os, struct stream *stream,
			     GError **error);
/* How many programs of the tap are still in place; warns where these have become fewer. */
guint capture_ifaces_look(struct capture_ifaces *m, const struct stream *stream);
/* Ends promiscuous mode, and frees. */
void capture_ifaces_done(struct capture_ifaces *m);

#endif
