/* SPDX-License-Identifier: MIT */
/*
 * What is not reported by drivers is known from the sources of Linux 6.12: below, each driver's row names the
 * function that XDP_SETUP_PROG ends in. xdptap.1 has the same table with limits and offloads. A NIC whose driver
 * has no row is taken for one that is disturbed.
 */
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <string.h>

#include "extcap/net/nic/driver.h"
#include "extcap/net/nic/ethtool.h"
#include "extcap/net/nic/offloads.h"

#define LINK   "takes its link down for a moment when an XDP program is attached or detached"
#define QUEUES "stops its queues for a moment when an XDP program is attached or detached"
#define VF     "may pass the program on to a virtual function, which is set up again"
#define ANY    "may be set up again when an XDP program is attached or detached"

/* kernel: drivers/net/ethernet/…, or as it says */
static const struct {
	const char *name;
	const char *cost; /* NULL: none */
} rows[] = {
	{ "am65-cpsw-nuss", LINK },   /* ti/am65-cpsw-nuss.c, am65_cpsw_xdp_prog_setup() */
	{ "atlantic", LINK },	      /* aquantia/atlantic/aq_main.c, aq_xdp_setup() */
	{ "bnxt_en", LINK },	      /* broadcom/bnxt/bnxt_xdp.c, bnxt_xdp_set() */
	{ "cpsw", NULL },	      /* ti/cpsw_priv.c, cpsw_xdp_prog_setup() */
	{ "ena", LINK },	      /* amazon/ena/ena_xdp.c, ena_xdp_set() */
	{ "fec", QUEUES },	      /* freescale/fec_main.c, fec_enet_bpf() */
	{ "fsl_dpaa2_eth", LINK },    /* freescale/dpaa2/dpaa2-eth.c, dpaa2_eth_setup_xdp() */
	{ "fsl_enetc", QUEUES },      /* freescale/enetc/enetc.c, enetc_reconfigure() */
	{ "gve", LINK },	      /* google/gve/gve_main.c, gve_set_xdp() */
	{ "hv_netvsc", VF },	      /* drivers/net/hyperv/netvsc_bpf.c, netvsc_bpf() */
	{ "i40e", LINK },	      /* intel/i40e/i40e_main.c, i40e_xdp_setup() */
	{ "ice", LINK },	      /* intel/ice/ice_main.c, ice_xdp_setup_prog() */
	{ "igb", LINK },	      /* intel/igb/igb_main.c, igb_xdp_setup() */
	{ "igc", LINK },	      /* intel/igc/igc_xdp.c, igc_xdp_set_prog() */
	{ "ionic", QUEUES },	      /* pensando/ionic/ionic_lif.c, ionic_xdp_config() */
	{ "ixgbe", LINK },	      /* intel/ixgbe/ixgbe_main.c, ixgbe_xdp_setup() */
	{ "ixgbevf", LINK },	      /* intel/ixgbevf/ixgbevf_main.c, ixgbevf_xdp_setup() */
	{ "lan966x-switch", QUEUES }, /* microchip/lan966x/lan966x_xdp.c, lan966x_xdp_setup() */
	{ "mana", NULL },	      /* microsoft/mana/mana_bpf.c, mana_xdp_set() */
	{ "mlx4_en", LINK },	      /* mellanox/mlx4/en_netdev.c, mlx4_xdp_set() */
	{ "mlx5_core", LINK },	/* mellanox/mlx5/core/en_main.c, mlx5e_switch_priv_channels() */
	{ "mvneta", LINK },	/* marvell/mvneta.c, mvneta_xdp_setup() */
	{ "mvpp2", LINK },	/* marvell/mvpp2/mvpp2_main.c, mvpp2_xdp_setup() */
	{ "nfp", LINK },	/* netronome/nfp/nfp_net_common.c, nfp_net_ring_reconfig() */
	{ "qede", LINK },	/* qlogic/qede/qede_main.c, qede_reload() */
	{ "sfc", NULL },	/* sfc/efx.c, efx_xdp_setup_prog() */
	{ "st_gmac", LINK },	/* stmicro/stmmac/stmmac_xdp.c, stmmac_xdp_set_prog() */
	{ "tsnep", NULL },	/* engleder/tsnep_xdp.c, tsnep_xdp_setup_prog() */
	{ "tun", NULL },	/* drivers/net/tun.c, tun_xdp_set() */
	{ "veth", NULL },	/* drivers/net/veth.c, veth_xdp_set() */
	{ "vif", QUEUES },	/* drivers/net/xen-netfront.c, talk_to_netback_xdp() */
	{ "virtio_net", NULL }, /* drivers/net/virtio_net.c, virtnet_xdp_set() */
	{ "vmxnet3", LINK },	/* drivers/net/vmxnet3/vmxnet3_xdp.c, vmxnet3_xdp_set() */
};

