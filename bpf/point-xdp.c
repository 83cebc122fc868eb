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
#include <unistd.h>

#include "bpf/maps.h"
#include "bpf/point.h"
#include "xdp.skel.h"

static int load(const struct point_target *t, struct xdp_bpf **ret)
{
	struct xdp_bpf *skel = xdp_bpf__open();
	int r;

	if (!skel)
		return -errno;
	skel->rodata->config = t->config;
	r = maps_share(t->maps, skel->obj);
	if (r >= 0)
		r = xdp_bpf__load(skel);
	if (r < 0) {
		xdp_bpf__destroy(skel);
		/* No multi-buffer XDP before Linux 5.18: nothing of this can be loaded. */
		if (r != -EPERM &&
		    libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, BPF_FUNC_xdp_load_bytes, NULL) == 0)
			return -ENOSYS;
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

static int attach(const struct point_target *t, struct point_link *ret)
{
	enum tap_mode mode = t->mode == TAP_MODE_AUTO ? TAP_MODE_NATIVE : t->mode;
	struct xdp_bpf *skel = NULL;
	int fd, r = load(t, &skel);

	if (r < 0)
		return r;
	fd = link_in_mode(bpf_program__fd(skel->progs.tap_xdp), t->ifindex, mode);
	if (fd < 0 && fd != -EBUSY && fd != -ENODEV && fd != -EPERM && t->mode == TAP_MODE_AUTO) {
		mode = TAP_MODE_GENERIC;
		fd = link_in_mode(bpf_program__fd(skel->progs.tap_xdp), t->ifindex, mode);
	}
	if (fd < 0) {
		xdp_bpf__destroy(skel);
		return fd;
	}
	*ret = (struct point_link){ .skeleton = skel, .link_fd = fd, .mode = mode };
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
	.detach = detach,
};
