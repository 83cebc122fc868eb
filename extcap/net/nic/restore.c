/* SPDX-License-Identifier: MIT */
/*
 * The child that restores offloads waits until the other end of a pipe is closed. The kernel does so when the
 * process ends, also by SIGKILL. Between fork() and _exit() it makes system calls and nothing else, as other
 * threads of its parent may have held locks.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "bpf/device/offloads.h"
#include "extcap/net/nic/restore.h"
#include "extcap/system/cleanup.h"
#include "extcap/system/privileges.h"

#define TRIES	50 /* 20 ms each, for the kernel to detach the program */
#define WAIT_MS 1000

/* To the children: the end of our life, and theirs, each as the end of a pipe. */
static struct {
	int life[2], done[2]; /* -1: no child yet */
} pipes = { { -1, -1 }, { -1, -1 } };

/* Neither ^C nor the end of the session ends it before its time, and no descriptor of its parent's stays open. */
static bool become_alone(void)
{
	static const int ignored[] = {
		SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2
	};

	for (size_t n = 0; n < G_N_ELEMENTS(ignored); n++)
		(void)signal(ignored[n], SIG_IGN);
	(void)setsid();
	return dup2(pipes.life[0], STDIN_FILENO) >= 0 && dup2(pipes.done[1], STDOUT_FILENO) >= 0 &&
	       syscall(SYS_close_range, 2u, ~0u, 0u) == 0 && privileges_keep_net_admin();
}

static void restore(const struct link *i, unsigned int mask)
{
	static const struct timespec pause = { .tv_nsec = 20000000 };
	struct link now = *i; /* it may have another name by then */

	for (int n = 0; n < TRIES && if_indextoname(now.index, now.name); n++) {
		if ((offloads_enable(now.name, mask) & mask) == mask)
			return;
		nanosleep(&pause, NULL);
	}
}

void restore_later(const struct link *i, unsigned int mask)
{
	char unused;
	pid_t child = -1;

	if (pipes.life[0] >= 0 ||
	    (pipe2(pipes.life, O_CLOEXEC) == 0 && pipe2(pipes.done, O_CLOEXEC) == 0))
		child = fork();
	if (child < 0)
		g_warning("%s of \"%s\" stays off after the capture: %s",
			  mask & OFFLOADS_LRO ? "LRO" : "rx-gro-hw", i->name, g_strerror(errno));
	if (child != 0)
		return;
	if (become_alone()) {
		while (read(STDIN_FILENO, &unused, 1) < 0 && errno == EINTR)
			continue;
		restore(i, mask);
	}
	_exit(0);
}

void restore_finish(void)
{
	struct pollfd last = { .fd = pipes.done[0], .events = POLLIN };

	if (last.fd < 0)
		return;
	close_fdp(&pipes.life[1]);
	close_fdp(&pipes.done[1]);
	(void)poll(&last, 1, WAIT_MS);
	close_fdp(&pipes.life[0]);
	close_fdp(&pipes.done[0]);
}
