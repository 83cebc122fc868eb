/* SPDX-License-Identifier: MIT */
#include "tests/bpf/filter/expressions.h"

/* clang-format off */
const char *const expressions[] = {
	/* pcap-filter(7), in its order */
	"dst host 192.168.1.2", "src host 10.0.0.1", "host 10.0.0.1", "ip host 10.0.0.1",
	"arp host 10.0.0.1", "rarp host 10.0.0.1", "ip6 host 2001:db8::1", "host 2001:db8::1",
	"dst host 2001:db8::2", "src host fe80::1", "ether proto \\ip and host 10.0.0.1",
	"ether dst 02:00:11:22:33:44", "ether src 02:00:55:66:77:88", "ether host 0200.1122.3344",
	"ether host ff:ff:11:22:33:44 and not host 10.0.0.1", "dst net 192.168.1", "src net 10",
	"net 192.168", "net 10.0.0.0 mask 255.0.0.0", "src net 192.168.1.0 mask 255.255.255.0",
	"net 10.0.0.0/9", "dst net 224.0.0.0/4", "net 2001:db8::/32", "src net fe80::/10",
	"dst net 2001:db8::/127", "net 0.0.0.0/0", "dst port 443", "src port 53", "port 80",
	"port domain", "tcp dst port 443", "udp src port 53", "tcp port 443", "udp port 53",
	"sctp port 80", "dst portrange 400-500", "src portrange 1024-65535", "portrange 1-100",
	"tcp portrange 440-450", "udp dst portrange 0-65535", "port 0", "port 65535",
	"less 60", "greater 60", "less 14", "greater 9014", "len > 100", "len == 118", "len != 54",
	"ip proto 6", "ip proto \\tcp", "ip proto 89", "ip proto 255", "icmp", "ip6 proto 58",
	"ip6 proto \\udp", "icmp6", "proto 17", "proto 6", "ah", "esp", "pim", "sctp", "tcp", "udp",
	"igmp", "igrp", "vrrp", "carp", "ether broadcast", "broadcast", "ether multicast", "multicast",
	"ip multicast", "ip6 multicast", "ether proto 0x88cc", "ether proto \\arp",
	"ether proto \\ip6", "ether proto loopback", "ether proto 0x42", "ether proto 1536",
	"ip", "ip6", "arp", "rarp", "atalk", "aarp", "decnet", "iso", "stp", "ipx", "netbeui",
	"lat", "moprc", "mopdl", "ether proto \\sca", "decnet src 1.2", "decnet dst 4.1",
	"decnet host 10.123", "llc", "llc i", "llc s", "llc u", "llc rr", "llc rnr", "llc rej",
	"llc ui", "llc ua", "llc disc", "llc sabme", "llc test", "llc xid", "llc frmr",
	"vlan", "vlan 42", "vlan 0", "vlan 100 && vlan 200", "vlan && vlan 300 && ip", "vlan and tcp",
	"vlan and ip6 and udp port 443", "not vlan", "vlan or ip", "tcp or vlan 42",
	"vlan 42 and (tcp or udp)", "vlan and vlan and vlan", "(vlan and tcp) or (vlan and udp)",
	"mpls", "mpls 1024", "mpls 1025", "mpls 100000 && mpls 1024",
	"mpls && mpls 1024 && host 192.9.200.1", "mpls and ip", "mpls and ip6 and tcp",
	"mpls and mpls and udp port 443", "mpls 1024 and mpls 2048 and mpls", "pppoed", "pppoes",
	"pppoes 3", "pppoes 0x27 && ip", "pppoes and ip6", "pppoes and tcp port 443",
	"pppoes 6 and udp", "geneve", "geneve 0xb && ip", "geneve 11", "geneve and ip6",
	"geneve and tcp port 443", "geneve and vlan 42", "geneve 22 and ip host 10.0.0.1",
	"iso proto 0x82", "iso proto \\clnp", "clnp", "esis", "isis", "l1", "l2", "iih", "lsp",
	"snp", "csnp", "psnp", "isis and greater 30",
	/* its data accessors */
	"ether[0] & 1 != 0", "ip[0] & 0xf != 5", "ip[6:2] & 0x1fff = 0", "ip[6] & 0x40 != 0",
	"tcp[0] = 1", "tcp[13] = 0x12", "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0",
	"tcp[tcpflags] == tcp-ack", "tcp[tcpflags] & tcp-rst != 0", "tcp[tcpflags] & tcp-push = tcp-push",
	"tcp[tcpflags] & (tcp-ece|tcp-cwr|tcp-urg) != 0", "icmp[icmptype] != icmp-echo",
	"icmp[icmptype] = icmp-unreach", "icmp[icmpcode] == 3", "icmp[0] = icmp-timxceed",
	"icmp6[icmp6type] = icmp6-echo", "icmp6[icmp6type] == icmp6-neighborsolicit",
	"icmp6[0] = 135 or icmp6[0] = 136", "icmp6[icmp6code] = 0", "udp[4:2] > 30", "udp[8:4] != 0",
	"tcp[4:4] = 1000", "tcp[8:4] < 0x80000000", "ip6[6] = 0", "ip6[40] = 6", "ip6[0:4] & 0xfffff = 0x12345",
	"arp[6:2] = 1", "arp[7] = 2", "rarp[6:2] = 1", "ether[12:2] = 0x0800", "ether[12:2] <= 1500",
	"ether[6:4] = 0x02005566", "link[0] = 2", "igmp[0] = 0x16", "pim[0] = 0x20", "vrrp[1] > 5",
	"sctp[12] = 1", "igrp[0] > 0", "decnet[0] > 1", "atalk[1] > 1", "lat[0] > 0", "moprc[1] = 2",
	"mopdl[1] = 2", "carp[0] = 0x21", "ether[len - 1] = 0", "ether[len - 4:4] > 0x80000000",
	"ether[len] = 0", "ether[100:4] != 0", "ether[0xffff] = 0", "ether[0x10000] = 0",
	"ether[3500:4] > 0x80000000", "ether[3519] & 1 = 0", "ether[9010:4] != 0", "ether[60000:2] > 100",
	"ether[32764:4] > 0x7fffffff", "ether[0xfffffffe:4] = 0", "ether[-1] = 0", "ether[0 - 1] = 0",
	"ip[len - 20] > 7", "tcp[((tcp[12] & 0xf0) >> 2)] = 7",
	"tcp[((tcp[12:1] & 0xf0) >> 2):4] = 0x47455420", "tcp[(tcp[12] >> 2):4] != 0x48545450",
	"udp[udp[4:2] - 1] = 0", "ip[((ip[0] & 0xf) << 2)] = 0", "ip[ip[2:2] - 1] > 100",
	"ether[ether[14] & 0x3f] > 16", "ether[ether[len - 1]:2] > 1000", "ip[0xfffffff0 + 16] = 0x45",
	/* arithmetic */
	"len / 2 = 30", "len % 8 = 2", "len * 3 > 180", "len - 200 > 100", "len + 4294967295 > 60",
	"len ^ 0x55 > 60", "len | 1 = 61", "len & 6 = 6", "len << 3 > 500", "len >> 4 = 3",
	"1 << (len & 63) = 0", "0x80000000 >> (len & 127) = 0", "(ip[8] - 65) > 0x80000000",
	"-ip[8] = 4294967232", "-(len) < 4294967200", "ip[8] / ip[9] = 10", "ip[8] % ip[9] = 4",
	"len / (ip[9] - 6) > 3", "len % (ip[9] - 17) > 3", "ip[8] ^ ip[9] & 3 | ip[10] > 70",
	"ip[12:4] >= 0xc0000000", "ip[12:4] > 0x7fffffff", "ip[16:4] = 0xffffffff", "ip[12:4] = ip[16:4]",
	"ip[12:4] > ip[16:4]", "tcp[0:2] = tcp[2:2]", "udp[0:2] >= udp[2:2]", "tcp[0:2] & tcp[2:2] != 0",
	"(ip[1] << 2) + (ip[8] << 8) - (ip[9] * ip[0]) > 15000", "ip[2:2] - ((ip[0] & 0xf) << 2) > 30",
	"ip[0] + ip[1] + ip[2] + ip[3] + ip[4] + ip[5] + ip[6] + ip[7] > 200",
	"(ip[0] * (ip[1] + (ip[2] * (ip[3] + (ip[8] * ip[9]))))) & 7 = 0",
	"ip[2:2] > len - 14", "ether[0:4] * ether[4:4] > 0x40000000", "len = len", "1 = 1", "1 = 2",
	/* tcpdump(1), and what people copy from each other */
	"net 10.0.0.0/8 and not net 192.168.0.0/16",
	"ip and not net 10.0.0.0/8", "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0 and not src and dst net 10",
	"tcp[tcpflags] & (tcp-rst|tcp-ack) == (tcp-rst|tcp-ack)",
	"tcp port 80 and (((ip[2:2] - ((ip[0]&0xf)<<2)) - ((tcp[12]&0xf0)>>2)) != 0)",
	"host 10.0.0.1 and ip[2:2] > 50", "ether[0] & 1 = 0 and ip[16] >= 224",
	"icmp[icmptype] != icmp-echo and icmp[icmptype] != icmp-echoreply",
	"tcp dst port ftp or ftp-data or domain", "tcp port 21 or 22 or 23 or 25 or 80 or 443",
	"not port 22", "not tcp", "not (tcp or udp)", "not arp and not icmp and not icmp6",
	"not ether host 02:00:11:22:33:44", "! ip6", "tcp && ! port 22 || udp && port 53",
	"ip or ip6", "tcp or udp or sctp", "ip and ip6", "tcp and udp", "ip and arp", "icmp or icmp6",
	"port 67 or port 68", "udp port 67 and port 68", "(port 80 or port 443) and host 10.0.0.1",
	"host 10.0.0.1 and (port 80 or port 443 or portrange 8000-8100)",
	"src host 10.0.0.1 and dst host 192.168.1.2", "src 10.0.0.1 or dst 10.0.0.1",
	"host 10.0.0.1 and not (host 192.168.1.2)", "ip[9] = 6 or ip[9] = 17", "ip proto 1 or 2 or 103",
	"ip6 and ip6[6] = 44", "ip6[6] = 44 and ip6[40] = 17", "icmp6 and ip6[40] = 134",
	"(vlan and (ip or ip6)) or ip or ip6", "arp or rarp or (ip and igmp)", "ether proto 0x88e5 or 0x888e",
	"tcp[13] & 2 != 0 and tcp[13] & 16 == 0", "tcp[2:2] > 1024 and tcp[0:2] < 1024",
	"udp[0:2] = 53 or udp[2:2] = 53 or tcp[0:2] = 53 or tcp[2:2] = 53",
	"(udp and (udp[8:4] & 0xff000000 = 0x20000000)) or (tcp and greater 80)",
	"tcp port 443 and host 10.0.0.1 or udp port 443 and host fe80::1 or icmp or icmp6 or arp",
	"port 1 or 2 or 3 or 4 or 5 or 6 or 7 or 8 or 9 or 10 or 11 or 12 or 13 or 14 or 15 or 443",
	"host 1.1.1.1 or 1.1.1.2 or 1.1.1.3 or 1.1.1.4 or 1.1.1.5 or 1.1.1.6 or 1.1.1.7 or 192.168.1.2",
	"net 1.0.0.0/8 or 2.0.0.0/8 or 3.0.0.0/8 or fe80::/16 or 172.16.0.0/12 or 192.168.0.0/16",
	NULL
};
/* clang-format on */

