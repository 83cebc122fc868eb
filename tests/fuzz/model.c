/* SPDX-License-Identifier: MIT */
/*
 * model.c - runs random scripts and saves the files they write and the calls they make
 *
 *	model SEED COUNT FOLDER    FOLDER/0.pcapng, FOLDER/0.model, ...
 */
#include <stdlib.h>

#include "tests/fuzz/script.h"

static void write_one(GRand *random, const char *folder, int number)
{
	g_autoptr(GByteArray) file = g_byte_array_new();
	g_autofree char *stem = g_strdup_printf("%s/%d", folder, number);
	g_autofree char *path = g_strconcat(stem, ".pcapng", NULL);
	g_autofree char *model_path = g_strconcat(stem, ".model", NULL);
	GString *model = g_string_new(NULL);
	uint8_t script[3000];

	for (size_t i = 0; i < sizeof(script); i++)
		script[i] = g_rand_int(random) >> 13;
	script_run(script, g_rand_int_range(random, 100, sizeof(script)), file, model);
	if (!g_file_set_contents(path, (char *)file->data, file->len, NULL) ||
	    !g_file_set_contents(model_path, model->str, model->len, NULL))
		abort();
	g_string_free(model, TRUE);
}

int main(int argc, char **argv)
{
	GRand *random;

	if (argc != 4)
		return 2;
	random = g_rand_new_with_seed(atoi(argv[1]));
	for (int i = 0; i < atoi(argv[2]); i++)
		write_one(random, argv[3], i);
	g_rand_free(random);
	return 0;
}
