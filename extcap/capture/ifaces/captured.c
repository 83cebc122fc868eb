/* SPDX-License-Identifier: MIT */
/* What is asked of an interface once, and then remembered. */
#include "extcap/capture/ifaces/captured.h"
#include "extcap/net/nic/ethtool.h"

void captured_free(void *p)
{
	struct captured *one = p;

	link_free(one->link);
	g_free(one->driver);
	g_clear_pointer(&one->ifaces, g_ptr_array_unref);
	g_free(one);
}

struct captured *captured_new(struct tap *tap, const struct config *config, struct filter *filter,
			      uint64_t direction, struct link *link, GError **error)
{
	struct captured *new = g_new0(struct captured, 1);
	struct config directed = *config;

	directed.direction = direction;
	new->link = link;
	new->driver = ethtool_driver(link);
	new->speed_bps = ethtool_speed_bps(link);
	new->ifaces = attach(tap, &directed, filter, link, error);
	if (new->ifaces)
		return new;
	captured_free(new);
	return NULL;
}

bool captured_describe(const struct captured *one, const struct attach_iface *iface,
		       const struct captured_context *about, struct stream *stream, GError **error)
{
	const struct stream_description description = {
		.iface = one->link,
		.driver = one->driver,
		.os = about->os,
		.speed_bps = one->speed_bps,
		.name = iface->name,
		.snaplen = (uint32_t)about->config->snaplen,
		.filter = about->filter,
		.comment = iface->how->str,
		.linktype = iface->linktype,
		.n_slots = iface->n_slots,
	};

	return stream_add(stream, &description, error);
}

bool captured_describe_all(const struct captured *one, const struct captured_context *about,
			   struct stream *stream, GError **error)
{
	for (guint n = 0; n < one->ifaces->len; n++)
		if (!captured_describe(one, one->ifaces->pdata[n], about, stream, error))
			return false;
	return true;
}
