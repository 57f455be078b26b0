/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge.c - the judgement: may this certificate do this, here, now?
 *
 * Three questions in this order: is it a certificate, did somebody we trust sign it, is it
 * good here and now. Until the second is answered the knocker is a stranger; the third
 * is a table of questions, asked until one refuses.
 */
#include "ca/judge.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ca/crypto.h"
#include "judge_parts.h"
#include "ca/text.h"

#define TIME_MAX INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

static const char *const names[CA_REASON_COUNT] = {
	[CA_ADMITTED] = "admitted",
	[CA_NOT_A_CERTIFICATE] = "not-a-certificate",
	[CA_UNKNOWN_AUTHORITY] = "unknown-authority",
	[CA_BAD_SIGNATURE] = "bad-signature",
	[CA_NOT_A_USER_CERTIFICATE] = "not-a-user-certificate",
	[CA_WRONG_PRINCIPAL] = "wrong-principal",
	[CA_UNKNOWN_ROLE] = "unknown-role",
	[CA_NOT_YET_VALID] = "not-yet-valid",
	[CA_EXPIRED] = "expired",
	[CA_UNKNOWN_OPTION] = "unknown-option",
	[CA_BAD_OPTION] = "bad-option",
	[CA_WRONG_SOURCE] = "wrong-source",
	[CA_REVOKED] = "revoked",
	[CA_BAD_KEY_ID] = "bad-key-id",
	[CA_WRONG_KIND] = "wrong-kind",
	[CA_BAD_STATEMENT] = "bad-statement",
	[CA_STATEMENT_MISMATCH] = "statement-mismatch",
	[CA_BAD_APPROVAL] = "bad-approval",
	[CA_SELF_APPROVAL] = "self-approval",
	[CA_QUORUM_MISSING] = "quorum-missing",
	[CA_WINDOW_OVER] = "window-over",
	[CA_USED_UP] = "used-up",
	[CA_OTHER_CERTIFICATE] = "other-certificate",
	[CA_REFUSED_HERE] = "refused-here",
	[CA_NOT_RECORDABLE] = "not-recordable",
	[CA_KRL_UNUSABLE] = "krl-unusable",
};

const char *
ca_reason_name(enum ca_reason reason)
{
	if ((unsigned)reason >= CA_REASON_COUNT)
		return "unknown";
	return names[reason];
}

bool
ca_reason_is_stranger(enum ca_reason reason)
{
	return reason == CA_NOT_A_CERTIFICATE || reason == CA_UNKNOWN_AUTHORITY ||
	       reason == CA_BAD_SIGNATURE;
}

static bool
is_listed(struct ca_key *const *keys, size_t count, const struct ca_key *key)
{
	for (size_t i = 0; i < count; i++)
		if (ca_key_equal(keys[i], key))
			return true;
	return false;
}

static bool
signs_grants(const struct ca_post *post, const struct ca_key *key)
{
	return is_listed(post->authorities, post->authority_count, key);
}

static bool
signs_identities(const struct ca_post *post, const struct ca_key *key)
{
	return is_listed(post->identities, post->identity_count, key);
}

enum ca_reason
ca_judge_authority(const struct ca_post *post, const void *cert, size_t len, struct ca_cert **out,
    struct ca_why *why)
{
	struct ca_cert *parsed = NULL;
	enum ca_reason reason = CA_NOT_A_CERTIFICATE;
	char fingerprint[CA_FINGERPRINT_SIZE];
	bool grants, identities;

	*out = NULL;
	if (!ca_cert_parse(&parsed, cert, len, why))
		goto out;
	reason = CA_UNKNOWN_AUTHORITY;
	grants = signs_grants(post, parsed->authority);
	identities = signs_identities(post, parsed->authority);
	/* A key in both lists is a broken configuration; it could pass one kind off as the other.
	 */
	if (grants == identities) {
		ca_key_fingerprint(parsed->authority, fingerprint);
		ca_why_set(why,
		    grants ? "authority %s is listed for grants and for identities, so it is "
			     "trusted for "
			     "neither"
			   : "authority %s is not trusted here",
		    fingerprint);
		goto out;
	}
	reason = CA_BAD_SIGNATURE;
	if (!ca_cert_verify(parsed, why))
		goto out;
	reason = CA_ADMITTED;
	*out = parsed;
	parsed = NULL;
out:
	ca_cert_free(parsed);
	return reason;
}

