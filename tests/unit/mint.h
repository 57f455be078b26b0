/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mint.h - people, posts, grants and identity certificates made in memory, right ones and
 * wrong ones.
 *
 * A test takes a draft that would be admitted, spoils one field, has it signed and
 * sees it refused. Certificates are encoded here byte by byte, because ca_cert_sign would
 * rightly decline to sign most of them.
 */
#ifndef TESTS_MINT_H
#define TESTS_MINT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca/crypto.h"
#include "ca/judge.h"
#include "ca/signer.h"
#include "ca/sshsig.h"
#include "ca/text.h"

#define MINT_NOT_BEFORE INT64_C(1795284000)	/* 2026-11-21T18:00:00Z */
#define MINT_AFTER	(MINT_NOT_BEFORE + 600) /* the certificate's window: an hour */
#define MINT_NOW	(MINT_NOT_BEFORE + 1800)
#define MINT_DURATION	3600
#define MINT_BEFORE	(MINT_AFTER + MINT_DURATION)
#define MINT_NOT_AFTER	(MINT_NOT_BEFORE + 4 * 3600)

#define MINT_APPLICATION "ssh:"

/* Who holds a key. ALICE asks; BOB and BELLA approve for the vendor, CAROL and CHRIS for the
 * customer; MALLORY is listed nowhere. */
enum mint_person { ALICE, BOB, BELLA, CAROL, CHRIS, MALLORY, MINT_PEOPLE };

static const char *const mint_names[MINT_PEOPLE] = {
	"alice@vendor.example",
	"bob@vendor.example",
	"bella@vendor.example",
	"carol@acme.example",
	"chris@acme.example",
	"mallory@evil.example",
};

struct mint {
	struct ca_signer *people[MINT_PEOPLE];
	struct ca_signer *authority; /* of grants */
	struct ca_signer *identity;  /* of identities */
	struct ca_signer *gate;
	struct ca_key *authorities[1], *identities[1];
	char authority_print[CA_FINGERPRINT_SIZE];
	char gate_print[CA_FINGERPRINT_SIZE];
	char key_print[CA_FINGERPRINT_SIZE];
	struct ca_buf listed; /* the approvers file */
	struct ca_allowed_signers *approvers;
	struct ca_quorum quorum;
	struct ca_admission grants, identity_certificates;
	struct ca_post post;
};

/* Everything that goes into a certificate; a test spoils what it wants. */
struct mint_draft {
	struct ca_statement statement;
	struct ca_buf text; /* the statement's bytes */
	struct ca_buf approvals[CA_MAX_APPROVALS + 1];
	size_t approval_count;
	struct ca_signer *authority;
	struct ca_bytes authority_blob; /* what the certificate calls it; empty: its key */
	const struct ca_key *key;
	uint64_t serial;
	uint32_t type;
	char key_id[256];
	char principals[4][128];
	size_t principal_count;
	uint64_t valid_after, valid_before;
	struct ca_cert_option critical[8], extensions[8]; /* in the order they are encoded */
	size_t critical_count, extension_count;
	struct ca_buf packed; /* the approvals, as the extension holds them */
	uint8_t log[40];
};

static inline struct ca_signer *
mint_signer(void)
{
	struct ca_signer *signer;
	struct ca_why why;

	assert_true(ca_signer_generate(&signer, &why));
	return signer;
}

static inline struct ca_bytes
mint_bytes(const char *text)
{
	return (struct ca_bytes){ .data = (const uint8_t *)text, .len = strlen(text) };
}

/* A line of the approvers file; `options` beside the namespace, with a comma in front. */
static inline void
mint_list(struct mint *mint, const char *name, const char *options, const struct ca_key *key)
{
	ca_buf_printf(&mint->listed, "%s namespaces=\"grant@postern\"%s ", name, options);
	ca_key_put_line(&mint->listed, key);
	ca_buf_put_u8(&mint->listed, '\n');
}

