/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_command.c - commands: templates, typed parameters, what a run may use.
 *
 * A template that could not run as it stands is found here and not when an engineer waits for it.
 */
#include "config_read.h"

#include <errno.h>
#include <libconfig.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "bastion/call.h"
#include "bastion/destination.h"
#include "ca/text.h"
#include "template.h"

static bool
set_strings(struct ca_config_reader *reader, const struct config_setting_t *setting, void *out)
{
	struct bas_command *command = out;
	const void *items;
	if (!ca_setting_items(
		reader, setting, sizeof(char *), ca_setting_string, &items, &command->argc))
		return false;
	command->argv = items;
	if (command->argc == 0)
		return ca_setting_wrong(reader, setting, "'argv' names no program");
	return true;
}

static bool
set_folders(struct ca_config_reader *reader, const struct config_setting_t *setting,
    const char *const **paths, size_t *count)
{
	const void *items;
	if (!ca_setting_items(reader, setting, sizeof(char *), ca_setting_folder, &items, count))
		return false;
	*paths = items;
	return true;
}

static bool
set_read(struct ca_config_reader *reader, const struct config_setting_t *setting, void *out)
{
	struct bas_confine *confine = out;
	return set_folders(reader, setting, &confine->read, &confine->read_count);
}

static bool
set_write(struct ca_config_reader *reader, const struct config_setting_t *setting, void *out)
{
	struct bas_confine *confine = out;
	return set_folders(reader, setting, &confine->write, &confine->write_count);
}

static bool
set_execute(struct ca_config_reader *reader, const struct config_setting_t *setting, void *out)
{
	struct bas_confine *confine = out;
	return set_folders(reader, setting, &confine->execute, &confine->execute_count);
}

static bool
is_host_and_port(const char *text)
{
	struct ca_address address;
	uint16_t port;
	uint64_t number;
	if (bas_endpoint_parse(text, &address, &port))
		return port != 0;
	size_t len =
	    strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-");
	/* digits and dots alone would be an address, and were none */
	bool numeric = strspn(text, "0123456789.") == len;
	return len > 0 && len < 254 && !numeric && text[0] != '-' && text[0] != '.' &&
	       text[len] == ':' && ca_text_to_u64(text + len + 1, UINT16_MAX, &number) &&
	       number > 0;
}

static bool
set_host_and_port(
    struct ca_config_reader *reader, const struct config_setting_t *setting, void *out)
{
	if (!ca_setting_string(reader, setting, out))
		return false;
	if (!is_host_and_port(*(const char **)out))
		return ca_setting_wrong(
		    reader, setting, "'%s' is not a host and port", *(const char **)out);
	if (bas_destination_is_refused(*(const char **)out))
		return ca_setting_wrong(reader, setting,
		    "'%s' is where a machine's own credentials are told: no command connects to it",
		    *(const char **)out);
	return true;
}

/* Inside, a destination is its port on loopback. */
static bool
check_ports(struct ca_config_reader *reader, const struct config_setting_t *setting,
    const struct bas_confine *confine)
{
	for (size_t i = 1; i < confine->connect_count; i++)
		for (size_t j = 0; j < i; j++)
			if (bas_destination_port(confine->connect[i]) ==
			    bas_destination_port(confine->connect[j]))
				return ca_setting_wrong(reader, setting,
				    "'%s' and '%s' have one port, and each is its port on "
				    "loopback inside",
				    confine->connect[j], confine->connect[i]);
	if (confine->connect_count > BAS_DESTINATIONS_MAX)
		return ca_setting_wrong(
		    reader, setting, "more than %d destinations", BAS_DESTINATIONS_MAX);
	return true;
}

static bool
set_connect(struct ca_config_reader *reader, const struct config_setting_t *setting, void *out)
{
	struct bas_confine *confine = out;
	const void *items;
	if (!ca_setting_items(reader, setting, sizeof(char *), set_host_and_port, &items,
		&confine->connect_count))
		return false;
	confine->connect = items;
	return check_ports(reader, setting, confine);
}

static bool
set_confine(struct ca_config_reader *reader, const struct config_setting_t *setting, void *out)
{
	static const struct ca_field fields[] = {
		{ "read", set_read, 0, false },
		{ "write", set_write, 0, false },
		{ "connect", set_connect, 0, false },
		{ "execute", set_execute, 0, false },
		{ "memory", ca_setting_size, offsetof(struct bas_confine, memory), false },
		{ "processes", ca_setting_number, offsetof(struct bas_confine, processes), false },
		{ "file_size", ca_setting_size, offsetof(struct bas_confine, file_size), false },
	};
	return ca_setting_fields(reader, setting, "'confine'", fields, CA_COUNT(fields), out);
}

