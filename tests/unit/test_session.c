/* SPDX-License-Identifier: Apache-2.0 */
/* test_session.c - the table of sessions: counts, pins, joins, linger, and what the log gives back.
 */
#include "bastion/sessions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "ca/signer.h"

#define NOW  1800000000
#define HOUR 3600

struct rig {
	struct bas_sessions *table;
	struct ca_signer *authority, *engineer;
	struct bas_claim claim;
};

static int
setup(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	struct ca_why why;

	assert_non_null(rig);
	assert_true(bas_sessions_new(&rig->table, &why));
	assert_true(ca_signer_generate(&rig->authority, &why));
	assert_true(ca_signer_generate(&rig->engineer, &why));
	rig->claim = (struct bas_claim){ .admits = CA_ADMITS_GRANT,
		.serial = 42,
		.authority = ca_key_blob(ca_signer_key(rig->authority)),
		.key = ca_key_blob(ca_signer_key(rig->engineer)),
		.key_id = "alice@vendor.example grant 42 acme-prod/diagnostics",
		.valid_after = NOW,
		.valid_before = NOW + HOUR,
		.not_after = NOW + 4 * HOUR,
		.sessions = 1,
		.output = UINT64_MAX,
		.fields = "{}" };
	memset(rig->claim.statement_hash, 1, 32);
	memset(rig->claim.cert_hash, 2, 32);
	*state = rig;
	return 0;
}

static int
teardown(void **state)
{
	struct rig *rig = *state;

	bas_sessions_free(rig->table);
	ca_signer_free(rig->authority);
	ca_signer_free(rig->engineer);
	free(rig);
	return 0;
}

static enum ca_reason
decide(struct rig *rig, int64_t now, struct bas_live **join)
{
	struct ca_why why = { .text = "" };
	enum ca_reason reason =
	    bas_sessions_decide(rig->table, &rig->claim, "diagnostics", now, join, &why);

	/* Whoever is refused is told why. */
	assert_int_equal(reason == CA_ADMITTED, why.text[0] == '\0');
	return reason;
}

static struct bas_live *
open_session(struct rig *rig, int64_t now)
{
	struct bas_live *join, *session;
	struct ca_why why;

	assert_int_equal(decide(rig, now, &join), CA_ADMITTED);
	assert_null(join);
	session = bas_sessions_open(
	    rig->table, &rig->claim, "diagnostics", "alice@vendor.example", now, &why);
	assert_non_null(session);
	return session;
}

static void
assert_refused(struct rig *rig, int64_t now, enum ca_reason reason)
{
	struct bas_live *join;

	assert_int_equal(decide(rig, now, &join), reason);
	assert_null(join);
}

static void
a_grant_opens_as_many_sessions_as_it_says(void **state)
{
	struct rig *rig = *state;

	rig->claim.sessions = 3;
	for (int i = 0; i < 3; i++)
		bas_sessions_end(rig->table, open_session(rig, NOW + i));
	assert_refused(rig, NOW + 3, CA_USED_UP);
}

static void
a_second_connection_joins_while_the_session_lives(void **state)
{
	struct rig *rig = *state;
	struct bas_live *session = open_session(rig, NOW), *join;

	assert_int_equal(decide(rig, NOW + 1, &join), CA_ADMITTED);
	assert_ptr_equal(join, session);
	bas_sessions_join(join);
	assert_int_equal(session->connections, 2);
	bas_sessions_end(rig->table, session);
	assert_refused(rig, NOW + 2, CA_USED_UP);
}

static void
two_connections_at_once_are_one_session(void **state)
{
	struct rig *rig = *state;
	struct bas_live *first = open_session(rig, NOW), *join;

	/* The second is decided before anyone was answered: the table knows already. */
	assert_int_equal(decide(rig, NOW, &join), CA_ADMITTED);
	assert_ptr_equal(join, first);
}

static void
another_certificate_over_the_statement_is_refused(void **state)
{
	struct rig *rig = *state;
	struct bas_live *session;

	rig->claim.sessions = 5;
	session = open_session(rig, NOW);
	memset(rig->claim.cert_hash, 3, 32);
	rig->claim.valid_before = NOW + 3 * HOUR;
	assert_refused(rig, NOW + 1, CA_OTHER_CERTIFICATE);
	bas_sessions_end(rig->table, session);
	assert_refused(rig, NOW + 1, CA_OTHER_CERTIFICATE);
}

static void
the_window_is_half_open(void **state)
{
	struct rig *rig = *state;
	struct bas_live *session;

	assert_refused(rig, NOW - 1, CA_NOT_YET_VALID);
	session = open_session(rig, NOW);
	assert_int_equal(session->end, NOW + HOUR);
	assert_int_equal(bas_live_is_over(session, NOW + HOUR - 1, 120), BAS_END_NOT);
	assert_int_equal(bas_live_is_over(session, NOW + HOUR, 120), BAS_END_WINDOW);
	assert_refused(rig, NOW + HOUR, CA_WINDOW_OVER);
	assert_int_equal(bas_sessions_next(rig->table, 120), NOW + HOUR);
}

