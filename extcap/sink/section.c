/* SPDX-License-Identifier: MIT */
#include <glib.h>

#include "extcap/sink/section.h"
#include "extcap/system/host.h"

void section_init(struct section *s)
{
	s->hardware = host_hardware();
	s->os = host_os();
	s->section = (struct pcapng_section){
		.hardware = s->hardware,
		.os = s->os,
		.userappl = "xdptap " XDPTAP_VERSION,
	};
}

void section_done(struct section *s)
{
	g_free(s->hardware);
	g_free(s->os);
}
