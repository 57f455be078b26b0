/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_requester.c - who does not count as an approver: the requester under any name or
 * key, and whoever a people authority does not vouch for.
 */
#include "panel.h"

static void
the_requester_does_not_count_by_key(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene);
	/* listed or not, and under whatever name */
	mint_add_approval(&scene.draft, person(&scene, ALICE));
	assert_refused(&scene, CA_SELF_APPROVAL, "key of the requester");
	list_anew(&scene, "zoe@vendor.example", "", ca_signer_key(person(&scene, ALICE)));
	assert_refused(&scene, CA_SELF_APPROVAL, "key of the requester");
	scene_clear(&scene);
}

static void
the_requester_does_not_count_by_name(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene);
	list_anew(&scene, mint_names[ALICE], "", ca_signer_key(person(&scene, MALLORY)));
	mint_add_approval(&scene.draft, person(&scene, MALLORY));
	assert_refused(&scene, CA_SELF_APPROVAL, "requester 'alice@vendor.example'");
	scene_clear(&scene);
}

/* The statement's key is listed for zoe, zoe has another key, and that one approves. */
static void
the_requester_does_not_count_by_a_name_that_shares_a_key(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene);
	mint_list(&scene.mint, "zoe@vendor.example", "", ca_signer_key(person(&scene, ALICE)));
	list_anew(&scene, "zoe@vendor.example", "", ca_signer_key(person(&scene, MALLORY)));
	mint_add_approval(&scene.draft, person(&scene, MALLORY));
	assert_refused(&scene, CA_SELF_APPROVAL, "requester");
	/* a line that is no longer valid ties all the same */
	scene_clear(&scene);
	scene_init(&scene);
	mint_list(&scene.mint, "zoe@vendor.example", ",valid-before=\"20200101Z\"",
	    ca_signer_key(person(&scene, ALICE)));
	list_anew(&scene, "zoe@vendor.example", "", ca_signer_key(person(&scene, MALLORY)));
	mint_add_approval(&scene.draft, person(&scene, MALLORY));
	assert_refused(&scene, CA_SELF_APPROVAL, "requester");
	scene_clear(&scene);
}

static void
list_engineer(struct ca_buf *out, const char *name, const struct ca_signer *signer)
{
	ca_buf_printf(out, "%s ", name);
	ca_key_put_line(out, ca_signer_key(signer));
	ca_buf_put_text(out, "\n");
}

/*
 * Only the authority has the engineers file. alice's other key is listed there; it is zoe's
 * among the approvers, and zoe approves with yet another.
 */
static void
the_requester_does_not_count_by_a_chain_of_keys(void **state)
{
	struct scene scene;
	struct ca_buf engineers = { 0 };
	struct ca_signer *second = mint_signer();
	size_t approvers;

	(void)state;
	scene_init(&scene);
	list_engineer(&engineers, mint_names[ALICE], person(&scene, ALICE));
	list_engineer(&engineers, mint_names[ALICE], second);
	mint_list(&scene.mint, "zoe@vendor.example", "", ca_signer_key(second));
	list_anew(&scene, "zoe@vendor.example", "", ca_signer_key(person(&scene, MALLORY)));
	assert_true(ca_allowed_signers_parse(&scene.engineers, "engineers",
	    (const char *)engineers.data, engineers.len, NULL, &scene.why));
	assert_int_equal(judge_alone(&scene, &approvers), CA_ADMITTED);
	mint_add_approval(&scene.draft, person(&scene, MALLORY));
	assert_int_equal(judge_alone(&scene, &approvers), CA_SELF_APPROVAL);
	assert_int_equal(approvers, 0);
	ca_signer_free(second);
	ca_buf_clear(&engineers);
	scene_clear(&scene);
}

