/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.h - from libconfig's settings to plain data: tables of fields, each with the
 * function that reads it.
 *
 * A group is read against its table and nothing else: a name that is not in the table is an error
 * at its line, so is a required one that is missing. A setter gets the setting and the address to
 * fill, and says what is wrong with ca_setting_wrong.
 */
#ifndef CA_CONFIG_H
#define CA_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "ca/arena.h"
#include "ca/config_text.h"
#include "ca/why.h"

struct config_setting_t; /* libconfig's */

struct ca_config_reader {
	struct ca_arena *arena; /* every result lives in it */
	const struct ca_config_text *text;
	void *subject; /* what the whole configuration fills */
	uid_t euid;    /* whose configuration it is: root's needs users */
	struct ca_why *why;
};

typedef bool ca_setter(
    struct ca_config_reader *reader, const struct config_setting_t *setting, void *out);

struct ca_field {
	const char *name;
	ca_setter *set;
	size_t offset; /* in the struct that the group fills; what `out` points at */
	bool required;
};

#define CA_COUNT(array) (sizeof(array) / sizeof *(array))

/* Writes `path:line: sentence`; returns false. */
__attribute__((format(printf, 3, 4))) bool ca_setting_wrong(struct ca_config_reader *reader,
    const struct config_setting_t *setting, const char *format, ...);
/* Puts `path:line: ` in front of a sentence already written; returns false. */
bool ca_setting_prefix(struct ca_config_reader *reader, const struct config_setting_t *setting);
unsigned ca_setting_line(
    const struct ca_config_reader *reader, const struct config_setting_t *setting);

/* Reads a group; `what` names it in sentences: "role 'diagnostics'". */
CA_MUST_USE bool ca_setting_fields(struct ca_config_reader *reader,
    const struct config_setting_t *group, const char *what, const struct ca_field *fields,
    size_t count, void *out);
/* The member of that name, or the group itself: where to point for something that may be absent. */
const struct config_setting_t *ca_setting_member(
    const struct config_setting_t *group, const char *name);

/* Calls `set` for each element of a list or array, with items of `size` bytes out of the arena. */
CA_MUST_USE bool ca_setting_items(struct ca_config_reader *reader,
    const struct config_setting_t *setting, size_t size, ca_setter *set, const void **items,
    size_t *count);

/* A string as it is, without NUL; *out is a const char *. */
ca_setter ca_setting_string;
/* One line of text for people: UTF-8 without control characters, not empty. */
ca_setter ca_setting_text;
/* A name of ours (ca_text_is_name). */
ca_setter ca_setting_name;
/* What people type, of commands and parameters: [a-z][a-z0-9-]*, at most 64. */
ca_setter ca_setting_word;
/* An absolute path without `.`, `..`, empty parts or a slash at its end. */
ca_setter ca_setting_path;
/* The same, or `/`. */
ca_setter ca_setting_folder;
ca_setter ca_setting_bool;
/* unsigned, 1 to 1,000,000 */
ca_setter ca_setting_number;
/* int64_t, any */
ca_setter ca_setting_integer;
/* unsigned seconds, 1 to a year; a number or `30m` */
ca_setter ca_setting_duration;
/* uint64_t bytes, at least 1; a number or `16M` */
ca_setter ca_setting_size;

/* The user `name` or `uid:gid`, never root; out of the setting `where`. */
CA_MUST_USE bool ca_setting_user(struct ca_config_reader *reader,
    const struct config_setting_t *where, const char *name, uid_t *uid, gid_t *gid);

/* config_quorum.c: a list of groups, into a struct ca_quorum. */
ca_setter ca_setting_quorum;

/* Parses the reader's text and hands its root to `set`, with reader->subject to fill. */
CA_MUST_USE bool ca_config_read(struct ca_config_reader *reader, ca_setter *set);

#endif
