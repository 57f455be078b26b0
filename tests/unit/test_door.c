/* SPDX-License-Identifier: Apache-2.0 */
/* test_door.c - stock ssh against a listener and its doors, sandbox and all, with a stub for a
 * keeper. */
#include "bastion/door.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <time.h>

#include "bastion/rooms.h"
#include "ca/file.h"
#include "door_stub.h"

#include <cmocka.h>

#define MIB (1024 * 1024)

static struct {
	char folder[64];
	char log[96];
	int port;
	int parent; /* its end ends the listener */
	pid_t listener, nursery;
	struct bas_config config;
	char host_key[96];
} post;

/* Runs a shell line; what it printed (both streams) is in `said`. Returns the exit status. */
static char said[65536];

__attribute__((format(printf, 1, 2))) static int
sh(const char *format, ...)
{
	char line[4096];
	va_list args;
	size_t len = 0, got;
	FILE *pipe;
	int status;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	pipe = popen(line, "r");
	assert_non_null(pipe);
	while (len < sizeof(said) - 1 &&
	       (got = fread(said + len, 1, sizeof(said) - 1 - len, pipe)) > 0)
		len += got;
	said[len] = '\0';
	status = pclose(pipe);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define SSH                                                                         \
	"ssh -F none -o BatchMode=yes -o IdentityAgent=none -o IdentitiesOnly=yes " \
	"-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null "              \
	"-o ConnectTimeout=10 -o LogLevel=${LEVEL:-ERROR} -p \"$PORT\" -i \"$KEY\" "

static char *
read_log(void)
{
	struct ca_buf text = { 0 };
	struct ca_why why;

	if (!ca_file_read(post.log, MIB, &text, &why))
		return strdup("");
	return (char *)text.data;
}

static unsigned
count_log(const char *line)
{
	char *text = read_log();
	unsigned count = 0;

	for (char *at = strtok(text, "\n"); at != NULL; at = strtok(NULL, "\n"))
		count += strcmp(at, line) == 0;
	free(text);
	return count;
}

static void
pause_ms(long ms)
{
	nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 }, NULL);
}

static double
now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

/* Waits, at most ten seconds, until the log has a line `count` times. */
static void
await_log(const char *line, unsigned count)
{
	for (unsigned i = 0; i < 500 && count_log(line) < count; i++)
		pause_ms(20);
	if (count_log(line) < count)
		fail_msg("the stub never saw '%s'", line);
}

static void
clear_log(void)
{
	unlink(post.log);
}

static void
make_keys(void)
{
	const struct {
		const char *name, *options;
	} keys[] = { { "ed25519", "" }, { "ecdsa", "-b 256" }, { "rsa", "-b 2048" } };

	assert_int_equal(sh("cd %s && ssh-keygen -q -t ed25519 -N '' -f host && "
			    "ssh-keygen -q -t ed25519 -N '' -f ca 2>&1",
			     post.folder),
	    0);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		assert_int_equal(
		    sh("cd %s && ssh-keygen -q -t %s %s -N '' -f %s && "
		       "ssh-keygen -q -s ca -I id -n ok %s.pub 2>&1",
			post.folder, keys[i].name, keys[i].options, keys[i].name, keys[i].name),
		    0);
	/* What libssh drops without a word: a short key. What the door must not pass on: a plain
	 * key, a host certificate. */
	assert_int_equal(sh("cd %s && ssh-keygen -q -t rsa -b 1024 -N '' -f short && "
			    "ssh-keygen -q -s ca -I id -n ok short.pub && "
			    "ssh-keygen -q -t ed25519 -N '' -f plain && "
			    "ssh-keygen -q -t ed25519 -N '' -f machine && "
			    "ssh-keygen -q -s ca -h -I id -n ok machine.pub 2>&1",
			     post.folder),
	    0);
}

static void
start_post(const struct bas_limits *limits)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), parent[2], nursery[2];
	char text[16];

	assert_int_equal(bind(sock, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(sock, 128), 0);
	assert_int_equal(getsockname(sock, (struct sockaddr *)&address, &len), 0);
	post.port = ntohs(address.sin_port);
	snprintf(text, sizeof(text), "%d", post.port);
	setenv("PORT", text, 1);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, parent), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, nursery), 0);
	post.config.limits = *limits;
	post.config.host_key = post.host_key;
	post.nursery = fork();
	if (post.nursery == 0) {
		close(nursery[0]);
		close(parent[0]);
		close(parent[1]);
		close(sock);
		stub_nursery(nursery[1], post.log);
	}
	post.listener = fork();
	if (post.listener == 0) {
		close(nursery[1]);
		close(parent[0]);
		_exit(
		    bas_listener_run(&post.config, &(struct bas_listener_fds){ .parent = parent[1],
						       .nursery = nursery[0],
						       .listening = &sock,
						       .listening_count = 1,
						       .host_key = -1 }));
	}
	close(sock);
	close(nursery[0]);
	close(nursery[1]);
	close(parent[1]);
	post.parent = parent[0];
}