/* `spoil` changes the certificate before it is signed again; NULL: it is right. */
static void
judge_certified(void (*spoil)(struct mint_draft *cert), enum ca_reason reason, const char *sentence)
{
	struct scene scene;
	struct ca_signer *people = mint_signer();
	struct mint_draft cert;
	struct ca_buf blob = { 0 };

	scene_init(&scene);
	list_anew(&scene, "*@acme.example", ",cert-authority", ca_signer_key(people));
	certify(&cert, &blob, people, ca_signer_key(person(&scene, MALLORY)), "max@acme.example");
	if (spoil != NULL)
		spoil(&cert);
	mint_sign(&cert, &blob);
	forget_approvals(&scene);
	mint_add_approval(&scene.draft, person(&scene, BOB));
	approve_certified(&scene, person(&scene, MALLORY), &blob);
	if (reason == CA_ADMITTED)
		assert_admitted(&scene, 2);
	else
		assert_refused(&scene, reason, sentence);
	ca_buf_clear(&blob);
	ca_signer_free(people);
	scene_clear(&scene);
}

static void
c_host(struct mint_draft *cert)
{
	cert->type = CA_CERT_HOST;
}

static void
c_expired(struct mint_draft *cert)
{
	cert->valid_after = (uint64_t)MINT_NOW - 100;
	cert->valid_before = (uint64_t)MINT_NOW;
}

static void
c_early(struct mint_draft *cert)
{
	cert->valid_after = (uint64_t)MINT_NOW + 1;
	cert->valid_before = (uint64_t)MINT_NOW + 100;
}

static void
c_option(struct mint_draft *cert)
{
	mint_set(cert->critical, &cert->critical_count, "verify-required", NULL);
}

static void
c_vendor_name(struct mint_draft *cert)
{
	snprintf(cert->principals[0], sizeof cert->principals[0], "max@vendor.example");
}

static void
c_nobody(struct mint_draft *cert)
{
	cert->principal_count = 0;
}

static void
c_two(struct mint_draft *cert)
{
	snprintf(cert->principals[1], sizeof cert->principals[1], "mia@acme.example");
	cert->principal_count = 2;
}

static void
c_requester(struct mint_draft *cert)
{
	snprintf(cert->principals[1], sizeof cert->principals[1], "%s", mint_names[ALICE]);
	cert->principal_count = 2;
}

static void
c_listed_name(struct mint_draft *cert)
{
	snprintf(cert->principals[0], sizeof cert->principals[0], "%s", mint_names[CAROL]);
}

static void
a_people_authority_vouches_for_its_members(void **state)
{
	(void)state;
	judge_certified(NULL, CA_ADMITTED, NULL);
	judge_certified(c_listed_name, CA_ADMITTED, NULL);
	judge_certified(c_host, CA_BAD_APPROVAL, "host");
	judge_certified(c_expired, CA_BAD_APPROVAL, "not valid any more");
	judge_certified(c_early, CA_BAD_APPROVAL, "not valid yet");
	judge_certified(c_option, CA_BAD_APPROVAL, "critical option");
	judge_certified(c_vendor_name, CA_BAD_APPROVAL, "approval 2 of 2");
	judge_certified(c_nobody, CA_BAD_APPROVAL, "approval 2 of 2");
	judge_certified(c_two, CA_BAD_APPROVAL, "approval 2 of 2");
	judge_certified(c_requester, CA_SELF_APPROVAL, "requester");
}

static void
an_unlisted_people_authority_vouches_for_nobody(void **state)
{
	struct scene scene;
	struct mint_draft cert;
	struct ca_buf blob = { 0 };

	(void)state;
	scene_init(&scene);
	certify(&cert, &blob, person(&scene, MALLORY), ca_signer_key(person(&scene, CHRIS)),
	    mint_names[CHRIS]);
	approve_certified(&scene, person(&scene, CHRIS), &blob);
	assert_refused(&scene, CA_BAD_APPROVAL, "is not listed");
	/* a listed person is no authority */
	certify(&cert, &blob, person(&scene, CAROL), ca_signer_key(person(&scene, CHRIS)),
	    mint_names[CHRIS]);
	scene.draft.approval_count--;
	ca_buf_clear(&scene.draft.approvals[scene.draft.approval_count]);
	approve_certified(&scene, person(&scene, CHRIS), &blob);
	assert_refused(&scene, CA_BAD_APPROVAL, "is not listed");
	ca_buf_clear(&blob);
	scene_clear(&scene);
}

