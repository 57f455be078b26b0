/* SPDX-License-Identifier: Apache-2.0 */
/* test_seal.c - seals are checked by stock tools, have one spelling, and show what was tampered
 * with. */
#include "recorder/seal.h"

#include "../../recorder/seal_chain.h"
#include "recorder_scratch.h"

#define NAME "20261121-s1.1"

/* A closed recording with `minutes` open seals before the closing one. */
static void
make_recording(struct scratch *s, unsigned minutes)
{
	struct rec_recording *recording = open_recording(s);

	for (unsigned i = 0; i < minutes; i++) {
		assert_true(put_text(recording, i * 1000, "a line\n", &s->why));
		tick(s, recording, 100 + i * 120);
		tick(s, recording, 160 + i * 120);
	}
	close_recording(s, recording);
}

static void
write_allowed(struct scratch *s, const char *principal)
{
	struct ca_buf line = { 0 };

	ca_buf_printf(&line, "%s cert-authority,namespaces=\"seal@postern\" ", principal);
	ca_key_put_line(&line, ca_signer_key(s->seal_key));
	ca_buf_put_text(&line, "\n");
	write_file(s, "allowed", line.data, line.len);
	ca_buf_clear(&line);
}

static bool
stock_verify(struct scratch *s, const char *principal, const char *ns)
{
	return run("cd %s && ssh-keygen -Y verify -f allowed -I %s -n %s -s " NAME
		   ".seal.sig < " NAME ".seal >/dev/null 2>&1",
	    s->path, principal, ns);
}

static void
stock_tools_accept_a_closed_recording(void **state)
{
	struct scratch *s = *state;

	make_recording(s, 0);
	write_allowed(s, "seal@acme-prod");
	assert_true(stock_verify(s, "seal@acme-prod", "seal@postern"));
	assert_true(run("cd %s && sha256sum -c --strict --status " NAME ".seal", s->path));
}

static void
stock_tools_refuse_what_is_not_so(void **state)
{
	struct scratch *s = *state;

	make_recording(s, 0);
	write_allowed(s, "seal@*");
	assert_true(stock_verify(s, "seal@acme-prod", "seal@postern"));
	assert_false(stock_verify(s, "seal@other", "seal@postern"));
	assert_false(stock_verify(s, "seal@acme-prod", "grant@postern"));
	assert_true(run("printf x >> %s/" NAME ".cast", s->path));
	assert_false(run("cd %s && sha256sum -c --strict --status " NAME ".seal", s->path));
	assert_true(run("sed -i 's/closed/open/' %s/" NAME ".seal", s->path));
	assert_false(stock_verify(s, "seal@acme-prod", "seal@postern"));
}

static void
an_open_seal_is_checked_over_the_bytes_it_names(void **state)
{
	struct scratch *s = *state;
	struct rec_recording *recording = open_recording(s);

	tick(s, recording, 100);
	tick(s, recording, 160);
	assert_true(put_text(recording, 1, "behind the seal", &s->why));
	write_allowed(s, "seal@acme-prod");
	assert_true(stock_verify(s, "seal@acme-prod", "seal@postern"));
	assert_true(run("cd %s && n=$(sed -n 's/^# bytes //p' " NAME ".seal) && "
			"test \"$(head -c $n " NAME ".cast | sha256sum | cut -c1-64)\" = "
			"\"$(tail -1 " NAME ".seal | cut -c1-64)\"",
	    s->path));
	close_recording(s, recording);
}

static void
each_kept_seal_is_one_that_stock_tools_accept(void **state)
{
	struct scratch *s = *state;
	struct rec_chain chain;

	make_recording(s, 3);
	write_allowed(s, "seal@acme-prod");
	assert_true(rec_chain_load(&chain, s->fd, NAME, false, &s->why));
	assert_int_equal(chain.count, 4);
	for (size_t i = 0; i < chain.count; i++) {
		const struct rec_signed *file = &chain.links[i].file;

		assert_int_equal(chain.links[i].kept, i < 3);
		write_file(s, NAME ".seal", file->text.data, file->text.len);
		write_file(s, NAME ".seal.sig", file->armor.data, file->armor.len);
		assert_true(stock_verify(s, "seal@acme-prod", "seal@postern"));
	}
	rec_chain_clear(&chain);
}

