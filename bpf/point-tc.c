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
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "bpf/tc/clsact.h"
#include "bpf/facts.h"
#include "bpf/load/image.h"
#include "bpf/load/sharing.h"
#include "bpf/maps.h"
#include "bpf/tc/neighbours.h"
#include "bpf/point-link.h"
#include "bpf/program.h"
#include "tc-process.skel.h"
#include "tc.skel.h"

/* Not found in Debian 12's headers; kernel: include/uapi/linux/bpf.h */
#define F_BEFORE (1U << 3)
#define F_AFTER	 (1U << 4)

struct tc_link {
	struct point_link link;
	unsigned int ifindex;
	bool is_egress;
	int fd; /* of the tcx link; -1: it is a filter */
	uint32_t program_id;
	struct clsact clsact;
	struct sharing sharing;
};

static struct tc_link *tc_link_of(struct point_link *link)
{
	return (struct tc_link *)link;
}

/* The kinds of the program: what it knows of socket buffers is constant, too. */
struct tc_kind {
	struct image_kind image;
	bool has_mac_header; /* in front of what a received packet begins with */
	bool is_headerless;
	bool is_cooked;
	bool is_egress; /* as a cooked header says */
	bool is_can;
	bool knows_nothing;
};

static struct wire_skb_config config_of(const struct tc_kind *k)
{
	struct wire_skb_config config = { 0 };

	if (!k->knows_nothing)
		config = *facts_skb();
	config.is_headerless = k->is_headerless;
	config.is_cooked = k->is_cooked;
	config.is_egress = k->is_egress;
	config.is_can = k->is_can;
	if (!k->has_mac_header)
		config.mac_len = 0;
	return config;
}

/* The skeletons differ in their types alone. */
#define OBJECT(name)                                                                               \
	static void destroy_##name(void *skeleton)                                                 \
	{                                                                                          \
		name##_bpf__destroy(skeleton);                                                     \
	}                                                                                          \
	static int open_##name(const struct image_kind *kind, struct image_object *ret)            \
	{                                                                                          \
		struct name##_bpf *skel = name##_bpf__open();                                      \
                                                                                                   \
		if (!skel)                                                                         \
			return -errno;                                                             \
		skel->rodata->skb_config = config_of((const struct tc_kind *)kind);                \
		*ret = (struct image_object){                                                      \
			.skeleton = skel,                                                          \
			.destroy = destroy_##name,                                                 \
			.object = skel->obj,                                                       \
			.program = skel->progs.tap_tc,                                             \
			.config_at = offsetof(typeof(*skel->rodata), config),                      \
		};                                                                                 \
		return 0;                                                                          \
	}

OBJECT(tc)
OBJECT(tc_process)

enum shape {
	RECEIVED,
	SENT,
	HEADERLESS,
	COOKED,
	COOKED_SENT,
	CAN,
	UNKNOWN,
	SHAPES,
};

#define KINDS(open)                                                                                \
	{                                                                                          \
		[RECEIVED] = { .image = { open, CBPF_SKB }, .has_mac_header = true },              \
		[SENT] = { .image = { open, CBPF_SKB } },                                          \
		[HEADERLESS] = { .image = { open, CBPF_SKB_NETWORK }, .is_headerless = true },     \
		[COOKED] = { .image = { open, CBPF_SKB_NETWORK },                                  \
			     .is_headerless = true,                                                \
			     .is_cooked = true },                                                  \
		[COOKED_SENT] = { .image = { open, CBPF_SKB_NETWORK },                             \
				  .is_headerless = true,                                           \
				  .is_cooked = true,                                               \
				  .is_egress = true },                                             \
		[CAN] = { .image = { open, CBPF_SKB_NETWORK }, .is_can = true },                   \
		[UNKNOWN] = { .image = { open, CBPF_SKB }, .knows_nothing = true },                \
	}

static const struct tc_kind plain[SHAPES] = KINDS(open_tc);
static const struct tc_kind with_process[SHAPES] = KINDS(open_tc_process);

static const struct tc_kind *kinds_of(const struct point_target *t)
{
	return maps_have_owners(t->maps) ? with_process : plain;
}

static enum shape shape_of(const struct point_target *t, bool is_egress)
{
	switch (t->begin) {
	case TAP_ETHERNET: return is_egress ? SENT : RECEIVED;
	case TAP_NETWORK: return HEADERLESS;
	case TAP_COOKED: return is_egress ? COOKED_SENT : COOKED;
	case TAP_CAN: return CAN;
	default: return SENT; /* no header gets lost there */
	}
}

/*
 * Returns the program's descriptor. A kernel in lockdown does not let programs read its memory: then
 * nothing is known about checksums, and frames without a link-layer header cannot be found.
 */
static int load(const struct point_target *own, bool is_egress)
{
	const struct wire_skb_config *skb = facts_skb();
	const struct tc_kind *kinds = kinds_of(own), *kind = &kinds[shape_of(own, is_egress)];
	const struct point_target t = sharing_target(own);
	int r;

	if (kind->is_headerless)
		return skb->network ? images_load(t.images, &kind->image, &t) : -EOPNOTSUPP;
	r = images_load(t.images, &kind->image, &t);
	if ((r == -EINVAL || r == -EACCES) && skb->offset)
		r = images_load(t.images, &kinds[UNKNOWN].image, &t);
	return r;
}

static enum wire_hook hook_of(bool is_egress)
{
	return is_egress ? WIRE_HOOK_SENT : WIRE_HOOK_RECEIVED;
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
	int r, prog_fd;

	if (!l)
		return -ENOMEM;
	*l = (struct tc_link){
		.link.n_slots = 1,
		.ifindex = t->ifindex,
		.is_egress = is_egress,
		.fd = -1,
	};
	prog_fd = load(t, is_egress);
	if (prog_fd >= 0)
		sharing_enter(&l->sharing, t, hook_of(is_egress));
	r = prog_fd < 0 ? prog_fd : put(prog_fd, l);
	l->program_id = r == 0 ? program_id(prog_fd) : 0;
	if (prog_fd >= 0)
		close(prog_fd); /* where it is attached, it stays */
	if (r < 0) {
		sharing_withdraw(&l->sharing);
		free(l);
		return r;
	}
	*ret = &l->link;
	return 0;
}

static int replace(const struct point_target *t, struct point_link *link)
{
	struct tc_link *l = tc_link_of(link);
	int r, fd = load(t, l->is_egress);

	if (fd < 0)
		return fd;
	r = l->fd >= 0 ? bpf_link_update(l->fd, fd, NULL) : clsact_replace(&l->clsact, fd);
	if (r == 0) {
		l->program_id = program_id(fd);
		sharing_enter(&l->sharing, t, hook_of(l->is_egress));
	}
	close(fd);
	return r;
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
	sharing_withdraw(&l->sharing);
}

static void free_link(struct point_link *link)
{
	struct tc_link *l = tc_link_of(link);

	if (l->fd >= 0)
		close(l->fd);
	else
		clsact_close(&l->clsact);
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
		.program_id = l->fd < 0 ? 0 : l->program_id,
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
