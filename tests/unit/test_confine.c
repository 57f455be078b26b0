/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_confine.c - each outcome of each level, seen from inside.
 *
 * The confined program is this one (confine_inside.h). Every attempt is made at level full as root,
 * at level kernel as an ordinary user, and where it holds there at basic; with Landlock as the
 * kernel has it, as Linux 5.19 had it, and without.
 */
#include "bastion/confine_parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/un.h>

#include <cmocka.h>

#include "bastion/destination.h"
#include "confine_inside.h"
#include "confine_rig.h"

/* ---- one exec only */

static void
a_second_exec_is_refused_by_the_kernel(void **state)
{
	EACH(hold, state, 0)
	{
		expect(attempt(hold, "exec", self, NULL), "ENOSYS");
		expect(attempt(hold, "exec", "/bin/sh", NULL), "ENOSYS");
		expect(attempt(hold, "exec", "/proc/self/exe", NULL), "ENOSYS");
	}
}

static void
a_listener_of_its_own_is_refused(void **state)
{
	EACH(hold, state, 0)
	expect(attempt(hold, "listener", NULL), "EPERM");
}

static void
real_programs_reach_no_shell(void **state)
{
	EACH(hold, state, LIST(read, "/etc/hostname"))
	{
		hold->program = "/usr/bin/find";
		assert_non_null(strstr(attempt(hold, "/", "-maxdepth", "0", "-exec", "/bin/sh",
					   "-c", "echo out", ";", NULL),
		    "Function not implemented"));
		hold->program = "/usr/bin/env";
		assert_non_null(strstr(attempt(hold, "sh", "-c", "echo out", NULL), "env: "));
		assert_int_not_equal(status, 0);
	}
}

static void
a_helper_runs_and_nothing_else_does(void **state)
{
	EACH(hold, state, LIST(execute, "/usr/bin/printf"))
	{
		const char *got;

		if (hold->landlock < 0) {
			got = attempt(hold, "exec", "/usr/bin/printf", NULL);
			assert_non_null(strstr(got, "no Landlock"));
			assert_int_equal(status, 126);
			continue;
		}
		hold->program = "/usr/bin/env";
		expect(attempt(hold, "printf", "held\\n", NULL), "held");
		expect_not(attempt(hold, "/bin/sh", "-c", "echo out", NULL), "out\n");
		expect_not(
		    attempt(hold, "/lib64/ld-linux-x86-64.so.2", "/bin/sh", "-c", "echo out", NULL),
		    "out\n");
		expect_not(attempt(hold, "/lib64/ld-linux-x86-64.so.2", "/usr/bin/true", NULL), "");
		hold->program = NULL;
		expect(attempt(hold, "call", "319", "0", "0", NULL), "EPERM"); /* memfd_create */
		expect(attempt(hold, "map", "/tmp/x", NULL),
		    hold->level == BAS_LEVEL_BASIC ? "EACCES" : "EPERM");
	}
}

/* ---- files */

static void
only_listed_files_are_read(void **state)
{
	char inside_path[PATH_MAX], secret[PATH_MAX];

	strcpy(inside_path, scratch_path("listed"));
	strcpy(secret, scratch_path("secret"));
	EACH(hold, state, LIST(read, inside_path))
	{
		expect(attempt(hold, "read", inside_path, NULL), "done");
		expect(attempt(hold, "read", secret, NULL), "ENOENT");
		expect(attempt(hold, "read", "/etc/shadow", NULL), "ENOENT");
		expect(attempt(hold, "list", "/home", NULL), "ENOENT");
		expect(attempt(hold, "read", "/usr/bin/true", NULL), "ENOENT");
		expect(attempt(hold, "list", "/sys", NULL), "ENOENT");
		expect(attempt(hold, "read", "/usr/share/common-licenses/GPL-2", NULL), "done");
	}
}

