/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_judge.c - a grant that is right in everything is admitted; each single wrong field
 * of certificate, statement, post or knock refuses it, for its own reason.
 */
#include "mint.h"

#include <time.h>

/* One judgement: what is judged, where, and what came out. */
struct scene {
	struct mint mint;
	struct mint_draft draft;
	struct ca_buf cert;
	struct ca_knock knock;
	struct ca_post post;
	const struct ca_admission *admission;
	struct ca_krl *krl;
	enum ca_reason reason;
	struct ca_grant *grant;
	struct ca_why why;
};

typedef void spoil_statement(struct ca_statement *statement);
typedef void spoil_scene(struct scene *scene);

static void
scene_judge(struct scene *scene)
{
	scene->knock.cert = scene->cert.data;
	scene->knock.cert_len = scene->cert.len;
	ca_grant_free(scene->grant);
	scene->reason =
	    ca_judge(&scene->post, scene->admission, &scene->knock, &scene->grant, &scene->why);
	/* a stranger gets nothing to be logged, everybody else does */
	assert_int_equal(scene->grant == NULL, ca_reason_is_stranger(scene->reason));
}

static void
scene_init(struct scene *scene)
{
	*scene = (struct scene){ 0 };
	mint_init(&scene->mint);
	scene->post = scene->mint.post;
	scene->admission = &scene->mint.grants;
	scene->knock = mint_knock(&scene->cert);
}

static void
scene_clear(struct scene *scene)
{
	mint_draft_clear(&scene->draft);
	mint_clear(&scene->mint);
	ca_buf_clear(&scene->cert);
	ca_krl_free(scene->krl);
	ca_grant_free(scene->grant);
}

/* One case: a draft with one thing spoilt, and how that is refused. */
struct trial {
	const char *name;
	spoil_statement *statement; /* before it is approved; may be NULL */
	spoil_scene *before;	    /* before the certificate is signed */
	spoil_scene *after;	    /* once it is */
	enum ca_reason reason;
	const char *sentence; /* a part of it, or NULL */
};

static void
run_trial(const struct trial *trial, void (*draft)(struct scene *, spoil_statement *))
{
	struct scene scene;

	scene_init(&scene);
	draft(&scene, trial->statement);
	if (trial->before != NULL)
		trial->before(&scene);
	mint_sign(&scene.draft, &scene.cert);
	if (trial->after != NULL)
		trial->after(&scene);
	scene_judge(&scene);
	if (scene.reason != trial->reason)
		fail_msg("%s: %s, not %s (%s)", trial->name, ca_reason_name(scene.reason),
		    ca_reason_name(trial->reason), scene.why.text);
	if (trial->sentence != NULL && strstr(scene.why.text, trial->sentence) == NULL)
		fail_msg("%s: the sentence is: %s", trial->name, scene.why.text);
	scene_clear(&scene);
}

static void
draft_grant(struct scene *scene, spoil_statement *spoil)
{
	mint_draft(&scene->mint, &scene->draft, spoil);
}

static void
draft_identity(struct scene *scene, spoil_statement *spoil)
{
	assert_null(spoil);
	mint_identity(&scene->mint, &scene->draft);
	scene->admission = &scene->mint.identity_certificates;
	scene->knock.user = "auditor";
}

#define RUN(trials, draft)                                              \
	for (size_t i = 0; i < sizeof(trials) / sizeof(trials)[0]; i++) \
	run_trial(&(trials)[i], draft)

/* Short ways to spoil. */
#define CRITICAL(scene)	  (scene)->draft.critical, &(scene)->draft.critical_count
#define EXTENSIONS(scene) (scene)->draft.extensions, &(scene)->draft.extension_count
#define SPOIL(name, ...)                  \
	static void name(struct scene *s) \
	{                                 \
		__VA_ARGS__;              \
	}
#define STATE(name, ...)                         \
	static void name(struct ca_statement *s) \
	{                                        \
		__VA_ARGS__;                     \
	}

STATE(no_command, s->command = NULL)
STATE(no_source, s->source = NULL)
STATE(no_terminal, s->terminal = false)
STATE(bare, s->command = NULL; s->source = NULL; s->terminal = false)
STATE(by_relay, s->relay = "relay1.vendor.example")
STATE(long_window, s->duration = 4 * 3600)

/* --- who signed it --- */

SPOIL(sign_as_mallory, s->draft.authority = s->mint.people[MALLORY])
SPOIL(claim_the_authority, s->draft.authority = s->mint.people[MALLORY];
      s->draft.authority_blob = ca_key_blob(ca_signer_key(s->mint.authority)))
SPOIL(flip_last, s->cert.data[s->cert.len - 1] ^= 1)
SPOIL(flip_serial, s->cert.data[115] ^= 1)
SPOIL(cut_one, s->cert.len--)
SPOIL(add_one, ca_buf_put_u8(&s->cert, 0))
SPOIL(empty, s->cert.len = 0)
SPOIL(in_both_lists, s->post.identities = s->mint.authorities)
SPOIL(nobody_trusted, s->post.authority_count = 0)
SPOIL(plain_key, struct ca_bytes key = ca_key_blob(ca_signer_key(s->mint.people[ALICE]));
      ca_buf_reset(&s->cert); ca_buf_put(&s->cert, key.data, key.len))

/* The authority calls itself by a certificate; sshd refuses that as well. */
static void
nest(struct scene *s)
{
	static struct ca_buf nested;
	struct mint_draft identity;

	mint_identity(&s->mint, &identity);
	identity.key = ca_signer_key(s->mint.authority);
	ca_buf_clear(&nested);
	mint_sign(&identity, &nested);
	mint_draft_clear(&identity);
	s->draft.authority_blob = ca_buf_bytes(&nested);
}

