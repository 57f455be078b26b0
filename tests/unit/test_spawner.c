/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_spawner.c - commands under real forks: how they end, what they are given, and that nothing
 * of them is left.
 *
 * Each test runs with a spawner of its own, as root when we are, and as an ordinary user. Whether a
 * tree is gone is seen at its output pipe: that ends when the last process which holds it does.
 */
#include "bastion/spawner.h"

#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "bastion/frame.h"
#include "bastion/spawner_child.h"
#include "ca/arena.h"
#include "scratch.h"

#define PATIENCE 10000 /* milliseconds until a test gives up */

struct rig {
	bool root;
	pid_t spawner;
	int nursery; /* our end */
	int keeper;
	int output; /* of the last command; -1 */
	uint8_t *buf;
};

static char script_path[PATH_MAX], open_path[PATH_MAX], theirs_path[PATH_MAX];

/* Of this run alone: processes are limited and killed by user. */
static uid_t nobody;
static char nobody_text[64];

static struct bas_role roles[2];
static struct bas_config config;

static const struct {
	const char *name;
	const char *path;
} programs[] = {
	{ "sh", "/bin/sh" },
	{ "env", "/usr/bin/env" },
	{ "limited", "/bin/sh" },
	{ "copy", "/bin/dd" },
	{ "script", script_path },
	{ "open", open_path },
	{ "theirs", theirs_path },
	{ "gone", "/nonexistent/program" },
	{ "folder", "/usr" },
	{ "setuid", "/usr/bin/passwd" },
};
#define PROGRAMS (sizeof(programs) / sizeof(programs[0]))

static void
make_config(bool root)
{
	static const char *const helpers[] = { "/bin/sh", "/usr/bin/sleep", "/usr/bin/setsid",
		"/usr/bin/nohup" };
	static const struct bas_confine shell = { .execute = helpers, .execute_count = 4 };
	static const char *argv[PROGRAMS][2];
	static struct bas_command commands[PROGRAMS];

	for (size_t i = 0; i < PROGRAMS; i++) {
		argv[i][0] = programs[i].path;
		commands[i] =
		    (struct bas_command){ .name = programs[i].name, .argv = argv[i], .argc = 1 };
	}
	commands[0].confine = commands[2].confine = shell;
	for (size_t i = 2; i < 4; i++) {
		commands[i].confine.memory = 512 << 20;
		commands[i].confine.file_size = 1 << 20;
		commands[i].confine.processes = 40;
	}
	roles[0] = (struct bas_role){ .name = "run",
		.user = root ? nobody_text : NULL,
		.uid = root ? nobody : (uid_t)-1,
		.gid = root ? nobody : (gid_t)-1,
		.commands = commands,
		.command_count = PROGRAMS };
	roles[1] = roles[0];
	roles[1].name = "strict";
	roles[1].least = BAS_LEVEL_FULL;
	config = (struct bas_config){ .roles = roles, .role_count = 2 };
}

/* ---- the spawner's process */

static bool
is_spared(void *ctx, pid_t pid)
{
	return bas_spawner_knows(ctx, pid);
}

static void
reap(struct bas_spawner *spawner)
{
	bool orphans = false;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (!bas_spawner_reaped(spawner, pid) || WIFSIGNALED(status))
			orphans = true;
	if (orphans)
		bas_children_kill(is_spared, spawner);
}

static _Noreturn void
run_spawner(int nursery, bool root)
{
	struct bas_spawner *spawner;
	struct ca_why why;
	sigset_t set;
	struct pollfd wait[2] = { { .events = POLLIN }, { .events = POLLIN } };
	struct signalfd_siginfo info;

	if (!root && geteuid() == 0 &&
	    (setresgid(nobody, nobody, nobody) != 0 || setresuid(nobody, nobody, nobody) != 0))
		_exit(99);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	wait[0].fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (!bas_spawner_new(&spawner, bas_confine_best(&why), &why) ||
	    !bas_spawner_add_nursery(spawner, nursery, &config, &why))
		_exit(98);
	wait[1].fd = bas_spawner_fd(spawner);
	for (;;) {
		poll(wait, 2, bas_spawner_tick(spawner));
		(void)!read(wait[0].fd, &info, sizeof(info));
		bas_spawner_dispatch(spawner);
		reap(spawner);
	}
}