static void
only_listed_files_are_written(void **state)
{
	char listed[PATH_MAX], folder[PATH_MAX], file[PATH_MAX + 8];

	strcpy(listed, scratch_path("listed"));
	strcpy(folder, scratch_path("folder"));
	snprintf(file, sizeof(file), "%s/new", folder);
	EACH(hold, state, LIST(read, listed), LIST(write, folder))
	{
		expect(attempt(hold, "make", file, NULL), "done");
		assert_int_equal(unlink(file), 0);
		expect_not(attempt(hold, "write", listed, NULL), "done\n");
		expect_not(attempt(hold, "truncate", listed, NULL), "done\n");
		expect_not(attempt(hold, "touch", listed, NULL), "done\n");
		expect_not(attempt(hold, "unlink", listed, NULL), "done\n");
		expect_not(attempt(hold, "chmod", listed, "777", NULL), "done\n");
		expect_not(attempt(hold, "chmod", "/proc/self/exe", "777", NULL), "done\n");
		expect_not(attempt(hold, "make", "/new", NULL), "done\n");
		expect_not(attempt(hold, "make", "/usr/lib/new", NULL), "done\n");
		expect_not(attempt(hold, "make", "/etc/new", NULL), "done\n");
		expect_not(attempt(hold, "make", "/dev/new", NULL), "done\n");
	}
}

static void
what_is_written_is_not_executed(void **state)
{
	char folder[PATH_MAX], file[PATH_MAX + 8];

	strcpy(folder, scratch_path("folder"));
	snprintf(file, sizeof(file), "%s/program", folder);
	EACH(hold, state, LIST(write, folder))
	{
		expect(attempt(hold, "map", "/tmp/program", NULL), "EPERM");
		expect(attempt(hold, "map", file, NULL), "EPERM");
		expect(attempt(hold, "chmod", file, "4755", NULL), "EPERM");
		expect(attempt(hold, "chmod", file, "2755", NULL), "EPERM");
		assert_int_equal(unlink(file), 0);
	}
}

static void
its_tmp_is_its_own_and_has_an_end(void **state)
{
	char outside[] = "/tmp/postern-confine-XXXXXX";
	int fd = mkostemp(outside, O_CLOEXEC);

	assert_true(fd >= 0);
	close(fd);
	chmod(outside, 0644);
	EACH(hold, state, 0)
	{
		expect(attempt(hold, "read", outside, NULL), "ENOENT");
		expect(attempt(hold, "make", outside, NULL), "done");
		expect(attempt(hold, "fill", "/tmp/big", NULL), "64");
	}
	unlink(outside);
}

static void
a_link_in_a_listed_folder_leads_nowhere_else(void **state)
{
	char folder[PATH_MAX], link[PATH_MAX + 8];

	strcpy(folder, scratch_path("folder"));
	snprintf(link, sizeof(link), "%s/link", folder);
	EACH(hold, state, LIST(read, folder))
	expect(attempt(hold, "read", link, NULL), "ENOENT");
}

static void
a_path_through_a_link_is_found_inside(void **state)
{
	char link[PATH_MAX], path[PATH_MAX + 8];

	strcpy(link, scratch_path("way"));
	snprintf(path, sizeof(path), "%s/file", link);
	EACH(hold, state, LIST(read, path))
	expect(attempt(hold, "read", path, NULL), "done");
}

static void
what_cannot_be_a_list_is_refused(void **state)
{
	static const char *const wrong[] = { "/", "/proc/1" };

	for (size_t i = 0; i < 2; i++) {
		EACH(hold, state, .read = &wrong[i], .read_count = 1)
		{
			assert_non_null(
			    strstr(attempt(hold, "status", NULL), "refused: command 'try': "));
			assert_int_equal(status, 126);
		}
	}
}

/* ---- network */

/* Answers one connection with "pong"; its port. */
static pid_t
serve(uint16_t *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t pid;

	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	assert_int_equal(listen(fd, 5), 0);
	*port = ntohs(at.sin_port);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;) {
			int one = accept(fd, NULL, NULL);
			char text[16];

			if (read(one, text, sizeof(text)) == 4 && read(one, text, 1) == 0)
				(void)!write(one, "pong", 4);
			close(one);
		}
	}
	close(fd);
	return pid;
}

