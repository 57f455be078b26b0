/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_read.h - from libconfig's settings to plain data: tables of fields, each
 * with the function that reads it.
 *
 * A group is read against its table and nothing else: a name that is not in the table is an error
 * at its line, so is a required one that is missing. A setter gets the setting and the address to
 * fill, and says what is wrong with bas_setting_wrong.
 */
#ifndef BAS_CONFIG_READ_H
#define BAS_CONFIG_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "arena.h"
#include "bastion/config.h"
#include "ca/why.h"
#include "config_text.h"

struct config_setting_t; /* libconfig's */

struct bas_config_reader {
	struct bas_arena *arena; /* every result lives in it */
	const struct bas_config_text *text;
	struct bas_config *config; /* the post so far */
	uid_t euid;		   /* whose configuration it is: root's needs users */
	struct ca_why *why;
};

typedef bool bas_setter(
    struct bas_config_reader *reader, const struct config_setting_t *setting, void *out);

struct bas_field {
	const char *name;
	bas_setter *set;
	size_t offset; /* in the struct that the group fills; what `out` points at */
	bool required;
};

#define BAS_COUNT(array) (sizeof(array) / sizeof *(array))

/* Writes `path:line: sentence`; returns false. */
__attribute__((format(printf, 3, 4))) bool bas_setting_wrong(struct bas_config_reader *reader,
    const struct config_setting_t *setting, const char *format, ...);
/* Puts `path:line: ` in front of a sentence already written; returns false. */
bool bas_setting_prefix(struct bas_config_reader *reader, const struct config_setting_t *setting);
unsigned bas_setting_line(
    const struct bas_config_reader *reader, const struct config_setting_t *setting);

/* Reads a group; `what` names it in sentences: "role 'diagnostics'". */
CA_MUST_USE bool bas_setting_fields(struct bas_config_reader *reader,
    const struct config_setting_t *group, const char *what, const struct bas_field *fields,
    size_t count, void *out);
/* The member of that name, or the group itself: where to point for something that may be absent. */
const struct config_setting_t *bas_setting_member(
    const struct config_setting_t *group, const char *name);

/* Calls `set` for each element of a list or array, with items of `size` bytes out of the arena. */
CA_MUST_USE bool bas_setting_items(struct bas_config_reader *reader,
    const struct config_setting_t *setting, size_t size, bas_setter *set, const void **items,
    size_t *count);

/* A string as it is, without NUL; *out is a const char *. */
bas_setter bas_setting_string;
/* One line of text for people: UTF-8 without control characters, not empty. */
bas_setter bas_setting_text;
/* A name of ours (ca_text_is_name). */
bas_setter bas_setting_name;
/* What people type, of commands and parameters: [a-z][a-z0-9-]*, at most 64. */
bas_setter bas_setting_word;
/* An absolute path without `.`, `..`, empty parts or a slash at its end. */
bas_setter bas_setting_path;
/* The same, or `/`. */
bas_setter bas_setting_folder;
bas_setter bas_setting_bool;
/* unsigned, 1 to 1,000,000 */
bas_setter bas_setting_number;
/* int64_t, any */
bas_setter bas_setting_integer;
/* unsigned seconds, 1 to a year; a number or `30m` */
bas_setter bas_setting_duration;
/* uint64_t bytes, at least 1; a number or `16M` */
bas_setter bas_setting_size;

/* The user `name` or `uid:gid`, never root; out of the setting `where`. */
CA_MUST_USE bool bas_setting_user(struct bas_config_reader *reader,
    const struct config_setting_t *where, const char *name, uid_t *uid, gid_t *gid);

/* config_key.c: into a struct bas_config, in this order. */
bas_setter bas_setting_authorities;
bas_setter bas_setting_identities;
bas_setter bas_setting_approvers;
/* config_role.c: the group `roles`, into a struct bas_config; after the keys. */
bas_setter bas_setting_roles;
/* config_command.c: the list `commands`, into a struct bas_role. */
bas_setter bas_setting_commands;

/* config_parameter.c: the list `parameters`, into a struct bas_command. */
bas_setter bas_setting_parameters;

/* Loads as the user `euid` would. */
CA_MUST_USE bool bas_config_load_as(
    struct bas_config **out, const char *path, uid_t euid, struct ca_why *why);
/* The same from memory; `path` is where it would stand. */
CA_MUST_USE bool bas_config_parse(struct bas_config **out, const char *path, const void *text,
    size_t len, uid_t euid, struct ca_why *why);

#endif
