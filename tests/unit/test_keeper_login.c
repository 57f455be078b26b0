/* SPDX-License-Identifier: Apache-2.0 */
/* test_keeper_login.c - from a certificate to a session, and who is told what. */
#include "keeper_world.h"

#include <sys/mman.h>

#define GENERIC "postern: access is by certificate only"

static void
a_stranger_sees_one_generic_sentence_once(void **state)
{
	struct world *world = *state;

	world->draft.authority = world->mint.people[MALLORY];
	world_start(world);
	world_knock(world, true, "diagnostics");
	world_expect_verdict(world, false, GENERIC);
	world_knock(world, true, "diagnostics");
	world_expect(world, world->door, BAS_F_VERDICT);
	assert_int_equal(ca_read_u8(&world->reader), 0);
	assert_int_equal(ca_read_string(&world->reader).len, 0);
	world_expect_silence(world->clerk);
}

static void
a_key_without_a_certificate_is_a_strangers(void **state)
{
	struct world *world = *state;
	struct ca_bytes blob = ca_key_blob(ca_signer_key(world->mint.people[ALICE]));

	ca_buf_reset(&world->cert);
	ca_buf_put(&world->cert, blob.data, blob.len);
	world_start(world);
	world_knock(world, false, "diagnostics");
	world_expect_verdict(world, false, GENERIC);
}

static void
a_probe_goes_on_under_a_trusted_authority_even_when_the_certificate_is_no_good(void **state)
{
	struct world *world = *state;

	world->draft.valid_before = world->draft.valid_after + 1;
	world_start(world);
	world_knock(world, false, "diagnostics");
	world_expect_verdict(world, true, "");
	world_expect_silence(world->clerk);
}

static void
a_probe_of_a_stranger_stops_there(void **state)
{
	struct world *world = *state;

	world_start(world);
	world->cert.data[world->cert.len - 1] ^= 1;
	world_knock(world, false, "diagnostics");
	world_expect_verdict(world, false, GENERIC);
}

static void
a_certificate_offered_before_vouches_for_no_other(void **state)
{
	struct world *world = *state;

	world_start(world);
	world_knock(world, false, "diagnostics");
	world_expect_verdict(world, true, "");
	world->cert.data[world->cert.len - 1] ^= 1;
	world_knock(world, true, "diagnostics");
	world_expect_verdict(world, false, GENERIC);
	world_expect_silence(world->clerk);
}

static void
a_certificate_offered_before_is_judged_at_the_login(void **state)
{
	struct world *world = *state;

	world_start(world);
	world_knock(world, false, "root");
	world_expect_verdict(world, true, "");
	world_knock(world, true, "root");
	world_expect(world, world->clerk, BAS_F_LOG);
	world_says(world, "grant.refused");
	world_logged(world);
	world_expect_verdict(world, false, "postern: ");
	world_knock(world, true, "diagnostics");
	world_expect(world, world->clerk, BAS_F_SESSION);
}

static void
a_refusal_of_a_known_certificate_is_logged_before_its_sentence(void **state)
{
	struct world *world = *state;

	world->draft.valid_before = world->draft.valid_after + 1;
	world_start(world);
	world_knock(world, true, "diagnostics");
	world_expect(world, world->clerk, BAS_F_LOG);
	world_says(world, "grant.refused");
	world_says(world, "\"source\":\"203.0.113.9\"");
	world_expect_silence(world->door);
	world_logged(world);
	world_expect_verdict(world, false, "postern: ");
}

static void
the_role_is_the_user_name(void **state)
{
	struct world *world = *state;

	world_start(world);
	world_knock(world, true, "root");
	world_expect(world, world->clerk, BAS_F_LOG);
	world_says(world, "grant.refused");
	world_says(world, "\"role\":\"root\"");
	world_logged(world);
	world_expect_verdict(world, false, "postern: ");
}

static void
the_source_is_the_listeners_word(void **state)
{
	struct world *world = *state;

	world->source = "198.51.100.0/24";
	world_draft(world, NULL, true);
	world_start(world);
	world_knock(world, true, "diagnostics");
	world_expect(world, world->clerk, BAS_F_LOG);
	world_says(world, "grant.refused");
	world_says(world, ca_reason_name(CA_WRONG_SOURCE));
	world_logged(world);
	world_expect_verdict(world, false, "postern: ");
}

