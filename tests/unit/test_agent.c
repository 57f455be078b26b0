/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_agent.c - signing through ssh-agent: the stock one, hostile ones, and the one of
 * our own that a key with a passphrase is handed to.
 */
#include "room.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "ca/agent.h"
#include "ca/signer.h"

#define SK_PROVIDER "/usr/lib/openssh/regress/misc/sk-dummy/sk-dummy.so"

static struct ca_key *
load_key(const char *path)
{
	struct ca_key *key = NULL;
	struct ca_why why;

	if (!ca_key_load(&key, path, &why))
		fail_msg("%s", why.text);
	return key;
}

/* Ten seconds, a hundredth at a time, for a condition that another process brings about. */
static bool
wait_for(bool (*condition)(const void *), const void *what)
{
	const struct timespec pause = { .tv_nsec = 10000000 };

	for (int i = 0; i < 1000; i++) {
		if (condition(what))
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

static bool
answers(const void *path)
{
	struct ca_agent *agent = NULL;
	bool ok = ca_agent_connect(&agent, path, NULL);

	ca_agent_free(agent);
	return ok;
}

/* A stock agent at `path` that holds `keys` (words of a shell). */
static pid_t
start_agent(const char *path, const char *keys)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (freopen("/dev/null", "w", stdout) == NULL)
			_exit(1);
		execlp("ssh-agent", "ssh-agent", "-D", "-a", path, (char *)NULL);
		_exit(127);
	}
	assert_true(wait_for(answers, path));
	assert_true(room_run("SSH_AUTH_SOCK=%s ssh-add -q %s", path, keys));
	return pid;
}