static bool
check(struct scratch *s, const char *name, const char *environment, struct ca_signer *key)
{
	struct rec_chain chain;
	bool ok = rec_chain_load(&chain, s->fd, name, false, &s->why);

	if (!ok)
		return false;
	ok = rec_chain_check(&chain, name, environment, ca_signer_key(key), &s->why);
	rec_chain_clear(&chain);
	return ok;
}

static void
a_chain_is_refused_under_another_key_name_or_environment(void **state)
{
	struct scratch *s = *state;

	make_recording(s, 1);
	assert_true(check(s, NAME, "acme-prod", s->seal_key));
	assert_true(check(s, NAME, NULL, s->seal_key));
	assert_false(check(s, NAME, "acme-test", s->seal_key));
	assert_string_equal(s->why.text,
	    "seal 1 of 2: was signed by a key for 'seal@acme-prod', not 'seal@acme-test'");
	assert_false(check(s, NAME, "acme-prod", s->session_key));
	assert_string_equal(
	    s->why.text, "seal 1 of 2: was signed by a key that the seal key did not certify");
	assert_true(run("cd %s && for f in " NAME ".seal*; do "
			"cp $f 20261121-s2.1${f#" NAME "}; done",
	    s->path));
	assert_false(check(s, "20261121-s2.1", "acme-prod", s->seal_key));
	assert_string_equal(s->why.text, "seal 1 of 2: is of recording '" NAME "'");
}

/* Writes a seal that `key` signs, as the newest of the chain. */
static void
forge(struct scratch *s, const struct rec_seal *seal, struct ca_signer *key,
    const struct ca_cert *cert)
{
	struct rec_signed file = { 0 };

	rec_seal_encode(&file.text, seal);
	assert_true(rec_signed_sign(&file, CA_NAMESPACE_SEAL, key, cert, &s->why));
	assert_true(rec_chain_store(s->fd, seal->recording, NULL, &file, &s->why));
	rec_signed_clear(&file);
}

static void
the_key_of_one_session_cannot_seal_another(void **state)
{
	struct scratch *s = *state;
	struct rec_seal seal = {
		.recording = "20261121-s2.1",
		.state = REC_SEAL_CLOSED,
		.sequence = 1,
		.sealed = WALL,
	};

	forge(s, &seal, s->session_key, s->cert);
	assert_false(check(s, "20261121-s2.1", "acme-prod", s->seal_key));
	assert_string_equal(s->why.text, "seal 1 of 1: was signed by the key of "
					 "'session 20261121-s1', not 'session 20261121-s2'");
}

static void
a_plain_key_and_a_seal_from_before_the_certificate_are_refused(void **state)
{
	struct scratch *s = *state;
	struct rec_seal seal = {
		.recording = NAME,
		.state = REC_SEAL_CLOSED,
		.sequence = 1,
		.sealed = WALL,
	};

	forge(s, &seal, s->seal_key, NULL);
	assert_false(check(s, NAME, "acme-prod", s->seal_key));
	seal.sealed = WALL - 60;
	forge(s, &seal, s->session_key, s->cert);
	assert_true(check(s, NAME, "acme-prod", s->seal_key));
	seal.sealed = WALL - 61;
	forge(s, &seal, s->session_key, s->cert);
	assert_false(check(s, NAME, "acme-prod", s->seal_key));
	assert_string_equal(
	    s->why.text, "seal 1 of 1: was signed outside its certificate's validity");
}

