/* SPDX-License-Identifier: MIT */
/*
 * Attaches the program of tc.bpf.c before (ingress) or after (egress) the network stack.
 *
 * From Linux 6.6 on that is a tcx link, which goes with the process like an XDP link. Older kernels get a
 * filter in the clsact qdisc: see clsact.h.
 *
 * Others attach there, too. A program that accepts, drops or redirects a frame keeps it from those that
 * follow: so ours is the first one that meets received frames. Of sent frames it is the last one, because
 * a capture should show what leaves.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "bpf/tc/clsact.h"
#include "bpf/facts.h"
#include "bpf/maps.h"
#include "bpf/filter/patch.h"
#include "bpf/tc/neighbours.h"
#include "bpf/point-link.h"
#include "bpf/program.h"
#include "tc.skel.h"

/* Not found in Debian 12's headers; kernel: include/uapi/linux/bpf.h */
#define F_BEFORE (1U << 3)
#define F_AFTER	 (1U << 4)

struct tc_link {
	struct point_link link;
	struct tc_bpf *skeleton;
	unsigned int ifindex;
	bool is_egress;
	int fd; /* of the tcx link; -1: it is a filter */
	struct clsact clsact;
};

static struct tc_link *tc_link_of(struct point_link *link)
{
	return (struct tc_link *)link;
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

/*
 * As a tcx link, or as a filter where the kernel does not know that attach type. Without a program that they
 * refer to, the flags mean all programs.
 */
static int put(int prog_fd, struct tc_link *l)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = l->is_egress ? F_AFTER : F_BEFORE);
	int r = bpf_link_create(prog_fd, (int)l->ifindex, l->is_egress ? TCX_EGRESS : TCX_INGRESS,
				&opts);

	if (r >= 0)
		l->fd = r;
	else if (r == -EINVAL)
		r = clsact_add(prog_fd, l->ifindex, l->is_egress, &l->clsact);
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

static int replace(const struct point_target *t, struct point_link *link)
{
	struct tc_link *l = tc_link_of(link);
	struct tc_bpf *skel = NULL;
	int fd, r = load(t, l->is_egress, &skel);

	if (r < 0)
		return r;
	fd = bpf_program__fd(skel->progs.tap_tc);
	r = l->fd >= 0 ? bpf_link_update(l->fd, fd, NULL) : clsact_replace(&l->clsact, fd);
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
	struct tc_link *l = tc_link_of(link);

	if (l->fd >= 0)
		(void)bpf_link_detach(l->fd);
	else
		clsact_remove(&l->clsact);
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
		return clsact_is_in_place(&l->clsact);
	return bpf_obj_get_info_by_fd(l->fd, &info, &size) == 0 && info.xdp.ifindex != 0;
}

static bool is_clsact(const struct point_link *link)
{
	return ((const struct tc_link *)link)->fd < 0;
}

/* Of received frames, what becomes of them after us does not matter. */
static bool find_neighbour(const struct point_link *link, enum point_order order,
			   struct point_neighbour *ret)
{
	const struct tc_link *l = (const struct tc_link *)link;
	const struct neighbours_place ours = {
		.ifindex = l->ifindex,
		.is_egress = l->is_egress,
		.program_id = l->fd < 0 ? 0
					: program_id(bpf_program__fd(l->skeleton->progs.tap_tc)),
		.priority = l->fd < 0 ? l->clsact.priority : 0,
	};

	if (order == POINT_BEFORE)
		return neighbours_find_before(&ours, ret);
	return l->is_egress && neighbours_find_after(&ours, ret);
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
	.find_neighbour = find_neighbour,
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
	.find_neighbour = find_neighbour,
	.asks_netlink = is_clsact,
	.needs_netlink = is_clsact,
};
