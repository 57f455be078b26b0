/* SPDX-License-Identifier: Apache-2.0 */
/* test_log.c - what was acknowledged is there after a crash, and nobody takes it away unseen. */
#include "recorder/log.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <signal.h>

#include "../../recorder/log_scan.h"
#include "recorder_scratch.h"

#define STOP   100 /* a reader that was so far wants no more */
#define ORIGIN "acme-prod/log"

static struct rec_log *
open_log(struct scratch *s)
{
	struct rec_log *log = NULL;

	if (!rec_log_open(&log, s->path, ORIGIN, s->seal_key, false, NULL, NULL, &s->why))
		fail_msg("%s", s->why.text);
	return log;
}

static void
append(struct scratch *s, struct rec_log *log, const char *event)
{
	json_t *fields = json_pack("{s:s, s:i}", "session", "20261121-s1", "grant", 42);

	assert_true(rec_log_append(log, WALL, event, fields, NULL, NULL, &s->why));
	json_decref(fields);
}

/* `count` entries, committed one by one, the first `signed_at` of them under a checkpoint. */
static void
make_log(struct scratch *s, unsigned count, unsigned signed_at)
{
	struct rec_log *log = open_log(s);

	for (unsigned i = 0; i < count; i++) {
		append(s, log, "session.open");
		assert_true(rec_log_commit(log, &s->why));
		if (i + 1 == signed_at)
			assert_true(rec_log_checkpoint(log, WALL, &s->why));
	}
	rec_log_close(log);
}

static void
assert_refused(struct scratch *s, const char *sentence)
{
	struct rec_log *log = NULL;

	assert_false(rec_log_open(&log, s->path, ORIGIN, s->seal_key, false, NULL, NULL, &s->why));
	assert_null(log);
	if (strstr(s->why.text, sentence) == NULL)
		fail_msg("'%s' does not say '%s'", s->why.text, sentence);
	/* who only reads sees it as well */
	assert_false(rec_log_verify(s->path, ca_signer_key(s->seal_key), &s->why));
}

static void
assert_good(struct scratch *s, uint64_t size)
{
	struct rec_log *log = open_log(s);

	assert_int_equal(rec_log_size(log), size);
	rec_log_close(log);
	if (!rec_log_verify(s->path, ca_signer_key(s->seal_key), &s->why))
		fail_msg("%s", s->why.text);
}

static void
an_entry_is_one_line_of_ascii_with_ours_first(void **state)
{
	struct scratch *s = *state;
	struct rec_log *log = open_log(s);
	json_t *fields =
	    json_pack("{s:s, s:i}", "reason", "\xe2\x80\xae\x1b\x7f\xc3\xa9\n", "z", 1);
	static const char front[] =
	    "{\"index\":0,\"time\":\"2026-11-21T18:00:00Z\",\"event\":\"run\","
	    "\"nonce\":\"";
	static const char back[] = "\",\"reason\":\"\\u202E\\u001B\\u007f\\u00E9\\n\",\"z\":1}\n";
	struct ca_buf line;
	uint8_t leaf[32], wanted[32];
	uint64_t index = 9;

	assert_true(rec_log_append(log, WALL, "run", fields, &index, leaf, &s->why));
	assert_int_equal(index, 0);
	line = read_file(s, REC_LOG_FILE);
	assert_int_equal(line.len, 0);
	ca_buf_clear(&line);
	assert_true(rec_log_commit(log, &s->why));
	line = read_file(s, REC_LOG_FILE);
	assert_int_equal(line.len, strlen(front) + 32 + strlen(back));
	assert_memory_equal(line.data, front, strlen(front));
	assert_memory_equal(line.data + strlen(front) + 32, back, strlen(back));
	rec_merkle_leaf(line.data, line.len - 1, wanted);
	assert_memory_equal(leaf, wanted, 32);
	ca_buf_clear(&line);
	json_decref(fields);
	rec_log_close(log);
}

