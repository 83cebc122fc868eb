/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "bpf/device/virtio.h"

/* kernel: include/uapi/linux/virtio_net.h */
enum {
	GUEST_CSUM = 1,
	CTRL_GUEST_OFFLOADS = 2,
	MTU = 3,
	GUEST_TSO4 = 7,
	GUEST_TSO6 = 8,
	GUEST_ECN = 9,
	GUEST_UFO = 10,
	MRG_RXBUF = 15,
	GUEST_USO4 = 54,
	GUEST_USO6 = 55,
};

/* sysfs has a digit for each feature that device and driver agreed on. */
static bool has_feature(const char *features, size_t number)
{
	return strlen(features) > number && features[number] == '1';
}

static bool merges(const char *features)
{
	static const size_t any[] = { GUEST_TSO4, GUEST_TSO6, GUEST_ECN,
				      GUEST_UFO,  GUEST_USO4, GUEST_USO6 };

	for (size_t n = 0; n < sizeof(any) / sizeof(*any); n++)
		if (has_feature(features, any[n]))
			return true;
	return false;
}

/*
 * virtnet_xdp_set() refuses a program where it cannot turn off what the host merges. Without mergeable buffers,
 * receive_buf() calls receive_big(), which runs no program, for a device that merges, and for one that tells an
 * MTU above 1500 (virtnet_set_big_packets()).
 */
static bool runs_programs(const char *features)
{
	bool is_whole = !merges(features);

	if (!has_feature(features, CTRL_GUEST_OFFLOADS) &&
	    !(is_whole && !has_feature(features, GUEST_CSUM)))
		return false;
	return has_feature(features, MRG_RXBUF) || (is_whole && !has_feature(features, MTU));
}

static bool read_features(const char *name, char *text, int size)
{
	char path[PATH_MAX];
	bool is_read;
	FILE *file;

	(void)snprintf(path, sizeof(path), "/sys/bus/virtio/devices/%s/features", name);
	file = fopen(path, "re");
	if (!file)
		return false;
	is_read = fgets(text, size, file) != NULL;
	(void)fclose(file);
	return is_read;
}

/* Before Linux 5.14 only the PCI device is known. False: not found. */
static bool find_name(const char *pci, char *ret, size_t size)
{
	char folder[64];
	const struct dirent *entry;
	bool is_found = false;
	DIR *dir;

	(void)snprintf(folder, sizeof(folder), "/sys/bus/pci/devices/%.32s", pci);
	dir = opendir(folder);
	while (dir && !is_found && (entry = readdir(dir))) {
		is_found = strncmp(entry->d_name, "virtio", strlen("virtio")) == 0;
		if (is_found)
			(void)snprintf(ret, size, "%.*s", (int)size - 1, entry->d_name);
	}
	if (dir)
		(void)closedir(dir);
	return is_found;
}

/*
 * By the device and not by the interface, as sysfs may show the interfaces of another network namespace. Its
 * transport does not matter (PCI, MMIO, CCW).
 */
void virtio_read(const char *name, const char *pci, struct virtio *ret)
{
	char found[32], features[128];

	*ret = (struct virtio){ .is_incomplete = true };
	if ((!*name && !find_name(pci, found, sizeof(found))) ||
	    !read_features(*name ? name : found, features, sizeof(features)))
		return;
	ret->runs_programs = runs_programs(features);
	ret->is_incomplete = merges(features) || has_feature(features, GUEST_CSUM);
}
