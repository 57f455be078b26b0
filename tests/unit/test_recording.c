/* SPDX-License-Identifier: Apache-2.0 */
/* test_recording.c - what cannot be recorded fails; what was recorded survives and can be closed.
 */
#include "recorder/recording.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "../../recorder/seal_chain.h"
#include "recorder_scratch.h"

#define CAST "20261121-s1.1.cast"

static bool
recover(struct scratch *s, bool *recovered)
{
	uint8_t hash[32];

	return rec_recording_recover(
	    s->fd, s->header.recording, s->seal_key, WALL + 2000, recovered, hash, &s->why);
}

/* The chain is sound and ends in `state`, covering the whole file. */
static void
assert_sealed(struct scratch *s, enum rec_seal_state state)
{
	struct rec_chain chain;
	struct ca_buf cast = read_file(s, CAST);

	if (!rec_chain_load(&chain, s->fd, s->header.recording, false, &s->why) ||
	    !rec_chain_check(
		&chain, s->header.recording, "acme-prod", ca_signer_key(s->seal_key), &s->why))
		fail_msg("%s", s->why.text);
	assert_true(chain.count > 0);
	assert_int_equal(rec_chain_last(&chain)->seal.state, state);
	assert_int_equal(rec_chain_last(&chain)->seal.bytes, cast.len);
	assert_true(
	    run("cd %s && sha256sum -c --strict --status %s.seal", s->path, s->header.recording));
	rec_chain_clear(&chain);
	ca_buf_clear(&cast);
}

static void
an_event_is_in_the_file_when_the_call_returns(void **state)
{
	struct scratch *s = *state;
	struct rec_recording *recording = open_recording(s);
	struct ca_buf cast;

	assert_true(put_text(recording, 1500000, "hello", &s->why));
	cast = read_file(s, CAST);
	assert_non_null(memmem(cast.data, cast.len, "[1.500000,\"o\",\"hello\"]\n", 23));
	assert_int_equal(cast.len, rec_recording_bytes(recording));
	ca_buf_clear(&cast);
	/* an unfinished character too */
	assert_true(put_text(recording, 1600000, "\xe2\x82", &s->why));
	cast = read_file(s, CAST);
	assert_non_null(memmem(cast.data, cast.len, "[1.600000,\"p\",\"o4oI=\"]\n", 23));
	ca_buf_clear(&cast);
	close_recording(s, recording);
	assert_sealed(s, REC_SEAL_CLOSED);
}

static void
a_name_is_taken_once(void **state)
{
	struct scratch *s = *state;
	struct rec_recording *first = open_recording(s), *second = NULL;

	assert_false(
	    rec_recording_open(&second, s->fd, &s->header, s->session_key, s->cert, &s->why));
	assert_string_equal(s->why.text, "recording '20261121-s1.1' cannot be made: File exists");
	assert_null(second);
	assert_true(put_text(first, 1, "still here", &s->why));
	close_recording(s, first);
}

static void
a_name_that_is_a_path_is_refused(void **state)
{
	static const char *const names[] = { "", "s", "s.", ".1", "../s.1", "a/b.1", "-s.1", "s.x",
		"s.01", "s.1\n" };
	struct scratch *s = *state;
	struct rec_recording *recording = NULL;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		s->header.recording = names[i];
		assert_false(rec_recording_open(
		    &recording, s->fd, &s->header, s->session_key, s->cert, &s->why));
	}
	s->header.recording = NULL;
	assert_false(
	    rec_recording_open(&recording, s->fd, &s->header, s->session_key, s->cert, &s->why));
}

static void
a_removed_folder_takes_no_recording(void **state)
{
	struct scratch *s = *state;
	struct rec_recording *recording = NULL;

	assert_int_equal(rmdir(s->path), 0);
	assert_false(
	    rec_recording_open(&recording, s->fd, &s->header, s->session_key, s->cert, &s->why));
	assert_non_null(strstr(s->why.text, "cannot be made: No such file or directory"));
}

static void
a_read_only_folder_takes_no_recording(void **state)
{
	struct scratch *s = *state;
	int status = 0;
	pid_t pid;

	assert_int_equal(chmod(s->path, 0555), 0);
	if ((pid = fork()) == 0) {
		struct rec_recording *recording = NULL;

		if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0)
			_exit(2);
		_exit(rec_recording_open(
			  &recording, s->fd, &s->header, s->session_key, s->cert, &s->why)
			  ? 1
			  : strstr(s->why.text, "Permission denied") == NULL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* A child's file size limit stands in for a full disk: the same place fails in the same way. */
static int
record_until_full(struct scratch *s, rlim_t limit)
{
	struct rlimit size = { limit, limit };
	struct rec_recording *recording = NULL;
	char text[301];
	unsigned i;

	signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &size) != 0)
		return 10;
	if (!rec_recording_open(&recording, s->fd, &s->header, s->session_key, s->cert, &s->why))
		return 11;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (i = 0; i < 100; i++)
		if (!put_text(recording, i, text, &s->why))
			break;
	if (i == 100 || strstr(s->why.text, "cannot be written: File too large") == NULL)
		return 12;
	/* dead for good */
	if (put_text(recording, 9, "", &s->why))
		return 13;
	return strstr(s->why.text, "has failed before") != NULL ? 0 : 14;
}