static void
a_field_with_the_name_of_ours_is_refused(void **state)
{
	static const char *const names[] = { "index", "time", "event", "nonce" };
	struct scratch *s = *state;
	struct rec_log *log = open_log(s);

	for (size_t i = 0; i < 4; i++) {
		json_t *fields = json_pack("{s:s}", names[i], "x");

		assert_false(rec_log_append(log, WALL, "run", fields, NULL, NULL, &s->why));
		json_decref(fields);
	}
	append(s, log, "run");
	assert_true(rec_log_commit(log, &s->why));
	rec_log_close(log);
	assert_good(s, 1);
}

static void
an_entry_at_the_limit_is_taken_and_one_past_it_refused(void **state)
{
	struct scratch *s = *state;
	struct rec_log *log = open_log(s);
	char *text = calloc(1, REC_LOG_ENTRY_MAX + 1);
	struct ca_buf line;
	size_t frame, room;

	assert_true(rec_log_append(log, WALL, "e", NULL, NULL, NULL, &s->why));
	assert_true(rec_log_commit(log, &s->why));
	line = read_file(s, REC_LOG_FILE);
	frame = line.len - 1 + strlen(",\"x\":\"\"");
	ca_buf_clear(&line);
	room = REC_LOG_ENTRY_MAX - frame;
	memset(text, 'x', room + 1);
	json_t *fields = json_pack("{s:s}", "x", text);
	assert_false(rec_log_append(log, WALL, "e", fields, NULL, NULL, &s->why));
	json_decref(fields);
	text[room] = '\0';
	fields = json_pack("{s:s}", "x", text);
	assert_true(rec_log_append(log, WALL, "e", fields, NULL, NULL, &s->why));
	json_decref(fields);
	assert_true(rec_log_commit(log, &s->why));
	rec_log_close(log);
	free(text);
	assert_good(s, 2);
}

static void
fields_fit_up_to_the_limit_as_they_will_be_written(void **state)
{
	static const size_t spare = 1000,
			    room = REC_LOG_ENTRY_MAX - 1000 - sizeof("{\"x\":\"\"}") + 1;
	char *text = calloc(1, REC_LOG_ENTRY_MAX);
	json_t *fields;

	(void)state;
	memset(text, 'x', room);
	fields = json_pack("{s:s}", "x", text);
	assert_true(rec_log_fits(fields, spare));
	assert_false(rec_log_fits(fields, spare + 1));
	assert_false(rec_log_fits(fields, SIZE_MAX));
	json_decref(fields);
	/* Six bytes of the line each: what is not ASCII, and DEL. */
	memset(text, '\x7f', room / 6);
	text[room / 6] = '\0';
	fields = json_pack("{s:s}", "x", text);
	assert_true(rec_log_fits(fields, spare));
	assert_false(rec_log_fits(fields, spare + 6));
	json_decref(fields);
	free(text);
}

static bool
count_entries(void *ctx, uint64_t index, int64_t time, const char *event, const json_t *entry,
    struct ca_why *why)
{
	uint64_t *count = ctx;

	if (*count >= STOP)
		return ca_why_set(why, "enough");
	assert_int_equal(index, *count);
	assert_int_equal(time, WALL);
	assert_string_equal(event, "session.open");
	assert_int_equal(json_integer_value(json_object_get(entry, "grant")), 42);
	(*count)++;
	return true;
}

static void
readers_see_every_entry_in_order_and_may_stop(void **state)
{
	struct scratch *s = *state;
	struct rec_log *log = NULL;
	uint64_t count = 0;

	make_log(s, 5, 3);
	assert_true(rec_log_read(s->path, count_entries, &count, &s->why));
	assert_int_equal(count, 5);
	count = 0;
	assert_true(rec_log_open(
	    &log, s->path, ORIGIN, s->seal_key, false, count_entries, &count, &s->why));
	assert_int_equal(count, 5);
	assert_int_equal(rec_log_last_time(log), WALL);
	rec_log_close(log);
	count = STOP;
	assert_false(rec_log_read(s->path, count_entries, &count, &s->why));
	assert_non_null(strstr(s->why.text, "enough"));
}

