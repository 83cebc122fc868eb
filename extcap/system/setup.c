/* SPDX-License-Identifier: MIT */
/*
 * Everything here depends on the path of the running executable, with links resolved: capabilities
 * belong to a file, and the help page is next to it or under the same prefix.
 */
#include <glob.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "extcap/system/error.h"
#include "extcap/system/privileges.h"
#include "extcap/system/setup.h"

#define CAPABILITIES "cap_net_admin,cap_net_raw,cap_bpf,cap_perfmon+ep"
#define GROUP	     "wireshark" /* Debian's group of users who may run dumpcap */

/* Relative to the folder of the executable: in a build folder, and installed. */
#define HELP_BUILT     "xdptap.html"
#define HELP_INSTALLED "../share/xdptap/xdptap.html"

static char *own_path(void)
{
	char *path = g_file_read_link("/proc/self/exe", NULL);

	return path ? path : g_strdup("xdptap");
}

/* Quotes a word for the shell; most need no quotes. */
static char *quote(const char *path)
{
	if (*path && *path != '-' &&
	    strspn(path, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "/._+-") == strlen(path))
		return g_strdup(path);
	return g_shell_quote(path);
}

bool setup_explain(GError **error)
{
	g_autofree char *path = own_path(), *missing = privileges_missing();
	g_autofree char *quoted = quote(path);
	const char *verb = missing && strchr(missing, ' ') ? "are" : "is";

	if (!missing)
		return fail(error,
			    "the kernel refuses XDP programs although no capability is missing: "
			    "a container, kernel lockdown or a security module forbids them");
	if (privileges_are_withheld())
		return fail(
			error,
			"%s %s missing although %s has the capability to get: it lies on a file "
			"system mounted nosuid, or was started under no_new_privs",
			missing, verb, path);
	return fail(error, "%s %s missing; run as root, or once: sudo setcap " CAPABILITIES " %s",
		    missing, verb, quoted);
}

/* Wireshark looks in one of these: in "libexec" from 4.6 on. */
static void find_extcap_folders(glob_t *ret)
{
	static const char *const places[] = { "lib", "lib/*", "lib64", "libexec" };
	static const char *const prefixes[] = { "/usr", "/usr/local" };
	int append = 0;

	for (size_t i = 0; i < G_N_ELEMENTS(prefixes); i++)
		for (size_t k = 0; k < G_N_ELEMENTS(places); k++) {
			g_autofree char *pattern = g_strdup_printf("%s/%s/wireshark/extcap",
								   prefixes[i], places[k]);

			(void)glob(pattern, append, NULL, ret);
			append = GLOB_APPEND;
		}
}

/* A link for each installed Wireshark that does not find this program. */
static void print_links(FILE *to, const char *quoted)
{
	const char *title = "# Where Wireshark looks for it:\n";
	glob_t folders = { 0 };

	find_extcap_folders(&folders);
	for (size_t i = 0; i < folders.gl_pathc; i++) {
		g_autofree char *link = g_build_filename(folders.gl_pathv[i], "xdptap", NULL);
		g_autofree char *name = quote(link);

		if (g_file_test(link, G_FILE_TEST_EXISTS))
			continue;
		fprintf(to, "%sln -sf %s %s\n", title, quoted, name);
		title = "";
	}
	globfree(&folders);
}

void setup_print(FILE *to)
{
	g_autofree char *path = own_path(), *quoted = quote(path);
	const struct passwd *p = getpwuid(getuid());
	g_autofree char *user = p && p->pw_uid ? quote(p->pw_name) : g_strdup("USER");

	fprintf(to,
		"# Once, as root (xdptap --setup | sudo sh): members of the group " GROUP
		" may then\n# capture, and nobody else may run this file.\n"
		"groupadd -f -r " GROUP "\n"
		"chown root:" GROUP " %s\n"
		"chmod 750 %s\n"
		"setcap " CAPABILITIES " %s\n",
		quoted, quoted, quoted);
	print_links(to, quoted);
	fprintf(to,
		"# For each of them, who then has to log in again:\n"
		"%susermod -a -G " GROUP " %s\n",
		p && p->pw_uid ? "" : "# ", user);
}

/* The URL of that file, relative to our own folder; NULL if it does not exist. */
static char *url_of(const char *folder, const char *name)
{
	g_autofree char *joined = g_build_filename(folder, name, NULL);
	g_autofree char *path = realpath(joined, NULL);

	return path ? g_filename_to_uri(path, NULL, NULL) : NULL;
}

char *setup_help(void)
{
	g_autofree char *path = own_path(), *folder = g_path_get_dirname(path);
	char *url = url_of(folder, HELP_BUILT);

	return url ? url : url_of(folder, HELP_INSTALLED);
}