static void
a_disk_that_fills_up_ends_the_recording_at_a_whole_line(void **state)
{
	struct scratch *s = *state;
	struct ca_buf cast;
	int status = 0;
	bool recovered;
	pid_t pid;

	if ((pid = fork()) == 0)
		_exit(record_until_full(s, 8192));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	cast = read_file(s, CAST);
	assert_in_range(cast.len, 7500, 8192);
	assert_int_equal(cast.data[cast.len - 1], '\n');
	ca_buf_clear(&cast);
	assert_true(recover(s, &recovered));
	assert_true(recovered);
	assert_sealed(s, REC_SEAL_RECOVERED);
}

static void
a_disk_that_is_full_from_the_start_leaves_no_recording(void **state)
{
	struct scratch *s = *state;
	int status = 0;
	pid_t pid;

	if ((pid = fork()) == 0)
		_exit(record_until_full(s, 100));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 11);
	assert_false(run("test -e %s/" CAST, s->path));
}

static void
seals_come_once_a_minute_while_bytes_come(void **state)
{
	struct scratch *s = *state;
	struct rec_recording *recording = open_recording(s);
	uint64_t next;

	tick(s, recording, 100);
	assert_int_equal(rec_recording_seals(recording), 0);
	tick(s, recording, 159);
	assert_int_equal(rec_recording_seals(recording), 0);
	assert_true(rec_recording_tick(recording, 159 * 1000000, WALL, &next, &s->why));
	assert_int_equal(next, 160 * 1000000);
	tick(s, recording, 160);
	assert_int_equal(rec_recording_seals(recording), 1);
	/* nothing came: nothing to seal, nothing to wait for */
	assert_true(rec_recording_tick(recording, 300 * 1000000, WALL, &next, &s->why));
	assert_int_equal(next, UINT64_MAX);
	assert_int_equal(rec_recording_seals(recording), 1);
	assert_true(put_text(recording, 1, "more", &s->why));
	assert_true(rec_recording_tick(recording, 301 * 1000000, WALL, &next, &s->why));
	assert_int_equal(next, 302 * 1000000);
	tick(s, recording, 361);
	assert_int_equal(rec_recording_seals(recording), 2);
	close_recording(s, recording);
	assert_sealed(s, REC_SEAL_CLOSED);
}

static void
a_closed_recording_takes_nothing_more(void **state)
{
	struct scratch *s = *state;
	struct rec_recording *recording = open_recording(s);
	uint8_t hash[32];

	assert_true(rec_recording_close(recording, 5, "TERM", WALL, hash, &s->why));
	assert_false(put_text(recording, 6, "late", &s->why));
	assert_false(rec_recording_close(recording, 5, "0", WALL, hash, &s->why));
	rec_recording_free(recording);
	assert_sealed(s, REC_SEAL_CLOSED);
}

static void
recovery_leaves_a_closed_recording_alone(void **state)
{
	struct scratch *s = *state;
	bool recovered = true;

	close_recording(s, open_recording(s));
	assert_true(recover(s, &recovered));
	assert_false(recovered);
	assert_sealed(s, REC_SEAL_CLOSED);
}

static void
recovery_keeps_its_hands_off_a_living_recording(void **state)
{
	struct scratch *s = *state;
	struct rec_recording *recording = open_recording(s);
	bool recovered;

	assert_false(recover(s, &recovered));
	assert_string_equal(s->why.text, "recording '20261121-s1.1' is being written");
	close_recording(s, recording);
}

/* Records with `minutes` seals and walks away without closing. */
static void
abandon(struct scratch *s, unsigned minutes)
{
	struct rec_recording *recording = open_recording(s);

	for (unsigned i = 0; i < minutes; i++) {
		assert_true(put_text(recording, i * 1000, "a line\n", &s->why));
		tick(s, recording, 100 + i * 120);
		tick(s, recording, 160 + i * 120);
	}
	assert_true(put_text(recording, 9000000, "after the last seal\n", &s->why));
	rec_recording_free(recording);
}

