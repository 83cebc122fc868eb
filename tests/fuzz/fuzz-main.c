/* SPDX-License-Identifier: MIT */
/* fuzz-main.c - runs a fuzz target on files without a fuzzer, so that corpora are ordinary tests */
#include <glib.h>

#include "tests/fuzz/target.h"

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		g_autofree char *data = NULL;
		gsize len;

		if (!g_file_get_contents(argv[i], &data, &len, NULL))
			return 2;
		LLVMFuzzerTestOneInput((uint8_t *)data, len);
	}
	return argc < 2 ? 2 : 0;
}
