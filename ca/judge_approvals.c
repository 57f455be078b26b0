/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge_approvals.c - who approved a statement, and who may not have.
 *
 * Each approval is a signature over the statement's bytes (PROTOCOL.sshsig, namespace
 * grant@postern) by somebody listed now. The requester is a set, not a name: every name and every
 * key that the files tie to the statement's name or key, over however many steps. One approval
 * that fails any question refuses them all.
 */
#include <stdlib.h>
#include <string.h>

#include "ca/crypto.h"
#include "ca/sshsig.h"
#include "judge_parts.h"

#define USER_PRESENT 0x01 /* PROTOCOL.u2f, signature flags */

/* One line of a file that says who is who. */
struct line {
	const struct ca_allowed_signer *entry;
	char fingerprint[CA_FINGERPRINT_SIZE];
	bool is_requester;
};

struct requester {
	const char *name;	 /* the statement's */
	const char *fingerprint; /* the statement's key */
	struct line *lines;
	size_t count;
};

/* What all approvals of one statement share. */
struct panel {
	struct ca_bytes text; /* what was signed */
	struct requester requester;
	const struct ca_allowed_signers *approvers;
	const struct ca_krl *krl; /* or NULL */
	int64_t now;
	char **names; /* the approvers so far, and the keys they signed with */
	char fingerprints[CA_MAX_APPROVALS][CA_FINGERPRINT_SIZE];
	size_t count;
};

static void
add_lines(struct requester *requester, const struct ca_allowed_signers *signers)
{
	for (size_t i = 0; signers != NULL && i < signers->count; i++) {
		struct line *line = &requester->lines[requester->count++];

		line->entry = &signers->entries[i];
		ca_key_fingerprint(line->entry->key, line->fingerprint);
	}
}

/* An authority's line names a pattern of other people, so only its key ties. */
static bool
ties(const struct line *line, const char *name, const char *fingerprint)
{
	return strcmp(line->fingerprint, fingerprint) == 0 ||
	       (name != NULL && !line->entry->is_authority && strcmp(line->entry->name, name) == 0);
}

/* Marks every line that shares name or key, and then what those share. */
static void
mark_lines(struct requester *requester, const char *name, const char *fingerprint, size_t *found,
    size_t *found_count)
{
	for (size_t i = 0; i < requester->count; i++) {
		struct line *line = &requester->lines[i];

		if (line->is_requester || !ties(line, name, fingerprint))
			continue;
		line->is_requester = true;
		found[(*found_count)++] = i;
	}
}

/* Caller frees requester->lines, in any case. */
static bool
requester_find(struct requester *requester, const struct ca_statement *statement,
    const struct ca_allowed_signers *approvers, const struct ca_allowed_signers *engineers,
    struct ca_why *why)
{
	size_t count = approvers->count + (engineers != NULL ? engineers->count : 0);
	size_t *found = calloc(count + 1, sizeof *found), found_count = 0;

	*requester = (struct requester){
		.name = statement->engineer,
		.fingerprint = statement->key,
		.lines = calloc(count + 1, sizeof *requester->lines),
	};
	if (requester->lines == NULL || found == NULL) {
		free(found);
		return ca_why_set(why, "out of memory");
	}
	add_lines(requester, approvers);
	add_lines(requester, engineers);
	mark_lines(requester, requester->name, requester->fingerprint, found, &found_count);
	for (size_t next = 0; next < found_count; next++) {
		const struct line *line = &requester->lines[found[next]];

		mark_lines(requester, line->entry->is_authority ? NULL : line->entry->name,
		    line->fingerprint, found, &found_count);
	}
	free(found);
	return true;
}

static bool
requester_has_key(const struct requester *requester, const struct ca_key *key)
{
	char fingerprint[CA_FINGERPRINT_SIZE];

	ca_key_fingerprint(key, fingerprint);
	if (strcmp(fingerprint, requester->fingerprint) == 0)
		return true;
	for (size_t i = 0; i < requester->count; i++)
		if (requester->lines[i].is_requester &&
		    strcmp(requester->lines[i].fingerprint, fingerprint) == 0)
			return true;
	return false;
}

static bool
requester_has_name(const struct requester *requester, const char *name)
{
	if (strcmp(name, requester->name) == 0)
		return true;
	for (size_t i = 0; i < requester->count; i++)
		if (requester->lines[i].is_requester &&
		    strcmp(requester->lines[i].entry->name, name) == 0)
			return true;
	return false;
}

