/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_setting.c - groups against tables of fields, and a setter for each kind of value.
 */
#include "ca/config.h"

#include <errno.h>
#include <libconfig.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ca/text.h"

#define MAX_ITEMS   1024
#define MAX_NUMBER  1000000
#define MAX_SECONDS (366 * 86400)

unsigned
ca_setting_line(const struct ca_config_reader *reader, const struct config_setting_t *setting)
{
	unsigned line;
	ca_config_text_where(reader->text, config_setting_source_line(setting), &line);
	return line;
}

bool
ca_setting_wrong(struct ca_config_reader *reader, const struct config_setting_t *setting,
    const char *format, ...)
{
	char sentence[CA_WHY_SIZE];
	va_list arguments;
	unsigned line;
	va_start(arguments, format);
	vsnprintf(sentence, sizeof sentence, format, arguments);
	va_end(arguments);
	const char *path =
	    ca_config_text_where(reader->text, config_setting_source_line(setting), &line);
	return ca_why_set(reader->why, "%s:%u: %s", path, line, sentence);
}

bool
ca_setting_prefix(struct ca_config_reader *reader, const struct config_setting_t *setting)
{
	unsigned line;
	const char *path =
	    ca_config_text_where(reader->text, config_setting_source_line(setting), &line);
	return ca_why_prefix(reader->why, "%s:%u", path, line);
}

/* What a setting is called in a sentence; elements of a list have their list's name. */
static const char *
name_of(const struct config_setting_t *setting)
{
	while (setting->name == NULL && setting->parent != NULL)
		setting = setting->parent;
	return setting->name == NULL ? "configuration" : setting->name;
}

static const struct ca_field *
find_field(const struct ca_field *fields, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(fields[i].name, name) == 0)
			return &fields[i];
	return NULL;
}

bool
ca_setting_fields(struct ca_config_reader *reader, const struct config_setting_t *group,
    const char *what, const struct ca_field *fields, size_t count, void *out)
{
	if (!config_setting_is_group(group))
		return ca_setting_wrong(
		    reader, group, "'%s' is not a group { ... }", name_of(group));
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *member = config_setting_get_elem(group, (unsigned)i);
		if (find_field(fields, count, member->name) == NULL)
			return ca_setting_wrong(
			    reader, member, "%s has no setting '%s'", what, member->name);
	}
	for (size_t i = 0; i < count; i++) {
		const config_setting_t *member = config_setting_get_member(group, fields[i].name);
		if (member == NULL) {
			if (fields[i].required)
				return ca_setting_wrong(
				    reader, group, "%s needs '%s'", what, fields[i].name);
			continue;
		}
		if (!fields[i].set(reader, member, (char *)out + fields[i].offset))
			return false;
	}
	return true;
}

const struct config_setting_t *
ca_setting_member(const struct config_setting_t *group, const char *name)
{
	const config_setting_t *member = config_setting_get_member(group, name);
	return member == NULL ? group : member;
}

bool
ca_setting_items(struct ca_config_reader *reader, const struct config_setting_t *setting,
    size_t size, ca_setter *set, const void **items, size_t *count)
{
	if (!config_setting_is_array(setting) && !config_setting_is_list(setting))
		return ca_setting_wrong(
		    reader, setting, "'%s' is not a list [ ... ] or ( ... )", name_of(setting));
	int length = config_setting_length(setting);
	if (length > MAX_ITEMS)
		return ca_setting_wrong(
		    reader, setting, "'%s' has more than %d items", name_of(setting), MAX_ITEMS);
	char *all = ca_arena_get(reader->arena, (size_t)length + 1, size);
	if (all == NULL)
		return ca_why_set(reader->why, "out of memory");
	for (int i = 0; i < length; i++)
		if (!set(reader, config_setting_get_elem(setting, (unsigned)i),
			all + (size_t)i * size))
			return false;
	*items = all;
	*count = (size_t)length;
	return true;
}

