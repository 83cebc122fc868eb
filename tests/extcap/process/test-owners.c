/* SPDX-License-Identifier: MIT */
/* Flows in frames cut short at every length, names of cgroups, and when a process is worth telling. */
#include <errno.h>
#include <string.h>

#include "extcap/net/flow.h"
#include "extcap/net/link.h"
#include "extcap/process/chosen.h"
#include "extcap/process/owners.h"
#include "extcap/process/unit.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char udp4[] =
	"\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02\x08\x00"
	"\x45\x00\x00\x1c\x00\x00\x00\x00\x40\x11\x00\x00\x0a\x00\x00\x01\x0a\x00\x00\x02"
	"\x12\x34\x00\x35\x00\x08\x00\x00";
static const char answer4[] =
	"\x02\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x01\x81\x00\x00\x05\x08\x00"
	"\x46\x00\x00\x20\x00\x00\x00\x00\x40\x11\x00\x00\x0a\x00\x00\x02\x0a\x00\x00\x01"
	"\x01\x01\x01\x01\x00\x35\x12\x34\x00\x08\x00\x00";
static const char udp6[] = "\x60\x00\x00\x00\x00\x10\x3c\x40"
			   "\xfd\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"
			   "\xfd\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02"
			   "\x11\x00\x01\x04\x00\x00\x00\x00\x12\x34\x00\x35\x00\x08\x00\x00";

static bool find(uint16_t linktype, const char *frame, gsize size, struct flow *ret)
{
	return flow_find(linktype, (const uint8_t *)frame, size - 1, ret);
}

static void test_flow(void)
{
	struct flow there, back, six;

	g_assert_true(find(LINK_LINKTYPE_ETHERNET, udp4, sizeof(udp4), &there));
	g_assert_true(find(LINK_LINKTYPE_ETHERNET, answer4, sizeof(answer4), &back));
	g_assert_cmpmem(&there, sizeof(there), &back, sizeof(back));
	g_assert_true(there.has_ports);
	g_assert_true(find(LINK_LINKTYPE_RAW, udp6, sizeof(udp6), &six));
	g_assert_cmpuint(six.protocol, ==, 17);
	g_assert_true(six.has_ports);
	g_assert_false(find(LINK_LINKTYPE_NETLINK, udp4, sizeof(udp4), &six));
}

static void test_short(void)
{
	struct flow flow;

	for (gsize n = 0; n < sizeof(answer4) - 1; n++) {
		g_autofree uint8_t *frame = g_memdup2(answer4, n);

		(void)flow_find(LINK_LINKTYPE_ETHERNET, frame, n, &flow);
		if (n < 46)
			g_assert_false(flow.has_ports);
	}
	for (gsize n = 0; n < sizeof(udp6) - 1; n++) {
		g_autofree uint8_t *frame = g_memdup2(udp6, n);

		(void)flow_find(LINK_LINKTYPE_RAW, frame, n, &flow);
		if (n < 52)
			g_assert_false(flow.has_ports);
	}
}

static void assert_unit(const char *name, const char *expected)
{
	g_autofree char *text = unit_text(name);

	g_assert_cmpstr(text, ==, expected);
}

static void test_unit(void)
{
	assert_unit("", NULL);
	assert_unit("/", NULL);
	assert_unit("ssh.service", "unit ssh.service");
	assert_unit("session-3.scope", "unit session-3.scope");
	assert_unit("docker-" ID ".scope", "container 0123456789ab");
	assert_unit(ID, "container 0123456789ab");
	assert_unit("cri-containerd-" ID ".scope", "container 0123456789ab");
	assert_unit("docker-0123.scope", "unit docker-0123.scope");
	assert_unit("mine", "cgroup mine");
	assert_unit("\xff", "cgroup \357\277\275");
}

static struct tap_frame frame_of(uint32_t pid, uint64_t start_ns, const char *name)
{
	struct tap_frame f = {
		.data = (const uint8_t *)udp4,
		.caplen = sizeof(udp4) - 1,
		.mask = TAP_OWNED,
		.owner = { .pid = pid, .start_ns = start_ns },
	};

	g_strlcpy(f.owner.name, name, sizeof(f.owner.name));
	return f;
}

static void assert_text(struct owners *o, uint32_t pid, uint64_t start_ns, const char *name,
			const char *expected)
{
	const struct tap_frame f = frame_of(pid, start_ns, name);
	const char *comments[3] = { "another" };
	struct pcapng_packet packet = { .options = { comments, .n_comments = 1 } };

	owners_tell(o, NULL, LINK_LINKTYPE_ETHERNET, &f, &packet, comments);
	g_assert_cmpuint(packet.options.n_comments, ==, expected ? 2 : 1);
	g_assert_cmpstr(comments[0], ==, expected ? expected : "another");
	g_assert_cmpuint(packet.pid, ==, pid);
	g_assert_cmpuint(packet.mask, ==, pid ? PCAPNG_PACKET_PROCESS : 0);
	owners_told(o, 0);
}

