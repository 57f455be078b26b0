/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confine.c - what every level shares: choosing it, opening the program, descriptors,
 * session, signals, the exec.
 */
#include "bastion/confine_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool
apply_none(const struct bas_launch *launch, struct ca_why *why)
{
	bas_confine_signals();
	return bas_confine_session(launch, why);
}

const struct bas_confinement bas_confine_none = { .level = BAS_LEVEL_NONE, .apply = apply_none };

bool
bas_confine_reach(enum bas_level *out, struct ca_why *why)
{
	const struct bas_confinement *best = bas_confine_best(why);

	if (best == NULL)
		return false;
	*out = best->level;
	return true;
}

bool
bas_confine_refuse(const struct bas_role *role, enum bas_level level, struct ca_why *why)
{
	const char *missing = bas_confine_missing();

	return ca_why_set(why,
	    "role '%s' needs confinement '%s', and this machine reaches '%s' only%s%s", role->name,
	    bas_level_name(role->least), bas_level_name(level), missing[0] == '\0' ? "" : ": ",
	    missing);
}

bool
bas_confine_check(
    const struct bas_confinement *confinement, const struct bas_role *role, struct ca_why *why)
{
	if (role->least > confinement->level)
		return bas_confine_refuse(role, confinement->level, why);
	if (geteuid() != 0) {
		if (role->uid != (uid_t)-1 && role->uid != geteuid())
			return ca_why_set(why,
			    "role '%s' runs as user '%s', which needs a service started as root",
			    role->name, role->user);
		return true;
	}
	if (role->uid == (uid_t)-1)
		return ca_why_set(
		    why, "role '%s' has no 'user', and the service runs as root", role->name);
	if (role->uid == 0 || role->gid == 0)
		return ca_why_set(
		    why, "role '%s' would run its commands with root's user or group", role->name);
	return true;
}

bool
bas_confine_has_helpers(const struct bas_confine *confine)
{
	struct stat st;

	for (size_t i = 0; i < confine->execute_count; i++)
		if (stat(confine->execute[i], &st) != 0 || !S_ISDIR(st.st_mode))
			return true;
	return false;
}

static bool
check_paths(const char *const *paths, size_t count, bool reads, struct ca_why *why)
{
	for (size_t i = 0; i < count; i++) {
		bool proc = strncmp(paths[i], "/proc", 5) == 0 &&
			    (paths[i][5] == '/' || (paths[i][5] == '\0' && !reads));

		if (strcmp(paths[i], "/") == 0)
			return ca_why_set(why, "'/' is no list of files");
		if (proc)
			return ca_why_set(
			    why, "'%s': only '/proc' as a whole, in 'read'", paths[i]);
	}
	return true;
}

/* The host's processes, at level full, are kept from being touched by Landlock alone. */
static bool
lists_proc(const struct bas_confine *confine)
{
	for (size_t i = 0; i < confine->read_count; i++)
		if (strcmp(confine->read[i], "/proc") == 0)
			return true;
	return false;
}

bool
bas_confine_check_command(const struct bas_confinement *confinement,
    const struct bas_command *command, struct ca_why *why)
{
	const struct bas_confine *confine = &command->confine;
	bool helpers = bas_confine_has_helpers(confine);

	if (!check_paths(confine->read, confine->read_count, true, why) ||
	    !check_paths(confine->write, confine->write_count, false, why) ||
	    !check_paths(confine->execute, confine->execute_count, false, why))
		return ca_why_prefix(why, "command '%s'", command->name);
	if (helpers && bas_landlock_abi() == 0)
		return ca_why_set(why,
		    "command '%s' lists programs in 'execute', and this kernel has no Landlock to "
		    "hold it to them",
		    command->name);
	if (helpers && confinement->level < BAS_LEVEL_KERNEL && confine->write_count > 0)
		return ca_why_set(why,
		    "command '%s' lists 'execute' and 'write', and level '%s' cannot keep it from "
		    "executing what it wrote",
		    command->name, bas_level_name(confinement->level));
	if (confinement->level == BAS_LEVEL_FULL && lists_proc(confine) && bas_landlock_abi() == 0)
		return ca_why_set(why,
		    "command '%s' lists '/proc', and this kernel has no Landlock to keep it from "
		    "other processes",
		    command->name);
	return true;
}