static void
a_stranger_is_refused_before_anything_else(void **state)
{
	static const struct trial trials[] = {
		{ "another CA", NULL, sign_as_mallory, NULL, CA_UNKNOWN_AUTHORITY, "not trusted" },
		{ "claimed CA", NULL, claim_the_authority, NULL, CA_BAD_SIGNATURE, NULL },
		{ "signature flipped", NULL, NULL, flip_last, CA_BAD_SIGNATURE, NULL },
		{ "serial flipped", NULL, NULL, flip_serial, CA_BAD_SIGNATURE, NULL },
		{ "a byte short", NULL, NULL, cut_one, CA_NOT_A_CERTIFICATE, NULL },
		{ "a byte more", NULL, NULL, add_one, CA_NOT_A_CERTIFICATE, NULL },
		{ "nothing", NULL, NULL, empty, CA_NOT_A_CERTIFICATE, NULL },
		{ "plain key", NULL, NULL, plain_key, CA_NOT_A_CERTIFICATE, NULL },
		{ "nested certificate", NULL, nest, NULL, CA_NOT_A_CERTIFICATE, NULL },
		{ "a key for both kinds", NULL, in_both_lists, NULL, CA_UNKNOWN_AUTHORITY,
		    "neither" },
		{ "no authority", NULL, nobody_trusted, NULL, CA_UNKNOWN_AUTHORITY, NULL },
	};

	(void)state;
	RUN(trials, draft_grant);
}

static void
no_flipped_bit_is_admitted(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene);
	draft_grant(&scene, NULL);
	mint_sign(&scene.draft, &scene.cert);
	for (size_t i = 0; i < scene.cert.len; i++) {
		scene.cert.data[i] ^= (uint8_t)(1 << (i % 8));
		scene_judge(&scene);
		assert_true(ca_reason_is_stranger(scene.reason));
		scene.cert.data[i] ^= (uint8_t)(1 << (i % 8));
	}
	scene_judge(&scene);
	assert_int_equal(scene.reason, CA_ADMITTED);
	scene_clear(&scene);
}

static void
a_certificate_cut_anywhere_is_no_certificate(void **state)
{
	struct scene scene;
	size_t len;

	(void)state;
	scene_init(&scene);
	draft_grant(&scene, NULL);
	mint_sign(&scene.draft, &scene.cert);
	len = scene.cert.len;
	for (scene.cert.len = 0; scene.cert.len < len; scene.cert.len++) {
		scene_judge(&scene);
		assert_int_equal(scene.reason, CA_NOT_A_CERTIFICATE);
	}
	scene_clear(&scene);
}

/* --- what it is good for --- */

SPOIL(host, s->draft.type = CA_CERT_HOST)
SPOIL(type_three, s->draft.type = 3)
SPOIL(no_role, s->admission = NULL; s->knock.user = "root\x1b[2J")
SPOIL(no_principal, s->draft.principal_count = 0)
SPOIL(two_principals, s->draft.principal_count = 2;
      strcpy(s->draft.principals[1], "acme-prod/operator"))
SPOIL(twice_the_principal, s->draft.principal_count = 2;
      strcpy(s->draft.principals[1], s->draft.principals[0]))
SPOIL(empty_principal, s->draft.principals[0][0] = '\0')
SPOIL(star_role, strcpy(s->draft.principals[0], "acme-prod/*"))
SPOIL(star, strcpy(s->draft.principals[0], "*"))
SPOIL(bare_role, strcpy(s->draft.principals[0], "diagnostics"))
SPOIL(other_environment, strcpy(s->draft.principals[0], "acme-test/diagnostics"))
SPOIL(longer_role, strcpy(s->draft.principals[0], "acme-prod/diagnostics2"))
SPOIL(shorter_role, strcpy(s->draft.principals[0], "acme-prod/diagnostic"))
SPOIL(capital_role, strcpy(s->draft.principals[0], "acme-prod/Diagnostics"))
SPOIL(as_operator, s->knock.user = "operator")
SPOIL(as_nobody, s->knock.user = "")

static void
type_role_and_principal_have_to_fit(void **state)
{
	static const struct trial trials[] = {
		{ "host certificate", NULL, host, NULL, CA_NOT_A_USER_CERTIFICATE, "host" },
		{ "type 3", NULL, type_three, NULL, CA_NOT_A_CERTIFICATE, NULL },
		{ "no such role", NULL, no_role, NULL, CA_UNKNOWN_ROLE, "root\\x1b[2J" },
		{ "no principal", NULL, no_principal, NULL, CA_WRONG_PRINCIPAL, "0 principals" },
		{ "two principals", NULL, two_principals, NULL, CA_WRONG_PRINCIPAL,
		    "2 principals" },
		{ "one twice", NULL, twice_the_principal, NULL, CA_WRONG_PRINCIPAL, NULL },
		{ "empty principal", NULL, empty_principal, NULL, CA_NOT_A_CERTIFICATE, NULL },
		{ "any role", NULL, star_role, NULL, CA_WRONG_PRINCIPAL, "acme-prod/*" },
		{ "anything", NULL, star, NULL, CA_WRONG_PRINCIPAL, NULL },
		{ "role alone", NULL, bare_role, NULL, CA_WRONG_PRINCIPAL, NULL },
		{ "other environment", NULL, other_environment, NULL, CA_WRONG_PRINCIPAL,
		    "certificate is for 'acme-test/diagnostics', not for "
		    "'acme-prod/diagnostics'" },
		{ "longer role", NULL, longer_role, NULL, CA_WRONG_PRINCIPAL, NULL },
		{ "shorter role", NULL, shorter_role, NULL, CA_WRONG_PRINCIPAL, NULL },
		{ "capital role", NULL, capital_role, NULL, CA_WRONG_PRINCIPAL, NULL },
		{ "logs in as another role", NULL, as_operator, NULL, CA_WRONG_PRINCIPAL, NULL },
		{ "logs in as nobody", NULL, as_nobody, NULL, CA_WRONG_PRINCIPAL, NULL },
	};

	(void)state;
	RUN(trials, draft_grant);
}

