/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_key.c - whom a post trusts: authorities, identities, approvers.
 *
 * One key has one purpose: whoever could sign a certificate and approve it, or sign grants and
 * identities, would be two people at once.
 */
#include "config_read.h"

#include <libconfig.h>
#include <string.h>

#include "ca/file.h"
#include "ca/sshsig.h"

#define MAX_KEY_FILE	   65536
#define MAX_APPROVERS_FILE ((size_t)1 << 20)

/* In front of a sentence that is already written; ca_file names the file itself. */
static bool
point_at(struct ca_config_reader *reader, const struct config_setting_t *setting, const char *path)
{
	if (reader->why != NULL && strstr(reader->why->text, path) == NULL)
		ca_why_prefix(reader->why, "'%s'", path);
	return ca_setting_prefix(reader, setting);
}

static bool
load_key(
    struct ca_config_reader *reader, const struct config_setting_t *setting, struct ca_key **out)
{
	const char *path;
	struct ca_buf text = { 0 };
	bool ok = false;
	if (!ca_setting_path(reader, setting, &path))
		return false;
	if (!ca_file_read_trusted(path, MAX_KEY_FILE, false, &text, reader->why))
		goto out;
	char *line = (char *)text.data;
	if (text.len > 0 && line[text.len - 1] == '\n')
		line[text.len - 1] = 0;
	if (strlen(line) + 1 < text.len)
		ca_why_set(reader->why, "the line contains NUL");
	else
		ok = ca_key_parse_line(out, line, reader->why);
out:
	ca_buf_clear(&text);
	return ok || point_at(reader, setting, path);
}

/* Counts as it loads, so that a failure leaves nothing that bas_config_free would miss. */
static bool
load_keys(struct ca_config_reader *reader, const struct config_setting_t *setting,
    struct ca_key ***keys, size_t *count)
{
	if (!config_setting_is_array(setting) && !config_setting_is_list(setting))
		return ca_setting_wrong(
		    reader, setting, "'%s' is not a list of key files", setting->name);
	int length = config_setting_length(setting);
	*keys = ca_arena_get(reader->arena, (size_t)length + 1, sizeof(void *));
	if (*keys == NULL)
		return ca_why_set(reader->why, "out of memory");
	for (int i = 0; i < length; i++) {
		const config_setting_t *item = config_setting_get_elem(setting, (unsigned)i);
		if (!load_key(reader, item, &(*keys)[i]))
			return false;
		++*count;
		for (int j = 0; j < i; j++)
			if (ca_key_equal((*keys)[i], (*keys)[j]))
				return ca_setting_wrong(
				    reader, item, "the same key stands here twice");
	}
	return true;
}

bool
bas_setting_authorities(
    struct ca_config_reader *reader, const struct config_setting_t *setting, void *out)
{
	struct bas_config *config = out;
	return load_keys(reader, setting, &config->authorities, &config->authority_count);
}

bool
bas_setting_identities(
    struct ca_config_reader *reader, const struct config_setting_t *setting, void *out)
{
	struct bas_config *config = out;
	if (!load_keys(reader, setting, &config->identities, &config->identity_count))
		return false;
	for (size_t i = 0; i < config->identity_count; i++)
		for (size_t j = 0; j < config->authority_count; j++)
			if (ca_key_equal(config->identities[i], config->authorities[j]))
				return ca_setting_wrong(reader, setting,
				    "one key is in 'authorities' and in 'identities'");
	return true;
}

static bool
has_key(struct ca_key *const *keys, size_t count, const struct ca_key *key)
{
	for (size_t i = 0; i < count; i++)
		if (ca_key_equal(keys[i], key))
			return true;
	return false;
}

bool
bas_setting_approvers(
    struct ca_config_reader *reader, const struct config_setting_t *setting, void *out)
{
	struct bas_config *config = out;
	const char *path;
	struct ca_buf text = { 0 };
	if (!ca_setting_path(reader, setting, &path))
		return false;
	bool ok = ca_file_read_trusted(path, MAX_APPROVERS_FILE, false, &text, reader->why) &&
		  ca_allowed_signers_parse(&config->approvers, path, (const char *)text.data,
		      text.len, CA_NAMESPACE_GRANT, reader->why);
	ca_buf_clear(&text);
	if (!ok)
		return point_at(reader, setting, path);
	for (size_t i = 0; i < config->approvers->count; i++) {
		const struct ca_allowed_signer *signer = &config->approvers->entries[i];
		if (has_key(config->authorities, config->authority_count, signer->key) ||
		    has_key(config->identities, config->identity_count, signer->key))
			return ca_setting_wrong(reader, setting,
			    "%s:%u: the key of '%s' is also one that signs certificates", path,
			    signer->line, signer->name);
	}
	return true;
}
