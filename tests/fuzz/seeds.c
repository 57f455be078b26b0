/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seeds.c - runs a fuzz target over files instead of a fuzzer's inputs, so that its
 * seeds (and every finding kept among them) are regression tests with any compiler.
 *
 * Arguments are files, or folders of files. Output is TAP; a crash ends the program.
 */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const char *target;
static unsigned count, failed;

static void
report(bool ok, const char *path, const char *reason)
{
	const char *slash = strrchr(path, '/');

	count++;
	failed += !ok;
	printf("%sok %u - %s: %s%s%s\n", ok ? "" : "not ", count, target,
	    slash != NULL ? slash + 1 : path, reason != NULL ? ": " : "",
	    reason != NULL ? reason : "");
	fflush(stdout);
}

/* The input lies in a block of exactly its size, so that reading past its end is seen. */
static void
run_file(const char *path, size_t size)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = malloc(size + (size == 0));

	if (file == NULL || data == NULL || fread(data, 1, size, file) != size) {
		report(false, path, strerror(errno));
	} else {
		LLVMFuzzerTestOneInput(data, size);
		report(true, path, NULL);
	}
	if (file != NULL)
		fclose(file);
	free(data);
}

static int
is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void
run_path(const char *path)
{
	struct dirent **entries;
	struct stat st;
	int n;

	if (stat(path, &st) != 0) {
		report(false, path, strerror(errno));
		return;
	}
	if (!S_ISDIR(st.st_mode)) {
		run_file(path, (size_t)st.st_size);
		return;
	}
	n = scandir(path, &entries, is_visible, alphasort);
	for (int i = 0; i < n; i++) {
		char *inner;

		if (asprintf(&inner, "%s/%s", path, entries[i]->d_name) < 0)
			abort();
		run_path(inner);
		free(inner);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

int
main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');

	target = slash != NULL ? slash + 1 : argv[0];
	if (strncmp(target, "fuzz_", 5) == 0)
		target += 5;
	for (int i = 1; i < argc; i++)
		run_path(argv[i]);
	printf("1..%u\n", count);
	return count == 0 || failed > 0;
}
