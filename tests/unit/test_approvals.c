/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_approvals.c - what counts as an approval, and who may not give one.
 *
 * Each case is judged twice where that makes sense: inside a certificate at a gate
 * (ca_judge), and by itself at the authority (ca_judge_approvals).
 */
#include "mint.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct scene {
	struct mint mint;
	struct mint_draft draft;
	struct ca_allowed_signers *engineers; /* the authority's; NULL at first */
	struct ca_why why;
};

static void
scene_init(struct scene *scene)
{
	*scene = (struct scene){ 0 };
	mint_init(&scene->mint);
	mint_draft(&scene->mint, &scene->draft, NULL);
}

static void
scene_clear(struct scene *scene)
{
	ca_allowed_signers_free(scene->engineers);
	mint_draft_clear(&scene->draft);
	mint_clear(&scene->mint);
}

static struct ca_signer *
person(struct scene *scene, enum mint_person who)
{
	return scene->mint.people[who];
}

static void
forget_approvals(struct scene *scene)
{
	for (size_t i = 0; i < scene->draft.approval_count; i++)
		ca_buf_clear(&scene->draft.approvals[i]);
	scene->draft.approval_count = 0;
}

/* A place for one more, made by hand. */
static struct ca_buf *
next_approval(struct scene *scene)
{
	assert_true(scene->draft.approval_count <= CA_MAX_APPROVALS);
	return &scene->draft.approvals[scene->draft.approval_count++];
}

static void
list_anew(struct scene *scene, const char *name, const char *options, const struct ca_key *key)
{
	mint_list(&scene->mint, name, options, key);
	mint_read_approvers(&scene->mint);
}

static enum ca_reason
judge_at_gate(struct scene *scene, size_t *approvers)
{
	struct ca_buf cert = { 0 };
	struct ca_grant *grant;
	struct ca_knock knock;
	enum ca_reason reason;

	ca_buf_clear(&scene->draft.packed);
	mint_set(scene->draft.extensions, &scene->draft.extension_count, CA_OPTION_APPROVALS, "");
	mint_sign(&scene->draft, &cert);
	knock = mint_knock(&cert);
	reason = ca_judge(&scene->mint.post, &scene->mint.grants, &knock, &grant, &scene->why);
	assert_non_null(grant);
	*approvers = grant->approver_count;
	ca_grant_free(grant);
	ca_buf_clear(&cert);
	return reason;
}

static enum ca_reason
judge_alone(struct scene *scene, size_t *approvers)
{
	struct ca_bytes blobs[CA_MAX_APPROVALS + 1];
	char *names[CA_MAX_APPROVALS];
	enum ca_reason reason;

	for (size_t i = 0; i < scene->draft.approval_count; i++)
		blobs[i] = ca_buf_bytes(&scene->draft.approvals[i]);
	reason = ca_judge_approvals(&scene->draft.statement, ca_buf_bytes(&scene->draft.text),
	    scene->mint.approvers, scene->engineers, blobs, scene->draft.approval_count, MINT_NOW,
	    names, approvers, &scene->why);
	for (size_t i = 0; i < *approvers; i++)
		free(names[i]);
	return reason;
}

/* Refused at the gate and at the authority, for one reason, without a name taken. */
static void
assert_refused(struct scene *scene, enum ca_reason reason, const char *sentence)
{
	enum ca_reason found;
	size_t approvers;

	found = judge_at_gate(scene, &approvers);
	if (found != reason || strstr(scene->why.text, sentence) == NULL)
		fail_msg("gate: %s: %s", ca_reason_name(found), scene->why.text);
	assert_int_equal(approvers, 0);
	found = judge_alone(scene, &approvers);
	if (found != reason || strstr(scene->why.text, sentence) == NULL)
		fail_msg("authority: %s: %s", ca_reason_name(found), scene->why.text);
	assert_int_equal(approvers, 0);
}

static void
assert_admitted(struct scene *scene, size_t wanted)
{
	size_t approvers;

	if (judge_at_gate(scene, &approvers) != CA_ADMITTED)
		fail_msg("gate: %s", scene->why.text);
	assert_int_equal(approvers, wanted);
	if (judge_alone(scene, &approvers) != CA_ADMITTED)
		fail_msg("authority: %s", scene->why.text);
	assert_int_equal(approvers, wanted);
}

/* BOB's approval as it should be, to be spoilt. */
static struct mint_sshsig
sshsig_of(struct scene *scene, enum mint_person who)
{
	return (struct mint_sshsig){ .signer = person(scene, who),
		.ns = CA_NAMESPACE_GRANT,
		.hash = "sha512",
		.trail = "",
		.version = 1 };
}

