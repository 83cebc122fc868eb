/* SPDX-License-Identifier: MIT */
/* Which captures to standard output capture the ssh connection that carries it. */
#include <string.h>

#include "extcap/terminal/ssh.h"

#define HERE "192.0.2.1 50022 127.0.0.1 22" /* the loopback device has its server's address */

static char *warning(const char *connection, const char *interface, const char *filter,
		     const char *output)
{
	struct config config;
	char *text;

	options_init(&config);
	g_ptr_array_add(config.interfaces, g_strdup(interface));
	config.filter = g_strdup(filter);
	config.output = g_strdup(output);
	g_setenv("SSH_CONNECTION", connection, true);
	text = ssh_warning(&config);
	options_done(&config);
	return text;
}

static void check(bool is_warned, const char *connection, const char *interface, const char *filter,
		  const char *output)
{
	g_autofree char *text = warning(connection, interface, filter, output);

	g_assert_cmpint(!!text, ==, is_warned);
	if (text)
		g_assert_nonnull(strstr(text, "-f 'not (host 192.0.2.1 and port 50022)'"));
}

static void test_filters(void)
{
	check(true, HERE, "lo", NULL, "-");
	check(true, HERE, "lo", "tcp", "-");
	check(true, HERE, "lo", "src port 22", "-");
	check(true, HERE, "any", "host 192.0.2.1", "-");
	check(false, HERE, "lo", "not port 22", "-");
	check(false, HERE, "lo", "udp", "-");
	check(false, HERE, "lo", "ip6", "-");
	check(false, HERE, "lo", "not (host 192.0.2.1 and port 50022)", "-");
	check(false, HERE, "lo", "no filter at all (", "-"); /* an error of its own */
}

static void test_elsewhere(void)
{
	check(false, HERE, "eth77", NULL, "-");
	check(false, HERE, "lo", NULL, "file");
	check(false, "192.0.2.1 50022 192.0.2.2 22", "lo", NULL, "-");
	check(false, "", "lo", NULL, "-");
	check(false, "x y z w", "lo", NULL, "-");
	check(false, "192.0.2.1 50022 ::1 22", "lo", NULL, "-");
}

int main(int argc, char **argv)
{

	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ssh/filters", test_filters);
	g_test_add_func("/ssh/elsewhere", test_elsewhere);
	return g_test_run();
}
