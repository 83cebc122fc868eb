/* SPDX-License-Identifier: MIT */
/*
 * Options for XDP programs, or a filter on Ethernet headers, say nothing about frames that have none; and a
 * pcap file has one link type.
 */
#include "extcap/capture/attach.h"
#include "extcap/capture/ifaces/left-out.h"
#include "extcap/system/cleanup.h"

bool left_out(const struct config *config, const struct link *first, struct filter *filter,
	      const struct link *i)
{
	_cleanup_(filter_unrefp) struct filter *own = NULL;
	g_autoptr(GError) why = NULL;

	if (link_linktype(i) < 0)
		return true;
	if (config->linktype && !filter_is_dlt(config->linktype, link_linktype(i))) {
		g_info("not capturing on \"%s\": its frames have another link type", i->name);
		return true;
	}
	if (config->format == FORMAT_PCAP && first && link_linktype(i) != link_linktype(first)) {
		g_warning("not capturing on \"%s\": its frames have another link type; use "
			  "--format pcapng",
			  i->name);
		return true;
	}
	if (link_is_headerless(i) && attach_needs_xdp(config)) {
		g_warning("not capturing on \"%s\": its frames have no Ethernet header", i->name);
		return true;
	}
	own = filter_for(filter, link_linktype(i), i->index, &why);
	if (!own)
		g_warning("not capturing on \"%s\": %s", i->name, why->message);
	return !own;
}
