/* SPDX-License-Identifier: Apache-2.0 */
/*
 * call_value.c - the types of parameters.
 *
 * A value is what a stranger to the machine typed: it is taken whole or refused, never repaired.
 * Only the notation of a duration and of a relative path is turned into one form, so that the
 * canonical line and the argv say the same.
 */
#include "call_value.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/text.h"

/* How much of a bad value a sentence quotes. */
#define QUOTED 80

const char *
bas_parameter_type_name(enum bas_parameter_type type)
{
	static const char *const names[] = { "text", "integer", "choice", "duration", "time",
		"path", "flag" };
	return names[type];
}

static bool
has_control(const char *value)
{
	for (; *value != 0; value++)
		if ((unsigned char)*value < ' ' || *value == 0x7f)
			return true;
	return false;
}

static bool
check_bytes(
    const struct bas_parameter *parameter, const char *value, size_t len, struct ca_why *why)
{
	if (memchr(value, 0, len) != NULL)
		return ca_why_set(why, "'%s' contains NUL", parameter->name);
	if (len == 0)
		return ca_why_set(why, "'%s' is empty", parameter->name);
	if (!parameter->rest && has_control(value))
		return ca_why_set(why, "'%s' contains a control character", parameter->name);
	bool may_dash = parameter->dash || parameter->type == BAS_CHOICE ||
			(parameter->type == BAS_INTEGER && parameter->min < 0);
	if (value[0] == '-' && !may_dash)
		return ca_why_set(
		    why, "'%s' begins with '-': '%.*s'", parameter->name, QUOTED, value);
	return true;
}

/* Decimal, no plus, no leading zero, no minus zero: one notation for one number. */
static bool
parse_integer(const char *value, int64_t *out)
{
	uint64_t number;
	bool negative = value[0] == '-';
	uint64_t max = negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
	if (!ca_text_to_u64(value + negative, max, &number) || (negative && number == 0))
		return false;
	*out = negative ? -(int64_t)(number - 1) - 1 : (int64_t)number;
	return true;
}

static char *
take_integer(const struct bas_parameter *parameter, const char *value, struct ca_why *why)
{
	int64_t number;
	if (parse_integer(value, &number) && number >= parameter->min && number <= parameter->max)
		return strdup(value);
	ca_why_set(why, "'%s' is not a whole number from %" PRId64 " to %" PRId64 ": '%.*s'",
	    parameter->name, parameter->min, parameter->max, QUOTED, value);
	return NULL;
}

static char *
take_choice(const struct bas_parameter *parameter, const char *value, struct ca_why *why)
{
	struct ca_buf list = { 0 };
	for (size_t i = 0; i < parameter->choice_count; i++) {
		if (strcmp(parameter->choices[i], value) == 0) {
			ca_buf_clear(&list);
			return strdup(value);
		}
		ca_buf_printf(&list, "%s%s", i ? ", " : "", parameter->choices[i]);
	}
	ca_buf_put_u8(&list, 0);
	ca_why_set(why, "'%s' is one of %.300s, not '%.*s'", parameter->name,
	    ca_buf_ok(&list) ? (const char *)list.data : "its choices", QUOTED, value);
	ca_buf_clear(&list);
	return NULL;
}

static char *
take_duration(const struct bas_parameter *parameter, const char *value, struct ca_why *why)
{
	char least[CA_TIME_SIZE], most[CA_TIME_SIZE];
	uint32_t seconds;
	if (ca_duration_parse(value, &seconds) && seconds >= parameter->min &&
	    seconds <= parameter->max) {
		char *out = NULL;
		return asprintf(&out, "%" PRIu32, seconds) < 0 ? NULL : out;
	}
	ca_duration_format(parameter->min, least);
	ca_duration_format(parameter->max, most);
	ca_why_set(why, "'%s' is not a duration like 90s, 30m or 1h from %s to %s: '%.*s'",
	    parameter->name, least, most, QUOTED, value);
	return NULL;
}

static char *
take_time(const struct bas_parameter *parameter, const char *value, struct ca_why *why)
{
	int64_t time;
	if (ca_time_parse(value, &time))
		return strdup(value);
	ca_why_set(why, "'%s' is not a time like 2026-11-21T18:00:00Z: '%.*s'", parameter->name,
	    QUOTED, value);
	return NULL;
}

/* Names only; what a symbolic link on the way leads to is held by the confinement. */
static bool
is_plain_path(const char *path)
{
	for (;;) {
		size_t len = strcspn(path, "/");
		if (len == 0 || (len == 1 && path[0] == '.') ||
		    (len == 2 && path[0] == '.' && path[1] == '.'))
			return false;
		if (path[len] == 0)
			return true;
		path += len + 1;
	}
}

static char *
take_path(const struct bas_parameter *parameter, const char *value, struct ca_why *why)
{
	const char *below = strcmp(parameter->below, "/") == 0 ? "" : parameter->below;
	size_t len = strlen(below);
	const char *rest = value;
	char *out = NULL;
	if (value[0] == '/') {
		if (strncmp(value, below, len) != 0 || value[len] != '/') {
			ca_why_set(why, "'%s' is not below '%s': '%.*s'", parameter->name,
			    parameter->below, QUOTED, value);
			return NULL;
		}
		rest = value + len + 1;
	}
	if (!is_plain_path(rest)) {
		ca_why_set(why,
		    "'%s' is not a path without '.', '..' and doubled or final slashes: '%.*s'",
		    parameter->name, QUOTED, value);
		return NULL;
	}
	if (len + 1 + strlen(rest) > parameter->max_len) {
		ca_why_set(
		    why, "'%s' is longer than %zu bytes", parameter->name, parameter->max_len);
		return NULL;
	}
	return asprintf(&out, "%s/%s", below, rest) < 0 ? NULL : out;
}

static char *
take_text(const struct bas_parameter *parameter, const char *value, struct ca_why *why)
{
	if (strlen(value) <= parameter->max_len)
		return strdup(value);
	ca_why_set(why, "'%s' is longer than %zu bytes", parameter->name, parameter->max_len);
	return NULL;
}

static char *
take_value(const struct bas_parameter *parameter, const char *value, struct ca_why *why)
{
	switch (parameter->type) {
	case BAS_TEXT:
		return take_text(parameter, value, why);
	case BAS_INTEGER:
		return take_integer(parameter, value, why);
	case BAS_CHOICE:
		return take_choice(parameter, value, why);
	case BAS_DURATION:
		return take_duration(parameter, value, why);
	case BAS_TIME:
		return take_time(parameter, value, why);
	case BAS_PATH:
		return take_path(parameter, value, why);
	case BAS_FLAG:
		break;
	}
	ca_why_set(why, "'%s' takes no value", parameter->name);
	return NULL;
}

char *
bas_value_canonical(
    const struct bas_parameter *parameter, const char *value, size_t len, struct ca_why *why)
{
	char *copy = malloc(len + 1), *out = NULL;
	ca_why_set(why, "out of memory");
	if (copy == NULL)
		return NULL;
	memcpy(copy, value, len);
	copy[len] = 0;
	/* the default is always a value, also one that nobody else may give, such as "" */
	if (parameter->fallback != NULL && strlen(copy) == len &&
	    strcmp(copy, parameter->fallback) == 0)
		out = strdup(copy);
	else if (check_bytes(parameter, copy, len, why))
		out = take_value(parameter, copy, why);
	free(copy);
	return out;
}
