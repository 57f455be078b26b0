/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_approvals.c - what counts as an approval, by whom, and how many it takes.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "panel.h"

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
	assert_string_equal(scene.why.text, "'acme-prod' has no approvers");
	scene.mint.post.approvers = scene.mint.approvers;
	scene.mint.grants.quorum = NULL;
	assert_int_equal(judge_at_gate(&scene, &approvers), CA_QUORUM_MISSING);
	assert_string_equal(scene.why.text, "role 'diagnostics' has no quorum");
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
		cmocka_unit_test(a_security_key_has_to_be_touched),
		cmocka_unit_test(an_approval_by_stock_ssh_keygen_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