/* One key, two names: neither two approvers, nor another's name for a listed key. */
static void
a_certificate_lends_a_key_no_second_name(void **state)
{
	struct scene scene;
	struct ca_signer *people = mint_signer();
	struct mint_draft cert;
	struct ca_buf first = { 0 }, second = { 0 };
	const struct ca_key *key;

	(void)state;
	scene_init(&scene);
	list_anew(&scene, "*@acme.example", ",cert-authority", ca_signer_key(people));
	key = ca_signer_key(person(&scene, MALLORY));
	certify(&cert, &first, people, key, "max@acme.example");
	certify(&cert, &second, people, key, "mia@acme.example");
	approve_certified(&scene, person(&scene, MALLORY), &first);
	assert_admitted(&scene, 3);
	approve_certified(&scene, person(&scene, MALLORY), &second);
	assert_refused(&scene, CA_BAD_APPROVAL, "'mia@acme.example' has approved already, as 'max");
	forget_approvals(&scene);
	certify(&cert, &first, people, ca_signer_key(person(&scene, BOB)), "max@acme.example");
	approve_certified(&scene, person(&scene, BOB), &first);
	assert_refused(&scene, CA_BAD_APPROVAL, "its key is that of 'bob@vendor.example'");
	ca_buf_clear(&first);
	ca_buf_clear(&second);
	ca_signer_free(people);
	scene_clear(&scene);
}

/* The engineer holds the key that vouches for approvers, or is vouched for under another name. */
static void
the_requester_does_not_count_by_certificate(void **state)
{
	struct scene scene;
	struct mint_draft cert;
	struct ca_buf blob = { 0 };

	(void)state;
	scene_init(&scene);
	list_anew(
	    &scene, "*@acme.example", ",cert-authority", ca_signer_key(person(&scene, ALICE)));
	certify(&cert, &blob, person(&scene, ALICE), ca_signer_key(person(&scene, MALLORY)),
	    "max@acme.example");
	approve_certified(&scene, person(&scene, MALLORY), &blob);
	assert_refused(&scene, CA_SELF_APPROVAL, "certificate of or by the requester");
	scene_clear(&scene);
	scene_init(&scene);
	list_anew(
	    &scene, "*@acme.example", ",cert-authority", ca_signer_key(person(&scene, MALLORY)));
	certify(&cert, &blob, person(&scene, MALLORY), ca_signer_key(person(&scene, ALICE)),
	    "max@acme.example");
	approve_certified(&scene, person(&scene, ALICE), &blob);
	assert_refused(&scene, CA_SELF_APPROVAL, "key of the requester");
	ca_buf_clear(&blob);
	scene_clear(&scene);
}

/* The engineers file ties a second key to alice; a certificate by it or over it is hers. */
static void
the_requester_does_not_count_by_a_certificate_of_a_second_key(void **state)
{
	struct ca_signer *people = mint_signer(), *second = mint_signer();
	struct ca_buf engineers = { 0 }, blob = { 0 };
	struct mint_draft cert;

	(void)state;
	list_engineer(&engineers, mint_names[ALICE], second);
	for (int i = 0; i < 2; i++) {
		struct scene scene;
		struct ca_signer *authority = i == 0 ? second : people;
		struct ca_signer *signer;
		size_t approvers;

		scene_init(&scene);
		signer = i == 0 ? person(&scene, MALLORY) : second;
		list_anew(&scene, "*@acme.example", ",cert-authority", ca_signer_key(authority));
		certify(&cert, &blob, authority, ca_signer_key(signer), "max@acme.example");
		approve_certified(&scene, signer, &blob);
		assert_admitted(&scene, 3); /* as far as approvers alone can tell */
		assert_true(ca_allowed_signers_parse(&scene.engineers, "engineers",
		    (const char *)engineers.data, engineers.len, NULL, &scene.why));
		assert_int_equal(judge_alone(&scene, &approvers), CA_SELF_APPROVAL);
		scene_clear(&scene);
	}
	ca_buf_clear(&blob);
	ca_buf_clear(&engineers);
	ca_signer_free(people);
	ca_signer_free(second);
}

