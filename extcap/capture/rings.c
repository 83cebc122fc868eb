/* SPDX-License-Identifier: MIT */
/* How much memory the kernel gets for frames, and for which CPUs. */
#include <errno.h>
#include <sys/resource.h>

#include "extcap/capture/attach.h"
#include "extcap/capture/rings.h"
#include "extcap/net/link.h"
#include "extcap/process/chosen.h"
#include "extcap/process/owners.h"
#include "extcap/system/error.h"
#include "extcap/system/privileges.h"
#include "extcap/system/setup.h"

#define SLOTS_OF_ANY 4096u

/* Each interface keeps one open for each direction. */
static void allow_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* For "any" there is room for as many interfaces again as there are, and more where they are few. */
static uint32_t count_slots(const struct config *config)
{
	g_autoptr(GPtrArray) links = attach_is_any(config) ? link_list(NULL) : NULL;

	return links ? MIN(MAX(SLOTS_OF_ANY, 4 * links->len), TAP_SLOTS_MAX) : 0;
}

bool rings_prepare(struct tap **ret, const struct config *config, GError **error)
{
	struct tap_config tap = {
		.ring_size = config->buffer_mib << 20,
		.slots = count_slots(config),
		.has_many = attach_is_any(config),
	};
	const char *why;
	int r;

	allow_descriptors();
	if (!owners_prepare(config, &tap.process, error))
		return false;
	r = tap_new(&tap, ret);
	chosen_done(&tap.process);
	if (r == -EPERM)
		return setup_explain(error);
	if (r == -ENOMEM)
		return fail(error,
			    "not enough memory for %" G_GUINT64_FORMAT
			    " MiB of buffer per CPU; use a smaller --buffer-size",
			    config->buffer_mib);
	why = owners_explain(config, -r);
	if (r < 0 && why)
		return fail(error, "%s", why);
	return r == 0 || fail_errno(error, -r, "cannot create the ring buffers");
}

void rings_add(struct tap *tap)
{
	int r;

	if (!tap_lacks_rings(tap))
		return;
	privileges_raise();
	r = tap_add_rings(tap);
	privileges_lower();
	if (r < 0)
		g_warning("a CPU that came online shares another's ring buffer: %s",
			  g_strerror(-r));
	else
		g_info("a CPU that came online has its own ring buffer");
}
