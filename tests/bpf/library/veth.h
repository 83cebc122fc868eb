/* SPDX-License-Identifier: MIT */
/*
 * A network namespace of this process with a veth pair: what is sent on "far" is received on "near". And a tap
 * of the public header alone, with what it has given out.
 */
#ifndef XDPTAP_TESTS_BPF_LIBRARY_VETH_H
#define XDPTAP_TESTS_BPF_LIBRARY_VETH_H

#include <glib.h>
#include <stdbool.h>

#include <xdptap/tap.h>

#define _cleanup_(fn) __attribute__((cleanup(fn)))

#define FRAME 60 /* bytes of the frames that veth_send() sends */

/* What a callback has got. */
struct taken {
	GPtrArray *frames;		  /* of GBytes: copies */
	GArray *heads;			  /* of struct xdptap_frame, without their data */
	int answer;			  /* what the callback returns; 0 */
	void (*inside)(struct xdptap *t); /* called by the callback; NULL */
	struct xdptap *tap;
};

/* False, and the test is skipped, if this process may not make namespaces. */
bool veth_begin(void);
/* Runs a command; it must succeed. */
void veth_run(const char *command);
/* The output of a command. */
char *veth_ask(const char *command);
/* Sends n frames from "far" (or another interface), numbered from `first` on. */
void veth_send(const char *from, uint32_t first, uint32_t n);
/* A socket that receives what the network stack gets on an interface. */
int veth_listen(const char *on);
/* The number in a frame, or UINT32_MAX. */
uint32_t veth_number(GBytes *frame);

/* Adds a test that needs the pair; skipped without it. */
void veth_test(const char *path, void (*fn)(void));

/* A tap that is attached to "near", as id 0, and what it has given out. */
struct near {
	struct xdptap *t;
	struct taken *taken;
};

/* Begins with the point and the defaults otherwise, or with a config (NULL: defaults) and a target. */
struct near near_begin(enum xdptap_point point);
struct near near_begin_as(const struct xdptap_config *config, const struct xdptap_target *target);
/* Closes the tap. */
void near_end(struct near *n);

struct xdptap *tap_open_or_fail(const struct xdptap_config *config);
/* Attaches to an interface at a point; returns the id. */
uint32_t tap_attach_or_fail(struct xdptap *t, const char *interface, enum xdptap_point point);
/* A new tap that is attached to "near". */
struct xdptap *tap_on_near(enum xdptap_point point);
struct taken *taken_new(struct xdptap *t);
void taken_freep(struct taken **taken);
/* The callback; user is a struct taken. */
int take(void *user, const struct xdptap_frame *frames, size_t n);
/* Waits for the descriptor and drains until there are n frames in all. */
void taken_wait(struct taken *taken, unsigned int n);
const struct xdptap_frame *taken_head(const struct taken *taken, unsigned int i);
struct xdptap_stats stats_of(struct xdptap *t, uint32_t id);
struct xdptap_attachment attachment_of(struct xdptap *t, uint32_t id);
/* A call failed with this code, and this is in its sentence. */
void assert_failed(int r, int code, const struct xdptap *t, const char *words);

#endif
