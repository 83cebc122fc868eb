/* SPDX-License-Identifier: MIT */
/* What keeps the PHC of bpf/device/phc.c from being used, in a sentence. */
#include <errno.h>
#include <fcntl.h>

#include "bpf/device/phc.h"
#include "extcap/net/nic/phc.h"
#include "extcap/net/nic/ethtool.h"
#include "extcap/system/error.h"

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
	if (phc_is_off(i->name))
		return fail(error,
			    "the NIC of \"%s\" has receive time stamps turned off; run "
			    "\"hwstamp_ctl -i %s -r 1\", or use --time-stamp-type host",
			    i->name, i->name);
	return true;
}

int phc_open(const struct link *i, GError **error)
{
	int fd, clock = phc_find(i->name);
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