SPOIL(a_second_early, s->knock.now = MINT_AFTER - 1)
SPOIL(first_second, s->knock.now = MINT_AFTER)
SPOIL(last_second, s->knock.now = MINT_BEFORE - 1)
SPOIL(a_second_late, s->knock.now = MINT_BEFORE)
SPOIL(minutes_late, s->knock.now = MINT_BEFORE + 191)
SPOIL(a_day_late, s->knock.now = MINT_BEFORE + 86400)
SPOIL(before_time, s->knock.now = -1)
SPOIL(end_of_time, s->knock.now = INT64_MAX)
SPOIL(start_of_time, s->knock.now = INT64_MIN)
SPOIL(with_all_slack, s->draft.valid_before += CA_WINDOW_SLACK)
SPOIL(past_all_slack, s->draft.valid_before += CA_WINDOW_SLACK + 1)
SPOIL(forever, s->draft.valid_before = CA_CERT_FOREVER)
SPOIL(from_ever, s->draft.valid_after = 0)
SPOIL(backwards, s->draft.valid_after = (uint64_t)MINT_NOW + 10;
      s->draft.valid_before = (uint64_t)MINT_NOW - 10)
SPOIL(from_not_before, s->draft.valid_after = (uint64_t)MINT_NOT_BEFORE;
      s->draft.valid_before = (uint64_t)MINT_NOT_BEFORE + MINT_DURATION)
SPOIL(before_not_before, s->draft.valid_after = (uint64_t)MINT_NOT_BEFORE - 1;
      s->draft.valid_before = (uint64_t)MINT_NOT_BEFORE + MINT_DURATION - 1)
SPOIL(until_not_after, s->draft.valid_after = (uint64_t)MINT_NOT_AFTER - MINT_DURATION;
      s->draft.valid_before = (uint64_t)MINT_NOT_AFTER; s->knock.now = MINT_NOT_AFTER - 1)
SPOIL(past_not_after, s->draft.valid_after = (uint64_t)MINT_NOT_AFTER - MINT_DURATION;
      s->draft.valid_before = (uint64_t)MINT_NOT_AFTER + 1; s->knock.now = MINT_NOT_AFTER)

static void
the_window_holds_to_the_second(void **state)
{
	static const struct trial trials[] = {
		{ "a second early", NULL, a_second_early, NULL, CA_NOT_YET_VALID,
		    "certificate is not valid before 2026-11-21T18:10:00Z (now 18:09:59Z)" },
		{ "first second", NULL, first_second, NULL, CA_ADMITTED, NULL },
		{ "last second", NULL, last_second, NULL, CA_ADMITTED, NULL },
		{ "a second late", NULL, a_second_late, NULL, CA_EXPIRED,
		    "certificate expired at 2026-11-21T19:10:00Z (now 19:10:00Z)" },
		{ "minutes late", NULL, minutes_late, NULL, CA_EXPIRED,
		    "certificate expired at 2026-11-21T19:10:00Z (now 19:13:11Z)" },
		{ "a day late", NULL, a_day_late, NULL, CA_EXPIRED, "(now 2026-11-22T19:10:00Z)" },
		{ "before 1970", NULL, before_time, NULL, CA_NOT_YET_VALID, NULL },
		{ "start of time", NULL, start_of_time, NULL, CA_NOT_YET_VALID, NULL },
		{ "end of time", NULL, end_of_time, NULL, CA_EXPIRED, NULL },
		{ "duration and slack", NULL, with_all_slack, NULL, CA_ADMITTED, NULL },
		{ "one second more", NULL, past_all_slack, NULL, CA_STATEMENT_MISMATCH, "longer" },
		{ "forever", NULL, forever, NULL, CA_STATEMENT_MISMATCH, "longer" },
		{ "forever, at its last second", NULL, forever, end_of_time, CA_STATEMENT_MISMATCH,
		    NULL },
		{ "from 1970", NULL, from_ever, NULL, CA_STATEMENT_MISMATCH, NULL },
		{ "backwards", NULL, backwards, NULL, CA_NOT_YET_VALID, NULL },
		{ "from not-before", NULL, from_not_before, NULL, CA_ADMITTED, NULL },
		{ "before not-before", NULL, before_not_before, NULL, CA_STATEMENT_MISMATCH,
		    "not-before" },
		{ "until not-after", NULL, until_not_after, NULL, CA_ADMITTED, NULL },
		{ "past not-after", NULL, past_not_after, NULL, CA_STATEMENT_MISMATCH,
		    "not-after" },
	};

	(void)state;
	RUN(trials, draft_grant);
}

/* --- options --- */

SPOIL(unknown_critical, mint_set(CRITICAL(s), "postern@example", NULL))
SPOIL(verify_required, mint_set(CRITICAL(s), "verify-required", NULL))
SPOIL(approvals_critical, mint_set(CRITICAL(s), CA_OPTION_APPROVALS, "x"))
SPOIL(pty_critical, mint_set(CRITICAL(s), CA_OPTION_TERMINAL, NULL))
SPOIL(grant_extension, mint_set(EXTENSIONS(s), CA_OPTION_GRANT, "x"))
SPOIL(command_extension, mint_set(EXTENSIONS(s), CA_OPTION_FORCE_COMMAND, "x"))
SPOIL(source_extension, mint_set(EXTENSIONS(s), CA_OPTION_SOURCE, "0.0.0.0/0"))
SPOIL(grant_flag, mint_set(CRITICAL(s), CA_OPTION_GRANT, NULL))
SPOIL(approvals_flag, mint_set(EXTENSIONS(s), CA_OPTION_APPROVALS, NULL))
SPOIL(log_flag, mint_set(EXTENSIONS(s), CA_OPTION_LOG, NULL))
SPOIL(log_short,
    mint_option(s->draft.extensions, s->draft.extension_count, CA_OPTION_LOG)->value.len--)
