/* SPDX-License-Identifier: MIT */
/*
 * Attaches the program of xdp.bpf.c to an interface through a bpf_link: the kernel detaches it when
 * the last descriptor is closed, however the process ends, and refuses a link where another program is
 * attached (plain netlink would replace that one).
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "bpf/load/image.h"
#include "bpf/load/sharing.h"
#include "bpf/maps.h"
#include "bpf/point-link.h"
#include "xdp-offloads-process-small.skel.h"
#include "xdp-offloads-process.skel.h"
#include "xdp-offloads-small.skel.h"
#include "xdp-offloads.skel.h"
#include "xdp-process.skel.h"
#include "xdp-stamps-process.skel.h"
#include "xdp-stamps.skel.h"
#include "xdp.skel.h"

/* What the program learns of a frame from the driver. */
enum reads {
	READS_NOTHING,
	READS_OFFLOADS, /* what the NIC stripped from it or computed over it */
	READS_STAMP,	/* that, and when the NIC received it */
};

struct
try {
	enum tap_mode mode;
	enum reads reads;
};

struct xdp_link {
	struct point_link link;
	int fd; /* of the bpf_link */
	struct try try;
	struct sharing sharing;
};

static struct xdp_link *xdp_link_of(struct point_link *link)
{
	return (struct xdp_link *)link;
}

/* What to try, in this order: the rows that have the mode and the time stamps asked for. */
static const struct try tries[] = {
	{ TAP_MODE_NATIVE, READS_STAMP },
	{ TAP_MODE_NATIVE, READS_OFFLOADS },
	{ TAP_MODE_NATIVE, READS_NOTHING },
	{ TAP_MODE_GENERIC, READS_NOTHING },
};

/* Not found in Debian 12's headers; kernel: include/uapi/linux/bpf.h */
#define BPF_F_XDP_HAS_FRAGS	 (1U << 5)
#define BPF_F_XDP_DEV_BOUND_ONLY (1U << 6)

/* The skeletons differ in their types alone. */
#define OBJECT(kind, name)                                                                         \
	static void destroy_##kind(void *skeleton)                                                 \
	{                                                                                          \
		kind##_bpf__destroy(skeleton);                                                     \
	}                                                                                          \
	static int open_##kind(const struct image_kind *unused, struct image_object *ret)          \
	{                                                                                          \
		struct kind##_bpf *skel = kind##_bpf__open();                                      \
                                                                                                   \
		if (!skel)                                                                         \
			return -errno;                                                             \
		*ret = (struct image_object){                                                      \
			.skeleton = skel,                                                          \
			.destroy = destroy_##kind,                                                 \
			.object = skel->obj,                                                       \
			.program = skel->progs.tap_##name,                                         \
			.config_at = offsetof(typeof(*skel->rodata), config),                      \
		};                                                                                 \
		return 0;                                                                          \
	}

OBJECT(xdp, xdp)
OBJECT(xdp_offloads, xdp_offloads)
OBJECT(xdp_stamps, xdp_stamps)
OBJECT(xdp_process, xdp)
OBJECT(xdp_offloads_process, xdp_offloads)
OBJECT(xdp_stamps_process, xdp_stamps)
OBJECT(xdp_offloads_small, xdp_offloads)
OBJECT(xdp_offloads_process_small, xdp_offloads)

/* Only a program bound to a device may ask its driver. */
static const struct image_kind plain[] = {
	[READS_NOTHING] = { open_xdp, CBPF_XDP, BPF_F_XDP_HAS_FRAGS, false },
	[READS_OFFLOADS] = { open_xdp_offloads, CBPF_XDP, BPF_F_XDP_HAS_FRAGS, true },
	[READS_STAMP] = { open_xdp_stamps, CBPF_XDP, BPF_F_XDP_HAS_FRAGS, true },
};

static const struct image_kind with_process[] = {
	[READS_NOTHING] = { open_xdp_process, CBPF_XDP, BPF_F_XDP_HAS_FRAGS, false },
	[READS_OFFLOADS] = { open_xdp_offloads_process, CBPF_XDP, BPF_F_XDP_HAS_FRAGS, true },
	[READS_STAMP] = { open_xdp_stamps_process, CBPF_XDP, BPF_F_XDP_HAS_FRAGS, true },
};

/*
 * Interfaces cannot share a program that is bound to a device. On hundreds of them, it must be one that loads
 * fast; the first ones get the one that costs a frame less.
 */
#define FEW_SLOTS 32

static const struct image_kind small = { open_xdp_offloads_small, CBPF_XDP, BPF_F_XDP_HAS_FRAGS,
					 true };
static const struct image_kind small_with_process = { open_xdp_offloads_process_small, CBPF_XDP,
						      BPF_F_XDP_HAS_FRAGS, true };