static int
stop_post(void)
{
	int status = -1;

	close(post.parent);
	for (unsigned i = 0; i < 500 && waitpid(post.listener, &status, WNOHANG) == 0; i++)
		pause_ms(20);
	waitpid(post.nursery, NULL, 0);
	return status;
}

static const struct bas_limits usual = { .unauthenticated = 64,
	.unauthenticated_per_address = 16,
	.auth_requests = 20,
	.grace = 60,
	.channels = 10,
	.connections = 1000 };

static int
setup(void **state)
{
	char key[96];

	(void)state;
	strcpy(post.folder, "/tmp/test_door.XXXXXX");
	if (mkdtemp(post.folder) == NULL)
		return -1;
	snprintf(post.log, sizeof(post.log), "%s/log", post.folder);
	snprintf(post.host_key, sizeof(post.host_key), "%s/host", post.folder);
	snprintf(key, sizeof(key), "%s/ed25519", post.folder);
	setenv("KEY", key, 1);
	setenv("DIR", post.folder, 1);
	make_keys();
	start_post(&usual);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	assert_int_equal(stop_post(), 0);
	return sh("rm -rf %s", post.folder);
}

static int
fresh_log(void **state)
{
	(void)state;
	clear_log();
	return 0;
}

static void
a_command_runs_and_its_streams_and_status_come_back(void **state)
{
	(void)state;
	assert_int_equal(sh(SSH "ok@127.0.0.1 'echo out; echo err >&2; exit 7' 2>$DIR/err"), 7);
	assert_string_equal(said, "out\n");
	assert_int_equal(sh("cat $DIR/err"), 0);
	assert_string_equal(said, "err\n");
	assert_int_equal(sh("printf 'a\\nb' | " SSH "ok@127.0.0.1 'cat; echo end'"), 0);
	assert_string_equal(said, "a\nbend\n");
	assert_int_equal(sh(SSH "ok@127.0.0.1"), 0);
	assert_string_equal(said, "shell\n");
	await_log("gone", 3);
}

static void
a_signal_that_ended_a_command_is_told(void **state)
{
	(void)state;
	assert_int_equal(sh(SSH "ok@127.0.0.1 'echo x; kill -TERM $$' 2>&1"), 255);
	assert_non_null(strstr(said, "x\n"));
	assert_int_equal(
	    sh(SSH "-v ok@127.0.0.1 'kill -TERM $$' 2>&1 | grep -c 'client_input_channel_req: "
		   "channel 0 rtype exit-signal'"),
	    0);
}

static void
a_refused_command_has_a_status_without_having_started(void **state)
{
	(void)state;
	assert_int_equal(sh(SSH "ok@127.0.0.1 REFUSE 2>&1"), 126);
	assert_string_equal(said, "");
}

static void
all_kinds_of_certificates_get_in_and_nothing_else(void **state)
{
	const char *good[] = { "ed25519", "ecdsa", "rsa" };
	const char *bad[] = { "plain", "machine", "short" };
	double start;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(
		    sh("KEY=$DIR/%s; " SSH "ok@127.0.0.1 echo hello 2>&1", good[i]), 0);
		assert_string_equal(said, "hello\n");
	}
	clear_log();
	for (size_t i = 0; i < 3; i++) {
		start = now();
		assert_int_equal(sh("KEY=$DIR/%s; " SSH "-o RequiredRSASize=1024 "
				    "-o CertificateFile=$KEY-cert.pub ok@127.0.0.1 echo hello 2>&1",
				     bad[i]),
		    255);
		/* Dropped in silence by libssh, and answered all the same. */
		assert_true(now() - start < 5);
	}
	assert_int_equal(sh("grep -c 'auth 1' %s", post.log), 1);
	assert_int_equal(sh(SSH "-o PreferredAuthentications=password,keyboard-interactive,none "
				"ok@127.0.0.1 true 2>&1"),
	    255);
}

