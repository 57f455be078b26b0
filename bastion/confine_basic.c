/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confine_basic.c - level basic: own user when we may, no privilege and no way back to any, clean
 * descriptors and limits. capabilities(7), setrlimit(2), PR_SET_NO_NEW_PRIVS.
 *
 * Not held at this level: which files it reads, whom it talks to, what of its own user's it
 * signals.
 */
#include "bastion/confine.h"

#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define COMMAND_FILES	 1024 /* descriptors */
#define CAPABILITIES_MAX 64

static bool
failed(const char *what, struct ca_why *why)
{
	return ca_why_set(why, "confinement: %s: %s", what, strerror(errno));
}

/* Never raises a limit that was lower already. */
static bool
set_limit(__rlimit_resource_t resource, rlim_t value, const char *what, struct ca_why *why)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit) != 0)
		return failed(what, why);
	if (limit.rlim_max == RLIM_INFINITY || value < limit.rlim_max)
		limit.rlim_max = value;
	limit.rlim_cur = limit.rlim_max;
	return setrlimit(resource, &limit) == 0 || failed(what, why);
}

static bool
set_limits(const struct bas_confine *confine, struct ca_why *why)
{
	if (!set_limit(RLIMIT_CORE, 0, "core size", why) ||
	    !set_limit(RLIMIT_NOFILE, COMMAND_FILES, "open files", why))
		return false;
	if (confine->file_size != 0 &&
	    !set_limit(RLIMIT_FSIZE, (rlim_t)confine->file_size, "file size", why))
		return false;
	if (confine->memory != 0 && !set_limit(RLIMIT_AS, (rlim_t)confine->memory, "memory", why))
		return false;
	return true;
}

/* RLIMIT_NPROC counts the user's processes, not the tree's: exact for a user of the role's own, and
 * with the service's user the limit leaves room for what already runs. */
static bool
limit_processes(const struct bas_confine *confine, unsigned running, struct ca_why *why)
{
	if (confine->processes == 0)
		return true;
	return set_limit(RLIMIT_NPROC, (rlim_t)confine->processes + running, "processes", why);
}

/* Every later exec starts without capabilities, whatever file it executes. Needs CAP_SETPCAP, so
 * comes first. */
static bool
drop_bounding_set(struct ca_why *why)
{
	for (unsigned long capability = 0; capability < CAPABILITIES_MAX; capability++) {
		if (prctl(PR_CAPBSET_READ, capability, 0, 0, 0) < 0)
			break;
		if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0)
			return failed("bounding set", why);
	}
	return true;
}

static bool
drop_capabilities(struct ca_why *why)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
		return failed("ambient capabilities", why);
	if (syscall(SYS_capset, &head, none) != 0)
		return failed("capabilities", why);
	return true;
}

static bool
become_user(const struct bas_role *role, struct ca_why *why)
{
	uid_t uid = role->uid, r, e, s;
	gid_t gid = role->gid, rg, eg, sg;

	if (setgroups(0, NULL) != 0)
		return failed("groups", why);
	if (setresgid(gid, gid, gid) != 0)
		return failed("group", why);
	if (setresuid(uid, uid, uid) != 0)
		return failed("user", why);
	if (getresuid(&r, &e, &s) != 0 || getresgid(&rg, &eg, &sg) != 0)
		return failed("user", why);
	if (r != uid || e != uid || s != uid || rg != gid || eg != gid || sg != gid ||
	    getgroups(0, NULL) != 0 || setresuid((uid_t)-1, 0, (uid_t)-1) == 0)
		return ca_why_set(why, "confinement: the user could not be changed for good");
	return true;
}

/* Threads of one process, 0 when it is another user's. /proc/PID itself belongs to root when the
 * process is non-dumpable, so its text has to be read. */
static unsigned
count_threads(const char *pid)
{
	char path[32], line[128];
	unsigned threads = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%.16s/status", pid);
	if ((file = fopen(path, "re")) == NULL)
		return 0;
	while (fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, "Uid:", 4) == 0 && strtoul(line + 4, NULL, 10) != getuid())
			break;
		if (strncmp(line, "Threads:", 8) == 0) {
			threads = (unsigned)strtoul(line + 8, NULL, 10);
			break;
		}
	}
	fclose(file);
	return threads;
}

/* What the user runs already; only asked when the service and its commands share one. */
static unsigned
count_own_processes(void)
{
	DIR *folder = opendir("/proc");
	struct dirent *entry;
	unsigned count = 0;

	if (folder == NULL)
		return 0;
	while ((entry = readdir(folder)) != NULL)
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			count += count_threads(entry->d_name);
	closedir(folder);
	return count;
}

static bool
apply_basic(const struct bas_launch *launch, struct ca_why *why)
{
	const struct bas_confine *confine = &launch->command->confine;
	bool privileged = geteuid() == 0;
	unsigned running = privileged || confine->processes == 0 ? 0 : count_own_processes();

	bas_confine_signals();
	umask(077);
	if (chdir("/") != 0)
		return failed("folder '/'", why);
	if (!bas_confine_session(launch, why) || !set_limits(confine, why))
		return false;
	if (privileged && (!drop_bounding_set(why) || !become_user(launch->role, why)))
		return false;
	if (!limit_processes(confine, running, why) || !drop_capabilities(why))
		return false;
	/* After the change of user, which clears it (prctl(2)); then the parent may be gone
	 * already. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
		return failed("parent's death", why);
	if (getppid() != launch->parent)
		return ca_why_set(why, "confinement: the command's parent is gone");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return failed("no new privileges", why);
	return true;
}

const struct bas_confinement bas_confine_basic = { .level = BAS_LEVEL_BASIC, .apply = apply_basic };