static void
only_listed_destinations_are_reached(void **state)
{
	char listed[32], number[8];
	uint16_t port;
	pid_t server = serve(&port), other;
	uint16_t elsewhere;
	char away[8];

	other = serve(&elsewhere);
	snprintf(listed, sizeof(listed), "localhost:%u", port);
	snprintf(number, sizeof(number), "%u", port);
	snprintf(away, sizeof(away), "%u", elsewhere);
	{ EACH(hold, state, LIST(connect, listed)){
	    expect(attempt(hold, "connect", "127.0.0.1", number, NULL), "pong");
	expect_not(attempt(hold, "connect", "127.0.0.1", away, NULL), "pong\n");
	expect_not(attempt(hold, "connect", "169.254.169.254", "80", NULL), "nothing\n");
}
}
{
	EACH(hold, state, 0)
	expect_not(attempt(hold, "connect", "127.0.0.1", number, NULL), "pong\n");
}
kill(server, SIGKILL);
kill(other, SIGKILL);
waitpid(server, NULL, 0);
waitpid(other, NULL, 0);
}

static void
metadata_is_reached_by_nothing(void **state)
{
	EACH(hold, state, LIST(connect, "169.254.169.254:8080"))
	{
		expect(attempt(hold, "connect", "127.0.0.1", "8080", NULL), "nothing");
		expect_not(attempt(hold, "connect", "169.254.169.254", "8080", NULL), "nothing\n");
	}
}

static void
addresses_that_tell_credentials_are_known(void **state)
{
	static const char *const refused[] = { "169.254.169.254:80", "169.254.0.1:1",
		"[fd00:ec2::254]:80", "[fe80::1]:80", "[::ffff:169.254.169.254]:80",
		"[64:ff9b::a9fe:a9fe]:80", "[2002:a9fe:a9fe::1]:80", "[::169.254.169.254]:80",
		"168.63.129.16:80", "100.100.100.200:80", "192.0.0.192:80" };
	static const char *const fine[] = { "127.0.0.1:9000", "[::1]:9000", "10.0.0.1:80",
		"169.253.0.1:80", "db.example:5432", "[fd00:ec2::253]:80" };

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (!bas_destination_is_refused(refused[i]))
			fail_msg("%s", refused[i]);
	for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++)
		if (bas_destination_is_refused(fine[i]))
			fail_msg("%s", fine[i]);
}

/* ---- other processes */

static void
other_processes_are_neither_seen_nor_touched(void **state)
{
	char parent[16];

	snprintf(parent, sizeof(parent), "%d", getpid());
	EACH(hold, state, 0)
	{
		const char *count = attempt(hold, "processes", NULL);

		if (strcmp(count, "1\n") != 0 && strcmp(count, "2\n") != 0) /* its init */
			fail_msg("sees %s", count);
		expect(attempt(hold, "kill", parent, NULL), "ESRCH");
		expect(attempt(hold, "ptrace", parent, NULL), "EPERM");
		expect(attempt(hold, "ptrace", "1", NULL), "EPERM");
		expect_not(attempt(hold, "read", "/proc/1/environ", NULL), "done\n");
		expect(attempt(hold, "read", "/proc/meminfo", NULL), "ENOENT");
		expect_not(attempt(hold, "write", "/proc/self/oom_score_adj", NULL), "done\n");
	}
}

static void
a_listed_proc_shows_figures_and_opens_nobody(void **state)
{
	char mine[64];

	snprintf(mine, sizeof(mine), "/proc/%d/environ", getpid());
	EACH(hold, state, LIST(read, "/proc"))
	{
		if (hold->level == BAS_LEVEL_FULL && hold->landlock < 0) {
			assert_non_null(strstr(attempt(hold, "status", NULL), "no Landlock"));
			continue;
		}
		expect(attempt(hold, "read", "/proc/meminfo", NULL), "done");
		expect(attempt(hold, "read", "/proc/stat", NULL), "done");
		expect_not(attempt(hold, "read", mine, NULL), "done\n");
		expect_not(attempt(hold, "list", "/proc/1/root/etc", NULL), "done\n");
		expect_not(attempt(hold, "write", "/proc/sysrq-trigger", NULL), "done\n");
		expect_not(attempt(hold, "write", "/proc/sys/kernel/hostname", NULL), "done\n");
		if (hold->level == BAS_LEVEL_FULL)
			assert_true(atoi(attempt(hold, "processes", NULL)) > 2);
		else
			assert_true(atoi(attempt(hold, "processes", NULL)) <= 2);
	}
}