static void
who_is_refused_sees_the_keepers_sentence_once(void **state)
{
	(void)state;
	assert_int_equal(
	    sh("LEVEL=INFO; for k in ed25519 ecdsa rsa; do I=\"$I -i $DIR/$k\"; done; " SSH
	       "$I bad@127.0.0.1 true 2>&1 | grep -c 'does not know you'"),
	    0);
	assert_string_equal(said, "1\n");
}

static void
a_terminal_has_its_size_and_follows_it(void **state)
{
	struct winsize size = { .ws_row = 24, .ws_col = 80 };
	char text[4096] = "";
	size_t len = 0;
	int master, status;
	pid_t pid;
	bool resized = false;

	(void)state;
	pid = forkpty(&master, NULL, NULL, &size);
	assert_true(pid >= 0);
	if (pid == 0) {
		execl("/bin/sh", "sh", "-c",
		    SSH "-tt ok@127.0.0.1 'stty size; until [ \"$(stty size)\" = \"33 101\" ]; do "
			"sleep "
			"0.05; done; echo resized'",
		    (char *)NULL);
		_exit(1);
	}
	while (len < sizeof(text) - 1) {
		ssize_t got = read(master, text + len, sizeof(text) - 1 - len);

		if (got <= 0)
			break;
		len += (size_t)got;
		text[len] = '\0';
		if (!resized && strstr(text, "24 80") != NULL) {
			size = (struct winsize){ .ws_row = 33, .ws_col = 101 };
			assert_int_equal(ioctl(master, TIOCSWINSZ, &size), 0);
			resized = true;
		}
	}
	assert_true(resized);
	assert_non_null(strstr(text, "resized"));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(master);
}

static void
a_terminal_that_the_keeper_refuses_is_refused(void **state)
{
	(void)state;
	/* A client that insists gives up. */
	assert_int_equal(
	    sh("LEVEL=INFO TERM=none; export TERM; " SSH "-tt ok@127.0.0.1 'echo still' 2>&1 "
	       "</dev/null"),
	    255);
	assert_non_null(strstr(said, "PTY allocation request failed"));
	assert_null(strstr(said, "still"));
}

static void
forwardings_and_subsystems_are_refused_and_told_once(void **state)
{
	(void)state;
	assert_int_not_equal(sh(SSH "-W 127.0.0.1:9 ok@127.0.0.1 2>&1 </dev/null"), 0);
	await_log("refused local-forward", 1);
	assert_int_equal(sh(SSH "-o ExitOnForwardFailure=yes -R 0:127.0.0.1:9 -R 1:127.0.0.1:9 "
				"ok@127.0.0.1 true 2>&1"),
	    255);
	await_log("refused remote-forward", 1);
	assert_int_equal(count_log("refused remote-forward"), 1);
	assert_int_equal(sh(SSH "-o ExitOnForwardFailure=yes -R /tmp/none:127.0.0.1:9 ok@127.0.0.1 "
				"true 2>&1"),
	    255);
	assert_int_equal(sh(SSH "-s ok@127.0.0.1 sftp 2>&1 </dev/null"), 255);
	await_log("refused subsystem", 1);
	assert_int_equal(
	    sh("eval $(ssh-agent) >/dev/null; " SSH
	       "-o IdentityAgent=SSH_AUTH_SOCK -A ok@127.0.0.1 'echo $SSH_AUTH_SOCK.'; "
	       "ssh-agent -k >/dev/null"),
	    0);
	assert_int_equal(sh(SSH "-o ForwardX11=yes ok@127.0.0.1 'echo $DISPLAY.'"), 0);
	assert_string_equal(said, ".\n");
	await_log("gone", 6);
}

static void
environment_changes_nothing(void **state)
{
	(void)state;
	assert_int_equal(sh("LC_TEST=x LANG=y " SSH
			    "-o 'SendEnv=LC_* LANG SECRET' ok@127.0.0.1 'echo $LC_TEST$SECRET.'"),
	    0);
	assert_string_equal(said, ".\n");
}

static void
many_sessions_share_a_connection(void **state)
{
	(void)state;
	assert_int_equal(sh("cd $DIR && " SSH "-M -S ctl -fN ok@127.0.0.1 2>&1"), 0);
	assert_int_equal(
	    sh("cd $DIR && head -c 3000000 /dev/urandom >in && for i in 1 2 3 4 5 6 7 8; do " SSH
	       "-S ctl ok@127.0.0.1 cat <in >out$i & done; wait; cat out? | wc -c; "
	       "for i in 1 2 3 4 5 6 7 8; do cmp in out$i || echo differs; done; rm out?"),
	    0);
	assert_string_equal(said, "24000000\n");
	assert_int_equal(sh("cd $DIR && " SSH "-S ctl -O exit ok@127.0.0.1 2>&1"), 0);
	await_log("gone", 1);
}

