/* SPDX-License-Identifier: MIT */
/*
 * script.h - interprets any bytes as a script of calls to the writer
 *
 * The fuzzer passes arbitrary bytes; the model test passes random bytes and compares the files with
 * the calls.
 */
#ifndef TESTS_FUZZ_SCRIPT_H
#define TESTS_FUZZ_SCRIPT_H

#include <glib.h>
#include <stdint.h>

/*
 * Runs the script. *file gets the written bytes; *model (may be NULL) gets one line per accepted
 * block: "EPB 0 TS CAPLEN LEN HEX option=value...".
 */
void script_run(const uint8_t *script, size_t len, GByteArray *file, GString *model);

#endif /* TESTS_FUZZ_SCRIPT_H */