static void
privileges_are_empty(void **state)
{
	unsigned uid = geteuid() == 0 ? USER : geteuid();
	char uids[64];

	snprintf(uids, sizeof(uids), "Uid:\t%u\t%u\t%u\t%u\n", uid, uid, uid, uid);
	EACH(hold, state, 0)
	{
		const char *text = attempt(hold, "status", NULL);

		assert_non_null(
		    strstr(text, "CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\n"
				 "CapEff:\t0000000000000000\nCapBnd:\t0000000000000000\n"
				 "CapAmb:\t0000000000000000\nNoNewPrivs:\t1\n"));
		assert_non_null(strstr(text, "Seccomp:\t2\n"));
		assert_non_null(strstr(text, uids));
	}
}

static void
processes_are_limited(void **state)
{
	EACH(hold, state, .processes = 10)
	{
		const char *made = attempt(hold, "fork", "100", NULL);

		if (atoi(made) < 5 || atoi(made) > 10)
			fail_msg("Landlock %d: %s", hold->landlock, made);
	}
}

/* ---- system calls */

static const struct {
	long number;
	const char *arguments[4];
	const char *error;
} calls[] = {
	{ SYS_unshare, { "0x10000000" }, "EPERM" }, /* CLONE_NEWUSER */
	{ SYS_unshare, { "0x40000000" }, "EPERM" },
	{ SYS_setns, { "0", "0" }, "EPERM" },
	{ SYS_clone, { "0x10000011" }, "EPERM" },
	{ SYS_clone, { "0x20011" }, "EPERM" },
	{ SYS_clone3, { "0", "0" }, "ENOSYS" },
	{ SYS_mount, { "0" }, "EPERM" },
	{ SYS_umount2, { "0" }, "EPERM" },
	{ SYS_pivot_root, { "0" }, "EPERM" },
	{ SYS_chroot, { "0" }, "EPERM" },
	{ SYS_fsopen, { "0" }, "EPERM" },
	{ SYS_open_tree, { "0" }, "EPERM" },
	{ SYS_move_mount, { "0" }, "EPERM" },
	{ SYS_mount_setattr, { "0" }, "EPERM" },
	{ SYS_bpf, { "0" }, "EPERM" },
	{ SYS_perf_event_open, { "0" }, "EPERM" },
	{ SYS_userfaultfd, { "0" }, "EPERM" },
	{ SYS_io_uring_setup, { "1", "0" }, "EPERM" },
	{ SYS_keyctl, { "0" }, "EPERM" },
	{ SYS_add_key, { "0" }, "EPERM" },
	{ SYS_request_key, { "0" }, "EPERM" },
	{ SYS_process_vm_readv, { "1" }, "EPERM" },
	{ SYS_process_vm_writev, { "1" }, "EPERM" },
	{ SYS_kcmp, { "1", "2" }, "EPERM" },
	{ SYS_pidfd_getfd, { "0" }, "EPERM" },
	{ SYS_open_by_handle_at, { "0" }, "EPERM" },
	{ SYS_name_to_handle_at, { "0" }, "EPERM" },
	{ SYS_openat2, { "0" }, "ENOSYS" },
	{ SYS_personality, { "0x40000" }, "EPERM" },
	{ SYS_init_module, { "0" }, "EPERM" },
	{ SYS_finit_module, { "0" }, "EPERM" },
	{ SYS_kexec_load, { "0" }, "EPERM" },
	{ SYS_reboot, { "0" }, "EPERM" },
	{ SYS_swapon, { "0" }, "EPERM" },
	{ SYS_settimeofday, { "0" }, "EPERM" },
	{ SYS_clock_settime, { "0", "0" }, "EPERM" },
	{ SYS_sethostname, { "0" }, "EPERM" },
	{ SYS_syslog, { "3" }, "EPERM" },
	{ SYS_quotactl, { "0" }, "EPERM" },
	{ SYS_fanotify_init, { "0" }, "EPERM" },
	{ 467, { "0" }, "ENOSYS" },    /* younger than our list */
	{ 100000, { "0" }, "ENOSYS" }, /* never heard of */
#ifdef __x86_64__
	{ 0x40000000 | 39, { "0" }, "ENOSYS" }, /* x32's getpid */
	{ SYS_modify_ldt, { "0" }, "EPERM" },
	{ SYS_iopl, { "0" }, "EPERM" },
#endif
};