/* ---- the rig */

static int
start(struct rig **out, bool root)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	struct ca_buf payload = { 0 };
	int nursery[2], keeper[2];

	assert_non_null(rig);
	rig->root = root;
	rig->output = -1;
	rig->buf = malloc(BAS_FRAME_MAX);
	make_config(root);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, nursery), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, keeper), 0);
	rig->spawner = fork();
	assert_true(rig->spawner >= 0);
	if (rig->spawner == 0) {
		close(nursery[0]);
		close(keeper[0]);
		close(keeper[1]);
		run_spawner(nursery[1], root);
	}
	close(nursery[1]);
	rig->nursery = nursery[0];
	rig->keeper = keeper[0];
	ca_buf_put_u32(&payload, 1);
	assert_true(bas_frame_send(rig->nursery, BAS_F_KEEPER, &payload, &keeper[1], 1));
	ca_buf_clear(&payload);
	close(keeper[1]);
	*out = rig;
	return 0;
}

static int
as_root(void **state)
{
	if (geteuid() != 0) {
		*state = NULL;
		return 0;
	}
	return start((struct rig **)state, true);
}

static int
as_user(void **state)
{
	return start((struct rig **)state, false);
}

static int
stop(void **state)
{
	struct rig *rig = *state;

	if (rig == NULL)
		return 0;
	close(rig->keeper);
	close(rig->nursery);
	if (rig->output >= 0)
		close(rig->output);
	kill(rig->spawner, SIGKILL);
	waitpid(rig->spawner, NULL, 0);
	free(rig->buf);
	free(rig);
	return 0;
}

static struct rig *
rig_of(void **state)
{
	if (*state == NULL)
		skip();
	return *state;
}

static void
put_words(struct ca_buf *out, char *const *words)
{
	uint32_t count = 0;

	while (words[count] != NULL)
		count++;
	ca_buf_put_u32(out, count);
	for (uint32_t i = 0; i < count; i++)
		ca_buf_put_cstring(out, words[i]);
}

static void
send_spawn(struct rig *rig, const char *role, const char *command, char *const *argv,
    char *const *envp, const int fds[3], bool terminal)
{
	struct ca_buf payload = { 0 };

	ca_buf_put_u32(&payload, 7);
	ca_buf_put_cstring(&payload, role);
	ca_buf_put_cstring(&payload, command);
	put_words(&payload, argv);
	put_words(&payload, envp);
	ca_buf_put_u8(&payload, terminal);
	assert_true(bas_frame_send(rig->keeper, BAS_F_SPAWN, &payload, fds, 3));
	ca_buf_clear(&payload);
}

static char *const default_env[] = { "PATH=/usr/bin:/bin", NULL };

static void
spawn_env(
    struct rig *rig, const char *role, const char *command, char *const *argv, char *const *envp)
{
	int out[2], null = open("/dev/null", O_RDWR | O_CLOEXEC);

	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	send_spawn(rig, role, command, argv, envp, (const int[]){ null, out[1], out[1] }, false);
	close(null);
	close(out[1]);
	if (rig->output >= 0)
		close(rig->output);
	rig->output = out[0];
}

static void
spawn_shell_as(struct rig *rig, const char *command, const char *text)
{
	spawn_env(rig, "run", command,
	    (char *const[]){
		"/bin/sh", "-c", (char *)(uintptr_t)text, (char *)(uintptr_t)text, NULL },
	    default_env);
}

static void
spawn_shell(struct rig *rig, const char *text)
{
	spawn_shell_as(rig, "sh", text);
}

static struct ca_reader
expect(struct rig *rig, enum bas_frame_type type)
{
	struct pollfd wait = { .fd = rig->keeper, .events = POLLIN };
	struct bas_frame frame;
	struct ca_reader reader;

	assert_int_equal(poll(&wait, 1, PATIENCE), 1);
	assert_int_equal(bas_frame_receive(rig->keeper, &frame, rig->buf), BAS_FRAME_OK);
	assert_int_equal(frame.type, type);
	reader = ca_reader_of(frame.payload.data, frame.payload.len);
	assert_int_equal(ca_read_u32(&reader), 7);
	return reader;
}

