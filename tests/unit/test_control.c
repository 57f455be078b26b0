/* SPDX-License-Identifier: Apache-2.0 */
/* test_control.c - status, kill and refuse over the real socket, and who is not heard. */
#include "bastion/control.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/un.h>

#include <cmocka.h>

#include "scratch.h"

#include "clerk_rig.h"

static json_t *
ask(struct rig *rig, json_t *request)
{
	struct ca_why why = { .text = "" };
	json_t *answer;

	if (!bas_control_ask(&answer, rig->state, request, &why))
		fail_msg("%s", why.text);
	return answer;
}

static void
assert_no(struct rig *rig, json_t *request, const char *part)
{
	struct ca_why why = { .text = "" };
	json_t *answer;

	assert_false(bas_control_ask(&answer, rig->state, request, &why));
	assert_true(answer == NULL || json_is_false(json_object_get(answer, "ok")));
	json_decref(answer);
	if (strstr(why.text, part) == NULL)
		fail_msg("'%s' is not in: %s", part, why.text);
}

static void
status_says_who_is_live(void **state)
{
	struct rig *rig = *state;
	struct answer opened;
	int keeper = rig_open(rig, &opened);
	json_t *answer = ask(rig, json_pack("{s:s}", "verb", "status"));
	const json_t *session = json_array_get(json_object_get(answer, "sessions"), 0);

	assert_string_equal(json_string_value(json_object_get(answer, "environment")), "acme-prod");
	assert_string_equal(
	    json_string_value(json_array_get(json_object_get(answer, "listening"), 0)),
	    "127.0.0.1:2222");
	assert_int_equal(json_integer_value(json_object_get(answer, "connections")), 1);
	assert_true(json_is_null(json_object_get(answer, "krl")));
	assert_true(json_integer_value(json_object_get(answer, "log")) >= 3);
	assert_string_equal(json_string_value(json_object_get(session, "session")), opened.text);
	assert_int_equal(json_integer_value(json_object_get(session, "grant")), 42);
	json_decref(answer);
	close(keeper);
}

static void
status_with_many_sessions_is_whole(void **state)
{
	struct rig *rig = *state;
	json_t *answer;
	int keepers[200];

	for (int i = 0; i < 200; i++) {
		rig->claim.serial = (uint64_t)i + 1;
		rig->claim.statement_hash[0] = rig->claim.cert_hash[0] = (uint8_t)i;
		rig->claim.statement_hash[1] = 7;
		keepers[i] = rig_open(rig, NULL);
	}
	answer = ask(rig, json_pack("{s:s}", "verb", "status"));
	assert_int_equal(json_array_size(json_object_get(answer, "sessions")), 200);
	json_decref(answer);
	for (int i = 0; i < 200; i++)
		close(keepers[i]);
}

static void
kill_ends_a_session_that_is_logged(void **state)
{
	struct rig *rig = *state;
	struct answer opened;
	int keeper = rig_open(rig, &opened);

	json_decref(ask(rig, json_pack("{s:s, s:s}", "verb", "kill", "session", opened.text)));
	rig_expect(rig, keeper, BAS_F_KILL);
	assert_int_equal(rig_logged(rig, "session.killed", "session", opened.text), 1);
	assert_no(rig, json_pack("{s:s, s:s}", "verb", "kill", "session", opened.text),
	    "no such session");
	close(keeper);
}

static void
refuse_ends_what_lives_and_survives_a_restart(void **state)
{
	struct rig *rig = *state;
	struct answer killed;
	json_t *answer;
	int keeper;

	rig->claim.sessions = 5;
	keeper = rig_open(rig, NULL);
	answer = ask(rig, json_pack("{s:s, s:i}", "verb", "refuse", "grant", 42));
	assert_int_equal(json_integer_value(json_object_get(answer, "killed")), 1);
	json_decref(answer);
	killed = rig_expect(rig, keeper, BAS_F_KILL);
	assert_int_equal(killed.reason, CA_REFUSED_HERE);
	close(keeper);
	rig_expect_denied(rig, CA_REFUSED_HERE);
	assert_int_equal(rig_logged(rig, "grant.refused-here", NULL, NULL), 1);
	/* Said twice is logged once. */
	json_decref(ask(rig, json_pack("{s:s, s:i}", "verb", "refuse", "grant", 42)));
	assert_int_equal(rig_logged(rig, "grant.refused-here", NULL, NULL), 1);
	rig_kill(rig);
	rig_start(rig);
	rig_expect_denied(rig, CA_REFUSED_HERE);
	rig->claim.serial = 43;
	rig->claim.statement_hash[0] = rig->claim.cert_hash[0] = 5;
	close(rig_open(rig, NULL));
}