static void
listed_system_calls_are_refused(void **state)
{
	EACH(hold, state, 0)
	{
		if (hold->landlock != 0)
			continue;
		for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
			char number[24];
			const char *got;

			snprintf(number, sizeof(number), "%ld", calls[i].number);
			got = attempt(hold, "call", number, calls[i].arguments[0],
			    calls[i].arguments[1], NULL);
			if (strncmp(got, calls[i].error, strlen(calls[i].error)) != 0)
				fail_msg("call %ld: %s", calls[i].number, got);
		}
	}
}

static void
other_socket_families_are_refused(void **state)
{
	static const char *const families[] = { "17", "38", "40", "31", "4", "21", "16/2", "16/9" };

	EACH(hold, state, 0)
	{
		expect(attempt(hold, "socket", "1", NULL),
		    hold->level == BAS_LEVEL_BASIC ? "done" : "EAFNOSUPPORT");
		expect(attempt(hold, "socket", "2", NULL), "done");
		expect(attempt(hold, "socket", "10", NULL), "done");
		for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
			char family[8];
			char *slash;

			strcpy(family, families[i]);
			slash = strchr(family, '/');
			if (slash != NULL)
				*slash++ = '\0';
			expect(attempt(hold, "socket", family, slash, NULL), "EAFNOSUPPORT");
		}
	}
}

/* Neither a read-only mount nor Landlock keeps anyone from connecting to what he can see. */
static void
a_socket_is_spoken_to_only_where_write_lists_it(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char path[PATH_MAX], folder[PATH_MAX];
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	strcpy(folder, scratch_path("folder"));
	strcpy(path, scratch_path("socket"));
	assert_true(strlen(path) < sizeof(address.sun_path));
	memcpy(address.sun_path, path, strlen(path) + 1);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	for (int write = 0; write < 2; write++) {
		EACH(hold, state, LIST(read, path), LIST(write, write ? path : folder))
		expect(attempt(hold, "socket", "1", NULL), write ? "done" : "EAFNOSUPPORT");
	}
	close(fd);
	unlink(path);
}

static void
nothing_is_typed_into_its_terminal(void **state)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), slave;

	assert_true(master >= 0);
	assert_int_equal(unlockpt(master), 0);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(slave >= 0);
	EACH(hold, state, 0)
	{
		hold->input = slave;
		expect(attempt(hold, "ioctl", "0x5412", NULL), "EPERM"); /* TIOCSTI */
		expect(attempt(hold, "ioctl", "0x100005412", NULL), "EPERM");
		expect(attempt(hold, "ioctl", "0x541c", NULL), "EPERM"); /* TIOCLINUX */
	}
	close(slave);
	close(master);
}

/* ---- work that goes on */