static void
both_groups_reach_the_quorum(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene);
	assert_admitted(&scene, 2);
	mint_add_approval(&scene.draft, person(&scene, BELLA));
	mint_add_approval(&scene.draft, person(&scene, CHRIS));
	assert_admitted(&scene, 4);
	scene_clear(&scene);
}

/* The vendor cannot do without its customer, however many of the vendor's people agree. */
static void
one_group_alone_does_not(void **state)
{
	struct scene scene;
	size_t approvers;

	(void)state;
	scene_init(&scene);
	forget_approvals(&scene);
	mint_add_approval(&scene.draft, person(&scene, BOB));
	mint_add_approval(&scene.draft, person(&scene, BELLA));
	assert_int_equal(judge_at_gate(&scene, &approvers), CA_QUORUM_MISSING);
	assert_string_equal(scene.why.text, "approvals missing: 1 more of '*@acme.example'");
	forget_approvals(&scene);
	mint_add_approval(&scene.draft, person(&scene, CAROL));
	assert_int_equal(judge_at_gate(&scene, &approvers), CA_QUORUM_MISSING);
	assert_string_equal(scene.why.text, "approvals missing: 1 more of '*@vendor.example'");
	scene_clear(&scene);
}

static void
a_post_without_approvers_or_quorum_admits_no_grant(void **state)
{
	struct scene scene;
	size_t approvers;

	(void)state;
	scene_init(&scene);
	scene.mint.post.approvers = NULL;
	assert_int_equal(judge_at_gate(&scene, &approvers), CA_QUORUM_MISSING);
	scene.mint.post.approvers = scene.mint.approvers;
	scene.mint.grants.quorum = NULL;
	assert_int_equal(judge_at_gate(&scene, &approvers), CA_QUORUM_MISSING);
	scene_clear(&scene);
}

static void
sixteen_approvals_are_the_limit(void **state)
{
	struct scene scene;
	struct ca_signer *more[CA_MAX_APPROVALS - 1];
	size_t approvers;

	(void)state;
	scene_init(&scene);
	for (size_t i = 0; i < CA_MAX_APPROVALS - 1; i++) {
		char name[32];

		snprintf(name, sizeof name, "n%zu@vendor.example", i);
		more[i] = mint_signer();
		mint_list(&scene.mint, name, "", ca_signer_key(more[i]));
	}
	mint_read_approvers(&scene.mint);
	for (size_t i = 0; i < CA_MAX_APPROVALS - 2; i++)
		mint_add_approval(&scene.draft, more[i]);
	assert_int_equal(scene.draft.approval_count, CA_MAX_APPROVALS);
	assert_admitted(&scene, CA_MAX_APPROVALS);
	mint_add_approval(&scene.draft, more[CA_MAX_APPROVALS - 2]);
	assert_refused(&scene, CA_BAD_APPROVAL, "more than 16");
	for (size_t i = 0; i < CA_MAX_APPROVALS - 1; i++)
		ca_signer_free(more[i]);
	/* and none at all is missing approvals */
	forget_approvals(&scene);
	assert_int_equal(judge_alone(&scene, &approvers), CA_ADMITTED);
	assert_int_equal(approvers, 0);
	assert_int_equal(judge_at_gate(&scene, &approvers), CA_BAD_APPROVAL);
	scene_clear(&scene);
}

static void
a_grant_without_the_extension_lacks_approvals(void **state)
{
	struct scene scene;
	struct ca_buf cert = { 0 };
	struct ca_grant *grant;
	struct ca_knock knock;

	(void)state;
	scene_init(&scene);
	mint_unset(scene.draft.extensions, &scene.draft.extension_count, CA_OPTION_APPROVALS);
	mint_sign(&scene.draft, &cert);
	knock = mint_knock(&cert);
	assert_int_equal(ca_judge(&scene.mint.post, &scene.mint.grants, &knock, &grant, &scene.why),
	    CA_QUORUM_MISSING);
	assert_non_null(strstr(scene.why.text, "approvals missing: 1 more of"));
	ca_grant_free(grant);
	ca_buf_clear(&cert);
	scene_clear(&scene);
}

/* Two right ones and a bad one are not two right ones. */
static void
one_bad_approval_refuses_all(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene);
	mint_add_approval(&scene.draft, person(&scene, BELLA));
	scene.draft.approvals[2].data[scene.draft.approvals[2].len - 1] ^= 1;
	assert_refused(&scene, CA_BAD_APPROVAL, "approval 3 of 3");
	scene_clear(&scene);
}

