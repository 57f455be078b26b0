/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_parameter.c - the parameters of a command, each with the settings its type has.
 */
#include "config_read.h"

#include <inttypes.h>
#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bastion/call.h"
#include "ca/text.h"
#include "call_value.h"
#include "template.h"

#define DEFAULT_TEXT 1024 /* bytes of a value, when the parameter does not say */
#define DEFAULT_PATH 4096

/* Besides name and type. In the order of enum bas_parameter_type. */
static const struct {
	const char *settings[6];
} allowed[] = {
	[BAS_TEXT] = { { "max", "default", "dash", "rest" } },
	[BAS_INTEGER] = { { "min", "max", "default" } },
	[BAS_CHOICE] = { { "of", "default" } },
	[BAS_DURATION] = { { "min", "max", "default" } },
	[BAS_TIME] = { { "default" } },
	[BAS_PATH] = { { "below", "max", "default", "dash" } },
	[BAS_FLAG] = { { "as" } },
};

static bool
set_type(struct ca_config_reader *reader, const struct config_setting_t *setting, void *out)
{
	struct bas_parameter *parameter = out;
	const char *word;
	if (!ca_setting_string(reader, setting, &word))
		return false;
	for (enum bas_parameter_type type = BAS_TEXT; type <= BAS_FLAG; type++)
		if (strcmp(word, bas_parameter_type_name(type)) == 0) {
			parameter->type = type;
			parameter->max_len = type == BAS_PATH ? DEFAULT_PATH : DEFAULT_TEXT;
			parameter->min = type == BAS_DURATION ? 1 : 0;
			parameter->max = type == BAS_DURATION ? UINT32_MAX : INT64_MAX;
			return true;
		}
	return ca_setting_wrong(reader, setting,
	    "'type' is text, integer, choice, duration, time, path or flag, not '%s'", word);
}

static bool
set_bound(struct ca_config_reader *reader, const struct config_setting_t *setting,
    enum bas_parameter_type type, int64_t *bound)
{
	unsigned seconds;
	if (type == BAS_INTEGER)
		return ca_setting_integer(reader, setting, bound);
	if (!ca_setting_duration(reader, setting, &seconds))
		return false;
	*bound = seconds;
	return true;
}

static bool
set_min(struct ca_config_reader *reader, const struct config_setting_t *setting, void *out)
{
	struct bas_parameter *parameter = out;
	return set_bound(reader, setting, parameter->type, &parameter->min);
}

static bool
set_max(struct ca_config_reader *reader, const struct config_setting_t *setting, void *out)
{
	struct bas_parameter *parameter = out;
	uint64_t size;
	if (parameter->type == BAS_INTEGER || parameter->type == BAS_DURATION)
		return set_bound(reader, setting, parameter->type, &parameter->max);
	if (!ca_setting_size(reader, setting, &size))
		return false;
	if (size > BAS_LINE_MAX)
		return ca_setting_wrong(
		    reader, setting, "'max' is longer than a command line, %d bytes", BAS_LINE_MAX);
	parameter->max_len = (size_t)size;
	return true;
}

static bool
set_choices(struct ca_config_reader *reader, const struct config_setting_t *setting, void *out)
{
	struct bas_parameter *parameter = out;
	const void *items;
	if (!ca_setting_items(
		reader, setting, sizeof(char *), ca_setting_text, &items, &parameter->choice_count))
		return false;
	parameter->choices = items;
	if (parameter->choice_count == 0)
		return ca_setting_wrong(reader, setting, "'of' lists no choice");
	return true;
}

/* Kept as it is written; check_default turns it into the canonical form. */
static bool
set_default(struct ca_config_reader *reader, const struct config_setting_t *setting, void *out)
{
	char text[24];
	int64_t number;
	int type = config_setting_type(setting);
	if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64)
		return ca_setting_string(reader, setting, out);
	if (!ca_setting_integer(reader, setting, &number))
		return false;
	snprintf(text, sizeof text, "%" PRId64, number);
	*(const char **)out = ca_arena_text(reader->arena, text);
	return *(const char **)out != NULL || ca_why_set(reader->why, "out of memory");
}

static bool
set_as(struct ca_config_reader *reader, const struct config_setting_t *setting, void *out)
{
	if (!ca_setting_string(reader, setting, out))
		return false;
	if (**(const char **)out == 0)
		return ca_setting_wrong(reader, setting, "'as' is empty");
	return true;
}

static const struct ca_field parameter_fields[] = {
	{ "name", ca_setting_word, offsetof(struct bas_parameter, name), true },
	{ "type", set_type, 0, true },
	{ "min", set_min, 0, false },
	{ "max", set_max, 0, false },
	{ "of", set_choices, 0, false },
	{ "below", ca_setting_folder, offsetof(struct bas_parameter, below), false },
	{ "default", set_default, offsetof(struct bas_parameter, fallback), false },
	{ "as", set_as, offsetof(struct bas_parameter, as), false },
	{ "dash", ca_setting_bool, offsetof(struct bas_parameter, dash), false },
	{ "rest", ca_setting_bool, offsetof(struct bas_parameter, rest), false },
};

