/* SPDX-License-Identifier: Apache-2.0 */
/* test_clerk.c - a real clerk over real sockets and a real log: logged, then done; and killed in
 * between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/epoll.h>

#include <cmocka.h>

#include "scratch.h"

#include "bastion/clerk.h"
#include "clerk_rig.h"
#include "recorder/recording.h"

/* ---- sessions */

static void
hello_comes_first_and_carries_the_clock(void **state)
{
	struct rig *rig = *state;
	struct ca_buf payload = { 0 };
	struct answer hello;
	struct bas_clock clock;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	ca_buf_put_u32(&payload, 1);
	assert_true(bas_frame_send(rig->nursery, BAS_F_KEEPER, &payload, &pair[1], 1));
	ca_buf_clear(&payload);
	close(pair[1]);
	hello = rig_expect(rig, pair[0], BAS_F_HELLO);
	assert_int_equal(hello.fd, -1);
	clock = (struct bas_clock){ .base = (int64_t)hello.end, .base_boot = hello.deadline };
	assert_in_range(bas_clock_now(&clock), time(NULL) - 1, time(NULL) + 1);
	close(pair[0]);
}

static void
an_open_is_on_disk_before_it_is_answered(void **state)
{
	struct rig *rig = *state;
	struct answer opened;
	int keeper = rig_open(rig, &opened);

	assert_int_equal(rig_logged(rig, "session.open", "session", opened.text), 1);
	assert_memory_equal(opened.text, "42-", 3);
	assert_int_equal(opened.joined, 0);
	assert_int_equal(opened.left, 500);
	assert_int_equal(opened.end, rig->claim.valid_before);
	assert_in_range(opened.deadline - bas_clock_boot(), 3500000000000, 3600000000000);
	close(keeper);
}

static void
a_second_connection_joins_and_a_second_session_is_refused(void **state)
{
	struct rig *rig = *state;
	struct answer first, second;
	int a = rig_open(rig, &first), b = rig_open(rig, &second);

	assert_string_equal(second.text, first.text);
	assert_int_equal(second.joined, 1);
	assert_int_equal(rig_logged(rig, "session.join", "session", first.text), 1);
	rig_send(a, BAS_F_DONE, NULL, NULL);
	assert_int_equal(rig_expect(rig, a, BAS_F_LOGGED).joined, 1);
	rig_expect(rig, b, BAS_F_KILL);
	assert_int_equal(rig_logged(rig, "session.end", "cause", "exit"), 1);
	rig_expect_denied(rig, CA_USED_UP);
	assert_int_equal(rig_logged(rig, "grant.refused", "refusal", "used-up"), 1);
	close(a);
	close(b);
}

static void
many_at_once_open_one_session(void **state)
{
	struct rig *rig = *state;
	int keepers[30], opened = 0;

	for (int i = 0; i < 30; i++)
		keepers[i] = rig_keeper(rig);
	kill(rig->clerk, SIGSTOP);
	for (int i = 0; i < 30; i++)
		rig_claim(rig, keepers[i]);
	kill(rig->clerk, SIGCONT);
	for (int i = 0; i < 30; i++) {
		opened += !rig_expect(rig, keepers[i], BAS_F_OPENED).joined;
		close(keepers[i]);
	}
	assert_int_equal(opened, 1);
	assert_int_equal(rig_logged(rig, "session.open", NULL, NULL), 1);
	assert_int_equal(rig_logged(rig, "session.join", NULL, NULL), 29);
}

static void
another_certificate_over_the_statement_is_refused(void **state)
{
	struct rig *rig = *state;
	int keeper = rig_open(rig, NULL);

	memset(rig->claim.cert_hash, 3, 32);
	rig_expect_denied(rig, CA_OTHER_CERTIFICATE);
	close(keeper);
}

