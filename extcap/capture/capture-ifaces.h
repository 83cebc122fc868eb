/* SPDX-License-Identifier: MIT */
/*
 * The captured interfaces. Programs attach to them before a file begins. With "any", others join while the
 * capture runs, each as an interface of its own in the file, and leave when they are gone.
 */
#ifndef XDPTAP_EXTCAP_CAPTURE_CAPTURE_IFACES_H
#define XDPTAP_EXTCAP_CAPTURE_CAPTURE_IFACES_H

#include <glib.h>
#include <stdbool.h>

#include "bpf/tap.h"
#include "extcap/capture/ifaces/newcomers.h"
#include "extcap/capture/ifaces/ready.h"
#include "extcap/capture/reconfigure.h"
#include "extcap/config/options.h"
#include "extcap/capture/stream.h"

struct capture_ifaces {
	const struct config *config; /* borrowed, as is the tap */
	struct tap *tap;
	GPtrArray *list; /* of struct captured, in the order of the command line */
	GPtrArray *
		names; /* of char *, for messages: for each name of the command line the kernel's */
	bool is_any;
	GPtrArray *pending;  /* of struct link: those that join next */
	bool has_changed;    /* links have, and were not looked at since */
	GHashTable *refused; /* indices of those that cannot, so that each is tried once */
	char *os;	     /* of the machine */
	int links_fd;	     /* tells when links change */
	int promisc_fd;	     /* -1: none is in promiscuous mode */
	struct ready ready;  /* the filter for the next of them */
	struct newcomers newcomers;
	guint n_gone; /* programs found missing by the last capture_ifaces_follow() */
	char *loss;   /* what happened to the last of them, in words; or NULL */
};

void capture_ifaces_init(struct capture_ifaces *m, const struct config *config);
/* Attaches the tap to all of them. */
bool capture_ifaces_attach(struct capture_ifaces *m, struct filter *filter, struct tap *tap,
			   GError **error);
/* Adds all of them to a stream; os is host_os(). Makes no system call. */
bool capture_ifaces_describe(struct capture_ifaces *m, const char *os, struct stream *stream,
			     GError **error);
/*
 * Once links_fd is readable, or after capture_ifaces_wait_ms(): takes the next step. With "any", one interface joins, as the reconfiguration wants it by then. False if no
 * program of the tap is attached any more, and none can be; m->loss says why.
 */
bool capture_ifaces_follow(struct capture_ifaces *m, struct stream *stream,
			   struct reconfigure *reconfigure);
/* After how many ms to call it again, though links_fd stays silent; -1: not at all. */
int capture_ifaces_wait_ms(const struct capture_ifaces *m);
/* Ends promiscuous mode. */
void capture_ifaces_release(struct capture_ifaces *m);
/* The same, and frees. */
void capture_ifaces_done(struct capture_ifaces *m);

#endif
