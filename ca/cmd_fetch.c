/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_fetch.c - postern-ca fetch: the certificate, signed at the first fetch, the same
 * bytes at every later one.
 *
 * One transaction holds the database's write lock from the question whether there is a
 * certificate to its commit, so two at once cannot make two. The log has the issue entry before
 * the key signs, and the certificate names that entry.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/desk.h"
#include "ca/judge.h"
#include "ca/text.h"

/* The approvals as they are stored, in one block. */
struct votes {
	struct ca_buf blobs[CA_MAX_APPROVALS];
	size_t count;
};

static bool
collect(void *ctx, const char *name, int64_t made, struct ca_bytes sig, struct ca_why *why)
{
	struct votes *votes = ctx;

	(void)name;
	(void)made;
	if (votes->count == CA_MAX_APPROVALS)
		return ca_why_set(why, "more than %d approvals", CA_MAX_APPROVALS);
	ca_buf_put(&votes->blobs[votes->count], sig.data, sig.len);
	return ca_buf_ok(&votes->blobs[votes->count++]);
}

static void
release(struct votes *votes)
{
	for (size_t i = 0; i < CA_MAX_APPROVALS; i++)
		ca_buf_clear(&votes->blobs[i]);
}

/* Whether it may be signed now. CA_EXIT_NOT_YET while approvals or the time are missing. */
static enum ca_exit
check_issuable(struct ca_desk *desk, const struct ca_request *request,
    const struct ca_statement *statement, const struct ca_bytes *approvals, size_t count,
    const struct ca_rule *rule)
{
	char *names[CA_MAX_APPROVALS] = { NULL };
	const char *state = ca_desk_state(desk, request);
	char when[CA_TIME_SIZE];
	size_t named = 0;
	enum ca_exit status = CA_EXIT_REFUSED;

	if (strcmp(state, "pending") != 0) {
		ca_why_set(
		    &desk->why, "grant %llu is %s", (unsigned long long)request->grant, state);
		return CA_EXIT_REFUSED;
	}
	if (count == 0) {
		ca_why_set(&desk->why, "grant %llu has no approval yet",
		    (unsigned long long)request->grant);
		return CA_EXIT_NOT_YET;
	}
	if (ca_judge_approvals(statement, ca_buf_bytes(&request->statement), desk->approvers,
		desk->engineers, approvals, count, desk->now, names, &named,
		&desk->why) != CA_ADMITTED) {
		status = CA_EXIT_REFUSED;
	} else if (!ca_quorum_reached(
		       &rule->quorum, (const char *const *)names, named, &desk->why)) {
		status = CA_EXIT_NOT_YET;
	} else if (desk->now < statement->not_before) {
		ca_time_format(statement->not_before, when);
		ca_why_set(&desk->why, "grant %llu cannot be used before %s",
		    (unsigned long long)request->grant, when);
		status = CA_EXIT_NOT_YET;
	} else {
		status = CA_EXIT_OK;
	}
	for (size_t i = 0; i < named; i++)
		free(names[i]);
	return status;
}

static void
choose_window(
    const struct ca_desk *desk, const struct ca_statement *statement, struct ca_grant_spec *spec)
{
	spec->valid_after = desk->now - CA_WINDOW_SLACK;
	if (spec->valid_after < statement->not_before)
		spec->valid_after = statement->not_before;
	spec->valid_before = desk->now + statement->duration;
	if (spec->valid_before > statement->not_after)
		spec->valid_before = statement->not_after;
}

/* The authority judges its own output as the gate will, before anyone sees it. */
static bool
judge_own(struct ca_desk *desk, const struct ca_statement *statement, const struct ca_cert *cert,
    const struct ca_rule *rule)
{
	struct ca_key *authority = cert->authority;
	const struct ca_post post = {
		.environment = statement->environment,
		.gate = statement->gate,
		.relay = statement->relay,
		.authorities = &authority,
		.authority_count = 1,
		.approvers = desk->approvers,
	};
	const struct ca_admission admission = { CA_ADMITS_GRANT, &rule->quorum };
	struct ca_knock knock = { cert->blob.data, cert->blob.len, statement->role, { { 0 } },
		desk->now };
	struct ca_grant *grant = NULL;
	enum ca_reason reason;

	/* From within the first source, where there is one. */
	if (statement->source != NULL) {
		char first[CA_ADDRESS_TEXT_SIZE];
		size_t len = strcspn(statement->source, "/,");

		snprintf(first, sizeof first, "%.*s", (int)len, statement->source);
		if (!ca_address_parse(&knock.source, first))
			return ca_why_set(&desk->why, "source '%s' is no address", first);
	}
	reason = ca_judge(&post, &admission, &knock, &grant, &desk->why);
	ca_grant_free(grant);
	if (reason == CA_ADMITTED)
		return true;
	return ca_why_prefix(&desk->why, "this authority's own certificate would be refused (%s)",
	    ca_reason_name(reason));
}

