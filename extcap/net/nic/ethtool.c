/* SPDX-License-Identifier: MIT */
/*
 * Queues and VLAN stripping come from ethtool, XDP features from bpf/device/features.c.
 */
#include <linux/ethtool.h>
#include <linux/sockios.h>

#include "bpf/device/device.h"
#include "extcap/net/nic/ethtool.h"

static void read_xdp(uint32_t ifindex, struct ethtool *ret)
{
	struct device d = { .index = ifindex };

	device_read_features(&d);
	if (d.has_features)
		ret->xdp = d.has_native_xdp ? ETHTOOL_XDP_NATIVE : ETHTOOL_XDP_GENERIC;
	ret->hides_times = d.hides_nic_times;
}

char *ethtool_driver(const struct link *i)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };

	if (!device_ioctl(i->name, SIOCETHTOOL, &info) || !info.driver[0])
		return NULL;
	if (!info.bus_info[0])
		return g_strndup(info.driver, sizeof(info.driver));
	return g_strdup_printf("%.32s %.32s (%.32s)", info.driver, info.version, info.bus_info);
}

uint64_t ethtool_speed_bps(const struct link *i)
{
	union {
		struct ethtool_link_settings s;
		uint32_t words[sizeof(struct ethtool_link_settings) / 4 + 3 * INT8_MAX];
	} link = { .s = { .cmd = ETHTOOL_GLINKSETTINGS } };

	/* The kernel first answers with the negative size of its masks, and fills them when asked with that size. */
	if (!device_ioctl(i->name, SIOCETHTOOL, &link) || link.s.link_mode_masks_nwords >= 0)
		return 0;
	link.s.link_mode_masks_nwords = (int8_t)-link.s.link_mode_masks_nwords;
	if (!device_ioctl(i->name, SIOCETHTOOL, &link) || link.s.speed == (uint32_t)SPEED_UNKNOWN)
		return 0;
	return (uint64_t)link.s.speed * 1000000;
}

void ethtool_read(const struct link *i, struct ethtool *ret)
{
	struct ethtool_channels channels = { .cmd = ETHTOOL_GCHANNELS };
	struct ethtool_value flags = { .cmd = ETHTOOL_GFLAGS };

	*ret = (struct ethtool){ 0 };
	read_xdp(i->index, ret);
	if (device_ioctl(i->name, SIOCETHTOOL, &channels))
		ret->queues = channels.rx_count + channels.combined_count;
	if (device_ioctl(i->name, SIOCETHTOOL, &flags))
		ret->hides_tags = flags.data & ETH_FLAG_RXVLAN;
}
