/* SPDX-License-Identifier: MIT */
/* A driver whose native mode depends on the features that the host offers. */
#ifndef XDPTAP_BPF_DEVICE_VIRTIO_H
#define XDPTAP_BPF_DEVICE_VIRTIO_H

#include <stdbool.h>

struct virtio {
	bool runs_programs; /* else the driver refuses them, or accepts them and runs none */
	/*
	 * The host passes on frames that it has merged, or that have no checksum yet. Those that it has put into the
	 * queue before a program is attached are dropped (mergeable_xdp_get_buf(), receive_small_xdp()).
	 */
	bool is_incomplete;
};

/*
 * Finds a virtio_net device by its name, such as "virtio0", or, where that is empty, by its place on the PCI bus. If
 * nobody tells its features, it is taken for one that runs no program.
 */
void virtio_read(const char *name, const char *pci, struct virtio *ret);

#endif