static void
no_flipped_bit_of_an_approval_counts(void **state)
{
	struct scene scene;
	size_t approvers;

	(void)state;
	scene_init(&scene);
	for (size_t i = 0; i < scene.draft.approvals[0].len; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			scene.draft.approvals[0].data[i] ^= (uint8_t)(1 << bit);
			assert_int_equal(judge_alone(&scene, &approvers), CA_BAD_APPROVAL);
			scene.draft.approvals[0].data[i] ^= (uint8_t)(1 << bit);
		}
	assert_admitted(&scene, 2);
	scene_clear(&scene);
}

/* A stolen CA key signs any statement, but nobody has approved it. */
static void
approvals_of_another_statement_do_not_count(void **state)
{
	struct scene scene;
	struct ca_buf other = { 0 };

	(void)state;
	scene_init(&scene);
	scene.draft.statement.reason = "T-1234: replica lag on shard 4";
	mint_encode(&scene.draft.text, &scene.draft.statement);
	assert_refused(&scene, CA_BAD_APPROVAL, "approval 1 of 2");
	/* another grant's number, everything else alike */
	scene.draft.statement = mint_statement(&scene.mint);
	scene.draft.statement.grant = 43;
	mint_encode(&other, &scene.draft.statement);
	ca_buf_clear(&scene.draft.text);
	ca_buf_put(&scene.draft.text, other.data, other.len);
	mint_fill(&scene.mint, &scene.draft);
	assert_refused(&scene, CA_BAD_APPROVAL, "approval 1 of 2");
	ca_buf_clear(&other);
	scene_clear(&scene);
}

static void
an_approval_has_one_form(void **state)
{
	struct scene scene;
	struct mint_sshsig spec;

	(void)state;
	scene_init(&scene);
	/* by hand and right, with either hash */
	for (int i = 0; i < 2; i++) {
		spec = sshsig_of(&scene, BOB);
		spec.hash = i == 0 ? "sha512" : "sha256";
		ca_buf_clear(&scene.draft.approvals[0]);
		mint_put_sshsig(&scene.draft.approvals[0], &spec, ca_buf_bytes(&scene.draft.text));
		assert_admitted(&scene, 2);
	}
	for (int i = 0; i < 8; i++) {
		spec = sshsig_of(&scene, BOB);
		if (i == 0)
			spec.hash = "sha384";
		else if (i == 1)
			spec.trail = "x";
		else if (i == 2)
			spec.version = 0;
		else if (i == 3)
			spec.version = 2;
		else if (i == 4)
			spec.ns = "seal@postern";
		else if (i == 5)
			spec.ns = "file";
		else if (i == 6)
			spec.ns = "";
		else
			spec.ns = "grant@postern.example";
		ca_buf_clear(&scene.draft.approvals[0]);
		mint_put_sshsig(&scene.draft.approvals[0], &spec, ca_buf_bytes(&scene.draft.text));
		assert_refused(&scene, CA_BAD_APPROVAL, "approval 1 of 2");
	}
	ca_buf_clear(&scene.draft.approvals[0]);
	assert_refused(&scene, CA_BAD_APPROVAL, "approval 1 of 2");
	scene_clear(&scene);
}

/* Bytes after the last string, and a string longer than what is left. */
static void
the_list_of_approvals_has_one_form(void **state)
{
	static const char *const tails[] = { "\0", "\0\0\0", "\0\0\0\1", "\xff\xff\xff\xff" };
	static const size_t lens[] = { 1, 3, 4, 4 };
	struct scene scene;

	(void)state;
	scene_init(&scene);
	for (size_t i = 0; i < 4; i++) {
		struct ca_buf cert = { 0 }, list = { 0 };
		struct ca_grant *grant;
		struct ca_knock knock;

		for (size_t j = 0; j < scene.draft.approval_count; j++)
			ca_buf_put_string(
			    &list, scene.draft.approvals[j].data, scene.draft.approvals[j].len);
		ca_buf_put(&list, tails[i], lens[i]);
		mint_option(
		    scene.draft.extensions, scene.draft.extension_count, CA_OPTION_APPROVALS)
		    ->value = ca_buf_bytes(&list);
		mint_sign(&scene.draft, &cert);
		knock = mint_knock(&cert);
		assert_int_equal(
		    ca_judge(&scene.mint.post, &scene.mint.grants, &knock, &grant, &scene.why),
		    CA_BAD_APPROVAL);
		assert_non_null(strstr(scene.why.text, "sequence of strings"));
		ca_grant_free(grant);
		ca_buf_clear(&cert);
		ca_buf_clear(&list);
	}
	scene_clear(&scene);
}