static void
the_windows_end_kills(void **state)
{
	struct rig *rig = *state;
	struct answer opened, killed;
	struct timespec now;
	int keeper;

	rig->claim.valid_before = (uint64_t)time(NULL) + 2;
	keeper = rig_open(rig, &opened);
	killed = rig_expect(rig, keeper, BAS_F_KILL);
	clock_gettime(CLOCK_REALTIME, &now);
	assert_int_equal(killed.reason, CA_WINDOW_OVER);
	assert_in_range(now.tv_sec, rig->claim.valid_before, rig->claim.valid_before);
	assert_int_equal(rig_logged(rig, "session.end", "cause", "window"), 1);
	close(keeper);
}

static void
a_keeper_that_does_not_end_is_cut_off(void **state)
{
	struct rig *rig = *state;
	int keeper;

	rig->claim.valid_before = (uint64_t)time(NULL) + 2;
	keeper = rig_open(rig, NULL);
	rig_expect(rig, keeper, BAS_F_KILL);
	rig_expect_dropped(rig, keeper);
}

static void
a_session_without_connections_ends_after_its_linger(void **state)
{
	struct rig *rig = *state;
	struct answer first, second;

	rig_kill(rig);
	rig->config.linger = 1;
	rig_start(rig);
	rig->claim.sessions = 2;
	close(rig_open(rig, &first));
	close(rig_open(rig, &second));
	assert_string_equal(first.text, second.text);
	rig_await_logged(rig, "session.end", "cause", "idle");
	close(rig_open(rig, &second));
	assert_string_not_equal(first.text, second.text);
}

static void
a_restart_after_a_kill_keeps_counts_and_ends_sessions(void **state)
{
	struct rig *rig = *state;
	struct answer opened;
	int keeper = rig_open(rig, &opened);

	rig_kill(rig);
	rig_expect_dropped(rig, keeper);
	rig_start(rig);
	rig_expect_denied(rig, CA_USED_UP);
	assert_int_equal(rig_logged(rig, "session.end", "session", opened.text), 1);
	assert_int_equal(rig_logged(rig, "session.end", "cause", "restart"), 1);
	rig_kill(rig);
	rig_start(rig);
	assert_int_equal(rig_logged(rig, "session.end", "cause", "restart"), 1);
	rig_stop(rig);
	rig_verify_log(rig);
}

static void
time_does_not_begin_before_the_mark(void **state)
{
	struct rig *rig = *state;
	char text[32];

	rig_kill(rig);
	snprintf(text, sizeof(text), "%lld\n", (long long)time(NULL) + 3600);
	scratch_write("state/clock", text, strlen(text));
	rig_start(rig);
	rig_expect_denied(rig, CA_WINDOW_OVER);
	assert_int_equal(rig_logged(rig, "clock.stepped", NULL, NULL), 1);
}

static void
a_stop_ends_sessions_and_exits_with_zero(void **state)
{
	struct rig *rig = *state;
	struct answer killed;
	int keeper = rig_open(rig, NULL);

	shutdown(rig->parent, SHUT_RDWR);
	killed = rig_expect(rig, keeper, BAS_F_KILL);
	assert_string_equal(killed.text, "the bastion is stopping");
	close(keeper);
	assert_int_equal(rig_wait(rig), 0);
	assert_int_equal(rig_logged(rig, "post.stop", NULL, NULL), 1);
	assert_int_equal(rig_logged(rig, "session.end", "cause", "stop"), 1);
	rig_verify_log(rig);
}

/* ---- recordings */

static void
runs_are_named_in_order_and_the_key_is_certified_once(void **state)
{
	struct rig *rig = *state;
	struct answer opened, run;
	int keeper = rig_open(rig, &opened);
	char name[sizeof(opened.text) + 8];

	run = rig_begin_run(rig, keeper, rig->engineer);
	assert_true(run.left > 100); /* a certificate */
	snprintf(name, sizeof(name), "%s.1", opened.text);
	assert_string_equal(run.text, name);
	assert_int_equal(rig_logged(rig, "session.run", "recording", name), 1);
	rig_end_run(rig, keeper, name, 400, 400);
	assert_int_equal(rig_logged(rig, "run.end", "recording", name), 1);
	run = rig_begin_run(rig, keeper, NULL);
	assert_int_equal(run.left, 0);
	snprintf(name, sizeof(name), "%s.2", opened.text);
	assert_string_equal(run.text, name);
	close(keeper);
}

