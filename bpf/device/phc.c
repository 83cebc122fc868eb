/* SPDX-License-Identifier: MIT */
/* By ETHTOOL_GET_TS_INFO and SIOCGHWTSTAMP; kernel: networking/timestamping. */
#include <linux/ethtool.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>

#include "bpf/device/device.h"
#include "bpf/device/phc.h"

int phc_find(const char *name)
{
	struct ethtool_ts_info info = { .cmd = ETHTOOL_GET_TS_INFO };

	if (!device_ioctl(name, SIOCETHTOOL, &info) ||
	    !(info.so_timestamping & SOF_TIMESTAMPING_RX_HARDWARE))
		return -1;
	return info.phc_index;
}

bool phc_is_off(const char *name)
{
	struct hwtstamp_config config = { 0 };

	return device_ioctl(name, SIOCGHWTSTAMP, &config) &&
	       config.rx_filter == HWTSTAMP_FILTER_NONE;
}