static bool
issue(struct ca_desk *desk, const struct ca_request *request, const struct ca_statement *statement,
    const struct ca_key *key, const struct votes *votes, const struct ca_bytes *approvals,
    const struct ca_rule *rule, struct ca_buf *blob)
{
	struct ca_grant_spec spec = {
		.key = key,
		.statement = ca_buf_bytes(&request->statement),
		.approvals = approvals,
		.approval_count = votes->count,
	};
	struct ca_signer *signer = NULL;
	struct ca_cert *cert = NULL;
	char until[CA_TIME_SIZE];
	bool ok;

	choose_window(desk, statement, &spec);
	ca_time_format(spec.valid_before, until);
	ok = ca_desk_signer(desk, "authority", &signer) &&
	     ca_desk_log(desk, "issue",
		 json_pack("{s:I, s:s, s:s, s:s, s:s, s:s}", "grant", (json_int_t)request->grant,
		     "engineer", statement->engineer, "environment", statement->environment, "role",
		     statement->role, "key", statement->key, "until", until),
		 &spec.log_index, spec.log_leaf) &&
	     ca_grant_sign(&cert, &spec, signer, &desk->why) &&
	     judge_own(desk, statement, cert, rule) &&
	     ca_store_put_certificate(desk->store, request->grant, cert->blob, spec.valid_before,
		 desk->now, &desk->why) &&
	     ca_store_set_state(
		 desk->store, request->grant, CA_STATE_ISSUED, NULL, NULL, &desk->why);
	if (ok)
		ca_buf_put(blob, cert->blob.data, cert->blob.len);
	ca_cert_free(cert);
	ca_signer_free(signer);
	return ok && ca_buf_ok(blob);
}

/* The key with the statement's fingerprint, from the engineers file: the database has no say. */
static const struct ca_key *
engineer_key(struct ca_desk *desk, const struct ca_statement *statement)
{
	for (size_t i = 0; i < desk->engineers->count; i++) {
		const struct ca_allowed_signer *entry = &desk->engineers->entries[i];
		char fingerprint[CA_FINGERPRINT_SIZE];

		ca_key_fingerprint(entry->key, fingerprint);
		if (!entry->is_authority && strcmp(entry->name, statement->engineer) == 0 &&
		    strcmp(fingerprint, statement->key) == 0 && desk->now >= entry->valid_after &&
		    desk->now <= entry->valid_before)
			return entry->key;
	}
	ca_why_set(
	    &desk->why, "'%s' is not enrolled with key %s", statement->engineer, statement->key);
	return NULL;
}

static enum ca_exit
fetch_new(struct ca_desk *desk, const struct ca_request *request,
    const struct ca_statement *statement, struct ca_buf *blob)
{
	const struct ca_rule *rule =
	    ca_rules_find(desk->rules, statement->environment, statement->role);
	struct ca_bytes approvals[CA_MAX_APPROVALS];
	struct votes votes = { 0 };
	const struct ca_key *key;
	enum ca_exit status = CA_EXIT_REFUSED;
	bool disabled = false;

	if (rule == NULL) {
		ca_why_set(&desk->why, "no rule of this authority covers '%s/%s'",
		    statement->environment, statement->role);
		return CA_EXIT_REFUSED;
	}
	if ((key = engineer_key(desk, statement)) == NULL ||
	    !ca_store_is_disabled(desk->store, statement->engineer, &disabled, &desk->why) ||
	    !ca_store_each_approval(desk->store, request->grant, collect, &votes, &desk->why))
		goto out;
	if (disabled) {
		ca_why_set(&desk->why, "'%s' is disabled", statement->engineer);
		goto out;
	}
	for (size_t i = 0; i < votes.count; i++)
		approvals[i] = ca_buf_bytes(&votes.blobs[i]);
	status = check_issuable(desk, request, statement, approvals, votes.count, rule);
	if (status == CA_EXIT_OK &&
	    !(issue(desk, request, statement, key, &votes, approvals, rule, blob) &&
		ca_store_commit(desk->store, &desk->why)))
		status = CA_EXIT_REFUSED;
out:
	release(&votes);
	return status;
}

enum ca_exit
ca_verb_fetch(struct ca_desk *desk, int argc, char **argv)
{
	struct ca_request request = { 0 };
	struct ca_statement statement = { 0 };
	struct ca_buf blob = { 0 }, line = { 0 };
	struct ca_cert *cert = NULL;
	enum ca_exit status;
	bool found = false;

	if (argc != 1) {
		ca_why_set(&desk->why, "a grant number is needed");
		return CA_EXIT_USAGE;
	}
	if (!ca_desk_open(desk) || !ca_store_begin(desk->store, &desk->why))
		return CA_EXIT_REFUSED;
	status = ca_desk_request(desk, argv[0], &request, &statement);
	if (status == CA_EXIT_OK &&
	    !ca_store_certificate(desk->store, request.grant, &blob, &found, &desk->why))
		status = CA_EXIT_REFUSED;
	if (status == CA_EXIT_OK && !found)
		status = fetch_new(desk, &request, &statement, &blob);
	if (status == CA_EXIT_OK && !ca_cert_parse(&cert, blob.data, blob.len, &desk->why))
		status = CA_EXIT_REFUSED;
	if (status == CA_EXIT_OK) {
		ca_cert_put_line(&line, cert, cert->key_id);
		fwrite(line.data, 1, line.len, stdout);
	}
	ca_cert_free(cert);
	ca_buf_clear(&line);
	ca_buf_clear(&blob);
	ca_statement_clear(&statement);
	ca_request_clear(&request);
	return status;
}