/* Reads the approvers file anew. */
static inline void
mint_read_approvers(struct mint *mint)
{
	struct ca_why why;

	ca_allowed_signers_free(mint->approvers);
	if (!ca_allowed_signers_parse(&mint->approvers, "approvers",
		(const char *)mint->listed.data, mint->listed.len, CA_NAMESPACE_GRANT, &why))
		fail_msg("%s", why.text);
	mint->post.approvers = mint->approvers;
}

static inline void
mint_init(struct mint *mint)
{
	*mint = (struct mint){
		.authority = mint_signer(), .identity = mint_signer(), .gate = mint_signer()
	};
	for (int i = 0; i < MINT_PEOPLE; i++)
		mint->people[i] = mint_signer();
	for (int i = BOB; i <= CHRIS; i++)
		mint_list(mint, mint_names[i], "", ca_signer_key(mint->people[i]));
	ca_key_fingerprint(ca_signer_key(mint->authority), mint->authority_print);
	ca_key_fingerprint(ca_signer_key(mint->gate), mint->gate_print);
	ca_key_fingerprint(ca_signer_key(mint->people[ALICE]), mint->key_print);
	/* The keys are borrowed from the signers, and only read. */
	mint->authorities[0] = (struct ca_key *)(uintptr_t)ca_signer_key(mint->authority);
	mint->identities[0] = (struct ca_key *)(uintptr_t)ca_signer_key(mint->identity);
	mint->quorum = (struct ca_quorum){
		.groups = { { .of = { "*@vendor.example" }, .of_count = 1, .need = 1 },
		    { .of = { "*@acme.example" }, .of_count = 1, .need = 1 } },
		.group_count = 2,
	};
	mint->grants = (struct ca_admission){ .admits = CA_ADMITS_GRANT, .quorum = &mint->quorum };
	mint->identity_certificates = (struct ca_admission){ .admits = CA_ADMITS_IDENTITY };
	mint->post = (struct ca_post){ .environment = "acme-prod",
		.gate = mint->gate_print,
		.authorities = mint->authorities,
		.authority_count = 1,
		.identities = mint->identities,
		.identity_count = 1 };
	mint_read_approvers(mint);
}

static inline void
mint_clear(struct mint *mint)
{
	for (int i = 0; i < MINT_PEOPLE; i++)
		ca_signer_free(mint->people[i]);
	ca_signer_free(mint->authority);
	ca_signer_free(mint->identity);
	ca_signer_free(mint->gate);
	ca_allowed_signers_free(mint->approvers);
	ca_buf_clear(&mint->listed);
}

/* A request that anybody would approve, with every optional line but the relay. */
static inline struct ca_statement
mint_statement(const struct mint *mint)
{
	return (struct ca_statement){
		.authority = mint->authority_print,
		.grant = 42,
		.engineer = mint_names[ALICE],
		.key = mint->key_print,
		.environment = "acme-prod",
		.gate = mint->gate_print,
		.role = "diagnostics",
		.command = "query select * from system.replicas",
		.source = "203.0.113.0/24",
		.terminal = true,
		.sessions = 1,
		.duration = MINT_DURATION,
		.not_before = MINT_NOT_BEFORE,
		.not_after = MINT_NOT_AFTER,
		.reason = "T-1234: replica lag on shard 3",
	};
}

static inline void
mint_encode(struct ca_buf *out, const struct ca_statement *statement)
{
	struct ca_why why;

	ca_buf_clear(out);
	if (!ca_statement_encode(out, statement, &why))
		fail_msg("%s", why.text);
}

static inline void
mint_approve(struct ca_buf *out, struct ca_signer *signer, const struct ca_cert *cert,
    const char *ns, struct ca_bytes text)
{
	struct ca_why why;

	if (!ca_sshsig_sign(signer, cert, ns, text.data, text.len, out, &why))
		fail_msg("%s", why.text);
}

/* Adds a right approval to a draft. */
static inline void
mint_add_approval(struct mint_draft *draft, struct ca_signer *signer)
{
	assert_true(draft->approval_count <= CA_MAX_APPROVALS);
	mint_approve(&draft->approvals[draft->approval_count++], signer, NULL, CA_NAMESPACE_GRANT,
	    ca_buf_bytes(&draft->text));
}