/* An interpreter would be given the path, and open whatever is there by then. */
static bool
check_not_script(int fd, const char *path, struct ca_why *why)
{
	char start[2];

	if (pread(fd, start, sizeof(start), 0) == (ssize_t)sizeof(start) && start[0] == '#' &&
	    start[1] == '!')
		return ca_why_set(why,
		    "program '%s' is a script: name its interpreter and give the script as "
		    "argument",
		    path);
	return true;
}

static bool
check_file(const struct stat *st, const char *path, const struct bas_role *role, struct ca_why *why)
{
	if (!S_ISREG(st->st_mode))
		return ca_why_set(why, "program '%s' is not a regular file", path);
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return ca_why_set(
		    why, "program '%s' belongs to neither root nor the service", path);
	/* The owner may give itself the right to write. */
	if (geteuid() == 0 && st->st_uid == role->uid)
		return ca_why_set(why, "program '%s' belongs to the user it would run as", path);
	if ((st->st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return ca_why_set(why, "program '%s' can be written by group or others", path);
	if ((st->st_mode & (S_ISUID | S_ISGID)) != 0)
		return ca_why_set(why, "program '%s' is set-user-id or set-group-id", path);
	return true;
}

int
bas_confine_program(const char *path, const struct bas_role *role, struct ca_why *why)
{
	/* Non-blocking: a FIFO in the program's place must not hold up the spawner. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0) {
		ca_why_set(why, "program '%s' cannot be opened: %s", path, strerror(errno));
		return -1;
	}
	if (fstat(fd, &st) != 0) {
		ca_why_set(why, "program '%s': %s", path, strerror(errno));
	} else if (check_file(&st, path, role, why) && check_not_script(fd, path, why)) {
		return fd;
	}
	close(fd);
	return -1;
}

void
bas_confine_exec(const struct bas_launch *launch, struct ca_why *why)
{
	execveat(BAS_CONFINE_PROGRAM, "", launch->argv, launch->envp, AT_EMPTY_PATH);
	ca_why_set(why, "program '%s' cannot be executed: %s", launch->argv[0], strerror(errno));
}

bool
bas_confine_keep(int *fds, size_t count, int first, struct ca_why *why)
{
	/* Out of the way first, so that no number is overwritten before it was moved. */
	for (size_t i = 0; i < count; i++) {
		fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, first + (int)count);
		if (fds[i] < 0)
			return ca_why_set(why, "descriptors: %s", strerror(errno));
	}
	for (size_t i = 0; i < count; i++) {
		if (dup3(fds[i], first + (int)i, O_CLOEXEC) < 0)
			return ca_why_set(why, "descriptors: %s", strerror(errno));
		fds[i] = first + (int)i;
	}
	if (close_range((unsigned)first + (unsigned)count, ~0U, 0) != 0)
		return ca_why_set(why, "descriptors: %s", strerror(errno));
	return true;
}

bool
bas_confine_descriptors(const struct bas_launch *launch, int report, struct ca_why *why)
{
	int fds[] = { launch->fds[0], launch->fds[1], launch->fds[2], launch->program, report };

	if (!bas_confine_keep(fds, sizeof(fds) / sizeof(fds[0]), 0, why))
		return false;
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_SETFD, 0) != 0)
			return ca_why_set(why, "descriptors: %s", strerror(errno));
	return true;
}

bool
bas_confine_session(const struct bas_launch *launch, struct ca_why *why)
{
	if (setsid() < 0)
		return ca_why_set(why, "setsid: %s", strerror(errno));
	if (launch->terminal && ioctl(STDIN_FILENO, TIOCSCTTY, 0) != 0)
		return ca_why_set(why, "controlling terminal: %s", strerror(errno));
	return true;
}

void
bas_confine_signals(void)
{
	/* The kernel's own struct, all zero: SIG_DFL. libc refuses its two own signals, which
	 * make(1) hands down ignored. */
	static const uint64_t by_default[4];
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		(void)syscall(SYS_rt_sigaction, number, by_default, NULL, sizeof(uint64_t));
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}
