/* SPDX-License-Identifier: MIT */
/*
 * The order of filters is that of their priorities, and the kernel refuses two kinds of filters with the same
 * one. So ours has a number that nobody is likely to choose, lower or higher than all that are there.
 *
 * The lock is an abstract socket: it belongs to the network namespace, and ends with us. Anyone may bind such
 * a name, so a lock permits us to remove a filter, and no more. If all names are bound, any handle without a
 * filter will do: the kernel refuses a second filter there.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bpf/tc/clsact.h"
#include "bpf/program.h"
#include "bpf/tc/qdisc.h"

#define HANDLE	 0x78647074 /* "xdpt", and the ones after it for several taps at one place */
#define HANDLES	 32
#define EARLY	 7 /* priorities; people choose 1, 10 and 100, and the kernel 49152 */
#define LAST	 65535
#define ATTEMPTS 16 /* of priorities that somebody's other kind of filter has */

/* Fills in *hook in place: libbpf refuses nonzero padding, and a copy need not preserve it. */
static void hook_init(struct bpf_tc_hook *hook, const struct clsact *c)
{
	memset(hook, 0, sizeof(*hook));
	hook->sz = sizeof(*hook);
	hook->ifindex = (int)c->ifindex;
	hook->attach_point = c->is_egress ? BPF_TC_EGRESS : BPF_TC_INGRESS;
}

/* What the name of a lock begins with. */
static const char in_use[] = "clsact", made[] = "clsact-made";

/* The right to a handle at this place: -EBUSY if another live process has it. */
static int lock_handle(const struct clsact *c, const char *what, uint32_t handle)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int r, len, fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	len = snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "xdptap-%s-%u-%s-%x", what,
		       c->ifindex, c->is_egress ? "egress" : "ingress", handle);
	if (bind(fd, (struct sockaddr *)&name,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len)) < 0) {
		r = errno == EADDRINUSE ? -EBUSY : -errno;
		close(fd);
		return r;
	}
	return fd;
}

bool clsact_is_taps(const struct qdisc_filter *f)
{
	return f->handle >= HANDLE && f->handle < HANDLE + HANDLES &&
	       strncmp(f->name, CLSACT_PROGRAM ":", sizeof(CLSACT_PROGRAM)) == 0;
}

/* Whether a tap's filter has this handle, at whatever priority. */
static bool find_filter(const struct clsact *c, uint32_t handle, struct qdisc_filter *ret)
{
	struct qdisc_filter list[QDISC_FILTERS];
	int n = qdisc_list_filters(c->ifindex, c->is_egress, list, QDISC_FILTERS);

	for (int i = 0; i < n; i++)
		if (list[i].handle == handle && clsact_is_taps(&list[i])) {
			*ret = list[i];
			return true;
		}
	return false;
}

static void remove_filter(const struct clsact *c, uint32_t handle, uint32_t priority)
{
	struct bpf_tc_hook hook;
	LIBBPF_OPTS(bpf_tc_opts, filter, .handle = handle, .priority = priority);

	hook_init(&hook, c);
	(void)bpf_tc_detach(&hook, &filter);
}

static void remove_stale(const struct clsact *c, uint32_t handle)
{
	struct qdisc_filter stale;

	if (find_filter(c, handle, &stale))
		remove_filter(c, handle, stale.priority);
}

/* The priority to begin with: before all filters of others on the way in, after them on the way out. */
static uint32_t choose_priority(const struct clsact *c)
{
	struct qdisc_filter list[QDISC_FILTERS];
	int n = qdisc_list_filters(c->ifindex, c->is_egress, list, QDISC_FILTERS);
	uint32_t priority = c->is_egress ? LAST : EARLY;

	for (int i = 0; i < n && !c->is_egress; i++)
		if (!clsact_is_taps(&list[i]) && list[i].priority <= priority)
			priority = list[i].priority > 1 ? list[i].priority - 1 : 1;
	return priority;
}

/* 0; -EBUSY: the handle is in use there; -EINVAL, -ENOSPC: another kind of filter has the priority. */
static int add_with_priority(int prog_fd, struct clsact *c, uint32_t handle, uint32_t priority)
{
	struct bpf_tc_hook hook;
	LIBBPF_OPTS(bpf_tc_opts, filter, .prog_fd = prog_fd, .handle = handle,
		    .priority = priority);
	int r;

	hook_init(&hook, c);
	r = bpf_tc_attach(&hook, &filter);
	if (r < 0)
		return r == -EEXIST ? -EBUSY : r;
	c->handle = handle;
	c->priority = priority;
	c->program_id = program_id(prog_fd);
	return 0;
}

/* Puts the filter at a handle where none is. 0; -EBUSY: another process was faster; or -errno. */
static int add_filter(int prog_fd, struct clsact *c, uint32_t handle)
{
	uint32_t priority = choose_priority(c);
	int r = -EINVAL;

	for (int i = 0; i < ATTEMPTS && (r == -EINVAL || r == -ENOSPC); i++) {
		r = add_with_priority(prog_fd, c, handle, priority);
		priority = c->is_egress ? priority - 1 : priority + 1;
	}
	return r;
}

