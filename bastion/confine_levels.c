/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confine_levels.c - full, kernel and basic: the same steps, as far as each can take them.
 *
 * Basic has no root, no network and no PID space of its own (as root it has the last): which files
 * a command reads, whom it talks to and what of its own user's it signals are not held there.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bastion/confine_parts.h"

#define SPACES (CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS)

bool
bas_confine_failed(const char *what, struct ca_why *why)
{
	return ca_why_set(why, "confinement: %s: %s", what, strerror(errno));
}

static bool
enter_full(struct bas_launch *launch, int forwarder, struct ca_why *why)
{
	return bas_space_enter(launch, true, forwarder, why);
}

static bool
enter_kernel(struct bas_launch *launch, int forwarder, struct ca_why *why)
{
	return bas_space_enter(launch, false, forwarder, why);
}

/* The role's user; who has none stays who it is. A user namespace's first process has the
 * privileges in it that there are to lose. */
static bool
change_user(const struct bas_launch *launch, enum bas_level level, struct ca_why *why)
{
	bool privileged = geteuid() == 0;
	const struct bas_confine *confine = &launch->command->confine;
	unsigned running = 0, beside = privileged ? launch->beside : 0;

	if (level == BAS_LEVEL_BASIC && !privileged && confine->processes != 0)
		running = bas_limits_count_processes();
	if ((privileged || level == BAS_LEVEL_KERNEL) && !bas_user_drop_bounding(why))
		return false;
	if (privileged && !bas_user_become(launch->role, why))
		return false;
	return bas_limits_set_processes(confine, beside, running, why) &&
	       bas_user_drop_capabilities(why);
}

/* A socket that `write` lists by its own name is meant to be spoken to. */
static bool
lists_socket(const struct bas_confine *confine)
{
	struct stat st;

	for (size_t i = 0; i < confine->write_count; i++)
		if (stat(confine->write[i], &st) == 0 && S_ISSOCK(st.st_mode))
			return true;
	return false;
}

static bool
enter_calls(const struct bas_launch *launch, bool own_root, struct ca_why *why)
{
	bool local = !own_root || lists_socket(&launch->command->confine);
	bool helpers = bas_confine_has_helpers(&launch->command->confine);
	int listener;

	return (local || bas_calls_refuse_local(why)) && bas_calls_enter(helpers, &listener, why) &&
	       (helpers || bas_once_hand_over(BAS_CONFINE_REPORT, listener, why));
}

static bool
apply(const struct bas_launch *launch, enum bas_level level, struct ca_why *why)
{
	bool own_root = level >= BAS_LEVEL_KERNEL;
	bool rules = own_root || bas_confine_has_helpers(&launch->command->confine);

	bas_confine_signals();
	umask(077);
	if (chdir("/") != 0)
		return bas_confine_failed("folder '/'", why);
	return bas_confine_session(launch, why) && bas_limits_set(launch->command, why) &&
	       change_user(launch, level, why) && bas_user_tie(launch->parent, why) &&
	       (!rules || bas_landlock_enter(launch, own_root, why)) &&
	       enter_calls(launch, own_root, why);
}

static bool
apply_full(const struct bas_launch *launch, struct ca_why *why)
{
	return apply(launch, BAS_LEVEL_FULL, why);
}

static bool
apply_kernel(const struct bas_launch *launch, struct ca_why *why)
{
	return apply(launch, BAS_LEVEL_KERNEL, why);
}

static bool
apply_basic(const struct bas_launch *launch, struct ca_why *why)
{
	return apply(launch, BAS_LEVEL_BASIC, why);
}

const struct bas_confinement bas_confine_full = {
	.level = BAS_LEVEL_FULL,
	.namespaces = SPACES,
	.enter = enter_full,
	.apply = apply_full,
};

const struct bas_confinement bas_confine_kernel = {
	.level = BAS_LEVEL_KERNEL,
	.namespaces = SPACES | CLONE_NEWUSER,
	.enter = enter_kernel,
	.apply = apply_kernel,
};

const struct bas_confinement bas_confine_basic = { .level = BAS_LEVEL_BASIC, .apply = apply_basic };
