/* SPDX-License-Identifier: MIT */
/*
 * Queues and VLAN stripping come from ethtool, XDP features from bpf/device/features.c.
 */
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bpf/device/device.h"
#include "extcap/system/cleanup.h"
#include "extcap/net/nic/ethtool.h"

static void read_xdp(uint32_t ifindex, struct ethtool *ret)
{
	struct device d = { .index = ifindex };

	device_read_features(&d);
	if (d.has_features)
		ret->xdp = d.has_native_xdp ? ETHTOOL_XDP_NATIVE : ETHTOOL_XDP_GENERIC;
	ret->hides_times = d.hides_nic_times;
}

bool ethtool_ioctl(const struct link *i, unsigned long request, void *data)
{
	_cleanup_(close_fdp) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq about = { .ifr_data = data };

	g_strlcpy(about.ifr_name, i->name, sizeof(about.ifr_name));
	return fd >= 0 && ioctl(fd, request, &about) == 0;
}

char *ethtool_driver(const struct link *i)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };

	if (!ethtool_ioctl(i, SIOCETHTOOL, &info) || !info.driver[0])
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
	if (!ethtool_ioctl(i, SIOCETHTOOL, &link) || link.s.link_mode_masks_nwords >= 0)
		return 0;
	link.s.link_mode_masks_nwords = (int8_t)-link.s.link_mode_masks_nwords;
	if (!ethtool_ioctl(i, SIOCETHTOOL, &link) || link.s.speed == (uint32_t)SPEED_UNKNOWN)
		return 0;
	return (uint64_t)link.s.speed * 1000000;
}

void ethtool_read(const struct link *i, struct ethtool *ret)
{
	struct ethtool_channels channels = { .cmd = ETHTOOL_GCHANNELS };
	struct ethtool_value flags = { .cmd = ETHTOOL_GFLAGS };

	*ret = (struct ethtool){ 0 };
	read_xdp(i->index, ret);
	if (ethtool_ioctl(i, SIOCETHTOOL, &channels))
		ret->queues = channels.rx_count + channels.combined_count;
	if (ethtool_ioctl(i, SIOCETHTOOL, &flags))
		ret->hides_tags = flags.data & ETH_FLAG_RXVLAN;
}