static void
recovery_closes_a_recording_cut_at_any_byte_behind_its_last_seal(void **state)
{
	struct scratch *s = *state;
	struct ca_buf cast, seal, sig, seals;
	struct rec_chain chain;
	size_t sealed;
	bool recovered;

	abandon(s, 2);
	assert_true(rec_chain_load(&chain, s->fd, s->header.recording, false, &s->why));
	assert_int_equal(chain.count, 2);
	sealed = chain.links[1].seal.bytes;
	rec_chain_clear(&chain);
	cast = read_file(s, CAST);
	seal = read_file(s, "20261121-s1.1.seal");
	sig = read_file(s, "20261121-s1.1.seal.sig");
	seals = read_file(s, "20261121-s1.1.seals");
	for (size_t len = sealed; len <= cast.len; len++) {
		write_file(s, CAST, cast.data, len);
		write_file(s, "20261121-s1.1.seal", seal.data, seal.len);
		write_file(s, "20261121-s1.1.seal.sig", sig.data, sig.len);
		write_file(s, "20261121-s1.1.seals", seals.data, seals.len);
		if (!recover(s, &recovered))
			fail_msg("%s", s->why.text);
		assert_true(recovered);
		assert_sealed(s, REC_SEAL_RECOVERED);
	}
	/* one byte less, and a sealed byte is missing */
	write_file(s, CAST, cast.data, sealed - 1);
	write_file(s, "20261121-s1.1.seal", seal.data, seal.len);
	write_file(s, "20261121-s1.1.seal.sig", sig.data, sig.len);
	write_file(s, "20261121-s1.1.seals", seals.data, seals.len);
	assert_false(recover(s, &recovered));
	assert_non_null(strstr(s->why.text, "seal 2 is of"));
	ca_buf_clear(&cast);
	ca_buf_clear(&seal);
	ca_buf_clear(&sig);
	ca_buf_clear(&seals);
}

static void
recovery_cuts_pages_that_were_never_written(void **state)
{
	struct scratch *s = *state;
	struct ca_buf cast;
	bool recovered;

	abandon(s, 0);
	cast = read_file(s, CAST);
	memset(ca_buf_grow(&cast, 5000), 0, 5000);
	ca_buf_put_text(&cast, "\n[9.0,\"o\",\"stray\"]\n");
	write_file(s, CAST, cast.data, cast.len);
	assert_true(recover(s, &recovered));
	assert_true(recovered);
	assert_sealed(s, REC_SEAL_RECOVERED);
	ca_buf_clear(&cast);
}

static void
recovery_refuses_bytes_that_an_earlier_seal_contradicts(void **state)
{
	struct scratch *s = *state;
	struct ca_buf cast;
	bool recovered;

	abandon(s, 1);
	cast = read_file(s, CAST);
	((uint8_t *)memmem(cast.data, cast.len, "a line", 6))[0] = 'A';
	write_file(s, CAST, cast.data, cast.len);
	assert_false(recover(s, &recovered));
	assert_non_null(strstr(s->why.text, "differs from seal 1 in its first"));
	ca_buf_clear(&cast);
}

static void
recovery_refuses_what_was_added_behind_a_closing_seal(void **state)
{
	struct scratch *s = *state;
	bool recovered;

	close_recording(s, open_recording(s));
	assert_true(run("echo '[99.0,\"o\",\"more\"]' >> %s/" CAST, s->path));
	assert_false(recover(s, &recovered));
	assert_non_null(strstr(s->why.text, "goes on behind its last seal"));
}

static void
recovery_seals_even_a_recording_without_a_header(void **state)
{
	struct scratch *s = *state;
	struct ca_buf cast;
	bool recovered;

	write_file(s, CAST, "{\"version\":2", 12);
	assert_true(recover(s, &recovered));
	assert_true(recovered);
	cast = read_file(s, CAST);
	assert_int_equal(cast.len, 0);
	ca_buf_clear(&cast);
	assert_true(recover(s, &recovered));
	assert_false(recovered);
}

/* What a crash leaves between the two renames of a seal, made by hand. */
static void
a_crash_between_the_two_renames_of_a_seal_is_finished(void **state)
{
	struct scratch *s = *state;
	struct ca_buf text, next;
	bool recovered;

	abandon(s, 1);
	text = read_file(s, "20261121-s1.1.seal");
	assert_true(recover(s, &recovered));
	next = read_file(s, "20261121-s1.1.seal");
	/* as it was before the second rename: the new text still under its temporary name */
	write_file(s, "20261121-s1.1.seal.tmp", next.data, next.len);
	write_file(s, "20261121-s1.1.seal", text.data, text.len);
	assert_true(recover(s, &recovered));
	assert_false(recovered);
	assert_sealed(s, REC_SEAL_RECOVERED);
	ca_buf_clear(&text);
	ca_buf_clear(&next);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_event_is_in_the_file_when_the_call_returns),
		TEST(a_name_is_taken_once),
		TEST(a_name_that_is_a_path_is_refused),
		TEST(a_removed_folder_takes_no_recording),
		TEST(a_read_only_folder_takes_no_recording),
		TEST(a_disk_that_fills_up_ends_the_recording_at_a_whole_line),
		TEST(a_disk_that_is_full_from_the_start_leaves_no_recording),
		TEST(seals_come_once_a_minute_while_bytes_come),
		TEST(a_closed_recording_takes_nothing_more),
		TEST(recovery_leaves_a_closed_recording_alone),
		TEST(recovery_keeps_its_hands_off_a_living_recording),
		TEST(recovery_closes_a_recording_cut_at_any_byte_behind_its_last_seal),
		TEST(recovery_cuts_pages_that_were_never_written),
		TEST(recovery_refuses_bytes_that_an_earlier_seal_contradicts),
		TEST(recovery_refuses_what_was_added_behind_a_closing_seal),
		TEST(recovery_seals_even_a_recording_without_a_header),
		TEST(a_crash_between_the_two_renames_of_a_seal_is_finished),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
