/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confine_landlock.c - the second fence around files, and the one around helpers. landlock(7).
 *
 * Where the command has a root of its own, that root is the first fence, and the rules here say
 * the same once more, for whoever finds a way past it. Rights that the running kernel does not know
 * are left out: its ABI number says which.
 */
#include "bastion/confine_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bastion/destination.h"

/* Beyond the headers of ABI 2 (Debian 12). */
#define FS_TRUNCATE   ((uint64_t)1 << 14) /* ABI 3 */
#define FS_IOCTL_DEV  ((uint64_t)1 << 15) /* ABI 5 */
#define NET_BIND      ((uint64_t)1 << 0)  /* ABI 4 */
#define NET_CONNECT   ((uint64_t)1 << 1)
#define SCOPE_SOCKETS ((uint64_t)1 << 0) /* ABI 6 */
#define SCOPE_SIGNALS ((uint64_t)1 << 1)
#define RULE_NET_PORT 2

#define READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define MAKE                                                              \
	(LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
	    LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |   \
	    LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | \
	    LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER)
#define WRITE	 (READ | MAKE | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE)
#define DEVICES	 (READ | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE | FS_IOCTL_DEV)
#define EXECUTE	 (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE)
#define OF_FILES (EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE | FS_IOCTL_DEV)

/* linux/landlock.h of ABI 6. */
struct ruleset {
	uint64_t files, ports, scopes;
};
struct port_rule {
	uint64_t access, port;
};

struct fence {
	int fd;
	struct ruleset handled;
};

/* What a command with helpers may read where it has no root of its own: no folder of programs, and
 * none that its user may write. */
static const char *const shared[] = { "/usr/lib", "/usr/lib64", "/lib", "/lib64", "/usr/share",
	"/usr/local/lib", "/usr/local/share", "/etc", "/proc", "/sys" };

static int most = INT_MAX;

void
bas_landlock_limit(int abi)
{
	most = abi;
}

int
bas_landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	if (abi < 0)
		return 0;
	return abi > most ? most : (int)abi;
}

static bool
open_fence(struct fence *out, int abi, bool own_root, struct ca_why *why)
{
	size_t size = abi < 4 ? 8 : abi < 6 ? 16 : 24;

	out->handled = (struct ruleset){
		.files = (FS_IOCTL_DEV << 1) - 1,
		.ports = NET_BIND | NET_CONNECT,
		.scopes = SCOPE_SOCKETS | SCOPE_SIGNALS,
	};
	if (abi < 5)
		out->handled.files &= ~FS_IOCTL_DEV;
	if (abi < 3)
		out->handled.files &= ~FS_TRUNCATE;
	if (abi < 2)
		out->handled.files &= ~(uint64_t)LANDLOCK_ACCESS_FS_REFER;
	/* Ports and signals are no promise of a level without a root. */
	if (abi < 4 || !own_root)
		out->handled.ports = 0;
	if (abi < 6 || !own_root)
		out->handled.scopes = 0;
	out->fd = (int)syscall(SYS_landlock_create_ruleset, &out->handled, size, 0);
	return out->fd >= 0 || bas_confine_failed("Landlock", why);
}

static bool
allow_fd(const struct fence *fence, int fd, uint64_t access, struct ca_why *why)
{
	struct landlock_path_beneath_attr rule = { .parent_fd = fd };
	struct stat st;

	if (fstat(fd, &st) != 0)
		return bas_confine_failed("Landlock", why);
	if (!S_ISDIR(st.st_mode))
		access &= OF_FILES;
	rule.allowed_access = access & fence->handled.files;
	return rule.allowed_access == 0 ||
	       syscall(SYS_landlock_add_rule, fence->fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) ==
		   0 ||
	       bas_confine_failed("Landlock", why);
}

/* What is not there needs no rule. */
static bool
allow_path(const struct fence *fence, const char *path, uint64_t access, struct ca_why *why)
{
	int fd = open(path, O_PATH | O_CLOEXEC);
	bool ok = fd < 0 || allow_fd(fence, fd, access, why);

	if (fd >= 0)
		close(fd);
	return ok;
}

static bool
allow_paths(const struct fence *fence, const char *const *paths, size_t count, uint64_t access,
    struct ca_why *why)
{
	for (size_t i = 0; i < count; i++)
		if (!allow_path(fence, paths[i], access, why))
			return false;
	return true;
}

/* An executable and the loader that the kernel executes with it. */
static bool
allow_program(const struct fence *fence, int fd, struct ca_why *why)
{
	char loader[PATH_MAX];

	return allow_fd(fence, fd, EXECUTE, why) && (!bas_loader_of(fd, loader, sizeof(loader)) ||
							allow_path(fence, loader, EXECUTE, why));
}

static bool
allow_helpers(const struct fence *fence, const struct bas_confine *confine, struct ca_why *why)
{
	for (size_t i = 0; i < confine->execute_count; i++) {
		int fd = open(confine->execute[i], O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		struct stat st;
		bool ok = fd < 0 || fstat(fd, &st) != 0 ||
			  (S_ISDIR(st.st_mode) ? allow_fd(fence, fd, READ, why)
					       : allow_program(fence, fd, why));

		if (fd >= 0)
			close(fd);
		if (!ok)
			return false;
	}
	return true;
}

static bool
allow_ports(const struct fence *fence, const struct bas_confine *confine, struct ca_why *why)
{
	if (fence->handled.ports == 0)
		return true;
	for (size_t i = 0; i < confine->connect_count; i++) {
		struct port_rule rule = { .access = NET_CONNECT,
			.port = bas_destination_port(confine->connect[i]) };

		if (syscall(SYS_landlock_add_rule, fence->fd, RULE_NET_PORT, &rule, 0) != 0)
			return bas_confine_failed("Landlock", why);
	}
	return true;
}

static bool
allow_all(
    const struct fence *fence, const struct bas_launch *launch, bool own_root, struct ca_why *why)
{
	const struct bas_confine *confine = &launch->command->confine;

	if (own_root) {
		if (!allow_path(fence, "/", READ, why) || !allow_path(fence, "/tmp", WRITE, why))
			return false;
	} else if (!allow_paths(fence, shared, sizeof(shared) / sizeof(shared[0]), READ, why)) {
		return false;
	}
	return allow_path(fence, "/dev", DEVICES, why) &&
	       allow_paths(fence, confine->read, confine->read_count, READ, why) &&
	       allow_paths(fence, confine->write, confine->write_count, WRITE, why) &&
	       allow_program(fence, BAS_CONFINE_PROGRAM, why) &&
	       allow_helpers(fence, confine, why) && allow_ports(fence, confine, why);
}

bool
bas_landlock_enter(const struct bas_launch *launch, bool own_root, struct ca_why *why)
{
	int abi = bas_landlock_abi();
	struct fence fence;
	bool ok;

	if (abi == 0)
		return true; /* bas_confine_check_command refused what needs it */
	if (!open_fence(&fence, abi, own_root, why))
		return false;
	ok = allow_all(&fence, launch, own_root, why);
	if (ok && syscall(SYS_landlock_restrict_self, fence.fd, 0) != 0)
		ok = bas_confine_failed("Landlock", why);
	close(fence.fd);
	return ok;
}