SPOIL(log_none, mint_unset(EXTENSIONS(s), CA_OPTION_LOG))
SPOIL(pty_value, mint_set(EXTENSIONS(s), CA_OPTION_TERMINAL, "x"))
SPOIL(command_flag, mint_set(CRITICAL(s), CA_OPTION_FORCE_COMMAND, NULL))
SPOIL(command_empty, mint_set(CRITICAL(s), CA_OPTION_FORCE_COMMAND, ""))
SPOIL(command_bell, mint_set(CRITICAL(s), CA_OPTION_FORCE_COMMAND, "query\a"))
SPOIL(source_bad, mint_set(CRITICAL(s), CA_OPTION_SOURCE, "203.0.113.9,127.1"))
SPOIL(source_negated, mint_set(CRITICAL(s), CA_OPTION_SOURCE, "!203.0.113.9"))
SPOIL(unknown_extension, mint_set(EXTENSIONS(s), "something@example", "x"))
SPOIL(stock_extensions, mint_set(EXTENSIONS(s), "permit-X11-forwarding", NULL);
      mint_set(EXTENSIONS(s), "permit-agent-forwarding", NULL);
      mint_set(EXTENSIONS(s), "permit-port-forwarding", NULL);
      mint_set(EXTENSIONS(s), "permit-user-rc", NULL))
SPOIL(stock_with_value, mint_set(EXTENSIONS(s), "permit-user-rc", "x"))
SPOIL(unsorted, struct ca_cert_option first = s->draft.critical[0];
      s->draft.critical[0] = s->draft.critical[1]; s->draft.critical[1] = first)
SPOIL(option_twice, s->draft.extensions[s->draft.extension_count] =
			s->draft.extensions[s->draft.extension_count - 1];
      s->draft.extension_count++)

static void
options_are_known_and_of_their_shape(void **state)
{
	static const struct trial trials[] = {
		{ "unknown critical", NULL, unknown_critical, NULL, CA_UNKNOWN_OPTION,
		    "'postern@example'" },
		{ "verify-required", NULL, verify_required, NULL, CA_UNKNOWN_OPTION, NULL },
		{ "critical approvals", NULL, approvals_critical, NULL, CA_UNKNOWN_OPTION, NULL },
		{ "critical permit-pty", NULL, pty_critical, NULL, CA_UNKNOWN_OPTION, NULL },
		{ "statement as extension", NULL, grant_extension, NULL, CA_BAD_OPTION, NULL },
		{ "force-command as extension", NULL, command_extension, NULL, CA_BAD_OPTION,
		    NULL },
		{ "source as extension", NULL, source_extension, NULL, CA_BAD_OPTION, NULL },
		{ "statement as flag", NULL, grant_flag, NULL, CA_BAD_OPTION, NULL },
		{ "approvals as flag", NULL, approvals_flag, NULL, CA_BAD_OPTION, NULL },
		{ "log as flag", NULL, log_flag, NULL, CA_BAD_OPTION, NULL },
		{ "log of 39 bytes", NULL, log_short, NULL, CA_BAD_OPTION, "39 bytes" },
		{ "no log", NULL, log_none, NULL, CA_STATEMENT_MISMATCH, "log@postern" },
		{ "permit-pty with a value", NULL, pty_value, NULL, CA_NOT_A_CERTIFICATE, NULL },
		{ "force-command as flag", NULL, command_flag, NULL, CA_NOT_A_CERTIFICATE, NULL },
		{ "empty force-command", NULL, command_empty, NULL, CA_NOT_A_CERTIFICATE, NULL },
		{ "force-command with BEL", NULL, command_bell, NULL, CA_BAD_OPTION, NULL },
		{ "source with 127.1", NULL, source_bad, NULL, CA_BAD_OPTION, NULL },
		{ "negated source", NULL, source_negated, NULL, CA_BAD_OPTION, NULL },
		{ "unknown extension", NULL, unknown_extension, NULL, CA_ADMITTED, NULL },
		{ "ssh-keygen's extensions", NULL, stock_extensions, NULL, CA_ADMITTED, NULL },
		{ "one with a value", NULL, stock_with_value, NULL, CA_NOT_A_CERTIFICATE, NULL },
		{ "unsorted", NULL, unsorted, NULL, CA_NOT_A_CERTIFICATE, NULL },
		{ "twice", NULL, option_twice, NULL, CA_NOT_A_CERTIFICATE, NULL },
	};

	(void)state;
	RUN(trials, draft_grant);
}

SPOIL(from_next_door, assert_true(ca_address_parse(&s->knock.source, "203.0.114.9")))
SPOIL(from_v6, assert_true(ca_address_parse(&s->knock.source, "2001:db8::1")))

static void
the_source_has_to_lie_inside(void **state)
{
	static const struct trial trials[] = {
		{ "next network", NULL, from_next_door, NULL, CA_WRONG_SOURCE,
		    "good from '203.0.113.0/24' only, not from 203.0.114.9" },
		{ "IPv6", NULL, from_v6, NULL, CA_WRONG_SOURCE, NULL },
		{ "anywhere", no_source, from_v6, NULL, CA_ADMITTED, NULL },
	};

	(void)state;
	RUN(trials, draft_grant);
}

static void
revoke(struct scene *scene, const struct ca_krl_spec *spec)
{
	struct ca_buf bytes = { 0 };
	struct ca_why why;

	assert_true(ca_krl_encode(&bytes, spec, &why));
	assert_true(ca_krl_parse(&scene->krl, bytes.data, bytes.len, &why));
	ca_buf_clear(&bytes);
	scene->post.krl = scene->krl;
}

