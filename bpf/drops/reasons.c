/* SPDX-License-Identifier: MIT */
/*
 * A reason is a number: the subsystem in its upper half, the reason there in its lower. The core's are in
 * enum skb_drop_reason, and enum skb_drop_reason_subsys lists the subsystems. Each of those has an enum
 * of its own, whose name ends like the core's, in the kernel or in a module that is called as the
 * subsystem: MAC80211_UNUSABLE is mac80211's.
 */
#include <bpf/btf.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/drops/reasons.h"

#define SUBSYSTEM_SHIFT 16
#define CORE_PREFIX	"SKB_DROP_REASON_"
#define SUBSYSTEMS	CORE_PREFIX "SUBSYS_"
#define ENUM_SUFFIX	"drop_reason"
#define NAME_MAX_LEN	64

/*
 * What happens to packets of which nobody misses one: they have been received, are duplicates, were
 * meant for another host, or end with their connection.
 */
static const char *const harmless[] = {
	"CONSUMED",  "TCP_OLD_ACK", "TCP_OFOMERGE", "TCP_RESET", "TCP_CLOSE",
	"OTHERHOST", "QUEUE_PURGE", "SOCKET_CLOSE", "DUP_FRAG",
};

static bool is_harmless(const char *name)
{
	for (size_t i = 0; i < sizeof(harmless) / sizeof(*harmless); i++)
		if (strcmp(harmless[i], name) == 0)
			return true;
	return false;
}

