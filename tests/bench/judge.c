/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge.c - how long the library takes to issue a certificate and to judge one.
 *
 *   judge SECONDS
 *
 * Prints lines `name value`, in CPU seconds of this process, because that is what
 * `openssl speed` counts in:
 *   issued     certificates built, signed and judged again in a second (identities: nothing but
 *              the certificate's own signature is in them)
 *   granted    the same for a grant with three approvals, each of which is verified too
 *   judgement  microseconds for one judgement of such a grant, as a gate makes it
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ca/crypto.h"
#include "ca/judge.h"
#include "ca/sshsig.h"

#define NOW	 INT64_C(1795284000) /* 2026-11-21T18:00:00Z */
#define DURATION 3600
#define BATCH	 16 /* rounds between two looks at the clock */

static const char *const approver_names[] = { "bob@vendor.example", "bella@vendor.example",
	"carol@acme.example" };
#define APPROVERS (sizeof(approver_names) / sizeof(approver_names[0]))

struct scene {
	struct ca_signer *authority, *identity, *gate, *alice, *approvers[APPROVERS];
	char prints[3][CA_FINGERPRINT_SIZE]; /* authority, gate, alice */
	struct ca_key *authorities[1], *identities[1];
	struct ca_allowed_signers *listed;
	struct ca_quorum quorum;
	struct ca_admission grants, people;
	struct ca_post post;
	struct ca_buf statement, approvals[APPROVERS];
	struct ca_bytes approval_bytes[APPROVERS];
	struct ca_why why;
};

static void
require(bool ok, const struct ca_why *why)
{
	if (ok)
		return;
	fprintf(stderr, "judge: %s\n", why->text);
	exit(1);
}

static struct ca_signer *
new_signer(struct ca_why *why)
{
	struct ca_signer *signer = NULL;

	require(ca_signer_generate(&signer, why), why);
	return signer;
}

static struct ca_key *
key_of(const struct ca_signer *signer)
{
	return (struct ca_key *)(uintptr_t)ca_signer_key(signer); /* borrowed, and only read */
}

static void
list_approvers(struct scene *s)
{
	struct ca_buf text = { 0 };

	for (size_t i = 0; i < APPROVERS; i++) {
		s->approvers[i] = new_signer(&s->why);
		ca_buf_printf(
		    &text, "%s namespaces=\"%s\" ", approver_names[i], CA_NAMESPACE_GRANT);
		ca_key_put_line(&text, ca_signer_key(s->approvers[i]));
		ca_buf_put_u8(&text, '\n');
	}
	require(ca_allowed_signers_parse(&s->listed, "approvers", (const char *)text.data, text.len,
		    CA_NAMESPACE_GRANT, &s->why),
	    &s->why);
	ca_buf_clear(&text);
}

static void
set_post(struct scene *s)
{
	s->authorities[0] = key_of(s->authority);
	s->identities[0] = key_of(s->identity);
	s->quorum = (struct ca_quorum){
		.groups = { { .of = { "*@vendor.example" }, .of_count = 1, .need = 2 },
		    { .of = { "*@acme.example" }, .of_count = 1, .need = 1 } },
		.group_count = 2,
	};
	s->grants = (struct ca_admission){ .admits = CA_ADMITS_GRANT, .quorum = &s->quorum };
	s->people = (struct ca_admission){ .admits = CA_ADMITS_IDENTITY };
	s->post = (struct ca_post){ .environment = "acme-prod",
		.gate = s->prints[1],
		.authorities = s->authorities,
		.authority_count = 1,
		.identities = s->identities,
		.identity_count = 1,
		.approvers = s->listed };
}

static void
approve_statement(struct scene *s)
{
	const struct ca_statement statement = {
		.authority = s->prints[0],
		.grant = 42,
		.engineer = "alice@vendor.example",
		.key = s->prints[2],
		.environment = "acme-prod",
		.gate = s->prints[1],
		.role = "diagnostics",
		.terminal = true,
		.sessions = 1,
		.duration = DURATION,
		.not_before = NOW - 60,
		.not_after = NOW + 4 * DURATION,
		.reason = "T-1234: replica lag on shard 3",
	};

	require(ca_statement_encode(&s->statement, &statement, &s->why), &s->why);
	for (size_t i = 0; i < APPROVERS; i++) {
		require(ca_sshsig_sign(s->approvers[i], NULL, CA_NAMESPACE_GRANT, s->statement.data,
			    s->statement.len, &s->approvals[i], &s->why),
		    &s->why);
		s->approval_bytes[i] = ca_buf_bytes(&s->approvals[i]);
	}
}

static void
scene_init(struct scene *s)
{
	s->authority = new_signer(&s->why);
	s->identity = new_signer(&s->why);
	s->gate = new_signer(&s->why);
	s->alice = new_signer(&s->why);
	ca_key_fingerprint(ca_signer_key(s->authority), s->prints[0]);
	ca_key_fingerprint(ca_signer_key(s->gate), s->prints[1]);
	ca_key_fingerprint(ca_signer_key(s->alice), s->prints[2]);
	list_approvers(s);
	set_post(s);
	approve_statement(s);
}

static void
scene_clear(struct scene *s)
{
	for (size_t i = 0; i < APPROVERS; i++) {
		ca_signer_free(s->approvers[i]);
		ca_buf_clear(&s->approvals[i]);
	}
	ca_signer_free(s->authority);
	ca_signer_free(s->identity);
	ca_signer_free(s->gate);
	ca_signer_free(s->alice);
	ca_allowed_signers_free(s->listed);
	ca_buf_clear(&s->statement);
}

static struct ca_cert *
sign_identity(struct scene *s)
{
	static const char *const principals[] = { "acme-prod/audit" };
	const struct ca_cert_option extensions[] = { { .name = CA_OPTION_TERMINAL } };
	const struct ca_cert_spec spec = {
		.key = ca_signer_key(s->alice),
		.serial = 42,
		.type = CA_CERT_USER,
		.key_id = "alice@vendor.example",
		.principals = principals,
		.principal_count = 1,
		.valid_after = (uint64_t)NOW,
		.valid_before = (uint64_t)NOW + DURATION,
		.extensions = extensions,
		.extension_count = 1,
	};
	struct ca_cert *cert = NULL;

	require(ca_cert_sign(&cert, &spec, s->identity, &s->why), &s->why);
	return cert;
}

static struct ca_cert *
sign_grant(struct scene *s)
{
	const struct ca_grant_spec spec = {
		.key = ca_signer_key(s->alice),
		.statement = ca_buf_bytes(&s->statement),
		.approvals = s->approval_bytes,
		.approval_count = APPROVERS,
		.valid_after = NOW,
		.valid_before = NOW + DURATION,
	};
	struct ca_cert *cert = NULL;

	require(ca_grant_sign(&cert, &spec, s->authority, &s->why), &s->why);
	return cert;
}

static void
judge(struct scene *s, const struct ca_cert *cert, const struct ca_admission *admission,
    const char *role)
{
	struct ca_knock knock = {
		.cert = cert->blob.data, .cert_len = cert->blob.len, .user = role, .now = NOW + 1
	};
	struct ca_grant *grant = NULL;

	require(ca_address_parse(&knock.source, "203.0.113.7") &&
		    ca_judge(&s->post, admission, &knock, &grant, &s->why) == CA_ADMITTED,
	    &s->why);
	ca_grant_free(grant);
}

static void
issue_identity(struct scene *s)
{
	struct ca_cert *cert = sign_identity(s);

	judge(s, cert, &s->people, "audit");
	ca_cert_free(cert);
}

static void
issue_grant(struct scene *s)
{
	struct ca_cert *cert = sign_grant(s);

	judge(s, cert, &s->grants, "diagnostics");
	ca_cert_free(cert);
}

static struct ca_cert *ready; /* a grant to be judged again and again */

static void
judge_grant(struct scene *s)
{
	judge(s, ready, &s->grants, "diagnostics");
}

static double
cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* How often a second. */
static double
rate(struct scene *s, void (*round)(struct scene *s), double seconds)
{
	double begun, used;
	unsigned long rounds = 0;

	round(s);
	begun = cpu_seconds();
	do {
		for (int i = 0; i < BATCH; i++)
			round(s);
		rounds += BATCH;
		used = cpu_seconds() - begun;
	} while (used < seconds);
	return (double)rounds / used;
}

int
main(int argc, char **argv)
{
	static struct scene s;
	double seconds = argc == 2 ? strtod(argv[1], NULL) : 0;

	if (seconds <= 0) {
		fprintf(stderr, "usage: judge SECONDS\n");
		return 2;
	}
	ca_crypto_warm();
	scene_init(&s);
	printf("issued %.1f\n", rate(&s, issue_identity, seconds));
	printf("granted %.1f\n", rate(&s, issue_grant, seconds));
	ready = sign_grant(&s);
	printf("judgement %.2f\n", 1e6 / rate(&s, judge_grant, seconds));
	ca_cert_free(ready);
	scene_clear(&s);
	return 0;
}
