/* SPDX-License-Identifier: MIT */
#include <inttypes.h>

#include "extcap/capture/changes.h"
#include "extcap/capture/ifaces/statistics.h"

/* How many frames lack the time stamp that was asked for; NULL: none. */
static char *unstamped_text(const struct stream_iface *i)
{
	if (!i->unstamped)
		return NULL;
	return g_strdup_printf("%" PRIu64
			       " frames have a host time stamp because the NIC gave none",
			       i->unstamped);
}

int statistics_add(const struct stream *s, guint number, uint64_t now, struct pcapng_writer *w)
{
	g_autofree char *changes = s->changes ? changes_summary(s->changes) : NULL;
	g_autofree char *unstamped =
		unstamped_text(&g_array_index(s->ifaces, struct stream_iface, number));
	g_autofree char *step = step_text(&s->step);
	g_autofree char *queue = number == 0 ? sink_queue_text(s->sink) : NULL;
	const char *const texts[] = { changes, unstamped, step, queue };
	const char *comments[G_N_ELEMENTS(texts)];
	struct count count = stream_count(s, number);
	struct pcapng_stats isb = {
		.interface = number,
		.mask = PCAPNG_STATS_STARTTIME | PCAPNG_STATS_ENDTIME | PCAPNG_STATS_IFRECV |
			PCAPNG_STATS_IFDROP | PCAPNG_STATS_FILTERACCEPT | PCAPNG_STATS_OSDROP |
			PCAPNG_STATS_USRDELIV,
		.ts = now,
		.starttime = s->started_ns,
		.endtime = now,
		.ifrecv = count.seen,
		.filteraccept = count.accepted,
		.osdrop = count.accepted - count.written,
		.usrdeliv = count.written,
		.options.comments = comments,
	};

	for (size_t n = 0; n < G_N_ELEMENTS(texts); n++)
		if (texts[n])
			comments[isb.options.n_comments++] = texts[n];
	return pcapng_writer_add_stats(w, &isb);
}
