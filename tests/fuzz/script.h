/* SPDX-License-Identifier: MIT */
/*
 * script.h - any bytes taken as a script of calls to the writer
 *
 * Fuzzing feeds it what it likes; the model test feeds it random bytes and compares what the files
 * say with what the calls said.
 */
#ifndef TESTS_FUZZ_SCRIPT_H
#define TESTS_FUZZ_SCRIPT_H

#include <glib.h>
#include <stdint.h>

/*
 * Runs the script. *file gets the bytes that were written; *model (NULL: not asked) one line for
 * each block, made from the calls that were accepted: "EPB 0 TS CAPLEN LEN HEX option=value...".
 */
void script_run(const uint8_t *script, size_t len, GByteArray *file, GString *model);

#endif /* TESTS_FUZZ_SCRIPT_H */
