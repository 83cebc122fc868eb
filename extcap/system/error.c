/* SPDX-License-Identifier: MIT */
/* The program's error domain; see error.h. */
#include "extcap/system/error.h"

G_DEFINE_QUARK(xdptap - error - quark, xdptap_error)

G_GNUC_PRINTF(3, 0)
static void set(GError **error, enum xdptap_error code, const char *format, va_list args)
{
	g_autoptr(GError) e = g_error_new_valist(XDPTAP_ERROR, (int)code, format, args);

	g_propagate_error(error, g_steal_pointer(&e));
}

bool fail(GError **error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	set(error, XDPTAP_ERROR_FAILED, format, args);
	va_end(args);
	return false;
}

bool fail_usage(GError **error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	set(error, XDPTAP_ERROR_USAGE, format, args);
	va_end(args);
	return false;
}

bool fail_errno(GError **error, int err, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	return fail(error, "%s: %s", text, g_strerror(err));
}

int error_exit_status(const GError *error)
{
	if (error->domain == G_OPTION_ERROR)
		return XDPTAP_ERROR_USAGE;
	return error->domain == XDPTAP_ERROR ? error->code : XDPTAP_ERROR_FAILED;
}