static void
a_session_is_claimed_with_what_was_judged(void **state)
{
	struct world *world = *state;
	struct bas_claim claim;
	uint8_t hash[32];
	char byte = 0;

	world->roles[0].output = 12345;
	world_start(world);
	world_knock(world, true, "diagnostics");
	world_expect(world, world->clerk, BAS_F_SESSION);
	assert_true(bas_claim_parse(&claim, world->frame.payload));
	ca_sha256(world->cert.data, world->cert.len, hash);
	assert_memory_equal(claim.cert_hash, hash, 32);
	ca_sha256(world->draft.text.data, world->draft.text.len, hash);
	assert_memory_equal(claim.statement_hash, hash, 32);
	assert_int_equal(claim.admits, CA_ADMITS_GRANT);
	assert_int_equal(claim.serial, 42);
	assert_int_equal(claim.sessions, 1);
	assert_int_equal(claim.output, 12345);
	assert_int_equal(claim.valid_before, world->draft.valid_before);
	assert_int_equal(claim.not_after, world->draft.statement.not_after);
	assert_true(
	    ca_bytes_equal(claim.authority, ca_key_blob(ca_signer_key(world->mint.authority))));
	assert_non_null(strstr(claim.fields, "\"approvers\":[\"bob@vendor.example\""));
	assert_non_null(strstr(claim.fields, "\"reason\":\"T-1234: replica lag on shard 3\""));
	bas_claim_clear(&claim);
	world_expect_silence(world->door);
	world_opened(world);
	world_expect_verdict(world, true, "");
	assert_int_equal(world_read(world->status, &byte, 1), 1);
	assert_int_equal(byte, 'A');
}

static void
an_identity_certificate_claims_sessions_without_a_limit(void **state)
{
	struct world *world = *state;
	struct bas_claim claim;

	mint_draft_clear(&world->draft);
	mint_identity(&world->mint, &world->draft);
	world->draft.valid_after = (uint64_t)time(NULL) - 60;
	world->draft.valid_before = world->draft.valid_after + 3600;
	world_start(world);
	world_knock(world, true, "auditor");
	world_expect(world, world->clerk, BAS_F_SESSION);
	assert_true(bas_claim_parse(&claim, world->frame.payload));
	assert_int_equal(claim.admits, CA_ADMITS_IDENTITY);
	assert_int_equal(claim.sessions, 0);
	assert_memory_equal(claim.statement_hash, claim.cert_hash, 32);
	assert_int_equal(claim.not_after, claim.valid_before);
	bas_claim_clear(&claim);
	world_opened(world);
	world_expect_verdict(world, true, "");
}

static void
the_clerks_denial_is_the_banner_and_another_try_is_possible(void **state)
{
	struct world *world = *state;
	struct ca_buf payload = { 0 };

	world_start(world);
	world_knock(world, true, "diagnostics");
	world_expect(world, world->clerk, BAS_F_SESSION);
	ca_buf_put_u32(&payload, CA_USED_UP);
	ca_buf_put_cstring(&payload, "grant 42 has been used");
	world_send(world->clerk, BAS_F_DENIED, &payload);
	world_expect_verdict(world, false, "postern: grant 42 has been used");
	world_knock(world, true, "diagnostics");
	world_expect(world, world->clerk, BAS_F_SESSION);
}

static void
a_command_that_is_not_canonical_here_is_refused_at_login(void **state)
{
	struct world *world = *state;

	world_draft(world, "'small'", true);
	world_start(world);
	world_knock(world, true, "diagnostics");
	world_expect(world, world->clerk, BAS_F_LOG);
	world_logged(world);
	world_expect_verdict(world, false, "postern: ");
}

static void
a_command_that_the_role_lacks_is_refused_at_login(void **state)
{
	struct world *world = *state;

	world_draft(world, "reboot", true);
	world_start(world);
	world_knock(world, true, "diagnostics");
	world_expect(world, world->clerk, BAS_F_LOG);
	world_says(world, "grant.refused");
	world_logged(world);
	world_expect_verdict(
	    world, false, "postern: the command of this certificate cannot run here");
}