static enum ca_reason
ask_type(const struct ca_inquiry *inquiry, struct ca_why *why)
{
	if (inquiry->grant->cert->type == CA_CERT_USER)
		return CA_ADMITTED;
	ca_why_set(why, "certificate is for a host, not for a user");
	return CA_NOT_A_USER_CERTIFICATE;
}

static enum ca_reason
ask_role(const struct ca_inquiry *inquiry, struct ca_why *why)
{
	if (inquiry->admission != NULL)
		return CA_ADMITTED;
	ca_why_set(why, "there is no role '%.80s' at '%s'", inquiry->knock->user,
	    inquiry->post->environment);
	return CA_UNKNOWN_ROLE;
}

/* Environment, slash, role. The slash cannot shift: the environment is our own. */
static bool
is_principal(const char *principal, const struct ca_post *post, const char *user)
{
	size_t len = strlen(post->environment);

	return strncmp(principal, post->environment, len) == 0 && principal[len] == '/' &&
	       strcmp(principal + len + 1, user) == 0;
}

static enum ca_reason
ask_principal(const struct ca_inquiry *inquiry, struct ca_why *why)
{
	const struct ca_cert *cert = inquiry->grant->cert;

	if (cert->principal_count != 1)
		ca_why_set(
		    why, "certificate has %zu principals, not exactly one", cert->principal_count);
	else if (!is_principal(cert->principals[0], inquiry->post, inquiry->knock->user))
		ca_why_set(why, "certificate is for '%.120s', not for '%s/%.80s'",
		    cert->principals[0], inquiry->post->environment, inquiry->knock->user);
	else
		return CA_ADMITTED;
	return CA_WRONG_PRINCIPAL;
}

/* "certificate expired at 2026-11-21T18:00:00Z (now 18:03:11Z)": the day again only if it differs.
 */
static void
tell_time(struct ca_why *why, const char *fact, uint64_t limit, int64_t now)
{
	char then[CA_TIME_SIZE], present[CA_TIME_SIZE];
	const char *shown = present;

	ca_time_format(limit > (uint64_t)TIME_MAX ? TIME_MAX : (int64_t)limit, then);
	ca_time_format(now < 0 ? 0 : now > TIME_MAX ? TIME_MAX : now, present);
	if (strncmp(then, present, strlen("2026-11-21T")) == 0)
		shown += strlen("2026-11-21T");
	ca_why_set(why, "certificate %s %s (now %s)", fact, then, shown);
}

static enum ca_reason
ask_window(const struct ca_inquiry *inquiry, struct ca_why *why)
{
	const struct ca_cert *cert = inquiry->grant->cert;
	int64_t now = inquiry->knock->now;

	if (now < 0 || (uint64_t)now < cert->valid_after) {
		tell_time(why, "is not valid before", cert->valid_after, now);
		return CA_NOT_YET_VALID;
	}
	if ((uint64_t)now >= cert->valid_before) {
		tell_time(why, "expired at", cert->valid_before, now);
		return CA_EXPIRED;
	}
	return CA_ADMITTED;
}

static enum ca_reason
ask_revocation(const struct ca_inquiry *inquiry, struct ca_why *why)
{
	const struct ca_krl *krl = inquiry->post->krl;

	if (krl != NULL && ca_krl_revokes_cert(krl, inquiry->grant->cert, why))
		return CA_REVOKED;
	return CA_ADMITTED;
}

static enum ca_reason
ask_grant_kind(const struct ca_inquiry *inquiry, struct ca_why *why)
{
	const struct ca_cert *cert = inquiry->grant->cert;

	if (!signs_grants(inquiry->post, cert->authority))
		ca_why_set(why,
		    "role '%.80s' admits grants, this certificate's authority signs identities",
		    inquiry->knock->user);
	else if (ca_cert_critical(cert, CA_OPTION_GRANT) == NULL)
		ca_why_set(why, "role '%.80s' admits grants, this certificate has no statement",
		    inquiry->knock->user);
	else
		return CA_ADMITTED;
	return CA_WRONG_KIND;
}

