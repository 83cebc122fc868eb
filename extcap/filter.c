/* SPDX-License-Identifier: MIT */
/* Compiles expressions with libpcap, without a live handle: no privilege, no Linux extensions. */
#include <pcap/pcap.h>

#include "bpf/tap.h"
#include "extcap/error.h"
#include "extcap/filter.h"

bool filter_check(const char *expression, int linktype, GError **error)
{
	pcap_t *dead = pcap_open_dead(linktype, TAP_SNAPLEN_MAX);
	struct bpf_program program = { 0 };
	bool ok;

	if (!dead)
		return fail(error, "libpcap: out of memory");
	ok = pcap_compile(dead, &program, expression, 1, PCAP_NETMASK_UNKNOWN) == 0;
	if (ok)
		pcap_freecode(&program);
	/* libpcap's optimizer finds that nothing can match: a filter like any other. */
	else if (g_str_equal(pcap_geterr(dead), "expression rejects all packets"))
		ok = true;
	else
		fail(error, "%s", pcap_geterr(dead));
	pcap_close(dead);
	return ok;
}