static void
a_revoked_certificate_is_refused_with_its_sentence(void **state)
{
	struct world *world = *state;
	uint64_t serials[] = { 42 };
	struct ca_krl_spec spec = { .number = 1,
		.generated = 1,
		.comment = "",
		.authority = ca_signer_key(world->mint.authority),
		.serials = serials,
		.serial_count = 1 };
	struct ca_buf krl = { 0 }, stuck = { 0 };
	struct ca_why why;
	uint8_t hash[32];
	int fd = memfd_create("krl", MFD_CLOEXEC);

	world->config.krl = "/etc/postern/krl";
	assert_true(ca_krl_encode(&krl, &spec, &why));
	assert_int_equal(write(fd, krl.data, krl.len), (ssize_t)krl.len);
	world->hello_fd = fd;
	world_start(world);
	world_knock(world, true, "diagnostics");
	world_expect(world, world->clerk, BAS_F_LOG);
	world_says(world, "grant.refused");
	/* The clerk makes it stick by these two. */
	ca_sha256(world->draft.text.data, world->draft.text.len, hash);
	ca_buf_put_text(&stuck, "\"statement_hash\":\"");
	ca_hex_encode(&stuck, hash, sizeof(hash));
	ca_buf_put_text(&stuck, "\",\"approvers\":[],\"refusal\":\"revoked\"");
	ca_buf_put_u8(&stuck, '\0');
	world_says(world, (const char *)stuck.data);
	world_logged(world);
	world_expect_verdict(world, false, "postern: ");
	ca_buf_clear(&stuck);
	ca_buf_clear(&krl);
	close(fd);
}

static void
without_the_list_of_revocations_nobody_enters(void **state)
{
	struct world *world = *state;

	world->config.krl = "/etc/postern/krl";
	world_start(world);
	world_knock(world, true, "diagnostics");
	world_expect(world, world->clerk, BAS_F_LOG);
	world_says(world, "grant.refused");
	world_logged(world);
	world_expect_verdict(world, false, "postern: the list of revocations cannot be read");
}

static void
the_last_allowed_request_is_judged_and_one_more_ends_the_connection(void **state)
{
	struct world *world = *state;

	world->draft.authority = world->mint.people[MALLORY];
	world->config.limits.auth_requests = 3;
	world_start(world);
	for (int i = 0; i < 3; i++) {
		world_knock(world, false, "diagnostics");
		world_expect_verdict(world, false, "");
	}
	world_knock(world, false, "diagnostics");
	world_expect(world, world->door, BAS_F_END);
	world_says(world, "too many authentication requests");
	assert_false(world_receive(world, world->door));
}

static void
who_does_not_log_in_is_shown_out_after_the_grace_time(void **state)
{
	struct world *world = *state;

	world->config.limits.grace = 1;
	world_start(world);
	world_expect(world, world->door, BAS_F_END);
	world_says(world, "no login within the time allowed");
	assert_int_equal(world_wait(world), 0);
}

static void
a_door_that_leaves_while_the_clerk_thinks_gets_no_session(void **state)
{
	struct world *world = *state;

	world_start(world);
	world_knock(world, true, "diagnostics");
	world_expect(world, world->clerk, BAS_F_SESSION);
	world_close(&world->door);
	assert_int_equal(world_wait(world), 0);
}

static void
send_bare(struct world *world, enum bas_frame_type type)
{
	struct ca_buf payload = { 0 };

	ca_buf_put_u32(&payload, 0);
	world_send(world->door, type, &payload);
}

static void
a_door_that_opens_a_channel_before_login_loses_the_connection(void **state)
{
	struct world *world = *state;

	world_start(world);
	send_bare(world, BAS_F_OPEN);
	assert_int_equal(world_wait(world), 0);
	assert_false(world_receive(world, world->clerk));
}

static void
a_second_login_loses_the_connection(void **state)
{
	struct world *world = *state;

	world_login(world);
	world_knock(world, true, "diagnostics");
	assert_int_equal(world_wait(world), 0);
}