static inline struct ca_cert_option *
mint_option(struct ca_cert_option *options, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(options[i].name, name) == 0)
			return &options[i];
	return NULL;
}

/* Adds an option, or gives one another value; a NULL value makes a flag. Keeps the list sorted. */
static inline void
mint_set(struct ca_cert_option *options, size_t *count, const char *name, const char *value)
{
	struct ca_cert_option *option = mint_option(options, *count, name);
	size_t at = *count;

	if (option == NULL) {
		assert_true(*count < 8);
		for (; at > 0 && strcmp(options[at - 1].name, name) > 0; at--)
			options[at] = options[at - 1];
		(*count)++;
		option = &options[at];
	}
	*option = (struct ca_cert_option){ .name = name, .has_value = value != NULL };
	if (value != NULL)
		option->value = mint_bytes(value);
}

static inline void
mint_unset(struct ca_cert_option *options, size_t *count, const char *name)
{
	struct ca_cert_option *option = mint_option(options, *count, name);
	size_t after;

	assert_non_null(option);
	after = (size_t)(options + *count - (option + 1));
	memmove(option, option + 1, after * sizeof *option);
	(*count)--;
}

/* The certificate that the draft's statement asks for, approvals included. */
static inline void
mint_fill(const struct mint *mint, struct mint_draft *draft)
{
	const struct ca_statement *statement = &draft->statement;

	draft->authority = mint->authority;
	draft->key = ca_signer_key(mint->people[ALICE]);
	draft->serial = statement->grant;
	draft->type = CA_CERT_USER;
	snprintf(draft->key_id, sizeof draft->key_id, "%s grant %llu %s/%s", statement->engineer,
	    (unsigned long long)statement->grant, statement->environment, statement->role);
	snprintf(draft->principals[0], sizeof draft->principals[0], "%s/%s", statement->environment,
	    statement->role);
	draft->principal_count = 1;
	draft->valid_after = (uint64_t)MINT_AFTER;
	draft->valid_before = (uint64_t)MINT_BEFORE;
	if (statement->command != NULL)
		mint_set(draft->critical, &draft->critical_count, CA_OPTION_FORCE_COMMAND,
		    statement->command);
	if (statement->source != NULL)
		mint_set(
		    draft->critical, &draft->critical_count, CA_OPTION_SOURCE, statement->source);
	mint_set(draft->critical, &draft->critical_count, CA_OPTION_GRANT, "");
	mint_set(draft->extensions, &draft->extension_count, CA_OPTION_APPROVALS, "");
	mint_set(draft->extensions, &draft->extension_count, CA_OPTION_LOG, "");
	mint_option(draft->extensions, draft->extension_count, CA_OPTION_LOG)->value =
	    (struct ca_bytes){ .data = draft->log, .len = sizeof draft->log };
	if (statement->terminal)
		mint_set(draft->extensions, &draft->extension_count, CA_OPTION_TERMINAL, NULL);
}

/* A draft that would be admitted, approved by BOB and CAROL; `spoil` (may be NULL) changes the
 * statement before it is signed. */
static inline void
mint_draft(const struct mint *mint, struct mint_draft *draft,
    void (*spoil)(struct ca_statement *statement))
{
	*draft = (struct mint_draft){ .statement = mint_statement(mint) };
	if (spoil != NULL)
		spoil(&draft->statement);
	mint_encode(&draft->text, &draft->statement);
	mint_add_approval(draft, mint->people[BOB]);
	mint_add_approval(draft, mint->people[CAROL]);
	mint_fill(mint, draft);
}

/* An identity certificate of CAROL's for the role auditor. */
static inline void
mint_identity(const struct mint *mint, struct mint_draft *draft)
{
	*draft = (struct mint_draft){ .authority = mint->identity,
		.key = ca_signer_key(mint->people[CAROL]),
		.serial = 7,
		.type = CA_CERT_USER,
		.principals = { "acme-prod/auditor" },
		.principal_count = 1,
		.valid_after = (uint64_t)MINT_AFTER,
		.valid_before = (uint64_t)MINT_BEFORE };
	snprintf(draft->key_id, sizeof draft->key_id, "%s", mint_names[CAROL]);
}

