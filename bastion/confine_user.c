/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confine_user.c - own user, no privilege, no way back to any. credentials(7), capabilities(7).
 */
#include "bastion/confine_parts.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CAPABILITIES_MAX 64

bool
bas_user_drop_bounding(struct ca_why *why)
{
	for (unsigned long capability = 0; capability < CAPABILITIES_MAX; capability++) {
		if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0)
			continue;
		if (errno == EINVAL && capability > 0)
			break; /* one more than this kernel has */
		return bas_confine_failed("bounding set", why);
	}
	return true;
}

bool
bas_user_drop_capabilities(struct ca_why *why)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
		return bas_confine_failed("ambient capabilities", why);
	if (syscall(SYS_capset, &head, none) != 0)
		return bas_confine_failed("capabilities", why);
	return true;
}

bool
bas_user_become(const struct bas_role *role, struct ca_why *why)
{
	uid_t uid = role->uid, r, e, s;
	gid_t gid = role->gid, rg, eg, sg;

	if (setgroups(0, NULL) != 0)
		return bas_confine_failed("groups", why);
	if (setresgid(gid, gid, gid) != 0)
		return bas_confine_failed("group", why);
	if (setresuid(uid, uid, uid) != 0)
		return bas_confine_failed("user", why);
	if (getresuid(&r, &e, &s) != 0 || getresgid(&rg, &eg, &sg) != 0)
		return bas_confine_failed("user", why);
	if (r != uid || e != uid || s != uid || rg != gid || eg != gid || sg != gid ||
	    getgroups(0, NULL) != 0 || setresuid((uid_t)-1, 0, (uid_t)-1) == 0)
		return ca_why_set(why, "confinement: the user could not be changed for good");
	return true;
}

bool
bas_user_tie(pid_t parent, struct ca_why *why)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
		return bas_confine_failed("parent's death", why);
	if (getppid() != parent) /* gone before we could say so */
		return ca_why_set(why, "confinement: the command's parent is gone");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return bas_confine_failed("no new privileges", why);
	return true;
}
