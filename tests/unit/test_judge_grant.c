/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_judge_grant.c - statement, certificate and post have to agree in every field, at the
 * gate that reads a grant and at the authority that signs one.
 */
#include "trial.h"

STATE(no_command, s->command = NULL)
STATE(no_source, s->source = NULL)
STATE(no_terminal, s->terminal = false)
STATE(bare, s->command = NULL; s->source = NULL; s->terminal = false)
STATE(by_relay, s->relay = "relay1.vendor.example")
STATE(long_window, s->duration = 4 * 3600)

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statement_and_certificate_agree_in_every_field),
		cmocka_unit_test(statement_and_post_agree),
		cmocka_unit_test(a_statement_that_is_none_is_refused),
		cmocka_unit_test(a_signed_grant_is_what_its_statement_says),
		cmocka_unit_test(a_grant_unlike_its_statement_is_not_signed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
