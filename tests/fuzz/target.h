/* SPDX-License-Identifier: MIT */
/*
 * target.h - what libFuzzer calls
 */
#ifndef TESTS_FUZZ_TARGET_H
#define TESTS_FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#endif /* TESTS_FUZZ_TARGET_H */