static void
a_seal_taken_out_of_the_chain_is_missed(void **state)
{
	struct scratch *s = *state;
	struct ca_buf seals;
	const char *second;

	make_recording(s, 3);
	seals = read_file(s, NAME ".seals");
	second = memmem(seals.data + 1, seals.len - 1, "# postern-seal", 14);
	assert_non_null(second);
	write_file(s, NAME ".seals", second, seals.len - (size_t)(second - (char *)seals.data));
	assert_false(check(s, NAME, "acme-prod", s->seal_key));
	assert_string_equal(s->why.text, "seal 1 of 3: calls itself 2");
	/* the file cut anywhere: never accepted, but for a cut that leaves all there was */
	for (size_t len = 0; len < seals.len; len++) {
		write_file(s, NAME ".seals", seals.data, len);
		assert_false(check(s, NAME, "acme-prod", s->seal_key));
	}
	write_file(s, NAME ".seals", seals.data, seals.len);
	assert_true(check(s, NAME, "acme-prod", s->seal_key));
	ca_buf_clear(&seals);
}

static void
a_chain_with_a_changed_byte_is_refused(void **state)
{
	struct scratch *s = *state;
	struct ca_buf text;

	make_recording(s, 0);
	text = read_file(s, NAME ".seal");
	for (size_t i = 0; i < text.len; i++) {
		text.data[i] ^= 1;
		write_file(s, NAME ".seal", text.data, text.len);
		assert_false(check(s, NAME, "acme-prod", s->seal_key));
		text.data[i] ^= 1;
	}
	ca_buf_clear(&text);
}

static void
a_seal_has_one_spelling(void **state)
{
	struct rec_seal seal = {
		.recording = "s.1",
		.state = REC_SEAL_OPEN,
		.sequence = 7,
		.bytes = 1234,
		.has_previous = true,
		.sealed = WALL,
	};
	struct rec_seal parsed;
	struct ca_buf text = { 0 };
	struct ca_why why;

	(void)state;
	rec_seal_encode(&text, &seal);
	assert_true(rec_seal_parse(&parsed, (const char *)text.data, text.len, &why));
	assert_string_equal(parsed.recording, "s.1");
	assert_int_equal(parsed.sequence, 7);
	assert_int_equal(parsed.bytes, 1234);
	assert_int_equal(parsed.sealed, WALL);
	rec_seal_clear(&parsed);
	for (size_t len = 0; len < text.len; len++)
		assert_false(rec_seal_parse(&parsed, (const char *)text.data, len, &why));
	ca_buf_put_u8(&text, '\n');
	assert_false(rec_seal_parse(&parsed, (const char *)text.data, text.len, &why));
	ca_buf_clear(&text);
}

static void
a_seal_that_claims_no_sound_place_is_refused(void **state)
{
	static const struct {
		uint64_t sequence;
		bool has_previous;
	} bad[] = { { 0, false }, { 0, true }, { 1, true }, { 2, false } };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct rec_seal seal = {
			.recording = "s.1",
			.sequence = bad[i].sequence,
			.has_previous = bad[i].has_previous,
			.sealed = WALL,
		};
		struct rec_seal parsed;
		struct ca_buf text = { 0 };
		struct ca_why why;

		rec_seal_encode(&text, &seal);
		assert_false(rec_seal_parse(&parsed, (const char *)text.data, text.len, &why));
		ca_buf_clear(&text);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(stock_tools_accept_a_closed_recording),
		TEST(stock_tools_refuse_what_is_not_so),
		TEST(an_open_seal_is_checked_over_the_bytes_it_names),
		TEST(each_kept_seal_is_one_that_stock_tools_accept),
		TEST(a_chain_is_refused_under_another_key_name_or_environment),
		TEST(the_key_of_one_session_cannot_seal_another),
		TEST(a_plain_key_and_a_seal_from_before_the_certificate_are_refused),
		TEST(a_seal_taken_out_of_the_chain_is_missed),
		TEST(a_chain_with_a_changed_byte_is_refused),
		TEST(a_seal_has_one_spelling),
		TEST(a_seal_that_claims_no_sound_place_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
