/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fence.c - the fences around clerk, nursery and listener: seccomp(2) by list, kill as the default,
 * and landlock(7).
 *
 * None can execute, connect, trace, or change who it is. A template's list holds what its children
 * do until theirs is loaded, and what they do then. The lists are what strace(1) sees while the
 * tests run, and what errors need.
 */
#include "bastion/fence.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "bastion/door.h"
#include "bastion/filter.h"
#include "bastion/keeper.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ALLOW(name)                    \
	{                              \
		.call = SCMP_SYS(name) \
	}
#define FCNTL(command)                                                                         \
	{                                                                                      \
		.call = SCMP_SYS(fcntl), .how = BAS_FILTER_EQUAL, .arg = 1, .value = (command) \
	}
#define PRCTL(option)                                                                         \
	{                                                                                     \
		.call = SCMP_SYS(prctl), .how = BAS_FILTER_EQUAL, .arg = 0, .value = (option) \
	}
#define TCP(option)                                                             \
	{                                                                       \
		.call = SCMP_SYS(setsockopt), .how = BAS_FILTER_PAIR, .arg = 1, \
		.value = IPPROTO_TCP, .next = (option)                          \
	}

/* fork(2), but no thread and no namespace. */
#define NO_FORK                                                                            \
	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_PTRACE | \
	    CLONE_PARENT | CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |   \
	    CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

/* What a template and its child do at a fork. */
static const struct bas_filter_rule forking[] = {
	{ .call = SCMP_SYS(clone), .how = BAS_FILTER_CLEAR, .arg = 0, .value = NO_FORK },
	ALLOW(wait4),
	ALLOW(set_robust_list),
	ALLOW(rt_sigprocmask),
	{ .call = SCMP_SYS(socketpair), .how = BAS_FILTER_EQUAL, .arg = 0, .value = AF_UNIX },
	ALLOW(prlimit64),
	PRCTL(PR_SET_NAME),
	PRCTL(PR_SET_DUMPABLE),
	PRCTL(PR_SET_NO_NEW_PRIVS),
	{ .call = SCMP_SYS(prctl),
	    .how = BAS_FILTER_PAIR,
	    .arg = 0,
	    .value = PR_SET_SECCOMP,
	    .next = SECCOMP_MODE_FILTER },
};
static const struct bas_filter_list forking_list = BAS_FILTER_LIST(forking);

bool
bas_fence_listener(struct ca_why *why)
{
	static const struct bas_filter_rule own[] = {
		ALLOW(accept4),
		ALLOW(pipe2),
		/* doors that share a layout which was crashed */
		{ .call = SCMP_SYS(kill), .how = BAS_FILTER_EQUAL, .arg = 1, .value = SIGKILL },
		/* a door before its own list */
		ALLOW(close_range),
		ALLOW(dup2),
		TCP(TCP_NODELAY),
		TCP(TCP_KEEPIDLE),
		TCP(TCP_KEEPINTVL),
		TCP(TCP_KEEPCNT),
		{ .call = SCMP_SYS(setsockopt),
		    .how = BAS_FILTER_PAIR,
		    .arg = 1,
		    .value = SOL_SOCKET,
		    .next = SO_KEEPALIVE },
	};
	const struct bas_filter_list lists[] = { bas_filter_basics, bas_door_calls, bas_door_denied,
		forking_list, BAS_FILTER_LIST(own) };
	struct bas_filter filter;
	bool ok;

	if (!bas_filter_init(&filter, lists, COUNT(lists), why))
		return false;
	ok = bas_files_keep(-1, false, why) && bas_filter_load(&filter, why);
	bas_filter_clear(&filter);
	return ok;
}

bool
bas_fence_nursery(int recordings, struct ca_why *why)
{
	static const struct bas_filter_rule own[] = {
		ALLOW(rt_sigaction), /* a keeper before its own list */
	};
	const struct bas_filter_list lists[] = { bas_filter_basics, bas_keeper_calls, forking_list,
		BAS_FILTER_LIST(own) };
	struct bas_filter filter;
	bool ok;

	if (!bas_filter_init(&filter, lists, COUNT(lists), why))
		return false;
	ok = bas_files_keep(recordings, true, why) && bas_filter_load(&filter, why);
	bas_filter_clear(&filter);
	return ok;
}

/* No Landlock: a reload may name a revocation list in any folder. */
bool
bas_fence_clerk(struct ca_why *why)
{
	static const struct bas_filter_rule own[] = {
		ALLOW(epoll_wait),
		ALLOW(epoll_pwait),
		ALLOW(epoll_ctl),
		/* who asks at the control socket */
		ALLOW(accept4),
		ALLOW(recvfrom),
		ALLOW(sendto),
		{ .call = SCMP_SYS(getsockopt),
		    .how = BAS_FILTER_PAIR,
		    .arg = 1,
		    .value = SOL_SOCKET,
		    .next = SO_PEERCRED },
		/* the log, the clock's mark, recordings to recover, the revocation list */
		ALLOW(openat),
		ALLOW(fstat),
		ALLOW(newfstatat),
		ALLOW(lseek),
		ALLOW(pread64),
		ALLOW(pwrite64),
		ALLOW(fsync),
		ALLOW(fdatasync),
		ALLOW(ftruncate),
		ALLOW(fchmod),
		ALLOW(rename),
		ALLOW(renameat),
		ALLOW(renameat2),
		ALLOW(unlink),
		ALLOW(unlinkat),
		ALLOW(geteuid),
		ALLOW(memfd_create),
		FCNTL(F_GETFL),
		FCNTL(F_SETFL),
		FCNTL(F_DUPFD_CLOEXEC),
		FCNTL(F_OFD_SETLK),
		FCNTL(F_ADD_SEALS),
	};
	const struct bas_filter_list lists[] = { bas_filter_basics, BAS_FILTER_LIST(own) };
	struct bas_filter filter;
	bool ok;

	if (!bas_filter_init(&filter, lists, COUNT(lists), why))
		return false;
	ok = bas_filter_load(&filter, why);
	bas_filter_clear(&filter);
	return ok;
}