static void
revoke_serials(struct scene *s, const uint64_t *serials, size_t count)
{
	revoke(s, &(struct ca_krl_spec){ .number = 1,
		      .generated = 1,
		      .comment = "",
		      .authority = ca_signer_key(s->mint.authority),
		      .serials = serials,
		      .serial_count = count });
}

static void
revoke_key(struct scene *s, const struct ca_signer *signer)
{
	const struct ca_key *keys[] = { ca_signer_key(signer) };

	revoke(s, &(struct ca_krl_spec){ .number = 1,
		      .generated = 1,
		      .comment = "",
		      .authority = ca_signer_key(s->mint.authority),
		      .keys = keys,
		      .key_count = 1 });
}

SPOIL(this_serial, revoke_serials(s, (const uint64_t[]){ 7, 42 }, 2))
SPOIL(other_serials, revoke_serials(s, (const uint64_t[]){ 41, 43 }, 2))
SPOIL(engineer_key, revoke_key(s, s->mint.people[ALICE]))
SPOIL(authority_key, revoke_key(s, s->mint.authority))
SPOIL(stranger_key, revoke_key(s, s->mint.people[MALLORY]))
SPOIL(approver_key, revoke_key(s, s->mint.people[CAROL]))

static void
what_is_revoked_is_refused(void **state)
{
	static const struct trial trials[] = {
		{ "by serial", NULL, this_serial, NULL, CA_REVOKED, NULL },
		{ "other serials", NULL, other_serials, NULL, CA_ADMITTED, NULL },
		{ "by key", NULL, engineer_key, NULL, CA_REVOKED, NULL },
		{ "by authority", NULL, authority_key, NULL, CA_REVOKED, NULL },
		{ "another key", NULL, stranger_key, NULL, CA_ADMITTED, NULL },
		{ "an approver's key", NULL, approver_key, NULL, CA_BAD_APPROVAL,
		    "approval 2 of 2: the approver's key is revoked" },
	};

	(void)state;
	RUN(trials, draft_grant);
}

/* --- grant or identity --- */

SPOIL(sign_as_identity, s->draft.authority = s->mint.identity)
SPOIL(sign_as_authority, s->draft.authority = s->mint.authority)
SPOIL(no_statement, mint_unset(CRITICAL(s), CA_OPTION_GRANT))
SPOIL(to_identities, s->admission = &s->mint.identity_certificates)
SPOIL(to_grants, s->admission = &s->mint.grants)
SPOIL(identity_with_statement, mint_set(CRITICAL(s), CA_OPTION_GRANT, "x"))
SPOIL(identity_with_approvals, mint_set(EXTENSIONS(s), CA_OPTION_APPROVALS, "x"))
SPOIL(identity_with_command, mint_set(CRITICAL(s), CA_OPTION_FORCE_COMMAND, "x"))
SPOIL(identity_with_source, mint_set(CRITICAL(s), CA_OPTION_SOURCE, "203.0.113.0/24"))
SPOIL(identity_elsewhere, mint_set(CRITICAL(s), CA_OPTION_SOURCE, "198.51.100.0/24"))
SPOIL(identity_comment_end, strcpy(s->draft.key_id, "carol*/"))
SPOIL(identity_with_blank, strcpy(s->draft.key_id, "carol smith"))
SPOIL(identity_unnamed, s->draft.key_id[0] = '\0')

static void
admits_nothing(struct scene *s)
{
	static const struct ca_admission none;

	s->admission = &none;
}

static void
a_grant_is_no_identity_and_an_identity_no_grant(void **state)
{
	static const struct trial grants[] = {
		{ "the right one", NULL, NULL, NULL, CA_ADMITTED, NULL },
		{ "signed by the identity authority", NULL, sign_as_identity, NULL, CA_WRONG_KIND,
		    NULL },
		{ "no statement", NULL, no_statement, NULL, CA_WRONG_KIND, "no statement" },
		{ "where identities are admitted", NULL, to_identities, NULL, CA_WRONG_KIND, NULL },
		{ "where nothing is admitted", NULL, admits_nothing, NULL, CA_WRONG_KIND, NULL },
	};
	static const struct trial identities[] = {
		{ "the right one", NULL, NULL, NULL, CA_ADMITTED, NULL },
		{ "ssh-keygen's extensions", NULL, stock_extensions, NULL, CA_ADMITTED, NULL },
		{ "inside its source", NULL, identity_with_source, NULL, CA_ADMITTED, NULL },
		{ "outside its source", NULL, identity_elsewhere, NULL, CA_WRONG_SOURCE, NULL },
		{ "signed by the grants' authority", NULL, sign_as_authority, NULL, CA_WRONG_KIND,
		    NULL },
		{ "where grants are admitted", NULL, to_grants, NULL, CA_WRONG_KIND, NULL },
		{ "with a statement", NULL, identity_with_statement, NULL, CA_WRONG_KIND, NULL },
		{ "with approvals", NULL, identity_with_approvals, NULL, CA_WRONG_KIND, NULL },
		{ "with a command", NULL, identity_with_command, NULL, CA_BAD_OPTION, NULL },
		{ "that ends a comment", NULL, identity_comment_end, NULL, CA_BAD_KEY_ID, NULL },
		{ "with a blank", NULL, identity_with_blank, NULL, CA_BAD_KEY_ID, NULL },
		{ "without a name", NULL, identity_unnamed, NULL, CA_BAD_KEY_ID, NULL },
		{ "a second late", NULL, a_second_late, NULL, CA_EXPIRED, NULL },
		{ "two principals", NULL, two_principals, NULL, CA_WRONG_PRINCIPAL, NULL },
		{ "host certificate", NULL, host, NULL, CA_NOT_A_USER_CERTIFICATE, NULL },
		{ "unknown critical", NULL, unknown_critical, NULL, CA_UNKNOWN_OPTION, NULL },
	};

	(void)state;
	RUN(grants, draft_grant);
	RUN(identities, draft_identity);
}