static void
a_session_lingers_and_then_ends(void **state)
{
	struct rig *rig = *state;
	struct bas_live *session = open_session(rig, NOW), *join;

	bas_sessions_join(session);
	bas_sessions_leave(session, NOW + 10);
	assert_int_equal(bas_live_is_over(session, NOW + 1000, 120), BAS_END_NOT);
	bas_sessions_leave(session, NOW + 20);
	assert_int_equal(bas_live_is_over(session, NOW + 139, 120), BAS_END_NOT);
	assert_int_equal(bas_live_is_over(session, NOW + 140, 120), BAS_END_LINGER);
	assert_int_equal(bas_sessions_next(rig->table, 120), NOW + 140);
	assert_int_equal(decide(rig, NOW + 139, &join), CA_ADMITTED);
	assert_ptr_equal(join, session);
	bas_sessions_join(session);
	assert_int_equal(bas_live_is_over(session, NOW + 1000, 120), BAS_END_NOT);
}

static void
an_identity_joins_only_in_the_same_role_and_is_not_counted(void **state)
{
	struct rig *rig = *state;
	struct bas_live *session, *join;
	struct ca_why why;

	rig->claim.admits = CA_ADMITS_IDENTITY;
	rig->claim.sessions = 0;
	session = open_session(rig, NOW);
	assert_memory_equal(session->id, "id-", 3);
	assert_int_equal(
	    bas_sessions_decide(rig->table, &rig->claim, "auditor", NOW, &join, &why), CA_ADMITTED);
	assert_null(join);
	bas_sessions_end(rig->table, session);
	for (int i = 0; i < 5; i++)
		bas_sessions_end(rig->table, open_session(rig, NOW));
}

static void
the_customers_refusal_sticks(void **state)
{
	struct rig *rig = *state;

	assert_true(bas_sessions_refuse(rig->table, 42));
	assert_false(bas_sessions_refuse(rig->table, 42));
	assert_refused(rig, NOW, CA_REFUSED_HERE);
	/* Also against one that could be joined. */
	rig->claim.serial = 43;
	open_session(rig, NOW);
	assert_true(bas_sessions_refuse(rig->table, 43));
	assert_refused(rig, NOW + 1, CA_REFUSED_HERE);
	/* An identity certificate's serial is of another sequence. */
	rig->claim.admits = CA_ADMITS_IDENTITY;
	memset(rig->claim.cert_hash, 9, 32);
	memset(rig->claim.statement_hash, 9, 32);
	open_session(rig, NOW);
}

static void
a_revocation_sticks(void **state)
{
	struct rig *rig = *state;

	assert_true(bas_sessions_revoke(rig->table, rig->claim.statement_hash, NOW + HOUR));
	assert_refused(rig, NOW, CA_REVOKED);
}

static void
counts_are_forgotten_only_behind_not_after(void **state)
{
	struct rig *rig = *state;

	rig->claim.valid_before = NOW + 10 * HOUR; /* a certificate that outlives its statement */
	bas_sessions_end(rig->table, open_session(rig, NOW));
	bas_sessions_prune(rig->table, NOW + 4 * HOUR);
	assert_refused(rig, NOW + 1, CA_USED_UP);
	bas_sessions_prune(rig->table, NOW + 4 * HOUR + 1);
	open_session(rig, NOW + 4 * HOUR + 1);
	bas_sessions_prune(rig->table, NOW + 9 * HOUR);
	assert_int_equal(bas_sessions_first(rig->table)->serial, 42);
}

static void
an_id_is_a_file_name_of_the_grants(void **state)
{
	struct rig *rig = *state;
	struct bas_live *session = open_session(rig, NOW);

	assert_memory_equal(session->id, "42-", 3);
	assert_int_equal(strlen(session->id), 3 + 8);
	assert_int_equal(strspn(session->id + 3, "0123456789abcdef"), 8);
	assert_ptr_equal(bas_sessions_find(rig->table, session->id), session);
	assert_null(bas_sessions_find(rig->table, "42-"));
}

/* ---- replay */

static json_t *
entry_of(struct rig *rig, const struct bas_live *session)
{
	json_t *fields = json_object();

	assert_true(bas_live_put_fields(session, &rig->claim, fields));
	return fields;
}

static void
restart(struct rig *rig)
{
	struct ca_why why;

	bas_sessions_free(rig->table);
	assert_true(bas_sessions_new(&rig->table, &why));
}