/* Whether it has a row; else a cost is assumed. */
static bool find_cost(const char *name, const char **ret)
{
	for (size_t n = 0; n < G_N_ELEMENTS(rows); n++) {
		*ret = rows[n].cost;
		if (g_str_equal(rows[n].name, name))
			return true;
	}
	*ret = ANY;
	return false;
}

/* kernel: include/uapi/linux/virtio_net.h */
enum {
	GUEST_CSUM = 1,
	CTRL_GUEST_OFFLOADS = 2,
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

	for (size_t n = 0; n < G_N_ELEMENTS(any); n++)
		if (has_feature(features, any[n]))
			return true;
	return false;
}

/*
 * virtnet_xdp_set() refuses a program where it cannot turn off what the host merges. Without mergeable buffers,
 * receive_buf() calls receive_big() for a device that merges, and that runs no program.
 */
static bool virtio_runs_programs(const char *features)
{
	bool is_whole = !merges(features);

	if (!has_feature(features, CTRL_GUEST_OFFLOADS) &&
	    !(is_whole && !has_feature(features, GUEST_CSUM)))
		return false;
	return is_whole || has_feature(features, MRG_RXBUF);
}

/* Before Linux 5.14 only the PCI device is known. NULL: not found. */
static char *find_virtio(const char *pci)
{
	g_autofree char *folder = g_build_filename("/sys/bus/pci/devices", pci, NULL);
	g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir)))
		if (g_str_has_prefix(name, "virtio"))
			return g_strdup(name);
	return NULL;
}

/*
 * By the device and not by the interface, as sysfs may show the interfaces of another network namespace. Its
 * transport does not matter (PCI, MMIO, CCW). A device whose features nobody tells may see no frame.
 */
static bool read_virtio(const struct link *i, const char *bus)
{
	g_autofree char *name = i->parent ? g_strdup(i->parent) : find_virtio(bus);
	g_autofree char *path = NULL, *features = NULL;

	if (!name)
		return false;
	path = g_build_filename("/sys/bus/virtio/devices", name, "features", NULL);
	return g_file_get_contents(path, &features, NULL, NULL) && virtio_runs_programs(features);
}

/* Devices of a kind (bridges, VLANs) are software: nothing there is set up again. */
static void read_nic(const struct link *i, enum ethtool_xdp xdp, struct driver *ret)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	const char *cost;

	if (!ethtool_ioctl(i, SIOCETHTOOL, &info))
		return;
	g_strlcpy(ret->name, info.driver, sizeof(ret->name));
	info.bus_info[sizeof(info.bus_info) - 1] = '\0';
	ret->loses_merges = offloads_read(i);
	if (g_str_equal(ret->name, "virtio_net"))
		ret->has_native &= read_virtio(i, info.bus_info);
	if (!find_cost(ret->name, &cost) && xdp == ETHTOOL_XDP_UNKNOWN)
		ret->has_native = false; /* before Linux 6.3 */
	if (ret->has_native && *ret->name)
		ret->cost = cost;
}

void driver_read(const struct link *i, struct driver *ret)
{
	struct ethtool device;

	ethtool_read(i, &device);
	*ret = (struct driver){
		.has_native = device.xdp != ETHTOOL_XDP_GENERIC,
		/* The kernel strips the tags of frames before a device that is stacked on another gets them. */
		.hides_tags = device.hides_tags || i->kind,
	};
	if (!i->kind)
		read_nic(i, device.xdp, ret);
}
