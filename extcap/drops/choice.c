/* SPDX-License-Identifier: MIT */
/* Names are compared with the running kernel's: there is no list of ours that could be out of date. */
#include <errno.h>

#include "extcap/drops/choice.h"
#include "extcap/system/error.h"

static const struct reasons *get(GError **error)
{
	const struct reasons *reasons;
	int r = reasons_get(&reasons);

	if (r == 0)
		return reasons;
	if (r == -ENOSYS)
		fail(error,
		     "this kernel does not say why it drops packets: Linux 6.1 or newer, with "
		     "BTF, is needed");
	else
		fail_errno(error, -r, "cannot read the kernel's reasons for drops");
	return NULL;
}

static void add(struct choice_of_reasons *c, const struct reason *reason)
{
	g_array_append_val(c->values, reason->value);
}

/* Adds the named ones, in any case and with or without the prefix that the kernel's sources use. */
static bool add_names(struct choice_of_reasons *c, const struct reasons *reasons,
		      const char *option, const char *list, GError **error)
{
	g_auto(GStrv) names = g_strsplit(list, ",", -1);

	for (char **n = names; *n; n++) {
		g_autofree char *upper = g_ascii_strup(*n, -1);
		const struct reason *reason = reasons_find(reasons, upper);

		if (!reason && g_str_has_prefix(upper, "SKB_DROP_REASON_"))
			reason = reasons_find(reasons, upper + strlen("SKB_DROP_REASON_"));
		if (!reason)
			return fail_usage(error,
					  "--%s: this kernel has no reason \"%.60s\"; "
					  "--list-reasons lists them",
					  option, *n);
		add(c, reason);
	}
	return true;
}

static void add_harmless(struct choice_of_reasons *c, const struct reasons *reasons)
{
	for (size_t i = 0; i < reasons->n; i++)
		if (reasons->list[i].is_harmless)
			add(c, &reasons->list[i]);
}

/* Netfilter's reason. */
static uint32_t find_hooks(const struct reasons *reasons)
{
	const struct reason *reason = reasons_find(reasons, "NETFILTER_DROP");

	return reason ? reason->value : 0;
}

bool choice_read(struct choice_of_reasons *c, const struct config *config, GError **error)
{
	const struct reasons *reasons = get(error);

	*c = (struct choice_of_reasons){ .values = g_array_new(false, false, sizeof(uint32_t)) };
	if (!reasons)
		return false;
	c->has_socket = reasons->has_socket;
	c->of_hooks = find_hooks(reasons);
	c->is_listed = config->reasons != NULL;
	if (config->reasons)
		return add_names(c, reasons, "reason", config->reasons, error);
	add_harmless(c, reasons);
	return !config->not_reasons ||
	       add_names(c, reasons, "not-reason", config->not_reasons, error);
}

void choice_done(struct choice_of_reasons *c)
{
	g_clear_pointer(&c->values, g_array_unref);
}

struct point_drop choice_target(const struct choice_of_reasons *c)
{
	return (struct point_drop){
		.reasons = (const uint32_t *)(const void *)c->values->data,
		.n_reasons = c->values->len,
		.is_listed = c->is_listed,
		.has_socket = c->has_socket,
		.of_hooks = c->of_hooks,
	};
}

bool choice_print(FILE *to, GError **error)
{
	const struct reasons *reasons = get(error);

	for (size_t i = 0; reasons && i < reasons->n; i++)
		fprintf(to, "%s%s\n", reasons->list[i].name,
			reasons->list[i].is_harmless ? " (only if named)" : "");
	return reasons;
}
