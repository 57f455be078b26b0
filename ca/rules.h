/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules.h - what the authority itself demands before it signs: <state>/authority.conf.
 *
 * The gate judges again with rules of its own; these are the vendor's.
 */
#ifndef CA_RULES_H
#define CA_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "ca/quorum.h"
#include "ca/why.h"

/* One role in one environment, or `*` for any. */
struct ca_rule {
	const char *environment;
	const char *role;
	struct ca_quorum quorum;
	uint32_t max_duration; /* seconds */
	unsigned line;
};

struct ca_rules {
	uint32_t pending;     /* seconds a request waits for approvals */
	uint32_t within;      /* seconds between not-before and not-after, unless asked for more */
	unsigned max_pending; /* requests an engineer may have waiting */
	uint32_t identity;    /* seconds an identity certificate is valid */
	const struct ca_rule *rules; /* the first that matches counts */
	size_t rule_count;
	void *arena;
};

CA_MUST_USE bool ca_rules_load(struct ca_rules **out, const char *path, struct ca_why *why);
void ca_rules_free(struct ca_rules *rules);
/* NULL: nobody may ask for that. */
const struct ca_rule *ca_rules_find(
    const struct ca_rules *rules, const char *environment, const char *role);

#endif