static void
what_is_no_request_is_refused(void **state)
{
	struct rig *rig = *state;

	assert_no(rig, json_pack("{s:s}", "verb", "stop"), "no such verb");
	assert_no(rig, json_object(), "no request");
	assert_no(rig, json_pack("{s:i}", "verb", 1), "no request");
	assert_no(rig, json_pack("{s:s, s:i}", "verb", "refuse", "grant", 0), "a number");
	assert_no(rig, json_pack("{s:s, s:s}", "verb", "refuse", "grant", "42"), "a number");
	assert_no(rig, json_pack("{s:s}", "verb", "kill"), "no such session");
}

static int
connect_raw(struct rig *rig)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%.90s/control", rig->state);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* Until it is closed by the clerk. */
static size_t
read_all(int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	char chunk[512];
	size_t len = 0;
	ssize_t got;

	do {
		assert_int_equal(poll(&wait, 1, PATIENCE), 1);
		got = read(fd, chunk, sizeof(chunk));
		len += got > 0 ? (size_t)got : 0;
	} while (got > 0);
	close(fd);
	return len;
}

static void
an_endless_line_is_cut_off(void **state)
{
	struct rig *rig = *state;
	char line[BAS_CONTROL_REQUEST_MAX + 1];
	int fd = connect_raw(rig);

	memset(line, 'x', sizeof(line));
	assert_int_equal(send(fd, line, sizeof(line), MSG_NOSIGNAL), sizeof(line));
	assert_int_equal(read_all(fd), 0);
}

static void
an_asker_that_says_nothing_holds_up_nobody(void **state)
{
	struct rig *rig = *state;
	int fd = connect_raw(rig);

	json_decref(ask(rig, json_pack("{s:s}", "verb", "status")));
	close(rig_open(rig, NULL));
	close(fd);
	json_decref(ask(rig, json_pack("{s:s}", "verb", "status")));
}

/* The folder shuts strangers out already; the clerk does not rely on it. */
static void
another_user_is_not_heard(void **state)
{
	struct rig *rig = *state;
	int status;
	pid_t pid;

	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(scratch, 0755) | chmod(rig->state, 0755), 0);
	assert_int_equal(chmod(scratch_path("state/control"), 0666), 0);
	pid = fork();
	if (pid == 0) {
		int fd;

		if (setresuid(65534, 65534, 65534) != 0)
			_exit(3);
		fd = connect_raw(rig);
		(void)!send(fd, "{\"verb\":\"status\"}\n", 18, MSG_NOSIGNAL);
		_exit(read_all(fd) == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
the_socket_is_its_owners(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(stat(scratch_path("state/control"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void
without_a_post_the_sentence_says_so(void **state)
{
	struct rig *rig = *state;

	rig_stop(rig);
	assert_no(rig, json_pack("{s:s}", "verb", "status"), "nothing is running");
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, rig_setup, rig_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(status_says_who_is_live),
		TEST(status_with_many_sessions_is_whole),
		TEST(kill_ends_a_session_that_is_logged),
		TEST(refuse_ends_what_lives_and_survives_a_restart),
		TEST(what_is_no_request_is_refused),
		TEST(an_endless_line_is_cut_off),
		TEST(an_asker_that_says_nothing_holds_up_nobody),
		TEST(another_user_is_not_heard),
		TEST(the_socket_is_its_owners),
		TEST(without_a_post_the_sentence_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
