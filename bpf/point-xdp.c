/* SPDX-License-Identifier: MIT */
/*
 * Puts the program of xdp.bpf.c onto an interface, through a bpf_link: the kernel takes it away
 * again when the last descriptor is closed, however the process ends, and it refuses a link where
 * another program is attached instead of replacing that (plain netlink would).
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stddef.h>
#include <unistd.h>

#include "bpf/maps.h"
#include "bpf/filter/patch.h"
#include "bpf/point.h"
#include "xdp-offloads.skel.h"
#include "xdp-stamps.skel.h"
#include "xdp.skel.h"

/* What to try, in this order; with a mode or the card's time asked for only the rows that have it. */
static const struct
try {
	enum tap_mode mode;
	enum point_reads reads;
}
tries[] = {
	{ TAP_MODE_NATIVE, POINT_READS_STAMP },
	{ TAP_MODE_NATIVE, POINT_READS_OFFLOADS },
	{ TAP_MODE_NATIVE, POINT_READS_NOTHING },
	{ TAP_MODE_GENERIC, POINT_READS_NOTHING },
};

/* Not found in Debian 12's headers; kernel: include/uapi/linux/bpf.h */
#define BPF_F_XDP_DEV_BOUND_ONLY (1U << 6)

/* One of the objects, opened. */
struct opened {
	void *skeleton;
	struct bpf_object *object;
	struct bpf_program *program;
};

/* Their skeletons differ in type, but not in what is done with them. */
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
	[POINT_READS_NOTHING] = { open_xdp, destroy_xdp },
	[POINT_READS_OFFLOADS] = { open_xdp_offloads, destroy_xdp_offloads },
	[POINT_READS_STAMP] = { open_xdp_stamps, destroy_xdp_stamps },
};

/* What the driver knows only a program for this very device may ask. */
static int open_object(const struct point_target *t, enum point_reads reads, struct opened *ret)
{
	int r = objects[reads].open(t, ret);

	if (r < 0 || reads == POINT_READS_NOTHING)
		return r;
	bpf_program__set_ifindex(ret->program, t->ifindex);
	bpf_program__set_flags(ret->program,
			       bpf_program__flags(ret->program) | BPF_F_XDP_DEV_BOUND_ONLY);
	return 0;
}

static void destroy(void *skeleton, enum point_reads reads)
{
	objects[reads].destroy(skeleton);
}

/* *ret is to be destroyed only after 0. */
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

static int attempt(const struct point_target *t, const struct try *try, struct point_link *ret)
{
	struct opened new;
	int fd, r = load(t, try, &new);

	if (r < 0)
		return r;
	fd = link_in_mode(bpf_program__fd(new.program), t->ifindex, try->mode);
	if (fd < 0) {
		destroy(new.skeleton, try->reads);
		return fd;
	}
	*ret = (struct point_link){
		.skeleton = new.skeleton,
		.link_fd = fd,
		.lock_fd = -1,
		.ifindex = t->ifindex,
		.mode = try->mode,
		.reads = try->reads,
	};
	return 0;
}

static bool is_final(int r)
{
	return r >= 0 || r == -EBUSY || r == -ENODEV || r == -EPERM || r == -E2BIG;
}

static int attach(const struct point_target *t, struct point_link *ret)
{
	int r = -EOPNOTSUPP;

	for (size_t i = 0; i < sizeof(tries) / sizeof(*tries); i++) {
		if (t->mode != TAP_MODE_AUTO && t->mode != tries[i].mode)
			continue;
		if (t->is_stamped != (tries[i].reads == POINT_READS_STAMP))
			continue;
		r = attempt(t, &tries[i], ret);
		if (is_final(r))
			return r;
	}
	/* No multi-buffer XDP before Linux 5.18: nothing of this can be loaded. */
	if (libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, BPF_FUNC_xdp_load_bytes, NULL) == 0)
		return -ENOSYS;
	return r;
}

static int replace(const struct point_target *t, struct point_link *link)
{
	const struct try try = { link->mode, link->reads };
	struct opened new;
	int r = load(t, &try, &new);

	if (r < 0)
		return r;
	r = bpf_link_update(link->link_fd, bpf_program__fd(new.program), NULL);
	if (r < 0) {
		destroy(new.skeleton, link->reads);
		return r;
	}
	destroy(link->skeleton, link->reads);
	link->skeleton = new.skeleton;
	return 0;
}

static void detach(struct point_link *link)
{
	(void)bpf_link_detach(
		link->link_fd); /* now; the last close() may do it later, from a worker */
	close(link->link_fd);
	destroy(link->skeleton, link->reads);
}

const struct point point_xdp = {
	.name = "xdp",
	.about = "XDP: in the driver, before the network stack",
	.attach = attach,
	.replace = replace,
	.detach = detach,
};
