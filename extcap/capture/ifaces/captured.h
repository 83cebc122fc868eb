/* SPDX-License-Identifier: MIT */
/* One captured interface: its programs are attached, and it may become several in the file. */
#ifndef XDPTAP_EXTCAP_CAPTURE_IFACES_CAPTURED_H
#define XDPTAP_EXTCAP_CAPTURE_IFACES_CAPTURED_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "extcap/capture/attach.h"
#include "extcap/capture/stream.h"

struct captured {
	struct link *link;
	char *driver;
	uint64_t speed_bps;
	GPtrArray *ifaces; /* of struct attach_iface */
};

/* What else the file says of it; borrowed. */
struct captured_context {
	const struct config *config;
	const char *os;	    /* host_os() */
	const char *filter; /* NULL: none */
};

/*
 * Attaches, in a direction of DIRECTION_…, and as the configuration says otherwise. Takes ownership of the
 * link in any case.
 */
struct captured *captured_new(struct tap *tap, const struct config *config, struct filter *filter,
			      uint64_t direction, struct link *link, GError **error);
/* A struct captured; what is attached stays. */
void captured_free(void *one);
/* Adds an interface of it to a stream, or all. */
bool captured_describe(const struct captured *one, const struct attach_iface *iface,
		       const struct captured_context *about, struct stream *stream, GError **error);
bool captured_describe_all(const struct captured *one, const struct captured_context *about,
			   struct stream *stream, GError **error);

#endif
