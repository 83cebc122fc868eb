/* SPDX-License-Identifier: MIT */
/*
 * Attaches the program of tc.bpf.c before (ingress) or after (egress) the network stack.
 *
 * From Linux 6.6 on that is a tcx link, which goes with the process like an XDP link. Older kernels get a
 * filter in the clsact qdisc, which stays when the process is killed: it has a handle of its own, so
 * that the next start finds and replaces a stale one, and a lock that tells a stale one from one in use.
 * The lock is an abstract socket: it belongs to the network namespace, and ends with us.
 *
 * Anyone may bind such a name, so a lock permits us to remove a filter, and no more. If all names are
 * bound, any handle without a filter will do: the kernel refuses a second filter there.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bpf/facts.h"
#include "bpf/maps.h"
#include "bpf/filter/patch.h"
#include "bpf/point-link.h"
#include "bpf/qdisc.h"
#include "tc.skel.h"

/* Not found in Debian 12's headers; kernel: include/uapi/linux/bpf.h, enum bpf_attach_type */
#define TCX_INGRESS ((enum bpf_attach_type)46)
#define TCX_EGRESS  ((enum bpf_attach_type)47)

#define HANDLE	 0x78647074 /* "xdpt", and the ones after it for several taps at one place */
#define HANDLES	 32
#define PRIORITY 49135 /* late: we see what earlier filters let pass */

struct tc_link {
	struct point_link link;
	struct tc_bpf *skeleton;
	unsigned int ifindex;
	bool is_egress;
	int fd;		     /* of the tcx link; -1: it is a filter in clsact */
	int lock_fd;	     /* of that filter; -1 */
	uint32_t handle;     /* of that filter */
	uint32_t program_id; /* that it runs */
	bool made_qdisc;     /* clsact is ours */
};

static struct tc_link *tc_link_of(struct point_link *link)
{
	return (struct tc_link *)link;
}

/* Fills in *hook in place: libbpf refuses nonzero padding, and a copy need not preserve it. */
static void hook_init(struct bpf_tc_hook *hook, const struct tc_link *link)
{
	memset(hook, 0, sizeof(*hook));
	hook->sz = sizeof(*hook);
	hook->ifindex = (int)link->ifindex;
	hook->attach_point = link->is_egress ? BPF_TC_EGRESS : BPF_TC_INGRESS;
}

/* The right to a handle at this place: -EBUSY if another live process has it. */
static int lock_handle(const struct tc_link *link, uint32_t handle)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int r, len, fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	len = snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "xdptap-clsact-%u-%s-%x",
		       link->ifindex, link->is_egress ? "egress" : "ingress", handle);
	if (bind(fd, (struct sockaddr *)&name,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len)) < 0) {
		r = errno == EADDRINUSE ? -EBUSY : -errno;
		close(fd);
		return r;
	}
	return fd;
}

/* The id of the program that the filter at a handle runs. 0; -ENOENT: there is none; or -errno. */
static int find_filter(const struct tc_link *link, uint32_t handle, uint32_t *ret_program)
{
	struct bpf_tc_hook hook;
	LIBBPF_OPTS(bpf_tc_opts, filter, .handle = handle, .priority = PRIORITY);
	int r;

	hook_init(&hook, link);
	r = bpf_tc_query(&hook, &filter);
	*ret_program = r == 0 ? filter.prog_id : 0;
	/* kernel: net/sched/cls_api.c, tc_get_tfilter(): EINVAL where there is no clsact */
	return r == -EINVAL || r == -ENODEV ? -ENOENT : r;
}

static bool has_filter(const struct tc_link *link, uint32_t handle)
{
	uint32_t program;

	return find_filter(link, handle, &program) != -ENOENT;
}

static void remove_filter(const struct tc_link *link, uint32_t handle)
{
	struct bpf_tc_hook hook;
	LIBBPF_OPTS(bpf_tc_opts, filter, .handle = handle, .priority = PRIORITY);

	hook_init(&hook, link);
	if (has_filter(link, handle))
		(void)bpf_tc_detach(&hook, &filter);
}

static uint32_t id_of(int prog_fd)
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);

	return bpf_obj_get_info_by_fd(prog_fd, &info, &size) == 0 ? info.id : 0;
}

