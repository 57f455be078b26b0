/* SPDX-License-Identifier: Apache-2.0 */
/*
 * post_room.c - the ritual: forget what is not needed, shut in, become someone else for good.
 */
#include "bastion/post_room.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bastion/confine.h"
#include "bastion/title.h"

static bool
become(const struct bas_room *room, struct ca_why *why)
{
	uid_t r, e, s;
	gid_t rg, eg, sg;

	if (geteuid() != 0)
		return true;
	/* The configuration was refused without: no room is root's. */
	if (room->user == NULL)
		return ca_why_set(why, "started as root, and no user to become");
	if (setgroups(0, NULL) != 0 || setresgid(room->gid, room->gid, room->gid) != 0 ||
	    setresuid(room->uid, room->uid, room->uid) != 0)
		return ca_why_set(why, "cannot become user '%s': %s", room->user, strerror(errno));
	if (getresuid(&r, &e, &s) != 0 || getresgid(&rg, &eg, &sg) != 0 || r != room->uid ||
	    e != room->uid || s != room->uid || rg != room->gid || eg != room->gid ||
	    sg != room->gid || (room->uid != 0 && setresuid((uid_t)-1, 0, (uid_t)-1) == 0))
		return ca_why_set(why, "user '%s' could not be taken for good", room->user);
	return true;
}

bool
bas_room_enter(
    const struct bas_room *room, pid_t parent, int *fds, size_t count, struct ca_why *why)
{
	int null;

	/* Recordings and log may be read by the owner's group: that is where auditors are. */
	umask(027);
	bas_title_set("%s", room->title);
	bas_confine_signals();
	/* Not in the terminal's process group: who stops the post decides in which order rooms end.
	 */
	if (setsid() < 0 || !bas_confine_keep(fds, count, BAS_ROOM_FIRST_FD, why))
		return ca_why_prefix(why, "%s", room->title);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		return ca_why_set(why, "%s: '/dev/null': %s", room->title, strerror(errno));
	close(null);
	if (room->root != NULL && geteuid() == 0 && (chroot(room->root) != 0 || chdir("/") != 0))
		return ca_why_set(
		    why, "%s: root '%s': %s", room->title, room->root, strerror(errno));
	if (!become(room, why))
		return ca_why_prefix(why, "%s", room->title);
	/* Behind the change of user, which clears both (prctl(2)). */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
		return ca_why_set(why, "%s: %s", room->title, strerror(errno));
	return getppid() == parent ||
	       ca_why_set(why, "%s: the process that started it is gone", room->title);
}

static bool
make_folder(
    const char *path, mode_t mode, const char *user, uid_t uid, gid_t gid, struct ca_why *why)
{
	struct stat st;

	if (mkdir(path, mode) == 0) {
		/* Whatever our umask is. */
		if (chmod(path, mode) != 0)
			return ca_why_set(why, "'%s': %s", path, strerror(errno));
		if (user != NULL && geteuid() == 0 && lchown(path, uid, gid) != 0)
			return ca_why_set(why, "'%s': %s", path, strerror(errno));
		return true;
	}
	if (errno != EEXIST || lstat(path, &st) != 0)
		return ca_why_set(why, "'%s': %s", path, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return ca_why_set(why, "'%s' is not a folder", path);
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return ca_why_set(why, "folder '%s' can be written by group or others", path);
	if (st.st_uid != 0 && st.st_uid != geteuid() && (user == NULL || st.st_uid != uid))
		return ca_why_set(why, "folder '%s' belongs to someone else", path);
	return true;
}

bool
bas_room_prepare_state(const struct bas_config *config, struct ca_why *why)
{
	char empty[PATH_MAX];
	int len = snprintf(empty, sizeof(empty), "%s/empty", config->state);

	if (len < 0 || (size_t)len >= sizeof(empty))
		return ca_why_set(why, "state folder '%s' has too long a name", config->state);
	return (make_folder(config->state, 0750, config->owner, config->owner_uid,
		    config->owner_gid, why) &&
		   make_folder(empty, 0555, NULL, 0, 0, why)) ||
	       ca_why_prefix(why, "state folder");
}
