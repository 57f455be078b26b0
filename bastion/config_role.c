/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_role.c - roles: how each lets in, as whom its commands run, and what holds them.
 */
#include "config_read.h"

#include <libconfig.h>
#include <stdio.h>
#include <string.h>

#include "ca/text.h"

static bool
set_admits(struct ca_config_reader *reader, const struct config_setting_t *setting, void *out)
{
	const char *word;
	if (!ca_setting_string(reader, setting, &word))
		return false;
	if (strcmp(word, "grant") == 0)
		*(enum ca_admits *)out = CA_ADMITS_GRANT;
	else if (strcmp(word, "identity") == 0)
		*(enum ca_admits *)out = CA_ADMITS_IDENTITY;
	else
		return ca_setting_wrong(
		    reader, setting, "'admits' is \"grant\" or \"identity\", not '%s'", word);
	return true;
}

static bool
set_least(struct ca_config_reader *reader, const struct config_setting_t *setting, void *out)
{
	const char *word;
	if (!ca_setting_string(reader, setting, &word))
		return false;
	for (enum bas_level level = BAS_LEVEL_BASIC; level <= BAS_LEVEL_FULL; level++)
		if (strcmp(word, bas_level_name(level)) == 0) {
			*(enum bas_level *)out = level;
			return true;
		}
	return ca_setting_wrong(
	    reader, setting, "'least' is \"full\", \"kernel\" or \"basic\", not '%s'", word);
}

static bool
set_user(struct ca_config_reader *reader, const struct config_setting_t *setting, void *out)
{
	struct bas_role *role = out;
	return ca_setting_text(reader, setting, &role->user) &&
	       ca_setting_user(reader, setting, role->user, &role->uid, &role->gid);
}

static const struct ca_field role_fields[] = {
	{ "description", ca_setting_text, offsetof(struct bas_role, description), false },
	{ "admits", set_admits, offsetof(struct bas_role, admission.admits), true },
	{ "quorum", ca_setting_quorum, offsetof(struct bas_role, quorum), false },
	{ "user", set_user, 0, false },
	{ "least", set_least, offsetof(struct bas_role, least), false },
	{ "output", ca_setting_size, offsetof(struct bas_role, output), false },
	{ "commands", bas_setting_commands, 0, true },
};

static bool
check_grants(struct ca_config_reader *reader, const struct config_setting_t *setting,
    const struct bas_role *role)
{
	const struct bas_config *config = reader->subject;
	if (role->quorum.group_count == 0)
		return ca_setting_wrong(
		    reader, setting, "role '%s' admits grants and needs 'quorum'", role->name);
	if (config->authority_count == 0 || config->approvers == NULL)
		return ca_setting_wrong(reader, setting,
		    "role '%s' admits grants, but the configuration has no '%s'", role->name,
		    config->authority_count == 0 ? "authorities" : "approvers");
	if (ca_quorum_check(&role->quorum, config->approvers, reader->why))
		return true;
	ca_why_prefix(reader->why, "role '%s'", role->name);
	return ca_setting_prefix(reader, ca_setting_member(setting, "quorum"));
}

static bool
check_role(struct ca_config_reader *reader, const struct config_setting_t *setting,
    const struct bas_role *role)
{
	if (role->admission.admits == CA_ADMITS_GRANT) {
		if (!check_grants(reader, setting, role))
			return false;
	} else if (role->quorum.group_count != 0) {
		return ca_setting_wrong(reader, ca_setting_member(setting, "quorum"),
		    "role '%s' admits identities, whom nobody approves: 'quorum' has no effect",
		    role->name);
	} else if (((const struct bas_config *)reader->subject)->identity_count == 0) {
		return ca_setting_wrong(reader, setting,
		    "role '%s' admits identities, but the configuration has no 'identities'",
		    role->name);
	}
	if (reader->euid == 0 && role->user == NULL)
		return ca_setting_wrong(
		    reader, setting, "started as root, role '%s' needs 'user'", role->name);
	return true;
}

static bool
read_role(
    struct ca_config_reader *reader, const struct config_setting_t *setting, struct bas_role *role)
{
	char what[96];
	*role = (struct bas_role){
		.uid = (uid_t)-1, .gid = (gid_t)-1, .least = BAS_LEVEL_FULL, .output = UINT64_MAX
	};
	if (!ca_text_is_name(setting->name) || strcmp(setting->name, "help") == 0 ||
	    strcmp(setting->name, "whoami") == 0 || strcmp(setting->name, "exit") == 0)
		return ca_setting_wrong(reader, setting, "'%s' cannot name a role", setting->name);
	role->name = ca_arena_text(reader->arena, setting->name);
	if (role->name == NULL)
		return ca_why_set(reader->why, "out of memory");
	snprintf(what, sizeof what, "role '%s'", role->name);
	if (!ca_setting_fields(reader, setting, what, role_fields, CA_COUNT(role_fields), role))
		return false;
	if (role->admission.admits == CA_ADMITS_GRANT)
		role->admission.quorum = &role->quorum;
	return check_role(reader, setting, role);
}

bool
bas_setting_roles(
    struct ca_config_reader *reader, const struct config_setting_t *setting, void *out)
{
	struct bas_config *config = out;
	if (!config_setting_is_group(setting))
		return ca_setting_wrong(reader, setting, "'roles' is not a group { ... }");
	int count = config_setting_length(setting);
	if (count == 0)
		return ca_setting_wrong(reader, setting, "'roles' has no role");
	struct bas_role *roles = ca_arena_get(reader->arena, (size_t)count, sizeof *roles);
	if (roles == NULL)
		return ca_why_set(reader->why, "out of memory");
	for (int i = 0; i < count; i++)
		if (!read_role(reader, config_setting_get_elem(setting, (unsigned)i), &roles[i]))
			return false;
	config->roles = roles;
	config->role_count = (size_t)count;
	return true;
}