static inline void
mint_draft_clear(struct mint_draft *draft)
{
	for (size_t i = 0; i <= CA_MAX_APPROVALS; i++)
		ca_buf_clear(&draft->approvals[i]);
	ca_buf_clear(&draft->text);
	ca_buf_clear(&draft->packed);
}

static inline void
mint_put_options(struct ca_buf *out, const struct ca_cert_option *options, size_t count)
{
	struct ca_buf list = { 0 }, data = { 0 };

	for (size_t i = 0; i < count; i++) {
		ca_buf_reset(&data);
		if (options[i].has_value)
			ca_buf_put_string(&data, options[i].value.data, options[i].value.len);
		ca_buf_put_cstring(&list, options[i].name);
		ca_buf_put_string(&list, data.data, data.len);
	}
	ca_buf_put_string(out, list.data, list.len);
	ca_buf_clear(&data);
	ca_buf_clear(&list);
}

/* Statement and approvals go into options that are still empty. */
static inline void
mint_pack(struct mint_draft *draft)
{
	struct ca_cert_option *option;

	for (size_t i = 0; i < draft->approval_count; i++)
		ca_buf_put_string(
		    &draft->packed, draft->approvals[i].data, draft->approvals[i].len);
	option = mint_option(draft->extensions, draft->extension_count, CA_OPTION_APPROVALS);
	if (option != NULL && option->has_value && option->value.len == 0)
		option->value = ca_buf_bytes(&draft->packed);
	option = mint_option(draft->critical, draft->critical_count, CA_OPTION_GRANT);
	if (option != NULL && option->has_value && option->value.len == 0)
		option->value = ca_buf_bytes(&draft->text);
}

/* The certificate's bytes, signed by the draft's authority. */
static inline void
mint_sign(struct mint_draft *draft, struct ca_buf *out)
{
	static const uint8_t nonce[32] = { 1 };
	struct ca_buf principals = { 0 }, sig = { 0 };
	struct ca_bytes authority = draft->authority_blob;
	struct ca_why why;

	if (authority.len == 0)
		authority = ca_key_blob(ca_signer_key(draft->authority));
	mint_pack(draft);
	for (size_t i = 0; i < draft->principal_count; i++)
		ca_buf_put_cstring(&principals, draft->principals[i]);
	ca_buf_reset(out);
	ca_buf_put_cstring(out, ca_key_cert_type_name(ca_key_type(draft->key)));
	ca_buf_put_string(out, nonce, sizeof nonce);
	ca_key_put_body(out, draft->key);
	ca_buf_put_u64(out, draft->serial);
	ca_buf_put_u32(out, draft->type);
	ca_buf_put_cstring(out, draft->key_id);
	ca_buf_put_string(out, principals.data, principals.len);
	ca_buf_put_u64(out, draft->valid_after);
	ca_buf_put_u64(out, draft->valid_before);
	mint_put_options(out, draft->critical, draft->critical_count);
	mint_put_options(out, draft->extensions, draft->extension_count);
	ca_buf_put_cstring(out, "");
	ca_buf_put_string(out, authority.data, authority.len);
	assert_true(ca_signer_sign(draft->authority, out->data, out->len, &sig, &why));
	ca_buf_put_string(out, sig.data, sig.len);
	assert_true(ca_buf_ok(out));
	ca_buf_clear(&principals);
	ca_buf_clear(&sig);
}

/* How an SSHSIG is put together by hand (PROTOCOL.sshsig). */
struct mint_sshsig {
	struct ca_signer *signer;
	struct ca_bytes key; /* key or certificate blob; empty: the signer's key */
	const char *ns;
	const char *hash;  /* named; what is hashed is sha256 or else sha512 */
	const char *trail; /* bytes after the end */
	uint32_t version;
	bool is_sk; /* a security key, emulated over the signer's Ed25519 key */
	uint8_t flags;
};

