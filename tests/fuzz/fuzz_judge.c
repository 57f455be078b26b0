/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_judge.c - certificates from outside, judged at a gate and as identities.
 *
 * The post's keys are fixed, their private halves are gone: whatever is admitted has to be
 * one of the seeds, byte for byte. The questions behind the signature are asked without it as well,
 * or no changed input would ever reach them.
 */
#include <stdlib.h>
#include <string.h>

#include "ca/crypto.h"
#include "ca/judge.h"
#include "ca/judge_parts.h"
#include "ca/text.h"

#define NOW INT64_C(1795285800) /* 2026-11-21T18:30:00Z */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const char authority_line[] =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKxqwqPbMgfFV9GmVCvHos5lmBJX9DtrPT+w1COmRHwi";
static const char identity_line[] =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPXrHLXjkWFYz4MQRpJ3r9nUL7htQjtGYE6qw/rMQa1p";

#define NS " namespaces=\"grant@postern\""
static const char approvers_text[] =
    "bob@vendor.example" NS
    " ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAII7gR1e0EPjVqSXaHOt+MrxkKL/Rh91VaIyJuI8gmMwO\n"
    "bella@vendor.example" NS
    " ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIUwWbjHqbwfNvH9uOMRW5APT1cYeXfVtOJeWUieWlfS\n"
    "carol@acme.example" NS
    " ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDB6BD8iCzEXEGWAws2cQuudPmBIWJlog09g7/S397ce\n"
    "chris@acme.example" NS
    " ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHwwFpd/CN45eiEkV8I8HpKUtP7/duVPFgep5Y0xSuGg\n"
    "*@acme.example" NS ",cert-authority"
    " ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJyJMFvQbzzArEAQPTK7wglMYkhDNP2BGX51d95XMpzG\n"
    "sue@acme.example" NS
    " sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIAsAwiuP2ZsoVh8jzeJx"
    "BOIQzn7vLJUCo7skY2diLe2VAAAABHNzaDo=\n";

/* SHA-256 of the seeds that are right. */
static const char *const admitted[] = {
	"6faa70e06b0d36866eef83d08d7585ca88444391fee79a9fbc233638f24090fe", /* grant */
	"15c756d05938227d2fe772a77f4ca188149df7906966a62b337dd484e1bf49a0", /* grant_bare */
	"4c42ece021692df140322b517ea667be692cc99d25c418ce1a27be207ecddf65", /* grant_vouched */
	"7c0dd2ca64249bcfd9d4e82d68049510bfa71037999097a6a34c2b653581f282", /* identity */
	"247b394e6235e880f618fd5648ca25f608efd47cc5c3891d60e86788c6ff279c", /* identity_source */
};

static const struct ca_quorum quorum = {
	.groups = { { .of = { "*@vendor.example" }, .of_count = 1, .need = 1 },
	    { .of = { "*@acme.example" }, .of_count = 1, .need = 1 } },
	.group_count = 2,
};
static const struct ca_admission grants = { .admits = CA_ADMITS_GRANT, .quorum = &quorum };
static const struct ca_admission identities = { .admits = CA_ADMITS_IDENTITY };

/* Made at the first input, kept for all. */
static const struct ca_post *
post_get(void)
{
	static struct ca_key *authority, *identity;
	static struct ca_allowed_signers *approvers;
	static struct ca_post post;

	if (approvers != NULL)
		return &post;
	if (!ca_key_parse_line(&authority, authority_line, NULL) ||
	    !ca_key_parse_line(&identity, identity_line, NULL) ||
	    !ca_allowed_signers_parse(&approvers, "approvers", approvers_text,
		strlen(approvers_text), CA_NAMESPACE_GRANT, NULL))
		abort();
	post = (struct ca_post){ .environment = "acme-prod",
		.gate = "SHA256:6Fdc5ZdQmJ7I5oT2zC6+g//GSqb5bbOAhB8Yhzvx9m0",
		.authorities = &authority,
		.authority_count = 1,
		.identities = &identity,
		.identity_count = 1,
		.approvers = approvers };
	return &post;
}

static void
check_seed(const uint8_t *data, size_t len)
{
	struct ca_buf hex = { 0 };
	uint8_t hash[32];
	bool known = false;

	ca_sha256(data, len, hash);
	ca_hex_encode(&hex, hash, sizeof hash);
	for (size_t i = 0; i < sizeof admitted / sizeof admitted[0]; i++)
		known = known || ca_bytes_is(ca_buf_bytes(&hex), admitted[i]);
	if (!known)
		abort();
	ca_buf_clear(&hex);
}

static void
judge(const struct ca_admission *admission, const struct ca_knock *knock)
{
	struct ca_grant *grant = NULL;
	struct ca_why why = { 0 };
	enum ca_reason reason = ca_judge(post_get(), admission, knock, &grant, &why);

	if (ca_reason_is_stranger(reason) != (grant == NULL))
		abort();
	if (reason == CA_ADMITTED)
		check_seed(knock->cert, knock->cert_len);
	else if (why.text[0] == '\0')
		abort();
	ca_grant_free(grant);
}

/* As if the signature had held. */
static void
ask(const struct ca_knock *knock)
{
	struct ca_grant grant = { 0 };
	struct ca_inquiry inquiry = {
		.post = post_get(), .admission = &grants, .knock = knock, .grant = &grant
	};
	struct ca_why why;

	if (!ca_cert_parse(&grant.cert, knock->cert, knock->cert_len, &why))
		return;
	if (ca_inquiry_options(&inquiry, &why) == CA_ADMITTED &&
	    ca_inquiry_source(&inquiry, &why) == CA_ADMITTED &&
	    ca_inquiry_statement(&inquiry, &why) == CA_ADMITTED &&
	    ca_inquiry_approvals(&inquiry, &why) == CA_ADMITTED) {
		if (grant.approver_count < 2 || grant.approver_count != grant.approval_count)
			abort();
		for (size_t i = 0; i < grant.approver_count; i++)
			if (strcmp(grant.approvers[i], grant.statement.engineer) == 0)
				abort();
	}
	for (size_t i = 0; i < grant.approver_count; i++)
		free(grant.approvers[i]);
	ca_statement_clear(&grant.statement);
	ca_cert_free(grant.cert);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct ca_knock knock = {
		.cert = data, .cert_len = len, .user = "diagnostics", .now = NOW
	};

	if (!ca_address_parse(&knock.source, "203.0.113.9"))
		abort();
	judge(&grants, &knock);
	ask(&knock);
	knock.user = "auditor";
	judge(&identities, &knock);
	judge(NULL, &knock);
	return 0;
}
