/* SPDX-License-Identifier: MIT */
/*
 * The machine's network interfaces, as the kernel lists them. Needs no privilege.
 */
#ifndef XDPTAP_EXTCAP_NET_LINK_H
#define XDPTAP_EXTCAP_NET_LINK_H

#include <glib.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

enum link_xdp { /* kernel: include/uapi/linux/if_link.h, XDP_ATTACHED_* */
		LINK_XDP_NONE,
		LINK_XDP_NATIVE,
		LINK_XDP_GENERIC,
		LINK_XDP_OFFLOADED,
};

#define LINK_ANY "any" /* the name that stands for all that are up */

#define LINK_LINKTYPE 1 /* LINKTYPE_ETHERNET: the only one we capture */

struct link {
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
	enum link_xdp xdp;
};

void link_free(struct link *i);
static inline void link_freep(struct link **i)
{
	link_free(*i);
}
/* All interfaces, in the kernel's order, as struct link *; NULL when netlink fails. */
GPtrArray *link_list(GError **error);
/* The one of that name; NULL and a sentence where there is none. */
struct link *link_find(const char *name, GError **error);
/* The one of that index; NULL and a sentence where it is gone. */
struct link *link_find_index(unsigned int index, GError **error);
/* The linktype of what a tap sees there, or -1 where we cannot capture. */
int link_linktype(const struct link *i);
/* "veth" or "ixgbe 5.1 (0000:01:00.0)"; NULL where the driver does not say. */
char *link_driver(const struct link *i);
/*
 * The XDP program on it, "12 my_firewall native"; the name only with privilege. Behind libxdp's
 * dispatcher also those that it calls: ", 14 mine, 17 other". NULL: none.
 */
char *link_xdp_program(const struct link *i);

/* A program that can be traced. */
struct link_program {
	char value[11];	   /* its number */
	char display[128]; /* for people */
};

/* Those on the interface of that name, as struct link_program *; none where it is not there. */
GPtrArray *link_programs(const char *name);
/* A descriptor that becomes readable when a link is added, changed or deleted; -1 with errno. */
int link_watch_open(void);
/* Reads away what is there to read; true where a link changed or there was too much to tell. */
bool link_watch_read(int fd);
/* bit/s; 0: unknown. */
uint64_t link_speed_bps(const struct link *i);
/* An ioctl of netdevice(7) on it, whose data the kernel reads and fills. Whether it worked. */
bool link_ioctl(const struct link *i, unsigned long request, void *data);

#endif
