/* SPDX-License-Identifier: MIT */
/* Names programs and devices, so that whoever reads the sentence knows what to do. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bpf/program.h"
#include "bpf/xdptap/capabilities.h"
#include "bpf/xdptap/refusal.h"

#define OLD "this kernel is too old: XDP requires Linux 5.18, tc 5.10"

static int fail_privileges(struct journal *j, enum xdptap_point point, const char *what)
{
	char text[160];

	capabilities_explain(capabilities_missing(capabilities_of(point)), text, sizeof(text));
	return journal_fail(j, -EPERM, "cannot %s: %s", what, text);
}

int refusal_of_open(struct journal *j, int code, size_t ring_size)
{
	if (code == -EPERM)
		return fail_privileges(j, XDPTAP_XDP, "create the rings");
	if (code == -ENOMEM)
		return journal_fail(j, code, "not enough memory for rings of %zu bytes per CPU",
				    ring_size);
	return journal_fail(j, code, "cannot create the rings: %s", strerror(-code));
}

int refusal_of_struct(struct journal *j, int code, const char *name)
{
	if (code == -E2BIG)
		return journal_fail(
			j, code,
			"struct %s sets a member that this version of the library does not "
			"know",
			name);
	return journal_fail(j, code, "the size of struct %s is not set", name);
}

int refusal_of_device(struct journal *j, int code, const char *name, uint32_t ifindex)
{
	if (code != -ENODEV)
		return journal_fail(j, code, "cannot ask for the interface: %s", strerror(-code));
	if (name)
		return journal_fail(j, code, "there is no interface \"%.128s\"", name);
	return journal_fail(j, code, "there is no interface with the index %u", ifindex);
}

int refusal_of_type(struct journal *j, const struct device *d)
{
	if (d->is_vrf)
		return journal_fail(
			j, -EOPNOTSUPP,
			"frames of the VRF \"%s\" pass neither XDP nor tc there, but at the "
			"interfaces that belong to it",
			d->name);
	return journal_fail(j, -EOPNOTSUPP,
			    "the frames of \"%s\", a device of type %u, are unknown", d->name,
			    d->type);
}

int refusal_of_filter(struct journal *j, int code, size_t culprit)
{
	switch (code) {
	case -ELOOP:
		return journal_fail(j, code, "instruction %zu of the filter jumps backward",
				    culprit);
	case -E2BIG:
		return journal_fail(j, code, "the filter is too large to be translated to eBPF");
	case -EOPNOTSUPP:
		return journal_fail(j, code,
				    "instruction %zu of the filter is none that libpcap generates",
				    culprit);
	case -EINVAL:
		return journal_fail(j, code, "instruction %zu of the filter is invalid", culprit);
	}
	return journal_fail(j, code, "cannot translate the filter: %s", strerror(-code));
}

bool refusal_find_obstacle(const struct device *d, char *text, size_t size)
{
	struct tap_program p = { 0 };

	if (program_list(d->index, &p, 1) < 1 || !p.id)
		return false;
	(void)snprintf(text, size, "XDP program %u%s%s%s (%s mode) is attached to \"%s\"", p.id,
		       *p.name ? " \"" : "", p.name, *p.name ? "\"" : "",
		       p.mode == TAP_MODE_GENERIC ? "generic" : "native", d->name);
	return true;
}

static int fail_busy(struct journal *j, const struct device *d)
{
	char text[160];

	if (refusal_find_obstacle(d, text, sizeof(text)))
		return journal_fail(j, -EBUSY, "%s", text);
	return journal_fail(j, -EBUSY,
			    "a device that \"%s\" belongs to, or that is stacked on it, has an XDP "
			    "program",
			    d->name);
}

static int fail_trace(struct journal *j, int code, const struct device *d)
{
	switch (code) {
	case -EOPNOTSUPP: return journal_fail(j, code, "this kernel refuses to trace XDP programs");
	case -ENODATA:
		return journal_fail(j, -EOPNOTSUPP,
				    "the XDP program on \"%s\" has no BTF and cannot be traced",
				    d->name);
	case -ENOENT:
		return journal_fail(j, code, "there is no such XDP program on \"%s\"", d->name);
	}
	return journal_fail(j, code, "cannot trace the XDP program on \"%s\": %s", d->name,
			    strerror(-code));
}

static int fail_other(struct journal *j, int code, const struct device *d,
		      const struct point *point, const struct xdptap_target *target)
{
	if (target->flags & XDPTAP_NIC_TIME)
		return journal_fail(
			j, code,
			"the driver of \"%s\" does not pass time stamps to XDP programs, or "
			"Linux is older than 6.3",
			d->name);
	if (code == -EOPNOTSUPP && point->is_egress)
		return journal_fail(
			j, code,
			"\"%s\" has the qdisc \"ingress\", where this kernel runs no program "
			"for sent frames",
			d->name);
	if (point->has_modes && target->mode == XDPTAP_MODE_NATIVE)
		return journal_fail(
			j, code,
			"the driver of \"%s\" does not support this XDP program in native "
			"mode: %s",
			d->name, strerror(-code));
	return journal_fail(j, code, "cannot attach the %s program to \"%s\": %s", point->name,
			    d->name, strerror(-code));
}

int refusal_of_attach(struct journal *j, int code, const struct device *d,
		      const struct point *point, const struct xdptap_target *target)
{
	enum xdptap_point wanted = point->traces_program ? XDPTAP_TRACE : XDPTAP_XDP;

	/* EACCES is the verifier's word for what requires CAP_PERFMON. */
	if (code == -EACCES && capabilities_missing(capabilities_of(wanted)))
		code = -EPERM;
	switch (code) {
	case -EPERM: return fail_privileges(j, wanted, "attach");
	case -EBUSY: return fail_busy(j, d);
	case -ENOSYS: return journal_fail(j, code, OLD);
	case -ENOSPC: return journal_fail(j, code, "the tap has as many programs as it can have");
	case -ENODEV:
		if (target->flags & XDPTAP_NIC_TIME)
			return journal_fail(j, -EINVAL, "phc_fd is no PTP hardware clock");
		return journal_fail(j, code, "interface \"%s\" has disappeared", d->name);
	case -E2BIG:
		return journal_fail(j, code, "the filter is too large for this kernel's verifier");
	case -EMFILE: return journal_fail(j, code, "too many open files");
	case -ENOMEM: return journal_fail(j, code, "no memory");
	}
	return point->traces_program ? fail_trace(j, code, d)
				     : fail_other(j, code, d, point, target);
}
