/* SPDX-License-Identifier: MIT */
/* Reads the model of the processor and the kernel's version; see host.h. */
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "extcap/system/host.h"

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