static void
stop(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void
an_agent_lists_its_keys_and_signs_with_each(void **state)
{
	pid_t pid = start_agent("agent", "key0 key1 key2 key3 key4");
	struct ca_key **keys = NULL;
	struct ca_why why;
	size_t count = 0;

	(void)state;
	if (!ca_agent_keys("agent", &keys, &count, &why))
		fail_msg("%s", why.text);
	assert_int_equal(count, ROOM_TYPES);
	for (size_t i = 0; i < count; i++) {
		struct ca_signer *signer = NULL;
		struct ca_buf sig = { 0 };
		struct ca_reader reader;

		assert_true(ca_signer_agent(&signer, "agent", keys[i], &why));
		assert_true(ca_key_equal(ca_signer_key(signer), keys[i]));
		if (!ca_signer_sign(signer, "data", 4, &sig, &why))
			fail_msg("%s", why.text);
		assert_true(ca_key_verify(keys[i], "data", 4, sig.data, sig.len, NULL, &why));
		reader = ca_reader_of(sig.data, sig.len);
		if (ca_key_type(keys[i]) == CA_KEY_RSA)
			assert_true(ca_bytes_is(ca_read_string(&reader), "rsa-sha2-512"));
		ca_buf_clear(&sig);
		ca_signer_free(signer);
		ca_key_free(keys[i]);
	}
	free(keys);
	stop(pid);
}

static void
the_agent_of_the_environment_is_the_default(void **state)
{
	pid_t pid = start_agent("default", "key0");
	struct ca_key *key = load_key("key0.pub");
	struct ca_signer *signer = NULL;
	struct ca_why why;

	(void)state;
	unsetenv("SSH_AUTH_SOCK");
	assert_false(ca_signer_agent(&signer, NULL, key, &why));
	assert_non_null(strstr(why.text, "SSH_AUTH_SOCK is not set"));
	setenv("SSH_AUTH_SOCK", "default", 1);
	assert_true(ca_signer_agent(&signer, NULL, key, &why));
	unsetenv("SSH_AUTH_SOCK");
	ca_signer_free(signer);
	ca_key_free(key);
	stop(pid);
}

static void
a_key_or_an_agent_that_is_not_there_is_an_error(void **state)
{
	pid_t pid = start_agent("other", "key0");
	struct ca_key *key = load_key("key1.pub");
	struct ca_signer *signer = NULL;
	char longest[200];
	struct ca_why why;

	(void)state;
	assert_false(ca_signer_agent(&signer, "other", key, &why));
	assert_non_null(strstr(why.text, "does not hold the key 'SHA256:"));
	assert_false(ca_signer_agent(&signer, "nowhere", key, &why));
	assert_non_null(strstr(why.text, "ssh-agent at 'nowhere'"));
	memset(longest, 'a', sizeof(longest));
	longest[108] = '\0';
	assert_false(ca_signer_agent(&signer, longest, key, &why));
	assert_non_null(strstr(why.text, "too long"));
	longest[107] = '\0';
	assert_false(ca_signer_agent(&signer, longest, key, &why));
	assert_null(strstr(why.text, "too long"));
	ca_key_free(key);
	stop(pid);
}

static void
an_agent_that_was_started_again_goes_on_signing(void **state)
{
	pid_t pid = start_agent("again", "key0");
	struct ca_key *key = load_key("key0.pub");
	struct ca_signer *signer = NULL;
	struct ca_buf sig = { 0 };
	struct ca_why why;

	(void)state;
	assert_true(ca_signer_agent(&signer, "again", key, &why));
	assert_true(ca_signer_sign(signer, "data", 4, &sig, &why));
	stop(pid);
	unlink("again");
	assert_false(ca_signer_sign(signer, "data", 4, &sig, &why));
	pid = start_agent("again", "key0");
	ca_buf_reset(&sig);
	if (!ca_signer_sign(signer, "data", 4, &sig, &why))
		fail_msg("%s", why.text);
	stop(pid);
	unlink("again");
	pid = start_agent("again", "key0"); /* without a failure between */
	if (!ca_signer_sign(signer, "data", 4, &sig, &why))
		fail_msg("%s", why.text);
	ca_buf_clear(&sig);
	ca_signer_free(signer);
	ca_key_free(key);
	stop(pid);
}

static void
more_than_256_kib_is_not_asked_for(void **state)
{
	pid_t pid = start_agent("large", "key0");
	struct ca_key *key = load_key("key0.pub");
	struct ca_signer *signer = NULL;
	struct ca_buf sig = { 0 };
	struct ca_why why;
	size_t most = 256 * 1024 - 1 - 4 - 51 - 4 - 4; /* type, key, data's length, flags */
	char *data = calloc(1, most + 1);

	(void)state;
	assert_non_null(data);
	assert_true(ca_signer_agent(&signer, "large", key, &why));
	if (!ca_signer_sign(signer, data, most, &sig, &why))
		fail_msg("%s", why.text);
	assert_false(ca_signer_sign(signer, data, most + 1, &sig, &why));
	assert_non_null(strstr(why.text, "too large"));
	free(data);
	ca_buf_clear(&sig);
	ca_signer_free(signer);
	ca_key_free(key);
	stop(pid);
}

/* An agent that gives these answers, whatever is asked, and hangs up after the last. */
static pid_t
start_hostile(const struct ca_buf *answers_given, size_t count)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "hostile" };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	pid_t pid;

	unlink("hostile");
	assert_int_equal(bind(listener, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 4), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		uint8_t asked[4096];
		int fd = accept(listener, NULL, NULL);

		close(listener);
		for (size_t i = 0; i < count; i++)
			if (read(fd, asked, sizeof(asked)) <= 0 ||
			    !ca_write_all(fd, answers_given[i].data, answers_given[i].len))
				break;
		_exit(0);
	}
	close(listener);
	return pid;
}

static void
put_frame(struct ca_buf *out, uint8_t type, const struct ca_buf *body)
{
	ca_buf_put_u32(out, (uint32_t)(body->len + 1));
	ca_buf_put_u8(out, type);
	ca_buf_put(out, body->data, body->len);
}

/* The list of one key, as a frame. */
static void
put_list(struct ca_buf *out, const struct ca_key *key)
{
	struct ca_bytes blob = ca_key_blob(key);
	struct ca_buf body = { 0 };

	ca_buf_put_u32(&body, 1);
	ca_buf_put_string(&body, blob.data, blob.len);
	ca_buf_put_cstring(&body, "comment");
	put_frame(out, 12, &body);
	ca_buf_clear(&body);
}

