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
#include "bpf/patch.h"
#include "bpf/point.h"
#include "xdp.skel.h"

/* What to try, in this order; with a mode asked for only the rows of that mode. */
static const struct
try {
	enum tap_mode mode;
	bool reads_offloads;
}
tries[] = {
	{ TAP_MODE_NATIVE, true },
	{ TAP_MODE_NATIVE, false },
	{ TAP_MODE_GENERIC, false },
};

/* Not found in Debian 12's headers; kernel: include/uapi/linux/bpf.h */
#define BPF_F_XDP_DEV_BOUND_ONLY (1U << 6)

static struct bpf_program *program_of(const struct xdp_bpf *skel, const struct try *try)
{
	return try->reads_offloads ? skel->progs.tap_xdp_offloads : skel->progs.tap_xdp;
}

static int prepare(const struct point_target *t, const struct try *try, struct xdp_bpf *skel)
{
	struct bpf_program *program = program_of(skel, try);
	int r;

	skel->rodata->config = t->config;
	bpf_program__set_autoload(skel->progs.tap_xdp, false);
	bpf_program__set_autoload(program, true);
	if (try->reads_offloads) {
		bpf_program__set_ifindex(program, t->ifindex);
		bpf_program__set_flags(program,
				       bpf_program__flags(program) | BPF_F_XDP_DEV_BOUND_ONLY);
	}
	r = t->filter ? patch_filter(program, t->filter, t->n_filter, CBPF_XDP) : 0;
	return r < 0 ? r : maps_share(t->maps, skel->obj);
}

static int load(const struct point_target *t, const struct try *try, struct xdp_bpf **ret)
{
	struct xdp_bpf *skel = xdp_bpf__open();
	int r = skel ? prepare(t, try, skel) : -errno;

	if (r >= 0)
		r = xdp_bpf__load(skel);
	if (r < 0) {
		xdp_bpf__destroy(skel);
		return r;
	}
	*ret = skel;
	return 0;
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
	struct xdp_bpf *skel = NULL;
	int fd, r = load(t, try, &skel);

	if (r < 0)
		return r;
	fd = link_in_mode(bpf_program__fd(program_of(skel, try)), t->ifindex, try->mode);
	if (fd < 0) {
		xdp_bpf__destroy(skel);
		return fd;
	}
	*ret = (struct point_link){
		.skeleton = skel,
		.link_fd = fd,
		.lock_fd = -1,
		.ifindex = t->ifindex,
		.mode = try->mode,
		.reads_offloads = try->reads_offloads,
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
	const struct try try = { link->mode, link->reads_offloads };
	struct xdp_bpf *skel = NULL;
	int r = load(t, &try, &skel);

	if (r < 0)
		return r;
	r = bpf_link_update(link->link_fd, bpf_program__fd(program_of(skel, &try)), NULL);
	if (r < 0) {
		xdp_bpf__destroy(skel);
		return r;
	}
	xdp_bpf__destroy(link->skeleton);
	link->skeleton = skel;
	return 0;
}

static void detach(struct point_link *link)
{
	(void)bpf_link_detach(
		link->link_fd); /* now; the last close() may do it later, from a worker */
	close(link->link_fd);
	xdp_bpf__destroy(link->skeleton);
}

const struct point point_xdp = {
	.name = "xdp",
	.about = "XDP: in the driver, before the network stack",
	.attach = attach,
	.replace = replace,
	.detach = detach,
};
