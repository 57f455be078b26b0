/* SPDX-License-Identifier: Apache-2.0 */
/*
 * help.c - what a role may do, for the person at the other end.
 *
 * Everything printed comes from the configuration, whose texts have no control characters.
 */
#include "bastion/call.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "ca/text.h"

#define USAGE_WIDTH 30 /* usage lines longer than this push their help to the next line */

static void
put_upper(struct ca_buf *out, const char *name)
{
	for (; *name != 0; name++)
		ca_buf_put_u8(out, (uint8_t)toupper((unsigned char)*name));
}

/* As it could be typed. */
static void
put_default(struct ca_buf *out, const struct bas_parameter *parameter)
{
	ca_text_escape(out, parameter->fallback, strlen(parameter->fallback));
	if (parameter->type == BAS_DURATION)
		ca_buf_put_u8(out, 's');
}

/* `UNIT`, `[LINES=200]`, `SQL...`, `[--verbose]` */
static void
put_parameter(struct ca_buf *out, const struct bas_parameter *parameter)
{
	if (parameter->type == BAS_FLAG) {
		ca_buf_printf(out, "[--%s]", parameter->name);
		return;
	}
	const char *fallback = parameter->fallback;
	if (fallback != NULL)
		ca_buf_put_u8(out, '[');
	put_upper(out, parameter->name);
	if (parameter->rest)
		ca_buf_put_text(out, "...");
	if (fallback != NULL && *fallback != 0) {
		ca_buf_put_u8(out, '=');
		put_default(out, parameter);
	}
	if (fallback != NULL)
		ca_buf_put_u8(out, ']');
}

static void
put_usage(struct ca_buf *out, const struct bas_command *command)
{
	ca_buf_put_text(out, command->name);
	for (size_t i = 0; i < command->parameter_count; i++) {
		ca_buf_put_u8(out, ' ');
		put_parameter(out, &command->parameters[i]);
	}
}

/* Bytes that are no continuation of a UTF-8 character: columns, near enough for help. */
static size_t
count_columns(const struct ca_buf *out, size_t from)
{
	size_t columns = 0;
	for (size_t i = from; i < out->len; i++)
		columns += (out->data[i] & 0xc0) != 0x80;
	return columns;
}

static void
put_spaces(struct ca_buf *out, size_t count)
{
	while (count-- > 0)
		ca_buf_put_u8(out, ' ');
}

/* Finishes a line that began at `from`, with the help aligned behind it. */
static void
put_help(struct ca_buf *out, size_t from, size_t width, const char *help)
{
	size_t columns = count_columns(out, from);
	if (help != NULL && columns > width) {
		ca_buf_put_u8(out, '\n');
		columns = 0;
	}
	if (help != NULL) {
		put_spaces(out, width + 2 - columns);
		ca_buf_put_text(out, help);
	}
	ca_buf_put_u8(out, '\n');
}

static const char *
help_of(const struct bas_command *command)
{
	if (command->help != NULL)
		return command->help;
	return command->terminal ? "on a terminal (ssh -t)" : NULL;
}

static const struct {
	const char *usage, *help;
} built_in[] = {
	{ "help [COMMAND]", "this list, or one command" },
	{ "whoami", "who you are here, and until when" },
};

/* Wide enough for the usage lines that are not too long themselves. */
static size_t
find_width(const struct bas_role *role)
{
	size_t width = 2 + strlen(built_in[0].usage);
	struct ca_buf line = { 0 };
	for (size_t i = 0; i < role->command_count; i++) {
		ca_buf_reset(&line);
		put_usage(&line, &role->commands[i]);
		size_t columns = 2 + count_columns(&line, 0);
		if (columns > width && columns <= USAGE_WIDTH)
			width = columns;
	}
	ca_buf_clear(&line);
	return width;
}

static void
put_role(struct ca_buf *out, const struct bas_role *role)
{
	size_t width = find_width(role);
	ca_buf_put_text(out, role->name);
	if (role->description != NULL)
		ca_buf_printf(out, ": %s", role->description);
	ca_buf_put_text(out, "\n\n");
	for (size_t i = 0; i < role->command_count; i++) {
		size_t from = out->len;
		put_spaces(out, 2);
		put_usage(out, &role->commands[i]);
		put_help(out, from, width, help_of(&role->commands[i]));
	}
	for (size_t i = 0; i < sizeof built_in / sizeof *built_in; i++) {
		size_t from = out->len;
		put_spaces(out, 2);
		ca_buf_put_text(out, built_in[i].usage);
		put_help(out, from, width, built_in[i].help);
	}
}