static void
assert_signature_refused(const char *key_path, const struct ca_buf *answer, const char *sentence)
{
	struct ca_key *key = load_key(key_path);
	struct ca_buf frames[2] = { { 0 }, { 0 } }, sig = { 0 };
	struct ca_signer *signer = NULL;
	struct ca_why why = { "" };
	pid_t pid;

	put_list(&frames[0], key);
	ca_buf_put(&frames[1], answer->data, answer->len);
	pid = start_hostile(frames, 2);
	if (!ca_signer_agent(&signer, "hostile", key, &why))
		fail_msg("%s", why.text);
	assert_false(ca_signer_sign(signer, "data", 4, &sig, &why));
	assert_int_equal(sig.len, 0);
	if (strstr(why.text, sentence) == NULL)
		fail_msg("'%s' does not say '%s'", why.text, sentence);
	ca_signer_free(signer);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	ca_buf_clear(&frames[0]);
	ca_buf_clear(&frames[1]);
	ca_key_free(key);
}

/* The answer to a request to sign: a signature of `key_path` over `data`, named `name`. */
static void
put_signature(struct ca_buf *out, const char *key_path, const char *data, const char *name)
{
	struct ca_signer *signer = NULL;
	struct ca_buf sig = { 0 }, renamed = { 0 }, body = { 0 };
	struct ca_reader reader;

	assert_true(ca_signer_load(&signer, key_path, NULL));
	assert_true(ca_signer_sign(signer, data, strlen(data), &sig, NULL));
	reader = ca_reader_of(sig.data, sig.len);
	ca_read_string(&reader);
	ca_buf_put_cstring(&renamed, name);
	ca_buf_put(&renamed, reader.next, reader.left);
	ca_buf_put_string(&body, renamed.data, renamed.len);
	ca_buf_reset(out);
	put_frame(out, 14, &body);
	ca_buf_clear(&body);
	ca_buf_clear(&renamed);
	ca_buf_clear(&sig);
	ca_signer_free(signer);
}

static void
what_a_hostile_agent_signs_is_not_believed(void **state)
{
	struct ca_buf answer = { 0 };

	(void)state;
	put_signature(&answer, "key0", "other", "ssh-ed25519");
	assert_signature_refused("key0.pub", &answer, "the signer gave a bad signature");
	put_signature(&answer, "key1", "data", "ssh-ed25519");
	assert_signature_refused("key0.pub", &answer, "the signer gave a bad signature");
	put_signature(&answer, "key0", "data", "ssh-ed448");
	assert_signature_refused("key0.pub", &answer, "instead of 'ssh-ed25519'");
	put_signature(&answer, "key4", "data", "ssh-rsa");
	assert_signature_refused("key4.pub", &answer, "'ssh-rsa' instead of 'rsa-sha2-512'");
	put_signature(&answer, "key4", "data", "rsa-sha2-256");
	assert_signature_refused("key4.pub", &answer, "instead of 'rsa-sha2-512'");
	ca_buf_clear(&answer);
}

static void
what_a_hostile_agent_frames_is_refused(void **state)
{
	struct ca_buf answer = { 0 };

	(void)state;
	ca_buf_put(&answer, "\0\0\0\1\5", 5);
	assert_signature_refused("key0.pub", &answer, "ssh-agent refused");
	ca_buf_reset(&answer);
	ca_buf_put(&answer, "\0\0\0\1\6", 5);
	assert_signature_refused("key0.pub", &answer, "unexpected message 6");
	ca_buf_reset(&answer);
	ca_buf_put(&answer, "\0\0\0\0", 4);
	assert_signature_refused("key0.pub", &answer, "0 bytes is out of bounds");
	ca_buf_reset(&answer);
	ca_buf_put(&answer, "\0\4\0\1", 4);
	assert_signature_refused("key0.pub", &answer, "262145 bytes is out of bounds");
	ca_buf_reset(&answer);
	ca_buf_put(&answer, "\0\4\0\0\16", 5);
	assert_signature_refused("key0.pub", &answer, "cut short");
	put_signature(&answer, "key0", "data", "ssh-ed25519");
	ca_buf_put_u8(&answer, 0);
	answer.data[3]++;
	assert_signature_refused("key0.pub", &answer, "malformed");
	ca_buf_clear(&answer);
}