/* The init's pid. */
static pid_t
expect_spawned(struct rig *rig)
{
	struct ca_reader reader = expect(rig, BAS_F_SPAWNED);
	uint8_t ok = ca_read_u8(&reader);
	uint32_t pid = ca_read_u32(&reader);
	char *sentence = ca_read_cstring(&reader);

	assert_true(ca_reader_done(&reader));
	if (ok != 1)
		fail_msg("not spawned: %s", sentence);
	free(sentence);
	assert_int_not_equal(pid, 0);
	return (pid_t)pid;
}

static void
expect_refused(struct rig *rig, const char *part)
{
	struct ca_reader reader = expect(rig, BAS_F_SPAWNED);
	uint8_t ok = ca_read_u8(&reader);
	uint32_t pid = ca_read_u32(&reader);
	char *sentence = ca_read_cstring(&reader);

	assert_true(ca_reader_done(&reader));
	assert_int_equal(ok, 0);
	assert_int_equal(pid, 0);
	if (strstr(sentence, part) == NULL)
		fail_msg("'%s' is not in: %s", part, sentence);
	free(sentence);
}

static uint64_t
expect_gone(struct rig *rig, uint32_t status, const char *signal)
{
	struct ca_reader reader = expect(rig, BAS_F_GONE);
	uint32_t got = ca_read_u32(&reader);
	char *name = ca_read_cstring(&reader);
	uint64_t cpu = ca_read_u64(&reader);

	assert_true(ca_reader_done(&reader));
	assert_string_equal(name, signal);
	assert_int_equal(got, status);
	free(name);
	return cpu;
}

static void
send_stop(struct rig *rig, uint32_t number)
{
	struct ca_buf payload = { 0 };

	ca_buf_put_u32(&payload, 7);
	ca_buf_put_u32(&payload, number);
	assert_true(bas_frame_send(rig->keeper, BAS_F_STOP, &payload, NULL, 0));
	ca_buf_clear(&payload);
}

/* What the command wrote until nobody holds its output; the deadline is what a window's end is held
 * to. */
static char *
read_output(struct rig *rig, int patience)
{
	static char text[65536];
	struct pollfd wait = { .fd = rig->output, .events = POLLIN };
	size_t len = 0;
	ssize_t got;

	do {
		if (poll(&wait, 1, patience) != 1)
			fail_msg("something still holds the output");
		got = read(rig->output, text + len, sizeof(text) - 1 - len);
		assert_true(got >= 0);
		len += (size_t)got;
		if (len > 32768)
			len = 0;
	} while (got > 0);
	text[len] = '\0';
	return text;
}

static void
await_line(struct rig *rig)
{
	struct pollfd wait = { .fd = rig->output, .events = POLLIN };
	char byte;

	do {
		assert_int_equal(poll(&wait, 1, PATIENCE), 1);
		assert_int_equal(read(rig->output, &byte, 1), 1);
	} while (byte != '\n');
}

/* ---- how commands end */

static void
an_exit_status_comes_when_the_tree_is_gone(void **state)
{
	struct rig *rig = rig_of(state);

	spawn_shell(rig, "exit 7");
	expect_spawned(rig);
	expect_gone(rig, 7, "");
	assert_string_equal(read_output(rig, 0), "");
}

static void
a_signal_that_ended_it_is_named(void **state)
{
	struct rig *rig = rig_of(state);

	spawn_shell(rig, "kill -USR1 $$");
	expect_spawned(rig);
	expect_gone(rig, 0, "USR1");
}

static void
its_processor_time_is_reported(void **state)
{
	struct rig *rig = rig_of(state);

	spawn_shell(rig, "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done");
	expect_spawned(rig);
	assert_true(expect_gone(rig, 0, "") > 1000);
}

static void
a_signal_reaches_the_command(void **state)
{
	struct rig *rig = rig_of(state);

	spawn_shell(rig, "trap 'exit 3' TERM; echo ready; while :; do sleep 0.01; done");
	expect_spawned(rig);
	await_line(rig);
	send_stop(rig, SIGTERM);
	expect_gone(rig, 3, "");
}

static void
a_daemon_that_forked_twice_dies_with_its_command(void **state)
{
	struct rig *rig = rig_of(state);

	spawn_shell(
	    rig, "(setsid nohup sh -c 'trap \"\" HUP TERM; echo up; sleep 1000' &); sleep 1000");
	expect_spawned(rig);
	await_line(rig);
	send_stop(rig, SIGTERM);
	expect_gone(rig, 0, "TERM");
	read_output(rig, 0);
}

