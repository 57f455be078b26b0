/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge.h - the judgement: may this certificate do this, here, now?
 *
 * Pure: the time, the address and all files' contents are parameters. The order
 * is fixed (parse, authority, signature, then permission), so that a stranger
 * never learns more than that nobody here trusts him.
 */
#ifndef CA_JUDGE_H
#define CA_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ca/address.h"
#include "ca/allowed_signers.h"
#include "ca/cert.h"
#include "ca/key.h"
#include "ca/krl.h"
#include "ca/quorum.h"
#include "ca/statement.h"
#include "ca/why.h"

#define CA_OPTION_GRANT		"grant@postern"
#define CA_OPTION_APPROVALS	"approvals@postern"
#define CA_OPTION_LOG		"log@postern"
#define CA_OPTION_FORCE_COMMAND "force-command"
#define CA_OPTION_SOURCE	"source-address"
#define CA_OPTION_TERMINAL	"permit-pty"

#define CA_MAX_APPROVALS 16
#define CA_WINDOW_SLACK	 60 /* seconds a window may be longer than the duration */

/* Stable names (ca_reason_name); a log line carries them. */
enum ca_reason {
	CA_ADMITTED = 0,
	/* strangers: see one generic sentence */
	CA_NOT_A_CERTIFICATE,
	CA_UNKNOWN_AUTHORITY,
	CA_BAD_SIGNATURE,
	/* known to a trusted authority: see the sentence */
	CA_NOT_A_USER_CERTIFICATE,
	CA_WRONG_PRINCIPAL,
	CA_UNKNOWN_ROLE,
	CA_NOT_YET_VALID,
	CA_EXPIRED,
	CA_UNKNOWN_OPTION,
	CA_BAD_OPTION,
	CA_WRONG_SOURCE,
	CA_REVOKED,
	CA_BAD_KEY_ID, /* an identity certificate's key id is no name */
	CA_WRONG_KIND, /* grant where an identity is admitted, or the other way round */
	CA_BAD_STATEMENT,
	CA_STATEMENT_MISMATCH, /* statement and certificate, or statement and post, disagree */
	CA_BAD_APPROVAL,
	CA_SELF_APPROVAL,
	CA_QUORUM_MISSING,
	/* given by the session's keeper of counts, not by ca_judge */
	CA_WINDOW_OVER,
	CA_USED_UP,
	CA_OTHER_CERTIFICATE, /* the statement's window is pinned by another certificate */
	CA_REFUSED_HERE,      /* the customer's last word */
	CA_NOT_RECORDABLE,
	CA_KRL_UNUSABLE, /* broken, gone or too old */
	CA_REASON_COUNT
};

const char *ca_reason_name(enum ca_reason reason);
/* Whether the authority was not established: no log entry, no particulars. */
bool ca_reason_is_stranger(enum ca_reason reason);

enum ca_admits { CA_ADMITS_GRANT = 1, CA_ADMITS_IDENTITY };

/* What the post is and whom it trusts. Borrowed. */
struct ca_post {
	const char *environment;	   /* acme-prod; at other posts front or relay */
	const char *gate;		   /* own host key's fingerprint */
	const char *relay;		   /* the pinned relay in the chain, or NULL */
	struct ca_key *const *authorities; /* sign grants */
	size_t authority_count;
	struct ca_key *const *identities; /* sign identity certificates */
	size_t identity_count;
	const struct ca_allowed_signers *approvers; /* may be NULL where nothing admits grants */
	const struct ca_krl *krl;		    /* NULL: none, said in the configuration */
};

/* How a role lets in. */
struct ca_admission {
	enum ca_admits admits;
	const struct ca_quorum *quorum; /* for grants */
};

/* Who knocks. */
struct ca_knock {
	const void *cert;
	size_t cert_len;
	const char *user; /* SSH user name = role; hostile */
	struct ca_address source;
	int64_t now;
};

/* What was found; freed by ca_grant_free. Also given with a refusal, as far as it is known,
 * once the authority is established (for the log). */
struct ca_grant {
	struct ca_cert *cert;
	enum ca_admits admits;
	bool has_statement;
	struct ca_statement statement; /* when has_statement */
	uint8_t statement_hash[32];
	uint8_t cert_hash[32];
	char *identity; /* engineer or person: first word of the key id; checked to be a
			 * name on CA_ADMITTED only, so hostile text in a refusal */
	char *approvers[CA_MAX_APPROVALS];
	size_t approver_count;
	struct ca_bytes approvals[CA_MAX_APPROVALS]; /* SSHSIG blobs inside the certificate */
	size_t approval_count;
};

/* Only the authority questions: parses, and establishes the authority and its signature. For
 * the moment before possession of the key is proven. */
CA_MUST_USE enum ca_reason ca_judge_authority(const struct ca_post *post, const void *cert,
    size_t len, struct ca_cert **out, struct ca_why *why);

/*
 * The whole judgement. `admission` is NULL when the post has no such role.
 * `*out` is set on CA_ADMITTED, and on a refusal that is not a stranger's; else NULL.
 */
CA_MUST_USE enum ca_reason ca_judge(const struct ca_post *post,
    const struct ca_admission *admission, const struct ca_knock *knock, struct ca_grant **out,
    struct ca_why *why);
/* The rest of it for a certificate that ca_judge_authority gave at this very post; takes it
 * over. */
CA_MUST_USE enum ca_reason ca_judge_established(const struct ca_post *post,
    const struct ca_admission *admission, const struct ca_knock *knock, struct ca_cert *cert,
    struct ca_grant **out, struct ca_why *why);
void ca_grant_free(struct ca_grant *grant);

/*
 * Approvals of a statement by themselves, as the authority counts them before it
 * signs: each verifies, is by someone listed and valid now, distinct people, none of them the
 * requester (by name, by the statement's key, by any key listed for a name that shares one).
 * `engineers` (may be NULL) adds the keys that the engineer's name is listed with.
 * `names` gets heap strings; caller frees the first *count.
 */
CA_MUST_USE enum ca_reason ca_judge_approvals(const struct ca_statement *statement,
    struct ca_bytes text, const struct ca_allowed_signers *approvers,
    const struct ca_allowed_signers *engineers, const struct ca_bytes *approvals,
    size_t approval_count, int64_t now, char *names[static CA_MAX_APPROVALS], size_t *count,
    struct ca_why *why);

/* What a grant's certificate holds, for the authority that builds one. */
struct ca_grant_spec {
	const struct ca_key *key; /* the engineer's */
	struct ca_bytes statement;
	const struct ca_bytes *approvals;
	size_t approval_count;
	int64_t valid_after, valid_before;
	uint64_t log_index;
	uint8_t log_leaf[32];
};

/* Builds and signs; the statement decides every other field. */
CA_MUST_USE bool ca_grant_sign(struct ca_cert **out, const struct ca_grant_spec *spec,
    struct ca_signer *authority, struct ca_why *why);

#endif