static void
nobody_approves_twice(void **state)
{
	struct scene scene;
	struct ca_signer *second = mint_signer();

	(void)state;
	scene_init(&scene);
	mint_add_approval(&scene.draft, person(&scene, BOB));
	assert_refused(&scene, CA_BAD_APPROVAL, "'bob@vendor.example' has approved already");
	/* nor with a second key */
	list_anew(&scene, mint_names[BOB], "", ca_signer_key(second));
	forget_approvals(&scene);
	mint_add_approval(&scene.draft, person(&scene, BOB));
	mint_add_approval(&scene.draft, person(&scene, CAROL));
	mint_add_approval(&scene.draft, second);
	assert_refused(&scene, CA_BAD_APPROVAL, "'bob@vendor.example' has approved already");
	/* which is a right one by itself */
	forget_approvals(&scene);
	mint_add_approval(&scene.draft, second);
	mint_add_approval(&scene.draft, person(&scene, CAROL));
	assert_admitted(&scene, 2);
	ca_signer_free(second);
	scene_clear(&scene);
}

static void
an_unlisted_key_approves_nothing(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene);
	mint_add_approval(&scene.draft, person(&scene, MALLORY));
	assert_refused(&scene, CA_BAD_APPROVAL, "is not listed");
	scene_clear(&scene);
}

static void
an_approver_is_listed_for_now(void **state)
{
	static const struct {
		const char *options;
		bool counts;
		const char *sentence;
	} cases[] = {
		/* MINT_NOW is 18:30:00 */
		{ ",valid-after=\"20261121183000Z\"", true, NULL },
		{ ",valid-after=\"20261121183001Z\"", false, "not valid yet" },
		{ ",valid-before=\"20261121183000Z\"", true, NULL },
		{ ",valid-before=\"20261121182959Z\"", false, "not valid any more" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct scene scene;

		scene_init(&scene);
		list_anew(&scene, "max@vendor.example", cases[i].options,
		    ca_signer_key(person(&scene, MALLORY)));
		mint_add_approval(&scene.draft, person(&scene, MALLORY));
		if (cases[i].counts)
			assert_admitted(&scene, 3);
		else
			assert_refused(&scene, CA_BAD_APPROVAL, cases[i].sentence);
		scene_clear(&scene);
	}
}

/* --- the requester --- */

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

/* --- people authorities --- */

/* A certificate for an approver, by an authority of people. */
static void
certify(struct mint_draft *cert, struct ca_buf *out, struct ca_signer *authority,
    const struct ca_key *key, const char *name)
{
	*cert = (struct mint_draft){ .authority = authority,
		.key = key,
		.serial = 1,
		.type = CA_CERT_USER,
		.key_id = "an approver",
		.principal_count = 1,
		.valid_after = (uint64_t)MINT_NOW,
		.valid_before = (uint64_t)MINT_NOW + 1 };
	snprintf(cert->principals[0], sizeof cert->principals[0], "%s", name);
	ca_buf_clear(out);
	mint_sign(cert, out);
}

static void
approve_certified(struct scene *scene, struct ca_signer *signer, const struct ca_buf *cert)
{
	struct mint_sshsig spec = sshsig_of(scene, BOB);

	spec.signer = signer;
	spec.key = ca_buf_bytes(cert);
	mint_put_sshsig(next_approval(scene), &spec, ca_buf_bytes(&scene->draft.text));
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

/* --- security keys --- */

static void
a_security_key_has_to_be_touched(void **state)
{
	struct scene scene;
	struct ca_buf blob = { 0 };
	struct ca_key *key;
	struct mint_sshsig spec;

	(void)state;
	scene_init(&scene);
	mint_put_sk_key(&blob, person(&scene, MALLORY));
	assert_true(ca_key_parse(&key, blob.data, blob.len, &scene.why));
	list_anew(&scene, "max@vendor.example", "", key);
	spec = sshsig_of(&scene, MALLORY);
	spec.is_sk = true;
	spec.flags = 0x01;
	mint_put_sshsig(next_approval(&scene), &spec, ca_buf_bytes(&scene.draft.text));
	assert_admitted(&scene, 3);
	/* 0x04 says that somebody was verified, not that anybody was there */
	for (uint8_t flags = 0; flags <= 4; flags = (uint8_t)(flags + 4)) {
		spec.flags = flags;
		ca_buf_clear(&scene.draft.approvals[2]);
		mint_put_sshsig(&scene.draft.approvals[2], &spec, ca_buf_bytes(&scene.draft.text));
		assert_refused(&scene, CA_BAD_APPROVAL, "was not touched");
	}
	ca_key_free(key);
	ca_buf_clear(&blob);
	scene_clear(&scene);
}

/* --- the stock tool --- */

static void
write_file(const char *path, struct ca_bytes bytes)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes.data, 1, bytes.len, file), bytes.len);
	assert_int_equal(fclose(file), 0);
}

