/* SPDX-License-Identifier: Apache-2.0 */
/* test_door_sandbox.c - what a door may still do behind its fence, and what it may not. */
#include "bastion/door.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define FDS    16
#define MEMORY ((size_t)64 << 20)

#define DENIED 42 /* the call failed with EACCES */
#define DONE   43 /* it did not fail */
#define OTHER  44

static struct bas_sandbox *sandbox;

/* Raw, so that nothing of libc's comes before the call in question. */
static void
call(long number, long a, long b, long c)
{
	long result = syscall(number, a, b, c, 0, 0, 0);

	syscall(SYS_exit_group, result >= 0 ? DONE : errno == EACCES ? DENIED : OTHER);
}

static void
open_file(void)
{
	call(SYS_openat, AT_FDCWD, (long)(uintptr_t) "/etc/passwd", O_RDONLY);
}

#ifdef SYS_open
static void
open_file_the_old_way(void)
{
	call(SYS_open, (long)(uintptr_t) "/etc/passwd", O_RDONLY, 0);
}
#endif

static void
make_socket(void)
{
	call(SYS_socket, AF_INET, SOCK_STREAM, 0);
}

static void
connect_socket(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(9) };

	call(SYS_connect, 3, (long)(uintptr_t)&address, sizeof(address));
}

static void
look_at_a_file(void)
{
	struct stat status;

	call(SYS_newfstatat, AT_FDCWD, (long)(uintptr_t) "/etc/passwd", (long)(uintptr_t)&status);
}

static void
execute(void)
{
	char *argv[] = { NULL };

	call(SYS_execve, (long)(uintptr_t) "/bin/true", (long)(uintptr_t)argv,
	    (long)(uintptr_t)argv);
}

static void
execute_by_descriptor(void)
{
	char *argv[] = { NULL };

	call(SYS_execveat, AT_FDCWD, (long)(uintptr_t) "/bin/true", (long)(uintptr_t)argv);
}

static void
fork_itself(void)
{
	call(SYS_clone, SIGCHLD, 0, 0);
}

static void
fork_itself_the_new_way(void)
{
	call(SYS_clone3, 0, 0, 0);
}

static void
signal_its_parent(void)
{
	call(SYS_kill, getppid(), 0, 0);
}

static void
trace_its_parent(void)
{
	call(SYS_ptrace, PTRACE_ATTACH, getppid(), 0);
}

static void
accept_a_connection(void)
{
	call(SYS_accept4, 3, 0, 0);
}

static void
make_memory_executable(void)
{
	call(SYS_mmap, 0, 4096, PROT_READ | PROT_EXEC);
}

static void
be_root_again(void)
{
	call(SYS_setuid, 0, 0, 0);
}

static void
leave_its_root(void)
{
	call(SYS_chroot, (long)(uintptr_t) "/", 0, 0);
}

static void
use_io_uring(void)
{
	call(SYS_io_uring_setup, 1, 0, 0);
}

static void
load_a_filter_of_its_own(void)
{
	call(SYS_seccomp, 0, 0, 0);
}

static void
set_another_socket_option(void)
{
	call(SYS_setsockopt, 3, SOL_SOCKET, SO_ATTACH_FILTER);
}

static void
duplicate_a_descriptor(void)
{
	call(SYS_fcntl, 3, F_DUPFD, 0);
}

static void
send_a_descriptor_elsewhere(void)
{
	call(SYS_pidfd_open, getppid(), 0, 0);
}

/* What a connection needs, all of it. */
static void
work(void)
{
	char buf[64];
	int on = 1;
	void *memory;
	struct pollfd fd = { .fd = 3, .events = POLLIN };

	if (write(3, "hello", 5) != 5 || poll(&fd, 1, 0) < 0 ||
	    recv(3, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		_exit(OTHER);
	(void)setsockopt(3, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
	memory = malloc((size_t)4 << 20);
	if (memory == NULL)
		_exit(OTHER);
	memset(memory, 1, (size_t)4 << 20);
	free(memory);
	if (mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
	    MAP_FAILED)
		_exit(OTHER);
	_exit(DONE);
}

static void
wait_for_the_end(void)
{
	char byte;

	(void)!read(3, &byte, 1);
	_exit(DONE);
}

/* Starts it behind the fence, with a socket as descriptor 3 whose other end is `*other`. */
static pid_t
start(void (*deed)(void), int *other)
{
	int fds[2];
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct ca_why why;

		dup2(fds[0], 3);
		bas_sandbox_close_others(3, 4);
		close(4);
		if (!bas_sandbox_enter(sandbox, FDS, MEMORY, &why))
			_exit(OTHER);
		deed();
	}
	close(fds[0]);
	*other = fds[1];
	return pid;
}

static int
run(void (*deed)(void))
{
	int status, other;
	pid_t pid = start(deed, &other);

	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(other);
	return status;
}

static void
assert_denied(void (*deed)(void))
{
	int status = run(deed);

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), DENIED);
}

