/* SPDX-License-Identifier: MIT */
/*
 * What is not reported by drivers is known from the sources of Linux 6.12: below, each driver's row names the
 * function that XDP_SETUP_PROG ends in. xdptap.1 has the same table with limits and offloads. A NIC whose driver
 * has no row is taken for one that is disturbed.
 */
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "bpf/device/driver.h"
#include "bpf/device/offloads.h"
#include "bpf/device/virtio.h"

#define LINK   "takes its link down for a moment when an XDP program is attached or detached"
#define QUEUES "stops its queues for a moment when an XDP program is attached or detached"
#define QUEUED                                                                                     \
	"drops what waits in its queues without a checksum or merged, when an XDP program is attached"
#define VF  "may pass the program on to a virtual function, which is set up again"
#define ANY "may be set up again when an XDP program is attached or detached"

/* kernel: drivers/net/ethernet/…, or as it says */
static const struct {
	const char *name;
	const char *cost; /* NULL: none */
} rows[] = {
	{ "am65-cpsw-nuss", LINK },   /* ti/am65-cpsw-nuss.c, am65_cpsw_xdp_prog_setup() */
	{ "atlantic", LINK },	      /* aquantia/atlantic/aq_main.c, aq_xdp_setup() */
	{ "bnxt_en", LINK },	      /* broadcom/bnxt/bnxt_xdp.c, bnxt_xdp_set() */
	{ "cpsw", NULL },	      /* ti/cpsw_priv.c, cpsw_xdp_prog_setup() */
	{ "cpsw-switch", NULL },      /* the same */
	{ "ena", LINK },	      /* amazon/ena/ena_xdp.c, ena_xdp_set() */
	{ "fec", QUEUES },	      /* freescale/fec_main.c, fec_enet_bpf() */
	{ "fsl_dpa", LINK },	      /* freescale/dpaa/dpaa_eth.c, dpaa_setup_xdp() */
	{ "fsl_dpaa2_eth", LINK },    /* freescale/dpaa2/dpaa2-eth.c, dpaa2_eth_setup_xdp() */
	{ "fsl_enetc", QUEUES },      /* freescale/enetc/enetc.c, enetc_reconfigure() */
	{ "fsl_enetc_vf", QUEUES },   /* the same */
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
	{ "mlx5_core", LINK },	  /* mellanox/mlx5/core/en_main.c, mlx5e_switch_priv_channels() */
	{ "mtk_soc_eth", LINK },  /* mediatek/mtk_eth_soc.c, mtk_xdp_setup() */
	{ "mvneta", LINK },	  /* marvell/mvneta.c, mvneta_xdp_setup() */
	{ "mvpp2", LINK },	  /* marvell/mvpp2/mvpp2_main.c, mvpp2_xdp_setup() */
	{ "netsec", LINK },	  /* socionext/netsec.c, netsec_xdp_setup() */
	{ "nfp", LINK },	  /* netronome/nfp/nfp_net_common.c, nfp_net_ring_reconfig() */
	{ "nfp_netvf", LINK },	  /* the same */
	{ "nicvf", LINK },	  /* cavium/thunder/nicvf_main.c, nicvf_xdp_setup() */
	{ "qede", LINK },	  /* qlogic/qede/qede_main.c, qede_reload() */
	{ "rvu-nicpf", LINK },	  /* marvell/octeontx2/nic/otx2_pf.c, otx2_xdp_setup() */
	{ "rvu-nicvf", LINK },	  /* the same */
	{ "sfc", NULL },	  /* sfc/efx.c, efx_xdp_setup_prog() */
	{ "sfc_siena", NULL },	  /* sfc/siena/efx.c, efx_xdp_setup_prog() */
	{ "st_gmac", LINK },	  /* stmicro/stmmac/stmmac_xdp.c, stmmac_xdp_set_prog() */
	{ "st_mac100", LINK },	  /* the same */
	{ "st_xgmac", LINK },	  /* the same */
	{ "tsnep", NULL },	  /* engleder/tsnep_xdp.c, tsnep_xdp_setup_prog() */
	{ "tun", NULL },	  /* drivers/net/tun.c, tun_xdp_set() */
	{ "veth", NULL },	  /* drivers/net/veth.c, veth_xdp_set() */
	{ "vif", QUEUES },	  /* drivers/net/xen-netfront.c, talk_to_netback_xdp() */
	{ "virtio_net", QUEUED }, /* drivers/net/virtio_net.c, virtnet_xdp_set() */
	{ "vmxnet3", LINK },	  /* drivers/net/vmxnet3/vmxnet3_xdp.c, vmxnet3_xdp_set() */
};

#define N_ROWS (sizeof(rows) / sizeof(*rows))

/* Whether it has a row; else a cost is assumed. */
static bool find_cost(const char *name, const char **ret)
{
	for (size_t n = 0; n < N_ROWS; n++) {
		*ret = rows[n].cost;
		if (strcmp(rows[n].name, name) == 0)
			return true;
	}
	*ret = ANY;
	return false;
}

/* What it costs, and whether native mode is of any use, depends on what the host offers. */
static void read_virtio(const struct device *d, const char *pci, struct driver *ret)
{
	struct virtio virtio;

	virtio_read(d->parent, pci, &virtio);
	ret->has_native &= virtio.runs_programs;
	if (!virtio.is_incomplete)
		ret->cost = NULL;
}

/* Devices of a kind (bridges, VLANs) are software: nothing there is set up again. */
static void read_nic(const struct device *d, struct driver *ret)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	const char *cost;

	if (!device_ioctl(d->name, SIOCETHTOOL, &info))
		return;
	(void)snprintf(ret->name, sizeof(ret->name), "%.*s", (int)sizeof(info.driver) - 1,
		       info.driver);
	info.bus_info[sizeof(info.bus_info) - 1] = '\0';
	ret->loses_merges = offloads_read(d->name);
	if (!find_cost(ret->name, &cost) && !d->has_features)
		ret->has_native = false; /* before Linux 6.3 */
	if (*ret->name)
		ret->cost = cost;
	if (strcmp(ret->name, "virtio_net") == 0)
		read_virtio(d, info.bus_info, ret);
	if (!ret->has_native)
		ret->cost = NULL;
}

void driver_read(const struct device *device, struct driver *ret)
{
	struct ethtool_value flags = { .cmd = ETHTOOL_GFLAGS };
	struct device d = *device;

	device_read_features(&d);
	*ret = (struct driver){
		.has_native = !(d.has_features && !d.has_native_xdp),
		/* The kernel strips the tags of frames before a device that is stacked on another gets them. */
		.hides_tags = d.has_kind || (device_ioctl(d.name, SIOCETHTOOL, &flags) &&
					     flags.data & ETH_FLAG_RXVLAN),
	};
	/*
	 * A program in native mode on a bond sees what its inactive port gets, too, and while it is there no port can
	 * be added that has no native mode or a program of its own.
	 */
	if (d.is_bond)
		ret->has_native = false;
	if (!d.has_kind)
		read_nic(&d, ret);
}

bool driver_allows_native(const struct driver *d)
{
	return d->has_native && !d->cost;
}

bool driver_may_try_again(int r)
{
	return r < 0 && r != -EBUSY && r != -ENODEV && r != -EPERM && r != -E2BIG && r != -ENOSYS &&
	       r != -ENOSPC && r != -EMFILE;
}

void driver_avoid_native(const struct driver *d, bool may_use_tc, struct tap_target *target)
{
	if (may_use_tc && (d->hides_tags || d->loses_merges))
		target->point = &point_tc_ingress;
	target->mode = TAP_MODE_GENERIC;
}