static void
assert_list_refused(const struct ca_buf *answer, const char *sentence)
{
	struct ca_key **keys = NULL;
	struct ca_why why = { "" };
	size_t count = 0;
	pid_t pid = start_hostile(answer, 1);

	assert_false(ca_agent_keys("hostile", &keys, &count, &why));
	assert_null(keys);
	if (strstr(why.text, sentence) == NULL)
		fail_msg("'%s' does not say '%s'", why.text, sentence);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void
a_list_is_bounded_and_read_to_its_end(void **state)
{
	struct ca_key *key = load_key("key0.pub");
	struct ca_buf answer = { 0 }, body = { 0 };
	struct ca_key **keys = NULL;
	size_t count = 0;
	pid_t pid;

	(void)state;
	ca_buf_put_u32(&body, 2049);
	put_frame(&answer, 12, &body);
	assert_list_refused(&answer, "more than 2048 keys");
	ca_buf_reset(&answer);
	ca_buf_reset(&body);
	ca_buf_put_u32(&body, 2048);
	for (int i = 0; i < 2048; i++) {
		ca_buf_put_cstring(&body, "unknown kind of key");
		ca_buf_put_cstring(&body, "comment");
	}
	put_frame(&answer, 12, &body);
	pid = start_hostile(&answer, 1);
	assert_true(ca_agent_keys("hostile", &keys, &count, NULL));
	assert_int_equal(count, 0);
	free(keys);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	ca_buf_reset(&answer);
	put_list(&answer, key);
	answer.data[8] = 2;
	assert_list_refused(&answer, "malformed");
	answer.data[8] = 0;
	assert_list_refused(&answer, "malformed");
	ca_buf_clear(&body);
	ca_buf_clear(&answer);
	ca_key_free(key);
}

/* Whether no folder of a private agent is in the room, where XDG_RUNTIME_DIR points. */
static bool
no_agent_is_left(const void *unused)
{
	DIR *folder = opendir(".");
	struct dirent *entry;
	bool none = true;

	(void)unused;
	assert_non_null(folder);
	while ((entry = readdir(folder)) != NULL)
		none = none && strncmp(entry->d_name, "postern-agent-", 14) != 0;
	closedir(folder);
	return none && !room_run("pgrep -f 'ssh-agen[t] -D -a %s/postern-agent-'", room_folder);
}

/* ssh-add will ask this script, which gives one line of `answers` after the other. */
static void
answer_passphrase(const char *lines)
{
	room_write("answers", lines, strlen(lines), 0600);
	assert_true(
	    room_run("printf '#!/bin/sh\\ncd %s && head -n 1 answers && sed -i 1d answers\\n'"
		     " >askpass && chmod 755 askpass",
		room_folder));
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/askpass", room_folder);
	setenv("SSH_ASKPASS", path, 1);
	setenv("SSH_ASKPASS_REQUIRE", "force", 1);
	setenv("XDG_RUNTIME_DIR", room_folder, 1);
}

static void
a_key_with_a_passphrase_is_unlocked_in_an_agent_of_our_own(void **state)
{
	struct ca_signer *signer = NULL;
	struct ca_key *key;
	struct ca_buf sig = { 0 };
	struct ca_why why;

	(void)state;
	for (size_t i = 0; i < ROOM_TYPES; i++) {
		assert_true(room_run("rm -f locked locked.pub; ssh-keygen -q -t %s -N secret -C c"
				     " -f locked",
		    room_types[i]));
		answer_passphrase("secret\n");
		if (!ca_signer_load(&signer, "locked", &why))
			fail_msg("%s", why.text);
		assert_false(no_agent_is_left(NULL));
		assert_null(getenv("SSH_AUTH_SOCK"));
		key = load_key("locked.pub");
		assert_true(ca_key_equal(key, ca_signer_key(signer)));
		assert_true(ca_signer_sign(signer, "data", 4, &sig, &why));
		ca_signer_free(signer);
		assert_true(no_agent_is_left(NULL));
		ca_buf_clear(&sig);
		ca_key_free(key);
	}
}

static void
a_wrong_passphrase_may_be_mended_and_none_is_refused(void **state)
{
	struct ca_signer *signer = NULL;
	struct ca_why why;

	(void)state;
	assert_true(room_run("rm -f ./-; ssh-keygen -q -t ed25519 -N secret -f ./-"));
	answer_passphrase("wrong\nsecret\n");
	assert_true(
	    ca_signer_load(&signer, "-", &why)); /* a name that ssh-add takes for its input */
	ca_signer_free(signer);
	signer = NULL;
	answer_passphrase("wrong\n\n");
	assert_false(ca_signer_load(&signer, "-", &why));
	assert_non_null(strstr(why.text, "could not unlock"));
	assert_null(signer);
	assert_true(no_agent_is_left(NULL));
}

static void
without_ssh_agent_there_is_a_sentence(void **state)
{
	char *path = strdup(getenv("PATH"));
	struct ca_signer *signer = NULL;
	struct ca_why why;

	(void)state;
	answer_passphrase("secret\n");
	assert_true(room_run("rm -f locked*; ssh-keygen -q -t ed25519 -N secret -f locked"));
	setenv("PATH", "/nonexistent", 1);
	bool ok = ca_signer_load(&signer, "locked", &why);

	setenv("PATH", path, 1);
	free(path);
	assert_false(ok);
	assert_non_null(strstr(why.text, "cannot start ssh-agent"));
	assert_true(no_agent_is_left(NULL));
}

static void
our_agent_does_not_outlive_us(void **state)
{
	static const int ends[] = { SIGKILL, SIGTERM, SIGINT };

	(void)state;
	assert_true(room_run("rm -f locked*; ssh-keygen -q -t ed25519 -N secret -f locked"));
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		int ready[2];
		char byte;
		pid_t pid;

		answer_passphrase("secret\n");
		assert_int_equal(pipe(ready), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			struct ca_signer *signer = NULL;

			if (ca_signer_load(&signer, "locked", NULL) && write(ready[1], "x", 1) == 1)
				pause();
			_exit(1);
		}
		close(ready[1]);
		assert_int_equal(read(ready[0], &byte, 1), 1);
		assert_false(no_agent_is_left(NULL));
		kill(pid, ends[i]);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		/* Nor does the agent hold a descriptor of ours open. */
		assert_int_equal(read(ready[0], &byte, 1), 0);
		close(ready[0]);
		assert_true(wait_for(no_agent_is_left, NULL));
	}
}