bool
ca_setting_string(
    struct ca_config_reader *reader, const struct config_setting_t *setting, void *out)
{
	const char *text = config_setting_type(setting) == CONFIG_TYPE_STRING
			       ? config_setting_get_string(setting)
			       : NULL;
	if (text == NULL)
		return ca_setting_wrong(
		    reader, setting, "'%s' is not text in double quotes", name_of(setting));
	char *copy = ca_arena_text(reader->arena, text);
	if (copy == NULL)
		return ca_why_set(reader->why, "out of memory");
	*(const char **)out = copy;
	return true;
}

/* UTF-8, no control characters, at least one character. */
static bool
is_line(const char *text)
{
	const uint8_t *at = (const uint8_t *)text;
	size_t left = strlen(text);
	if (left == 0)
		return false;
	while (left > 0) {
		uint32_t codepoint;
		size_t len = ca_text_utf8_next(at, left, &codepoint);
		if (len == 0 || ca_text_is_control(codepoint))
			return false;
		at += len;
		left -= len;
	}
	return true;
}

bool
ca_setting_text(struct ca_config_reader *reader, const struct config_setting_t *setting, void *out)
{
	if (!ca_setting_string(reader, setting, out))
		return false;
	if (!is_line(*(const char **)out))
		return ca_setting_wrong(reader, setting,
		    "'%s' is not one line of text, or has control characters", name_of(setting));
	return true;
}

bool
ca_setting_name(struct ca_config_reader *reader, const struct config_setting_t *setting, void *out)
{
	if (!ca_setting_string(reader, setting, out))
		return false;
	const char *name = *(const char **)out;
	if (!ca_text_is_name(name))
		return ca_setting_wrong(reader, setting,
		    "'%s' is not a name: 1 to 64 of letters, digits, '.', '_', '@', '+', '-'",
		    name);
	return true;
}

bool
ca_setting_word(struct ca_config_reader *reader, const struct config_setting_t *setting, void *out)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
	if (!ca_setting_string(reader, setting, out))
		return false;
	const char *word = *(const char **)out;
	size_t len = strlen(word);
	if (len == 0 || len > 64 || strchr(letters, word[0]) == NULL ||
	    word[strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789-")] != 0)
		return ca_setting_wrong(reader, setting,
		    "'%s' is not a name of small letters, digits and '-', beginning with a letter",
		    word);
	return true;
}

static bool
is_clean_path(const char *path)
{
	if (path[0] != '/')
		return false;
	for (const char *part = path; *part == '/';) {
		size_t len = strcspn(++part, "/");
		if (len == 0 || (len == 1 && part[0] == '.') ||
		    (len == 2 && part[0] == '.' && part[1] == '.'))
			return false;
		part += len;
	}
	return is_line(path);
}

bool
ca_setting_path(struct ca_config_reader *reader, const struct config_setting_t *setting, void *out)
{
	if (!ca_setting_string(reader, setting, out))
		return false;
	const char *path = *(const char **)out;
	if (!is_clean_path(path))
		return ca_setting_wrong(reader, setting,
		    "'%s' is not an absolute path without '.', '..' or doubled slashes", path);
	return true;
}

bool
ca_setting_folder(
    struct ca_config_reader *reader, const struct config_setting_t *setting, void *out)
{
	if (!ca_setting_string(reader, setting, out))
		return false;
	return strcmp(*(const char **)out, "/") == 0 || ca_setting_path(reader, setting, out);
}

bool
ca_setting_bool(struct ca_config_reader *reader, const struct config_setting_t *setting, void *out)
{
	if (config_setting_type(setting) != CONFIG_TYPE_BOOL)
		return ca_setting_wrong(
		    reader, setting, "'%s' is not true or false", name_of(setting));
	*(bool *)out = config_setting_get_bool(setting) != 0;
	return true;
}

bool
ca_setting_integer(
    struct ca_config_reader *reader, const struct config_setting_t *setting, void *out)
{
	int type = config_setting_type(setting);
	if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64)
		return ca_setting_wrong(reader, setting, "'%s' is not a number", name_of(setting));
	*(int64_t *)out = type == CONFIG_TYPE_INT ? config_setting_get_int(setting)
						  : config_setting_get_int64(setting);
	return true;
}

