/* SPDX-License-Identifier: MIT */
/* Promiscuous mode that ends with the process; see promisc.h. */
#include <linux/if_packet.h>
#include <sys/socket.h>

#include "extcap/net/promisc.h"

int promisc_open(void)
{
	return socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0); /* protocol 0: receives no frame */
}

bool promisc_add(int fd, unsigned int ifindex)
{
	const struct packet_mreq request = {
		.mr_ifindex = (int)ifindex,
		.mr_type = PACKET_MR_PROMISC,
	};

	return setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &request, sizeof(request)) == 0;
}
