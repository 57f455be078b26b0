/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.c - a post's configuration: the settings outside roles, the keys, and
 * what must hold between them.
 */
#include "bastion/config.h"

#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/text.h"
#include "config_read.h"

const char *
bas_level_name(enum bas_level level)
{
	static const char *const names[] = { "none", "basic", "kernel", "full" };
	return names[level];
}

bool
bas_endpoint_parse(const char *text, struct ca_address *address, uint16_t *port)
{
	char host[CA_ADDRESS_TEXT_SIZE];
	uint64_t number;
	const char *colon = strrchr(text, ':');
	if (colon == NULL)
		return false;
	const char *start = text, *end = colon;
	bool brackets = end - start >= 2 && start[0] == '[' && end[-1] == ']';
	if (brackets) {
		start++;
		end--;
	}
	/* without brackets nobody can say where an IPv6 address ends */
	bool has_colon = memchr(start, ':', (size_t)(end - start)) != NULL;
	if (has_colon != brackets || (size_t)(end - start) >= sizeof host)
		return false;
	memcpy(host, start, (size_t)(end - start));
	host[end - start] = 0;
	if (!ca_address_parse(address, host) || !ca_text_to_u64(colon + 1, UINT16_MAX, &number))
		return false;
	*port = (uint16_t)number;
	return true;
}

static bool
set_environment(struct ca_config_reader *reader, const struct config_setting_t *setting, void *out)
{
	if (!ca_setting_name(reader, setting, out))
		return false;
	if (strcmp(*(const char **)out, "gate") == 0)
		return ca_setting_wrong(
		    reader, setting, "'gate' is a reserved word, not an environment");
	return true;
}

static bool
set_endpoint(struct ca_config_reader *reader, const struct config_setting_t *setting, void *out)
{
	struct ca_address address;
	uint16_t port;
	if (!ca_setting_string(reader, setting, out))
		return false;
	if (!bas_endpoint_parse(*(const char **)out, &address, &port))
		return ca_setting_wrong(reader, setting,
		    "'%s' is not an address and port like 127.0.0.1:22 or [::1]:22",
		    *(const char **)out);
	return true;
}

static bool
set_listen(struct ca_config_reader *reader, const struct config_setting_t *setting, void *out)
{
	struct bas_config *config = out;
	const void *items;
	if (!ca_setting_items(
		reader, setting, sizeof(char *), set_endpoint, &items, &config->listen_count))
		return false;
	config->listen = items;
	if (config->listen_count == 0)
		return ca_setting_wrong(reader, setting, "'listen' names no address");
	return true;
}

static bool
set_krl(struct ca_config_reader *reader, const struct config_setting_t *setting, void *out)
{
	const char *krl;
	if (!ca_setting_string(reader, setting, &krl))
		return false;
	if (strcmp(krl, "front door") == 0)
		return ca_setting_wrong(
		    reader, setting, "'krl' is \"front door\", but no front door is configured");
	if (strcmp(krl, "none") == 0)
		return true;
	return ca_setting_path(reader, setting, out);
}

static bool
set_owner(struct ca_config_reader *reader, const struct config_setting_t *setting, void *out)
{
	struct bas_config *config = out;
	return ca_setting_text(reader, setting, &config->owner) &&
	       ca_setting_user(
		   reader, setting, config->owner, &config->owner_uid, &config->owner_gid);
}

static bool
set_door(struct ca_config_reader *reader, const struct config_setting_t *setting, void *out)
{
	struct bas_config *config = out;
	return ca_setting_text(reader, setting, &config->door) &&
	       ca_setting_user(reader, setting, config->door, &config->door_uid, &config->door_gid);
}

static bool
set_limits(struct ca_config_reader *reader, const struct config_setting_t *setting, void *out)
{
	static const struct ca_field fields[] = {
		{ "unauthenticated", ca_setting_number,
		    offsetof(struct bas_limits, unauthenticated), 0 },
		{ "unauthenticated_per_address", ca_setting_number,
		    offsetof(struct bas_limits, unauthenticated_per_address), 0 },
		{ "auth_requests", ca_setting_number, offsetof(struct bas_limits, auth_requests),
		    0 },
		{ "grace", ca_setting_duration, offsetof(struct bas_limits, grace), 0 },
		{ "channels", ca_setting_number, offsetof(struct bas_limits, channels), 0 },
		{ "connections", ca_setting_number, offsetof(struct bas_limits, connections), 0 },
	};
	return ca_setting_fields(reader, setting, "'limits'", fields, CA_COUNT(fields), out);
}

/* In this order they are read: identities look at authorities, roles at all keys and users. */
static const struct ca_field post_fields[] = {
	{ "environment", set_environment, offsetof(struct bas_config, environment), true },
	{ "listen", set_listen, 0, true },
	{ "host_key", ca_setting_path, offsetof(struct bas_config, host_key), true },
	{ "state", ca_setting_path, offsetof(struct bas_config, state), true },
	{ "seal_key", ca_setting_path, offsetof(struct bas_config, seal_key), false },
	{ "owner", set_owner, 0, false },
	{ "door", set_door, 0, false },
	{ "authorities", bas_setting_authorities, 0, false },
	{ "identities", bas_setting_identities, 0, false },
	{ "approvers", bas_setting_approvers, 0, false },
	{ "krl", set_krl, offsetof(struct bas_config, krl), true },
	{ "krl_max_age", ca_setting_duration, offsetof(struct bas_config, krl_max_age), false },
	{ "linger", ca_setting_duration, offsetof(struct bas_config, linger), false },
	{ "limits", set_limits, offsetof(struct bas_config, limits), false },
	{ "roles", bas_setting_roles, 0, true },
};