/* The security key's public key: the signer's point with an application. */
static inline void
mint_put_sk_key(struct ca_buf *out, const struct ca_signer *signer)
{
	struct ca_bytes blob = ca_key_blob(ca_signer_key(signer));
	struct ca_reader reader = ca_reader_of(blob.data, blob.len);
	struct ca_bytes point;

	ca_read_string(&reader);
	point = ca_read_string(&reader);
	assert_true(ca_reader_done(&reader) && point.len == 32);
	ca_buf_put_cstring(out, "sk-ssh-ed25519@openssh.com");
	ca_buf_put_string(out, point.data, point.len);
	ca_buf_put_cstring(out, MINT_APPLICATION);
}

/* PROTOCOL.u2f: SHA256(application), flags, counter, SHA256(data) */
static inline void
mint_put_sk_signature(
    struct ca_buf *out, struct ca_signer *signer, const struct ca_buf *data, uint8_t flags)
{
	struct ca_buf message = { 0 }, sig = { 0 };
	struct ca_reader reader;
	struct ca_bytes bare;
	uint8_t hash[32];
	struct ca_why why;

	ca_sha256(MINT_APPLICATION, strlen(MINT_APPLICATION), hash);
	ca_buf_put(&message, hash, sizeof hash);
	ca_buf_put_u8(&message, flags);
	ca_buf_put_u32(&message, 9);
	ca_sha256(data->data, data->len, hash);
	ca_buf_put(&message, hash, sizeof hash);
	assert_true(ca_signer_sign(signer, message.data, message.len, &sig, &why));
	reader = ca_reader_of(sig.data, sig.len);
	ca_read_string(&reader);
	bare = ca_read_string(&reader);
	ca_buf_put_cstring(out, "sk-ssh-ed25519@openssh.com");
	ca_buf_put_string(out, bare.data, bare.len);
	ca_buf_put_u8(out, flags);
	ca_buf_put_u32(out, 9);
	ca_buf_clear(&message);
	ca_buf_clear(&sig);
}

static inline void
mint_put_sshsig(struct ca_buf *out, const struct mint_sshsig *spec, struct ca_bytes text)
{
	struct ca_buf key = { 0 }, sealed = { 0 }, sig = { 0 };
	uint8_t hash[64];
	struct ca_why why;

	if (spec->key.len > 0)
		ca_buf_put(&key, spec->key.data, spec->key.len);
	else if (spec->is_sk)
		mint_put_sk_key(&key, spec->signer);
	else
		ca_buf_put(&key, ca_key_blob(ca_signer_key(spec->signer)).data,
		    ca_key_blob(ca_signer_key(spec->signer)).len);
	ca_buf_put_text(&sealed, "SSHSIG");
	ca_buf_put_cstring(&sealed, spec->ns);
	ca_buf_put_cstring(&sealed, "");
	ca_buf_put_cstring(&sealed, spec->hash);
	if (strcmp(spec->hash, "sha256") == 0) {
		ca_sha256(text.data, text.len, hash);
		ca_buf_put_string(&sealed, hash, 32);
	} else {
		ca_sha512(text.data, text.len, hash);
		ca_buf_put_string(&sealed, hash, 64);
	}
	if (spec->is_sk)
		mint_put_sk_signature(&sig, spec->signer, &sealed, spec->flags);
	else
		assert_true(ca_signer_sign(spec->signer, sealed.data, sealed.len, &sig, &why));
	ca_buf_put_text(out, "SSHSIG");
	ca_buf_put_u32(out, spec->version);
	ca_buf_put_string(out, key.data, key.len);
	ca_buf_put_cstring(out, spec->ns);
	ca_buf_put_cstring(out, "");
	ca_buf_put_cstring(out, spec->hash);
	ca_buf_put_string(out, sig.data, sig.len);
	ca_buf_put_text(out, spec->trail);
	ca_buf_clear(&key);
	ca_buf_clear(&sealed);
	ca_buf_clear(&sig);
}

/* From inside the grant's source, as the role the draft is for, at MINT_NOW. */
static inline struct ca_knock
mint_knock(const struct ca_buf *cert)
{
	struct ca_knock knock = {
		.cert = cert->data, .cert_len = cert->len, .user = "diagnostics", .now = MINT_NOW
	};

	assert_true(ca_address_parse(&knock.source, "203.0.113.9"));
	return knock;
}

#endif