static const char *pick(GRand *random, const char *const *from, guint n)
{
	return from[g_rand_int_range(random, 0, (gint32)n)];
}

#define PICK(random, array) pick(random, array, G_N_ELEMENTS(array))

/* A number, with a preference for the limits. */
static guint32 number(GRand *random)
{
	static const guint32 edges[] = { 0,	 1,	     2,		 4,	    6,	  8,
					 14,	 17,	     31,	 32,	    0x40, 0xff,
					 0xffff, 0x7fffffff, 0x80000000, 0xffffffff };
	guint32 small = (guint32)g_rand_int_range(random, 0, 256);

	switch (g_rand_int_range(random, 0, 4)) {
	case 0: return edges[g_rand_int_range(random, 0, G_N_ELEMENTS(edges))];
	case 1: return g_rand_int(random);
	default: return small;
	}
}

/* A term of an arithmetic expression, at most "depth" operators deep. */
static char *arithmetic(GRand *random, int depth)
{
	static const char *const protos[] = { "ether", "ip",   "ip6", "tcp",
					      "udp",   "icmp", "arp", "sctp" };
	static const char *const sizes[] = { "", ":1", ":2", ":4" };
	static const char *const operators[] = {
		"+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>"
	};
	g_autofree char *a = NULL, *b = NULL;

	switch (depth ? g_rand_int_range(random, 0, 6) : g_rand_int_range(random, 0, 3)) {
	case 0: return g_strdup_printf("%u", number(random));
	case 1: return g_strdup("len");
	case 2:
		return g_strdup_printf("%s[%d%s]", PICK(random, protos),
				       g_rand_int_range(random, 0, 64), PICK(random, sizes));
	case 3:
		a = arithmetic(random, depth - 1);
		return g_strdup_printf("%s[%s & 63%s]", PICK(random, protos), a,
				       PICK(random, sizes));
	default:
		a = arithmetic(random, depth - 1);
		b = arithmetic(random, depth - 1);
		return g_strdup_printf("(%s %s %s)", a, PICK(random, operators), b);
	}
}

