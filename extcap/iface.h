/* SPDX-License-Identifier: MIT */
/*
 * The machine's network interfaces, as the kernel lists them. Needs no privilege.
 */
#ifndef XDPTAP_EXTCAP_IFACE_H
#define XDPTAP_EXTCAP_IFACE_H

#include <glib.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

enum iface_xdp { /* kernel: include/uapi/linux/if_link.h, XDP_ATTACHED_* */
		 IFACE_XDP_NONE,
		 IFACE_XDP_NATIVE,
		 IFACE_XDP_GENERIC,
		 IFACE_XDP_OFFLOADED,
};

#define IFACE_ANY "any" /* the name that stands for all that are up */

#define IFACE_LINKTYPE 1 /* LINKTYPE_ETHERNET: the only one we capture */

struct iface {
	unsigned int index;
	char name[IF_NAMESIZE];
	char *alias; /* what the administrator calls it; NULL: nothing */
	char *kind;  /* "veth", "bridge"; NULL: real hardware, mostly */
	bool is_up;  /* administratively */
	bool is_running;
	bool has_mac;
	uint8_t mac[6];
	unsigned int type;   /* ARPHRD_* */
	unsigned int master; /* index of the bridge or bond that it is a member of; 0: none */
	uint32_t xdp_id;     /* program on its XDP hook, 0: none */
	enum iface_xdp xdp;
};

void iface_free(struct iface *i);
static inline void iface_freep(struct iface **i)
{
	iface_free(*i);
}
/* All interfaces, in the kernel's order, as struct iface *; NULL when netlink fails. */
GPtrArray *iface_list(GError **error);
/* The one of that name; NULL and a sentence where there is none. */
struct iface *iface_find(const char *name, GError **error);
/* The one of that index; NULL and a sentence where it is gone. */
struct iface *iface_find_index(unsigned int index, GError **error);
/* The linktype of what a tap sees there, or -1 where we cannot capture. */
int iface_linktype(const struct iface *i);
/* "veth" or "ixgbe 5.1 (0000:01:00.0)"; NULL where the driver does not say. */
char *iface_driver(const struct iface *i);
/*
 * The XDP program on it, "12 my_firewall native"; the name only with privilege. Behind libxdp's
 * dispatcher also those that it calls: ", 14 mine, 17 other". NULL: none.
 */
char *iface_xdp_program(const struct iface *i);

/* A program that can be traced. */
struct iface_program {
	char value[11];	   /* its number */
	char display[128]; /* for people */
};

/* Those on the interface of that name, as struct iface_program *; none where it is not there. */
GPtrArray *iface_programs(const char *name);
/* A descriptor that becomes readable when a link is added, changed or deleted; -1 with errno. */
int iface_watch_open(void);
/* Reads away what is there to read; true where a link changed or there was too much to tell. */
bool iface_watch_read(int fd);
/* bit/s; 0: unknown. */
uint64_t iface_speed_bps(const struct iface *i);
/* An ioctl of netdevice(7) on it, whose data the kernel reads and fills. Whether it worked. */
bool iface_ioctl(const struct iface *i, unsigned long request, void *data);

#endif
