/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main_options.c - the options of a verb, read by one table.
 *
 * Options may stand anywhere before `--`, as `--name value` or `--name=value`; a reason that
 * begins with a dash stands behind `--`.
 */
#include <stdlib.h>
#include <string.h>

#include "ca/desk.h"

static const struct ca_option *
find(const struct ca_option *options, const char *word, const char **inline_value)
{
	const char *equals = strchr(word, '=');
	size_t len = equals != NULL ? (size_t)(equals - word) : strlen(word);

	*inline_value = equals != NULL ? equals + 1 : NULL;
	for (; options->name != NULL; options++)
		if (strlen(options->name) == len && strncmp(options->name, word, len) == 0)
			return options;
	return NULL;
}

bool
ca_desk_options(struct ca_desk *desk, const struct ca_option *options, int *argc, char **argv)
{
	int kept = 0, i = 0;

	for (; i < *argc && strcmp(argv[i], "--") != 0; i++) {
		const struct ca_option *option;
		const char *value;

		if (strncmp(argv[i], "--", 2) != 0) {
			argv[kept++] = argv[i];
			continue;
		}
		if ((option = find(options, argv[i] + 2, &value)) == NULL)
			return ca_why_set(&desk->why, "unknown option '%s'", argv[i]);
		if (option->argument == NULL && value != NULL)
			return ca_why_set(&desk->why, "'--%s' takes no argument", option->name);
		if (option->argument != NULL && value == NULL && ++i < *argc)
			value = argv[i];
		if (option->argument != NULL && value == NULL)
			return ca_why_set(
			    &desk->why, "'--%s' needs %s", option->name, option->argument);
		*option->value = option->argument != NULL ? value : "";
	}
	for (i++; i < *argc; i++)
		argv[kept++] = argv[i];
	*argc = kept;
	return true;
}

char *
ca_desk_join(int argc, char **argv)
{
	struct ca_buf buf = { 0 };

	for (int i = 0; i < argc; i++)
		ca_buf_printf(&buf, "%s%s", i > 0 ? " " : "", argv[i]);
	ca_buf_put_u8(&buf, 0);
	if (!ca_buf_ok(&buf))
		abort();
	return (char *)buf.data;
}