static void
assert_killed(void (*deed)(void))
{
	int status = run(deed);

	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
}

static void
bytes_and_memory_can_be_moved(void **state)
{
	int status = run(work);

	(void)state;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), DONE);
}

static void
naming_things_is_denied(void **state)
{
	(void)state;
	assert_denied(open_file);
#ifdef SYS_open
	assert_denied(open_file_the_old_way);
#endif
	assert_denied(make_socket);
	assert_denied(connect_socket);
	assert_denied(look_at_a_file);
}

static void
everything_else_kills(void **state)
{
	(void)state;
	assert_killed(execute);
	assert_killed(execute_by_descriptor);
	assert_killed(fork_itself);
	assert_killed(fork_itself_the_new_way);
	assert_killed(trace_its_parent);
	assert_killed(signal_its_parent);
	assert_killed(accept_a_connection);
	assert_killed(make_memory_executable);
	assert_killed(be_root_again);
	assert_killed(leave_its_root);
	assert_killed(use_io_uring);
	assert_killed(load_a_filter_of_its_own);
	assert_killed(send_a_descriptor_elsewhere);
	assert_killed(set_another_socket_option);
	assert_killed(duplicate_a_descriptor);
}

/* Whether a line of /proc/PID/FILE says so, blanks counted as one. */
static bool
proc_says(pid_t pid, const char *file, const char *what)
{
	char path[64], line[256];
	bool found = false;
	FILE *stream;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	stream = fopen(path, "re");
	assert_non_null(stream);
	while (!found && fgets(line, sizeof(line), stream) != NULL) {
		char *to = line;

		for (char *from = line; *from != '\0'; from++)
			if ((*from != ' ' && *from != '\t') || (to > line && to[-1] != ' '))
				*to++ = *from == '\t' ? ' ' : *from;
		*to = '\0';
		found = strncmp(line, what, strlen(what)) == 0;
	}
	fclose(stream);
	return found;
}

static void
limits_are_low_and_privileges_gone(void **state)
{
	int status, other;
	pid_t pid = start(wait_for_the_end, &other);

	(void)state;
	while (!proc_says(pid, "status", "Seccomp: 2"))
		assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	assert_true(proc_says(pid, "status", "NoNewPrivs: 1"));
	assert_true(proc_says(pid, "limits", "Max open files 16 16"));
	assert_true(proc_says(pid, "limits", "Max processes 0 0"));
	assert_true(proc_says(pid, "limits", "Max core file size 0 0"));
#ifndef __SANITIZE_ADDRESS__ /* whose report may go to a file */
	assert_true(proc_says(pid, "limits", "Max file size 0 0"));
#endif
	close(other);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), DONE);
}

static void
only_its_own_descriptors_stay_open(void **state)
{
	int fds[8], status;
	pid_t pid;

	(void)state;
	for (size_t i = 0; i < 8; i++)
		fds[i] = dup(0);
	pid = fork();
	if (pid == 0) {
		unsigned open = 0;

		bas_sandbox_close_others(fds[5], fds[2]);
		for (int fd = 3; fd < 1024; fd++)
			open += fcntl(fd, F_GETFD) >= 0;
		_exit(open == 2 && fcntl(fds[2], F_GETFD) >= 0 && fcntl(fds[5], F_GETFD) >= 0
			  ? DONE
			  : OTHER);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), DONE);
	for (size_t i = 0; i < 8; i++)
		close(fds[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_and_memory_can_be_moved),
		cmocka_unit_test(naming_things_is_denied),
		cmocka_unit_test(everything_else_kills),
		cmocka_unit_test(limits_are_low_and_privileges_gone),
		cmocka_unit_test(only_its_own_descriptors_stay_open),
	};
	struct ca_why why;
	int failed;

	if (!bas_sandbox_new(&sandbox, &why))
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	bas_sandbox_free(sandbox);
	return failed;
}