static void
a_restart_counts_and_pins_from_the_log(void **state)
{
	struct rig *rig = *state;
	json_t *entry;
	struct ca_why why;

	rig->claim.sessions = 2;
	entry = entry_of(rig, open_session(rig, NOW));
	restart(rig);
	assert_true(bas_sessions_replay(rig->table, "session.open", entry, &why));
	assert_null(bas_sessions_first(rig->table));
	bas_sessions_end(rig->table, open_session(rig, NOW + 1)); /* the second of two */
	assert_refused(rig, NOW + 2, CA_USED_UP);
	memset(rig->claim.cert_hash, 3, 32);
	assert_refused(rig, NOW + 2, CA_OTHER_CERTIFICATE);
	json_decref(entry);
}

static void
a_restart_remembers_refusals_and_revocations(void **state)
{
	struct rig *rig = *state;
	json_t *entry = entry_of(rig, open_session(rig, NOW));
	json_t *refusal = json_pack("{s:i}", "grant", 43);
	struct ca_why why;

	restart(rig);
	assert_true(bas_sessions_replay(rig->table, "session.revoked", entry, &why));
	assert_true(bas_sessions_replay(rig->table, "grant.refused-here", refusal, &why));
	assert_true(bas_sessions_replay(rig->table, "grant.refused-here", refusal, &why));
	assert_refused(rig, NOW, CA_REVOKED);
	rig->claim.serial = 43;
	assert_refused(rig, NOW, CA_REFUSED_HERE);
	json_decref(entry);
	json_decref(refusal);
}

static void
a_certificate_that_was_refused_as_revoked_stays_so(void **state)
{
	struct rig *rig = *state;
	struct bas_live *session = open_session(rig, NOW);
	json_t *entry = entry_of(rig, session);
	struct ca_why why;

	bas_sessions_end(rig->table, session);
	json_object_set_new(entry, "refusal", json_string("expired"));
	restart(rig);
	assert_true(bas_sessions_replay(rig->table, "grant.refused", entry, &why));
	bas_sessions_end(rig->table, open_session(rig, NOW));
	restart(rig);
	json_object_set_new(entry, "refusal", json_string("revoked"));
	assert_true(bas_sessions_replay(rig->table, "grant.refused", entry, &why));
	assert_refused(rig, NOW, CA_REVOKED);
	json_decref(entry);
}

static void
an_open_that_cannot_be_read_is_an_error(void **state)
{
	static const char *const needed[] = { "statement_hash", "cert_hash", "grant", "window_end",
		"not_after" };
	struct rig *rig = *state;
	json_t *whole = entry_of(rig, open_session(rig, NOW));
	struct ca_why why;

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		json_t *entry = json_deep_copy(whole);

		json_object_del(entry, needed[i]);
		assert_false(bas_sessions_replay(rig->table, "session.open", entry, &why));
		json_object_set_new(entry, needed[i], json_string("no"));
		assert_false(bas_sessions_replay(rig->table, "session.open", entry, &why));
		json_decref(entry);
	}
	json_decref(whole);
}

static void
an_identitys_open_is_read_and_not_counted(void **state)
{
	struct rig *rig = *state;
	json_t *entry;
	struct ca_why why;

	rig->claim.admits = CA_ADMITS_IDENTITY;
	rig->claim.not_after = UINT64_MAX;
	rig->claim.valid_before = UINT64_MAX;
	entry = entry_of(rig, open_session(rig, NOW));
	restart(rig);
	assert_true(bas_sessions_replay(rig->table, "session.open", entry, &why));
	json_decref(entry);
}

static void
a_key_that_is_none_opens_and_counts_nothing(void **state)
{
	struct rig *rig = *state;
	struct ca_bytes good = rig->claim.key;
	struct ca_why why;

	rig->claim.key.len = 10;
	assert_null(bas_sessions_open(rig->table, &rig->claim, "diagnostics", "alice", NOW, &why));
	rig->claim.key = good;
	open_session(rig, NOW);
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_grant_opens_as_many_sessions_as_it_says),
		TEST(a_second_connection_joins_while_the_session_lives),
		TEST(two_connections_at_once_are_one_session),
		TEST(another_certificate_over_the_statement_is_refused),
		TEST(the_window_is_half_open),
		TEST(a_session_lingers_and_then_ends),
		TEST(an_identity_joins_only_in_the_same_role_and_is_not_counted),
		TEST(the_customers_refusal_sticks),
		TEST(a_revocation_sticks),
		TEST(counts_are_forgotten_only_behind_not_after),
		TEST(an_id_is_a_file_name_of_the_grants),
		TEST(a_restart_counts_and_pins_from_the_log),
		TEST(a_restart_remembers_refusals_and_revocations),
		TEST(a_certificate_that_was_refused_as_revoked_stays_so),
		TEST(an_open_that_cannot_be_read_is_an_error),
		TEST(an_identitys_open_is_read_and_not_counted),
		TEST(a_key_that_is_none_opens_and_counts_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