/* As a keeper that is killed leaves it: written, not sealed. */
static void
leave_recording(struct rig *rig, const char *name)
{
	struct rec_header header = { .recording = name,
		.width = 80,
		.height = 24,
		.timestamp = 1800000000,
		.command = "query",
		.identity = "alice@vendor.example",
		.environment = "acme-prod",
		.role = "diagnostics" };
	struct rec_event event = { .code = 'o', .data = (const uint8_t *)"released\n", .len = 9 };
	struct rec_recording *recording;
	struct ca_cert *cert;
	struct ca_why why;
	int folder = open(scratch_path("state/recordings"), O_RDONLY | O_DIRECTORY);

	assert_true(folder >= 0);
	assert_true(rec_seal_certify(&cert, ca_signer_key(rig->engineer), "acme-prod", "42-0", 1,
	    1800000000, rig->authority, &why));
	if (!rec_recording_open(&recording, folder, &header, rig->engineer, cert, &why) ||
	    !rec_recording_event(recording, &event, &why))
		fail_msg("%s", why.text);
	rec_recording_free(recording);
	ca_cert_free(cert);
	close(folder);
}

static void
what_a_dead_keeper_left_is_sealed(void **state)
{
	struct rig *rig = *state;
	struct answer run;
	int keeper = rig_open(rig, NULL);
	char name[1024];

	run = rig_begin_run(rig, keeper, NULL);
	leave_recording(rig, run.text);
	close(keeper);
	rig_await_logged(rig, "recording.recovered", "recording", run.text);
	assert_int_equal(rig_logged(rig, "run.end", "state", "aborted"), 1);
	snprintf(name, sizeof(name), "state/recordings/%s.seal", run.text);
	assert_int_equal(access(scratch_path(name), R_OK), 0);
}

static void
what_a_dead_post_left_is_sealed_at_the_next_start(void **state)
{
	struct rig *rig = *state;
	struct answer run;
	int keeper = rig_open(rig, NULL);

	run = rig_begin_run(rig, keeper, NULL);
	leave_recording(rig, run.text);
	rig_kill(rig);
	close(keeper);
	rig_start(rig);
	assert_int_equal(rig_logged(rig, "recording.recovered", "recording", run.text), 1);
	rig_kill(rig);
	rig_start(rig);
	assert_int_equal(rig_logged(rig, "recording.recovered", NULL, NULL), 1);
}

static void
a_run_that_never_began_its_recording_does_not_stop_the_post(void **state)
{
	struct rig *rig = *state;
	int keeper = rig_open(rig, NULL);

	rig_begin_run(rig, keeper, NULL);
	close(keeper);
	rig_await_logged(rig, "run.end", "state", "aborted");
	rig_kill(rig);
	rig_start(rig);
	rig_stop(rig);
}

/* ---- protocol */

static void
a_keeper_that_breaks_the_protocol_is_dropped(void **state)
{
	struct rig *rig = *state;
	int keeper = rig_keeper(rig);

	rig_send(keeper, BAS_F_DONE, NULL, NULL);
	rig_expect_dropped(rig, keeper);
	keeper = rig_keeper(rig);
	rig_send(keeper, BAS_F_RUN, "{}", "");
	rig_expect_dropped(rig, keeper);
	keeper = rig_keeper(rig);
	rig_send(keeper, BAS_F_SESSION, "short", NULL);
	rig_expect_dropped(rig, keeper);
	keeper = rig_keeper(rig);
	rig_send(keeper, BAS_F_HELLO, NULL, NULL);
	rig_expect_dropped(rig, keeper);
	keeper = rig_open(rig, NULL);
	rig_claim(rig, keeper);
	rig_expect_dropped(rig, keeper);
}

