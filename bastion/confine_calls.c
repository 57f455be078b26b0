/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confine_calls.c - which system calls a command may make. seccomp(2), seccomp_unotify(2).
 *
 * A list of what is refused, for what programs need is more than anyone can write down; but every
 * call younger than this file answers ENOSYS, so that what the list does not know it does not let
 * through. The list is in postern-bastion(8) too.
 */
#include "bastion/confine_parts.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

/* removexattrat(2) of Linux 6.13: the youngest that was looked at. Numbers above 423 are the same
 * everywhere. */
#define LAST_CALL 466

/* Of a call's first argument, the half that holds an int. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define FIRST_ARGUMENT offsetof(struct seccomp_data, args[0])
#else
#define FIRST_ARGUMENT (offsetof(struct seccomp_data, args[0]) + 4)
#endif

/* Names, because an older libseccomp has no constants for the younger ones. */
static const char *const refused[] = {
	/* namespaces and roots */
	"unshare", "setns", "chroot", "pivot_root",
	/* mounts */
	"mount", "umount", "umount2", "fsopen", "fsconfig", "fsmount", "fspick", "move_mount",
	"open_tree", "mount_setattr",
	/* other processes */
	"ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp", "pidfd_getfd",
	"migrate_pages", "move_pages",
	/* large surfaces of the kernel */
	"bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter",
	"io_uring_register", "add_key", "request_key", "keyctl", "fanotify_init", "fanotify_mark",
	"modify_ldt", "memfd_secret",
	/* files without their path */
	"name_to_handle_at", "open_by_handle_at",
	/* the machine */
	"init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot",
	"swapon", "swapoff", "quotactl", "quotactl_fd", "acct", "settimeofday", "stime",
	"clock_settime", "clock_settime64", "clock_adjtime", "clock_adjtime64", "adjtimex",
	"sethostname", "setdomainname", "iopl", "ioperm", "syslog", "vhangup", "nfsservctl",
	"lookup_dcookie", "uselib", "vm86", "vm86old", "_sysctl", "sysfs", "ustat"
};

static const char *const unknown[] = {
	"clone3",  /* its flags are behind a pointer; libc falls back to clone */
	"openat2", /* its mode is */
};

static const scmp_datum_t spaces[] = { CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
	CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET };

static const scmp_datum_t ioctls[] = { TIOCSTI, 0x541c /* TIOCLINUX */, TIOCCONS, TIOCSETD };

/* Call and the argument that holds a file's mode. */
static const struct {
	const char *name;
	unsigned argument;
} modes[] = { { "chmod", 1 }, { "fchmod", 1 }, { "fchmodat", 2 }, { "fchmodat2", 2 },
	{ "creat", 1 }, { "open", 2 }, { "openat", 3 }, { "mknod", 1 }, { "mknodat", 2 } };

/* ONCE asks about exec, HELPERS does not, and has no files that are nowhere (memfd_create(2)):
 * Landlock does not see them. */
enum { ONCE, HELPERS, PROGRAMS };
static struct sock_fprog programs[PROGRAMS];

static bool
refuse(scmp_filter_ctx filter, const char *name, int error)
{
	int number = seccomp_syscall_resolve_name(name);
	int result;

	if (number == __NR_SCMP_ERROR)
		return true; /* above LAST_CALL, or of another machine */
	result = seccomp_rule_add(filter, SCMP_ACT_ERRNO((unsigned)error), number, 0);
	return result == 0 || result == -EDOM;
}

/* When `argument & mask == value`. */
static bool
refuse_bits(scmp_filter_ctx filter, const char *name, unsigned argument, scmp_datum_t mask,
    scmp_datum_t value)
{
	int number = seccomp_syscall_resolve_name(name);

	return number == __NR_SCMP_ERROR || number < 0 ||
	       seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 1,
		   SCMP_CMP(argument, SCMP_CMP_MASKED_EQ, mask, value)) == 0;
}

static bool
refuse_arguments(scmp_filter_ctx filter)
{
	for (size_t i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++)
		if (!refuse_bits(filter, "clone", 0, spaces[i], spaces[i]))
			return false;
	for (size_t i = 0; i < sizeof(ioctls) / sizeof(ioctls[0]); i++)
		if (!refuse_bits(filter, "ioctl", 1, 0xffffffff, ioctls[i]))
			return false;
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (!refuse_bits(filter, modes[i].name, modes[i].argument, S_ISUID, S_ISUID) ||
		    !refuse_bits(filter, modes[i].name, modes[i].argument, S_ISGID, S_ISGID))
			return false;
	/* A second listener would be asked before ours, and could say yes to an exec. */
	return refuse_bits(filter, "seccomp", 1, SECCOMP_FILTER_FLAG_NEW_LISTENER,
	    SECCOMP_FILTER_FLAG_NEW_LISTENER);
}

