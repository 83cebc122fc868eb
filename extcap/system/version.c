/* SPDX-License-Identifier: MIT */
/* Asks each part for its version; see version.h. */
#include <stdio.h>

#include "bpf/tap.h"
#include "extcap/system/version.h"
#include "pcapng/writer.h"

const char *version_text(void)
{
	static char text[128];

	snprintf(text, sizeof(text), "xdptap %s\nlibpcapng-writer %s\nlibbpf %s\n", XDPTAP_VERSION,
		 pcapng_writer_version(), tap_version());
	return text;
}