bool
ca_setting_number(
    struct ca_config_reader *reader, const struct config_setting_t *setting, void *out)
{
	int64_t number = 0;
	if (!ca_setting_integer(reader, setting, &number))
		return false;
	if (number < 1 || number > MAX_NUMBER)
		return ca_setting_wrong(reader, setting, "'%s' is not a number from 1 to %d",
		    name_of(setting), MAX_NUMBER);
	*(unsigned *)out = (unsigned)number;
	return true;
}

bool
ca_setting_duration(
    struct ca_config_reader *reader, const struct config_setting_t *setting, void *out)
{
	int64_t seconds = 0;
	if (config_setting_type(setting) == CONFIG_TYPE_STRING) {
		uint32_t parsed;
		if (ca_duration_parse(config_setting_get_string(setting), &parsed))
			seconds = parsed;
	} else if (!ca_setting_integer(reader, setting, &seconds)) {
		return false;
	}
	if (seconds < 1 || seconds > MAX_SECONDS)
		return ca_setting_wrong(reader, setting,
		    "'%s' is not a time like 90, \"30m\" or \"1h30m\", from 1 second to a year",
		    name_of(setting));
	*(unsigned *)out = (unsigned)seconds;
	return true;
}

bool
ca_setting_size(struct ca_config_reader *reader, const struct config_setting_t *setting, void *out)
{
	uint64_t size = 0;
	int64_t number = 0;
	if (config_setting_type(setting) == CONFIG_TYPE_STRING) {
		if (!ca_size_parse(config_setting_get_string(setting), &size))
			size = 0;
	} else if (!ca_setting_integer(reader, setting, &number)) {
		return false;
	} else if (number > 0) {
		size = (uint64_t)number;
	}
	if (size == 0 || size > INT64_MAX)
		return ca_setting_wrong(reader, setting,
		    "'%s' is not a number of bytes like 4096, \"512K\" or \"16M\"",
		    name_of(setting));
	*(uint64_t *)out = size;
	return true;
}

static bool
parse_ids(const char *text, uid_t *uid, gid_t *gid)
{
	char first[16];
	uint64_t number;
	const char *colon = strchr(text, ':');
	if (colon == NULL || (size_t)(colon - text) >= sizeof first)
		return false;
	memcpy(first, text, (size_t)(colon - text));
	first[colon - text] = 0;
	if (!ca_text_to_u64(first, UINT32_MAX - 1, &number))
		return false;
	*uid = (uid_t)number;
	if (!ca_text_to_u64(colon + 1, UINT32_MAX - 1, &number))
		return false;
	*gid = (gid_t)number;
	return true;
}

bool
ca_setting_user(struct ca_config_reader *reader, const struct config_setting_t *where,
    const char *name, uid_t *uid, gid_t *gid)
{
	struct passwd storage, *found = NULL;
	char text[16384];
	if (strchr(name, ':') != NULL) {
		if (!parse_ids(name, uid, gid))
			return ca_setting_wrong(
			    reader, where, "'%s' is not a user's name or uid:gid", name);
	} else {
		int error = getpwnam_r(name, &storage, text, sizeof text, &found);
		if (found == NULL)
			return ca_setting_wrong(reader, where, "no such user: '%s'%s%s", name,
			    error ? ": " : "", error ? strerror(error) : "");
		*uid = found->pw_uid;
		*gid = found->pw_gid;
	}
	if (*uid == 0 || *gid == 0)
		return ca_setting_wrong(reader, where,
		    "'%s' is root or in root's group, and nothing runs as that", name);
	return true;
}

bool
ca_config_read(struct ca_config_reader *reader, ca_setter *set)
{
	config_t settings;
	bool ok = false;
	config_init(&settings);
	if (config_read_string(&settings, (const char *)reader->text->text.data) == CONFIG_TRUE) {
		ok = set(reader, config_root_setting(&settings), reader->subject);
	} else {
		unsigned line;
		const char *path = ca_config_text_where(
		    reader->text, (unsigned)config_error_line(&settings), &line);
		ca_why_set(reader->why, "%s:%u: %s", path, line, config_error_text(&settings));
	}
	config_destroy(&settings);
	return ok;
}