/* zoe's listed key is alice's; zoe's own people authority certifies a fresh one for her. */
static void
the_requester_does_not_count_by_a_certified_name(void **state)
{
	struct scene scene;
	struct ca_signer *people = mint_signer();
	struct mint_draft cert;
	struct ca_buf blob = { 0 };

	(void)state;
	scene_init(&scene);
	mint_list(&scene.mint, "zoe@acme.example", "", ca_signer_key(person(&scene, ALICE)));
	list_anew(&scene, "*@acme.example", ",cert-authority", ca_signer_key(people));
	certify(&cert, &blob, people, ca_signer_key(person(&scene, MALLORY)), "zoe@acme.example");
	approve_certified(&scene, person(&scene, MALLORY), &blob);
	assert_refused(&scene, CA_SELF_APPROVAL, "requester 'alice@vendor.example'");
	ca_buf_clear(&blob);
	ca_signer_free(people);
	scene_clear(&scene);
}

/* Only the gate has a revocation list. */
static void
a_revoked_people_authority_vouches_for_nobody(void **state)
{
	struct scene scene;
	struct ca_signer *people = mint_signer();
	const struct ca_key *keys[] = { ca_signer_key(people) };
	struct ca_krl_spec spec = {
		.number = 1, .generated = 1, .comment = "", .keys = keys, .key_count = 1
	};
	struct mint_draft cert;
	struct ca_buf blob = { 0 }, bytes = { 0 };
	struct ca_krl *krl;
	size_t approvers;

	(void)state;
	scene_init(&scene);
	list_anew(&scene, "*@acme.example", ",cert-authority", ca_signer_key(people));
	certify(&cert, &blob, people, ca_signer_key(person(&scene, MALLORY)), "max@acme.example");
	approve_certified(&scene, person(&scene, MALLORY), &blob);
	assert_admitted(&scene, 3);
	spec.authority = ca_signer_key(scene.mint.authority);
	assert_true(ca_krl_encode(&bytes, &spec, &scene.why));
	assert_true(ca_krl_parse(&krl, bytes.data, bytes.len, &scene.why));
	scene.mint.post.krl = krl;
	assert_int_equal(judge_at_gate(&scene, &approvers), CA_BAD_APPROVAL);
	assert_non_null(strstr(scene.why.text, "approval 3 of 3: the approver's certificate"));
	ca_krl_free(krl);
	ca_buf_clear(&bytes);
	ca_buf_clear(&blob);
	ca_signer_free(people);
	scene_clear(&scene);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_requester_does_not_count_by_key),
		cmocka_unit_test(the_requester_does_not_count_by_name),
		cmocka_unit_test(the_requester_does_not_count_by_a_name_that_shares_a_key),
		cmocka_unit_test(the_requester_does_not_count_by_a_chain_of_keys),
		cmocka_unit_test(a_people_authority_vouches_for_its_members),
		cmocka_unit_test(an_unlisted_people_authority_vouches_for_nobody),
		cmocka_unit_test(a_certificate_lends_a_key_no_second_name),
		cmocka_unit_test(the_requester_does_not_count_by_certificate),
		cmocka_unit_test(the_requester_does_not_count_by_a_certificate_of_a_second_key),
		cmocka_unit_test(the_requester_does_not_count_by_a_certified_name),
		cmocka_unit_test(a_revoked_people_authority_vouches_for_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
