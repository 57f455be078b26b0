/* SPDX-License-Identifier: Apache-2.0 */
/*
 * call.c - a line against a role: which command, with which values, or why not.
 *
 * Values come in order or as `--name value` and `--name=value`; `--` ends names. A parameter that
 * is `rest` takes everything after one blank, as it is, as soon as it is the next in order and no
 * option stands there. What is not understood to the last byte is refused.
 */
#include "bastion/call.h"

#include <stdlib.h>
#include <string.h>

#include "call_split.h"
#include "call_value.h"

#define QUOTED 80 /* how much of a bad word a sentence quotes */

struct parser {
	struct bas_call *call;
	struct bas_line line;
	struct ca_buf word; /* the current one */
	bool values_only;   /* after `--` */
	struct ca_why *why;
};

static const char *
word_of(const struct parser *parser)
{
	return (const char *)parser->word.data;
}

/* The next in order that has no value yet, or NULL. */
static const struct bas_parameter *
find_next(const struct bas_call *call)
{
	const struct bas_command *command = call->command;
	for (size_t i = 0; i < command->parameter_count; i++)
		if (call->values[i] == NULL && command->parameters[i].type != BAS_FLAG)
			return &command->parameters[i];
	return NULL;
}

static const struct bas_parameter *
find_named(const struct bas_command *command, const char *name, size_t len)
{
	for (size_t i = 0; i < command->parameter_count; i++)
		if (strlen(command->parameters[i].name) == len &&
		    memcmp(command->parameters[i].name, name, len) == 0)
			return &command->parameters[i];
	return NULL;
}

static bool
give(struct parser *parser, const struct bas_parameter *parameter, const char *value, size_t len)
{
	char *canonical = bas_value_canonical(parameter, value, len, parser->why);
	parser->call->values[parameter - parser->call->command->parameters] = canonical;
	return canonical != NULL;
}

static bool
give_flag(struct parser *parser, const struct bas_parameter *parameter, bool has_value)
{
	char **value = &parser->call->values[parameter - parser->call->command->parameters];
	if (has_value)
		return ca_why_set(parser->why, "'--%s' takes no value", parameter->name);
	*value = strdup(parameter->as);
	return *value != NULL || ca_why_set(parser->why, "out of memory");
}

/* The current word begins with `--`. */
static bool
take_option(struct parser *parser)
{
	const char *command = parser->call->command->name;
	const char *name = word_of(parser) + 2;
	size_t len = strcspn(name, "=");
	if (*name == 0) {
		parser->values_only = true;
		return true;
	}
	const struct bas_parameter *parameter = find_named(parser->call->command, name, len);
	if (parameter == NULL)
		return ca_why_set(parser->why,
		    "'%s' has no parameter '--%.*s'; before a value that begins so, write '--'",
		    command, len < QUOTED ? (int)len : QUOTED, name);
	if (parser->call->values[parameter - parser->call->command->parameters] != NULL)
		return ca_why_set(parser->why, "'%s' is given twice", parameter->name);
	if (parameter->rest)
		return ca_why_set(
		    parser->why, "'%s' is the rest of the line, without its name", parameter->name);
	if (parameter->type == BAS_FLAG)
		return give_flag(parser, parameter, name[len] == '=');
	if (name[len] == '=')
		return give(parser, parameter, name + len + 1, strlen(name + len + 1));
	switch (bas_line_word(&parser->line, &parser->word, parser->why)) {
	case BAS_WORD_OK:
		return give(parser, parameter, word_of(parser), parser->word.len);
	case BAS_WORD_NONE:
		return ca_why_set(parser->why, "'--%s' has no value", parameter->name);
	case BAS_WORD_BROKEN:
		break;
	}
	return false;
}

static bool
take_rest(struct parser *parser, const struct bas_parameter *parameter)
{
	struct ca_bytes rest = bas_line_rest(&parser->line);
	parser->line.left = 0;
	return rest.len == 0 || give(parser, parameter, (const char *)rest.data, rest.len);
}

static bool
take_values(struct parser *parser)
{
	for (;;) {
		const struct bas_parameter *next = find_next(parser->call);
		if (next != NULL && next->rest &&
		    (parser->values_only || !bas_line_has_option(&parser->line)))
			return take_rest(parser, next);
		enum bas_word got = bas_line_word(&parser->line, &parser->word, parser->why);
		if (got != BAS_WORD_OK)
			return got == BAS_WORD_NONE;
		if (!parser->values_only && strncmp(word_of(parser), "--", 2) == 0) {
			if (!take_option(parser))
				return false;
		} else if (next == NULL) {
			return ca_why_set(parser->why,
			    "'%s' takes nothing more, and '%.*s' follows",
			    parser->call->command->name, QUOTED, word_of(parser));
		} else if (!give(parser, next, word_of(parser), parser->word.len)) {
			return false;
		}
	}
}

static bool
fill_defaults(struct bas_call *call, struct ca_why *why)
{
	for (size_t i = 0; i < call->value_count; i++) {
		const struct bas_parameter *parameter = &call->command->parameters[i];
		if (call->values[i] != NULL || parameter->type == BAS_FLAG)
			continue;
		if (parameter->fallback == NULL)
			return ca_why_set(why, "'%s' needs '%s'; 'help %s' shows how",
			    call->command->name, parameter->name, call->command->name);
		call->values[i] = strdup(parameter->fallback);
		if (call->values[i] == NULL)
			return ca_why_set(why, "out of memory");
	}
	return true;
}

