/* SPDX-License-Identifier: MIT */
/* A driver that accepts programs which it does not run. */
#ifndef XDPTAP_BPF_DEVICE_VIRTIO_H
#define XDPTAP_BPF_DEVICE_VIRTIO_H

#include <stdbool.h>

/*
 * Whether a virtio_net device runs XDP programs in native mode: by its name, such as "virtio0", or, where that is
 * empty, by its place on the PCI bus. False if nobody tells its features: it may see no frame.
 */
bool virtio_runs_programs(const char *name, const char *pci);

#endif
