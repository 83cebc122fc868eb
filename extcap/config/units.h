/* SPDX-License-Identifier: MIT */
/* Sizes and durations as users type them. */
#ifndef XDPTAP_EXTCAP_CONFIG_UNITS_H
#define XDPTAP_EXTCAP_CONFIG_UNITS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Parses "100k", "1.5G", "64MiB" into bytes: k, M, G and T (or kB…) are powers of 1000, Ki… of 1024. A
 * bare number counts units of `plain` bytes. Returns false if text is malformed, negative or too large.
 */
bool units_parse_size(const char *text, uint64_t plain, uint64_t *ret);
/* Parses "90s", "15m", "1h", "7d" into nanoseconds; a bare number counts seconds. Likewise. */
bool units_parse_duration(const char *text, uint64_t *ret_ns);

#endif
