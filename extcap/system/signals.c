/* SPDX-License-Identifier: MIT */
/*
 * Each signal has an eventfd, which the handler writes and the main loop reads. g_unix_signal_add() would
 * start a thread of GLib's, which would keep every privilege that we give up: in the kernel, privileges
 * belong to threads, not to processes.
 */
#include <errno.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "extcap/system/signals.h"

#define WATCHES_MAX 8 /* signals handled at a time */

static struct watch {
	int number; /* 0: unused */
	int event_fd;
	guint source;
	GSourceFunc fn;
	void *user;
	struct sigaction before;
} watches[WATCHES_MAX];

static volatile int event_fds[NSIG];

static void on_signal(int number)
{
	const uint64_t one = 1;
	int before = errno;

	(void)!write(event_fds[number], &one, sizeof(one));
	errno = before;
}

void signals_raise(int number)
{
	if (event_fds[number] > 0)
		on_signal(number);
}

static gboolean on_event(int fd, GIOCondition condition, void *user)
{
	const struct watch *w = user;
	uint64_t times;

	return read(fd, &times, sizeof(times)) != sizeof(times) || w->fn(w->user);
}

static bool stays_ignored(int number)
{
	struct sigaction now;

	return (number == SIGINT || number == SIGHUP) && sigaction(number, NULL, &now) == 0 &&
	       now.sa_handler == SIG_IGN;
}

static void watch(struct watch *w, const struct signals_handler *h, void *user)
{
	const struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

	*w = (struct watch){ .number = h->number, .fn = h->fn, .user = user };
	w->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	g_assert(w->event_fd >= 0);
	event_fds[h->number] = w->event_fd;
	w->source = g_unix_fd_add(w->event_fd, G_IO_IN, on_event, w);
	sigaction(h->number, &action, &w->before);
}

void signals_watch(const struct signals_handler *handlers, size_t n, void *user)
{
	signals_unwatch(false);
	g_assert(n <= WATCHES_MAX);
	for (size_t i = 0; i < n; i++)
		if (!stays_ignored(handlers[i].number))
			watch(&watches[i], &handlers[i], user);
}

/* One that comes too late is no reason to die, which would be its default. */
static bool is_question(int number)
{
	return number == SIGUSR1 || number == SIGUSR2;
}

void signals_unwatch(bool ignores_end)
{
	for (struct watch *w = watches; w < watches + WATCHES_MAX; w++) {
		if (!w->number)
			continue;
		if ((is_question(w->number) || (ignores_end && w->number == SIGTERM)) &&
		    w->before.sa_handler == SIG_DFL)
			w->before.sa_handler = SIG_IGN;
		(void)sigaction(w->number, &w->before, NULL);
		event_fds[w->number] = -1;
		g_source_remove(w->source);
		close(w->event_fd);
		w->number = 0;
	}
}

bool signals_end_with_parent(void)
{
	pid_t parent = getppid();

	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	return getppid() == parent;
}