static void
real_programs_still_work(void **state)
{
	char database[PATH_MAX];

	strcpy(database, scratch_path("test.db"));
	EACH(hold, state, LIST(read, "/proc", database))
	{
		if (hold->level == BAS_LEVEL_FULL && hold->landlock < 0)
			continue;
		hold->program = "/usr/bin/python3";
		expect(attempt(hold, "-c",
			   "import json, ssl, ctypes, sqlite3, subprocess, tempfile\n"
			   "tempfile.TemporaryFile().write(b'x')\n"
			   "print(json.dumps({'a': 1}))",
			   NULL),
		    "{\"a\": 1}");
		hold->program = "/usr/bin/sqlite3";
		expect(attempt(
			   hold, "-init", "/dev/null", "-readonly", database, "select 6 * 7", NULL),
		    "42");
		hold->program = "/usr/bin/top";
		assert_non_null(strstr(attempt(hold, "-b", "-n", "1", NULL), "load average"));
		hold->program = "/usr/bin/id";
		attempt(hold, NULL);
		assert_int_equal(status, 0);
	}
}

static int
set_up(void **state)
{
	char path[PATH_MAX];
	ssize_t len;

	if (scratch_make(state) != 0)
		return -1;
	chmod(scratch, 0755);
	strcpy(self, scratch_path("test_confine"));
	len = readlink("/proc/self/exe", path, sizeof(path) - 1);
	path[len < 0 ? 0 : len] = '\0';
	RUN_OK("cp", path, self);
	chmod(self, 0755);
	scratch_write("listed", "text", 4);
	scratch_write("secret", "text", 4);
	RUN_OK("sqlite3", scratch_path("test.db"), "create table t (n)");
	RUN_OK("mkdir", scratch_path("folder"), scratch_path("inner"));
	scratch_write("inner/file", "text", 4);
	if (symlink("/etc/shadow", scratch_path("folder/link")) != 0 ||
	    symlink("inner", scratch_path("way")) != 0)
		return -1;
	RUN_OK("chmod", "666", scratch_path("listed"), scratch_path("secret"),
	    scratch_path("inner/file"), scratch_path("test.db"));
	RUN_OK("chmod", "777", scratch_path("folder"));
	return 0;
}

static enum bas_level full = BAS_LEVEL_FULL, kernel = BAS_LEVEL_KERNEL, basic = BAS_LEVEL_BASIC;

#define AT(TEST, LEVEL)                                             \
	{                                                           \
#TEST " at level " #LEVEL, TEST, NULL, NULL, &LEVEL \
	}
#define ROOTED(TEST)	 AT(TEST, full), AT(TEST, kernel)
#define EVERYWHERE(TEST) ROOTED(TEST), AT(TEST, basic)

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		EVERYWHERE(a_second_exec_is_refused_by_the_kernel),
		EVERYWHERE(a_listener_of_its_own_is_refused),
		EVERYWHERE(real_programs_reach_no_shell),
		EVERYWHERE(a_helper_runs_and_nothing_else_does),
		ROOTED(only_listed_files_are_read),
		ROOTED(only_listed_files_are_written),
		ROOTED(what_is_written_is_not_executed),
		ROOTED(its_tmp_is_its_own_and_has_an_end),
		ROOTED(a_link_in_a_listed_folder_leads_nowhere_else),
		ROOTED(a_path_through_a_link_is_found_inside),
		ROOTED(what_cannot_be_a_list_is_refused),
		ROOTED(only_listed_destinations_are_reached),
		ROOTED(metadata_is_reached_by_nothing),
		cmocka_unit_test(addresses_that_tell_credentials_are_known),
		ROOTED(other_processes_are_neither_seen_nor_touched),
		ROOTED(a_listed_proc_shows_figures_and_opens_nobody),
		ROOTED(privileges_are_empty),
		ROOTED(processes_are_limited),
		EVERYWHERE(listed_system_calls_are_refused),
		EVERYWHERE(other_socket_families_are_refused),
		ROOTED(a_socket_is_spoken_to_only_where_write_lists_it),
		EVERYWHERE(nothing_is_typed_into_its_terminal),
		ROOTED(real_programs_still_work),
	};

	if (argc > 1) {
		alarm(60);
		int result = inside(argv);
		fflush(stdout);
		_exit(result); /* without a leak checker, which would trace us */
	}
	return cmocka_run_group_tests(tests, set_up, scratch_remove);
}
