/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_request.c - postern-ca request: the statement is made here, and never changed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/desk.h"
#include "ca/statement.h"
#include "ca/text.h"

/* What the command line asks for; NULL where nothing was said. */
struct wish {
	const char *as, *lasts, *command, *source, *start, *within, *sessions, *no_terminal, *key;
};

static const struct ca_option *
wish_options(struct wish *wish, struct ca_option options[static 10])
{
	const struct ca_option table[10] = {
		{ "as", "the engineer's name", "who asks", &wish->as },
		{ "for", "a duration", "length of the window", &wish->lasts },
		{ "command", "a command line", "exactly one command", &wish->command },
		{ "source", "a list of CIDR blocks", "where from", &wish->source },
		{ "start", "a time like 2026-11-21T18:00:00Z", "not before", &wish->start },
		{ "within", "a duration", "from not-before to not-after", &wish->within },
		{ "sessions", "a number", "how many sessions", &wish->sessions },
		{ "no-terminal", NULL, "without a terminal", &wish->no_terminal },
		{ "key", "a public key file", "which of the engineer's keys", &wish->key },
		{ 0 },
	};

	memcpy(options, table, sizeof table);
	return options;
}

/* The key that the engineer asked for, or the only one listed. Borrowed. */
static const struct ca_key *
choose_key(struct ca_desk *desk, const struct wish *wish)
{
	const struct ca_allowed_signers *list = desk->engineers;
	const struct ca_key *found = NULL;
	struct ca_key *asked = NULL;
	unsigned listed = 0, fits = 0;

	if (wish->key != NULL && !ca_key_load(&asked, wish->key, &desk->why))
		return NULL;
	for (size_t i = 0; i < list->count; i++) {
		const struct ca_allowed_signer *entry = &list->entries[i];

		if (entry->is_authority || strcmp(entry->name, wish->as) != 0)
			continue;
		listed++;
		if (desk->now < entry->valid_after || desk->now > entry->valid_before ||
		    (asked != NULL && !ca_key_equal(asked, entry->key)))
			continue;
		fits++;
		found = entry->key;
	}
	ca_key_free(asked);
	if (listed == 0)
		ca_why_set(&desk->why, "'%s' is not enrolled as an engineer", wish->as);
	else if (fits == 0)
		ca_why_set(&desk->why, "'%s' has no such key that is valid now", wish->as);
	else if (fits > 1)
		ca_why_set(&desk->why, "'%s' has several keys: say which with --key", wish->as);
	return fits == 1 ? found : NULL;
}

static bool
read_numbers(struct ca_desk *desk, const struct wish *wish, struct ca_statement *statement)
{
	uint64_t sessions = 1;
	uint32_t within = desk->rules->within;

	if (wish->lasts == NULL || !ca_duration_parse(wish->lasts, &statement->duration))
		return ca_why_set(&desk->why, "--for needs a duration like 1h or 30m");
	statement->not_before = desk->now;
	if (wish->start != NULL && !ca_time_parse(wish->start, &statement->not_before))
		return ca_why_set(&desk->why, "--start needs a time like 2026-11-21T18:00:00Z");
	if (wish->within != NULL && !ca_duration_parse(wish->within, &within))
		return ca_why_set(&desk->why, "--within needs a duration like 4h");
	if (wish->sessions != NULL &&
	    !ca_text_to_u64(wish->sessions, CA_STATEMENT_MAX_SESSIONS, &sessions))
		return ca_why_set(
		    &desk->why, "--sessions needs a number up to %d", CA_STATEMENT_MAX_SESSIONS);
	if (within < statement->duration)
		within = statement->duration;
	statement->not_after = statement->not_before + within;
	statement->sessions = (uint32_t)sessions;
	if (statement->not_after <= desk->now)
		return ca_why_set(&desk->why, "the window would be over already");
	return true;
}