static int add(struct reasons *r, uint32_t value, const char *name)
{
	struct reason *grown = realloc(r->list, (r->n + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	r->list = grown;
	grown[r->n] = (struct reason){ value, strdup(name), is_harmless(name) };
	return grown[r->n].name ? (r->n++, 0) : -ENOMEM;
}

static const char *without_prefix(const char *name)
{
	size_t len = strlen(CORE_PREFIX);

	return strncmp(name, CORE_PREFIX, len) == 0 ? name + len : name;
}

/* The first ones are no reasons to drop, and the last ones only mark the end. */
static bool is_core_reason(const char *name)
{
	return strncmp(name, CORE_PREFIX, strlen(CORE_PREFIX)) == 0 &&
	       strcmp(name, CORE_PREFIX "MAX") != 0 && strcmp(name, CORE_PREFIX "SUBSYS_MASK") != 0;
}

static int add_core(struct reasons *r, const struct btf *btf)
{
	int id = btf__find_by_name_kind(btf, "skb_drop_reason", BTF_KIND_ENUM), e = 0;
	const struct btf_type *type = id < 0 ? NULL : btf__type_by_id(btf, (__u32)id);

	if (!type)
		return -ENOSYS;
	for (int i = 0; i < btf_vlen(type) && e == 0; i++) {
		const struct btf_enum *one = &btf_enum(type)[i];
		const char *name = btf__name_by_offset(btf, one->name_off);

		if (is_core_reason(name))
			e = add(r, (uint32_t)one->val, without_prefix(name));
	}
	return e;
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), of_end = strlen(end);

	return len >= of_end && strcmp(text + len - of_end, end) == 0;
}

/* Adds the reasons of this subsystem from an enum that may have others, too. */
static int add_enum(struct reasons *r, const struct btf *btf, const struct btf_type *type,
		    uint32_t subsystem)
{
	int e = 0;

	for (int i = 0; i < btf_vlen(type) && e == 0; i++) {
		uint32_t value = (uint32_t)btf_enum(type)[i].val;
		const char *name = btf__name_by_offset(btf, btf_enum(type)[i].name_off);

		/* The first value is the subsystem's own number, the base of the others. */
		if (value >> SUBSYSTEM_SHIFT == subsystem && value & 0xffff &&
		    !reasons_find_value(r, value))
			e = add(r, value, name);
	}
	return e;
}

static int add_enums(struct reasons *r, const struct btf *btf, uint32_t first, uint32_t subsystem)
{
	int e = 0;

	for (uint32_t id = first; id < btf__type_cnt(btf) && e == 0; id++) {
		const struct btf_type *type = btf__type_by_id(btf, id);

		if (btf_is_enum(type) &&
		    ends_with(btf__name_by_offset(btf, type->name_off), ENUM_SUFFIX))
			e = add_enum(r, btf, type, subsystem);
	}
	return e;
}

/* The BTF of the module that is called as the subsystem, or as it without its last words. */
static struct btf *load_module(struct btf *kernel, const char *subsystem)
{
	char name[NAME_MAX_LEN] = "";
	struct btf *btf = NULL;
	char *end;

	for (size_t i = 0; i < sizeof(name) - 1 && subsystem[i]; i++)
		name[i] = (char)tolower((unsigned char)subsystem[i]);
	while (!btf) {
		btf = btf__load_module_btf(name, kernel);
		end = strrchr(name, '_');
		if (!end)
			break;
		*end = '\0';
	}
	return btf;
}

static int add_subsystem(struct reasons *r, struct btf *kernel, const char *name, uint32_t number)
{
	struct btf *module = load_module(kernel, name);
	int e;

	if (!module)
		return add_enums(r, kernel, 1, number);
	e = add_enums(r, module, btf__type_cnt(kernel), number);
	btf__free(module);
	return e;
}

/* The first one is the core, and the last one only counts them. */
static int add_subsystems(struct reasons *r, struct btf *btf)
{
	int id = btf__find_by_name_kind(btf, "skb_drop_reason_subsys", BTF_KIND_ENUM), e = 0;
	const struct btf_type *type = id < 0 ? NULL : btf__type_by_id(btf, (__u32)id);

	for (int i = 1; type && i + 1 < btf_vlen(type) && e == 0; i++) {
		const struct btf_enum *one = &btf_enum(type)[i];
		const char *name = btf__name_by_offset(btf, one->name_off);

		if (strncmp(name, SUBSYSTEMS, strlen(SUBSYSTEMS)) == 0)
			e = add_subsystem(r, btf, name + strlen(SUBSYSTEMS), (uint32_t)one->val);
	}
	return e;
}

/* The number of the tracepoint's arguments; its prototype has one more, which is the tracer's own. */
static int count_arguments(const struct btf *btf)
{
	int id = btf__find_by_name_kind(btf, "btf_trace_kfree_skb", BTF_KIND_TYPEDEF);
	const struct btf_type *type = id < 0 ? NULL : btf__type_by_id(btf, (__u32)id);

	if (type)
		type = btf__type_by_id(btf, type->type);
	if (type && btf_is_ptr(type))
		type = btf__type_by_id(btf, type->type);
	return type && btf_is_func_proto(type) ? btf_vlen(type) - 1 : 0;
}

/* Linux 6.1 and newer do not run a raw tracepoint's program while it is running, and count that. */
static bool counts_misses(const struct btf *btf)
{
	return btf__find_by_name_kind(btf, "bpf_prog_inc_misses_counter", BTF_KIND_FUNC) > 0;
}

static int compare(const void *a, const void *b)
{
	const struct reason *x = a, *y = b;

	return x->value < y->value ? -1 : x->value > y->value;
}

int reasons_read(struct reasons *ret)
{
	struct btf *btf = btf__load_vmlinux_btf();
	int e = -ENOSYS;

	*ret = (struct reasons){ 0 };
	if (btf && count_arguments(btf) >= 3 && counts_misses(btf))
		e = add_core(ret, btf);
	if (e == 0) {
		ret->has_socket = count_arguments(btf) > 3;
		e = add_subsystems(ret, btf);
	}
	btf__free(btf);
	if (e == 0)
		qsort(ret->list, ret->n, sizeof(*ret->list), compare);
	return e;
}

void reasons_done(struct reasons *r)
{
	for (size_t i = 0; i < r->n; i++)
		free(r->list[i].name);
	free(r->list);
	*r = (struct reasons){ 0 };
}

const struct reason *reasons_find(const struct reasons *r, const char *name)
{
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->list[i].name, name) == 0)
			return &r->list[i];
	return NULL;
}

const struct reason *reasons_find_value(const struct reasons *r, uint32_t value)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->list[i].value == value)
			return &r->list[i];
	return NULL;
}

int reasons_get(const struct reasons **ret)
{
	static struct reasons known;
	static int e = -EAGAIN;

	if (e == -EAGAIN)
		e = reasons_read(&known);
	*ret = &known;
	return e;
}