/* Names in a template that nothing fills, and flags that would leave half a word behind. */
static bool
check_word(struct ca_config_reader *reader, const struct config_setting_t *where,
    const struct bas_command *command, const char *word, bool *used)
{
	for (const char *at = word;;) {
		struct bas_piece piece = bas_template_next(&at);
		size_t i = 0;
		if (piece.kind == BAS_PIECE_END)
			return true;
		if (piece.kind == BAS_PIECE_BROKEN)
			return ca_setting_wrong(reader, where,
			    "a brace without its partner in '%s'; a literal brace is doubled",
			    word);
		if (piece.kind == BAS_PIECE_TEXT || bas_template_is_reserved_piece(&piece))
			continue;
		while (i < command->parameter_count &&
		       !bas_piece_is(&piece, command->parameters[i].name))
			i++;
		if (i == command->parameter_count)
			return ca_setting_wrong(reader, where,
			    "'{%.*s}' is not a parameter of '%s'", (int)piece.len, piece.text,
			    command->name);
		if (command->parameters[i].type == BAS_FLAG &&
		    !bas_template_is_just(word, command->parameters[i].name))
			return ca_setting_wrong(reader, where,
			    "'{%s}' is a flag and stands as a word of its own",
			    command->parameters[i].name);
		used[i] = true;
	}
}

static bool
check_template(struct ca_config_reader *reader, const struct config_setting_t *setting,
    const struct bas_command *command)
{
	const struct config_setting_t *where = ca_setting_member(setting, "argv");
	bool used[BAS_PARAMETERS_MAX] = { false };
	for (size_t i = 1; i < command->argc; i++)
		if (!check_word(reader, config_setting_get_elem(where, (unsigned)i), command,
			command->argv[i], used))
			return false;
	for (size_t i = 0; i < command->parameter_count; i++)
		if (!used[i])
			return ca_setting_wrong(reader, ca_setting_member(setting, "parameters"),
			    "parameter '%s' is not used in 'argv' of '%s'",
			    command->parameters[i].name, command->name);
	return true;
}

/* A regular file that somebody may execute and not everybody may change. */
static bool
check_program(
    struct ca_config_reader *reader, const struct config_setting_t *setting, const char *program)
{
	const struct config_setting_t *where =
	    config_setting_get_elem(ca_setting_member(setting, "argv"), 0);
	struct stat st;
	if (strpbrk(program, "{}") != NULL)
		return ca_setting_wrong(
		    reader, where, "the program is fixed and has no braces: '%s'", program);
	if (program[0] != '/')
		return ca_setting_wrong(
		    reader, where, "the program is not an absolute path: '%s'", program);
	if (stat(program, &st) != 0)
		return ca_setting_wrong(reader, where, "no such program: '%s'%s%s", program,
		    errno == ENOENT ? "" : ": ", errno == ENOENT ? "" : strerror(errno));
	if (!S_ISREG(st.st_mode) || (st.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) == 0)
		return ca_setting_wrong(reader, where, "'%s' is not a program", program);
	if ((st.st_mode & S_IWOTH) != 0 || ((st.st_mode & S_IWGRP) != 0 && st.st_gid != 0))
		return ca_setting_wrong(reader, where, "'%s' may be written by others (mode %04o)",
		    program, (unsigned)(st.st_mode & 07777));
	return true;
}

static const struct ca_field command_fields[] = {
	{ "name", ca_setting_word, offsetof(struct bas_command, name), true },
	{ "help", ca_setting_text, offsetof(struct bas_command, help), false },
	{ "argv", set_strings, 0, true },
	{ "parameters", bas_setting_parameters, 0, false },
	{ "timeout", ca_setting_duration, offsetof(struct bas_command, timeout), false },
	{ "terminal", ca_setting_bool, offsetof(struct bas_command, terminal), false },
	{ "output", ca_setting_size, offsetof(struct bas_command, output), false },
	{ "confine", set_confine, offsetof(struct bas_command, confine), false },
};

static bool
set_command(struct ca_config_reader *reader, const struct config_setting_t *setting, void *out)
{
	struct bas_command *command = out;
	const char *name = "?";
	char what[96];
	*command =
	    (struct bas_command){ .output = UINT64_MAX, .line = ca_setting_line(reader, setting) };
	if (config_setting_is_group(setting))
		(void)config_setting_lookup_string(setting, "name", &name);
	snprintf(what, sizeof what, "command '%.64s'", name);
	if (!ca_setting_fields(
		reader, setting, what, command_fields, CA_COUNT(command_fields), command))
		return false;
	if (strcmp(name, "help") == 0 || strcmp(name, "whoami") == 0 || strcmp(name, "exit") == 0)
		return ca_setting_wrong(reader, ca_setting_member(setting, "name"),
		    "'%s' is built in and cannot name a command", name);
	return check_program(reader, setting, command->argv[0]) &&
	       check_template(reader, setting, command);
}

bool
bas_setting_commands(
    struct ca_config_reader *reader, const struct config_setting_t *setting, void *out)
{
	struct bas_role *role = out;
	const void *items;
	if (!ca_setting_items(reader, setting, sizeof(struct bas_command), set_command, &items,
		&role->command_count))
		return false;
	role->commands = items;
	if (role->command_count == 0)
		return ca_setting_wrong(reader, setting, "'commands' has no command");
	for (size_t i = 0; i < role->command_count; i++)
		if (bas_role_command(role, role->commands[i].name) != &role->commands[i])
			return ca_setting_wrong(reader,
			    config_setting_get_elem(setting, (unsigned)i),
			    "a second command is called '%s'", role->commands[i].name);
	return true;
}
