/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules.c - what the authority demands before it signs: lookups. The file is read in
 * rules_config.c.
 */
#include "ca/rules.h"

#include <string.h>

static bool
fits(const char *pattern, const char *name)
{
	return strcmp(pattern, "*") == 0 || strcmp(pattern, name) == 0;
}

const struct ca_rule *
ca_rules_find(const struct ca_rules *rules, const char *environment, const char *role)
{
	for (size_t i = 0; i < rules->rule_count; i++)
		if (fits(rules->rules[i].environment, environment) &&
		    fits(rules->rules[i].role, role))
			return &rules->rules[i];
	return NULL;
}