static void
the_last_words_of_the_keeper_reach_the_client(void **state)
{
	(void)state;
	assert_int_equal(sh("LEVEL=INFO; " SSH "ok@127.0.0.1 'END the window is over' 2>&1"), 255);
	assert_non_null(strstr(said, "the window is over"));
}

static void
a_hundred_megabytes_go_both_ways_while_keys_are_renewed(void **state)
{
	(void)state;
	assert_int_equal(sh("head -c 104857600 /dev/urandom >$DIR/big"), 0);
	assert_int_equal(
	    sh(SSH "-o RekeyLimit=1M ok@127.0.0.1 cat <$DIR/big | cmp - $DIR/big && echo same"), 0);
	assert_string_equal(said, "same\n");
	assert_int_equal(
	    sh(SSH "-o RekeyLimit=1M ok@127.0.0.1 'cat >$DIR/up' <$DIR/big; cmp $DIR/up $DIR/big"),
	    0);
	assert_int_equal(
	    sh(SSH "-c aes128-gcm@openssh.com -o RekeyLimit=1M ok@127.0.0.1 'cat $DIR/big' "
		   "| cmp - $DIR/big"),
	    0);
	assert_int_equal(sh("rm $DIR/up $DIR/big"), 0);
}

/* The doors are the listener's children. */
static long
door_memory(void)
{
	assert_int_equal(
	    sh("for p in $(cat /proc/%d/task/%d/children); do sed -n "
	       "'s/^RssAnon: *\\([0-9]*\\) kB/\\1/p' /proc/$p/status; done | sort -n | tail -1",
		post.listener, post.listener),
	    0);
	return atol(said);
}

static void
a_client_that_stops_reading_costs_bounded_memory_and_holds_up_nobody(void **state)
{
	long before = 0, memory = 0;
	pid_t pid = fork();
	int status;

	(void)state;
	if (pid == 0) {
		setpgid(0, 0);
		execl("/bin/sh", "sh", "-c",
		    "exec " SSH "ok@127.0.0.1 'echo started; cat /dev/zero' >$DIR/flood",
		    (char *)NULL);
		_exit(1);
	}
	for (unsigned i = 0; i < 500 && sh("test -s $DIR/flood") != 0; i++)
		pause_ms(20);
	kill(pid, SIGSTOP);
	/* Until it has filled what it can: two looks that see the same. */
	do {
		before = memory;
		pause_ms(300);
		memory = door_memory();
	} while (memory != before);
	assert_true(memory < 4096);
	assert_int_equal(sh(SSH "ok@127.0.0.1 echo hello"), 0);
	kill(pid, SIGKILL);
	kill(pid, SIGCONT);
	waitpid(pid, &status, 0);
	await_log("gone", 2);
	assert_int_equal(sh("rm $DIR/flood"), 0);
}

static void
a_command_that_stops_reading_costs_bounded_memory(void **state)
{
	long before = 0, memory = 0;

	(void)state;
	assert_int_equal(
	    sh("head -c 30000000 /dev/zero >$DIR/in; (" SSH
	       "ok@127.0.0.1 'echo started; until test -e $DIR/go; do sleep 0.05; done; wc "
	       "-c' <$DIR/in >$DIR/out 2>&1; echo $? >$DIR/status) >/dev/null 2>&1 &"),
	    0);
	for (unsigned i = 0; i < 500 && sh("test -s $DIR/out") != 0; i++)
		pause_ms(20);
	do {
		before = memory;
		pause_ms(300);
		memory = door_memory();
	} while (memory != before);
	assert_true(memory < 8192);
	assert_int_equal(sh("touch $DIR/go"), 0);
	for (unsigned i = 0; i < 500 && sh("test -s $DIR/status") != 0; i++)
		pause_ms(20);
	assert_int_equal(
	    sh("cat $DIR/out $DIR/status; rm $DIR/out $DIR/status $DIR/go $DIR/in"), 0);
	assert_string_equal(said, "started\n30000000\n0\n");
}

static void
raw_messages_out_of_order_end_the_connection(void **state)
{
	(void)state;
	if (access("tests/e2e/raw_messages.py", X_OK) != 0)
		skip();
	assert_int_not_equal(
	    sh("tests/e2e/raw_messages.py $PORT $KEY ok >$DIR/raw 2>&1; grep -c '^ok' $DIR/raw"),
	    2);
	assert_int_not_equal(atoi(said), 0);
	if (sh("grep -A 3 '^not ok' $DIR/raw") == 0)
		fail_msg("%s", said);
	/* And the post lives on, with no door killed by its own fence. */
	assert_int_equal(sh(SSH "ok@127.0.0.1 echo hello"), 0);
}

