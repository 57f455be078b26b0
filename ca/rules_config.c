/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_config.c - reads authority.conf.
 */
#include <libconfig.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "ca/config.h"
#include "ca/rules.h"
#include "ca/statement.h"
#include "ca/text.h"

/* A name, or `*` for any. */
static bool
set_name(struct ca_config_reader *reader, const struct config_setting_t *setting, void *out)
{
	if (!ca_setting_string(reader, setting, out))
		return false;
	return strcmp(*(const char **)out, "*") == 0 || ca_setting_name(reader, setting, out);
}

/* A window is never longer than a statement may span. */
static bool
set_span(struct ca_config_reader *reader, const struct config_setting_t *setting, void *out)
{
	if (!ca_setting_duration(reader, setting, out))
		return false;
	if (*(unsigned *)out > CA_STATEMENT_MAX_SPAN)
		return ca_setting_wrong(reader, setting, "longer than 7 days");
	return true;
}

static bool
set_rule(struct ca_config_reader *reader, const struct config_setting_t *setting, void *out)
{
	static const struct ca_field fields[] = {
		{ "environment", set_name, offsetof(struct ca_rule, environment), true },
		{ "role", set_name, offsetof(struct ca_rule, role), true },
		{ "max_duration", set_span, offsetof(struct ca_rule, max_duration), true },
		{ "quorum", ca_setting_quorum, offsetof(struct ca_rule, quorum), true },
	};
	struct ca_rule *rule = out;

	rule->line = ca_setting_line(reader, setting);
	return ca_setting_fields(reader, setting, "a rule", fields, CA_COUNT(fields), out);
}

static bool
set_rules(struct ca_config_reader *reader, const struct config_setting_t *setting, void *out)
{
	struct ca_rules *rules = out;
	const void *items;

	if (!ca_setting_items(
		reader, setting, sizeof *rules->rules, set_rule, &items, &rules->rule_count))
		return false;
	rules->rules = items;
	return true;
}

static bool
set_file(struct ca_config_reader *reader, const struct config_setting_t *root, void *out)
{
	static const struct ca_field fields[] = {
		{ "pending", set_span, offsetof(struct ca_rules, pending), false },
		{ "within", set_span, offsetof(struct ca_rules, within), false },
		{ "max_pending", ca_setting_number, offsetof(struct ca_rules, max_pending), false },
		{ "identity", ca_setting_duration, offsetof(struct ca_rules, identity), false },
		{ "rules", set_rules, 0, true },
	};

	return ca_setting_fields(reader, root, "authority.conf", fields, CA_COUNT(fields), out);
}

bool
ca_rules_load(struct ca_rules **out, const char *path, struct ca_why *why)
{
	struct ca_arena *arena = ca_arena_new();
	struct ca_rules *rules = arena != NULL ? ca_arena_get(arena, 1, sizeof *rules) : NULL;
	struct ca_config_text text = { 0 };
	bool ok = false;

	if (rules == NULL) {
		ca_arena_free(arena);
		return ca_why_set(why, "out of memory");
	}
	*rules = (struct ca_rules){ .pending = 3600,
		.within = 4 * 3600,
		.max_pending = 10,
		.identity = 30 * 86400,
		.arena = arena };
	if (ca_config_text_load(&text, path, why)) {
		struct ca_config_reader reader = { .arena = arena,
			.text = &text,
			.subject = rules,
			.euid = geteuid(),
			.why = why };

		ok = ca_config_read(&reader, set_file);
		ca_config_text_clear(&text);
	}
	if (!ok) {
		ca_rules_free(rules);
		return false;
	}
	*out = rules;
	return true;
}

void
ca_rules_free(struct ca_rules *rules)
{
	/* The rules live in their own arena. */
	if (rules != NULL)
		ca_arena_free(rules->arena);
}