static void
a_keeper_with_more_than_an_entry_holds_is_dropped_and_the_clerk_lives(void **state)
{
	struct rig *rig = *state;
	const size_t most = REC_LOG_ENTRY_MAX - BAS_FIELDS_SPARE;
	char *fields = malloc(most + 2);
	const char *own = rig->claim.fields;
	int keeper = rig_open(rig, NULL);

	memset(fields, 'x', most);
	memcpy(fields, "{\"line\":\"", 9);
	memcpy(fields + most - 2, "\"}", 3);
	rig_send(keeper, BAS_F_LOG, "run.denied", fields);
	rig_expect(rig, keeper, BAS_F_LOGGED);
	memcpy(fields + most - 2, "x\"}", 4);
	rig_send(keeper, BAS_F_LOG, "run.denied", fields);
	rig_expect_dropped(rig, keeper);
	keeper = rig_open(rig, NULL);
	rig_send(keeper, BAS_F_RUN, fields, "");
	rig_expect_dropped(rig, keeper);
	snprintf(fields, most + 2, "%.*s,\"reason\":\"%0*d\"}", (int)strlen(own) - 1, own,
	    (int)most - 64, 0);
	rig->claim.fields = fields;
	keeper = rig_keeper(rig);
	rig_claim(rig, keeper);
	rig_expect_dropped(rig, keeper);
	rig->claim.fields = own;
	close(rig_open(rig, NULL));
	free(fields);
}

static void
a_keeper_logs_its_own_events_and_no_others(void **state)
{
	static const char *const others[] = { "session.open", "session.end", "krl.loaded",
		"grant.refused-here", "post.stop" };
	struct rig *rig = *state;
	struct answer opened;
	int keeper = rig_open(rig, &opened);

	rig_send(keeper, BAS_F_LOG, "run.denied", "{\"line\":\"rm -rf /\",\"session\":\"other\"}");
	rig_expect(rig, keeper, BAS_F_LOGGED);
	assert_int_equal(rig_logged(rig, "run.denied", "session", opened.text), 1);
	rig_send(keeper, BAS_F_LOG, "run.denied", "[]");
	rig_expect_dropped(rig, keeper);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		keeper = rig_keeper(rig);
		rig_send(keeper, BAS_F_LOG, others[i], "{}");
		rig_expect_dropped(rig, keeper);
	}
}

/* ---- revocation */

static void
use_krl(struct rig *rig)
{
	rig->config.krl = rig->krl;
	rig_start(rig);
}

static void
a_list_that_comes_later_ends_the_session_within_two_seconds(void **state)
{
	struct rig *rig = *state;
	uint64_t began;
	struct answer killed;
	int keeper;

	rig_write_krl(rig, 1, 0, time(NULL));
	use_krl(rig);
	keeper = rig_open(rig, NULL);
	began = bas_clock_boot();
	rig_write_krl(rig, 2, 42, time(NULL));
	killed = rig_expect(rig, keeper, BAS_F_KILL);
	assert_true(bas_clock_boot() - began < 2000000000);
	assert_int_equal(killed.reason, CA_REVOKED);
	assert_int_equal(rig_logged(rig, "session.revoked", NULL, NULL), 1);
	close(keeper);
	/* A later list that forgets it, and a restart, change nothing. */
	rig_write_krl(rig, 3, 0, time(NULL));
	rig->claim.sessions = 5;
	rig_kill(rig);
	rig_start(rig);
	rig_expect_denied(rig, CA_REVOKED);
}

static void
a_revoked_claim_is_refused_and_stays_so(void **state)
{
	struct rig *rig = *state;

	rig_write_krl(rig, 1, 42, time(NULL));
	use_krl(rig);
	rig_expect_denied(rig, CA_REVOKED);
	rig_write_krl(rig, 2, 0, time(NULL));
	rig_kill(rig);
	rig_start(rig);
	rig_expect_denied(rig, CA_REVOKED);
}

static void
a_list_that_breaks_lets_nobody_new_in_and_ends_nobody(void **state)
{
	struct rig *rig = *state;
	int keeper;

	rig_write_krl(rig, 1, 0, time(NULL));
	use_krl(rig);
	keeper = rig_open(rig, NULL);
	scratch_write("krl", "garbage", 7);
	rig_await_logged(rig, "krl.broken", NULL, NULL);
	close(rig_open(rig, NULL)); /* a join */
	rig->claim.statement_hash[0] = 9;
	rig->claim.cert_hash[0] = 9;
	rig_expect_denied(rig, CA_KRL_UNUSABLE);
	rig_write_krl(rig, 2, 0, time(NULL));
	rig_await_logged(rig, "krl.loaded", NULL, NULL);
	close(keeper);
}