static bool
check_settings(struct ca_config_reader *reader, const struct config_setting_t *setting,
    const struct bas_parameter *parameter)
{
	for (int i = 0; i < config_setting_length(setting); i++) {
		const config_setting_t *member = config_setting_get_elem(setting, (unsigned)i);
		bool known = strcmp(member->name, "name") == 0 || strcmp(member->name, "type") == 0;
		const char *const *list = allowed[parameter->type].settings;
		for (; !known && *list != NULL; list++)
			known = strcmp(member->name, *list) == 0;
		if (!known)
			return ca_setting_wrong(reader, member,
			    "'%s' is a parameter of type %s, which has no setting '%s'",
			    parameter->name, bas_parameter_type_name(parameter->type),
			    member->name);
	}
	if (parameter->type == BAS_CHOICE && parameter->choices == NULL)
		return ca_setting_wrong(
		    reader, setting, "'%s' is a choice and needs 'of'", parameter->name);
	if (parameter->type == BAS_PATH && parameter->below == NULL)
		return ca_setting_wrong(
		    reader, setting, "'%s' is a path and needs 'below'", parameter->name);
	if (parameter->min > parameter->max)
		return ca_setting_wrong(reader, ca_setting_member(setting, "min"),
		    "'min' of '%s' is more than its 'max'", parameter->name);
	return true;
}

static bool
check_default(struct ca_config_reader *reader, const struct config_setting_t *setting,
    struct bas_parameter *parameter)
{
	const char *written = parameter->fallback;
	if (written == NULL)
		return true;
	/* an optional text may be nothing, which no engineer can type */
	if (parameter->type == BAS_TEXT && *written == 0)
		return true;
	/* who writes the policy may let it begin with '-' */
	struct bas_parameter lenient = *parameter;
	lenient.fallback = NULL;
	lenient.dash = true;
	char *value = bas_value_canonical(&lenient, written, strlen(written), reader->why);
	if (value == NULL) {
		ca_why_prefix(reader->why, "the default");
		return ca_setting_prefix(reader, ca_setting_member(setting, "default"));
	}
	parameter->fallback = ca_arena_text(reader->arena, value);
	free(value);
	return parameter->fallback != NULL || ca_why_set(reader->why, "out of memory");
}

static bool
set_parameter(struct ca_config_reader *reader, const struct config_setting_t *setting, void *out)
{
	struct bas_parameter *parameter = out;
	if (!ca_setting_fields(reader, setting, "a parameter", parameter_fields,
		CA_COUNT(parameter_fields), parameter) ||
	    !check_settings(reader, setting, parameter))
		return false;
	if (bas_template_is_reserved(parameter->name))
		return ca_setting_wrong(reader, setting,
		    "'%s' comes from the certificate and cannot name a parameter", parameter->name);
	if (parameter->type == BAS_FLAG && parameter->as == NULL) {
		char word[80];
		snprintf(word, sizeof word, "--%s", parameter->name);
		parameter->as = ca_arena_text(reader->arena, word);
		if (parameter->as == NULL)
			return ca_why_set(reader->why, "out of memory");
	}
	return check_default(reader, setting, parameter);
}

/* What has to hold between parameters, so that a line can be read in one way only. */
static bool
check_order(struct ca_config_reader *reader, const struct config_setting_t *setting,
    const struct bas_parameter *list, size_t count)
{
	bool optional = false;
	for (size_t i = 0; i < count; i++) {
		const struct config_setting_t *where =
		    config_setting_get_elem(setting, (unsigned)i);
		for (size_t j = 0; j < i; j++)
			if (strcmp(list[i].name, list[j].name) == 0)
				return ca_setting_wrong(reader, where,
				    "a second parameter is called '%s'", list[i].name);
		if (list[i].rest && i + 1 != count)
			return ca_setting_wrong(reader, where,
			    "'%s' takes the rest of the line and stands last", list[i].name);
		if (list[i].type == BAS_FLAG)
			continue;
		if (optional && list[i].fallback == NULL)
			return ca_setting_wrong(reader, where,
			    "'%s' has no default, but one before it has", list[i].name);
		optional = optional || list[i].fallback != NULL;
	}
	return true;
}

bool
bas_setting_parameters(
    struct ca_config_reader *reader, const struct config_setting_t *setting, void *out)
{
	struct bas_command *command = out;
	const void *items;
	if (!ca_setting_items(reader, setting, sizeof(struct bas_parameter), set_parameter, &items,
		&command->parameter_count))
		return false;
	command->parameters = items;
	if (command->parameter_count > BAS_PARAMETERS_MAX)
		return ca_setting_wrong(
		    reader, setting, "a command has at most %d parameters", BAS_PARAMETERS_MAX);
	return check_order(reader, setting, command->parameters, command->parameter_count);
}