static bool
check_post(struct ca_config_reader *reader, const struct config_setting_t *root)
{
	const struct bas_config *config = reader->subject;
	if (config->krl_max_age != 0 && config->krl == NULL)
		return ca_setting_wrong(reader, ca_setting_member(root, "krl_max_age"),
		    "'krl_max_age' is set, but 'krl' is \"none\"");
	if (reader->euid != 0)
		return true;
	if (config->owner == NULL || config->door == NULL)
		return ca_setting_wrong(reader, root,
		    "started as root, the configuration needs '%s'",
		    config->owner == NULL ? "owner" : "door");
	/* whoever reads the network must not be who owns the recordings */
	if (config->owner_uid == config->door_uid)
		return ca_setting_wrong(reader, ca_setting_member(root, "door"),
		    "'owner' and 'door' are the same user");
	for (size_t i = 0; i < config->role_count; i++)
		if (config->roles[i].uid == config->owner_uid ||
		    config->roles[i].uid == config->door_uid)
			return ca_setting_wrong(reader,
			    config_setting_get_member(
				ca_setting_member(root, "roles"), config->roles[i].name),
			    "role '%s' runs commands as the user of '%s'", config->roles[i].name,
			    config->roles[i].uid == config->owner_uid ? "owner" : "door");
	return true;
}

static bool
finish_post(struct ca_config_reader *reader)
{
	struct bas_config *config = reader->subject;
	if (config->seal_key != NULL)
		return true;
	size_t size = strlen(config->state) + sizeof "/seal_key";
	char *path = ca_arena_get(reader->arena, size, 1);
	if (path == NULL)
		return ca_why_set(reader->why, "out of memory");
	snprintf(path, size, "%s/seal_key", config->state);
	config->seal_key = path;
	return true;
}

static bool
set_post(struct ca_config_reader *reader, const struct config_setting_t *root, void *out)
{
	return ca_setting_fields(
		   reader, root, "the configuration", post_fields, CA_COUNT(post_fields), out) &&
	       check_post(reader, root) && finish_post(reader);
}

static bool
read_text(struct bas_config **out, const char *path, const struct ca_config_text *text, uid_t euid,
    struct ca_why *why)
{
	*out = NULL;
	struct ca_arena *arena = ca_arena_new();
	struct bas_config *config = arena ? ca_arena_get(arena, 1, sizeof *config) : NULL;
	if (config == NULL) {
		ca_arena_free(arena);
		return ca_why_set(why, "out of memory");
	}
	*config = (struct bas_config){
		.owner_uid = (uid_t)-1,
		.owner_gid = (gid_t)-1,
		.door_uid = (uid_t)-1,
		.door_gid = (gid_t)-1,
		.linger = 120,
		.limits = { .unauthenticated = 64,
		    .unauthenticated_per_address = 16,
		    .auth_requests = 20,
		    .grace = 60,
		    .channels = 10,
		    .connections = 1000 },
		.arena = arena,
	};
	struct ca_config_reader reader = {
		.arena = arena, .text = text, .subject = config, .euid = euid, .why = why
	};
	config->path = ca_arena_text(arena, path);
	if (config->path == NULL)
		ca_why_set(why, "out of memory");
	if (config->path == NULL || !ca_config_read(&reader, set_post)) {
		bas_config_free(config);
		return false;
	}
	*out = config;
	return true;
}

bool
bas_config_load_as(struct bas_config **out, const char *path, uid_t euid, struct ca_why *why)
{
	struct ca_config_text text;
	*out = NULL;
	if (!ca_config_text_load(&text, path, why))
		return false;
	bool ok = read_text(out, path, &text, euid, why);
	ca_config_text_clear(&text);
	return ok;
}

bool
bas_config_parse(struct bas_config **out, const char *path, const void *data, size_t len,
    uid_t euid, struct ca_why *why)
{
	struct ca_config_text text;
	*out = NULL;
	if (!ca_config_text_parse(&text, path, data, len, why))
		return false;
	bool ok = read_text(out, path, &text, euid, why);
	ca_config_text_clear(&text);
	return ok;
}

bool
bas_config_load(struct bas_config **out, const char *path, struct ca_why *why)
{
	return bas_config_load_as(out, path, geteuid(), why);
}

void
bas_config_free(struct bas_config *config)
{
	if (config == NULL)
		return;
	for (size_t i = 0; i < config->authority_count; i++)
		ca_key_free(config->authorities[i]);
	for (size_t i = 0; i < config->identity_count; i++)
		ca_key_free(config->identities[i]);
	ca_allowed_signers_free(config->approvers);
	/* the arena holds the config itself, and goes last */
	ca_arena_free(config->arena);
}

const struct bas_role *
bas_config_role(const struct bas_config *config, const char *name)
{
	for (size_t i = 0; i < config->role_count; i++)
		if (strcmp(config->roles[i].name, name) == 0)
			return &config->roles[i];
	return NULL;
}

const struct bas_command *
bas_role_command(const struct bas_role *role, const char *name)
{
	for (size_t i = 0; i < role->command_count; i++)
		if (strcmp(role->commands[i].name, name) == 0)
			return &role->commands[i];
	return NULL;
}