static void
stop_zero_kills_the_whole_tree(void **state)
{
	struct rig *rig = rig_of(state);

	spawn_shell(rig,
	    "trap '' TERM HUP INT; (setsid sleep 1000 &); (sleep 1000 &); echo up; sleep 1000");
	expect_spawned(rig);
	await_line(rig);
	send_stop(rig, 0);
	expect_gone(rig, 0, "KILL");
	read_output(rig, 0);
}

static void
the_tree_dies_with_its_keepers_socket(void **state)
{
	struct rig *rig = rig_of(state);

	spawn_shell(rig, "trap '' TERM HUP; (setsid sleep 1000 &); echo up; sleep 1000");
	expect_spawned(rig);
	await_line(rig);
	shutdown(rig->keeper, SHUT_RDWR);
	read_output(rig, 1000);
}

static void
the_tree_dies_with_the_spawner(void **state)
{
	struct rig *rig = rig_of(state);

	spawn_shell(rig, "(setsid sleep 1000 &); echo up; sleep 1000");
	expect_spawned(rig);
	await_line(rig);
	kill(rig->spawner, SIGKILL);
	read_output(rig, 1000);
}

static void
a_fork_bomb_dies_within_a_second(void **state)
{
	struct rig *rig = rig_of(state);

	spawn_shell_as(rig, "limited",
	    "echo up; while :; do setsid sh -c 'setsid sleep 1000 & sleep 1000' 2>/dev/null & "
	    "done");
	expect_spawned(rig);
	await_line(rig);
	send_stop(rig, 0);
	read_output(rig, 1000);
}

static void
a_chain_that_forks_and_exits_dies_within_a_second(void **state)
{
	struct rig *rig = rig_of(state);

	spawn_shell(rig, "echo up; setsid sh -c \"$0\" \"$0\" &");
	expect_spawned(rig);
	await_line(rig);
	send_stop(rig, 0);
	read_output(rig, 1000);
}

static void
a_killed_init_leaves_nothing(void **state)
{
	struct rig *rig = rig_of(state);
	pid_t init;

	spawn_shell(rig, "(setsid sleep 1000 &); echo up; sleep 1000");
	init = expect_spawned(rig);
	await_line(rig);
	assert_int_equal(kill(init, SIGKILL), 0);
	expect_gone(rig, 0, "KILL");
	read_output(rig, 1000);
}

static void
a_stopped_init_is_no_way_out(void **state)
{
	struct rig *rig = rig_of(state);

	spawn_shell(rig, "(setsid sh -c 'while :; do kill -STOP $PPID 1; kill -STOP '$PPID'; done' "
			 "2>/dev/null &); "
			 "echo up; sleep 1000");
	expect_spawned(rig);
	await_line(rig);
	shutdown(rig->keeper, SHUT_RDWR);
	read_output(rig, 1500);
}

/* ---- what commands are given */

static void
the_environment_is_what_was_asked_and_nothing_else(void **state)
{
	struct rig *rig = rig_of(state);

	setenv("POSTERN_SECRET", "of the spawner", 1);
	spawn_env(rig, "run", "env", (char *const[]){ "/usr/bin/env", NULL },
	    (char *const[]){ "PATH=/bin", "LC_ALL=C", "TERM=vt100", NULL });
	expect_spawned(rig);
	expect_gone(rig, 0, "");
	assert_string_equal(read_output(rig, 0), "PATH=/bin\nLC_ALL=C\nTERM=vt100\n");
}

static void
no_descriptor_but_three_is_open(void **state)
{
	struct rig *rig = rig_of(state);

	spawn_shell(rig, "i=0; while [ $i -lt 300 ]; do [ -e /proc/self/fd/$i ] && echo $i; "
			 "i=$((i+1)); done; :");
	expect_spawned(rig);
	expect_gone(rig, 0, "");
	assert_string_equal(read_output(rig, 0), "0\n1\n2\n");
}