/* Puts the filter at a handle where none is. 0; -EBUSY: another process was faster; or -errno. */
static int add_filter(int prog_fd, struct tc_link *link, uint32_t handle)
{
	struct bpf_tc_hook hook;
	LIBBPF_OPTS(bpf_tc_opts, filter, .prog_fd = prog_fd, .handle = handle,
		    .priority = PRIORITY);
	int r;

	hook_init(&hook, link);
	r = bpf_tc_attach(&hook, &filter);
	if (r < 0)
		return r == -EEXIST ? -EBUSY : r;
	link->handle = handle;
	link->program_id = id_of(prog_fd);
	return 0;
}

/* At the first handle whose lock is free; a filter at any free one is stale and goes. */
static int add_locked(int prog_fd, struct tc_link *link)
{
	int r = -EBUSY;

	for (uint32_t handle = HANDLE; handle < HANDLE + HANDLES; handle++) {
		int fd = lock_handle(link, handle);

		if (fd == -EBUSY)
			continue;
		if (fd < 0)
			return link->handle ? 0 : fd;
		remove_filter(link, handle);
		if (!link->handle)
			r = add_filter(prog_fd, link, handle);
		if (link->handle == handle)
			link->lock_fd = fd;
		else
			close(fd);
	}
	return r;
}

/* All locks are held, perhaps by a stranger: at the first handle without a filter. */
static int add_unlocked(int prog_fd, struct tc_link *link)
{
	int r = -EBUSY;

	for (uint32_t handle = HANDLE; r == -EBUSY && handle < HANDLE + HANDLES; handle++)
		if (!has_filter(link, handle))
			r = add_filter(prog_fd, link, handle);
	return r;
}

static void detach_clsact(const struct tc_link *link)
{
	uint32_t program;

	if (find_filter(link, link->handle, &program) == 0 && program == link->program_id)
		remove_filter(link, link->handle);
	if (link->made_qdisc)
		(void)qdisc_remove_unused(link->ifindex);
	if (link->lock_fd >= 0)
		close(link->lock_fd);
}

static int attach_clsact(int prog_fd, struct tc_link *link)
{
	struct bpf_tc_hook hook;
	int r;

	hook_init(&hook, link);
	r = bpf_tc_hook_create(&hook);
	if (r < 0 && r != -EEXIST)
		return r;
	link->made_qdisc = r == 0;
	r = add_locked(prog_fd, link);
	if (r == -EBUSY)
		r = add_unlocked(prog_fd, link);
	if (r < 0)
		detach_clsact(link);
	return r;
}

/* Whether our filter is still there: somebody may have deleted clsact, and with it what hangs in it. */
static bool is_in_place(const struct tc_link *link)
{
	uint32_t program;
	int r = find_filter(link, link->handle, &program);

	return r == 0 ? program == link->program_id : r != -ENOENT; /* else: nobody knows */
}

static int load_with(const struct point_target *t, bool is_egress,
		     const struct wire_skb_config *skb, struct tc_bpf **ret)
{
	struct tc_bpf *skel = tc_bpf__open();
	int r = skel ? 0 : -errno;

	if (skel) {
		skel->rodata->config = t->config;
		skel->rodata->skb_config = *skb;
		skel->rodata->skb_config.is_headerless = t->is_headerless;
		if (is_egress || t->is_headerless)
			skel->rodata->skb_config.mac_len = 0;
		r = maps_share(t->maps, skel->obj);
	}
	if (r >= 0 && t->filter)
		r = patch_filter(skel->progs.tap_tc, t->filter, t->n_filter,
				 t->is_headerless ? CBPF_SKB_NETWORK : CBPF_SKB);
	if (r >= 0)
		r = tc_bpf__load(skel);
	if (r < 0) {
		tc_bpf__destroy(skel);
		return r;
	}
	*ret = skel;
	return 0;
}

/*
 * A kernel in lockdown does not let programs read its memory: then nothing is known about checksums, and
 * frames without a link-layer header cannot be found.
 */
static int load(const struct point_target *t, bool is_egress, struct tc_bpf **ret)
{
	static const struct wire_skb_config unknown;
	const struct wire_skb_config *skb = facts_skb();
	int r;

	if (t->is_headerless && !skb->network)
		return -EOPNOTSUPP;
	r = load_with(t, is_egress, skb, ret);
	if ((r == -EINVAL || r == -EACCES) && skb->offset && !t->is_headerless)
		r = load_with(t, is_egress, &unknown, ret);
	return r;
}