static void
frames_that_are_no_doors_lose_the_connection(void **state)
{
	static const enum bas_frame_type types[] = { BAS_F_SPAWNED, BAS_F_OPENED, BAS_F_KILL,
		9999 };
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		world_login(world);
		send_bare(world, types[i]);
		assert_int_equal(world_wait(world), 0);
		world_close(&world->door);
		world_close(&world->clerk);
		world_close(&world->spawner);
		world_close(&world->status);
	}
}

static void
a_door_that_sends_descriptors_loses_the_connection(void **state)
{
	struct world *world = *state;
	struct ca_buf payload = { 0 };
	int fd = 0;

	world_login(world);
	ca_buf_put_u32(&payload, 0);
	assert_true(bas_frame_send(world->door, BAS_F_OPEN, &payload, &fd, 1));
	ca_buf_clear(&payload);
	assert_int_equal(world_wait(world), 0);
}

static void
each_kind_of_refused_request_is_logged_once(void **state)
{
	struct world *world = *state;
	/* All that a door may say (frame.h). */
	static const char *const kinds[] = { "local-forward", "remote-forward", "streamlocal",
		"agent", "x11", "subsystem", "tunnel", "global", "channel", "agent" };
	const size_t count = sizeof(kinds) / sizeof(kinds[0]);

	world_login(world);
	for (size_t i = 0; i < count; i++) {
		struct ca_buf payload = { 0 };

		ca_buf_put_cstring(&payload, kinds[i]);
		world_send(world->door, BAS_F_REFUSED, &payload);
		if (i == count - 1)
			break;
		world_expect(world, world->clerk, BAS_F_LOG);
		world_says(world, "channel.refused");
		world_says(world, kinds[i]);
		world_logged(world);
	}
	world_expect_silence(world->clerk);
}

static void
a_kind_that_nobody_knows_loses_the_connection(void **state)
{
	struct world *world = *state;
	struct ca_buf payload = { 0 };

	world_login(world);
	ca_buf_put_cstring(&payload, "\033]0;surprise");
	world_send(world->door, BAS_F_REFUSED, &payload);
	assert_int_equal(world_wait(world), 0);
}

static void
a_keeper_may_not_make_a_network_socket(void **state)
{
	struct ca_why why;
	int status;
	pid_t pid;

	(void)state;
#ifdef __SANITIZE_ADDRESS__
	skip(); /* the filter is left out there */
#endif
	pid = fork();
	if (pid == 0) {
		if (bas_keeper_sandbox_enter(10, &why))
			(void)!socket(AF_INET, SOCK_STREAM, 0);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_stranger_sees_one_generic_sentence_once),
		TEST(a_key_without_a_certificate_is_a_strangers),
		TEST(
		    a_probe_goes_on_under_a_trusted_authority_even_when_the_certificate_is_no_good),
		TEST(a_probe_of_a_stranger_stops_there),
		TEST(a_certificate_offered_before_vouches_for_no_other),
		TEST(a_certificate_offered_before_is_judged_at_the_login),
		TEST(a_refusal_of_a_known_certificate_is_logged_before_its_sentence),
		TEST(the_role_is_the_user_name),
		TEST(the_source_is_the_listeners_word),
		TEST(a_session_is_claimed_with_what_was_judged),
		TEST(an_identity_certificate_claims_sessions_without_a_limit),
		TEST(the_clerks_denial_is_the_banner_and_another_try_is_possible),
		TEST(a_command_that_is_not_canonical_here_is_refused_at_login),
		TEST(a_command_that_the_role_lacks_is_refused_at_login),
		TEST(a_revoked_certificate_is_refused_with_its_sentence),
		TEST(without_the_list_of_revocations_nobody_enters),
		TEST(the_last_allowed_request_is_judged_and_one_more_ends_the_connection),
		TEST(who_does_not_log_in_is_shown_out_after_the_grace_time),
		TEST(a_door_that_leaves_while_the_clerk_thinks_gets_no_session),
		TEST(a_door_that_opens_a_channel_before_login_loses_the_connection),
		TEST(a_second_login_loses_the_connection),
		TEST(frames_that_are_no_doors_lose_the_connection),
		TEST(a_door_that_sends_descriptors_loses_the_connection),
		TEST(each_kind_of_refused_request_is_logged_once),
		TEST(a_kind_that_nobody_knows_loses_the_connection),
		TEST(a_keeper_may_not_make_a_network_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
