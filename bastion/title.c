/* SPDX-License-Identifier: Apache-2.0 */
/*
 * title.c - the process title: the memory behind argv, which /proc/PID/cmdline shows.
 */
#include "bastion/title.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define PREFIX "postern-bastion: "

static char *area;
static size_t area_size;
static char **kept; /* the arguments, to the end */

static void
free_strings(char **strings)
{
	for (size_t i = 0; strings != NULL && strings[i] != NULL; i++)
		free(strings[i]);
	free(strings);
}

/* NULL when out of memory. */
static char **
copy_strings(char *const *strings)
{
	size_t count = 0;
	char **copy;

	while (strings[count] != NULL)
		count++;
	copy = calloc(count + 1, sizeof(*copy));
	for (size_t i = 0; copy != NULL && i < count; i++)
		if ((copy[i] = strdup(strings[i])) == NULL) {
			free_strings(copy);
			return NULL;
		}
	return copy;
}

char **
bas_title_init(int argc, char **argv)
{
	char **arguments, **environment;
	char *end = NULL;

	if (kept != NULL)
		return kept;
	if (argc < 1)
		return argv;
	/* Only as far as the strings lie one behind the other. */
	for (int i = 0; i < argc && (end == NULL || argv[i] == end); i++)
		end = argv[i] + strlen(argv[i]) + 1;
	for (char **variable = environ; *variable != NULL && *variable == end; variable++)
		end = *variable + strlen(*variable) + 1;
	arguments = copy_strings(argv);
	environment = copy_strings(environ);
	if (arguments == NULL || environment == NULL) {
		free_strings(arguments);
		free_strings(environment);
		return argv;
	}
	environ = environment;
	area = argv[0];
	area_size = (size_t)(end - argv[0]);
	kept = arguments;
	return kept;
}

void
bas_title_set(const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	prctl(PR_SET_NAME, text, 0, 0, 0); /* cut to 15 bytes */
	if (area == NULL)
		return;
	memset(area, 0, area_size);
	/* The last byte stays NUL: otherwise the kernel shows what lies behind, too (proc(5)). */
	snprintf(area, area_size, PREFIX "%s", text);
}