/* At the first handle whose lock is free; a filter at any free one is stale and goes. */
static int add_locked(int prog_fd, struct clsact *c)
{
	int r = -EBUSY;

	for (uint32_t handle = HANDLE; handle < HANDLE + HANDLES; handle++) {
		int fd = lock_handle(c, in_use, handle);

		if (fd == -EBUSY)
			continue;
		if (fd < 0)
			return c->handle ? 0 : fd;
		remove_stale(c, handle);
		if (!c->handle)
			r = add_filter(prog_fd, c, handle);
		if (c->handle == handle)
			c->lock_fd = fd;
		else
			close(fd);
	}
	return r;
}

/* All locks are held, perhaps by a stranger: at the first handle without a filter. */
static int add_unlocked(int prog_fd, struct clsact *c)
{
	struct qdisc_filter other;
	int r = -EBUSY;

	for (uint32_t handle = HANDLE; r == -EBUSY && handle < HANDLE + HANDLES; handle++)
		if (!find_filter(c, handle, &other))
			r = add_filter(prog_fd, c, handle);
	return r;
}

/* Whether a live tap made the qdisc, or has taken it over from one that did. */
static bool is_made_by_tap(const struct clsact *c)
{
	for (uint32_t handle = HANDLE; handle < HANDLE + HANDLES; handle++)
		for (int is_egress = 0; is_egress < 2; is_egress++) {
			const struct clsact other = { .ifindex = c->ifindex,
						      .is_egress = is_egress };
			int fd = lock_handle(&other, made, handle);

			if (fd == -EBUSY)
				return true;
			if (fd >= 0)
				close(fd);
		}
	return false;
}

/* The qdisc that a tap made goes with the last tap that uses it. */
static void take_over(struct clsact *c)
{
	c->made_qdisc = c->made_qdisc || is_made_by_tap(c);
	if (c->made_qdisc)
		c->made_fd = lock_handle(c, made, c->handle);
}

int clsact_add(int prog_fd, unsigned int ifindex, bool is_egress, struct clsact *ret)
{
	struct clsact c = {
		.ifindex = ifindex, .is_egress = is_egress, .lock_fd = -1, .made_fd = -1
	};
	struct bpf_tc_hook hook;
	int r;

	hook_init(&hook, &c);
	r = bpf_tc_hook_create(&hook);
	if (r < 0 && r != -EEXIST)
		return r;
	c.made_qdisc = r == 0;
	/* kernel: net/sched/sch_ingress.c: it takes a filter for the way out, and runs it on the way in */
	if (is_egress && !c.made_qdisc && qdisc_is_old_ingress(ifindex))
		return -EOPNOTSUPP;
	r = add_locked(prog_fd, &c);
	if (r == -EBUSY)
		r = add_unlocked(prog_fd, &c);
	if (r < 0) {
		clsact_remove(&c);
		return r;
	}
	take_over(&c);
	*ret = c;
	return 0;
}

/* The id of the program that the filter runs. 0; -ENOENT: there is none; or -errno. */
static int find_program(const struct clsact *c, uint32_t *ret)
{
	struct bpf_tc_hook hook;
	LIBBPF_OPTS(bpf_tc_opts, filter, .handle = c->handle, .priority = c->priority);
	int r;

	hook_init(&hook, c);
	r = bpf_tc_query(&hook, &filter);
	*ret = r == 0 ? filter.prog_id : 0;
	/* kernel: net/sched/cls_api.c, tc_get_tfilter(): EINVAL where there is no clsact */
	return r == -EINVAL || r == -ENODEV ? -ENOENT : r;
}

bool clsact_is_in_place(const struct clsact *c)
{
	uint32_t program;
	int r = find_program(c, &program);

	return r == 0 ? program == c->program_id : r != -ENOENT; /* else: nobody knows */
}

/* The same handle and priority: the kernel exchanges the old program for the new one. */
int clsact_replace(struct clsact *c, int prog_fd)
{
	struct bpf_tc_hook hook;
	LIBBPF_OPTS(bpf_tc_opts, filter, .prog_fd = prog_fd, .handle = c->handle,
		    .priority = c->priority, .flags = BPF_TC_F_REPLACE);
	int r;

	if (!clsact_is_in_place(c))
		return -ENOENT;
	hook_init(&hook, c);
	r = bpf_tc_attach(&hook, &filter);
	if (r == 0)
		c->program_id = program_id(prog_fd);
	return r;
}

static void close_lock(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void clsact_close(struct clsact *c)
{
	close_lock(&c->lock_fd);
	close_lock(&c->made_fd);
}

void clsact_remove(struct clsact *c)
{
	uint32_t program;

	if (c->handle && find_program(c, &program) == 0 && program == c->program_id)
		remove_filter(c, c->handle, c->priority);
	if (c->made_qdisc)
		(void)qdisc_remove_unused(c->ifindex);
	clsact_close(c);
}
