/* SPDX-License-Identifier: MIT */
/* From an -errno of bpf/ to a sentence with a remedy: what the user can do is known here. */
#include <errno.h>
#include <net/if_arp.h>

#include "extcap/attach.h"
#include "extcap/cleanup.h"
#include "extcap/error.h"
#include "extcap/filter.h"
#include "extcap/privileges.h"
#include "extcap/setup.h"

static void log_libbpf(const char *text)
{
	g_info("libbpf: %s", text);
}

static bool explain_busy(const struct iface *i, GError **error)
{
	struct tap_program p = { 0 };

	if (tap_find_program(i->index, &p) < 0 || !p.id)
		return fail(error, "the XDP hook of \"%s\" is in use by another program", i->name);
	return fail(
		error,
		"the XDP hook of \"%s\" is in use by program %u \"%s\" (%s mode), which is left "
		"alone; take it off to capture here",
		i->name, p.id, p.name, p.mode == TAP_MODE_GENERIC ? "generic" : "native");
}

static bool explain(const struct config *config, const struct iface *i, int err, GError **error)
{
	g_autofree char *missing = privileges_missing();

	if (err == -EACCES && missing) /* the verifier's word for what takes CAP_PERFMON */
		err = -EPERM;
	switch (err) {
	case -EPERM: return setup_explain(error);
	case -EBUSY: return explain_busy(i, error);
	case -ENODEV: return fail(error, "interface \"%s\" has just disappeared", i->name);
	case -E2BIG:
		return fail(error,
			    "the capture filter is too large for this kernel; shorten it, or "
			    "use a display filter for a part of it");
	case -ENOSYS:
		return fail(error,
			    "this kernel is too old: Linux 5.18 or newer is needed; --point tc "
			    "works here, too");
	}
	if (config->mode == TAP_MODE_NATIVE)
		return fail_errno(
			error, -err,
			"the driver of \"%s\" does not take an XDP program in native mode; "
			"--mode generic or auto works everywhere",
			i->name);
	return fail_errno(error, -err, "cannot attach the XDP program to \"%s\"", i->name);
}

bool attach_prepare(struct tap **ret, const struct config *config, GError **error)
{
	const struct tap_config tap = {
		.ring_size = config->buffer_mib << 20,
		.log = log_libbpf,
	};
	int r = tap_new(&tap, ret);

	if (r == -EPERM)
		return setup_explain(error);
	if (r == -ENOMEM)
		return fail(error,
			    "not enough memory for %" G_GUINT64_FORMAT
			    " MiB of buffer per CPU; choose a smaller --buffer-size",
			    config->buffer_mib);
	return r == 0 || fail_errno(error, -r, "cannot create the buffers");
}

static const char *mode_text(enum tap_mode mode)
{
	if (mode == TAP_MODE_AUTO)
		return "";
	return mode == TAP_MODE_GENERIC ? ", generic mode" : ", native mode";
}

/* Puts one program in place and adds to *how what it is. 0 or -errno. */
static int attach_at(struct tap *tap, const struct config *config, const struct iface *i,
		     const struct filter *filter, const struct point *point, GString *how)
{
	const struct tap_target target = {
		.ifindex = i->index,
		.point = point,
		.mode = (enum tap_mode)config->mode,
		.snaplen = (uint32_t)config->snaplen,
		.filter = filter->insns,
		.n_filter = filter->n,
	};
	enum tap_mode mode;
	int r = tap_attach(tap, &target, &mode);

	if (r == 0)
		g_string_append_printf(how, "%s%s frames at %s%s", how->len ? "; " : "",
				       point->is_egress ? "sent" : "received", point->name,
				       mode_text(mode));
	return r;
}

static int attach_ingress(struct tap *tap, const struct config *config, const struct iface *i,
			  const struct filter *filter, GString *how)
{
	int r;

	if (config->point == POINT_TC)
		return attach_at(tap, config, i, filter, &point_tc_ingress, how);
	r = attach_at(tap, config, i, filter, &point_xdp, how);
	if (r != -EBUSY || config->point != POINT_AUTO)
		return r;
	g_info("%s: another XDP program is attached; taking received frames at tc", i->name);
	return attach_at(tap, config, i, filter, &point_tc_ingress, how);
}

char *attach(struct tap *tap, const struct config *config, const struct iface *i,
	     unsigned int *ret_n, GError **error)
{
	/* What the loopback device sends it receives: both directions would show all frames twice. */
	bool is_once = config->direction == DIRECTION_BOTH && i->type == ARPHRD_LOOPBACK;
	g_autoptr(GString) how = g_string_new(NULL);
	_cleanup_(filter_done) struct filter filter = FILTER_NONE;
	int r = 0;

	*ret_n = 0;
	if (iface_linktype(i) < 0) {
		fail(error, "\"%s\" is not an Ethernet device: xdptap cannot capture there",
		     i->name);
		return NULL;
	}
	if (!filter_compile(config->filter, iface_linktype(i), &filter, error)) {
		g_prefix_error(error, "capture filter \"%.100s\": ", config->filter);
		return NULL;
	}
	if (config->direction != DIRECTION_OUT) {
		r = attach_ingress(tap, config, i, &filter, how);
		*ret_n += r == 0;
	}
	if (r == 0 && config->direction != DIRECTION_IN && !is_once) {
		r = attach_at(tap, config, i, &filter, &point_tc_egress, how);
		*ret_n += r == 0;
	}
	if (r < 0) {
		explain(config, i, r, error);
		return NULL;
	}
	g_info("%s: %s", i->name, how->str);
	return g_string_free(g_steal_pointer(&how), false);
}