static void
there_is_one_writer_at_a_time(void **state)
{
	struct scratch *s = *state;
	struct rec_log *first = open_log(s), *second = NULL;

	assert_false(
	    rec_log_open(&second, s->path, ORIGIN, s->seal_key, false, NULL, NULL, &s->why));
	assert_non_null(strstr(s->why.text, "has another writer"));
	rec_log_close(first);
	rec_log_close(open_log(s));
}

static void
stock_ssh_keygen_accepts_a_checkpoint(void **state)
{
	struct scratch *s = *state;
	struct ca_buf line = { 0 };

	make_log(s, 5, 5);
	ca_buf_put_text(&line, "log namespaces=\"checkpoint@postern\" ");
	ca_key_put_line(&line, ca_signer_key(s->seal_key));
	ca_buf_put_text(&line, "\n");
	write_file(s, "allowed", line.data, line.len);
	ca_buf_clear(&line);
	assert_true(run("cd %s && ssh-keygen -Y verify -f allowed -I log -n checkpoint@postern "
			"-s checkpoint.sig < checkpoint >/dev/null",
	    s->path));
	assert_true(run("cd %s && test \"$(sed -n 2p checkpoint)\" = 5", s->path));
}

static void
a_last_entry_cut_at_any_byte_is_dropped_unless_it_was_acknowledged(void **state)
{
	struct scratch *s = *state;
	struct ca_buf lines, leaves;
	const uint8_t *last;
	size_t start;

	make_log(s, 4, 2);
	lines = read_file(s, REC_LOG_FILE);
	leaves = read_file(s, REC_LOG_LEAVES);
	last = memrchr(lines.data, '\n', lines.len - 1);
	start = (size_t)(last + 1 - lines.data);
	for (size_t len = start; len < lines.len; len++) {
		/* its leaf is there, so it was acknowledged */
		write_file(s, REC_LOG_FILE, lines.data, len);
		write_file(s, REC_LOG_LEAVES, leaves.data, leaves.len);
		assert_refused(s, "log was cut: it has 3 entries and 4 leaves");
		write_file(s, REC_LOG_LEAVES, leaves.data, leaves.len - 32);
		assert_good(s, 3);
	}
	write_file(s, REC_LOG_FILE, lines.data, lines.len);
	assert_good(s, 4);
	ca_buf_clear(&lines);
	ca_buf_clear(&leaves);
}

static void
a_torn_end_is_cut_only_where_nothing_vouches_for_it(void **state)
{
	struct scratch *s = *state;
	struct ca_buf lines;

	make_log(s, 3, 3);
	lines = read_file(s, REC_LOG_FILE);
	size_t whole = lines.len;
	memset(ca_buf_grow(&lines, 100), 0, 100);
	ca_buf_put_text(&lines, "x\"}\n");
	write_file(s, REC_LOG_FILE, lines.data, lines.len);
	assert_good(s, 3);
	lines.len = whole;
	ca_buf_put_text(&lines, "not an entry\n");
	write_file(s, REC_LOG_FILE, lines.data, lines.len);
	assert_refused(s, "entry 3 is no JSON object");
	ca_buf_clear(&lines);
}

static void
a_log_shorter_than_its_checkpoint_is_refused(void **state)
{
	struct scratch *s = *state;

	make_log(s, 5, 5);
	assert_true(run("cd %s && sed -i '4,$d' log.jsonl && truncate -s 96 leaves", s->path));
	assert_refused(s, "log was rolled back: it has 3 entries, its checkpoint says 5");
	assert_true(run("cd %s && rm log.jsonl leaves", s->path));
	assert_refused(s, "log was rolled back: it has 0 entries, its checkpoint says 5");
}

static void
a_log_shorter_than_its_leaves_is_refused(void **state)
{
	struct scratch *s = *state;

	make_log(s, 5, 2);
	assert_true(run("cd %s && sed -i '4,$d' log.jsonl", s->path));
	assert_refused(s, "log was cut: it has 3 entries and 5 leaves");
}