static bool
take_command(struct parser *parser, const struct bas_command *command)
{
	struct bas_call *call = parser->call;
	call->kind = BAS_CALL_RUN;
	call->command = command;
	call->values = calloc(command->parameter_count + 1, sizeof *call->values);
	if (call->values == NULL)
		return ca_why_set(parser->why, "out of memory");
	call->value_count = command->parameter_count;
	return take_values(parser) && fill_defaults(call, parser->why);
}

static bool
refuse_unknown(const char *name, enum bas_refusal *refusal, struct ca_why *why)
{
	*refusal = BAS_NO_COMMAND;
	return ca_why_set(why, "no such command: '%.*s'; 'help' lists what there is", QUOTED, name);
}

/* The current word is `help` or `whoami`. */
static bool
take_built_in(struct parser *parser, const struct bas_role *role, enum bas_refusal *refusal)
{
	struct bas_call *call = parser->call;
	bool help = strcmp(word_of(parser), "help") == 0;
	call->kind = help ? BAS_CALL_HELP : BAS_CALL_WHOAMI;
	enum bas_word got = bas_line_word(&parser->line, &parser->word, parser->why);
	if (help && got == BAS_WORD_OK) {
		call->command = bas_role_command(role, word_of(parser));
		if (call->command == NULL)
			return refuse_unknown(word_of(parser), refusal, parser->why);
		got = bas_line_word(&parser->line, &parser->word, parser->why);
	}
	if (got == BAS_WORD_OK)
		return ca_why_set(parser->why, "'%s' takes nothing more, and '%.*s' follows",
		    help ? "help" : "whoami", QUOTED, word_of(parser));
	return got == BAS_WORD_NONE;
}

static bool
parse_line(struct parser *parser, const struct bas_role *role, enum bas_refusal *refusal)
{
	switch (bas_line_word(&parser->line, &parser->word, parser->why)) {
	case BAS_WORD_OK:
		break;
	case BAS_WORD_NONE:
		return ca_why_set(parser->why, "no command; 'help' lists what there is");
	case BAS_WORD_BROKEN:
		return false;
	}
	if (strcmp(word_of(parser), "help") == 0 || strcmp(word_of(parser), "whoami") == 0)
		return take_built_in(parser, role, refusal);
	const struct bas_command *command = bas_role_command(role, word_of(parser));
	if (command == NULL)
		return refuse_unknown(word_of(parser), refusal, parser->why);
	return take_command(parser, command);
}

bool
bas_call_parse(struct bas_call *out, const struct bas_role *role, const void *line, size_t len,
    enum bas_refusal *refusal, struct ca_why *why)
{
	*out = (struct bas_call){ 0 };
	*refusal = BAS_DENIED;
	if (len > BAS_LINE_MAX)
		return ca_why_set(why, "the line is longer than %d bytes", BAS_LINE_MAX);
	struct parser parser = { .call = out, .line = { line, len }, .why = why };
	bool ok = parse_line(&parser, role, refusal);
	ca_buf_clear(&parser.word);
	if (!ok)
		bas_call_clear(out);
	return ok;
}

void
bas_call_clear(struct bas_call *call)
{
	for (size_t i = 0; i < call->value_count; i++)
		free(call->values[i]);
	free(call->values);
	*call = (struct bas_call){ 0 };
}

/* How many of the parameters have to be written: those up to the last that is not its default. */
static size_t
count_written(const struct bas_call *call)
{
	size_t count = call->value_count;
	while (count > 0) {
		const struct bas_parameter *last = &call->command->parameters[count - 1];
		if (last->type != BAS_FLAG &&
		    (last->fallback == NULL ||
			strcmp(last->fallback, call->values[count - 1]) != 0))
			break;
		count--;
	}
	return count;
}

/* Whether `--` has to stand before the values, because one would be read as a name. */
static bool
needs_end(const struct bas_call *call, size_t written)
{
	for (size_t i = 0; i < written; i++) {
		const struct bas_parameter *parameter = &call->command->parameters[i];
		const char *value = call->values[i];
		if (parameter->type == BAS_FLAG)
			continue;
		if (parameter->rest)
			value += strspn(value, " \t");
		if (strncmp(value, "--", 2) == 0)
			return true;
	}
	return false;
}

static void
encode_run(struct ca_buf *out, const struct bas_call *call)
{
	size_t written = count_written(call);
	ca_buf_put_text(out, call->command->name);
	for (size_t i = 0; i < call->value_count; i++)
		if (call->command->parameters[i].type == BAS_FLAG && call->values[i] != NULL) {
			ca_buf_put_text(out, " --");
			ca_buf_put_text(out, call->command->parameters[i].name);
		}
	if (needs_end(call, written))
		ca_buf_put_text(out, " --");
	for (size_t i = 0; i < written; i++) {
		if (call->command->parameters[i].type == BAS_FLAG)
			continue;
		ca_buf_put_u8(out, ' ');
		if (call->command->parameters[i].rest)
			ca_buf_put_text(out, call->values[i]);
		else
			bas_word_put(out, call->values[i]);
	}
}

void
bas_call_encode(struct ca_buf *out, const struct bas_call *call)
{
	if (call->kind == BAS_CALL_RUN) {
		encode_run(out, call);
		return;
	}
	ca_buf_put_text(out, call->kind == BAS_CALL_HELP ? "help" : "whoami");
	if (call->command != NULL) {
		ca_buf_put_u8(out, ' ');
		ca_buf_put_text(out, call->command->name);
	}
}
