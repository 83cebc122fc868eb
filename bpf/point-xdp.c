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

#include "bpf/maps.h"
#include "bpf/filter/patch.h"
#include "bpf/point-link.h"
#include "xdp-offloads.skel.h"
#include "xdp-stamps.skel.h"
#include "xdp.skel.h"

/* What the program learns of a frame from the driver. */
enum reads {
	READS_NOTHING,
	READS_OFFLOADS, /* what the NIC stripped from it or computed over it */
	READS_STAMP,	/* that, and when the NIC received it */
};

struct xdp_link {
	struct point_link link;
	void *skeleton;
	int fd; /* of the bpf_link */
	enum reads reads;
};

static struct xdp_link *xdp_link_of(struct point_link *link)
{
	return (struct xdp_link *)link;
}

/* What to try, in this order: the rows that have the mode and the time stamps asked for. */
static const struct
try {
	enum tap_mode mode;
	enum reads reads;
}
tries[] = {
	{ TAP_MODE_NATIVE, READS_STAMP },
	{ TAP_MODE_NATIVE, READS_OFFLOADS },
	{ TAP_MODE_NATIVE, READS_NOTHING },
	{ TAP_MODE_GENERIC, READS_NOTHING },
};

/* Not found in Debian 12's headers; kernel: include/uapi/linux/bpf.h */
#define BPF_F_XDP_DEV_BOUND_ONLY (1U << 6)

/* One of the objects, opened. */
struct opened {
	void *skeleton;
	struct bpf_object *object;
	struct bpf_program *program;
};

/* The skeletons differ in their types alone. */
#define OBJECT(kind)                                                                               \
	static int open_##kind(const struct point_target *t, struct opened *ret)                   \
	{                                                                                          \
		struct kind##_bpf *skel = kind##_bpf__open();                                      \
                                                                                                   \
		if (!skel)                                                                         \
			return -errno;                                                             \
		skel->rodata->config = t->config;                                                  \
		*ret = (struct opened){ skel, skel->obj, skel->progs.tap_##kind };                 \
		return 0;                                                                          \
	}                                                                                          \
	static void destroy_##kind(void *skeleton)                                                 \
	{                                                                                          \
		kind##_bpf__destroy(skeleton);                                                     \
	}

OBJECT(xdp)
OBJECT(xdp_offloads)
OBJECT(xdp_stamps)

static const struct {
	int (*open)(const struct point_target *t, struct opened *ret);
	void (*destroy)(void *skeleton);
} objects[] = {
	[READS_NOTHING] = { open_xdp, destroy_xdp },
	[READS_OFFLOADS] = { open_xdp_offloads, destroy_xdp_offloads },
	[READS_STAMP] = { open_xdp_stamps, destroy_xdp_stamps },
};

/* Only a program bound to this device may ask its driver. */
static int open_object(const struct point_target *t, enum reads reads, struct opened *ret)
{
	int r = objects[reads].open(t, ret);

	if (r < 0 || reads == READS_NOTHING)
		return r;
	bpf_program__set_ifindex(ret->program, t->ifindex);
	bpf_program__set_flags(ret->program,
			       bpf_program__flags(ret->program) | BPF_F_XDP_DEV_BOUND_ONLY);
	return 0;
}

static void destroy(void *skeleton, enum reads reads)
{
	objects[reads].destroy(skeleton);
}

/* *ret needs destroy() only after success. */
static int load(const struct point_target *t, const struct try *try, struct opened *ret)
{
	int r = open_object(t, try->reads, ret);

	if (r < 0)
		return r;
	if (t->filter)
		r = patch_filter(ret->program, t->filter, t->n_filter, CBPF_XDP);
	if (r >= 0)
		r = maps_share(t->maps, ret->object);
	if (r >= 0)
		r = bpf_object__load(ret->object);
	if (r < 0)
		destroy(ret->skeleton, try->reads);
	return r < 0 ? r : 0;
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
	struct opened new;
	int r = x ? load(t, try, &new) : -ENOMEM;

	if (r < 0) {
		free(x);
		return r;
	}
	r = link_in_mode(bpf_program__fd(new.program), t->ifindex, try->mode);
	if (r < 0) {
		destroy(new.skeleton, try->reads);
		free(x);
		return r;
	}
	*x = (struct xdp_link){
		.link = { .mode = try->mode, .n_slots = 1 },
		.skeleton = new.skeleton,
		.fd = r,
		.reads = try->reads,
	};
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
	const struct try try = { link->mode, x->reads };
	struct opened new;
	int r = load(t, &try, &new);

	if (r < 0)
		return r;
	r = bpf_link_update(x->fd, bpf_program__fd(new.program), NULL);
	if (r < 0) {
		destroy(new.skeleton, x->reads);
		return r;
	}
	destroy(x->skeleton, x->reads);
	x->skeleton = new.skeleton;
	return 0;
}

static void detach(struct point_link *link)
{
	/* At once; the last close() may leave it to a worker. */
	(void)bpf_link_detach(xdp_link_of(link)->fd);
}

static void free_link(struct point_link *link)
{
	struct xdp_link *x = xdp_link_of(link);

	close(x->fd);
	destroy(x->skeleton, x->reads);
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