/* UNIX (but see bas_calls_refuse_local), INET, INET6 and NETLINK_ROUTE remain. */
static bool
refuse_families(scmp_filter_ctx filter)
{
	const uint32_t error = SCMP_ACT_ERRNO(EAFNOSUPPORT);
	static const int below[] = { 0, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15 };
	static const char *const calls[] = { "socket", "socketpair" };

	for (size_t c = 0; c < 2; c++) {
		int call = seccomp_syscall_resolve_name(calls[c]);

		for (size_t i = 0; i < sizeof(below) / sizeof(below[0]); i++)
			if (seccomp_rule_add(filter, error, call, 1,
				SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)below[i])) != 0)
				return false;
		if (seccomp_rule_add(filter, error, call, 1, SCMP_A0(SCMP_CMP_GT, AF_NETLINK)) !=
			0 ||
		    seccomp_rule_add(filter, error, call, 2, SCMP_A0(SCMP_CMP_EQ, AF_NETLINK),
			SCMP_A2(SCMP_CMP_NE, 0)) != 0)
			return false;
	}
	return true;
}

/* The ordinary one is all there is. */
static bool
refuse_personalities(scmp_filter_ctx filter)
{
	return seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(personality), 1,
		   SCMP_A0(SCMP_CMP_NE, PER_LINUX)) == 0;
}

static bool
fill(scmp_filter_ctx filter, bool helpers)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (!refuse(filter, refused[i], EPERM))
			return false;
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		if (!refuse(filter, unknown[i], ENOSYS))
			return false;
	if (helpers && !refuse(filter, "memfd_create", EPERM))
		return false;
	return refuse_arguments(filter) && refuse_families(filter) && refuse_personalities(filter);
}

/*
 * Our own beginning, then libseccomp's program, which stands for itself. Numbers of another
 * architecture may be asked about or refused here, but are never let through.
 */
static bool
join(struct sock_fprog *out, int fd, bool helpers)
{
	const struct sock_filter start[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_execve, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_execveat, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, LAST_CALL, 1, 2),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
	};
	const size_t count = sizeof(start) / sizeof(start[0]);
	off_t size = lseek(fd, 0, SEEK_END);
	struct sock_filter *all;

	if (size <= 0 || size % (off_t)sizeof(*all) != 0)
		return false;
	all = malloc(sizeof(start) + (size_t)size);
	if (all == NULL)
		return false;
	memcpy(all, start, sizeof(start));
	if (helpers) /* asks nobody */
		all[1] = all[2] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JA, 0, 0, 0);
	if (pread(fd, all + count, (size_t)size, 0) != size) {
		free(all);
		return false;
	}
	out->filter = all;
	out->len = (unsigned short)(count + (size_t)size / sizeof(*all));
	return true;
}

static bool
compile(struct sock_fprog *out, bool helpers)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int fd = memfd_create("filter", MFD_CLOEXEC);
	bool ok = filter != NULL && fd >= 0 &&
		  seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) == 0 &&
		  seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2) == 0 && /* a tree */
		  fill(filter, helpers) && seccomp_export_bpf(filter, fd) == 0 &&
		  join(out, fd, helpers);

	if (fd >= 0)
		close(fd);
	seccomp_release(filter);
	return ok;
}

bool
bas_calls_prepare(struct ca_why *why)
{
	if (programs[ONCE].filter != NULL && programs[HELPERS].filter != NULL)
		return true;
	return (compile(&programs[ONCE], false) && compile(&programs[HELPERS], true)) ||
	       ca_why_set(why, "the commands' system call filter cannot be made");
}

bool
bas_calls_refuse_local(struct ca_why *why)
{
	/* Calls of other machines are refused by the list. The family is an int: the
	 * kernel does not look at the upper half either. */
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, FIRST_ARGUMENT),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = sizeof(filter) / sizeof(filter[0]), .filter = filter };

	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0 ||
	       bas_confine_failed("local sockets", why);
}

bool
bas_calls_enter(bool helpers, int *listener, struct ca_why *why)
{
	struct sock_fprog *program = &programs[helpers ? HELPERS : ONCE];
	unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
	long result;

	if (helpers) {
		*listener = -1;
		result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, program);
		return result == 0 || bas_confine_failed("system calls", why);
	}
	/* Linux 5.19: a signal does not make the exec ask twice. */
	result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
	    flags | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, program);
	if (result < 0 && errno == EINVAL)
		result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, program);
	if (result < 0)
		return bas_confine_failed("system calls", why);
	*listener = (int)result;
	return true;
}
