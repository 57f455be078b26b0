/* SPDX-License-Identifier: Apache-2.0 */
/* test_fence.c - what clerk, nursery and listener may no longer do once they are ready. */
#include "bastion/fence.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define DENIED 42 /* the call failed with EACCES */
#define DONE   43
#define OTHER  44

static char folder[64], inside[96], outside[96];

static bool
enter_clerk(struct ca_why *why)
{
	return bas_fence_clerk(why);
}

static bool
enter_nursery(struct ca_why *why)
{
	return bas_fence_nursery(open(inside, O_RDONLY | O_DIRECTORY | O_CLOEXEC), why);
}

static bool
enter_listener(struct ca_why *why)
{
	return bas_fence_listener(why);
}

/* --- deeds: raw, so that nothing of libc's comes before the call in question --- */

static void
call(long number, long a, long b, long c)
{
	long result = syscall(number, a, b, c, 0, 0, 0);

	syscall(SYS_exit_group, result >= 0 ? DONE : errno == EACCES ? DENIED : OTHER);
}

static void
execute(void)
{
	static char *const none[] = { NULL };

	call(SYS_execve, (long)(uintptr_t) "/bin/true", (long)(uintptr_t)none,
	    (long)(uintptr_t)none);
}

static void
connect_out(void)
{
	call(SYS_connect, 3, 0, 0);
}

static void
make_socket(void)
{
	call(SYS_socket, AF_INET, SOCK_STREAM, 0);
}

static void
trace(void)
{
	call(SYS_ptrace, PTRACE_ATTACH, getppid(), 0);
}

static void
signal_its_parent(void)
{
	call(SYS_kill, getppid(), SIGTERM, 0);
}

static void
be_root(void)
{
	call(SYS_setuid, 0, 0, 0);
}

static void
make_a_namespace(void)
{
	call(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0);
}

static void
make_a_thread(void)
{
	call(SYS_clone, CLONE_VM | CLONE_SIGHAND | CLONE_THREAD, 0, 0);
}

static void
mount_something(void)
{
	call(SYS_mount, (long)(uintptr_t) "none", (long)(uintptr_t) "/mnt",
	    (long)(uintptr_t) "tmpfs");
}

static void
type_for_somebody(void)
{
	call(SYS_ioctl, 0, TIOCSTI, (long)(uintptr_t) "x");
}

static void
fork_a_child(void)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0)
		_exit(DONE);
	_exit(pid > 0 && waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == DONE ? DONE
											: OTHER);
}

static void
read_outside(void)
{
	call(SYS_openat, AT_FDCWD, (long)(uintptr_t)outside, O_RDONLY);
}

static void
write_inside(void)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/new", inside);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	_exit(fd >= 0 && write(fd, "x", 1) == 1 && ftruncate(fd, 0) == 0 &&
		      renameat(AT_FDCWD, path, AT_FDCWD, strcat(inside, "/newer")) == 0
		  ? DONE
		  : OTHER);
}

static void
make_a_terminal(void)
{
	int fd = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC), zero = 0;

	_exit(fd >= 0 && ioctl(fd, TIOCSPTLCK, &zero) == 0 &&
		      ioctl(fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC) >= 0
		  ? DONE
		  : OTHER);
}

/* --- */

static int
run(bool (*enter)(struct ca_why *why), void (*deed)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct ca_why why;

		prctl(PR_SET_DUMPABLE, 0);
		if (!enter(&why))
			_exit(OTHER);
		deed();
		_exit(OTHER);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void
assert_killed(bool (*enter)(struct ca_why *why), void (*deed)(void))
{
	int status = run(enter, deed);

	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
}

static void
assert_exit(bool (*enter)(struct ca_why *why), void (*deed)(void), int wanted)
{
	int status = run(enter, deed);

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), wanted);
}

static bool
has_landlock(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) > 0;
}

static void
assert_fenced(bool (*enter)(struct ca_why *why))
{
	assert_killed(enter, execute);
	assert_killed(enter, trace);
	assert_killed(enter, signal_its_parent);
	assert_killed(enter, be_root);
	assert_killed(enter, make_a_namespace);
	assert_killed(enter, make_a_thread);
	assert_killed(enter, mount_something);
}

static void
the_clerk_executes_and_connects_nothing_and_has_no_children(void **state)
{
	(void)state;
	assert_fenced(enter_clerk);
	assert_killed(enter_clerk, connect_out);
	assert_killed(enter_clerk, make_socket);
	assert_killed(enter_clerk, type_for_somebody);
	assert_killed(enter_clerk, fork_a_child);
}

static void
the_nursery_executes_and_connects_nothing(void **state)
{
	(void)state;
	assert_fenced(enter_nursery);
	assert_killed(enter_nursery, connect_out);
	assert_killed(enter_nursery, make_socket);
	assert_killed(enter_nursery, type_for_somebody);
	assert_exit(enter_nursery, fork_a_child, DONE);
}

static void
the_listener_executes_and_connects_nothing(void **state)
{
	(void)state;
	assert_fenced(enter_listener);
	/* Denied as for its doors: the Kerberos library behind libssh tries. */
	assert_exit(enter_listener, connect_out, DENIED);
	assert_exit(enter_listener, make_socket, DENIED);
	assert_exit(enter_listener, read_outside, DENIED);
	assert_exit(enter_listener, type_for_somebody, DENIED);
	assert_exit(enter_listener, fork_a_child, DONE);
}

static void
a_keeper_opens_only_recordings_and_terminals(void **state)
{
	(void)state;
	if (!has_landlock())
		skip();
	assert_exit(enter_nursery, read_outside, DENIED);
	assert_exit(enter_nursery, write_inside, DONE);
	assert_exit(enter_nursery, make_a_terminal, DONE);
}

static int
make_folders(void **state)
{
	int fd;

	(void)state;
	strcpy(folder, "/tmp/postern-test-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(inside, sizeof(inside), "%s/recordings", folder);
	snprintf(outside, sizeof(outside), "%s/seal_key", folder);
	fd = open(outside, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	return fd >= 0 && close(fd) == 0 && mkdir(inside, 0700) == 0 ? 0 : -1;
}

static int
remove_folders(void **state)
{
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/newer", inside);
	unlink(path);
	rmdir(inside);
	unlink(outside);
	return rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_clerk_executes_and_connects_nothing_and_has_no_children),
		cmocka_unit_test(the_nursery_executes_and_connects_nothing),
		cmocka_unit_test(the_listener_executes_and_connects_nothing),
		cmocka_unit_test(a_keeper_opens_only_recordings_and_terminals),
	};

	return cmocka_run_group_tests(tests, make_folders, remove_folders);
}
