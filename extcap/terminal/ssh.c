/* SPDX-License-Identifier: MIT */
/*
 * Each captured frame of that connection causes another one, so the capture feeds itself. To see whether
 * the user's filter excludes the connection, the filter runs on a frame of the connection.
 */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <pcap/pcap.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "extcap/net/link.h"
#include "extcap/terminal/ssh.h"

#define FRAME_MAX (14 + 40 + 20)
#define MTU_MAX	  65535

struct frame {
	uint8_t data[FRAME_MAX];
	unsigned int len;
};

/* Makes a frame of one direction of the connection; false if an address is malformed. */
static bool make_frame(struct frame *f, const char *const from[2], const char *const to[2])
{
	bool is_v6 = strchr(from[0], ':');
	uint8_t *ip = f->data + 14, *tcp = ip + (is_v6 ? 40 : 20);
	const uint16_t ports[] = { htons((uint16_t)atoi(from[1])), htons((uint16_t)atoi(to[1])) };
	int family = is_v6 ? AF_INET6 : AF_INET;

	*f = (struct frame){ .len = (unsigned int)(tcp + 20 - f->data) };
	memcpy(f->data + 12, is_v6 ? "\x86\xdd" : "\x08\x00", 2);
	ip[0] = is_v6 ? 0x60 : 0x45;
	ip[is_v6 ? 6 : 9] = IPPROTO_TCP;
	memcpy(tcp, ports, sizeof(ports));
	tcp[12] = 0x50;
	tcp[13] = 0x18; /* PSH and ACK */
	return inet_pton(family, from[0], ip + (is_v6 ? 8 : 12)) == 1 &&
	       inet_pton(family, to[0], ip + (is_v6 ? 24 : 16)) == 1;
}

static bool accepts(struct bpf_program *filter, const struct frame *f)
{
	const struct pcap_pkthdr header = { .caplen = f->len, .len = f->len };

	return pcap_offline_filter(filter, &header, f->data);
}

/* c: address and port of the client, then of the server. */
static bool is_captured(const char *expression, char **c)
{
	const char *const client[] = { c[0], c[1] }, *const server[] = { c[2], c[3] };
	struct bpf_program filter = { 0 };
	struct frame in, out;
	pcap_t *dead;
	bool is = false;

	if (!make_frame(&in, client, server) || !make_frame(&out, server, client))
		return false;
	if (!expression)
		return true;
	dead = pcap_open_dead(DLT_EN10MB, MTU_MAX);
	if (pcap_compile(dead, &filter, expression, 1, PCAP_NETMASK_UNKNOWN) == 0) {
		is = accepts(&filter, &in) || accepts(&filter, &out);
		pcap_freecode(&filter);
	}
	pcap_close(dead);
	return is;
}

static bool is_named(const GPtrArray *names, const char *name)
{
	return g_ptr_array_find_with_equal_func((GPtrArray *)names, name, g_str_equal, NULL) ||
	       g_ptr_array_find_with_equal_func((GPtrArray *)names, LINK_ANY, g_str_equal, NULL);
}

static bool has_address(const struct ifaddrs *a, const char *text)
{
	char buffer[INET6_ADDRSTRLEN] = "";

	if (a->ifa_addr && a->ifa_addr->sa_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)a->ifa_addr)->sin_addr, buffer,
			  sizeof(buffer));
	else if (a->ifa_addr && a->ifa_addr->sa_family == AF_INET6)
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)a->ifa_addr)->sin6_addr, buffer,
			  sizeof(buffer));
	return g_str_equal(buffer, text);
}

/* Whether the address belongs to a captured interface. */
static bool is_on(const GPtrArray *names, const char *address)
{
	struct ifaddrs *list = NULL;
	bool found = false;

	if (getifaddrs(&list) < 0)
		return false;
	for (const struct ifaddrs *a = list; a && !found; a = a->ifa_next)
		found = has_address(a, address) && is_named(names, a->ifa_name);
	freeifaddrs(list);
	return found;
}

/* A pipe on standard output may lead into the connection; a file does not. */
static bool is_to_pipe(const struct config *config)
{
	struct stat st;

	return g_str_equal(config->output, "-") && fstat(STDOUT_FILENO, &st) == 0 &&
	       !S_ISREG(st.st_mode);
}

char *ssh_warning(const struct config *config)
{
	const char *connection = g_getenv("SSH_CONNECTION");
	g_auto(GStrv) c = g_strsplit(connection ? connection : "", " ", -1);

	if (g_strv_length(c) != 4 || config->netns || !is_to_pipe(config) ||
	    !is_captured(config->filter, c) || !is_on(config->interfaces, c[2]))
		return NULL;
	return g_strdup_printf("this captures your own ssh connection, which grows with it; leave "
			       "it out with -f 'not (host %s and port %s)'",
			       c[0], c[1]);
}
