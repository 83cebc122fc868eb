/* SPDX-License-Identifier: MIT */
/*
 * What a tap has to say: messages to the caller's function, and the last failure.
 *
 * libbpf has one function for the messages of the whole process. While a call of ours is under way it is ours,
 * and passes on what other threads cause; afterwards it is the one from before.
 */
#ifndef XDPTAP_BPF_XDPTAP_JOURNAL_H
#define XDPTAP_BPF_XDPTAP_JOURNAL_H

#include "bpf/xdptap/tap.h"

struct journal {
	void (*log)(void *user, const char *text); /* NULL: nobody listens */
	void *user;
	struct xdptap_error error;
};

/*
 * Surround each call that loads, attaches or detaches: one at a time in this process, because bpf/ shares what
 * it knows of the kernel between all taps. What libbpf says meanwhile goes into this journal.
 */
void journal_enter(struct journal *j);
void journal_leave(void);
/* A message, without its newline. */
void journal_say(const struct journal *j, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Keeps a failure; returns its code. */
int journal_fail(struct journal *j, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* That of the calls in this thread that have no tap. */
struct journal *journal_of_thread(void);

#endif