static char *primitive(GRand *random)
{
	static const char *const relations[] = { ">", "<", ">=", "<=", "=", "!=" };
	static const char *const tags[] = { "vlan",    "mpls",	    "pppoes",
					    "vlan 42", "mpls 1024", "geneve" };
	static const char *const sides[] = { "", "src ", "dst " };
	static const char *const transports[] = { "", "tcp ", "udp ", "sctp " };
	g_autofree char *a = NULL, *b = NULL;
	int kind = g_rand_int_range(random, 0, 10);

	if (kind < 4) /* the fixed ones that stand alone well: the first 180 or so */
		return g_strdup(expressions[g_rand_int_range(random, 0, 180)]);
	if (kind == 4)
		return g_strdup(PICK(random, tags));
	if (kind == 5)
		return g_strdup_printf("%s%sport %d", PICK(random, transports), PICK(random, sides),
				       g_rand_boolean(random) ? 443
							      : g_rand_int_range(random, 0, 65536));
	if (kind == 6)
		return g_strdup_printf("%snet 10.0.0.0/%d", PICK(random, sides),
				       g_rand_int_range(random, 7, 13));
	if (kind == 7)
		return g_strdup_printf("%snet 2001:db8::/%d", PICK(random, sides),
				       g_rand_int_range(random, 30, 33));
	a = arithmetic(random, 3);
	b = arithmetic(random, 1);
	return g_strdup_printf("%s %s %s", a, PICK(random, relations), b);
}

static char *compound(GRand *random, int depth)
{
	static const char *const joints[] = { "and", "or", "or", "and not", "or not" };
	g_autofree char *a = NULL, *b = NULL;

	if (depth == 0 || g_rand_int_range(random, 0, 5) == 0)
		return primitive(random);
	a = compound(random, depth - 1);
	b = compound(random, depth - 1);
	return g_strdup_printf("(%s) %s (%s)", a, PICK(random, joints), b);
}

char *expression_make(GRand *random)
{
	return compound(random, g_rand_int_range(random, 0, 4));
}