static void
a_changed_entry_is_named(void **state)
{
	struct scratch *s = *state;

	make_log(s, 5, 4);
	assert_true(run("cd %s && sed -i '3s/\"grant\":42/\"grant\":43/' log.jsonl", s->path));
	assert_refused(s, "entry 2 was changed");
	/* without leaves the checkpoint still tells that it happened */
	assert_true(run("cd %s && rm leaves", s->path));
	assert_refused(s, "the root of its first 4 entries is not the checkpoint's");
}

static void
entries_taken_out_or_swapped_are_seen(void **state)
{
	struct scratch *s = *state;

	make_log(s, 5, 5);
	assert_true(run("cd %s && cp log.jsonl kept && sed -i 2d log.jsonl", s->path));
	assert_refused(s, "entry 1 calls itself 2");
	assert_true(run(
	    "cd %s && awk 'NR==2{l=$0;next} {print} NR==3{print l}' kept > log.jsonl", s->path));
	assert_refused(s, "entry 1 calls itself 2");
}

static void
a_fork_of_the_log_is_seen_by_its_checkpoint(void **state)
{
	struct scratch *s = *state;

	make_log(s, 3, 3);
	assert_true(
	    run("cd %s && mkdir kept && mv checkpoint* kept && rm log.jsonl leaves", s->path));
	make_log(s, 4, 0);
	assert_true(run("cd %s && mv kept/* . && rmdir kept", s->path));
	assert_refused(s, "the root of its first 3 entries is not the checkpoint's");
}

static void
missing_leaves_are_rebuilt(void **state)
{
	struct scratch *s = *state;
	struct ca_buf before, after;

	make_log(s, 5, 4);
	before = read_file(s, REC_LOG_LEAVES);
	assert_int_equal(before.len, 5 * 32);
	assert_true(run("rm %s/leaves", s->path));
	assert_good(s, 5);
	for (size_t len = 0; len <= before.len; len++) {
		write_file(s, REC_LOG_LEAVES, before.data, len);
		rec_log_close(open_log(s));
		after = read_file(s, REC_LOG_LEAVES);
		assert_true(ca_bytes_equal(ca_buf_bytes(&before), ca_buf_bytes(&after)));
		ca_buf_clear(&after);
	}
	ca_buf_clear(&before);
}

static void
a_checkpoint_of_another_log_key_or_text_is_refused(void **state)
{
	struct scratch *s = *state;
	struct rec_log *log = NULL;

	make_log(s, 3, 3);
	assert_false(
	    rec_log_open(&log, s->path, "other/log", s->seal_key, false, NULL, NULL, &s->why));
	assert_non_null(strstr(s->why.text, "log is that of 'acme-prod/log', not of 'other/log'"));
	assert_false(
	    rec_log_open(&log, s->path, ORIGIN, s->session_key, false, NULL, NULL, &s->why));
	assert_non_null(strstr(s->why.text, "checkpoint was signed by another key"));
	assert_true(run("cd %s && sed -i 2s/3/2/ checkpoint", s->path));
	assert_refused(s, "checkpoint");
	assert_true(run("cd %s && rm checkpoint.sig", s->path));
	assert_refused(s, "file 'checkpoint' has no signature beside it");
}

static void
a_crash_between_the_two_renames_of_a_checkpoint_is_finished(void **state)
{
	struct scratch *s = *state;
	struct ca_buf old, new;
	struct rec_log *log;

	make_log(s, 3, 3);
	old = read_file(s, "checkpoint");
	log = open_log(s);
	append(s, log, "session.open");
	assert_true(rec_log_commit(log, &s->why));
	assert_true(rec_log_checkpoint(log, WALL, &s->why));
	rec_log_close(log);
	new = read_file(s, "checkpoint");
	write_file(s, "checkpoint.tmp", new.data, new.len);
	write_file(s, "checkpoint", old.data, old.len);
	assert_true(rec_log_verify(s->path, ca_signer_key(s->seal_key), &s->why));
	assert_good(s, 4);
	assert_false(run("test -e %s/checkpoint.tmp", s->path));
	ca_buf_clear(&old);
	ca_buf_clear(&new);
}

