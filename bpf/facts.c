/* SPDX-License-Identifier: MIT */
/*
 * Facts that hold as long as the kernel runs, so each is determined once. CO-RE could find the offset of a
 * bit field too, but an object with CO-RE relocations does not load on a kernel without BTF.
 */
#include <bpf/btf.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "bpf/facts.h"

#define DEPTH 4 /* of anonymous structs and unions in sk_buff: 2 in Linux 6.18 */

bool facts_is_realtime(const char *version)
{
	/* kernel: init/Makefile, preempt-flag; "PREEMPT RT" in the patches for Linux 5.2 and older */
	return strstr(version, "PREEMPT_RT") || strstr(version, "PREEMPT RT");
}

bool facts_is_preemptible(void)
{
	struct utsname name;

	return uname(&name) < 0 || facts_is_realtime(name.version);
}

uint32_t facts_netns(void)
{
	struct stat s;

	return stat("/proc/thread-self/ns/net", &s) == 0 ? (uint32_t)s.st_ino : 0;
}

/*
 * The offset in bits of a named member, also in anonymous structs and unions. Its size is that of a bit
 * field, or 0. -ENOENT: there is none.
 */
static int find_bits(const struct btf *btf, __u32 id, const char *member, __u32 size, int depth)
{
	const struct btf_type *type = btf__type_by_id(btf, id);

	for (__u32 i = 0; type && btf_is_composite(type) && i < btf_vlen(type); i++) {
		const struct btf_member *m = &btf_members(type)[i];
		const char *name = btf__name_by_offset(btf, m->name_off);
		int bits = (int)btf_member_bit_offset(type, i), inside;

		if (name && strcmp(name, member) == 0)
			return btf_member_bitfield_size(type, i) == size ? bits : -ENOENT;
		if ((name && *name) || !depth)
			continue;
		inside = find_bits(btf, m->type, member, size, depth - 1);
		if (inside >= 0)
			return bits + inside;
	}
	return -ENOENT;
}

/* All three, or none: then ret->network stays 0. */
static void find_network_header(const struct btf *btf, __u32 id, struct wire_skb_config *ret)
{
	int head = find_bits(btf, id, "head", 0, DEPTH),
	    data = find_bits(btf, id, "data", 0, DEPTH);
	int network = find_bits(btf, id, "network_header", 0, DEPTH),
	    mac_len = find_bits(btf, id, "mac_len", 0, DEPTH);

	if (head < 0 || data < 0 || network < 0)
		return;
	ret->head = (__u32)head / 8;
	ret->data = (__u32)data / 8;
	ret->network = (__u32)network / 8;
	ret->mac_len = mac_len < 0 ? 0 : (__u32)mac_len / 8;
}

int facts_find_skb(const struct btf *btf, struct wire_skb_config *ret)
{
	__s32 id = btf__find_by_name_kind(btf, "sk_buff", BTF_KIND_STRUCT);
	int bits = id < 0 ? -ENOENT : find_bits(btf, (__u32)id, "ip_summed", 2, DEPTH);

	if (id >= 0)
		find_network_header(btf, (__u32)id, ret);

	if (bits < 8)
		return -ENOENT;
	ret->offset = (__u32)bits / 8;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	ret->shift = (__u32)bits % 8;
#else
	ret->shift = 6 - (__u32)bits % 8; /* counted from the other end */
#endif
	return ret->shift <= 6 ? 0 : -ENOENT;
}

const struct wire_skb_config *facts_skb(void)
{
	static struct wire_skb_config skb;
	static bool is_known;
	struct btf *btf;

	if (is_known)
		return &skb;
	is_known = true;
	btf = btf__load_vmlinux_btf();
	if (btf && facts_find_skb(btf, &skb) < 0)
		skb.offset = 0;
	btf__free(btf);
	return &skb;
}
