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

struct noted {
	unsigned int index;
	char name[IF_NAMESIZE];
	unsigned int mask; /* OFFLOADS_ bits that were on */
};

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

static bool is_noted(const GArray *list, unsigned int index)
{
	for (guint n = 0; n < list->len; n++)
		if (g_array_index(list, struct noted, n).index == index)
			return true;
	return false;
}

static void note(GArray *list, const struct link *i)
{
	struct noted new = { .index = i->index, .mask = offloads_read(i->name) };

	g_strlcpy(new.name, i->name, sizeof(new.name));
	g_array_append_val(list, new);
}

/* kernel: net/core/dev.c, dev_disable_lro() */
static void note_below(GArray *list, const struct link *upper, const GPtrArray *links)
{
	for (guint n = 0; n < links->len; n++) {
		const struct link *i = links->pdata[n];

		if ((i->index != upper->lower && i->master != upper->index) ||
		    is_noted(list, i->index))
			continue;
		note(list, i);
		note_below(list, i, links);
	}
}

GArray *restore_note(const struct link *i)
{
	GArray *list = g_array_new(false, false, sizeof(struct noted));
	g_autoptr(GPtrArray) links = i->kind ? link_list(NULL) : NULL;

	note(list, i);
	if (links)
		note_below(list, i, links);
	return list;
}

static void restore(struct noted *i)
{
	static const struct timespec pause = { .tv_nsec = 20000000 };

	/* It may have another name by now. What is below waits until nothing above forbids it. */
	for (int n = 0; n < TRIES && if_indextoname(i->index, i->name); n++) {
		if ((offloads_enable(i->name, i->mask) & i->mask) == i->mask)
			return;
		nanosleep(&pause, NULL);
	}
}

static void begin(struct noted *i)
{
	char unused;
	pid_t child = -1;

	if (pipes.life[0] >= 0 ||
	    (pipe2(pipes.life, O_CLOEXEC) == 0 && pipe2(pipes.done, O_CLOEXEC) == 0))
		child = fork();
	if (child < 0)
		g_warning("%s of \"%s\" stays off after the capture: %s",
			  i->mask & OFFLOADS_LRO ? "LRO" : "rx-gro-hw", i->name, g_strerror(errno));
	if (child != 0)
		return;
	if (become_alone()) {
		while (read(STDIN_FILENO, &unused, 1) < 0 && errno == EINTR)
			continue;
		restore(i);
	}
	_exit(0);
}

void restore_later(const GArray *noted)
{
	for (guint n = 0; n < noted->len; n++) {
		struct noted lost = g_array_index(noted, struct noted, n);

		lost.mask &= lost.mask ? ~offloads_read(lost.name) : 0;
		if (lost.mask)
			begin(&lost);
	}
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
