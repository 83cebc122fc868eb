/* SPDX-License-Identifier: MIT */
/* What an interface can do, as far as the kernel tells without attaching anything. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bpf/device/device.h"
#include "bpf/device/driver.h"
#include "bpf/device/phc.h"
#include "bpf/program.h"
#include "bpf/xdptap/journal.h"
#include "bpf/xdptap/refusal.h"
#include "bpf/xdptap/sized.h"

#define BIT(n) (1u << (n))

SIZED_ENDS_WITH(xdptap_interface, phc);
_Static_assert(sizeof(((struct xdptap_interface *)0)->name) >= IF_NAMESIZE, "names are longer");
_Static_assert(sizeof(((struct xdptap_interface *)0)->program_name) >= PROGRAM_NAME,
	       "names are longer");

static void read_program(const struct device *d, struct xdptap_interface *ret)
{
	struct tap_program p = { 0 };

	if (program_list(d->index, &p, 1) < 1 || !p.id)
		return;
	ret->program_id = p.id;
	ret->program_mode = (enum xdptap_mode)p.mode;
	memcpy(ret->program_name, p.name, sizeof(p.name));
	(void)refusal_find_obstacle(d, ret->obstacle, sizeof(ret->obstacle));
	if (p.has_btf || !*p.name) /* without privilege nobody knows */
		ret->points |= BIT(XDPTAP_TRACE);
}

/* What mode AUTO avoids. */
static void read_cost(const struct device *d, struct xdptap_interface *ret)
{
	struct driver driver;

	driver_read(d, &driver);
	if (driver.cost)
		(void)snprintf(ret->cost, sizeof(ret->cost), "%s %s", driver.name, driver.cost);
}

/* What XDPTAP_NIC_TIME requires. */
static void read_phc(const struct device *d, struct xdptap_interface *ret)
{
	int number = d->hides_nic_times ? -1 : phc_find(d->name);

	if (number >= 0)
		(void)snprintf(ret->phc, sizeof(ret->phc), "/dev/ptp%d", number);
}

static void read_points(struct device *d, struct xdptap_interface *ret)
{
	ret->points = BIT(XDPTAP_AUTO) | BIT(XDPTAP_TC_INGRESS) | BIT(XDPTAP_TC_EGRESS);
	if (ret->linktype != DEVICE_ETHERNET) {
		(void)snprintf(ret->obstacle, sizeof(ret->obstacle),
			       "frames of \"%s\" have no Ethernet header, which XDP programs need",
			       d->name);
		return;
	}
	device_read_features(d);
	ret->modes = BIT(XDPTAP_MODE_AUTO) | BIT(XDPTAP_MODE_GENERIC) |
		     (d->has_native_xdp ? BIT(XDPTAP_MODE_NATIVE) : 0);
	read_program(d, ret);
	read_cost(d, ret);
	read_phc(d, ret);
	if (!ret->program_id)
		ret->points |= BIT(XDPTAP_XDP);
}

static int query(struct journal *j, const char *name, uint32_t ifindex,
		 struct xdptap_interface *ret)
{
	struct device d;
	int linktype, r = device_find(name, ifindex, &d);

	if (r < 0)
		return refusal_of_device(j, r, name, ifindex);
	linktype = device_linktype(d.type);
	if (d.is_vrf || linktype < 0)
		return refusal_of_type(j, &d);
	*ret = (struct xdptap_interface){ .ifindex = d.index, .linktype = (uint32_t)linktype };
	memcpy(ret->name, d.name, sizeof(d.name));
	read_points(&d, ret);
	return 0;
}

int xdptap_query(const char *interface, uint32_t ifindex, struct xdptap_interface *ret)
{
	struct journal *j = journal_of_thread();
	struct xdptap_interface found;
	int r;

	if (!sized_of(ret))
		return journal_fail(j, -EINVAL, "the size of struct xdptap_interface is not set");
	journal_enter(j);
	r = query(j, interface, ifindex, &found);
	journal_leave();
	if (r == 0)
		sized_write(ret, &found, sizeof(found));
	return r;
}