static bool
check_rules(struct ca_desk *desk, const struct ca_statement *statement)
{
	const struct ca_rule *rule =
	    ca_rules_find(desk->rules, statement->environment, statement->role);
	char longest[CA_TIME_SIZE];
	uint64_t pending;
	bool disabled;

	if (rule == NULL)
		return ca_why_set(&desk->why,
		    "no rule of this authority lets anyone ask for '%s/%s'", statement->environment,
		    statement->role);
	if (statement->duration > rule->max_duration) {
		ca_duration_format(rule->max_duration, longest);
		return ca_why_set(&desk->why, "'%s/%s' is given for at most %s",
		    statement->environment, statement->role, longest);
	}
	if (!ca_store_is_disabled(desk->store, statement->engineer, &disabled, &desk->why) ||
	    !ca_store_count_pending(
		desk->store, statement->engineer, desk->now, &pending, &desk->why))
		return false;
	if (disabled)
		return ca_why_set(&desk->why, "'%s' is disabled", statement->engineer);
	if (pending >= desk->rules->max_pending)
		return ca_why_set(&desk->why, "'%s' has %u requests waiting already",
		    statement->engineer, desk->rules->max_pending);
	return true;
}

static bool
store_request(struct ca_desk *desk, struct ca_statement *statement)
{
	struct ca_request request = { .state = CA_STATE_PENDING, .asked = desk->now };
	bool ok = false;

	if (!ca_store_begin(desk->store, &desk->why) || !check_rules(desk, statement) ||
	    !ca_store_next_grant(desk->store, &statement->grant, &desk->why) ||
	    !ca_statement_encode(&request.statement, statement, &desk->why))
		goto out;
	request.grant = statement->grant;
	request.not_after = statement->not_after;
	request.expires = desk->now + desk->rules->pending;
	if (statement->not_before > desk->now)
		request.expires += statement->not_before - desk->now;
	if (request.expires > request.not_after)
		request.expires = request.not_after;
	ok = ca_store_put_request(desk->store, &request, statement->engineer, &desk->why) &&
	     ca_desk_log(desk, "request",
		 json_pack("{s:I, s:s, s:s, s:s, s:s}", "grant", (json_int_t)statement->grant,
		     "engineer", statement->engineer, "environment", statement->environment, "role",
		     statement->role, "reason", statement->reason),
		 NULL, NULL) &&
	     ca_store_commit(desk->store, &desk->why);
out:
	ca_request_clear(&request);
	return ok;
}

static bool
make_request(struct ca_desk *desk, const struct wish *wish, const char *environment,
    const char *role, const char *reason)
{
	char authority[CA_FINGERPRINT_SIZE], key[CA_FINGERPRINT_SIZE], gate[CA_FINGERPRINT_SIZE];
	struct ca_environment place = { 0 };
	struct ca_key *ca = NULL, *host = NULL;
	struct ca_statement statement = {
		.authority = authority,
		.engineer = wish->as,
		.key = key,
		.environment = environment,
		.gate = gate,
		.role = role,
		.command = wish->command,
		.source = wish->source,
		.terminal = wish->no_terminal == NULL,
		.reason = reason,
	};
	const struct ca_key *engineer = choose_key(desk, wish);
	bool found = false, ok = false;

	if (engineer == NULL || !read_numbers(desk, wish, &statement) ||
	    !ca_store_environment(desk->store, environment, &place, &found, &desk->why))
		goto out;
	if (!found) {
		ca_why_set(&desk->why, "environment '%s' has no enrolled gate", environment);
		goto out;
	}
	if (!ca_desk_public_key(desk, "authority", &ca) ||
	    !ca_key_parse(&host, place.gate_key.data, place.gate_key.len, &desk->why))
		goto out;
	ca_key_fingerprint(ca, authority);
	ca_key_fingerprint(engineer, key);
	ca_key_fingerprint(host, gate);
	statement.relay = place.relay;
	ok = store_request(desk, &statement);
	if (ok)
		printf("%llu\n", (unsigned long long)statement.grant);
out:
	ca_environment_clear(&place);
	ca_key_free(ca);
	ca_key_free(host);
	return ok;
}

enum ca_exit
ca_verb_request(struct ca_desk *desk, int argc, char **argv)
{
	struct wish wish = { 0 };
	struct ca_option options[10];
	enum ca_exit status = CA_EXIT_REFUSED;
	char *reason;

	if (!ca_desk_options(desk, wish_options(&wish, options), &argc, argv))
		return CA_EXIT_USAGE;
	if (argc < 3 || wish.as == NULL || wish.lasts == NULL) {
		ca_why_set(
		    &desk->why, "an environment, a role, --as, --for and a reason are needed");
		return CA_EXIT_USAGE;
	}
	reason = ca_desk_join(argc - 2, argv + 2);
	if (ca_desk_open(desk) && make_request(desk, &wish, argv[0], argv[1], reason))
		status = CA_EXIT_OK;
	free(reason);
	return status;
}