static void
a_list_that_is_not_there_lets_nobody_in(void **state)
{
	struct rig *rig = *state;

	use_krl(rig);
	rig_expect_denied(rig, CA_KRL_UNUSABLE);
	assert_int_equal(rig_logged(rig, "krl.broken", NULL, NULL), 1);
}

static void
a_list_never_goes_backwards(void **state)
{
	struct rig *rig = *state;

	rig_write_krl(rig, 7, 0, time(NULL));
	use_krl(rig);
	rig_write_krl(rig, 6, 0, time(NULL));
	rig_await_logged(rig, "krl.broken", NULL, NULL);
	rig_expect_denied(rig, CA_KRL_UNUSABLE);
	/* Nor over a restart. */
	rig_kill(rig);
	rig_start(rig);
	rig_expect_denied(rig, CA_KRL_UNUSABLE);
}

static void
a_list_that_grows_too_old_ends_live_sessions(void **state)
{
	struct rig *rig = *state;
	struct answer killed;
	int keeper;

	rig->config.krl_max_age = 2;
	rig->claim.sessions = 5;
	rig_write_krl(rig, 1, 0, time(NULL));
	use_krl(rig);
	keeper = rig_open(rig, NULL);
	killed = rig_expect(rig, keeper, BAS_F_KILL);
	assert_int_equal(killed.reason, CA_KRL_UNUSABLE);
	rig_expect_denied(rig, CA_KRL_UNUSABLE);
	close(keeper);
}

static void
keepers_are_handed_the_list_sealed(void **state)
{
	struct rig *rig = *state;
	struct ca_buf payload = { 0 };
	struct answer hello;
	struct stat st;
	int pair[2];

	rig_write_krl(rig, 1, 0, time(NULL));
	use_krl(rig);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	ca_buf_put_u32(&payload, 1);
	assert_true(bas_frame_send(rig->nursery, BAS_F_KEEPER, &payload, &pair[1], 1));
	ca_buf_clear(&payload);
	close(pair[1]);
	hello = rig_expect(rig, pair[0], BAS_F_HELLO);
	assert_true(hello.fd >= 0);
	assert_int_equal(fstat(hello.fd, &st), 0);
	assert_true(st.st_size > 0);
	assert_int_equal(pwrite(hello.fd, "x", 1, 0), -1);
	assert_int_equal(ftruncate(hello.fd, 0), -1);
	close(hello.fd);
	close(pair[0]);
}

/* ---- keys */

/* What the clerk says when it does not start. */
static void
rig_expect_no_start(struct rig *rig, const char *sentence)
{
	struct ca_buf said = { 0 };
	struct bas_clerk_fds fds;
	int parent[2], nursery[2], status;
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, parent), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, nursery), 0);
	fds = (struct bas_clerk_fds){ .parent = parent[1], .nursery = nursery[1] };
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)!freopen(scratch_path("said"), "w", stderr);
		status = bas_clerk_run(&rig->config, &fds);
		fflush(stderr);
		_exit(status);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 1);
	for (int i = 0; i < 2; i++) {
		close(parent[i]);
		close(nursery[i]);
	}
	scratch_read("said", &said);
	if (strstr((const char *)said.data, sentence) == NULL)
		fail_msg("'%s' does not say '%s'", (const char *)said.data, sentence);
	ca_buf_clear(&said);
}

static void
await_checkpoint(void)
{
	static const struct timespec pause = { .tv_nsec = 10000000 };

	for (int i = 0; i < PATIENCE / 10; i++) {
		if (access(scratch_path("state/log/checkpoint.sig"), R_OK) == 0)
			return;
		nanosleep(&pause, NULL);
	}
	fail_msg("there is no checkpoint");
}