static void
a_fido_key_signs_through_an_agent_and_says_that_it_was_touched(void **state)
{
	static const char *const types[] = { "ed25519-sk", "ecdsa-sk" };

	(void)state;
	if (access(SK_PROVIDER, R_OK) != 0) {
		print_message("[  SKIPPED ] no software token at %s\n", SK_PROVIDER);
		skip();
	}
	setenv("SSH_SK_PROVIDER", SK_PROVIDER, 1);
	setenv("XDG_RUNTIME_DIR", room_folder, 1);
	for (size_t i = 0; i < 2; i++) {
		struct ca_presence presence = { 0 };
		struct ca_signer *signer = NULL;
		struct ca_buf sig = { 0 };
		struct ca_why why;

		assert_true(room_run("rm -f token*; ssh-keygen -q -t %s -N '' -f token", types[i]));
		if (!ca_signer_load(&signer, "token", &why) ||
		    !ca_signer_sign(signer, "data", 4, &sig, &why))
			fail_msg("%s", why.text);
		assert_true(ca_key_verify(
		    ca_signer_key(signer), "data", 4, sig.data, sig.len, &presence, &why));
		assert_true(presence.is_sk);
		assert_int_equal(presence.flags & 1, 1);
		ca_buf_clear(&sig);
		ca_signer_free(signer);
		assert_true(no_agent_is_left(NULL));
	}
	unsetenv("SSH_SK_PROVIDER");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_agent_lists_its_keys_and_signs_with_each),
		cmocka_unit_test(the_agent_of_the_environment_is_the_default),
		cmocka_unit_test(a_key_or_an_agent_that_is_not_there_is_an_error),
		cmocka_unit_test(an_agent_that_was_started_again_goes_on_signing),
		cmocka_unit_test(more_than_256_kib_is_not_asked_for),
		cmocka_unit_test(what_a_hostile_agent_signs_is_not_believed),
		cmocka_unit_test(what_a_hostile_agent_frames_is_refused),
		cmocka_unit_test(a_list_is_bounded_and_read_to_its_end),
		cmocka_unit_test(a_key_with_a_passphrase_is_unlocked_in_an_agent_of_our_own),
		cmocka_unit_test(a_wrong_passphrase_may_be_mended_and_none_is_refused),
		cmocka_unit_test(without_ssh_agent_there_is_a_sentence),
		cmocka_unit_test(our_agent_does_not_outlive_us),
		cmocka_unit_test(a_fido_key_signs_through_an_agent_and_says_that_it_was_touched),
	};

	return cmocka_run_group_tests(tests, room_make_keys, room_leave);
}
