/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper_sandbox.c - what a keeper may ask of the kernel.
 *
 * Files: what recording needs, and the terminals' master. No sockets but pairs, no execution, no
 * new process, no change of identity, no signal, no executable memory. Whatever is not listed kills
 * the process; its recordings keep what was released. The filter is compiled once, in the nursery
 * (seccomp(2)).
 */
#include "bastion/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#define FDS_OWN 32 /* sockets, timers, the folder, a recording's seal while it is written */
#define FDS_RUN 12 /* of one run, with those that are just being handed over */

static struct sock_fprog program;

static const int plain[] = {
	/* bytes */
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(readv),
	SCMP_SYS(writev),
	SCMP_SYS(pread64),
	SCMP_SYS(pwrite64),
	SCMP_SYS(sendmsg),
	SCMP_SYS(recvmsg),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(close),
	SCMP_SYS(pipe2),
	/* recordings and seals */
	SCMP_SYS(openat),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(lseek),
	SCMP_SYS(fsync),
	SCMP_SYS(fdatasync),
	SCMP_SYS(sync_file_range),
	SCMP_SYS(ftruncate),
	SCMP_SYS(fchmod),
	SCMP_SYS(renameat),
	SCMP_SYS(renameat2),
	SCMP_SYS(linkat),
	SCMP_SYS(unlinkat),
	SCMP_SYS(flock),
	/* memory; mmap and mprotect below */
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(brk),
	SCMP_SYS(madvise),
	/* time */
	SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(timerfd_create),
	SCMP_SYS(timerfd_settime),
	SCMP_SYS(restart_syscall),
	/* libraries */
	SCMP_SYS(getrandom),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(futex),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(geteuid),
	SCMP_SYS(getuid),
	SCMP_SYS(getegid),
	SCMP_SYS(getgid),
	/* the end */
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
};

static const unsigned long ioctls[] = { TIOCSPTLCK, TIOCGPTPEER, TIOCSWINSZ, TCGETS, TCSETS };

static const int fcntls[] = { F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_SETPIPE_SZ, F_DUPFD_CLOEXEC,
	F_OFD_SETLK };

static bool
allow_all(scmp_filter_ctx filter)
{
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, plain[i], 0) != 0)
			return false;
	for (size_t i = 0; i < sizeof(ioctls) / sizeof(ioctls[0]); i++)
		if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
			SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, ioctls[i])) != 0)
			return false;
	for (size_t i = 0; i < sizeof(fcntls) / sizeof(fcntls[0]); i++)
		if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
			SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, (scmp_datum_t)fcntls[i])) != 0)
			return false;
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socketpair), 1,
		   SCMP_A0(SCMP_CMP_MASKED_EQ, 0xffffffff, AF_UNIX)) == 0 &&
	       seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(setsockopt), 2,
		   SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, SOL_SOCKET),
		   SCMP_A2(SCMP_CMP_MASKED_EQ, 0xffffffff, SO_SNDBUF)) == 0 &&
	       seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
		   SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) == 0 &&
	       seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
		   SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) == 0;
}

/* libseccomp writes to a descriptor; the kernel wants an array. */
static bool
export_program(scmp_filter_ctx filter)
{
	int fd = memfd_create("filter", MFD_CLOEXEC);
	off_t size = -1;
	bool ok = false;

	if (fd < 0)
		return false;
	if (seccomp_export_bpf(filter, fd) == 0)
		size = lseek(fd, 0, SEEK_END);
	if (size > 0 && size % (off_t)sizeof(struct sock_filter) == 0) {
		free(program.filter);
		program.filter = malloc((size_t)size);
		program.len = (unsigned short)((size_t)size / sizeof(struct sock_filter));
		ok = program.filter != NULL && pread(fd, program.filter, (size_t)size, 0) == size;
	}
	close(fd);
	return ok;
}

bool
bas_keeper_sandbox_prepare(struct ca_why *why)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	/* A tree: the kernel runs the whole of it once for each system call there is, at every
	 * start. */
	bool ok = filter != NULL && seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2) == 0 &&
		  allow_all(filter) && export_program(filter);

	seccomp_release(filter);
	return ok || ca_why_set(why, "the keepers' system call filter cannot be made");
}

static bool
limit(int resource, rlim_t most)
{
	struct rlimit old;

	if (getrlimit((__rlimit_resource_t)resource, &old) != 0)
		return false;
	if (old.rlim_max != RLIM_INFINITY && old.rlim_max < most)
		most = old.rlim_max;
	return setrlimit((__rlimit_resource_t)resource, &(struct rlimit){ most, most }) == 0;
}

bool
bas_keeper_sandbox_enter(unsigned channels, struct ca_why *why)
{
	/* Runs of closed channels are still ending while new ones begin. */
	rlim_t descriptors = FDS_OWN + (rlim_t)channels * 2 * FDS_RUN;

	if (prctl(PR_SET_DUMPABLE, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    !limit(RLIMIT_CORE, 0) || !limit(RLIMIT_NPROC, 0) || !limit(RLIMIT_NOFILE, descriptors))
		return ca_why_set(why, "sandbox: %s", strerror(errno));
#ifndef __SANITIZE_ADDRESS__ /* whose own calls are not ours to list */
	if (program.filter == NULL ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0)
		return ca_why_set(why, "sandbox: %s", strerror(errno));
#endif
	return true;
}
