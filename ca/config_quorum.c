/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_quorum.c - a quorum as configurations write it.
 */
#include "ca/config.h"

#include <libconfig.h>
#include <string.h>

#include "ca/quorum.h"

static bool
set_patterns(struct ca_config_reader *reader, const struct config_setting_t *setting, void *out)
{
	struct ca_quorum_group *group = out;
	const void *items;
	size_t count;
	if (!ca_setting_items(reader, setting, sizeof(char *), ca_setting_text, &items, &count))
		return false;
	if (count == 0 || count > CA_QUORUM_MAX_PATTERNS)
		return ca_setting_wrong(
		    reader, setting, "'of' lists 1 to %d names", CA_QUORUM_MAX_PATTERNS);
	memcpy(group->of, items, count * sizeof *group->of);
	group->of_count = count;
	return true;
}

static bool
set_group(struct ca_config_reader *reader, const struct config_setting_t *setting, void *out)
{
	static const struct ca_field fields[] = {
		{ "of", set_patterns, 0, true },
		{ "need", ca_setting_number, offsetof(struct ca_quorum_group, need), true },
	};
	return ca_setting_fields(
	    reader, setting, "a group of 'quorum'", fields, CA_COUNT(fields), out);
}

bool
ca_setting_quorum(
    struct ca_config_reader *reader, const struct config_setting_t *setting, void *out)
{
	struct ca_quorum *quorum = out;
	const void *items;
	size_t count;
	if (!ca_setting_items(
		reader, setting, sizeof(struct ca_quorum_group), set_group, &items, &count))
		return false;
	if (count == 0 || count > CA_QUORUM_MAX_GROUPS)
		return ca_setting_wrong(
		    reader, setting, "'quorum' has 1 to %d groups", CA_QUORUM_MAX_GROUPS);
	memcpy(quorum->groups, items, count * sizeof *quorum->groups);
	quorum->group_count = count;
	return true;
}