static void
privileges_are_gone_for_good(void **state)
{
	struct rig *rig = rig_of(state);
	const char *text;
	char ids[64];

	spawn_shell(
	    rig, "while IFS= read -r line; do echo \"$line\"; done </proc/self/status; umask; pwd");
	expect_spawned(rig);
	expect_gone(rig, 0, "");
	text = read_output(rig, 0);
	assert_non_null(strstr(text, "CapInh:\t0000000000000000"));
	assert_non_null(strstr(text, "CapPrm:\t0000000000000000"));
	assert_non_null(strstr(text, "CapEff:\t0000000000000000"));
	assert_non_null(strstr(text, "CapAmb:\t0000000000000000"));
	assert_non_null(strstr(text, "NoNewPrivs:\t1"));
	assert_non_null(strstr(text, "SigBlk:\t0000000000000000"));
	assert_non_null(strstr(text, "SigIgn:\t0000000000000000"));
	assert_non_null(strstr(text, "0077\n/\n"));
	if (rig->root) {
		assert_non_null(strstr(text, "CapBnd:\t0000000000000000"));
		snprintf(ids, sizeof(ids), "Uid:\t%u\t%u\t%u\t%u", nobody, nobody, nobody, nobody);
		assert_non_null(strstr(text, ids));
		ids[0] = 'G';
		assert_non_null(strstr(text, ids));
		assert_non_null(strstr(text, "Groups:\t \n"));
	}
}

static void
limits_are_those_of_the_policy(void **state)
{
	struct rig *rig = rig_of(state);

	spawn_shell_as(rig, "limited", "ulimit -c; ulimit -v; ulimit -f; ulimit -n");
	expect_spawned(rig);
	expect_gone(rig, 0, "");
	assert_string_equal(read_output(rig, 0), "0\n524288\n2048\n1024\n");
}

static void
a_file_over_its_size_ends_the_command(void **state)
{
	struct rig *rig = rig_of(state);
	char path[64], argument[80];

	snprintf(path, sizeof(path), "/tmp/postern-size-%d", getpid());
	snprintf(argument, sizeof(argument), "of=%s", path);
	spawn_env(rig, "run", "copy",
	    (char *const[]){ "/bin/dd", "if=/dev/zero", argument, "bs=64k", "count=100", NULL },
	    default_env);
	expect_spawned(rig);
	expect_gone(rig, 0, "XFSZ");
	unlink(path); /* where its /tmp is everyone's */
}

static void
processes_over_the_limit_are_not_made(void **state)
{
	struct rig *rig = rig_of(state);
	const char *text;
	size_t count = 0;

	spawn_shell_as(rig, "limited",
	    "i=0; while [ $i -lt 100 ]; do sleep 1000 & echo started; i=$((i+1)); done");
	expect_spawned(rig);
	text = read_output(rig, PATIENCE);
	for (const char *at = text; (at = strstr(at, "started")) != NULL; at++)
		count++;
	assert_in_range(count, 1, 99); /* what else the user runs may end meanwhile */
	send_stop(rig, 0);
}

static void
a_terminal_is_the_controlling_one(void **state)
{
	struct rig *rig = rig_of(state);
	int master, slave;

	assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
	if (!rig->root && geteuid() == 0)
		assert_int_equal(fchown(slave, nobody, nobody), 0);
	send_spawn(rig, "run", "sh",
	    (char *const[]){ "/bin/sh", "-c", "echo mine >/dev/tty; [ -t 0 ] && echo tty", NULL },
	    default_env, (const int[]){ slave, slave, slave }, true);
	close(slave);
	rig->output = master;
	expect_spawned(rig);
	await_line(rig);
	await_line(rig);
	expect_gone(rig, 0, "");
}

static void
a_second_command_runs_beside_the_first(void **state)
{
	struct rig *rig = rig_of(state);

	for (int i = 0; i < 20; i++) {
		spawn_shell(rig, "exit 5");
		expect_spawned(rig);
		expect_gone(rig, 5, "");
	}
}

/* ---- refusals */

static void
refuse(struct rig *rig, const char *role, const char *command, const char *program,
    const char *variable, const char *part)
{
	spawn_env(rig, role, command,
	    (char *const[]){ (char *)(uintptr_t)program, "-c", "exit 0", NULL },
	    (char *const[]){ (char *)(uintptr_t)variable, NULL });
	expect_refused(rig, part);
	assert_string_equal(read_output(rig, 1000), "");
}