/* --- statement, certificate and post --- */

#define OTHER_PRINT "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

STATE(other_authority, s->authority = OTHER_PRINT)
STATE(other_gate, s->gate = OTHER_PRINT)
STATE(other_key, s->key = OTHER_PRINT)
SPOIL(serial_43, s->draft.serial = 43)
SPOIL(serial_0, s->draft.serial = 0)
SPOIL(key_of_bob, s->draft.key = ca_signer_key(s->mint.people[BOB]))
SPOIL(id_of_bob, strcpy(s->draft.key_id, "bob@vendor.example grant 42 acme-prod/diagnostics"))
SPOIL(id_43, strcpy(s->draft.key_id, "alice@vendor.example grant 43 acme-prod/diagnostics"))
SPOIL(id_role, strcpy(s->draft.key_id, "alice@vendor.example grant 42 acme-prod/operator"))
SPOIL(
    id_environment, strcpy(s->draft.key_id, "alice@vendor.example grant 42 acme-test/diagnostics"))
SPOIL(id_longer, strcat(s->draft.key_id, " "))
SPOIL(id_two_lines, strcat(s->draft.key_id, "\nadmitted"))
SPOIL(id_empty, s->draft.key_id[0] = '\0')
SPOIL(other_command, mint_set(CRITICAL(s), CA_OPTION_FORCE_COMMAND, "query select 1"))
SPOIL(longer_command,
    mint_set(CRITICAL(s), CA_OPTION_FORCE_COMMAND, "query select * from system.replicas "))
SPOIL(command_gone, mint_unset(CRITICAL(s), CA_OPTION_FORCE_COMMAND))
SPOIL(wider_source, mint_set(CRITICAL(s), CA_OPTION_SOURCE, "203.0.0.0/16"))
SPOIL(source_gone, mint_unset(CRITICAL(s), CA_OPTION_SOURCE))
SPOIL(terminal_gone, mint_unset(EXTENSIONS(s), CA_OPTION_TERMINAL))
SPOIL(terminal_added, mint_set(EXTENSIONS(s), CA_OPTION_TERMINAL, NULL))

/* A principal that the post takes, in a certificate whose statement is for something else. */
STATE(for_operator, s->role = "operator")
STATE(for_test, s->environment = "acme-test")
SPOIL(principal_here, strcpy(s->draft.principals[0], "acme-prod/diagnostics"))
SPOIL(principal_and_id_here, strcpy(s->draft.principals[0], "acme-prod/diagnostics");
      strcpy(s->draft.key_id, "alice@vendor.example grant 42 acme-prod/diagnostics"))

static void
statement_and_certificate_agree_in_every_field(void **state)
{
	static const struct trial trials[] = {
		{ "no command", no_command, NULL, NULL, CA_ADMITTED, NULL },
		{ "no source", no_source, NULL, NULL, CA_ADMITTED, NULL },
		{ "no terminal", no_terminal, NULL, NULL, CA_ADMITTED, NULL },
		{ "none of them", bare, NULL, NULL, CA_ADMITTED, NULL },
		{ "a longer duration", long_window, NULL, NULL, CA_ADMITTED, NULL },
		{ "authority", other_authority, NULL, NULL, CA_STATEMENT_MISMATCH, "authority" },
		{ "key in the statement", other_key, NULL, NULL, CA_STATEMENT_MISMATCH, "key" },
		{ "key in the certificate", NULL, key_of_bob, NULL, CA_STATEMENT_MISMATCH, "key" },
		{ "serial", NULL, serial_43, NULL, CA_STATEMENT_MISMATCH, "serial is 43" },
		{ "serial 0", NULL, serial_0, NULL, CA_STATEMENT_MISMATCH, NULL },
		{ "engineer", NULL, id_of_bob, NULL, CA_STATEMENT_MISMATCH, "key id" },
		{ "number in the key id", NULL, id_43, NULL, CA_STATEMENT_MISMATCH, "key id" },
		{ "role in the key id", NULL, id_role, NULL, CA_STATEMENT_MISMATCH, "key id" },
		{ "environment in the key id", NULL, id_environment, NULL, CA_STATEMENT_MISMATCH,
		    NULL },
		{ "longer key id", NULL, id_longer, NULL, CA_STATEMENT_MISMATCH, NULL },
		{ "key id of two lines", NULL, id_two_lines, NULL, CA_STATEMENT_MISMATCH,
		    "\\nadmitted" },
		{ "empty key id", NULL, id_empty, NULL, CA_STATEMENT_MISMATCH, NULL },
		{ "role", for_operator, principal_here, NULL, CA_STATEMENT_MISMATCH, NULL },
		{ "role, key id forged", for_operator, principal_and_id_here, NULL,
		    CA_STATEMENT_MISMATCH, NULL },
		{ "environment", for_test, principal_here, NULL, CA_STATEMENT_MISMATCH, NULL },
		{ "environment, forged", for_test, principal_and_id_here, NULL,
		    CA_STATEMENT_MISMATCH, NULL },
		{ "command", NULL, other_command, NULL, CA_STATEMENT_MISMATCH, "command" },
		{ "command with a blank", NULL, longer_command, NULL, CA_STATEMENT_MISMATCH, NULL },
		{ "command only stated", NULL, command_gone, NULL, CA_STATEMENT_MISMATCH, NULL },
		{ "command only in the certificate", no_command, other_command, NULL,
		    CA_STATEMENT_MISMATCH, NULL },
		{ "source", NULL, wider_source, NULL, CA_STATEMENT_MISMATCH, "source" },
		{ "source only stated", NULL, source_gone, NULL, CA_STATEMENT_MISMATCH, NULL },
		{ "source only in the certificate", no_source, wider_source, NULL,
		    CA_STATEMENT_MISMATCH, NULL },
		{ "terminal only stated", NULL, terminal_gone, NULL, CA_STATEMENT_MISMATCH,
		    "terminal yes" },
		{ "terminal only in the certificate", no_terminal, terminal_added, NULL,
		    CA_STATEMENT_MISMATCH, "terminal no" },
	};

	(void)state;
	RUN(trials, draft_grant);
}

