/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_judge.c - a certificate that is right in everything is admitted; each single wrong
 * field of it or of the knock refuses it, for its own reason.
 */
#include <time.h>

#include "trial.h"

STATE(no_source, s->source = NULL)

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
SPOIL(no_slash, strcpy(s->draft.principals[0], "acme-prod.diagnostics"))
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
		{ "no slash", NULL, no_slash, NULL, CA_WRONG_PRINCIPAL, NULL },
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
SPOIL(command_del, mint_set(CRITICAL(s), CA_OPTION_FORCE_COMMAND, "query\x7f"))
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
		{ "force-command with DEL", NULL, command_del, NULL, CA_BAD_OPTION, NULL },
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
		cmocka_unit_test(a_grant_is_told_whole),
		cmocka_unit_test(an_identity_is_told_whole),
		cmocka_unit_test(every_reason_has_a_name_of_its_own),
		cmocka_unit_test(three_approvals_are_judged_in_milliseconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
