/* SPDX-License-Identifier: MIT */
/* Reads the processor model and the software versions; see host.h. */
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "bpf/tap.h"
#include "extcap/system/host.h"
#include "pcapng/writer.h"

char *host_hardware(void)
{
	struct utsname u = { 0 };
	char line[256], *value = NULL;
	FILE *f = fopen("/proc/cpuinfo", "re");

	while (f && !value && fgets(line, sizeof(line), f)) {
		char *colon = strchr(line, ':');

		if (colon && g_str_has_prefix(line, "model name"))
			value = g_strdup(g_strstrip(colon + 1));
	}
	if (f)
		fclose(f);
	(void)uname(&u);
	return value ? value : g_strdup(u.machine);
}

char *host_os(void)
{
	struct utsname u = { 0 };

	(void)uname(&u);
	return g_strdup_printf("%s %s", u.sysname, u.release);
}

const char *host_versions(void)
{
	static char text[128];

	snprintf(text, sizeof(text), "xdptap %s\nlibpcapng-writer %s\nlibbpf %s\n", XDPTAP_VERSION,
		 pcapng_writer_version(), tap_version());
	return text;
}