static const struct image_kind *kind_of(const struct point_target *t, enum reads reads)
{
	bool has_owners = maps_have_owners(t->maps);

	if (reads == READS_OFFLOADS && maps_can_share(t->maps, 0) && t->config.slot >= FEW_SLOTS)
		return has_owners ? &small_with_process : &small;
	return (has_owners ? with_process : plain) + reads;
}

/* Whether the driver answers programs: 0 or -errno. Much is saved where it does not. */
static int try_to_bind(unsigned int ifindex)
{
	static const struct bpf_insn pass[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .prog_flags = BPF_F_XDP_DEV_BOUND_ONLY,
		    .prog_ifindex = ifindex);
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "xdptap_bound", "GPL", pass, 2, &opts);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

/* In native mode, a program on a bond sees its ports in place of the bond. */
static bool is_shareable(const struct try *try)
{
	return try->mode == TAP_MODE_GENERIC && try->reads == READS_NOTHING;
}

/* Returns the program's descriptor. */
static int load(const struct point_target *t, const struct try *try)
{
	const struct image_kind *kind = kind_of(t, try->reads);
	const struct point_target target = is_shareable(try) ? sharing_target(t) : *t;
	int r = kind->is_bound ? try_to_bind(t->ifindex) : 0;

	return r < 0 ? r : images_load(t->images, kind, &target);
}

static int link_in_mode(int prog_fd, unsigned int ifindex, enum tap_mode mode)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts);
	int fd;

	opts.flags = mode == TAP_MODE_NATIVE ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE;
	fd = bpf_link_create(prog_fd, (int)ifindex, BPF_XDP, &opts);
	return fd == -EEXIST ? -EBUSY : fd; /* a program in the other mode is a program too */
}

static int attempt(const struct point_target *t, const struct try *try, struct point_link **ret)
{
	struct xdp_link *x = calloc(1, sizeof(*x));
	int fd, r = x ? load(t, try) : -ENOMEM;

	if (r < 0) {
		free(x);
		return r;
	}
	*x = (struct xdp_link){ .link = { .mode = try->mode, .n_slots = 1 }, .try = *try };
	if (is_shareable(try))
		sharing_enter(&x->sharing, t, WIRE_HOOK_XDP);
	fd = r;
	r = x->fd = link_in_mode(fd, t->ifindex, try->mode);
	close(fd); /* the link keeps it */
	if (r < 0) {
		sharing_withdraw(&x->sharing);
		free(x);
		return r;
	}
	*ret = &x->link;
	return 0;
}

static bool is_final(int r)
{
	return r >= 0 || r == -EBUSY || r == -ENODEV || r == -EPERM || r == -E2BIG;
}

static int attach(const struct point_target *t, struct point_link **ret)
{
	int r = -EOPNOTSUPP;

	for (size_t i = 0; i < sizeof(tries) / sizeof(*tries); i++) {
		if (t->mode != TAP_MODE_AUTO && t->mode != tries[i].mode)
			continue;
		if (t->is_stamped != (tries[i].reads == READS_STAMP))
			continue;
		r = attempt(t, &tries[i], ret);
		if (is_final(r))
			return r;
	}
	/* Before Linux 5.18 there is no multi-buffer XDP, and none of these loads. */
	if (libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, BPF_FUNC_xdp_load_bytes, NULL) == 0)
		return -ENOSYS;
	return r;
}

static int replace(const struct point_target *t, struct point_link *link)
{
	struct xdp_link *x = xdp_link_of(link);
	int r, fd = load(t, &x->try);

	if (fd < 0)
		return fd;
	r = bpf_link_update(x->fd, fd, NULL);
	if (r == 0 && is_shareable(&x->try))
		sharing_enter(&x->sharing, t, WIRE_HOOK_XDP);
	close(fd);
	return r;
}

static void detach(struct point_link *link)
{
	/* At once; the last close() may leave it to a worker. */
	(void)bpf_link_detach(xdp_link_of(link)->fd);
	sharing_withdraw(&xdp_link_of(link)->sharing);
}

static void free_link(struct point_link *link)
{
	struct xdp_link *x = xdp_link_of(link);

	close(x->fd);
	free(x);
}

/* kernel: net/core/dev.c, bpf_xdp_link_fill_link_info(): 0 once the link or the device is gone */
static bool is_attached(const struct point_link *link)
{
	struct bpf_link_info info = { 0 };
	uint32_t size = sizeof(info);

	return bpf_obj_get_info_by_fd(((const struct xdp_link *)link)->fd, &info, &size) == 0 &&
	       info.xdp.ifindex != 0;
}

const struct point point_xdp = {
	.name = "xdp",
	.choice = "xdp",
	.title = "XDP: in the driver",
	.has_modes = true,
	.has_nic_clock = true,
	.attach = attach,
	.replace = replace,
	.detach = detach,
	.free = free_link,
	.is_attached = is_attached,
};
