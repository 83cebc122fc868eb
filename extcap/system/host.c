/* SPDX-License-Identifier: MIT */
/*
 * Reads the processor model, the software versions, and how much memory there is; see host.h.
 * [Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/memory.rst]
 */
#include <glib.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

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

/* The number in a file; UINT64_MAX: there is none, or it says "max". */
static uint64_t read_limit(const char *folder, const char *name)
{
	g_autofree char *path = g_build_filename(folder, name, NULL), *text = NULL;
	guint64 n;

	if (!g_file_get_contents(path, &text, NULL, NULL) ||
	    !g_ascii_string_to_unsigned(g_strstrip(text), 10, 0, G_MAXUINT64, &n, NULL))
		return UINT64_MAX;
	return n;
}

/* Limits of a group hold for those below it, too. */
static uint64_t limit_of_path(const char *mount, const char *group, const char *name)
{
	g_autofree char *folder = g_build_filename(mount, group, NULL);
	uint64_t limit = UINT64_MAX;

	while (strlen(folder) >= strlen(mount)) {
		char *slash;

		limit = MIN(limit, read_limit(folder, name));
		slash = strrchr(folder, '/');
		if (!slash)
			break;
		*slash = '\0';
	}
	return limit;
}

static bool has_memory(const char *controllers)
{
	g_auto(GStrv) names = g_strsplit(controllers, ",", -1);

	return g_strv_contains((const char *const *)names, "memory");
}

/* "0::/user.slice" is of version 2, "4:cpu,memory:/user.slice" of version 1. */
static uint64_t limit_of_line(const char *mount, char *line)
{
	g_autofree char *v1 = g_build_filename(mount, "memory", NULL);
	g_auto(GStrv) fields = g_strsplit(line, ":", 3);

	if (g_strv_length(fields) != 3)
		return UINT64_MAX;
	if (!*fields[1])
		return limit_of_path(mount, fields[2], "memory.max");
	return has_memory(fields[1]) ? limit_of_path(v1, fields[2], "memory.limit_in_bytes")
				     : UINT64_MAX;
}

uint64_t host_cgroup_limit(const char *groups, const char *mount)
{
	g_auto(GStrv) lines = NULL;
	g_autofree char *text = NULL;
	uint64_t limit = UINT64_MAX;

	if (!g_file_get_contents(groups, &text, NULL, NULL))
		return limit;
	lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line; line++)
		limit = MIN(limit, limit_of_line(mount, *line));
	return limit;
}

uint64_t host_memory(void)
{
	uint64_t ram = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);

	return MIN(ram, host_cgroup_limit("/proc/self/cgroup", "/sys/fs/cgroup"));
}