static int
connect_raw(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)post.port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(sock, (struct sockaddr *)&address, sizeof(address)), 0);
	return sock;
}

/* Bytes until the end; false when it was closed without one. */
static bool
greets(int sock)
{
	char byte;

	return read(sock, &byte, 1) == 1;
}

static void
read_to_end(int sock)
{
	char buf[256];

	while (read(sock, buf, sizeof(buf)) > 0)
		continue;
}

static void
strangers_are_counted_and_sent_away(void **state)
{
	struct bas_limits limits = usual;
	int socks[4];
	double start;

	(void)state;
	stop_post();
	limits.unauthenticated_per_address = 3;
	limits.grace = 2;
	start_post(&limits);
	start = now();
	for (unsigned i = 0; i < 3; i++) {
		socks[i] = connect_raw();
		assert_true(greets(socks[i]));
	}
	socks[3] = connect_raw();
	assert_false(greets(socks[3]));
	close(socks[3]);
	/* One leaves, another may come: an authenticated one does not count any more. */
	close(socks[0]);
	for (unsigned i = 0; i < 100 && sh(SSH "ok@127.0.0.1 true 2>&1") != 0; i++)
		pause_ms(20);
	assert_int_equal(
	    sh("(" SSH "ok@127.0.0.1 sleep 100 </dev/null >/dev/null 2>&1 & echo $!)"), 0);
	await_log("auth 1 ok ssh-ed25519-cert-v01@openssh.com", 2);
	assert_int_equal(sh("kill %d; " SSH "ok@127.0.0.1 echo hello", atoi(said)), 0);
	read_to_end(socks[1]);
	assert_true(now() - start >= 2 && now() - start < 6);
	close(socks[1]);
	close(socks[2]);
	assert_int_equal(stop_post(), 0);
	start_post(&usual);
}

static void
connections_are_limited_overall(void **state)
{
	struct bas_limits limits = usual;
	int socks[3];

	(void)state;
	stop_post();
	limits.unauthenticated = 2;
	limits.connections = 1;
	start_post(&limits);
	for (unsigned i = 0; i < 2; i++) {
		socks[i] = connect_raw();
		assert_true(greets(socks[i]));
	}
	socks[2] = connect_raw();
	assert_false(greets(socks[2]));
	for (unsigned i = 0; i < 3; i++)
		close(socks[i]);
	for (unsigned i = 0;
	     i < 100 && sh("cd $DIR && " SSH "-M -S one -fN ok@127.0.0.1 2>/dev/null") != 0; i++)
		pause_ms(20);
	assert_int_equal(sh(SSH "ok@127.0.0.1 true 2>/dev/null"), 255);
	assert_int_equal(sh("cd $DIR && " SSH "-S one -O exit ok@127.0.0.1 2>/dev/null"), 0);
	for (unsigned i = 0; i < 100 && sh(SSH "ok@127.0.0.1 echo again 2>/dev/null") != 0; i++)
		pause_ms(20);
	assert_string_equal(said, "again\n");
	assert_int_equal(stop_post(), 0);
	start_post(&usual);
}

#define HERE(test) cmocka_unit_test_setup(test, fresh_log)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		HERE(a_command_runs_and_its_streams_and_status_come_back),
		HERE(a_signal_that_ended_a_command_is_told),
		HERE(a_refused_command_has_a_status_without_having_started),
		HERE(all_kinds_of_certificates_get_in_and_nothing_else),
		HERE(who_is_refused_sees_the_keepers_sentence_once),
		HERE(a_terminal_has_its_size_and_follows_it),
		HERE(a_terminal_that_the_keeper_refuses_is_refused),
		HERE(forwardings_and_subsystems_are_refused_and_told_once),
		HERE(environment_changes_nothing),
		HERE(many_sessions_share_a_connection),
		HERE(the_last_words_of_the_keeper_reach_the_client),
		HERE(a_hundred_megabytes_go_both_ways_while_keys_are_renewed),
		HERE(a_client_that_stops_reading_costs_bounded_memory_and_holds_up_nobody),
		HERE(a_command_that_stops_reading_costs_bounded_memory),
		HERE(raw_messages_out_of_order_end_the_connection),
		HERE(strangers_are_counted_and_sent_away),
		HERE(connections_are_limited_overall),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, setup, teardown);
}
