/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter_files.c - the files that are left to a room. landlock(7).
 *
 * Rights that the running kernel does not know are left out: its ABI number says which. A kernel
 * without Landlock leaves the other fences: the list of system calls, the user, the empty root.
 */
#include "bastion/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Beyond the headers of ABI 2 (Debian 12). */
#define FS_REFER      ((uint64_t)1 << 13) /* ABI 2 */
#define FS_TRUNCATE   ((uint64_t)1 << 14) /* ABI 3 */
#define FS_IOCTL_DEV  ((uint64_t)1 << 15) /* ABI 5 */
#define NET_TCP	      ((uint64_t)3)	  /* ABI 4: bind, connect */
#define SCOPE_SOCKETS ((uint64_t)1 << 0)  /* ABI 6: abstract Unix sockets outside */
#define SCOPE_SIGNALS ((uint64_t)1 << 1)

#define FOLDER                                                            \
	(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |     \
	    LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | \
	    LANDLOCK_ACCESS_FS_REMOVE_FILE | FS_REFER | FS_TRUNCATE)
#define DEVICE \
	(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE | FS_IOCTL_DEV)

/* linux/landlock.h of ABI 6. */
struct ruleset {
	uint64_t files, ports, scopes;
};

static struct ruleset
known_to(long abi)
{
	struct ruleset known = { .files = (FS_IOCTL_DEV << 1) - 1 };

	if (abi < 5)
		known.files &= ~FS_IOCTL_DEV;
	if (abi < 3)
		known.files &= ~FS_TRUNCATE;
	if (abi < 2)
		known.files &= ~FS_REFER;
	if (abi >= 4)
		known.ports = NET_TCP;
	if (abi >= 6)
		known.scopes = SCOPE_SOCKETS | SCOPE_SIGNALS;
	return known;
}

static bool
allow(int ruleset, const struct ruleset *known, int fd, uint64_t access)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = access & known->files,
		.parent_fd = fd };

	return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
}

static bool
allow_path(int ruleset, const struct ruleset *known, const char *path, uint64_t access)
{
	int fd = open(path, O_PATH | O_CLOEXEC);
	bool ok;

	if (fd < 0)
		return errno == ENOENT;
	ok = allow(ruleset, known, fd, access);
	close(fd);
	return ok;
}

bool
bas_files_keep(int folder, bool terminals, struct ca_why *why)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset known = known_to(abi);
	size_t size = abi < 4 ? 8 : abi < 6 ? 16 : 24;
	bool ok = false;
	int ruleset;

	if (abi < 1)
		return true;
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &known, size, 0);
	if (ruleset < 0)
		return ca_why_set(why, "landlock: %s", strerror(errno));
	ok = (folder < 0 || allow(ruleset, &known, folder, FOLDER)) &&
	     (!terminals || (allow_path(ruleset, &known, "/dev/ptmx", DEVICE) &&
				allow_path(ruleset, &known, "/dev/pts", DEVICE))) &&
	     prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	     syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
	if (!ok)
		ca_why_set(why, "landlock: %s", strerror(errno));
	close(ruleset);
	return ok;
}
