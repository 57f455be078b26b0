/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confine_rig.h - runs a program as a level holds it, in every way there is to be held.
 *
 * Include behind cmocka.h. `attempt` forks a process that is the spawner of one command.
 */
#ifndef TESTS_CONFINE_RIG_H
#define TESTS_CONFINE_RIG_H

#include "bastion/confine_parts.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "bastion/confine_layout.h"
#include "bastion/spawner_child.h"
#include "scratch.h"

#define USER 64009 /* nobody else's: processes are counted by user */

static char self[PATH_MAX];

/* How it is held; what a test does not set is nothing. */
struct hold {
	enum bas_level level;
	int landlock; /* most ABI; -1: the kernel has none, whoever asks */
	struct bas_confine confine;
	const char *program; /* NULL: this one */
	int input;	     /* 0: /dev/null */
};

static inline void
hide_landlock(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_landlock_create_ruleset, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]), filter };

	if (geteuid() != 0)
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		_exit(97);
}

static inline const struct bas_confinement *
level_of(const struct hold *hold)
{
	return hold->level == BAS_LEVEL_FULL	 ? &bas_confine_full
	       : hold->level == BAS_LEVEL_KERNEL ? &bas_confine_kernel
						 : &bas_confine_basic;
}

static inline _Noreturn void
refuse(const struct ca_why *why)
{
	dprintf(1, "refused: %s\n", why->text);
	_exit(126);
}

/* In a process that is the spawner for one command. */
static inline _Noreturn void
launch(const struct hold *hold, char **argv)
{
	const struct bas_confinement *level = level_of(hold);
	const struct bas_command command = { .name = "try", .confine = hold->confine };
	const struct bas_role role = { .name = "test", .uid = USER, .gid = USER };
	char *const envp[] = { "PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "TERM=xterm", NULL };
	struct bas_launch launch = { .role = &role,
		.command = &command,
		.argv = argv,
		.envp = envp,
		.terminal = hold->input != 0,
		.fds = { 10, 11, 12 } };
	struct ca_why why = { .text = "" };
	struct bas_report report;
	struct bas_child child;

	if (hold->level != BAS_LEVEL_FULL && geteuid() == 0 &&
	    (setresgid(USER, USER, USER) != 0 || setresuid(USER, USER, USER) != 0))
		_exit(99);
	if (hold->landlock < 0)
		hide_landlock();
	else if (hold->landlock > 0)
		bas_landlock_limit(hold->landlock);
	dup3(hold->input != 0 ? hold->input : open("/dev/null", O_RDONLY | O_CLOEXEC), 10,
	    O_CLOEXEC);
	dup3(1, 11, O_CLOEXEC);
	dup3(1, 12, O_CLOEXEC);
	if (!bas_calls_prepare(&why) || !bas_layout_prepare(&why) ||
	    !bas_confine_check_command(level, &command, &why))
		refuse(&why);
	launch.program = bas_confine_program(argv[0], &role, &why);
	if (launch.program < 0 || !bas_child_start(&child, level, &launch, &why))
		refuse(&why);
	do
		if (recv(child.socket, &report, sizeof(report), 0) != (ssize_t)sizeof(report))
			_exit(98);
	while (report.kind == BAS_REPORT_STARTED);
	close(child.socket);
	while (waitpid(-1, NULL, 0) > 0) /* the init, and its forwarder that ends with it */
		;
	if (report.kind == BAS_REPORT_FAILED)
		refuse(&report.why);
	_exit(
	    WIFEXITED(report.status) ? WEXITSTATUS(report.status) : 128 + WTERMSIG(report.status));
}

static int status; /* of the last `attempt` */

/* What the program printed. */
static inline const char *
attempt(const struct hold *hold, ...)
{
	static char text[65536];
	char *argv[16] = { (char *)(uintptr_t)(hold->program != NULL ? hold->program : self) };
	size_t len = 0;
	ssize_t got;
	int out[2], count = 1;
	va_list list;
	pid_t pid;

	va_start(list, hold);
	while (count < 15 && (argv[count] = va_arg(list, char *)) != NULL)
		count++;
	va_end(list);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	fflush(stdout);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(out[1], 1);
		dup2(out[1], 2);
		launch(hold, argv);
	}
	close(out[1]);
	while (
	    len < sizeof(text) - 1 && (got = read(out[0], text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)got;
	text[len] = '\0';
	close(out[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	status = WEXITSTATUS(status);
	return text;
}

static inline void
expect(const char *got, const char *line)
{
	size_t len = strlen(line);

	if (strncmp(got, line, len) != 0 || got[len] != '\n')
		fail_msg("wanted %s, got %s", line, got);
}

static inline void
expect_not(const char *got, const char *line)
{
	if (strcmp(got, line) == 0)
		fail_msg("got %s", got);
}

static inline bool
reaches(enum bas_level level)
{
	const struct hold hold = { .level = level };

	return (level != BAS_LEVEL_FULL || geteuid() == 0) &&
	       strcmp(attempt(&hold, "list", "/", NULL), "done\n") == 0;
}

/* Every way there is to be held at a level with a root; the state of a test is its level. */
struct ways {
	struct hold holds[3];
	size_t count;
};

static inline struct ways
ways_of(void **state, struct bas_confine confine)
{
	static const int landlocks[] = { 0, 2, -1 };
	struct ways ways = { .count = 0 };
	enum bas_level level = *(const enum bas_level *)*state;

	if (!reaches(level))
		skip();
	for (size_t i = 0; i < 3; i++)
		ways.holds[ways.count++] =
		    (struct hold){ .level = level, .landlock = landlocks[i], .confine = confine };
	return ways;
}

#define EACH(HOLD, STATE, ...)                                                   \
	struct ways ways_ = ways_of(STATE, (struct bas_confine){ __VA_ARGS__ }); \
	for (struct hold *HOLD = ways_.holds; HOLD < ways_.holds + ways_.count; HOLD++)

#define LIST(NAME, ...)                               \
	.NAME = (const char *const[]){ __VA_ARGS__ }, \
	.NAME##_count = sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *)

#endif
