/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_end.c - postern-ca deny, cancel, done, revoke: the four ways a grant ends
 * before its time.
 *
 * One verb each for who ends it, and when: an approver before it is issued (deny), the engineer
 * before (cancel) and after (done), an approver or the customer after (revoke). What was issued
 * goes into the revocation list until the statement's not-after.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/desk.h"

struct ending {
	const char *event;
	enum ca_request_state from, to;
	bool needs_reason;
	bool by_engineer; /* only the engineer who asked; else an enrolled approver */
};

static bool
check_person(struct ca_desk *desk, const struct ending *ending,
    const struct ca_statement *statement, const char *name)
{
	bool disabled = false;

	if (ending->by_engineer && strcmp(statement->engineer, name) != 0)
		return ca_why_set(&desk->why, "grant %llu was asked for by '%s', not by '%s'",
		    (unsigned long long)statement->grant, statement->engineer, name);
	if (!ca_store_is_disabled(desk->store, name, &disabled, &desk->why))
		return false;
	if (disabled)
		return ca_why_set(&desk->why, "'%s' is disabled", name);
	if (ending->by_engineer)
		return true;
	for (size_t i = 0; i < desk->approvers->count; i++)
		if (strcmp(desk->approvers->entries[i].name, name) == 0)
			return true;
	return ca_why_set(&desk->why, "'%s' is not an approver", name);
}

static bool
end(struct ca_desk *desk, const struct ending *ending, const struct ca_request *request,
    const struct ca_statement *statement, const char *name, const char *reason)
{
	if (!check_person(desk, ending, statement, name))
		return false;
	if (request->state != ending->from)
		return ca_why_set(&desk->why, "grant %llu is %s",
		    (unsigned long long)request->grant, ca_desk_state(desk, request));
	return ca_desk_log(desk, ending->event,
		   json_pack("{s:I, s:s, s:s}", "grant", (json_int_t)request->grant, "by", name,
		       "reason", reason),
		   NULL, NULL) &&
	       ca_store_set_state(
		   desk->store, request->grant, ending->to, name, reason, &desk->why) &&
	       (ending->from != CA_STATE_ISSUED ||
		   ca_store_revoke_grant(
		       desk->store, request->grant, request->not_after, desk->now, &desk->why)) &&
	       ca_store_commit(desk->store, &desk->why);
}

static enum ca_exit
run_ending(struct ca_desk *desk, const struct ending *ending, int argc, char **argv)
{
	const char *as = NULL;
	const struct ca_option options[] = { { "as", "a name", "who ends it", &as }, { 0 } };
	struct ca_request request = { 0 };
	struct ca_statement statement = { 0 };
	enum ca_exit status;
	char *reason;

	if (!ca_desk_options(desk, options, &argc, argv))
		return CA_EXIT_USAGE;
	if (argc < 1 || as == NULL || (argc > 1) != ending->needs_reason) {
		ca_why_set(&desk->why, "a grant number and --as are needed%s",
		    ending->needs_reason ? ", and a reason" : ", and nothing else");
		return CA_EXIT_USAGE;
	}
	if (!ca_desk_open(desk) || !ca_store_begin(desk->store, &desk->why))
		return CA_EXIT_REFUSED;
	reason = ca_desk_join(argc - 1, argv + 1);
	status = ca_desk_request(desk, argv[0], &request, &statement);
	if (status == CA_EXIT_OK && !end(desk, ending, &request, &statement, as, reason))
		status = CA_EXIT_REFUSED;
	free(reason);
	ca_statement_clear(&statement);
	ca_request_clear(&request);
	return status;
}

enum ca_exit
ca_verb_deny(struct ca_desk *desk, int argc, char **argv)
{
	static const struct ending deny = { "deny", CA_STATE_PENDING, CA_STATE_DENIED, true,
		false };

	return run_ending(desk, &deny, argc, argv);
}

enum ca_exit
ca_verb_cancel(struct ca_desk *desk, int argc, char **argv)
{
	static const struct ending cancel = { "cancel", CA_STATE_PENDING, CA_STATE_CANCELLED, false,
		true };

	return run_ending(desk, &cancel, argc, argv);
}

enum ca_exit
ca_verb_done(struct ca_desk *desk, int argc, char **argv)
{
	static const struct ending done = { "done", CA_STATE_ISSUED, CA_STATE_DONE, false, true };

	return run_ending(desk, &done, argc, argv);
}

enum ca_exit
ca_verb_revoke(struct ca_desk *desk, int argc, char **argv)
{
	static const struct ending revoke = { "revoke", CA_STATE_ISSUED, CA_STATE_REVOKED, true,
		false };

	return run_ending(desk, &revoke, argc, argv);
}