SPOIL(at_other_post, s->post.environment = "acme-test"; s->knock.user = "diagnostics")
SPOIL(behind_relay, s->post.relay = "relay1.vendor.example")
SPOIL(behind_other_relay, s->post.relay = "relay2.vendor.example")
SPOIL(without_host_key, s->post.gate = NULL)

static void
statement_and_post_agree(void **state)
{
	static const struct trial trials[] = {
		{ "another environment", NULL, at_other_post, NULL, CA_WRONG_PRINCIPAL, NULL },
		{ "another gate", other_gate, NULL, NULL, CA_STATEMENT_MISMATCH, "host key" },
		{ "a gate without a key", NULL, without_host_key, NULL, CA_STATEMENT_MISMATCH,
		    NULL },
		{ "its relay", by_relay, behind_relay, NULL, CA_ADMITTED, NULL },
		{ "another relay", by_relay, behind_other_relay, NULL, CA_STATEMENT_MISMATCH,
		    "relay2.vendor.example" },
		{ "around the relay", by_relay, NULL, NULL, CA_STATEMENT_MISMATCH, "directly" },
		{ "through a relay", NULL, behind_relay, NULL, CA_STATEMENT_MISMATCH, "direct" },
	};

	(void)state;
	RUN(trials, draft_grant);
}

/* Approved by both, and still not a statement: the approvers' signatures do not heal it. */
static void
approve_anew(struct scene *s)
{
	for (size_t i = 0; i < s->draft.approval_count; i++)
		ca_buf_clear(&s->draft.approvals[i]);
	s->draft.approval_count = 0;
	mint_add_approval(&s->draft, s->mint.people[BOB]);
	mint_add_approval(&s->draft, s->mint.people[CAROL]);
}

SPOIL(text_longer, ca_buf_put_text(&s->draft.text, "\n"); approve_anew(s))
SPOIL(text_shorter, s->draft.text.len--; approve_anew(s))
SPOIL(text_v2, s->draft.text.data[15] = '2'; approve_anew(s))
SPOIL(text_hostile, memcpy(s->draft.text.data + s->draft.text.len - 4, "\x1b[2", 3);
      approve_anew(s))

static void
a_statement_that_is_none_is_refused(void **state)
{
	static const struct trial trials[] = {
		{ "a line more", NULL, text_longer, NULL, CA_BAD_STATEMENT, NULL },
		{ "no last line end", NULL, text_shorter, NULL, CA_BAD_STATEMENT, NULL },
		{ "version 2", NULL, text_v2, NULL, CA_BAD_STATEMENT, NULL },
		{ "an escape sequence", NULL, text_hostile, NULL, CA_BAD_STATEMENT, NULL },
	};

	(void)state;
	RUN(trials, draft_grant);
}

/* --- what comes out --- */

static void
a_grant_is_told_whole(void **state)
{
	struct scene scene;
	uint8_t hash[32];

	(void)state;
	scene_init(&scene);
	draft_grant(&scene, NULL);
	mint_sign(&scene.draft, &scene.cert);
	scene_judge(&scene);
	assert_int_equal(scene.reason, CA_ADMITTED);
	assert_int_equal(scene.grant->admits, CA_ADMITS_GRANT);
	assert_true(scene.grant->has_statement);
	assert_int_equal(scene.grant->cert->serial, 42);
	assert_string_equal(scene.grant->identity, mint_names[ALICE]);
	assert_string_equal(scene.grant->statement.role, "diagnostics");
	ca_sha256(scene.draft.text.data, scene.draft.text.len, hash);
	assert_memory_equal(scene.grant->statement_hash, hash, sizeof hash);
	ca_sha256(scene.cert.data, scene.cert.len, hash);
	assert_memory_equal(scene.grant->cert_hash, hash, sizeof hash);
	assert_int_equal(scene.grant->approver_count, 2);
	assert_string_equal(scene.grant->approvers[0], mint_names[BOB]);
	assert_string_equal(scene.grant->approvers[1], mint_names[CAROL]);
	assert_int_equal(scene.grant->approval_count, 2);
	for (size_t i = 0; i < 2; i++)
		assert_true(ca_bytes_equal(
		    scene.grant->approvals[i], ca_buf_bytes(&scene.draft.approvals[i])));
	scene_clear(&scene);
}

static void
an_identity_is_told_whole(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene);
	draft_identity(&scene, NULL);
	mint_sign(&scene.draft, &scene.cert);
	scene_judge(&scene);
	assert_int_equal(scene.reason, CA_ADMITTED);
	assert_int_equal(scene.grant->admits, CA_ADMITS_IDENTITY);
	assert_false(scene.grant->has_statement);
	assert_string_equal(scene.grant->identity, mint_names[CAROL]);
	assert_int_equal(scene.grant->approver_count, 0);
	scene_clear(&scene);
}

static void
every_reason_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (int i = 0; i < CA_REASON_COUNT; i++) {
		assert_non_null(ca_reason_name((enum ca_reason)i));
		for (int j = 0; j < i; j++)
			assert_string_not_equal(
			    ca_reason_name((enum ca_reason)i), ca_reason_name((enum ca_reason)j));
	}
	assert_string_equal(ca_reason_name(CA_REASON_COUNT), "unknown");
}

/* --- grants that the authority signs --- */

