/* SPDX-License-Identifier: MIT */
/* The loop that most small programs have. Signals come as a descriptor, so that none is missed between two calls. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "bpf/xdptap/xdptap.h"

struct signals {
	sigset_t before; /* what the thread blocked before */
	int fd;
};

/* 0 or -errno. */
static int begin(struct signals *s)
{
	sigset_t ours;

	(void)sigemptyset(&ours);
	(void)sigaddset(&ours, SIGINT);
	(void)sigaddset(&ours, SIGTERM);
	s->fd = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->fd < 0)
		return -errno;
	(void)pthread_sigmask(SIG_BLOCK, &ours, &s->before);
	return 0;
}

/* The signal that ended the loop is taken: it must not end the program, too. */
static void end(struct signals *s)
{
	struct signalfd_siginfo taken;

	while (read(s->fd, &taken, sizeof(taken)) > 0)
		continue;
	(void)pthread_sigmask(SIG_SETMASK, &s->before, NULL);
	close(s->fd);
}

/* Until a signal: 0; until fn returns something else; or until a failure. */
static int loop(struct xdptap *t, const struct signals *s, xdptap_frames_fn fn, void *user)
{
	struct pollfd fds[] = { { t->wait_fd, POLLIN, 0 }, { s->fd, POLLIN, 0 } };
	int r = 0;

	while (r >= 0 && !fds[1].revents) {
		if (poll(fds, 2, -1) < 0) {
			if (errno != EINTR)
				return journal_fail(&t->journal, -errno, "cannot wait: %s",
						    strerror(errno));
			continue;
		}
		if (fds[0].revents) {
			r = xdptap_drain(t, fn, user);
			if (r >= 0 && t->result)
				return t->result;
		}
	}
	return r < 0 ? r : 0;
}

int xdptap_run(struct xdptap *t, xdptap_frames_fn fn, void *user)
{
	struct signals signals;
	int r = xdptap_check(t);

	if (r < 0)
		return r;
	if (t->has_ended)
		return journal_fail(&t->journal, -EINVAL, "the tap has ended");
	if (t->is_draining)
		return journal_fail(&t->journal, -EINVAL, "a batch is being given out");
	r = begin(&signals);
	if (r < 0)
		return journal_fail(&t->journal, r, "cannot wait for signals: %s", strerror(-r));
	r = loop(t, &signals, fn, user);
	if (r == 0 && xdptap_end(t, fn, user) < 0)
		r = t->result;
	end(&signals);
	return r;
}