static bool
check_revocation(const struct ca_krl *krl, const struct ca_sshsig *sig, struct ca_why *why)
{
	if (ca_krl_revokes_key(krl, sig->key))
		return ca_why_set(why, "the approver's key is revoked");
	if (sig->cert != NULL && ca_krl_revokes_cert(krl, sig->cert, why))
		return ca_why_prefix(why, "the approver's certificate");
	return true;
}

/* Is it an approval of this statement, made by the key that it names? */
static bool
check_signature(const struct panel *panel, const struct ca_sshsig *sig, struct ca_why *why)
{
	struct ca_presence presence = { 0 };

	if (!ca_sshsig_verify(
		sig, CA_NAMESPACE_GRANT, panel->text.data, panel->text.len, &presence, why))
		return false;
	if (presence.is_sk && !(presence.flags & USER_PRESENT))
		return ca_why_set(why, "the approver's security key was not touched");
	return panel->krl == NULL || check_revocation(panel->krl, sig, why);
}

/* Every name that the approver's certificate ties to its key, not only the one that counts. */
static bool
is_certified_requester(const struct requester *requester, const struct ca_cert *cert)
{
	if (requester_has_key(requester, cert->authority))
		return true;
	for (size_t i = 0; i < cert->principal_count; i++)
		if (requester_has_name(requester, cert->principals[i]))
			return true;
	return false;
}

static enum ca_reason
exclude_requester(
    const struct panel *panel, const struct ca_sshsig *sig, const char *name, struct ca_why *why)
{
	const struct requester *requester = &panel->requester;

	if (requester_has_key(requester, sig->key))
		ca_why_set(why, "made with a key of the requester '%s'", requester->name);
	else if (sig->cert != NULL && is_certified_requester(requester, sig->cert))
		ca_why_set(
		    why, "made with a certificate of or by the requester '%s'", requester->name);
	else if (name != NULL && requester_has_name(requester, name))
		ca_why_set(why, "'%s' is the requester '%s'", name, requester->name);
	else
		return CA_ADMITTED;
	return CA_SELF_APPROVAL;
}

/* Distinct people: neither a name nor a key counts twice, since certificates may give one key two
 * names. Takes `name` when it is new. */
static bool
add_approver(struct panel *panel, const struct ca_key *key, char *name, struct ca_why *why)
{
	char *fingerprint = panel->fingerprints[panel->count];

	ca_key_fingerprint(key, fingerprint);
	for (size_t i = 0; i < panel->count; i++) {
		if (strcmp(panel->names[i], name) == 0)
			return ca_why_set(why, "'%s' has approved already", name);
		if (strcmp(panel->fingerprints[i], fingerprint) == 0)
			return ca_why_set(
			    why, "'%s' has approved already, as '%s'", name, panel->names[i]);
	}
	panel->names[panel->count++] = name;
	return true;
}

/*
 * Verified first: only then is the key in it anybody's word. The requester is asked for before and
 * after the name is known; the name comes from the same file as the keys today, and the promise
 * does not lean on that.
 */
static enum ca_reason
judge_one(struct panel *panel, struct ca_bytes blob, struct ca_why *why)
{
	enum ca_reason reason = CA_BAD_APPROVAL;
	struct ca_sshsig *sig = NULL;
	char *name = NULL;

	if (!ca_sshsig_parse(&sig, blob.data, blob.len, why) || !check_signature(panel, sig, why))
		goto out;
	reason = exclude_requester(panel, sig, NULL, why);
	if (reason != CA_ADMITTED)
		goto out;
	reason = CA_BAD_APPROVAL;
	if (!ca_allowed_signers_identify(panel->approvers, sig, panel->now, &name, why))
		goto out;
	reason = exclude_requester(panel, sig, name, why);
	if (reason != CA_ADMITTED)
		goto out;
	reason = CA_BAD_APPROVAL;
	if (!add_approver(panel, sig->key, name, why))
		goto out;
	name = NULL;
	reason = CA_ADMITTED;
out:
	free(name);
	ca_sshsig_free(sig);
	return reason;
}

static void
forget_names(struct panel *panel)
{
	while (panel->count > 0)
		free(panel->names[--panel->count]);
}