static void
a_checkpoint_is_signed_only_when_something_came(void **state)
{
	struct scratch *s = *state;
	struct rec_log *log = open_log(s);

	append(s, log, "session.open");
	assert_true(rec_log_checkpoint(log, WALL, &s->why));
	assert_false(run("test -e %s/checkpoint", s->path)); /* appended is not committed */
	assert_true(rec_log_commit(log, &s->why));
	assert_true(rec_log_checkpoint(log, WALL, &s->why));
	assert_true(run("rm %s/checkpoint*", s->path));
	assert_true(rec_log_checkpoint(log, WALL, &s->why));
	assert_false(run("test -e %s/checkpoint", s->path));
	rec_log_close(log);
}

/* A file size limit stands in for a full disk. */
static int
fill_log(struct scratch *s)
{
	struct rlimit size = { 4096, 4096 };
	struct rec_log *log = open_log(s);
	unsigned i;

	signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &size) != 0)
		return 10;
	for (i = 0; i < 100; i++) {
		append(s, log, "session.open");
		if (!rec_log_commit(log, &s->why))
			break;
	}
	if (i == 100 || strstr(s->why.text, "log cannot be written: File too large") == NULL)
		return 11;
	if (rec_log_append(log, WALL, "run", NULL, NULL, NULL, &s->why) ||
	    rec_log_commit(log, &s->why))
		return 12;
	return (int)rec_log_size(log) + 100;
}

static void
a_log_that_cannot_be_written_is_dead_and_keeps_what_it_acknowledged(void **state)
{
	struct scratch *s = *state;
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(fill_log(s));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WEXITSTATUS(status) > 105);
	assert_good(s, (uint64_t)WEXITSTATUS(status) - 100);
}

static void
many_appends_are_one_commit(void **state)
{
	struct scratch *s = *state;
	struct rec_log *log = open_log(s);
	uint64_t index;

	for (unsigned i = 0; i < 50; i++) {
		assert_true(rec_log_append(log, WALL + i, "e", NULL, &index, NULL, &s->why));
		assert_int_equal(index, i);
	}
	assert_int_equal(rec_log_size(log), 0);
	assert_true(rec_log_commit(log, &s->why));
	assert_int_equal(rec_log_size(log), 50);
	assert_int_equal(rec_log_last_time(log), WALL + 49);
	rec_log_close(log);
	assert_good(s, 50);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_entry_is_one_line_of_ascii_with_ours_first),
		TEST(a_field_with_the_name_of_ours_is_refused),
		TEST(an_entry_at_the_limit_is_taken_and_one_past_it_refused),
		TEST(fields_fit_up_to_the_limit_as_they_will_be_written),
		TEST(readers_see_every_entry_in_order_and_may_stop),
		TEST(there_is_one_writer_at_a_time),
		TEST(stock_ssh_keygen_accepts_a_checkpoint),
		TEST(a_last_entry_cut_at_any_byte_is_dropped_unless_it_was_acknowledged),
		TEST(a_torn_end_is_cut_only_where_nothing_vouches_for_it),
		TEST(a_log_shorter_than_its_checkpoint_is_refused),
		TEST(a_log_shorter_than_its_leaves_is_refused),
		TEST(a_changed_entry_is_named),
		TEST(entries_taken_out_or_swapped_are_seen),
		TEST(a_fork_of_the_log_is_seen_by_its_checkpoint),
		TEST(missing_leaves_are_rebuilt),
		TEST(a_checkpoint_of_another_log_key_or_text_is_refused),
		TEST(a_crash_between_the_two_renames_of_a_checkpoint_is_finished),
		TEST(a_checkpoint_is_signed_only_when_something_came),
		TEST(a_log_that_cannot_be_written_is_dead_and_keeps_what_it_acknowledged),
		TEST(many_appends_are_one_commit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