static struct ca_grant_spec
spec_of(struct scene *scene, struct ca_bytes approvals[static 2])
{
	approvals[0] = ca_buf_bytes(&scene->draft.approvals[0]);
	approvals[1] = ca_buf_bytes(&scene->draft.approvals[1]);
	return (struct ca_grant_spec){ .key = scene->draft.key,
		.statement = ca_buf_bytes(&scene->draft.text),
		.approvals = approvals,
		.approval_count = 2,
		.valid_after = MINT_AFTER,
		.valid_before = MINT_BEFORE,
		.log_index = 9 };
}

static void
a_signed_grant_is_what_its_statement_says(void **state)
{
	static spoil_statement *const forms[] = { NULL, no_command, no_source, no_terminal, bare };

	(void)state;
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		struct ca_bytes approvals[2];
		struct ca_grant_spec spec;
		struct ca_cert *cert;
		struct scene scene;

		scene_init(&scene);
		draft_grant(&scene, forms[i]);
		spec = spec_of(&scene, approvals);
		if (!ca_grant_sign(&cert, &spec, scene.mint.authority, &scene.why))
			fail_msg("%s", scene.why.text);
		ca_buf_put(&scene.cert, cert->blob.data, cert->blob.len);
		scene_judge(&scene);
		if (scene.reason != CA_ADMITTED)
			fail_msg("%s", scene.why.text);
		ca_cert_free(cert);
		scene_clear(&scene);
	}
}

static bool
signs(struct scene *scene, const struct ca_grant_spec *spec, struct ca_signer *authority)
{
	struct ca_cert *cert;
	bool ok = ca_grant_sign(&cert, spec, authority, &scene->why);

	assert_int_equal(ok, cert != NULL);
	ca_cert_free(cert);
	return ok;
}

static void
a_grant_unlike_its_statement_is_not_signed(void **state)
{
	struct ca_bytes approvals[2], many[CA_MAX_APPROVALS + 1];
	struct ca_grant_spec right, spec;
	struct scene scene;

	(void)state;
	scene_init(&scene);
	draft_grant(&scene, NULL);
	right = spec_of(&scene, approvals);
	for (size_t i = 0; i <= CA_MAX_APPROVALS; i++)
		many[i] = approvals[0];
	assert_true(signs(&scene, &right, scene.mint.authority));
	assert_false(signs(&scene, &right, scene.mint.identity));
	spec = right;
	spec.key = ca_signer_key(scene.mint.people[BOB]);
	assert_false(signs(&scene, &spec, scene.mint.authority));
	spec = right;
	spec.valid_before += CA_WINDOW_SLACK;
	assert_true(signs(&scene, &spec, scene.mint.authority));
	spec.valid_before++;
	assert_false(signs(&scene, &spec, scene.mint.authority));
	spec = right;
	spec.valid_after = MINT_NOT_BEFORE - 1;
	spec.valid_before = MINT_NOT_BEFORE + 1;
	assert_false(signs(&scene, &spec, scene.mint.authority));
	spec.valid_after = spec.valid_before;
	assert_false(signs(&scene, &spec, scene.mint.authority));
	spec.valid_after = -1;
	assert_false(signs(&scene, &spec, scene.mint.authority));
	spec = right;
	spec.statement.len--;
	assert_false(signs(&scene, &spec, scene.mint.authority));
	spec = right;
	spec.approval_count = 0;
	assert_false(signs(&scene, &spec, scene.mint.authority));
	spec.approvals = many;
	spec.approval_count = CA_MAX_APPROVALS;
	assert_true(signs(&scene, &spec, scene.mint.authority));
	spec.approval_count = CA_MAX_APPROVALS + 1;
	assert_false(signs(&scene, &spec, scene.mint.authority));
	scene_clear(&scene);
}

static double
seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Four Ed25519 verifications; a bound that a busy machine keeps, the bench has the figure. */
static void
three_approvals_are_judged_in_milliseconds(void **state)
{
	enum { ROUNDS = 50 };
	struct scene scene;
	double began, each;

	(void)state;
	scene_init(&scene);
	draft_grant(&scene, NULL);
	mint_add_approval(&scene.draft, scene.mint.people[CHRIS]);
	mint_sign(&scene.draft, &scene.cert);
	began = seconds();
	for (int i = 0; i < ROUNDS; i++) {
		scene_judge(&scene);
		assert_int_equal(scene.reason, CA_ADMITTED);
	}
	each = (seconds() - began) / ROUNDS;
	print_message("# one judgement with three approvals: %.0f us\n", each * 1e6);
	assert_true(each < 0.02);
	scene_clear(&scene);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stranger_is_refused_before_anything_else),
		cmocka_unit_test(no_flipped_bit_is_admitted),
		cmocka_unit_test(a_certificate_cut_anywhere_is_no_certificate),
		cmocka_unit_test(type_role_and_principal_have_to_fit),
		cmocka_unit_test(the_window_holds_to_the_second),
		cmocka_unit_test(options_are_known_and_of_their_shape),
		cmocka_unit_test(the_source_has_to_lie_inside),
		cmocka_unit_test(what_is_revoked_is_refused),
		cmocka_unit_test(a_grant_is_no_identity_and_an_identity_no_grant),
		cmocka_unit_test(statement_and_certificate_agree_in_every_field),
		cmocka_unit_test(statement_and_post_agree),
		cmocka_unit_test(a_statement_that_is_none_is_refused),
		cmocka_unit_test(a_grant_is_told_whole),
		cmocka_unit_test(an_identity_is_told_whole),
		cmocka_unit_test(every_reason_has_a_name_of_its_own),
		cmocka_unit_test(a_signed_grant_is_what_its_statement_says),
		cmocka_unit_test(a_grant_unlike_its_statement_is_not_signed),
		cmocka_unit_test(three_approvals_are_judged_in_milliseconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
