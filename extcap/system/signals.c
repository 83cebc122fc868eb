/* SPDX-License-Identifier: MIT */
/*
 * An eventfd for each signal, which the handler writes and the main loop reads. g_unix_signal_add()
 * hands signals over through a thread of GLib's, and that thread would keep every privilege that we
 * give up: to the kernel they belong to threads, not to processes.
 */
#include <errno.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "extcap/system/signals.h"

struct watch {
	GSourceFunc fn;
	void *user;
};

static int event_fds[NSIG];

static void on_signal(int number)
{
	const uint64_t one = 1;
	int before = errno;

	(void)!write(event_fds[number], &one, sizeof(one));
	errno = before;
}

static gboolean on_event(int fd, GIOCondition condition, void *user)
{
	const struct watch *w = user;
	uint64_t times;

	return read(fd, &times, sizeof(times)) != sizeof(times) || w->fn(w->user);
}

void signals_add(int number, GSourceFunc fn, void *user)
{
	const struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	struct watch *w = g_new(struct watch, 1);

	*w = (struct watch){ fn, user };
	event_fds[number] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	g_assert(event_fds[number] >= 0);
	g_unix_fd_add_full(G_PRIORITY_DEFAULT, event_fds[number], G_IO_IN, on_event, w, g_free);
	sigaction(number, &action, NULL);
}

bool signals_end_with_parent(void)
{
	pid_t parent = getppid();

	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	return getppid() == parent;
}