static void
put_range(struct ca_buf *out, const struct bas_parameter *parameter)
{
	char least[CA_TIME_SIZE], most[CA_TIME_SIZE];
	if (parameter->type == BAS_INTEGER) {
		ca_buf_put_text(out, "a whole number");
		if (parameter->min != INT64_MIN)
			ca_buf_printf(out, " from %" PRId64, parameter->min);
		if (parameter->max != INT64_MAX)
			ca_buf_printf(out, " to %" PRId64, parameter->max);
		return;
	}
	ca_duration_format(parameter->min, least);
	ca_duration_format(parameter->max, most);
	ca_buf_put_text(out, "a duration like 90s, 30m or 1h");
	if (parameter->min > 1)
		ca_buf_printf(out, ", at least %s", least);
	if (parameter->max < UINT32_MAX)
		ca_buf_printf(out, ", at most %s", most);
}

static void
put_type(struct ca_buf *out, const struct bas_parameter *parameter)
{
	switch (parameter->type) {
	case BAS_TEXT:
		ca_buf_printf(out, "%s, at most %zu bytes",
		    parameter->rest ? "the rest of the line as it is" : "text", parameter->max_len);
		break;
	case BAS_INTEGER:
	case BAS_DURATION:
		put_range(out, parameter);
		break;
	case BAS_CHOICE:
		ca_buf_put_text(out, "one of ");
		for (size_t i = 0; i < parameter->choice_count; i++)
			ca_buf_printf(out, "%s%s", i ? ", " : "", parameter->choices[i]);
		break;
	case BAS_TIME:
		ca_buf_put_text(out, "a time like 2026-11-21T18:00:00Z");
		break;
	case BAS_PATH:
		ca_buf_printf(out, "a path below %s", parameter->below);
		break;
	case BAS_FLAG:
		ca_buf_put_text(out, "on when given");
		break;
	}
}

static void
put_detail(struct ca_buf *out, const struct bas_parameter *parameter, size_t width)
{
	size_t from = out->len;
	ca_buf_put_text(out, "  ");
	if (parameter->type == BAS_FLAG)
		ca_buf_printf(out, "--%s", parameter->name);
	else
		put_upper(out, parameter->name);
	put_spaces(out, width + 2 - (out->len - from));
	put_type(out, parameter);
	if (parameter->fallback != NULL && *parameter->fallback != 0) {
		ca_buf_put_text(out, "; otherwise ");
		put_default(out, parameter);
	} else if (parameter->fallback != NULL) {
		ca_buf_put_text(out, "; may be left out");
	}
	ca_buf_put_u8(out, '\n');
}

static void
put_command(struct ca_buf *out, const struct bas_command *command)
{
	char time[CA_TIME_SIZE];
	size_t width = 0;
	ca_buf_put_text(out, "usage: ");
	put_usage(out, command);
	ca_buf_put_u8(out, '\n');
	if (command->help != NULL)
		ca_buf_printf(out, "%s\n", command->help);
	for (size_t i = 0; i < command->parameter_count; i++) {
		size_t len = strlen(command->parameters[i].name) + 4;
		width = len > width ? len : width;
	}
	if (width > 0)
		ca_buf_put_u8(out, '\n');
	for (size_t i = 0; i < command->parameter_count; i++)
		put_detail(out, &command->parameters[i], width);
	if (command->terminal || command->timeout > 0)
		ca_buf_put_u8(out, '\n');
	if (command->terminal)
		ca_buf_put_text(out, "needs a terminal: ssh -t\n");
	if (command->timeout > 0) {
		ca_duration_format(command->timeout, time);
		ca_buf_printf(out, "ends after %s\n", time);
	}
}

void
bas_help_put(struct ca_buf *out, const struct bas_role *role, const struct bas_command *command)
{
	if (command != NULL)
		put_command(out, command);
	else
		put_role(out, role);
}
