/* SPDX-License-Identifier: MIT */
/* By ethtool's ioctl: its strings name the bits of its masks. */
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <stdbool.h>
#include <string.h>

#include "bpf/device/device.h"
#include "bpf/device/offloads.h"

#define FEATURES 256 /* the kernel has 64 */

/* kernel: net/ethtool/common.c, netdev_features_strings */
static const char *const names[] = { "rx-lro", "rx-gro-hw" };
#define N_NAMES (sizeof(names) / sizeof(*names))

/* The number of each feature in the kernel's masks; -1: it does not know it. */
struct numbers {
	int of[N_NAMES];
};

/* The kernel's structs end in arrays: these have room for their elements. */
union set {
	struct ethtool_sset_info head;
	uint32_t words[sizeof(struct ethtool_sset_info) / 4 + 1];
};

union strings {
	struct ethtool_gstrings head;
	char bytes[sizeof(struct ethtool_gstrings) + FEATURES * ETH_GSTRING_LEN];
};

union features {
	struct ethtool_gfeatures head;
	uint32_t words[(sizeof(struct ethtool_gfeatures) +
			FEATURES / 32 * sizeof(struct ethtool_get_features_block)) /
		       4];
};

union request {
	struct ethtool_sfeatures head;
	uint32_t words[(sizeof(struct ethtool_sfeatures) +
			FEATURES / 32 * sizeof(struct ethtool_set_features_block)) /
		       4];
};

static unsigned int count_features(const char *name)
{
	union set set = { .head = { .cmd = ETHTOOL_GSSET_INFO,
				    .sset_mask = 1 << ETH_SS_FEATURES } };

	return device_ioctl(name, SIOCETHTOOL, &set) && set.head.sset_mask ? set.head.data[0] : 0;
}

static struct numbers find_numbers(const char *name)
{
	union strings strings = { .head = { .cmd = ETHTOOL_GSTRINGS,
					    .string_set = ETH_SS_FEATURES } };
	const char *text = strings.bytes + sizeof(strings.head);
	unsigned int n = count_features(name);
	struct numbers found;

	memset(&found, -1, sizeof(found));
	if (!n || n > FEATURES || !device_ioctl(name, SIOCETHTOOL, &strings))
		return found;
	for (unsigned int k = 0; k < n; k++, text += ETH_GSTRING_LEN)
		for (size_t f = 0; f < N_NAMES; f++)
			if (strncmp(text, names[f], ETH_GSTRING_LEN) == 0)
				found.of[f] = (int)k;
	return found;
}

static bool read_features(const char *name, union features *ret)
{
	*ret = (union features){ .head = { .cmd = ETHTOOL_GFEATURES, .size = FEATURES / 32 } };
	return device_ioctl(name, SIOCETHTOOL, ret);
}

static bool is_active(const union features *f, int number)
{
	const struct ethtool_get_features_block *blocks = f->head.features;

	return number >= 0 && blocks[number / 32].active & 1U << number % 32;
}

unsigned int offloads_read(const char *name)
{
	union features f;
	struct numbers found = find_numbers(name);
	unsigned int mask = 0;

	if (!read_features(name, &f))
		return 0;
	for (size_t n = 0; n < N_NAMES; n++)
		if (is_active(&f, found.of[n]))
			mask |= 1U << n;
	return mask;
}

unsigned int offloads_enable(const char *name, unsigned int mask)
{
	union request request = { .head = { .cmd = ETHTOOL_SFEATURES } };
	struct ethtool_set_features_block *blocks = request.head.features;
	struct numbers found = find_numbers(name);
	union features f;

	if (!read_features(name, &f))
		return 0;
	request.head.size = f.head.size; /* the kernel takes no other */
	for (size_t n = 0; n < N_NAMES; n++) {
		int number = found.of[n];

		if (!(mask & 1U << n) || number < 0)
			continue;
		blocks[number / 32].valid |= 1U << number % 32;
		blocks[number / 32].requested |= 1U << number % 32;
	}
	(void)device_ioctl(name, SIOCETHTOOL, &request);
	return offloads_read(name);
}