/* Runs a program quietly; its standard input and output are files. */
static int
run(const char *const *argv, const char *in, const char *out)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		int input = open(in, O_RDONLY), output = open(out, O_WRONLY | O_CREAT, 0600);
		int quiet = open("/dev/null", O_WRONLY);

		if (input < 0 || output < 0 || quiet < 0)
			_exit(126);
		dup2(input, 0);
		dup2(output, 1);
		dup2(quiet, 2);
		execv(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static void
read_armored(const char *path, struct ca_buf *out, struct ca_why *why)
{
	char text[8192];
	FILE *file = fopen(path, "r");
	size_t len;

	assert_non_null(file);
	len = fread(text, 1, sizeof text, file);
	fclose(file);
	if (!ca_sshsig_dearmor(out, text, len, why))
		fail_msg("%s", why->text);
}

/* For each key type that approvers use. */
static void
an_approval_by_stock_ssh_keygen_counts(void **state)
{
	static const char *const types[] = { "ed25519", "ecdsa", "rsa" };

	(void)state;
	if (access("/usr/bin/ssh-keygen", X_OK) != 0)
		skip();
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		char folder[] = "/tmp/approvals.XXXXXX", key[64], public[64], text[64], sig[64];
		struct scene scene;
		struct ca_key *listed;

		scene_init(&scene);
		assert_non_null(mkdtemp(folder));
		snprintf(key, sizeof key, "%s/key", folder);
		snprintf(public, sizeof public, "%s/key.pub", folder);
		snprintf(text, sizeof text, "%s/statement", folder);
		snprintf(sig, sizeof sig, "%s/sig", folder);
		write_file(text, ca_buf_bytes(&scene.draft.text));
		assert_int_equal(run((const char *const[]){ "/usr/bin/ssh-keygen", "-q", "-t",
					 types[i], "-N", "", "-f", key, NULL },
				     "/dev/null", "/dev/null"),
		    0);
		assert_int_equal(run((const char *const[]){ "/usr/bin/ssh-keygen", "-Y", "sign",
					 "-n", CA_NAMESPACE_GRANT, "-f", key, NULL },
				     text, sig),
		    0);
		assert_true(ca_key_load(&listed, public, &scene.why));
		list_anew(&scene, "max@vendor.example", "", listed);
		read_armored(sig, next_approval(&scene), &scene.why);
		assert_admitted(&scene, 3);
		ca_key_free(listed);
		unlink(key);
		unlink(public);
		unlink(text);
		unlink(sig);
		assert_int_equal(rmdir(folder), 0);
		scene_clear(&scene);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_groups_reach_the_quorum),
		cmocka_unit_test(one_group_alone_does_not),
		cmocka_unit_test(a_post_without_approvers_or_quorum_admits_no_grant),
		cmocka_unit_test(sixteen_approvals_are_the_limit),
		cmocka_unit_test(a_grant_without_the_extension_lacks_approvals),
		cmocka_unit_test(one_bad_approval_refuses_all),
		cmocka_unit_test(no_flipped_bit_of_an_approval_counts),
		cmocka_unit_test(approvals_of_another_statement_do_not_count),
		cmocka_unit_test(an_approval_has_one_form),
		cmocka_unit_test(the_list_of_approvals_has_one_form),
		cmocka_unit_test(nobody_approves_twice),
		cmocka_unit_test(an_unlisted_key_approves_nothing),
		cmocka_unit_test(an_approver_is_listed_for_now),
		cmocka_unit_test(the_requester_does_not_count_by_key),
		cmocka_unit_test(the_requester_does_not_count_by_name),
		cmocka_unit_test(the_requester_does_not_count_by_a_name_that_shares_a_key),
		cmocka_unit_test(the_requester_does_not_count_by_a_chain_of_keys),
		cmocka_unit_test(a_people_authority_vouches_for_its_members),
		cmocka_unit_test(an_unlisted_people_authority_vouches_for_nobody),
		cmocka_unit_test(a_certificate_lends_a_key_no_second_name),
		cmocka_unit_test(the_requester_does_not_count_by_certificate),
		cmocka_unit_test(a_security_key_has_to_be_touched),
		cmocka_unit_test(an_approval_by_stock_ssh_keygen_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