static void test_changes(void)
{
	const struct config config = { .has_process = true };
	struct owners *o = owners_new(&config);

	assert_text(o, 0, 0, "", "process: not known");
	assert_text(o, 0, 0, "", NULL);
	assert_text(o, 7, 1, "first", "process: first (pid 7, uid 0)");
	assert_text(o, 7, 1, "first", NULL);
	assert_text(o, 7, 2, "first", "process: first (pid 7, uid 0)"); /* the same number again */
	assert_text(o, 7, 2, "other", "process: other (pid 7, uid 0)");
	assert_text(o, 0, 0, "", "process: not known");
	assert_text(o, 7, 2, "other", NULL); /* as on the loopback device, where two take turns */
	assert_text(o, 0, 0, "", NULL);
	assert_text(o, 7, 1, "first", "process: first (pid 7, uid 0)");
	owners_forget(o);
	assert_text(o, 7, 2, "\xff", "process: \357\277\275 (pid 7, uid 0)");
	owners_free(o);
}

/* A new file begins with the packet that is being added: its comment is there once. */
static void test_new_file(void)
{
	const struct config config = { .has_process = true };
	const struct tap_frame f = frame_of(7, 1, "name");
	struct owners *o = owners_new(&config);

	for (int i = 0; i < 2; i++) {
		const char *comments[3] = { "another" };
		struct pcapng_packet packet = { .options = { comments, .n_comments = 1 } };

		owners_tell(o, NULL, LINK_LINKTYPE_ETHERNET, &f, &packet, comments);
		owners_forget(o);
		g_assert_cmpuint(packet.options.n_comments, ==, 2);
		g_assert_cmpstr(comments[0], ==, "process: name (pid 7, uid 0)");
		g_assert_cmpstr(comments[1], ==, "another");
		owners_told(o, i ? -ENOSPC : 0);
	}
	assert_text(o, 7, 1, "name", "process: name (pid 7, uid 0)"); /* it was not written */
	owners_free(o);
}

static void add(GPtrArray *list, const char *value)
{
	g_ptr_array_add(list, g_strdup(value));
}

static void test_chosen(void)
{
	struct tap_process p = { .is_wanted = true };
	struct config config;

	options_init(&config);
	g_assert_false(chosen_is_any(&config));
	add(config.pids, "4711");
	add(config.process_names, "a name of more than 15 bytes");
	add(config.uids, "root");
	add(config.uids, "4000000000");
	g_assert_true(chosen_is_any(&config));
	g_assert_true(chosen_read(&config, &p, NULL));
	g_assert_true(p.is_selective);
	g_assert_cmpuint(p.n_choices, ==, 4);
	g_assert_cmpuint(p.choices[0].number, ==, 4711);
	g_assert_cmpstr(p.choices[1].name, ==, "a name of more ");
	g_assert_cmpuint(p.choices[2].number, ==, 0);
	g_assert_cmpuint(p.choices[3].number, ==, 4000000000u);
	chosen_done(&p);
	options_done(&config);
}

static void assert_refused(gsize list, const char *value)
{
	g_autoptr(GError) error = NULL;
	struct tap_process p = { .is_wanted = true };
	struct config config;

	options_init(&config);
	add(*(GPtrArray **)((char *)&config + list), value);
	g_assert_false(chosen_read(&config, &p, &error));
	g_assert_nonnull(error);
	chosen_done(&p);
	options_done(&config);
}

static void test_refused(void)
{
	static const char *const pids[] = {
		"", "0", "-1", "4194305", "0x10", "1 ", "99999999999999999999"
	};

	for (gsize i = 0; i < G_N_ELEMENTS(pids); i++)
		assert_refused(offsetof(struct config, pids), pids[i]);
	assert_refused(offsetof(struct config, uids), "");
	assert_refused(offsetof(struct config, uids), "no such user");
	assert_refused(offsetof(struct config, uids), "4294967295");
	assert_refused(offsetof(struct config, process_names), "");
}

static void test_off(void)
{
	struct config config;

	options_init(&config);
	g_assert_null(owners_new(&config));
	options_done(&config);
	owners_forget(NULL);
	owners_free(NULL);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/owners/flow", test_flow);
	g_test_add_func("/owners/short", test_short);
	g_test_add_func("/owners/unit", test_unit);
	g_test_add_func("/owners/changes", test_changes);
	g_test_add_func("/owners/new-file", test_new_file);
	g_test_add_func("/owners/chosen", test_chosen);
	g_test_add_func("/owners/refused", test_refused);
	g_test_add_func("/owners/off", test_off);
	return g_test_run();
}
