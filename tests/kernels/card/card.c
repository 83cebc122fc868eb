/* SPDX-License-Identifier: MIT */
/*
 * A network card with a clock for a machine that has none: veth, but that it says through ethtool that
 * it has a clock, and tells XDP programs by that clock when a frame came. The card keeps a frame to
 * itself for a while before it hands it over, and its clock is neither set nor very exact. Whether it
 * stamps frames at all it says only if it does not.
 */
#include <linux/ethtool.h>
#include <linux/kprobes.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/net_tstamp.h>
#include <linux/ptp_clock_kernel.h>
#include <linux/uaccess.h>

#define AHEAD_NS (24ULL * 3600 * NSEC_PER_SEC)
#define TOO_FAST 20 /* by one part of so many */

static unsigned int late_ns;
module_param(late_ns, uint, 0644);
MODULE_PARM_DESC(late_ns, "how long ago a frame came that is handed over");
static bool is_silent;
module_param(is_silent, bool, 0644);
MODULE_PARM_DESC(is_silent, "does not tell the time of a frame");
static bool is_off;
module_param(is_off, bool, 0644);
MODULE_PARM_DESC(is_off, "was not told to stamp frames");

static struct ptp_clock *ptp;

static u64 to_card_ns(u64 ns)
{
	return ns + div_u64(ns, TOO_FAST) + AHEAD_NS;
}

static int read_clock(struct ptp_clock_info *info, struct timespec64 *ret)
{
	*ret = ns_to_timespec64(to_card_ns(ktime_get_ns()));
	return 0;
}

static struct ptp_clock_info clock = {
	.owner = THIS_MODULE,
	.name = "card",
	.gettime64 = read_clock,
};

/* All these functions answer in what their second argument points to. */
static int keep_pointer(struct kretprobe_instance *i, struct pt_regs *regs)
{
	*(unsigned long *)i->data = regs_get_kernel_argument(regs, 1);
	return 0;
}

static int tell_time(struct kretprobe_instance *i, struct pt_regs *regs)
{
	u64 *ret = *(u64 **)i->data;

	if (!is_silent)
		*ret = to_card_ns(ktime_get_ns() - late_ns);
	return 0;
}

static int tell_clock(struct kretprobe_instance *i, struct pt_regs *regs)
{
	struct kernel_ethtool_ts_info *ret = *(struct kernel_ethtool_ts_info **)i->data;

	ret->so_timestamping |= SOF_TIMESTAMPING_RX_HARDWARE | SOF_TIMESTAMPING_RAW_HARDWARE;
	ret->phc_index = ptp_clock_index(ptp);
	return 0;
}

static int tell_setting(struct kretprobe_instance *i, struct pt_regs *regs)
{
	const struct ifreq *request = *(struct ifreq **)i->data;
	const struct hwtstamp_config none = { .rx_filter = HWTSTAMP_FILTER_NONE };

	if (is_off && copy_to_user_nofault(request->ifr_data, &none, sizeof(none)) == 0)
		regs_set_return_value(regs, 0);
	return 0;
}

#define PROBE(function, answer)                                                                    \
	{                                                                                          \
		.kp.symbol_name = (function), .entry_handler = keep_pointer, .handler = (answer),  \
		.data_size = sizeof(unsigned long)                                                 \
	}

static struct kretprobe time_probe = PROBE("veth_xdp_rx_timestamp", tell_time);
static struct kretprobe clock_probe = PROBE("ethtool_op_get_ts_info", tell_clock);
static struct kretprobe setting_probe = PROBE("dev_eth_ioctl", tell_setting);
static struct kretprobe *probes[] = { &time_probe, &clock_probe, &setting_probe };

static int __init card_init(void)
{
	int r;

	ptp = ptp_clock_register(&clock, NULL);
	if (IS_ERR(ptp))
		return PTR_ERR(ptp);
	r = register_kretprobes(probes, ARRAY_SIZE(probes));
	if (r)
		ptp_clock_unregister(ptp);
	return r;
}

static void __exit card_exit(void)
{
	unregister_kretprobes(probes, ARRAY_SIZE(probes));
	ptp_clock_unregister(ptp);
}

module_init(card_init);
module_exit(card_exit);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_DESCRIPTION("veth with a clock");
