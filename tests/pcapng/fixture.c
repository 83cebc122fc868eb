/* SPDX-License-Identifier: MIT */
/* fixture.c - a writer with a sink in memory */
#include "tests/pcapng/fixture.h"

void set_up_with(struct fixture *f, const struct pcapng_writer_config *config)
{
	struct pcapng_writer_config sized = config ? *config : (struct pcapng_writer_config){ 0 };

	sized.size = sizeof(sized);
	f->sink.bytes = g_byte_array_new();
	g_assert_cmpint(pcapng_writer_new(NULL, &sized, sink_output, &f->sink, &f->w), ==, 0);
	g_assert_cmpint(pcapng_writer_add_interface(f->w,
						    &(struct pcapng_interface){ .linktype = 1 },
						    NULL),
			==, 0);
	g_assert_cmpint(pcapng_writer_flush(f->w), ==, 0);
}

void set_up(struct fixture *f, gconstpointer data)
{
	set_up_with(f, NULL);
}

void tear_down(struct fixture *f, gconstpointer data)
{
	pcapng_writer_free(f->w);
	g_byte_array_unref(f->sink.bytes);
}

uint8_t payload[300000];

int add(struct fixture *f, uint32_t caplen)
{
	return pcapng_writer_add_packet(f->w, &(struct pcapng_packet){ .data = payload,
								       .caplen = caplen,
								       .len = caplen });
}

int add_stats(struct fixture *f)
{
	return pcapng_writer_add_stats(f->w, &(struct pcapng_stats){
						     .mask = PCAPNG_STATS_USRDELIV,
						     .usrdeliv = 1,
					     });
}