static enum ca_reason
ask_identity_kind(const struct ca_inquiry *inquiry, struct ca_why *why)
{
	const struct ca_cert *cert = inquiry->grant->cert;

	if (!signs_identities(inquiry->post, cert->authority)) {
		ca_why_set(why,
		    "role '%.80s' admits identities, this certificate's authority signs grants",
		    inquiry->knock->user);
		return CA_WRONG_KIND;
	}
	if (ca_cert_critical(cert, CA_OPTION_GRANT) != NULL ||
	    ca_cert_extension(cert, CA_OPTION_APPROVALS) != NULL) {
		ca_why_set(why, "role '%.80s' admits identities, this certificate is a grant",
		    inquiry->knock->user);
		return CA_WRONG_KIND;
	}
	/* Nobody would hold the command to it, and sshd would. */
	if (ca_cert_critical(cert, CA_OPTION_FORCE_COMMAND) != NULL) {
		ca_why_set(why, "'%s' is for grants, not for identities", CA_OPTION_FORCE_COMMAND);
		return CA_BAD_OPTION;
	}
	if (!ca_text_is_name(cert->key_id)) {
		ca_why_set(why, "key id '%.120s' is not a name", cert->key_id);
		return CA_BAD_KEY_ID;
	}
	return CA_ADMITTED;
}

static enum ca_reason
ask_kind(const struct ca_inquiry *inquiry, struct ca_why *why)
{
	switch (inquiry->admission->admits) {
	case CA_ADMITS_GRANT:
		return ask_grant_kind(inquiry, why);
	case CA_ADMITS_IDENTITY:
		return ask_identity_kind(inquiry, why);
	}
	ca_why_set(why, "role '%.80s' admits nothing", inquiry->knock->user);
	return CA_WRONG_KIND;
}

typedef enum ca_reason question(const struct ca_inquiry *inquiry, struct ca_why *why);

static question *const of_every_certificate[] = {
	ask_type,
	ask_role,
	ask_principal,
	ask_window,
	ca_inquiry_options,
	ca_inquiry_source,
	ask_revocation,
	ask_kind,
	NULL,
};

static question *const of_grants[] = {
	ca_inquiry_statement,
	ca_inquiry_approvals,
	NULL,
};

static enum ca_reason
ask_all(question *const *questions, const struct ca_inquiry *inquiry, struct ca_why *why)
{
	enum ca_reason reason = CA_ADMITTED;

	for (; *questions != NULL && reason == CA_ADMITTED; questions++)
		reason = (*questions)(inquiry, why);
	return reason;
}

/* Takes the certificate. NULL when out of memory. */
static struct ca_grant *
grant_new(const struct ca_post *post, struct ca_cert *cert)
{
	struct ca_grant *grant = calloc(1, sizeof *grant);

	if (grant != NULL)
		grant->identity = strndup(cert->key_id, strcspn(cert->key_id, " "));
	if (grant == NULL || grant->identity == NULL) {
		free(grant);
		ca_cert_free(cert);
		return NULL;
	}
	grant->cert = cert;
	grant->admits = signs_grants(post, cert->authority) ? CA_ADMITS_GRANT : CA_ADMITS_IDENTITY;
	ca_cert_hash(cert, grant->cert_hash);
	return grant;
}

enum ca_reason
ca_judge_established(const struct ca_post *post, const struct ca_admission *admission,
    const struct ca_knock *knock, struct ca_cert *cert, struct ca_grant **out, struct ca_why *why)
{
	struct ca_inquiry inquiry = { .post = post, .admission = admission, .knock = knock };
	enum ca_reason reason;

	*out = NULL;
	inquiry.grant = grant_new(post, cert);
	if (inquiry.grant == NULL) {
		ca_why_set(why, "out of memory");
		return CA_NOT_A_CERTIFICATE;
	}
	reason = ask_all(of_every_certificate, &inquiry, why);
	if (reason == CA_ADMITTED && admission->admits == CA_ADMITS_GRANT)
		reason = ask_all(of_grants, &inquiry, why);
	*out = inquiry.grant;
	return reason;
}

enum ca_reason
ca_judge(const struct ca_post *post, const struct ca_admission *admission,
    const struct ca_knock *knock, struct ca_grant **out, struct ca_why *why)
{
	struct ca_cert *cert;
	enum ca_reason reason;

	*out = NULL;
	reason = ca_judge_authority(post, knock->cert, knock->cert_len, &cert, why);
	if (reason != CA_ADMITTED)
		return reason;
	return ca_judge_established(post, admission, knock, cert, out, why);
}

void
ca_grant_free(struct ca_grant *grant)
{
	if (grant == NULL)
		return;
	for (size_t i = 0; i < grant->approver_count; i++)
		free(grant->approvers[i]);
	ca_statement_clear(&grant->statement);
	free(grant->identity);
	ca_cert_free(grant->cert);
	free(grant);
}
