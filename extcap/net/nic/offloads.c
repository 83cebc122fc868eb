/* SPDX-License-Identifier: MIT */
/*
 * The child that restores offloads waits until the other end of a pipe is closed. The kernel does so when the
 * process ends, also by SIGKILL. Between fork() and _exit() it makes system calls and nothing else, as other
 * threads of its parent may have held locks.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "extcap/net/nic/ethtool.h"
#include "extcap/net/nic/offloads.h"
#include "extcap/system/cleanup.h"
#include "extcap/system/privileges.h"

#define FEATURES 256 /* the kernel has 64 */
#define TRIES	 50  /* 20 ms each, for the kernel to detach the program */
#define WAIT_MS	 1000

/* kernel: net/ethtool/common.c, netdev_features_strings */
static const char *const names[] = { "rx-lro", "rx-gro-hw" };

/* The number of each feature in the kernel's masks; -1: it does not know it. */
struct numbers {
	int of[G_N_ELEMENTS(names)];
};

/* The kernel's structs end in arrays: these have room for their elements. */
union set {
	struct ethtool_sset_info head;
	uint32_t words[sizeof(struct ethtool_sset_info) / 4 + 1];
};

union strings {
	struct ethtool_gstrings head;
	char bytes[sizeof(struct ethtool_gstrings) + FEATURES * ETH_GSTRING_LEN];
};

union features {
	struct ethtool_gfeatures head;
	uint32_t words[(sizeof(struct ethtool_gfeatures) +
			FEATURES / 32 * sizeof(struct ethtool_get_features_block)) /
		       4];
};

union request {
	struct ethtool_sfeatures head;
	uint32_t words[(sizeof(struct ethtool_sfeatures) +
			FEATURES / 32 * sizeof(struct ethtool_set_features_block)) /
		       4];
};

static unsigned int count_features(const struct link *i)
{
	union set set = { .head = { .cmd = ETHTOOL_GSSET_INFO,
				    .sset_mask = 1 << ETH_SS_FEATURES } };

	return ethtool_ioctl(i, SIOCETHTOOL, &set) && set.head.sset_mask ? set.head.data[0] : 0;
}

static struct numbers find_numbers(const struct link *i)
{
	union strings strings = { .head = { .cmd = ETHTOOL_GSTRINGS,
					    .string_set = ETH_SS_FEATURES } };
	const char *text = strings.bytes + sizeof(strings.head);
	unsigned int n = count_features(i);
	struct numbers found;

	memset(&found, -1, sizeof(found));
	if (!n || n > FEATURES || !ethtool_ioctl(i, SIOCETHTOOL, &strings))
		return found;
	for (unsigned int k = 0; k < n; k++, text += ETH_GSTRING_LEN)
		for (size_t f = 0; f < G_N_ELEMENTS(names); f++)
			if (strncmp(text, names[f], ETH_GSTRING_LEN) == 0)
				found.of[f] = (int)k;
	return found;
}

static bool read_features(const struct link *i, union features *ret)
{
	*ret = (union features){ .head = { .cmd = ETHTOOL_GFEATURES, .size = FEATURES / 32 } };
	return ethtool_ioctl(i, SIOCETHTOOL, ret);
}

static bool is_active(const union features *f, int number)
{
	const struct ethtool_get_features_block *blocks = f->head.features;

	return number >= 0 && blocks[number / 32].active & 1U << number % 32;
}

unsigned int offloads_read(const struct link *i)
{
	union features f;
	struct numbers found = find_numbers(i);
	unsigned int mask = 0;

	if (!read_features(i, &f))
		return 0;
	for (size_t n = 0; n < G_N_ELEMENTS(names); n++)
		if (is_active(&f, found.of[n]))
			mask |= 1U << n;
	return mask;
}

unsigned int offloads_enable(const struct link *i, unsigned int mask)
{
	union request request = { .head = { .cmd = ETHTOOL_SFEATURES } };
	struct ethtool_set_features_block *blocks = request.head.features;
	struct numbers found = find_numbers(i);
	union features f;

	if (!read_features(i, &f))
		return 0;
	request.head.size = f.head.size; /* the kernel takes no other */
	for (size_t n = 0; n < G_N_ELEMENTS(names); n++) {
		int number = found.of[n];

		if (!(mask & 1U << n) || number < 0)
			continue;
		blocks[number / 32].valid |= 1U << number % 32;
		blocks[number / 32].requested |= 1U << number % 32;
	}
	(void)ethtool_ioctl(i, SIOCETHTOOL, &request);
	return offloads_read(i);
}

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
		if ((offloads_enable(&now, mask) & mask) == mask)
			return;
		nanosleep(&pause, NULL);
	}
}

void offloads_restore_later(const struct link *i, unsigned int mask)
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

void offloads_release(void)
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