static void
a_checkpoint_is_not_signed_with_the_seal_key(void **state)
{
	struct rig *rig = *state;
	struct ca_key *key = NULL, *seal = NULL;
	struct ca_why why;

	await_checkpoint();
	rig_stop(rig);
	assert_true(ca_key_load(&key, scratch_path("state/checkpoint_key.pub"), &why));
	assert_true(ca_key_load(&seal, scratch_path("state/seal_key.pub"), &why));
	assert_false(ca_key_equal(key, seal));
	if (!rec_log_verify(scratch_path("state/log"), key, &why))
		fail_msg("%s", why.text);
	assert_false(rec_log_verify(scratch_path("state/log"), seal, &why));
	ca_key_free(key);
	ca_key_free(seal);
}

static void
a_checkpoint_that_the_seal_key_signed_is_refused(void **state)
{
	struct rig *rig = *state;
	char command[3 * PATH_MAX];

	await_checkpoint();
	rig_stop(rig);
	snprintf(command, sizeof(command),
	    "cd %s/log && rm checkpoint.sig && "
	    "ssh-keygen -q -Y sign -n checkpoint@postern -f ../seal_key checkpoint 2>&-",
	    rig->state);
	assert_int_equal(system(command), 0);
	rig_expect_no_start(rig, "checkpoint was signed by another key");
}

static void
one_key_for_seals_and_checkpoints_is_refused(void **state)
{
	struct rig *rig = *state;

	rig->config.seal_key = scratch_path("state/checkpoint_key");
	rig_expect_no_start(rig, "are one key, and need to be two");
}

static void
a_public_half_that_is_missing_is_written_again(void **state)
{
	struct rig *rig = *state;

	rig_stop(rig);
	assert_int_equal(unlink(scratch_path("state/checkpoint_key.pub")), 0);
	rig_start(rig);
	assert_int_equal(access(scratch_path("state/checkpoint_key.pub"), R_OK), 0);
}

/* ---- a log that cannot be written */

static void
a_full_disk_ends_everything_and_admits_nobody(void **state)
{
	struct rig *rig = *state;
	struct rlimit none = { 1, 1 };
	struct answer answer;
	int keeper = rig_open(rig, NULL), late = rig_keeper(rig), status;

	assert_int_equal(prlimit(rig->clerk, RLIMIT_FSIZE, &none, NULL), 0);
	rig_claim(rig, late);
	answer = rig_expect(rig, keeper, BAS_F_KILL);
	assert_int_equal(answer.reason, CA_NOT_RECORDABLE);
	/* The late one is told to end, or finds the clerk gone, but never that it is in. */
	if (rig_receive(rig, late, &answer, PATIENCE))
		assert_int_equal(answer.type, BAS_F_KILL);
	status = rig_wait(rig);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
	assert_int_equal(rig_logged(rig, "session.join", NULL, NULL), 0);
	close(keeper);
	close(late);
	/* With room again, the log is whole. */
	rig_start(rig);
	rig_expect_denied(rig, CA_USED_UP);
	rig_stop(rig);
	rig_verify_log(rig);
}

static void
a_second_clerk_waits_and_gives_up(void **state)
{
	struct rig *rig = *state;
	struct bas_clerk_fds fds;
	int parent[2], nursery[2], status;
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, parent), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, nursery), 0);
	fds = (struct bas_clerk_fds){ .parent = parent[1], .nursery = nursery[1] };
	pid = fork();
	if (pid == 0) {
		(void)!freopen("/dev/null", "w", stderr);
		_exit(bas_clerk_run(&rig->config, &fds));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 1);
	close(rig_open(rig, NULL));
	for (int i = 0; i < 2; i++) {
		close(parent[i]);
		close(nursery[i]);
	}
}

static void
send_crash(struct rig *rig, const char *address, unsigned number)
{
	struct ca_buf payload = { 0 };

	ca_buf_put_cstring(&payload, address);
	ca_buf_put_u32(&payload, number);
	ca_buf_put_u8(&payload, 1);
	assert_true(bas_frame_send(rig->parent, BAS_F_CRASHED, &payload, NULL, 0));
	ca_buf_clear(&payload);
}