static void
what_the_configuration_does_not_have_is_refused(void **state)
{
	struct rig *rig = rig_of(state);

	refuse(rig, "run", "sh", "/bin/bash", NULL, "is not that of command 'sh'");
	refuse(rig, "run", "sh", "sh", NULL, "is not that of command 'sh'");
	refuse(rig, "admin", "sh", "/bin/sh", NULL, "no role 'admin'");
	refuse(rig, "run", "shell", "/bin/sh", NULL, "has no command 'shell'");
	refuse(rig, "run", "sh", NULL, NULL, "is not that of command 'sh'");
}

static void
a_variable_for_the_loader_is_refused(void **state)
{
	struct rig *rig = rig_of(state);

	refuse(rig, "run", "sh", "/bin/sh", "LD_PRELOAD=/tmp/x.so", "'LD_PRELOAD=");
	refuse(rig, "run", "sh", "/bin/sh", "ENV=/tmp/x", "'ENV=");
	refuse(rig, "run", "sh", "/bin/sh", "PATHX=/tmp", "'PATHX=");
	refuse(rig, "run", "sh", "/bin/sh", "PATH", "'PATH'");
}

static void
programs_that_may_change_under_us_are_refused(void **state)
{
	struct rig *rig = rig_of(state);

	refuse(rig, "run", "script", script_path, NULL, "is a script");
	refuse(rig, "run", "open", open_path, NULL, "written by group or others");
	refuse(rig, "run", "gone", "/nonexistent/program", NULL, "cannot be opened");
	refuse(rig, "run", "folder", "/usr", NULL, "is not a regular file");
	refuse(rig, "run", "setuid", "/usr/bin/passwd", NULL, "set-user-id");
	if (rig->root)
		refuse(rig, "run", "theirs", theirs_path, NULL, "neither root nor");
}

/* Asked in a process of its own: the answer is for the user who asked first. */
static bool
reaches_full(void)
{
	pid_t pid = fork();
	int status = 1;

	if (pid == 0) {
		const struct bas_confinement *best = bas_confine_best(NULL);

		_exit(best == NULL || best->level != BAS_LEVEL_FULL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status == 0;
}

static void
a_level_that_is_not_reached_is_refused(void **state)
{
	struct rig *rig = rig_of(state);

	if (rig->root && reaches_full()) {
		spawn_env(
		    rig, "strict", "env", (char *const[]){ "/usr/bin/env", NULL }, default_env);
		expect_spawned(rig);
		return;
	}
	refuse(rig, "strict", "sh", "/bin/sh", NULL, "needs confinement 'full'");
}

static void
expect_dropped(struct rig *rig)
{
	struct pollfd wait = { .fd = rig->keeper, .events = POLLIN };
	struct bas_frame frame;

	assert_int_equal(poll(&wait, 1, PATIENCE), 1);
	assert_int_equal(bas_frame_receive(rig->keeper, &frame, rig->buf), BAS_FRAME_END);
}

static void
a_frame_of_the_wrong_shape_ends_the_keeper(void **state)
{
	struct rig *rig = rig_of(state);
	struct ca_buf payload = { 0 };

	ca_buf_put_u32(&payload, 1);
	assert_true(bas_frame_send(rig->keeper, BAS_F_STOP, &payload, NULL, 0));
	ca_buf_clear(&payload);
	expect_dropped(rig);
}

static void
a_frame_without_descriptors_ends_the_keeper(void **state)
{
	struct rig *rig = rig_of(state);
	struct ca_buf payload = { 0 };

	ca_buf_put_u32(&payload, 7);
	ca_buf_put_cstring(&payload, "run");
	ca_buf_put_cstring(&payload, "sh");
	put_words(&payload, (char *const[]){ "/bin/sh", NULL });
	put_words(&payload, default_env);
	ca_buf_put_u8(&payload, 0);
	assert_true(bas_frame_send(rig->keeper, BAS_F_SPAWN, &payload, NULL, 0));
	ca_buf_clear(&payload);
	expect_dropped(rig);
}

static void
a_tag_in_use_ends_the_keeper_and_its_tree(void **state)
{
	struct rig *rig = rig_of(state);
	int first;

	spawn_shell(rig, "echo up; sleep 1000");
	expect_spawned(rig);
	await_line(rig);
	first = dup(rig->output);
	spawn_shell(rig, "exit 0");
	expect_dropped(rig);
	close(rig->output);
	rig->output = first;
	read_output(rig, 1000);
}

static void
an_ended_socket_that_another_process_still_holds_is_forgotten(void **state)
{
	struct ca_arena *arena = ca_arena_new();
	struct bas_config *policy = ca_arena_get(arena, 1, sizeof(*policy));
	struct bas_spawner *spawner;
	int nursery[2], keeper[2];
	struct pollfd set = { .events = POLLIN };
	struct ca_buf payload = { 0 };
	struct ca_why why;

	(void)state;
	*policy = (struct bas_config){ .arena = arena };
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, nursery), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, keeper), 0);
	assert_true(bas_spawner_new(&spawner, bas_confine_best(&why), &why));
	assert_true(bas_spawner_add_nursery(spawner, nursery[1], policy, &why));
	ca_buf_put_u32(&payload, 1);
	assert_true(bas_frame_send(nursery[0], BAS_F_KEEPER, &payload, &keeper[1], 1));
	ca_buf_clear(&payload);
	bas_spawner_dispatch(spawner);
	close(keeper[0]);
	bas_spawner_dispatch(spawner);
	set.fd = bas_spawner_fd(spawner);
	assert_int_equal(poll(&set, 1, 0), 0);
	bas_spawner_dispatch(spawner);
	close(keeper[1]);
	close(nursery[0]);
	bas_spawner_free(spawner);
}

