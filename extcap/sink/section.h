/* SPDX-License-Identifier: MIT */
#ifndef XDPTAP_EXTCAP_SINK_SECTION_H
#define XDPTAP_EXTCAP_SINK_SECTION_H

#include "pcapng/writer.h"

/* What every section of ours begins with: program and machine. The strings are owned by the caller. */
struct section {
	char *hardware, *os;
	struct pcapng_section section;
};
void section_init(struct section *s);
void section_done(struct section *s);

#endif