static void
crashed_doors_are_logged_ten_times_and_then_only_counted(void **state)
{
	struct rig *rig = *state;

	for (int i = 0; i < 15; i++)
		send_crash(rig, "192.0.2.7", i == 9 ? SIGSYS : SIGSEGV);
	send_crash(rig, "192.0.2.7\n", SIGSEGV);
	rig_await_logged(rig, "door.crashed", "signal", "SYS");
	rig_stop(rig);
	assert_int_equal(rig_logged(rig, "door.crashed", "address", "192.0.2.7"), 10);
	assert_int_equal(rig_logged(rig, "door.crashed", NULL, NULL), 10);
}

static void
a_socket_that_another_process_still_holds_is_forgotten_with_its_end(void **state)
{
	struct bas_clerk clerk = { .epoll = epoll_create1(EPOLL_CLOEXEC) };
	struct bas_watch watch = { .kind = BAS_WATCH_PEER };
	struct pollfd set = { .fd = clerk.epoll, .events = POLLIN };
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	watch.fd = dup(pair[1]);
	assert_true(bas_clerk_watch(&clerk, &watch));
	close(pair[0]);
	assert_int_equal(poll(&set, 1, 0), 1);
	bas_clerk_unwatch(&clerk, &watch);
	assert_int_equal(poll(&set, 1, 0), 0);
	close(pair[1]);
	close(clerk.epoll);
}

#define TEST(NAME)     cmocka_unit_test_setup_teardown(NAME, rig_setup, rig_teardown)
#define TEST_KRL(NAME) cmocka_unit_test_setup_teardown(NAME, rig_new, rig_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(crashed_doors_are_logged_ten_times_and_then_only_counted),
		TEST(hello_comes_first_and_carries_the_clock),
		TEST(an_open_is_on_disk_before_it_is_answered),
		TEST(a_second_connection_joins_and_a_second_session_is_refused),
		TEST(many_at_once_open_one_session),
		TEST(another_certificate_over_the_statement_is_refused),
		TEST(the_windows_end_kills),
		TEST(a_keeper_that_does_not_end_is_cut_off),
		TEST(a_session_without_connections_ends_after_its_linger),
		TEST(a_restart_after_a_kill_keeps_counts_and_ends_sessions),
		TEST(time_does_not_begin_before_the_mark),
		TEST(a_stop_ends_sessions_and_exits_with_zero),
		TEST(runs_are_named_in_order_and_the_key_is_certified_once),
		TEST(what_a_dead_keeper_left_is_sealed),
		TEST(what_a_dead_post_left_is_sealed_at_the_next_start),
		TEST(a_run_that_never_began_its_recording_does_not_stop_the_post),
		TEST(a_keeper_that_breaks_the_protocol_is_dropped),
		TEST(a_keeper_with_more_than_an_entry_holds_is_dropped_and_the_clerk_lives),
		TEST(a_keeper_logs_its_own_events_and_no_others),
		TEST_KRL(a_list_that_comes_later_ends_the_session_within_two_seconds),
		TEST_KRL(a_revoked_claim_is_refused_and_stays_so),
		TEST_KRL(a_list_that_breaks_lets_nobody_new_in_and_ends_nobody),
		TEST_KRL(a_list_that_is_not_there_lets_nobody_in),
		TEST_KRL(a_list_never_goes_backwards),
		TEST_KRL(a_list_that_grows_too_old_ends_live_sessions),
		TEST_KRL(keepers_are_handed_the_list_sealed),
		TEST(a_checkpoint_is_not_signed_with_the_seal_key),
		TEST(a_checkpoint_that_the_seal_key_signed_is_refused),
		TEST_KRL(one_key_for_seals_and_checkpoints_is_refused),
		TEST(a_public_half_that_is_missing_is_written_again),
		TEST(a_full_disk_ends_everything_and_admits_nobody),
		TEST(a_second_clerk_waits_and_gives_up),
		cmocka_unit_test(
		    a_socket_that_another_process_still_holds_is_forgotten_with_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
