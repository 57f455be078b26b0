/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge_grant.c - a grant's statement against its certificate and against the post.
 *
 * The statement is what the approvers signed, so it decides: a field of the
 * certificate that says something else, or more, refuses the whole.
 */
#include <inttypes.h>
#include <string.h>

#include "judge_parts.h"

#include "ca/crypto.h"

static bool
disagree(struct ca_why *why, const char *field, const char *stated, const char *found)
{
	return ca_why_set(why,
	    "statement and certificate disagree on the %s: '%.120s' and '%.120s'", field, stated,
	    found);
}

void
ca_grant_put_key_id(struct ca_buf *out, const struct ca_statement *statement)
{
	ca_buf_printf(out, "%s grant %" PRIu64 " %s/%s", statement->engineer, statement->grant,
	    statement->environment, statement->role);
}

void
ca_grant_put_principal(struct ca_buf *out, const struct ca_statement *statement)
{
	ca_buf_printf(out, "%s/%s", statement->environment, statement->role);
}

static bool
key_agrees(const char *field, const char *stated, const struct ca_key *key, struct ca_why *why)
{
	char fingerprint[CA_FINGERPRINT_SIZE];

	ca_key_fingerprint(key, fingerprint);
	if (strcmp(stated, fingerprint) != 0)
		return disagree(why, field, stated, fingerprint);
	return true;
}

/* `put` writes what the statement makes of the field. */
static bool
text_agrees(const char *field, void (*put)(struct ca_buf *, const struct ca_statement *),
    const struct ca_statement *statement, const char *found, struct ca_why *why)
{
	struct ca_buf stated = { 0 };
	bool agrees = false;

	put(&stated, statement);
	ca_buf_put_u8(&stated, '\0');
	if (!ca_buf_ok(&stated))
		ca_why_set(why, "out of memory");
	else if (strcmp((const char *)stated.data, found) != 0)
		disagree(why, field, (const char *)stated.data, found);
	else
		agrees = true;
	ca_buf_clear(&stated);
	return agrees;
}

/* A line of the statement and an option: both or neither, and then the same bytes. */
static bool
option_agrees(const struct ca_cert *cert, const char *name, const char *line, const char *stated,
    struct ca_why *why)
{
	const struct ca_cert_option *option = ca_cert_critical(cert, name);

	if (option == NULL && stated == NULL)
		return true;
	if (option == NULL)
		return ca_why_set(why, "statement has a %s, certificate has no '%s'", line, name);
	if (stated == NULL)
		return ca_why_set(why, "certificate has '%s', statement has no %s", name, line);
	if (!ca_bytes_is(option->value, stated))
		return ca_why_set(why,
		    "statement and certificate disagree on the %s: '%.120s' and '%.*s'", line,
		    stated, option->value.len < 120 ? (int)option->value.len : 120,
		    (const char *)option->value.data);
	return true;
}

/* At most `duration` and the slack, and inside the window that was approved. */
static bool
window_agrees(const struct ca_cert *cert, const struct ca_statement *statement, struct ca_why *why)
{
	uint64_t longest = (uint64_t)statement->duration + CA_WINDOW_SLACK;

	if (cert->valid_before <= cert->valid_after ||
	    cert->valid_before - cert->valid_after > longest)
		return ca_why_set(why,
		    "certificate's window is empty or longer than the %" PRIu32
		    " seconds of the statement",
		    statement->duration);
	if (cert->valid_after < (uint64_t)statement->not_before)
		return ca_why_set(
		    why, "certificate's window begins before the statement's not-before");
	if (cert->valid_before > (uint64_t)statement->not_after)
		return ca_why_set(why, "certificate's window ends after the statement's not-after");
	return true;
}

static bool
principal_agrees(
    const struct ca_cert *cert, const struct ca_statement *statement, struct ca_why *why)
{
	if (cert->principal_count != 1)
		return ca_why_set(
		    why, "certificate has %zu principals, not exactly one", cert->principal_count);
	return text_agrees(
	    "principal", ca_grant_put_principal, statement, cert->principals[0], why);
}

bool
ca_grant_agrees(
    const struct ca_cert *cert, const struct ca_statement *statement, struct ca_why *why)
{
	bool terminal = ca_cert_extension(cert, CA_OPTION_TERMINAL) != NULL;

	if (cert->serial != statement->grant)
		return ca_why_set(why,
		    "statement is of grant %" PRIu64 ", certificate's serial is %" PRIu64,
		    statement->grant, cert->serial);
	if (!key_agrees("authority", statement->authority, cert->authority, why) ||
	    !key_agrees("key", statement->key, cert->key, why) ||
	    !text_agrees("key id", ca_grant_put_key_id, statement, cert->key_id, why) ||
	    !principal_agrees(cert, statement, why) ||
	    !option_agrees(cert, CA_OPTION_FORCE_COMMAND, "command", statement->command, why) ||
	    !option_agrees(cert, CA_OPTION_SOURCE, "source", statement->source, why))
		return false;
	if (terminal != statement->terminal)
		return ca_why_set(why, "statement says terminal %s, certificate has %s'%s'",
		    statement->terminal ? "yes" : "no", terminal ? "" : "no ", CA_OPTION_TERMINAL);
	if (ca_cert_extension(cert, CA_OPTION_LOG) == NULL)
		return ca_why_set(why, "certificate has no '%s'", CA_OPTION_LOG);
	return window_agrees(cert, statement, why);
}

/* The chain that was approved is the chain that is used: a relay in both, or in neither. */
static bool
relay_agrees(const struct ca_post *post, const struct ca_statement *statement, struct ca_why *why)
{
	if (statement->relay == NULL && post->relay == NULL)
		return true;
	if (statement->relay == NULL)
		return ca_why_set(why,
		    "grant is for a direct connection, this one came through relay '%s'",
		    post->relay);
	if (post->relay == NULL)
		return ca_why_set(why, "grant is for relay '%s', this connection came directly",
		    statement->relay);
	if (strcmp(statement->relay, post->relay) != 0)
		return ca_why_set(why, "grant is for relay '%s', this connection came through '%s'",
		    statement->relay, post->relay);
	return true;
}

static bool
post_agrees(const struct ca_post *post, const struct ca_statement *statement, struct ca_why *why)
{
	if (strcmp(statement->environment, post->environment) != 0)
		return ca_why_set(why, "grant is for environment '%s', this is '%s'",
		    statement->environment, post->environment);
	if (post->gate == NULL || strcmp(statement->gate, post->gate) != 0)
		return ca_why_set(why, "grant is for the gate with host key %s, this one has %s",
		    statement->gate, post->gate != NULL ? post->gate : "none");
	return relay_agrees(post, statement, why);
}

enum ca_reason
ca_inquiry_statement(const struct ca_inquiry *inquiry, struct ca_why *why)
{
	struct ca_grant *grant = inquiry->grant;
	const struct ca_cert_option *option = ca_cert_critical(grant->cert, CA_OPTION_GRANT);

	if (option == NULL || !option->has_value) {
		ca_why_set(why, "certificate has no statement");
		return CA_BAD_STATEMENT;
	}
	if (!ca_statement_parse(&grant->statement, option->value.data, option->value.len, why))
		return CA_BAD_STATEMENT;
	grant->has_statement = true;
	ca_sha256(option->value.data, option->value.len, grant->statement_hash);
	if (!ca_grant_agrees(grant->cert, &grant->statement, why) ||
	    !post_agrees(inquiry->post, &grant->statement, why))
		return CA_STATEMENT_MISMATCH;
	return CA_ADMITTED;
}
