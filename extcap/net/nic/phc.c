/* SPDX-License-Identifier: MIT */
/* Finds the PHC with ETHTOOL_GET_TS_INFO and SIOCGHWTSTAMP; kernel: networking/timestamping. */
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>

#include "bpf/device/device.h"
#include "extcap/net/nic/phc.h"
#include "extcap/net/nic/ethtool.h"
#include "extcap/system/error.h"

/* Returns the number of the PHC that stamps received frames, or -1. */
static int find_clock(const struct link *i)
{
	struct ethtool_ts_info info = { .cmd = ETHTOOL_GET_TS_INFO };

	if (!device_ioctl(i->name, SIOCETHTOOL, &info) ||
	    !(info.so_timestamping & SOF_TIMESTAMPING_RX_HARDWARE))
		return -1;
	return info.phc_index;
}

/* Only some drivers report this. */
static bool is_off(const struct link *i)
{
	struct hwtstamp_config config = { 0 };

	return device_ioctl(i->name, SIOCGHWTSTAMP, &config) &&
	       config.rx_filter == HWTSTAMP_FILTER_NONE;
}

static bool check(const struct link *i, int clock, GError **error)
{
	struct ethtool device;

	ethtool_read(i, &device);
	if (clock < 0)
		return fail(error,
			    "the NIC of \"%s\" has no clock for received frames; use "
			    "--time-stamp-type host",
			    i->name);
	if (device.hides_times)
		return fail(error,
			    "the driver of \"%s\" does not pass time stamps to XDP programs; use "
			    "--time-stamp-type host",
			    i->name);
	if (is_off(i))
		return fail(error,
			    "the NIC of \"%s\" has receive time stamps turned off; run "
			    "\"hwstamp_ctl -i %s -r 1\", or use --time-stamp-type host",
			    i->name, i->name);
	return true;
}

int phc_open(const struct link *i, GError **error)
{
	int fd, clock = find_clock(i);
	g_autofree char *path = g_strdup_printf("/dev/ptp%d", clock);

	if (!check(i, clock, error))
		return -1;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fail_errno(error, errno,
			   "cannot read %s, the PTP clock of \"%s\"; run as root, or use "
			   "--time-stamp-type host",
			   path, i->name);
	return fd;
}