static int
make_programs(void **state)
{
	(void)state;
	if (scratch_make(state) != 0)
		return -1;
	nobody = 100000 + (uid_t)getpid();
	snprintf(nobody_text, sizeof(nobody_text), "%u:%u", nobody, nobody);
	chmod(scratch, 0755);
	strcpy(script_path, scratch_path("script"));
	strcpy(open_path, scratch_path("open"));
	strcpy(theirs_path, scratch_path("theirs"));
	scratch_write("script", "#!/bin/sh\n", 10);
	RUN_OK("cp", "/bin/true", open_path);
	RUN_OK("cp", "/bin/true", theirs_path);
	RUN_OK("chmod", "755", script_path, theirs_path);
	RUN_OK("chmod", "775", open_path);
	if (geteuid() == 0) {
		RUN_OK("chown", nobody_text, theirs_path);
	}
	return 0;
}

#define BOTH(TEST)                                          \
	{ #TEST " as root", TEST, as_root, stop, NULL },    \
	{                                                   \
#TEST " as user", TEST, as_user, stop, NULL \
	}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(an_exit_status_comes_when_the_tree_is_gone),
		BOTH(a_signal_that_ended_it_is_named),
		BOTH(its_processor_time_is_reported),
		BOTH(a_signal_reaches_the_command),
		BOTH(a_daemon_that_forked_twice_dies_with_its_command),
		BOTH(stop_zero_kills_the_whole_tree),
		BOTH(the_tree_dies_with_its_keepers_socket),
		BOTH(the_tree_dies_with_the_spawner),
		BOTH(a_fork_bomb_dies_within_a_second),
		BOTH(a_chain_that_forks_and_exits_dies_within_a_second),
		BOTH(a_killed_init_leaves_nothing),
		BOTH(a_stopped_init_is_no_way_out),
		BOTH(the_environment_is_what_was_asked_and_nothing_else),
		BOTH(no_descriptor_but_three_is_open),
		BOTH(privileges_are_gone_for_good),
		BOTH(limits_are_those_of_the_policy),
		BOTH(a_file_over_its_size_ends_the_command),
		BOTH(processes_over_the_limit_are_not_made),
		BOTH(a_terminal_is_the_controlling_one),
		BOTH(a_second_command_runs_beside_the_first),
		BOTH(what_the_configuration_does_not_have_is_refused),
		BOTH(a_variable_for_the_loader_is_refused),
		BOTH(programs_that_may_change_under_us_are_refused),
		BOTH(a_level_that_is_not_reached_is_refused),
		BOTH(a_frame_of_the_wrong_shape_ends_the_keeper),
		BOTH(a_frame_without_descriptors_ends_the_keeper),
		BOTH(a_tag_in_use_ends_the_keeper_and_its_tree),
		cmocka_unit_test(an_ended_socket_that_another_process_still_holds_is_forgotten),
	};

	return cmocka_run_group_tests(tests, make_programs, scratch_remove);
}