static enum ca_reason
judge_each(struct panel *panel, const struct ca_bytes *approvals, size_t count, struct ca_why *why)
{
	enum ca_reason reason;

	for (size_t i = 0; i < count; i++) {
		reason = judge_one(panel, approvals[i], why);
		if (reason != CA_ADMITTED) {
			ca_why_prefix(why, "approval %zu of %zu", i + 1, count);
			return reason;
		}
	}
	return CA_ADMITTED;
}

static enum ca_reason
judge_panel(struct panel *panel, const struct ca_statement *statement,
    const struct ca_allowed_signers *engineers, const struct ca_bytes *approvals, size_t count,
    struct ca_why *why)
{
	enum ca_reason reason = CA_BAD_APPROVAL;

	if (count > CA_MAX_APPROVALS)
		ca_why_set(why, "there are %zu approvals, more than %d", count, CA_MAX_APPROVALS);
	else if (requester_find(&panel->requester, statement, panel->approvers, engineers, why))
		reason = judge_each(panel, approvals, count, why);
	if (reason != CA_ADMITTED)
		forget_names(panel);
	free(panel->requester.lines);
	return reason;
}

enum ca_reason
ca_judge_approvals(const struct ca_statement *statement, struct ca_bytes text,
    const struct ca_allowed_signers *approvers, const struct ca_allowed_signers *engineers,
    const struct ca_bytes *approvals, size_t approval_count, int64_t now,
    char *names[static CA_MAX_APPROVALS], size_t *count, struct ca_why *why)
{
	struct panel panel = { .text = text, .approvers = approvers, .now = now, .names = names };
	enum ca_reason reason;

	reason = judge_panel(&panel, statement, engineers, approvals, approval_count, why);
	*count = panel.count;
	return reason;
}

/* approvals@postern: 1 to 16 strings, and nothing after them. */
static bool
unpack(struct ca_grant *grant, const struct ca_cert_option *option, struct ca_why *why)
{
	struct ca_reader reader = ca_reader_of(option->value.data, option->value.len);

	while (!ca_reader_done(&reader)) {
		struct ca_bytes blob = ca_read_string(&reader);

		if (reader.failed)
			return ca_why_set(why, "'%s' is not a sequence of strings", option->name);
		if (grant->approval_count == CA_MAX_APPROVALS)
			return ca_why_set(
			    why, "'%s' has more than %d approvals", option->name, CA_MAX_APPROVALS);
		grant->approvals[grant->approval_count++] = blob;
	}
	if (grant->approval_count == 0)
		return ca_why_set(why, "'%s' is empty", option->name);
	return true;
}

static enum ca_reason
judge_quorum(const struct ca_inquiry *inquiry, struct ca_why *why)
{
	const struct ca_grant *grant = inquiry->grant;

	if (inquiry->admission->quorum != NULL &&
	    ca_quorum_reached(inquiry->admission->quorum, (const char *const *)grant->approvers,
		grant->approver_count, why))
		return CA_ADMITTED;
	if (inquiry->admission->quorum == NULL)
		ca_why_set(why, "role '%.80s' has no quorum", inquiry->knock->user);
	return CA_QUORUM_MISSING;
}

enum ca_reason
ca_inquiry_approvals(const struct ca_inquiry *inquiry, struct ca_why *why)
{
	struct ca_grant *grant = inquiry->grant;
	const struct ca_cert_option *option = ca_cert_extension(grant->cert, CA_OPTION_APPROVALS);
	const struct ca_cert_option *statement = ca_cert_critical(grant->cert, CA_OPTION_GRANT);
	struct panel panel = {
		.text = statement->value,
		.approvers = inquiry->post->approvers,
		.krl = inquiry->post->krl,
		.now = inquiry->knock->now,
		.names = grant->approvers,
	};
	enum ca_reason reason = CA_ADMITTED;

	if (panel.approvers == NULL) {
		ca_why_set(why, "'%s' has no approvers", inquiry->post->environment);
		return CA_QUORUM_MISSING;
	}
	if (option != NULL && !unpack(grant, option, why))
		return CA_BAD_APPROVAL;
	reason = judge_panel(
	    &panel, &grant->statement, NULL, grant->approvals, grant->approval_count, why);
	grant->approver_count = panel.count;
	return reason == CA_ADMITTED ? judge_quorum(inquiry, why) : reason;
}