/* As a tcx link, or as a filter where the kernel does not know that attach type. */
static int put(int prog_fd, struct tc_link *l)
{
	int r = bpf_link_create(prog_fd, (int)l->ifindex, l->is_egress ? TCX_EGRESS : TCX_INGRESS,
				NULL);

	if (r >= 0)
		l->fd = r;
	else if (r == -EINVAL)
		r = attach_clsact(prog_fd, l);
	return r < 0 ? r : 0;
}

static int attach(const struct point_target *t, bool is_egress, struct point_link **ret)
{
	struct tc_link *l = malloc(sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	*l = (struct tc_link){
		.link.n_slots = 1,
		.ifindex = t->ifindex,
		.is_egress = is_egress,
		.fd = -1,
		.lock_fd = -1,
	};
	r = load(t, is_egress, &l->skeleton);
	if (r < 0) {
		free(l);
		return r;
	}
	r = put(bpf_program__fd(l->skeleton->progs.tap_tc), l);
	if (r < 0) {
		tc_bpf__destroy(l->skeleton);
		free(l);
		return r;
	}
	*ret = &l->link;
	return 0;
}

/* The same handle and priority: the kernel exchanges the old program for the new one. */
static int replace_clsact(int prog_fd, struct tc_link *link)
{
	struct bpf_tc_hook hook;
	LIBBPF_OPTS(bpf_tc_opts, filter, .prog_fd = prog_fd, .handle = link->handle,
		    .priority = PRIORITY, .flags = BPF_TC_F_REPLACE);
	int r;

	if (!is_in_place(link))
		return -ENOENT;
	hook_init(&hook, link);
	r = bpf_tc_attach(&hook, &filter);
	if (r == 0)
		link->program_id = id_of(prog_fd);
	return r;
}

static int replace(const struct point_target *t, struct point_link *link)
{
	struct tc_link *l = tc_link_of(link);
	struct tc_bpf *skel = NULL;
	int fd, r = load(t, l->is_egress, &skel);

	if (r < 0)
		return r;
	fd = bpf_program__fd(skel->progs.tap_tc);
	r = l->fd >= 0 ? bpf_link_update(l->fd, fd, NULL) : replace_clsact(fd, l);
	if (r < 0) {
		tc_bpf__destroy(skel);
		return r;
	}
	tc_bpf__destroy(l->skeleton);
	l->skeleton = skel;
	return 0;
}

static int attach_ingress(const struct point_target *t, struct point_link **ret)
{
	return attach(t, false, ret);
}

static int attach_egress(const struct point_target *t, struct point_link **ret)
{
	return attach(t, true, ret);
}

static void detach(struct point_link *link)
{
	const struct tc_link *l = tc_link_of(link);

	if (l->fd >= 0)
		(void)bpf_link_detach(l->fd);
	else
		detach_clsact(l);
}

static void free_link(struct point_link *link)
{
	struct tc_link *l = tc_link_of(link);

	if (l->fd >= 0)
		close(l->fd);
	tc_bpf__destroy(l->skeleton);
	free(l);
}

/* kernel: kernel/bpf/tcx.c, tcx_link_fill_info(): 0 once the link or the device is gone */
static bool is_attached(const struct point_link *link)
{
	const struct tc_link *l = (const struct tc_link *)link;
	struct bpf_link_info info = { 0 };
	uint32_t size = sizeof(info);

	if (l->fd < 0)
		return is_in_place(l);
	return bpf_obj_get_info_by_fd(l->fd, &info, &size) == 0 && info.xdp.ifindex != 0;
}

static bool is_clsact(const struct point_link *link)
{
	return ((const struct tc_link *)link)->fd < 0;
}

#define TITLE "tc: before the network stack"

const struct point point_tc_ingress = {
	.name = "tc-ingress",
	.choice = "tc",
	.title = TITLE,
	.attach = attach_ingress,
	.replace = replace,
	.detach = detach,
	.free = free_link,
	.is_attached = is_attached,
	.asks_netlink = is_clsact,
	.needs_netlink = is_clsact,
};

const struct point point_tc_egress = {
	.name = "tc-egress",
	.choice = "tc",
	.title = TITLE,
	.is_egress = true,
	.attach = attach_egress,
	.replace = replace,
	.detach = detach,
	.free = free_link,
	.is_attached = is_attached,
	.asks_netlink = is_clsact,
	.needs_netlink = is_clsact,
};
